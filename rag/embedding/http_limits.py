"""Limits on what an endpoint may take of us: how long, how much, and for how long it may put us off.

Apart from the rest, and imported only where an endpoint is asked: the client takes half a second to import.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress

import httpx2
from openai import DefaultHttpxClient

from rag.settings import is_on_this_computer

_CONNECT_SECONDS = 5.0
_MOST_BYTES = 64 * 1024 * 1024
"""More than any batch of vectors is, and little enough to hold."""


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

    def limit(response: httpx2.Response) -> None:
        response.stream = _Limited(response.stream, total_seconds)
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


class _Limited(httpx2.SyncByteStream):
    """A body that must have come within a time, however steadily it drips, and has a largest size."""

    def __init__(self, stream: object, seconds: float) -> None:
        assert isinstance(stream, httpx2.SyncByteStream)
        self._stream = stream
        self._end = time.monotonic() + seconds

    def __iter__(self) -> Iterator[bytes]:
        left = _MOST_BYTES
        for chunk in self._stream:
            left -= len(chunk)
            if time.monotonic() > self._end or left < 0:
                raise httpx2.ReadTimeout("The answer doesn't end.")
            yield chunk

    def close(self) -> None:
        self._stream.close()


def _is_short(wait: str, most_seconds: float) -> bool:
    with suppress(ValueError):  # a date
        return float(wait) <= most_seconds
    return False
