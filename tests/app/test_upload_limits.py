"""An upload that stops coming gives its room back."""

from __future__ import annotations

import asyncio

import pytest

from app_pages.server import upload_limits as uploads
from app_pages.server.upload_limits import Uploads

SCOPE = {"type": "http", "method": "PUT", "path": "/", "headers": [(b"content-length", b"900")]}


async def nothing_comes() -> dict[str, object]:
    await asyncio.sleep(60)
    raise AssertionError


async def ignored(message: object) -> None: ...


@pytest.mark.parametrize("most_bytes", [1_000, 10], ids=["taken", "too large"])
def test_an_upload_that_stops_is_given_up(monkeypatch: pytest.MonkeyPatch, most_bytes: int):
    monkeypatch.setattr(uploads, "_PAUSE_SECONDS", 0.05)
    monkeypatch.setattr(uploads, "_FRAME_BYTES", 100)
    monkeypatch.setattr(uploads, "_held", lambda: (0, 0))
    begun = list[int]()

    async def app(scope: object, receive, send: object) -> None:
        begun.append(limits._coming_bytes)
        await receive()

    limits = Uploads(app, most_bytes)
    with pytest.raises(TimeoutError):
        asyncio.run(asyncio.wait_for(limits(SCOPE, nothing_comes, ignored), 5))
    assert begun == ([900] if most_bytes == 1_000 else [])
    assert limits._coming_bytes == 0
