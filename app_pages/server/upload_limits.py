"""Files on their way to the app: what is too large, or too much at once, takes no memory and is told.

Streamlit keeps each file of an uploader in memory, up to a limit of its own and without one on their number.
Of a file that is let go, a page gets a sentence in the place of its content.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterable
from dataclasses import replace
from functools import partial

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit.runtime import get_instance
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.uploaded_file_manager import UploadedFile

from rag.service import Upload, too_large

TOO_MUCH = "Too much was dropped at once: drop this file again when the others are added."
_FILES_AT_ONCE = 20
"""What is held in memory at once, in files of the largest size."""
_MOST_FILES = 2_000
_FRAME_BYTES = 16 * 1024
"""What a request holds besides its file, at most: the file's name among it."""
_LARGEST_BYTES = 512 * 1024 * 1024
"""A file up to this size is let through to its sentence, a larger one is cut off."""
_PAUSE_SECONDS = 30.0
_MARK = secrets.token_bytes(32)
"""Begins what stands in the place of a file; nobody else can know it."""


class Uploads:
    """Lets files pass that are within the limits, and of others a sentence that says why they don't.

    Parameters
    ----------
    most_bytes
        The largest file that is taken.
    """

    def __init__(self, app: ASGIApp, most_bytes: int) -> None:
        self._app = app
        self._most_bytes = most_bytes
        self._coming_bytes = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on one upload, or anything else as it is."""
        if scope["type"] != "http" or scope["method"] != "PUT":
            await self._app(scope, receive, send)
            return
        receive = partial(_in_time, receive)
        length = Headers(scope=scope).get("content-length", "")
        if not (length.isascii() and length.isdigit() and int(length[:20]) <= _LARGEST_BYTES):
            await PlainTextResponse("This is more than can be taken.", 413)(scope, receive, send)
        elif sentence := self._refusal(int(length)):
            await self._app(scope, await _in_its_place(receive, sentence), send)
        else:
            self._coming_bytes += int(length)
            try:
                await self._app(scope, receive, send)
            finally:
                self._coming_bytes -= int(length)

    def _refusal(self, length: int) -> str:
        if length > self._most_bytes + _FRAME_BYTES:
            return too_large("", length, self._most_bytes).text
        files, held_bytes = _held()
        is_room = held_bytes + self._coming_bytes + length <= _FILES_AT_ONCE * self._most_bytes
        return "" if is_room and files < _MOST_FILES else TOO_MUCH


def received(file: UploadedFile) -> Upload:
    """Return a file as it was dropped, and take it out of Streamlit's memory."""
    data = file.getvalue()
    if context := get_script_run_ctx():
        context.uploaded_file_mgr.remove_file(context.session_id, file.file_id)
    file.seek(0)
    file.truncate()
    upload = Upload(file.name, data, refusal_of(data))
    return upload if upload.name else replace(upload, name="The file")


def refusal_of(data: bytes) -> str:
    """Return why a file was let go on its way, empty for one that has come."""
    return data.removeprefix(_MARK).decode() if data.startswith(_MARK) else ""


def _held() -> tuple[int, int]:
    """Return how many files and bytes Streamlit holds for its pages."""
    manager = get_instance().uploaded_file_mgr
    # A copy of the values is made in one step: other threads add to them and take from them.
    files = sum(map(len, list(getattr(manager, "file_storage", {}).values())))
    stats: Iterable = manager.get_stats().values()
    return files, sum(stat.byte_length for family in stats for stat in family)


async def _in_time(receive: Receive) -> Message:
    """Return what comes next; who sends nothing for a while takes no room from others."""
    async with asyncio.timeout(_PAUSE_SECONDS):
        return await receive()


async def _in_its_place(receive: Receive, sentence: str) -> Receive:
    """Read a file to its end and keep nothing; return what gives a form with a sentence in its place."""
    head, message = b"", await receive()
    while message["type"] == "http.request":
        if b"\r\n\r\n" not in head:
            head += message.get("body", b"")[:_FRAME_BYTES]
        if not message.get("more_body"):
            break
        message = await receive()
    part, _, _ = head.partition(b"\r\n\r\n")
    boundary, _, _ = part.partition(b"\r\n")
    form = b"%s\r\n\r\n%s%s\r\n%s--\r\n" % (part, _MARK, sentence.encode(), boundary)
    waiting: list[Message] = [{"type": "http.request", "body": form, "more_body": False}]

    async def receive_instead() -> Message:
        return waiting.pop() if waiting else await receive()

    return receive_instead
