"""What stands before the server: under which names it answers, whose pages, and what browsers let it do.

Every request is judged, whether it asks for a page, a file, an upload or a socket. A page of another site, of
another port of this computer, or under a name that only points here (DNS rebinding) gets nothing.
"""

from __future__ import annotations

import logging
import re
import socket
from base64 import b64encode
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

import streamlit
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rag.service import LOOPBACK

OTHER_NAME = (
    "Footnote does not answer under this name: if it is one of yours, start it with FOOTNOTE_HOSTS set."
)
OTHER_PAGE = "Footnote answers no page but its own."
NOT_HERE = "There is nothing here."
FAILED = "This request can't be answered."
_INLINE = re.compile(rb"<script>((?:[^<]|<(?!/?script\b))*+)</script>")
_INDEX = Path(streamlit.__file__).parent / "static" / "index.html"


def _inline_scripts() -> Iterator[str]:
    """Yield what names the scripts within Streamlit's page in a policy."""
    for script in _INLINE.findall(_INDEX.read_bytes()):
        yield f"'sha256-{b64encode(sha256(script).digest()).decode()}'"


_POLICY = {
    "default-src": "'self'",
    # Streamlit imports the scripts of a component, which our own views are, from a blob.
    "script-src": " ".join(["'self'", "blob:", *_inline_scripts()]),
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data: blob:",
    "font-src": "'self' data:",
    "object-src": "'none'",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-src": "'none'",
    "frame-ancestors": "'none'",
}
_HEADERS = {
    "content-security-policy": "; ".join(f"{name} {sources}" for name, sources in _POLICY.items()),
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
_USED = re.compile(r"/_stcore/(?:health|host-config|stream|upload_file/.+|bidi-components/.+)")
"""What the pages need of Streamlit's own addresses; its figures and its other doors stay closed."""
_STREAMLITS = re.compile(r"/(?:_stcore|auth|oauth2callback|component)(?:/.*)?", re.DOTALL)
"""Its own addresses, which come after a path of its setting if there is one."""
_PORTS = {"http": 80, "https": 443}

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Names:
    """The names under which the app answers.

    Attributes
    ----------
    further
        Names that were set, each with a port where a browser's address has one.
    is_open
        Whether other computers are answered too.
    """

    further: frozenset[str] = frozenset()
    is_open: bool = False

    @classmethod
    def of(cls, further: Iterable[str], address: str | None) -> Names:
        """Return the names of a server that listens at `address`."""
        return cls(frozenset(name.lower() for name in further), is_open_to_others(address))

    def has(self, host: str, reached_at: str) -> bool:
        """Whether a Host header names this server, which a connection has reached at an address of it."""
        name = _name(host)
        if name in LOOPBACK or name in map(_name, self.further):
            return True
        return self.is_open and name in (reached_at, *_own_names())

    def are_one(self, origin: str, host: str) -> bool:
        """Whether a page of this origin is one of ours, asked for by this Host header."""
        ours = _authority(origin)
        return bool(ours) and (
            ours == _authority(f"{urlsplit(origin).scheme}://{host}") or ours in self.further
        )


def is_open_to_others(address: str | None) -> bool:
    """Whether a server that listens at this address answers other computers too."""
    try:
        return not (address == "localhost" or ip_address(address or "::").is_loopback)
    except ValueError:  # a name, which may be anything
        return True


class Guard:
    """Lets nothing through but the app's own pages under its own names, and tells browsers to be strict."""

    def __init__(self, app: ASGIApp, names: Names) -> None:
        self._app = app
        self._names = names

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or refuse it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        answer = _Answer(send, is_socket=scope["type"] == "websocket")
        if refusal := self._refusal(scope):
            await answer.refuse(scope, receive, *refusal)
            return
        try:
            await self._app(self._as_same_origin(scope), receive, answer.send)
        except Exception as error:  # noqa: BLE001  # the front: one line in the log, and no trace for the asker
            log.warning(
                "a request of %r could not be answered: %s", scope["path"][:100], type(error).__name__
            )
            await answer.refuse(scope, receive, 500, FAILED)

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        headers = Headers(scope=scope)
        hosts, origins = headers.getlist("host"), headers.getlist("origin")
        if len(hosts) != 1 or not self._names.has(hosts[0], _reached_at(scope)):
            return 421, OTHER_NAME
        # A browser says with each socket whose page opens it.
        if len(origins) > 1 or (scope["type"] == "websocket" and not origins):
            return 403, OTHER_PAGE
        if not all(self._names.are_one(origin, hosts[0]) for origin in origins) or _is_of_other_site(headers):
            return 403, OTHER_PAGE
        return (404, NOT_HERE) if _is_closed(scope["path"]) else None

    def _as_same_origin(self, scope: Scope) -> Scope:
        """Return a request as if a proxy before us had kept the name that the browser uses.

        To judge another origin than the host Streamlit would ask the internet for this computer's address.
        """
        origin = Headers(scope=scope).get("origin")
        if not origin:
            return scope
        kept = [(name, value) for name, value in scope["headers"] if name != b"host"]
        return {**scope, "headers": [*kept, (b"host", urlsplit(origin).netloc.encode())]}


class _Answer:
    """What is sent back for one request."""

    def __init__(self, send: Send, *, is_socket: bool) -> None:
        self._send = send
        self._is_socket = is_socket
        self._is_begun = self._is_over = False

    async def send(self, message: Message) -> None:
        """Send a part of the answer, its head with the headers that browsers are strict by."""
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers[name] = value
        self._is_begun = True
        self._is_over = message["type"] == "websocket.close"
        await self._send(message)

    async def refuse(self, scope: Scope, receive: Receive, status: int, sentence: str) -> None:
        """Say in one sentence that this isn't answered, if nothing has been said yet."""
        if self._is_socket and not self._is_over:
            await self._send({"type": "websocket.close", "code": 1008, "reason": ""})
        elif not self._is_socket and not self._is_begun:
            await PlainTextResponse(sentence, status)(scope, receive, self.send)


def _is_of_other_site(headers: Headers) -> bool:
    """Whether a page of another site or port asks, and not somebody who follows a link to the app."""
    is_link = headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
    return headers.get("sec-fetch-site", "none") not in ("none", "same-origin") and not is_link


def _is_closed(path: str) -> bool:
    found = _STREAMLITS.search(path)
    return bool(found and found.end() == len(path) and not _USED.fullmatch(found[0]))


def _name(host: str) -> str:
    """Return a host's name without its port, in its one form; empty for what is none."""
    try:
        parts = urlsplit(f"//{host}")
        is_plain = parts.netloc == host and "@" not in host and (parts.port or 0) >= 0
    except ValueError:
        return ""
    return (parts.hostname or "").rstrip(".") if is_plain else ""


def _authority(origin: str) -> str:
    """Return the name of an origin, with its port where that isn't the usual one; empty for what is none."""
    try:
        parts = urlsplit(origin)
        port = parts.port
    except ValueError:
        return ""
    if parts.scheme not in _PORTS or not parts.hostname or "@" in parts.netloc:
        return ""
    name = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return name if port in (None, _PORTS[parts.scheme]) else f"{name}:{port}"


def _reached_at(scope: Scope) -> str:
    """Return the address of this computer to which a connection was made; empty where it isn't known."""
    try:
        address = ip_address((scope.get("server") or [""])[0])
    except ValueError:
        return ""
    return str(getattr(address, "ipv4_mapped", None) or address)


def _own_names() -> tuple[str, ...]:
    name = socket.gethostname().lower()
    return name, f"{name}.local"
