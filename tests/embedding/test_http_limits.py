"""A server may take so much of us for an answer, and no more."""

from __future__ import annotations

import asyncio
import time

import httpx2
import pytest

from rag.embedding.http_limits import Allowance, BoundedStream


class Sent(httpx2.SyncByteStream, httpx2.AsyncByteStream):
    """A body that comes in pieces."""

    def __init__(self, *pieces: bytes):
        self.pieces = pieces

    def __iter__(self):
        return iter(self.pieces)

    async def __aiter__(self):
        for piece in self.pieces:
            yield piece


def read(allowance: Allowance, *pieces: bytes) -> bytes:
    return b"".join(BoundedStream(Sent(*pieces), allowance))


def test_an_answer_within_its_limits_is_given_whole():
    allowance = Allowance(6, most_pieces=2, until=time.monotonic() + 60)
    assert read(allowance, b"abc", b"def") == b"abcdef"


@pytest.mark.parametrize(
    ("allowance", "error"),
    [
        (Allowance(5), httpx2.ReadError),
        (Allowance(5, too_much=httpx2.ReadTimeout), httpx2.ReadTimeout),
        (Allowance(6, most_pieces=1), httpx2.ReadError),
        (Allowance(6, until=time.monotonic()), httpx2.ReadTimeout),
    ],
    ids=["bytes", "bytes, called late", "pieces", "time"],
)
def test_an_answer_beyond_them_is_broken_off(allowance: Allowance, error: type[Exception]):
    with pytest.raises(error):
        read(allowance, b"abc", b"def")


def test_more_may_be_allowed_on_the_way():
    allowance = Allowance(3)
    allowance.grow(3)
    assert read(allowance, b"abc", b"def") == b"abcdef"


def test_a_model_that_writes_without_end_is_broken_off():
    async def write() -> None:
        async for piece in BoundedStream(Sent(b"abc", b"def"), Allowance(5)):
            written.append(piece)

    written: list[bytes] = []
    with pytest.raises(httpx2.ReadError):
        asyncio.run(write())
    assert written == [b"abc"]
