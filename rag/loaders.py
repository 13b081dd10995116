"""Files -> documents. Whatever goes wrong with one is a sentence in ``Loaded.failed``."""

from __future__ import annotations

from pathlib import Path

from rag.documents import IsCancelled, Loaded
from rag.errors import LoadError
from rag.formats import SUPPORTED, kind_of, shown_name
from rag.worker import read_apart

__all__ = ["SUPPORTED", "load_bytes", "load_file"]

_DEFAULT_MAX_BYTES = 25 * 1024 * 1024
_SHORT_BYTES = 16 * 1024
"""Markdown of this size is read in half a second whatever is in it; 500 kB of "[" took 33 seconds."""


def load_file(
    path: Path | str,
    max_bytes: int = _DEFAULT_MAX_BYTES,
    key: str = "",
    cancelled: IsCancelled | None = None,
) -> Loaded:
    """Read a file of one of the kinds in `SUPPORTED`.

    Parameters
    ----------
    path
        The file.
    max_bytes
        A larger file is refused without being read.
    key
        What the file is known by: `file_key` if left out.
    cancelled
        Tells whether the file is no longer wanted, also while it is read.

    Raises
    ------
    Cancelled
    """
    path = Path(path)
    try:
        data = _read(path, max_bytes)
    except LoadError as error:
        return Loaded(failed=[error])
    return load_bytes(path.name, data, key or file_key(path), max_bytes, cancelled)


def file_key(path: Path) -> str:
    """Return the key of a file on disk: "file:" and its absolute path."""
    # Not every name on disk is Unicode.
    return ("file:" + path.absolute().as_posix()).encode("utf-8", "backslashreplace").decode("utf-8")


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
    attachments of a message have keys that begin with it and `rag.folder.INNER`. Anything but text
    and short Markdown is read in a process of its own (`rag.worker`), which is ended when it is cancelled;
    so is a text whose encoding a server has told (``charset``).

    Raises
    ------
    Cancelled
    """
    name = shown_name(name)
    try:
        _check_size(name, len(data), max_bytes)
    except LoadError as error:
        return Loaded(failed=[error])
    if not charset and _is_harmless(name, data):
        # Imported here with all the readers, which only the worker needs until then.
        from rag.load_any import read_any

        return read_any(name, data, key, max_bytes)
    return read_apart(name, data, key, max_bytes, cancelled, charset=charset)


def _is_harmless(name: str, data: bytes) -> bool:
    """Whether reading this can neither break a parser nor take long."""
    # Even the list of an archive's files may be made to break what reads it.
    if data.startswith(b"PK"):
        return False
    kind = kind_of(name, data) if data.strip() else ""
    return kind in ("", "text") or (kind == "markdown" and len(data) <= _SHORT_BYTES)


def _read(path: Path, max_bytes: int) -> bytes:
    name = shown_name(str(path))
    try:
        if path.is_dir():
            raise LoadError(name, f"{name} is a folder: choose the files in it.")
        if not path.exists():
            raise LoadError(name, f"{name} does not exist: check the path.")
        # Pipes and devices would never end.
        if not path.is_file():
            raise LoadError(name, f"{name} is not a regular file: choose a file that holds a document.")
        size = path.stat().st_size
        _check_size(name, size, max_bytes)
        if not size:
            # Nor would some of what the system tells of itself, which calls itself empty and isn't.
            return b""
        with path.open("rb") as file:
            # It may have grown since; one byte more tells.
            return file.read(max_bytes + 1)
    except PermissionError as error:
        reason = f"{name} may not be read: change its permissions and try again."
        raise LoadError(name, reason, retryable=True) from error
    except OSError as error:
        why = error.strerror or type(error).__name__
        reason = f"{name} could not be read ({why}): check the path and the disk."
        raise LoadError(name, reason, retryable=True) from error


def _check_size(name: str, size_bytes: int, max_bytes: int) -> None:
    if size_bytes > max_bytes:
        size, limit = _megabytes(size_bytes), _megabytes(max_bytes)
        raise LoadError(
            name, f"{name} is {size} and the limit is {limit}: split it or remove what is not needed."
        )


def _megabytes(size_bytes: int) -> str:
    return f"{size_bytes / 1024**2:.1f} MB" if size_bytes >= 1024**2 // 10 else f"{size_bytes:,} bytes"
