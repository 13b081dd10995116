"""What kind of file something is: by its content first, and by its name where that tells nothing."""

from __future__ import annotations

import re
import zipfile
import zlib
from dataclasses import dataclass, field
from functools import cached_property
from io import BytesIO
from pathlib import PurePosixPath
from typing import Literal

from rag.keys import storable
from rag.text.canonical import one_line

Kind = Literal[
    "pdf", "docx", "odt", "pptx", "workbook", "epub", "zip", "msg", "eml", "rtf", "csv", "jsonl", "json",
    "html", "markdown", "text", "",
]  # fmt: skip

_BY_NAME: dict[str, Kind] = {
    ".md": "markdown", ".markdown": "markdown", ".txt": "text", ".text": "text",
    ".html": "html", ".htm": "html", ".xhtml": "html",
    ".pdf": "pdf", ".docx": "docx", ".odt": "odt", ".pptx": "pptx", ".epub": "epub", ".rtf": "rtf",
    ".xlsx": "workbook", ".xlsm": "workbook", ".ods": "workbook",
    ".eml": "eml", ".msg": "msg", ".csv": "csv", ".tsv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl",
    ".json": "json", ".zip": "zip",
}  # fmt: skip
#: The extensions of files that can be read.
SUPPORTED = tuple(_BY_NAME)

TAKEN = (
    "PDF, Word (.docx), OpenDocument (.odt, .ods), PowerPoint (.pptx), Excel (.xlsx), EPUB, RTF, HTML,"
    " Markdown, text, CSV, JSON Lines, messages (.eml, .msg) and ZIP archives of these"
)
"""The same in words."""

_TEXTS: tuple[Kind, ...] = ("markdown", "text")
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_OFFICE_FOLDERS: dict[str, Kind] = {"word/": "docx", "ppt/": "pptx", "xl/": "workbook"}
# What OpenDocument and EPUB say that they are.
_STATED: dict[bytes, Kind] = {
    b"epub": "epub", b"opendocument.text": "odt", b"opendocument.spreadsheet": "workbook",
}  # fmt: skip
# What an Office file that can't be read holds, and what to do with it.
_OLD_OFFICE = {
    "EncryptedPackage": "is protected by a password: save a copy without one and add that",
    "WordDocument": "is an old Word document (.doc): save it as .docx and add that",
    "PowerPoint Document": "is an old PowerPoint presentation (.ppt): save it as .pptx and add that",
    "Workbook": "is an old Excel workbook (.xls): save it as .xlsx and add that",
}
# How a page begins, under whatever name it was saved; a comment or XML line may come first. The
# groups are atomic, so that a file made to be slow to match is not.
_PAGE_START = re.compile(
    rb"(?:\xef\xbb\xbf)?(?>\s+|<\?xml[^>]*>|<!--(?>.*?-->))*+<(?:!doctype\s+html|html)[\s>]",
    re.IGNORECASE | re.DOTALL,
)
_HEADER = re.compile(
    rb"(?:from|to|subject|date|received|return-path|message-id|mime-version|x-[\w-]+|delivered-to):", re.I
)
_LINES_OF_HEADERS = 40
_STATED_BYTES = 200
_NAME_CHARACTERS = 300
"""No disk has longer names than 255; in an archive or a message they may have any length."""


class Unreadable(Exception):
    """A file can't be read; the text goes on after the file's name: "is empty: choose another"."""


@dataclass(frozen=True)  # without slots, for the kind is found out once and only where it is asked for
class File:
    """What is to be read, from wherever it came.

    Parameters
    ----------
    name
        What the user calls it, as `shown_name` gives it.
    key
        What its document is known by; the keys of documents within it begin with this (`rag.keys`).
    max_bytes
        A file within it may not be larger.
    charset
        What a server calls the encoding of a text; the other kinds say in themselves how they are written.
    depth
        How many other files it lies in.
    """

    name: str
    data: bytes = field(repr=False)
    key: str
    max_bytes: int
    charset: str = ""
    depth: int = 0

    @cached_property
    def kind(self) -> Kind:
        """What kind of file it is, "" for what can't be read."""
        return kind_of(self.name, self.data)

    @property
    def is_blank(self) -> bool:
        """Whether there is nothing in it but white space."""
        return not self.data or self.data.isspace()


def kind_of(name: str, data: bytes) -> Kind:
    """Return what a file is, "" for what can't be read.

    A file that says what it is by its first bytes is that, whatever its name.
    """
    named = _BY_NAME.get(extension(name), "")
    if b"%PDF-" in data[:1024]:
        return "pdf"
    if data.startswith(b"PK\x03\x04"):
        return _kind_of_zip(data)
    if data.startswith(_OLE):
        return "msg" if _utf16("__properties_version1.0") in data else ""
    if data.startswith(b"{\\rtf"):
        return "rtf"
    if named in ("", "eml") and _looks_like_mail(data):
        return "eml"
    if named in (*_TEXTS, "html", "csv", "json", "jsonl") and _PAGE_START.match(data[:8192]):
        return "html"
    return named


def _kind_of_zip(data: bytes) -> Kind:
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            names, stated = archive.namelist(), _stated(archive)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, ValueError, OSError, EOFError):
        # Its reader tells what is wrong with it.
        return "zip"
    if stated:
        return next((kind for mark, kind in _STATED.items() if mark in stated), "")
    if "[Content_Types].xml" not in names:
        return "zip"
    return next(
        (kind for folder, kind in _OFFICE_FOLDERS.items() if any(n.startswith(folder) for n in names)), ""
    )


def _stated(archive: zipfile.ZipFile) -> bytes:
    """Return the beginning of the file in which OpenDocument and EPUB say what they are."""
    # No more than this is unpacked, whatever size the archive states; other methods know no such limit.
    try:
        entry = archive.getinfo("mimetype")
    except KeyError:
        return b""
    is_bounded = entry.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
    if entry.file_size > _STATED_BYTES or not is_bounded:
        return b""
    with archive.open(entry) as file:
        return file.read(_STATED_BYTES)


def _looks_like_mail(data: bytes) -> bool:
    """Whether a text begins with the headers of a message."""
    lines = data[:8192].splitlines()[:_LINES_OF_HEADERS]
    return sum(bool(_HEADER.match(line)) for line in lines) >= 3 and bool(lines) and b":" in lines[0]


def what_it_needs(data: bytes) -> str:
    """Return what to do with an Office file that can't be read, "" where it is none."""
    marks = _OLD_OFFICE if data.startswith(_OLE) else ()
    return next((_OLD_OFFICE[mark] for mark in marks if _utf16(mark) in data), "")


def extension(name: str) -> str:
    """Return a name's extension in lower case, with its dot."""
    return PurePosixPath(name.replace("\\", "/")).suffix.lower()


def shown_name(name: str) -> str:
    """Return a file's name as it may stand in a sentence: on one line, nothing invisible, not too long."""
    line = one_line(storable(name)) or "The file"
    # Its end tells what it is.
    return line if len(line) <= _NAME_CHARACTERS else f"{line[:150]}…{line[-49:]}"


def _utf16(name: str) -> bytes:
    return name.encode("utf-16-le")
