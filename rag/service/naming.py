"""How things are called: numbers of them, sizes, and the files that documents come from."""

from __future__ import annotations

from pathlib import PurePosixPath

from rag.documents import Document
from rag.keys import INNER, ROW
from rag.text.canonical import one_line


def count(number: int, thing: str, things: str = "") -> str:
    """Return "1 article", "15 articles"; `things` is a plural that isn't made by an "s"."""
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {things or thing + 's'}"


def size(number_of_bytes: int) -> str:
    """Return "25 MB", with a decimal below 10."""
    value, unit = float(number_of_bytes), "bytes"
    for larger in ("KB", "MB", "GB"):
        if value < 1024:
            break
        value, unit = value / 1024, larger
    return f"{value:.1f} {unit}" if value < 10 and unit != "bytes" else f"{value:,.0f} {unit}"


def file_name(document: Document) -> str:
    """Return the name of the file that a document came from; nothing for what was pasted or fetched."""
    scheme, _, name = document.key.partition(":")
    if scheme not in ("corpus", "folder", "upload"):
        return ""
    # Of what is in an archive or a message the name of that comes first: "news.zip › bridge.docx".
    names = (PurePosixPath(part).name for part in name.split(INNER) if not part.startswith(ROW))
    return one_line(" › ".join(names))
