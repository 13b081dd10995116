"""Files -> documents. Whatever goes wrong with one is a sentence in ``Loaded.failed``."""

from __future__ import annotations

from pathlib import Path

from rag.documents import IsCancelled, Loaded
from rag.errors import LoadError
from rag.keys import file_key
from rag.loading.files import Bounds, FileRead, read_file
from rag.loading.formats import SUPPORTED, kind_of, shown_name
from rag.loading.process.worker import read_apart
from rag.text.limits import is_short

__all__ = ["SUPPORTED", "load_bytes", "load_file"]

_DEFAULT_MAX_BYTES = 25 * 1024 * 1024
_SHORT_BYTES = 16 * 1024
"""Markdown of this size is read in half a second whatever is in it; 500 kB of "[" took 33 seconds."""


def load_file(
    path: Path | str,
    max_bytes: int = _DEFAULT_MAX_BYTES,
    key: str = "",
    cancelled: IsCancelled | None = None,
    bounds: Bounds | None = None,
) -> Loaded:
    """Read a file of one of the kinds in `SUPPORTED`.

    Parameters
    ----------
    path
        The file.
    max_bytes
        A larger file is refused without being read.
    key
        What the file is known by: `rag.keys.file_key` if left out.
    cancelled
        Tells whether the file is no longer wanted, also while it is read.
    bounds
        Where the file may lie if it is a link; anywhere if left out.

    Raises
    ------
    Cancelled
    """
    path = Path(path)
    try:
        read = read_file(path, max_bytes, bounds)
    except LoadError as error:
        return Loaded(failed=[error])
    return load_read(path.name, read, key or file_key(path), max_bytes, cancelled)


def load_read(
    name: str, read: FileRead, key: str, max_bytes: int, cancelled: IsCancelled | None = None
) -> Loaded:
    """Read what a file held, as `load_bytes` does."""
    try:
        check_size(shown_name(name), read.stamp[0], max_bytes)
    except LoadError as error:
        return Loaded(failed=[error])
    return load_bytes(name, read.data, key, max_bytes, cancelled)


def load_bytes(
    name: str,
    data: bytes,
    key: str,
    max_bytes: int = _DEFAULT_MAX_BYTES,
    cancelled: IsCancelled | None = None,
    charset: str = "",
) -> Loaded:
    """Read the content of a file that is called `name`, as of an upload.

    A file with one document gives it the key `key`; the documents of an archive, a table or the
    attachments of a message have keys that begin with it and `rag.keys.INNER`. Anything but short
    texts is read in a process of its own (`rag.loading.process.worker`), which is ended when it is
    cancelled; so is a text whose encoding a server has told (``charset``).

    Raises
    ------
    Cancelled
    """
    name = shown_name(name)
    try:
        check_size(name, len(data), max_bytes)
    except LoadError as error:
        return Loaded(failed=[error])
    if not charset and _is_harmless(name, data):
        # Imported here with all the readers, which only the worker needs until then.
        from rag.loading.dispatch import read_any

        return read_any(name, data, key, max_bytes)
    return read_apart(name, data, key, max_bytes, cancelled, charset=charset)


def _is_harmless(name: str, data: bytes) -> bool:
    """Whether reading this can neither break a parser nor take long."""
    # Even the list of an archive's files may be made to break what reads it.
    if data.startswith(b"PK"):
        return False
    kind = kind_of(name, data) if data.strip() else ""
    if kind == "text":
        # Of the encodings with zeros two bytes are a character, and lines end in other bytes.
        return b"\0" not in data and is_short(data.decode("utf-8", "replace"))
    return not kind or (kind == "markdown" and len(data) <= _SHORT_BYTES)


def check_size(name: str, size_bytes: int, max_bytes: int) -> None:
    """Refuse a file that is too large.

    Raises
    ------
    LoadError
    """
    if size_bytes > max_bytes:
        size, limit = _megabytes(size_bytes), _megabytes(max_bytes)
        raise LoadError(
            name, f"{name} is {size} and the limit is {limit}: split it or remove what is not needed."
        )


def _megabytes(size_bytes: int) -> str:
    return f"{size_bytes / 1024**2:.1f} MB" if size_bytes >= 1024**2 // 10 else f"{size_bytes:,} bytes"
