"""The followed folder: its files and their keys."""

from __future__ import annotations

import os
from collections.abc import Container
from pathlib import Path

CORPUS_PREFIX = "corpus:"

QUESTIONS_FILE = "questions.jsonl"
"""Questions to evaluate with, which may lie among the articles they are about, and are no article."""

INNER = "!/"
"""What stands in a key between that of a file and the name of a document within it."""

ROW = "row:"
"""What the name of a table's row within its file begins with; no reader is shown it."""

Stamp = tuple[int, int]
"""A file's size in bytes and modification time in nanoseconds."""


def corpus_key(folder: Path, path: Path) -> str:
    """Return the key of a file of the followed folder."""
    return CORPUS_PREFIX + path.relative_to(folder).as_posix()


def file_of(key: str, files: Container[str]) -> str | None:
    """Return which of these file keys a document's key belongs to, None if none: "a.zip!/b.md" to "a.zip"."""
    end = len(key)
    while end > 0:
        if key[:end] in files:
            return key[:end]
        end = key.rfind(INNER, 0, end)
    return None


def files_below(folder: Path) -> list[Path]:
    """Return all files in a folder and its folders, but for hidden ones, in order."""
    paths = list[Path]()
    for name, folders, names in os.walk(folder):  # which passes over folders that have just gone
        folders[:] = [part for part in folders if not part.startswith(".")]
        paths.extend(Path(name, part) for part in names if not part.startswith("."))
    return sorted(path for path in paths if path.is_file())


def articles_below(folder: Path) -> list[Path]:
    """Return the files of a followed folder that are to be read as articles."""
    return [path for path in files_below(folder) if path.name.lower() != QUESTIONS_FILE]


def stamp(path: Path) -> Stamp | None:
    """Return what tells that a file has changed, None where it has gone."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_size, status.st_mtime_ns


def size_in_bytes(path: Path) -> int:
    """Return a file's size, 0 where it has just gone."""
    try:
        return path.stat().st_size
    except FileNotFoundError:  # Chroma's files come and go
        return 0
