"""A web of its own for tests: a server on this computer, and names that lead to it."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from rag.web.addresses import is_public
from rag.web.fetching import Network

CERTIFICATE = Path(__file__).parents[1] / "data" / "tls" / "certificate.pem"
_KEY = CERTIFICATE.with_name("key.pem")
Answer = Callable[[BaseHTTPRequestHandler], None]


class Web:
    """Answers by path; ``names`` are the hosts that there are, ``asked`` the requests that came."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.answers: dict[str, Answer] = {}
        self.names = {"articles.test": ["127.0.0.1"]}
        self.resolved: list[str] = []
        self.asked: list[tuple[str, str]] = []
        # Only this server's own address is let through besides the public ones.
        self.network = Network(resolve=self._resolve, is_allowed=self._is_allowed, timeout_seconds=5)

    def _resolve(self, host: str, timeout_seconds: float) -> list[str]:
        self.resolved.append(host)
        if host not in self.names:
            raise OSError("no such name")
        return self.names[host]

    @staticmethod
    def _is_allowed(address: str) -> bool:
        return address == "127.0.0.1" or is_public(address)

    def url(self, path: str, host: str = "articles.test", scheme: str = "http") -> str:
        return f"{scheme}://{host}:{self.port}{path}"

    def page(
        self, path: str, body: bytes | str, kind: str = "text/html; charset=utf-8", **headers: str
    ) -> str:
        """Let `path` give this content, and return its address."""
        data = body.encode() if isinstance(body, str) else body

        def answer(request: BaseHTTPRequestHandler) -> None:
            request.send_response(200)
            for name, value in {"Content-Type": kind, "Content-Length": str(len(data)), **headers}.items():
                request.send_header(name.replace("_", "-"), value)
            request.end_headers()
            request.wfile.write(data)

        self.answers[path] = answer
        return self.url(path)

    def status(self, path: str, status: int, location: str = "") -> str:
        """Let `path` give a status, and return its address."""

        def answer(request: BaseHTTPRequestHandler) -> None:
            request.send_response(status)
            if location:
                request.send_header("Location", location)
            request.send_header("Content-Length", "0")
            request.end_headers()

        self.answers[path] = answer
        return self.url(path)


@contextmanager
def serve(*, tls: bool = False) -> Iterator[Web]:
    """Run a server with nothing on it."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            web.asked.append((self.headers["Host"], self.path))
            with suppress(OSError):  # the reader has had enough
                web.answers[self.path](self)

        def log_message(self, format: str, *args: object) -> None: ...

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: object, client_address: object) -> None: ...

    server = Server(("127.0.0.1", 0), Handler)
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(CERTIFICATE, _KEY)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    web = Web(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield web
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def nobody_knocks() -> Iterator[str]:
    """Give the address of a server, and fail at the end if anybody has connected to it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(BlockingIOError):
            server.accept()
