"""An OpenAI-compatible endpoint on loopback that answers as a test tells it: a real server, by real HTTP."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Act = Callable[["Connection"], None]


class Connection(BaseHTTPRequestHandler):
    """One request; what is done with it is an `Act`."""

    server: Model

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.requests.append(json.loads(body))
        self.server.keys.append(self.headers.get("Authorization", ""))
        act = self.server.next_act()
        self.close_connection = True
        try:
            with suppress(BrokenPipeError, ConnectionResetError):
                act(self)
        finally:
            self.server.ended.set()

    def begin(self, status: int = 200, kind: str = "text/event-stream", **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def write(self, text: str) -> None:
        self.wfile.write(text.encode())
        self.wfile.flush()

    def event(self, data: Any) -> None:
        self.write(f"data: {data if isinstance(data, str) else json.dumps(data)}\n\n")

    def piece(self, text: str, **choice: Any) -> None:
        self.event(chunk(choices=[{"index": 0, "delta": {"content": text}, "finish_reason": None, **choice}]))

    def end(self, reason: str = "stop") -> None:
        self.piece("", finish_reason=reason)
        self.event(
            chunk(choices=[], usage={"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120})
        )
        self.event("[DONE]")

    def log_message(self, *_: Any) -> None:
        pass


class Model(ThreadingHTTPServer):
    """The server: ``acts`` are done in order, one a request, and the last again and again."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Connection)
        self.acts: list[Act] = [says("Nothing was scripted.")]
        self.requests: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self.ended = threading.Event()
        self._number = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"

    @property
    def prompts(self) -> list[str]:
        """The text of each request's last message."""
        return [request["messages"][-1]["content"] for request in self.requests]

    def script(self, *acts: Act) -> None:
        self.acts, self._number = list(acts), 0
        self.requests.clear()

    def next_act(self) -> Act:
        act = self.acts[min(self._number, len(self.acts) - 1)]
        self._number += 1
        return act

    def handle_error(self, *_: Any) -> None:
        pass


def chunk(**fields: Any) -> dict[str, Any]:
    return {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "scripted", **fields}


def says(text: str, *, size: int = 7, reason: str = "stop", pause_seconds: float = 0.0) -> Act:
    """Stream a text in pieces of ``size`` characters."""

    def act(connection: Connection) -> None:
        connection.begin()
        connection.piece("", delta={"role": "assistant", "content": ""})
        for start in range(0, len(text), size):
            connection.piece(text[start : start + size])
            time.sleep(pause_seconds)
        connection.end(reason)

    return act


def refuses(
    status: int, message: str = "no", code: str | None = None, param: str | None = None, **headers: str
) -> Act:
    """Answer with an error."""

    def act(connection: Connection) -> None:
        connection.begin(status, "application/json", **headers)
        connection.write(
            json.dumps({"error": {"message": message, "type": "error", "code": code, "param": param}})
        )

    return act


def sends(*parts: str | float, kind: str = "text/event-stream") -> Act:
    """Write texts as they are; a number is a pause in seconds."""

    def act(connection: Connection) -> None:
        connection.begin(kind=kind)
        for part in parts:
            time.sleep(part) if isinstance(part, float) else connection.write(part)

    return act


def breaks_off(text: str) -> Act:
    """Stream a text and close the connection without an end."""

    def act(connection: Connection) -> None:
        connection.begin(Content_Length="1000000")
        for start in range(0, len(text), 7):
            connection.piece(text[start : start + 7])

    return act


def pauses(before: str, seconds: float) -> Act:
    """Stream a text and then nothing for so long."""

    def act(connection: Connection) -> None:
        connection.begin()
        if before:
            connection.piece(before)
        ready = time.monotonic() + seconds
        while time.monotonic() < ready:
            time.sleep(0.02)
            connection.write(": still here\n\n")
        connection.end()

    return act


def goes_on(text: str, most_seconds: float = 30.0) -> Act:
    """Stream a text again and again, whatever limit was asked for."""

    def act(connection: Connection) -> None:
        connection.begin()
        until = time.monotonic() + most_seconds
        while time.monotonic() < until:
            connection.piece(text)

    return act


def floods(part: bytes, beginning: bytes = b"", most_seconds: float = 10.0) -> Act:
    """Write the same bytes again and again as fast as they are taken."""

    def act(connection: Connection) -> None:
        connection.wfile.write(beginning)
        until = time.monotonic() + most_seconds
        while time.monotonic() < until:
            connection.wfile.write(part)

    return act


@contextmanager
def model_server(acts: Sequence[Act] = ()) -> Iterator[Model]:
    """Serve until the block ends."""
    with Model() as server:
        if acts:
            server.script(*acts)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
