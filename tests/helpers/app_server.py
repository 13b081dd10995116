"""The app in a process of its own, for tests that look at it from outside."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.sync.client import ClientConnection, connect

ROOT = Path(__file__).parents[2]
ARTICLES = ["s-400-purchase.md", "f-16-sale.md", "kilogram-redefinition.txt", "panama-canal-drought.md"]


class Server:
    """The app in a process of its own, on a free port, with folders of its own."""

    def __init__(
        self, folder: Path, script: str = "app.py", options: Sequence[str] = (), **environment: str
    ) -> None:
        self.script, self.options, self.environment = script, options, environment
        self.data, self.corpus = folder / "data", folder / "corpus"
        self.corpus.mkdir()
        for name in ARTICLES:
            shutil.copy(ROOT / "corpus" / name, self.corpus / name)
        self.log_file = folder / "server.log"
        self.log = self.log_file.open("w")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("FOOTNOTE_", "OPENAI_"))}
        environment |= {"FOOTNOTE_DATA_DIR": str(self.data), "FOOTNOTE_CORPUS_DIR": str(self.corpus)}
        environment |= self.environment
        command = [sys.executable, "-m", "streamlit", "run", self.script, "--server.port", str(self.port)]
        command += self.options
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=self.log, stderr=subprocess.STDOUT
        )
        end = time.monotonic() + 60
        while time.monotonic() < end:
            try:
                with urllib.request.urlopen(f"{self.url}/_stcore/health"):
                    return
            except (urllib.error.URLError, ConnectionError):
                time.sleep(0.1)
        raise TimeoutError("the app did not start")

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(20)


def ask(server: Server, method: str, path: str, *headers: tuple[str, str], body: bytes = b"") -> tuple:
    """Ask with just these headers, and return the status, the headers and the body of the answer."""
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)) as connection:
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in headers:
            connection.putheader(name, value)
        if body or method == "PUT":
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()


def own(server: Server, method: str, path: str, *headers: tuple[str, str], body: bytes = b"") -> tuple:
    return ask(server, method, path, ("Host", f"127.0.0.1:{server.port}"), *headers, body=body)


def open_socket(server: Server, host: str, origin: str | None, **options: object) -> ClientConnection:
    """Open a socket to the server as a page of this origin does that knows it by this host."""
    made = socket.create_connection(("127.0.0.1", server.port), timeout=20)
    return connect(
        f"ws://{host}/_stcore/stream",
        sock=made,
        origin=origin,
        subprotocols=["streamlit"],
        max_size=None,
        **options,
    )


class Tab:
    """A page in a browser, as its socket knows it."""

    def __init__(self, server: Server, host: str = "", origin: str = "") -> None:
        host = host or f"127.0.0.1:{server.port}"
        self.socket: ClientConnection = open_socket(server, host, origin or f"http://{host}")
        self.session = ""
        self.pages = dict[str, str]()
        self.widgets = dict[str, str]()
        self.views = list[dict[str, Any]]()

    def __enter__(self) -> Tab:
        self.socket = self.socket.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def show(self, page: str = "", query: str = "", state: WidgetState | None = None) -> list[str]:
        """Have a page drawn, and return what of it is an error."""
        message = BackMsg()
        message.rerun_script.query_string = query
        message.rerun_script.page_script_hash = self.pages.get(page, "")
        message.rerun_script.widget_states.widgets.extend([state] if state else [])
        self.socket.send(message.SerializeToString())
        errors, begun = list[str](), False
        while True:
            told = ForwardMsg.FromString(self.socket.recv(timeout=20))
            kind = told.WhichOneof("type")
            if kind == "new_session":
                begun, self.session = True, told.new_session.initialize.session_id
                self.pages = {one.url_pathname: one.page_script_hash for one in told.new_session.app_pages}
            elif kind == "delta" and told.delta.WhichOneof("type") == "new_element":
                errors += self._look(told.delta.new_element)
            elif kind == "script_finished" and begun:
                return errors

    def _look(self, element) -> list[str]:
        kind = element.WhichOneof("type")
        part = getattr(element, kind)
        if getattr(part, "id", ""):
            self.widgets[part.id] = kind
        if kind == "bidi_component":
            self.views.append(json.loads(part.json))
        if kind == "exception":
            return [part.message]
        return [part.json] if kind == "bidi_component" and "went wrong on our side" in part.json else []
