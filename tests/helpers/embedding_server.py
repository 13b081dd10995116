"""An OpenAI-compatible endpoint for embeddings on loopback: a real server, by real HTTP."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.conftest import BagOfWords

BAG = BagOfWords()
Act = Callable[["Connection"], None]


class Connection(BaseHTTPRequestHandler):
    """One request, with its ``texts``; what is done with it is an `Act`."""

    server: Server
    texts: list[str]

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.texts = request["input"]
        self.server.requests.append(request)
        self.server.keys.append(self.headers.get("Authorization", ""))
        self.close_connection = True
        with suppress(BrokenPipeError, ConnectionResetError):
            self.server.act(self)

    def answer(self, content: str | bytes, status: int = 200, kind: str = "application/json", **headers: str):
        data = content.encode() if isinstance(content, str) else content
        self.send_response(status)
        self.send_header("Content-Type", kind)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        pass


class Server(ThreadingHTTPServer):
    """The server; it gives three times the vectors of `BagOfWords` unless ``act`` is another."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Connection)
        self.act: Act = gives_vectors
        self.requests: list[dict[str, Any]] = []
        self.keys: list[str] = []

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.server_port}"

    @property
    def url(self) -> str:
        return f"http://{self.host}/v1"

    @property
    def texts(self) -> list[str]:
        return [text for request in self.requests for text in request["input"]]

    def handle_error(self, *_: Any) -> None:
        pass


def vectors_of(texts: list[str]) -> list[list[float]]:
    return [(3 * BAG.embed_question(text)).tolist() for text in texts]


def body(vectors: list[Any]) -> str:
    data = [{"object": "embedding", "index": n, "embedding": vector} for n, vector in enumerate(vectors)]
    usage = {"prompt_tokens": 1, "total_tokens": 1}
    return json.dumps({"object": "list", "data": data, "model": "bag", "usage": usage})


def gives_vectors(connection: Connection) -> None:
    connection.answer(body(vectors_of(connection.texts)))


def gives(change: Callable[[list[list[float]]], list[Any]]) -> Act:
    """Give other vectors than those asked for."""
    return lambda connection: connection.answer(body(change(vectors_of(connection.texts))))


def refuses(status: int, message: str = "no", **headers: str) -> Act:
    """Answer with an error that quotes the key, as some servers do."""

    def act(connection: Connection) -> None:
        said = f"{message} ({connection.headers.get('Authorization')})"
        connection.answer(json.dumps({"error": {"message": said, "type": "error"}}), status, **headers)

    return act


def says(content: str, kind: str = "application/json") -> Act:
    """Answer with something else than vectors."""
    return lambda connection: connection.answer(content, kind=kind)


def breaks_off(connection: Connection) -> None:
    """Close the connection in the middle of an answer."""
    connection.answer(body(vectors_of(connection.texts))[:50], Content_Length="100000")


def waits(seconds: float) -> Act:
    """Say nothing for so long."""
    return lambda connection: time.sleep(seconds)


def drips(seconds: float) -> Act:
    """Send a space again and again for so long, and nothing else."""

    def act(connection: Connection) -> None:
        connection.answer(" ")
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            connection.wfile.write(b" ")
            connection.wfile.flush()
            time.sleep(0.02)

    return act


def pours(part: bytes, seconds: float, pause_seconds: float = 0.02) -> Act:
    """Send the same again and again for so long, in the place of an answer or of its headers."""

    def act(connection: Connection) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            connection.wfile.write(part)
            time.sleep(pause_seconds)

    return act


def drips_headers(connection: Connection) -> None:
    """Send one header after the other."""
    connection.wfile.write(b"HTTP/1.1 200 OK\r\n")
    pours(b"X-Header: a\r\n", 12)(connection)


@contextmanager
def embedding_server() -> Iterator[Server]:
    """Serve until the block ends."""
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
