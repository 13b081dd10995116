"""Limits on what a server may take of us: how long, how much, and for how long it may put us off."""

from __future__ import annotations

import math
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress

import httpx2

from rag.settings import is_on_this_computer

_CONNECT_SECONDS = 5.0
_MOST_BYTES = 64 * 1024 * 1024
"""More than any batch of vectors is, and little enough to hold."""


class Allowance:
    """What a server may take of us for one answer, however steadily it drips.

    Parameters
    ----------
    most_bytes, most_pieces
        How much, and in how many parts: each costs its time whatever is in it.
    until
        When it must have come, as `time.monotonic` tells it.
    too_late, too_much
        What is raised otherwise.
    """

    def __init__(
        self,
        most_bytes: float,
        *,
        most_pieces: float = math.inf,
        until: float = math.inf,
        too_late: type[Exception] = httpx2.ReadTimeout,
        too_much: type[Exception] = httpx2.ReadError,
    ) -> None:
        self.until = until
        self._bytes_left = most_bytes
        self._pieces_left = most_pieces
        self._too_late = too_late
        self._too_much = too_much

    @property
    def seconds(self) -> float:
        """The seconds that are left, more than none."""
        left = self.until - time.monotonic()
        if left <= 0:
            raise self._too_late("the time is over")
        return left

    def grow(self, more_bytes: int) -> None:
        """Allow so many bytes more."""
        self._bytes_left += more_bytes

    def take(self, piece: bytes) -> bytes:
        """Return what has come, if that was neither too late nor too much."""
        self._bytes_left -= len(piece)
        self._pieces_left -= 1
        if time.monotonic() > self.until:
            raise self._too_late("the time is over")
        if min(self._bytes_left, self._pieces_left) < 0:
            raise self._too_much("more than an answer needs")
        return piece


class BoundedStream(httpx2.SyncByteStream, httpx2.AsyncByteStream):
    """A body of which everything together must keep within an allowance."""

    def __init__(self, stream: httpx2.SyncByteStream | httpx2.AsyncByteStream, allowance: Allowance) -> None:
        self._stream = stream
        self._allowance = allowance

    def __iter__(self) -> Iterator[bytes]:
        assert isinstance(self._stream, httpx2.SyncByteStream)
        return map(self._allowance.take, self._stream)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        assert isinstance(self._stream, httpx2.AsyncByteStream)
        async for piece in self._stream:
            yield self._allowance.take(piece)

    def close(self) -> None:
        """Close the connection."""
        assert isinstance(self._stream, httpx2.SyncByteStream)
        self._stream.close()

    async def aclose(self) -> None:
        """Close the connection."""
        assert isinstance(self._stream, httpx2.AsyncByteStream)
        await self._stream.aclose()


def limited_client(url: str, total_seconds: float, put_off_seconds: float) -> httpx2.Client:
    """Return an HTTP client for `openai` whose answers are whole within a time, or fail.

    Parameters
    ----------
    url
        Where it is to ask; a proxy of the environment is for what isn't on this machine.
    total_seconds
        How long an answer may be waited for, and how long it may then take to come.
    put_off_seconds
        How long a server may ask to wait (Retry-After) before the same is sent once more. One that asks
        for longer is not tried again.
    """

    # The client takes half a second to import, and is for endpoints alone.
    from openai import DefaultHttpxClient

    def limit(response: httpx2.Response) -> None:
        until = time.monotonic() + total_seconds
        allowance = Allowance(_MOST_BYTES, until=until, too_much=httpx2.ReadTimeout)
        response.stream = BoundedStream(response.stream, allowance)
        wait = response.headers.get("retry-after")
        if wait is not None and not _is_short(wait, put_off_seconds):
            # `openai` waits up to two minutes, and heeds this before it looks at the status.
            response.headers["x-should-retry"] = "false"

    return DefaultHttpxClient(
        timeout=httpx2.Timeout(total_seconds, connect=_CONNECT_SECONDS),
        event_hooks={"response": [limit]},
        trust_env=not is_on_this_computer(url),
        # `openai` would follow, and send the texts to whatever server it is pointed to.
        follow_redirects=False,
    )


def _is_short(wait: str, most_seconds: float) -> bool:
    with suppress(ValueError):  # a date
        return float(wait) <= most_seconds
    return False
