"""ZIP archives, and the formats that are ones: what is in them, within limits.

The names inside are only shown and never become paths.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO

from rag.errors import LoadError
from rag.loading.formats import Unreadable, shown_name

MOST_FILES = 2_000
MOST_BYTES = 300 * 1024 * 1024
"""What an archive may hold when it is unpacked."""
_MOST_RATIO = 150
"""So many times its own size; texts are packed to a tenth, and only bombs to a hundredth and less."""
_SMALL_BYTES = 20 * 1024 * 1024
DEEPEST = 2
_OF_MACS = "__MACOSX"


@dataclass(frozen=True, slots=True)
class Member:
    """A file within another: of an archive, or attached to a message."""

    name: str
    data: bytes


def open_archive(data: bytes) -> zipfile.ZipFile:
    """Open a ZIP archive without unpacking anything.

    Raises
    ------
    Unreadable
        It is damaged, needs a password, or would grow too large.
    """
    try:
        archive = zipfile.ZipFile(BytesIO(data))
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as error:
        raise Unreadable("is damaged or cut off: save or download it again") from error
    entries = archive.infolist()
    if len(entries) > MOST_FILES:
        raise Unreadable(f"holds {len(entries):,} files and the limit is {MOST_FILES:,}: split it into parts")
    size = sum(entry.file_size for entry in entries)
    if size > MOST_BYTES or (size > _SMALL_BYTES and size > _MOST_RATIO * len(data)):
        raise Unreadable(f"would unpack to {size / 1024**2:,.0f} MB, too much: unpack it and add its files")
    if any(entry.flag_bits & 1 for entry in entries):
        raise Unreadable("is protected by a password: unpack it and add its files")
    return archive


def read_member(archive: zipfile.ZipFile, path: str) -> bytes:
    """Return a file of an archive.

    Raises
    ------
    Unreadable
        It isn't there, or is damaged.
    """
    try:
        return archive.read(path)
    except (KeyError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise Unreadable("is damaged or incomplete: save or download it again") from error


def members(name: str, data: bytes, max_bytes: int) -> Iterator[Member | LoadError]:
    """Yield the files of an archive in order; an error of one that can't be unpacked has its name as key."""
    with open_archive(data) as archive:
        for entry in archive.infolist():
            steps = entry.filename.replace("\\", "/").split("/")
            parts = [part for part in steps if part not in ("", ".", "..")]
            if entry.is_dir() or any(part.startswith(".") or part == _OF_MACS for part in parts):
                continue
            shown = shown_name("/".join(parts))
            if entry.file_size > max_bytes:
                size = entry.file_size / 1024**2
                reason = f"{shown} in {name} is {size:,.1f} MB, more than is taken: split it."
                yield LoadError(shown, reason, keys=(shown,))
                continue
            try:
                yield Member(shown, read_member(archive, entry.filename))
            except Unreadable as error:
                yield LoadError(shown, f"{shown} {error}.", keys=(shown,))
