"""Variables of LangSmith in the environment send nothing; what a caller asks for by name is traced."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from langchain_core.tracers.langchain import LangChainTracer, wait_for_all_tracers
from langsmith import Client

from rag import Answer, Assistant, Library, NewDocument, Settings
from tests.conftest import ROOT, BagOfWords
from tests.helpers.scripted_model import model_server, says

TEXT = "The harbour bridge was opened on 5 March 2024."
QUESTION = "When was the harbour bridge opened?"
KEY = "ls-1234567890abcdef"


@contextmanager
def langsmith() -> Iterator[tuple[str, list[str]]]:
    """Serve what takes runs as LangSmith does; give its address and the paths that were asked."""
    asked = list[str]()

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"{}")

        do_GET = do_POST = do_PATCH = _answer

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()


@contextmanager
def assistant(**told: str) -> Iterator[tuple[Assistant, Library]]:
    with tempfile.TemporaryDirectory() as folder, model_server([says(f"{TEXT[:-1]} [1].")]) as model:
        settings = Settings.from_env({"FOOTNOTE_DATA_DIR": folder, "OPENAI_BASE_URL": model.url, **told})
        with Library.open(settings, BagOfWords(), follow=False) as library:
            library.add([NewDocument(TEXT, title="The bridge")])
            yield Assistant(library, settings), library
            assert model.requests


def ask_in_every_way(**told: str) -> None:
    with assistant(**told) as (asked, library):
        chain, retriever = asked.as_runnable(), library.as_retriever()

        async def later() -> None:
            await chain.ainvoke(QUESTION)
            assert [type(step) async for step in chain.astream(QUESTION)] == [Answer]
            await chain.abatch([QUESTION])
            await retriever.ainvoke(QUESTION)

        answers = [asked.ask(QUESTION), chain.invoke(QUESTION), *chain.batch([QUESTION])]
        assert all(answer.mode == "generate" for answer in answers), answers
        assert list(chain.stream(QUESTION))
        retriever.invoke(QUESTION)
        asyncio.run(later())
    wait_for_all_tracers()


def ask_with_a_tracer(url: str) -> None:
    with assistant() as (asked, _):
        client = Client(api_url=url, api_key=KEY)
        asked.as_runnable().invoke(QUESTION, {"callbacks": [LangChainTracer(client=client)]})
        client.flush()


def ask() -> None:
    """Ask in three ways, and print after each how often LangSmith was asked."""
    with langsmith() as (url, asked):
        for name in ("LANGSMITH", "LANGCHAIN"):
            variables = {"TRACING": "true", "TRACING_V2": "true", "API_KEY": KEY, "ENDPOINT": url}
            os.environ |= {f"{name}_{variable}": value for variable, value in variables.items()}
        del os.environ["LANGCHAIN_TRACING"]  # of a version that is gone, and an error
        for way in (ask_in_every_way, lambda: ask_with_a_tracer(url), lambda: ask_in_every_way(**ON)):
            way()
            print(len(asked), flush=True)


ON = {"FOOTNOTE_TRACING": "true"}


def test_langsmith_is_told_nothing_by_the_environment_alone():
    command = [sys.executable, "-c", "from tests.writing.test_tracing import ask; ask()"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")])}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    by_the_environment, with_a_callers_tracer, with_our_setting = map(int, done.stdout.split())
    assert by_the_environment == 0
    assert 0 < with_a_callers_tracer < with_our_setting
