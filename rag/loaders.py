"""Files -> documents. Whatever goes wrong with one is a sentence in ``Loaded.failed``."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from rag.blocks import plain_parts
from rag.decoding import decode, what_it_is
from rag.documents import Loaded, NewDocument
from rag.errors import LoadError
from rag.load_html import decode_html, read_html
from rag.load_markdown import read_markdown
from rag.metadata import describe, detect_language, take_labels, take_title, title_of_name
from rag.text import build_text, normalise_text, one_line

_MARKDOWN = (".md", ".markdown")
_TEXT = (".txt", ".text")
_HTML = (".html", ".htm", ".xhtml")
#: The extensions of files that can be read.
SUPPORTED = (*_MARKDOWN, *_TEXT, *_HTML)

_DEFAULT_MAX_BYTES = 25 * 1024 * 1024
# How a page begins, under whatever name it was saved; a comment or XML line may come first. The
# groups are atomic, so that a file made to be slow to match is not.
_PAGE_START = re.compile(
    rb"(?:\xef\xbb\xbf)?(?>\s+|<\?xml[^>]*>|<!--(?>.*?-->))*+<(?:!doctype\s+html|html)[\s>]",
    re.IGNORECASE | re.DOTALL,
)


def load_file(path: Path | str, max_bytes: int = _DEFAULT_MAX_BYTES) -> Loaded:
    """Read one Markdown, text or HTML file.

    Parameters
    ----------
    path
        The file; its key is "file:" and its absolute path.
    max_bytes
        A larger file is refused without being read.
    """
    path = Path(path)
    try:
        data = _read(path, max_bytes)
    except LoadError as error:
        return Loaded(failed=[error])
    return load_bytes(path.name, data, _storable("file:" + path.absolute().as_posix()), max_bytes)


def load_bytes(name: str, data: bytes, key: str, max_bytes: int = _DEFAULT_MAX_BYTES) -> Loaded:
    """Read the content of a file that is called `name`, as of an upload, as the document `key`."""
    name = _shown(name)
    try:
        _check_size(name, len(data), max_bytes)
        document = _read_document(name, data)
    except LoadError as error:
        return Loaded(failed=[error])
    return Loaded(documents=[_completed(document, name, key)])


def _storable(name: str) -> str:
    """Return a name from disk as Unicode, which not every one is."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")


def _shown(name: str) -> str:
    """Return a file's name as it may stand in a sentence: on one line, nothing invisible."""
    return one_line(_storable(name)) or "The file"


def _read(path: Path, max_bytes: int) -> bytes:
    name = _shown(str(path))
    try:
        if path.is_dir():
            raise LoadError(name, f"{name} is a folder: choose the files in it.")
        if not path.exists():
            raise LoadError(name, f"{name} does not exist: check the path.")
        # Pipes and devices would never end.
        if not path.is_file():
            raise LoadError(name, f"{name} is not a regular file: choose a text, Markdown or HTML file.")
        _check_size(name, path.stat().st_size, max_bytes)
        with path.open("rb") as file:
            # It may have grown since; one byte more tells.
            return file.read(max_bytes + 1)
    except PermissionError as error:
        raise LoadError(name, f"{name} may not be read: change its permissions and try again.") from error
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise LoadError(name, f"{name} could not be read ({reason}): check the path and the disk.") from error


def _check_size(name: str, size_bytes: int, max_bytes: int) -> None:
    if size_bytes > max_bytes:
        size, limit = _megabytes(size_bytes), _megabytes(max_bytes)
        raise LoadError(
            name, f"{name} is {size} and the limit is {limit}: split it or remove what is not needed."
        )


def _megabytes(size_bytes: int) -> str:
    return f"{size_bytes / 1024**2:.1f} MB" if size_bytes >= 1024**2 // 10 else f"{size_bytes:,} bytes"


def _read_document(name: str, data: bytes) -> NewDocument:
    """Read a document by its extension, or as HTML where it begins like a page."""
    extension = Path(name).suffix.lower()
    if extension not in SUPPORTED:
        found = what_it_is(data)
        raise LoadError(
            name,
            f"{name} {f'seems to be {found}, which' if found else 'is of a kind that'} can't be read: "
            f"use one of {', '.join(SUPPORTED)}.",
        )
    if not data.strip():
        raise LoadError(name, f"{name} is empty: choose a file with text in it.")
    if extension in _HTML or _PAGE_START.match(data[:8192]):
        return read_html(name, decode_html(name, data))
    text = normalise_text(decode(name, data))
    document = read_markdown(name, text) if extension in _MARKDOWN else read_text(text)
    if not document.text:
        raise LoadError(
            name, f"{name} holds no text, only white space or marks: choose a file with text in it."
        )
    return document


def read_text(text: str) -> NewDocument:
    """Return the document that plain text (normalised) holds."""
    labels, body = take_labels(text)
    document = describe(NewDocument(text="", media_type="text/plain"), labels)
    title, parts = take_title(document.title, plain_parts(body))
    canonical, blocks = build_text(parts)
    return replace(document, title=title, text=canonical, blocks=blocks)


def _completed(document: NewDocument, name: str, key: str) -> NewDocument:
    return replace(
        document,
        key=key,
        title=document.title or title_of_name(name),
        language=document.language or detect_language(document.text),
    )
