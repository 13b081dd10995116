"""The grammar of keys: what documents and files are known by, and what tells that a file has changed.

A file's key tells where it comes from ("corpus:a.zip", "folder:/news/a.zip", "file:/tmp/a.zip", an address of
the web). A document within a file has the file's key, `INNER` and a name of its own: "corpus:a.zip!/b.md".
"""

from __future__ import annotations

from collections.abc import Container
from pathlib import Path

CORPUS_PREFIX = "corpus:"
FOLDER_PREFIX = "folder:"
FILE_PREFIX = "file:"

INNER = "!/"
"""What stands in a key between that of a file and the name of a document within it."""

ROW = "row:"
"""What the name of a table's row within its file begins with; no reader is shown it."""

Stamp = tuple[int, int]
"""A file's size in bytes and modification time in nanoseconds."""


def file_key(path: Path) -> str:
    """Return the key of a file on disk that is in no followed folder: "file:" and its absolute path."""
    return storable(FILE_PREFIX + path.absolute().as_posix())


def is_followed(key: str) -> bool:
    """Whether a document with this key comes from a file of a followed folder."""
    return key.startswith((CORPUS_PREFIX, FOLDER_PREFIX))


def is_within(key: str, outer: str) -> bool:
    """Whether this is the key of a document, or that of one in the file with this key."""
    return key == outer or key.startswith(outer + INNER)


def file_of(key: str, files: Container[str]) -> str | None:
    """Return which of these file keys a document's key belongs to, None if none: "a.zip!/b.md" to "a.zip"."""
    end = len(key)
    while end > 0:
        if key[:end] in files:
            return key[:end]
        end = key.rfind(INNER, 0, end)
    return None


def storable(text: str) -> str:
    """Return a name as it can be kept: not every name on disk is Unicode."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
