"""Nothing is said outside: a name server and the wire are watched while the app and the command line work."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

from tests.helpers.network_of_its_own import SENT, said_outside, unshare
from tests.helpers.scripted_model import model_server, says

ARTICLE = "# The lighthouse\n\nThe lighthouse of Port Ellery was built in 1871 by Agnes Thorburn.\n"
QUESTION = "When was the lighthouse of Port Ellery built?"
BUILT = "built in 1871 by Agnes Thorburn"
SCENARIOS = ("looks_up_and_sends", "command_line", "app", "app_open_to_the_network")
ASKED_TO = {
    "CHROMA_OTEL_COLLECTION_ENDPOINT": "http://collector.test:4317",
    "CHROMA_OTEL_GRANULARITY": "all",
    "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector.test:4318",
    "LANGSMITH_TRACING": "true",
    "LANGSMITH_API_KEY": "ls-key",
}
"""Variables of other programs, by which packages that Footnote uses would send what it does elsewhere."""
REPORT_SECONDS = 10
"""ONNX Runtime looks its maker's host up within this time after its import."""


@dataclass(frozen=True)
class Watched:
    """What a scenario said outside, and the files that it left in its new home."""

    said: list[str]
    left: list[str]


def watch(scenario: str, folder: Path) -> Watched:
    """Run a function of this file in a namespace."""
    (folder / "corpus").mkdir(parents=True)
    (folder / "lighthouse.md").write_text(ARTICLE)
    command = (sys.executable, "-c", f"import test_said_outside; test_said_outside.{scenario}()")
    places = {"FOOTNOTE_DATA_DIR": str(folder / "data"), "FOOTNOTE_CORPUS_DIR": str(folder / "corpus")}
    said = said_outside(command, folder, **places, **ASKED_TO)
    home = folder / "home"
    return Watched(said, [str(path.relative_to(home)) for path in home.rglob("*") if path.is_file()])


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Watched]]:
    """All scenarios at once: what they do most of the time is wait for what may still be sent."""
    unshare()
    folder = tmp_path_factory.mktemp("watched")
    with ThreadPoolExecutor(len(SCENARIOS)) as threads:
        running = {name: threads.submit(watch, name, folder / name) for name in SCENARIOS}
        yield lambda name: running[name].result()


# ----------------------------------------------------------------------------------- scenarios


def looks_up_and_sends() -> None:
    with suppress(OSError):
        socket.getaddrinfo("articles.test", 80)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sending:
        sending.sendto(b"?", ("198.51.100.7", 53))
    subprocess.run([sys.executable, "-c", "import socket; socket.gethostbyname('child.test')"], stderr=-3)


def command_line() -> None:
    article = Path(os.environ["FOOTNOTE_DATA_DIR"]).with_name("lighthouse.md")
    with model_server([says(f"The lighthouse of Port Ellery was {BUILT} [1].")]) as model:
        os.environ |= {"OPENAI_API_KEY": "sk-1234567890abcdef", "OPENAI_BASE_URL": model.url}
        for arguments in (["add", str(article)], ["ask", QUESTION]):
            done = subprocess.run([sys.executable, "-m", "rag", *arguments], capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
        assert len(model.requests) == 1
    assert BUILT in done.stdout


def app() -> None:
    with served() as port, session(port, f"http://127.0.0.1:{port}") as browser:
        browser.send(message())
        box = next(filter(None, map(question_box, browser)))
        article = Path(os.environ["FOOTNOTE_DATA_DIR"]).with_name("lighthouse.md")
        article.rename(Path(os.environ["FOOTNOTE_CORPUS_DIR"]) / article.name)
        browser.send(message(box, QUESTION))
        while not answers(browser, seconds=3):  # it isn't read yet
            browser.send(message(box, QUESTION))
        time.sleep(REPORT_SECONDS)


def app_open_to_the_network() -> None:
    with served("--server.address", "0.0.0.0") as port:
        with suppress(WebSocketException), session(port, "http://elsewhere.test"):
            pass
        time.sleep(2)


@contextmanager
def served(*options: str) -> Iterator[int]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port), *options]
    server = subprocess.Popen(command)
    try:
        yield port
    finally:
        server.terminate()
        server.wait(20)


def session(port: int, origin: str) -> ClientConnection:
    """Open the app as a browser does that shows a page of this origin."""
    end = time.monotonic() + 60
    while True:
        try:
            return connect(
                f"ws://127.0.0.1:{port}/_stcore/stream",
                origin=Origin(origin), subprotocols=[Subprotocol("streamlit")], max_size=None,
            )  # fmt: skip
        except ConnectionRefusedError:
            assert time.monotonic() < end
            time.sleep(0.1)


def message(box: str = "", typed: str = "") -> bytes:
    """Return what a browser sends to have the page drawn, with something typed into its box."""
    message = BackMsg()
    message.rerun_script.query_string = ""
    if box:
        state = message.rerun_script.widget_states.widgets.add(id=box)
        state.chat_input_value.data = typed
    return message.SerializeToString()


def question_box(received: str | bytes) -> str:
    assert isinstance(received, bytes)
    return ForwardMsg.FromString(received).delta.new_element.chat_input.id


def answers(browser: ClientConnection, seconds: float) -> bool:
    end = time.monotonic() + seconds
    with suppress(TimeoutError):
        while True:
            received = browser.recv(timeout=max(0, end - time.monotonic()))
            assert isinstance(received, bytes)
            if BUILT.encode() in received:
                return True
    return False


# --------------------------------------------------------------------------------------- tests


def test_what_is_looked_up_or_sent_elsewhere_is_seen(watched: Callable[[str], Watched]):
    assert watched("looks_up_and_sends").said == ["articles.test", "child.test", f"{SENT}198.51.100.7"]


@pytest.mark.parametrize("scenario", SCENARIOS[1:])
def test_adding_and_asking_says_nothing_outside_and_leaves_nothing_in_the_home(
    scenario: str, watched: Callable[[str], Watched]
):
    assert watched(scenario) == Watched([], [])
