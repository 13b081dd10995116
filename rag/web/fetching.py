"""Fetching a page: from public addresses only, over connections to the very address that was checked.

A host is looked up once for each connection. All its addresses must be public, and the connection goes
to one of these, so that a name which gives another answer at a second look-up gains nothing; TLS still
verifies the host's name. The same holds after each redirect. Proxies that the environment names are
not used: a proxy would look the host up once more, and connect to what it finds.
"""

from __future__ import annotations

import math
import re
import ssl
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import httpcore2
from httpx2 import URL, Headers, InvalidURL

from rag.embedding.http_limits import Allowance
from rag.errors import LoadError
from rag.loading.formats import Unreadable
from rag.web.addresses import is_elsewhere, resolve, shown_address, web_address

_HEADERS = (
    ("User-Agent", "Mozilla/5.0 (compatible; Footnote)"),
    ("Accept", "text/html, application/xhtml+xml, text/plain, text/markdown, application/pdf, */*;q=0.5"),
    ("Accept-Encoding", "gzip"),
    ("Accept-Language", "*"),
)
_REDIRECTS = (301, 302, 303, 307, 308)
_HEAD_BYTES = 512 * 1024
"""For the headers of an answer, with all the interim ones before it: some thousand lines."""
_MOST_READS = 20_000
_MOST_PIECES = 50_000
"""Each costs its time whatever is in it: sent byte by byte, a page would keep a core busy for all of it."""
_GZIP = b"\x1f\x8b"
_MOST_MEMBERS = 1_000
_TYPE_CHARACTERS = 300
_CHARSET = re.compile(r";\s*charset\s*=\s*[\"']?([\w.:+-]{1,40})", re.IGNORECASE)
_SAVE_IT = "save the page in a browser and add the file"


@dataclass(frozen=True, slots=True)
class Network:
    """The way to the web and its limits.

    Footnote has one, `PUBLIC`, of which a setting changes only the ports; tests, whose servers are on this
    computer, pass their own.

    Parameters
    ----------
    resolve
        Host and seconds -> its addresses; OSError where there are none.
    is_allowed
        Whether an address may be connected to.
    high_ports
        Whether ports above 1024 are asked too, and not only those of the web, 80 and 443.
    tls
        How certificates are verified; by those that the system trusts, if left out.
    timeout_seconds
        For everything together, redirects included.
    max_bytes
        The largest content, after decompression.
    max_redirects
        How often a server may point elsewhere.
    """

    resolve: Callable[[str, float], Sequence[str]] = resolve
    is_allowed: Callable[[str], bool] = is_elsewhere
    high_ports: bool = True
    tls: ssl.SSLContext | None = None
    timeout_seconds: float = 20.0
    max_bytes: int = 10 * 1024 * 1024
    max_redirects: int = 5


PUBLIC = Network(high_ports=False)
"""The public internet."""
_PORTS = (80, 443)
_SYSTEM_PORTS = 1024
"""Below are mail, remote control and whatever else isn't the web."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """What an address gave: ``url`` is where it was found in the end, ``media_type`` as "text/html"."""

    url: str
    media_type: str
    charset: str
    data: bytes


def fetch(address: str, network: Network = PUBLIC) -> Fetched:
    """Fetch a page.

    Raises
    ------
    LoadError
        It can't be had, is not on the public internet, is too large or takes too long.
    """
    url = web_address(address)
    try:
        return _fetched(url, network)
    except Unreadable as error:
        name = shown_address(str(url))
        raise LoadError(name, f"{name} {error}.") from error


def _fetched(url: URL, network: Network) -> Fetched:
    backend = _CheckedConnections(network)
    for _ in range(network.max_redirects + 1):
        with _in_words(network), _get(url, backend) as response:
            headers = Headers(response.headers)
            if response.status not in _REDIRECTS:
                _check_status(response.status)
                backend.allowance.grow(2 * network.max_bytes)
                pieces = Allowance(math.inf, most_pieces=_MOST_PIECES, too_much=httpcore2.RemoteProtocolError)
                body = map(pieces.take, response.iter_stream())
                return _read(url, headers, body, network.max_bytes)
            url = _target(url, headers.get("location", ""))
    raise Unreadable(f"redirects more than {network.max_redirects} times: {_SAVE_IT}")


@contextmanager
def _get(url: URL, backend: _CheckedConnections) -> Iterator[httpcore2.Response]:
    target = httpcore2.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
    headers = [("Host", url.netloc.decode("ascii")), *_HEADERS]
    backend.allowance = _allowance(backend.allowance.until)
    # A pool for each request, so that no connection verified for one host serves another.
    with httpcore2.ConnectionPool(backend.network.tls, network_backend=backend) as pool:
        with pool.stream("GET", target, headers=headers) as response:
            yield response


def _target(url: URL, location: str) -> URL:
    if not location:
        raise Unreadable("redirects to nowhere: check the address")
    try:
        return web_address(str(url.join(location)))
    except (LoadError, InvalidURL, ValueError) as error:
        raise Unreadable("redirects to what is no web address: check the address") from error


def _check_status(status: int) -> None:
    if status in (404, 410):
        raise Unreadable(f"leads to no page (HTTP {status}): check the address")
    if status in (401, 402, 403, 407, 451):
        raise Unreadable(f"is not shown to programs or without a sign-in (HTTP {status}): {_SAVE_IT}")
    if status == 429:
        raise Unreadable(f"is asked for too often (HTTP {status}): try again later")
    if status >= 500:
        raise Unreadable(f"has a server that fails (HTTP {status}): try again later")
    if not 200 <= status < 300:
        raise Unreadable(f"gave no page (HTTP {status}): {_SAVE_IT}")


# --------------------------------------------------------------------------- what is in the answer


def _read(url: URL, headers: Headers, body: Iterable[bytes], max_bytes: int) -> Fetched:
    form = headers.get("content-encoding", "identity").strip().lower()
    if form in ("gzip", "x-gzip"):
        body = _unpacked(body, max_bytes)
    elif form not in ("", "identity"):
        raise Unreadable(f"is sent in a form that was not asked for ({form[:20]}): {_SAVE_IT}")
    data = bytearray()
    for piece in body:
        data += piece
        if len(data) > max_bytes:
            raise _too_large(max_bytes)
    return Fetched(str(url), *_told(headers.get("content-type", "")), bytes(data))


def _told(content_type: str) -> tuple[str, str]:
    """Return the media type and the encoding of a Content-Type, "" for what it doesn't tell."""
    media_type, _, parameters = content_type[:_TYPE_CHARACTERS].partition(";")
    charset = _CHARSET.search(f";{parameters}")
    media_type = media_type.strip().lower()
    # What is none is a text, as RFC 2045 (5.2) has it.
    media_type = media_type if media_type.count("/") == 1 or not content_type.strip() else "text/plain"
    return media_type, charset[1].lower() if charset else ""


def _unpacked(body: Iterable[bytes], max_bytes: int) -> Iterator[bytes]:
    """Unpack gzip piece by piece, never more than the limit at once: a bomb ends there."""
    member, members, packed_bytes = _member(), 1, 0
    try:
        for piece in body:
            packed_bytes += len(piece)
            if packed_bytes > max_bytes:
                raise _too_large(max_bytes)
            while piece:
                if member.eof:
                    # One member may follow another, and is read as one with it; other things don't count.
                    if not _GZIP.startswith(piece[:2]):
                        return
                    if members == _MOST_MEMBERS:
                        raise zlib.error("too many members")
                    member, members = _member(), members + 1
                yield member.decompress(piece, max_bytes + 1)
                piece = member.unused_data
    except zlib.error as error:
        raise Unreadable("came damaged: try again later") from error
    if packed_bytes and not member.eof:
        raise Unreadable("broke off before its end: try again later")


def _member() -> zlib._Decompress:
    return zlib.decompressobj(zlib.MAX_WBITS | 16)


def _too_large(max_bytes: int) -> Unreadable:
    limit = f"{max_bytes / 1024**2:.0f} MB" if max_bytes >= 1024**2 else f"{max_bytes:,} bytes"
    return Unreadable(f"is larger than {limit}, the most that is fetched: {_SAVE_IT}")


@contextmanager
def _in_words(network: Network) -> Iterator[None]:
    try:
        yield
    except httpcore2.TimeoutException as error:
        seconds = f"{network.timeout_seconds:g} seconds"
        raise Unreadable(f"took longer than {seconds}: try again later, or {_SAVE_IT}") from error
    except _UntrustedError as error:
        reason = "has no certificate that can be trusted: check the address, or"
        raise Unreadable(f"{reason} {_SAVE_IT}") from error
    except httpcore2.NetworkError as error:
        reason = "can't be reached: check the address and the network (a proxy is not used), or try later"
        raise Unreadable(reason) from error
    except (httpcore2.ProtocolError, httpcore2.UnsupportedProtocol) as error:
        raise Unreadable(f"gave no proper answer: check the address, or {_SAVE_IT}") from error


# ------------------------------------------------------------------------------------ connections


class _UntrustedError(httpcore2.ConnectError):
    """The other side can't prove that it is the host."""


class _CheckedConnections(httpcore2.NetworkBackend):
    """Looks a host up once, checks all its addresses, and connects to one of them."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.allowance = _allowance(time.monotonic() + network.timeout_seconds)
        self._sockets = httpcore2.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        """Connect to the first address of `host` that answers."""
        addresses = self._checked(host)
        self._check_port(port)
        for index, address in enumerate(addresses):
            share = self.allowance.seconds / (len(addresses) - index)
            try:
                stream = self._sockets.connect_tcp(address, port, share, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
                if index == len(addresses) - 1:
                    raise
            else:
                return _LimitedStream(stream, self.allowance)
        raise httpcore2.ConnectError("the host has no address")

    def _check_port(self, port: int) -> None:
        if port in _PORTS or (port > _SYSTEM_PORTS and self.network.high_ports):
            return
        advice = "set FOOTNOTE_WEB_HIGH_PORTS=true, or " if port > _SYSTEM_PORTS else ""
        reason = f"leads to port {port}, and only those of the web are asked, 80 and 443"
        raise Unreadable(f"{reason}: {advice}{_SAVE_IT}")

    def _checked(self, host: str) -> Sequence[str]:
        try:
            addresses = self.network.resolve(host, self.allowance.seconds)
        except TimeoutError as error:
            raise httpcore2.ConnectTimeout(str(error)) from error
        except OSError as error:
            reason = f"can't be found, there is no server named {shown_address(host)}"
            raise Unreadable(f"{reason}: check the address") from error
        if not all(map(self.network.is_allowed, addresses)):
            reason = "leads to an address that is not on the public internet, and only those are read"
            raise Unreadable(f"{reason}: {_SAVE_IT}")
        return addresses


def _allowance(until: float) -> Allowance:
    """Return what a server may take of us for the headers of one answer; more is allowed for its body."""
    return Allowance(
        _HEAD_BYTES,
        most_pieces=_MOST_READS,
        until=until,
        too_late=httpcore2.ReadTimeout,
        too_much=httpcore2.RemoteProtocolError,
    )


class _LimitedStream(httpcore2.NetworkStream):
    """A connection of which everything together must keep within an allowance."""

    def __init__(self, stream: httpcore2.NetworkStream, allowance: Allowance) -> None:
        self._stream = stream
        self._allowance = allowance

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Read up to so many bytes."""
        return self._allowance.take(self._stream.read(max_bytes, self._allowance.seconds))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Write all of the buffer."""
        self._stream.write(buffer, self._allowance.seconds)

    def close(self) -> None:
        """Close the connection."""
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore2.NetworkStream:
        """Go on encrypted, with the host's name verified."""
        try:
            stream = self._stream.start_tls(ssl_context, server_hostname, self._allowance.seconds)
        except httpcore2.ConnectError as error:
            # Told apart here, since the pool drops an error's cause.
            if isinstance(error.__cause__, ssl.SSLError):
                raise _UntrustedError(str(error)) from error
            raise
        return _LimitedStream(stream, self._allowance)

    def get_extra_info(self, info: str) -> object:
        """Return what is known of the connection under a name."""
        return self._stream.get_extra_info(info)
