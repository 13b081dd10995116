"""Files -> documents. Whatever goes wrong with one is a sentence in ``Loaded.failed``."""

from __future__ import annotations

from pathlib import Path

from rag.documents import IsCancelled, Loaded
from rag.errors import LoadError
from rag.keys import file_key
from rag.loading.files import Bounds, FileRead, read_file
from rag.loading.formats import File, shown_name
from rag.loading.process.worker import read_apart
from rag.text.limits import is_short

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
    """Read a file of one of the kinds in `rag.loading.formats.SUPPORTED`.

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
    shown, [size, _] = shown_name(name), read.stamp
    if size > max_bytes:
        return Loaded(failed=[_too_large(shown, size, max_bytes)])
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
    file = File(shown_name(name), data, key, max_bytes, charset)
    if len(data) > max_bytes:
        return Loaded(failed=[_too_large(file.name, len(data), max_bytes)])
    if _is_harmless(file):
        # Imported here with all the readers, which only the worker needs until then.
        from rag.loading.dispatch import read_any

        return read_any(file)
    return read_apart(file, cancelled)


def _is_harmless(file: File) -> bool:
    """Whether reading this can neither break a parser nor take long."""
    # Even the list of an archive's files may be made to break what reads it.
    if file.charset or file.data.startswith(b"PK"):
        return False
    if file.kind == "text":
        # Of the encodings with zeros two bytes are a character, and lines end in other bytes.
        return b"\0" not in file.data and is_short(file.data.decode("utf-8", "replace"))
    if file.kind == "markdown":
        return len(file.data) <= _SHORT_BYTES
    return file.is_blank or not file.kind


def _too_large(name: str, size_bytes: int, max_bytes: int) -> LoadError:
    size, limit = _megabytes(size_bytes), _megabytes(max_bytes)
    return LoadError(
        name, f"{name} is {size} and the limit is {limit}: split it or remove what is not needed."
    )


def _megabytes(size_bytes: int) -> str:
    return f"{size_bytes / 1024**2:.1f} MB" if size_bytes >= 1024**2 // 10 else f"{size_bytes:,} bytes"
