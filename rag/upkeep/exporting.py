"""A library as one file, to move it or to keep a copy.

The file is gzip-compressed JSON Lines in UTF-8:

    {"format": "footnote-library", "version": 1, "embedder": ..., "dimensions": ...}
    {"document": {"key", "title", ..., "text", "blocks"}}          one for each, then its passages'; with
                                                                   "id" where it doesn't follow from the key
    {"vectors": {"fingerprint", "passage", "sentences", "words"}}  float32, float16 and int8, base64
    {"tombstone": {"key", "text_hash", "title", "removed"}}        one for each
    {"end": {"documents": ..., "sha256": ...}}                     the hash of all lines before

An imported file is read twice: the first time to check all of it, so that a bad file changes nothing.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import os
import zlib
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rag.documents import AddReport, Block, BlockKind, NewDocument, Progress, ReportProgress
from rag.errors import LoadError
from rag.ingest.ingestion import Ingestion
from rag.library import Library
from rag.store.catalog_view import CatalogView
from rag.store.models import held_dimensions
from rag.store.passages_view import KEPT_VECTORS
from rag.upkeep.held_vectors import Blobs, HeldVectors

FORMAT_VERSION = 3
_LONGEST_LINE = 256 * 1024 * 1024
"""No text that can be added is so long; a small file can claim to hold any length."""
_NOT_ADDED = ("added", "id")
"""What an export tells of a document beside what it was added with."""
_Number = Annotated[int, Field(ge=0, le=2**31 - 1)]
_Word = Annotated[str, Field(max_length=200)]


class _Header(BaseModel):
    model_config = ConfigDict(strict=True)  # a newer version may have more
    format: Literal["footnote-library"]
    version: int = Field(ge=1)


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, val_json_bytes="base64")


class _Tombstone(_Part):
    key: str = Field(min_length=1)
    text_hash: str = Field(pattern=r"^[0-9a-f]{16}$")
    title: str
    removed: datetime


class _Document(_Part):
    key: str = Field(min_length=1)
    title: str
    source: str
    url: str
    published: date | None
    author: str
    language: _Word
    media_type: _Word
    added: datetime
    id: str = Field("", pattern=r"^([0-9a-f]{16})?$")
    blocks: list[tuple[BlockKind, _Number, _Number, _Number, _Number | None]]
    text: str


class _Vectors(_Part):
    fingerprint: str = Field(pattern=r"^[0-9a-f]{16}$")
    passage: bytes
    sentences: bytes
    words: bytes = b""


class _End(_Part):
    documents: int
    sha256: str


class _Line(_Part):
    """One of its fields is given."""

    tombstone: _Tombstone | None = None
    document: _Document | None = None
    vectors: _Vectors | None = None
    end: _End | None = None


def export_library(library: Library, path: Path, progress: ReportProgress | None = None) -> int:
    """Write a library into one file, as it is at this moment; return the number of documents.

    The file takes its name when it is whole; one that has the name is replaced.

    Raises
    ------
    LoadError
        The file can't be written.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("wb") as raw:
            # Without name and time, so that the same library gives the same file.
            with gzip.GzipFile("", "wb", compresslevel=6, fileobj=raw, mtime=0) as file:
                with library.catalog.reading() as view:
                    count = _write(file, library, view, progress)
            raw.flush()
            os.fsync(raw.fileno())
        part.replace(path)
    except OSError as error:
        raise LoadError(
            str(path), f"{path} can't be written ({error.strerror}): choose another place."
        ) from error
    finally:
        part.unlink(missing_ok=True)
    return count


def _write(file: gzip.GzipFile, library: Library, view: CatalogView, progress: ReportProgress | None) -> int:
    digest = hashlib.sha256()

    def put(value: dict[str, Any]) -> None:
        line = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        digest.update(line)
        file.write(line)

    put(
        {
            "format": "footnote-library",
            "version": FORMAT_VERSION,
            "embedder": library.embedder.name,
            "dimensions": held_dimensions(view),
        }
    )
    numbers, names = view.column("SELECT number FROM documents ORDER BY key"), tuple(_Document.model_fields)
    for done, number in enumerate(numbers):
        [row] = view.select(f"SELECT {', '.join(names)} FROM documents WHERE number = ?", [number])
        document = dict(zip(names, row, strict=True))
        if progress is not None:
            progress(Progress(done, len(numbers), document["title"] or document["key"]))
        if view.named(document["key"]) is None:
            del document["id"]
        put({"document": document | {"blocks": json.loads(document["blocks"])}})
        # Without a fingerprint they are still to be made.
        where = "WHERE p.document = ? AND p.fingerprint != '' ORDER BY p.position"
        for fingerprint, *blobs in view.select(f"{KEPT_VECTORS} {where}", [number]):
            passage, sentences, words = (base64.b64encode(blob).decode() for blob in blobs)
            held = {"passage": passage, "sentences": sentences, "words": words}
            put({"vectors": {"fingerprint": fingerprint} | held})
    # After the documents: adding one forgets what was removed with the same text.
    columns = tuple(_Tombstone.model_fields)
    for row in view.select(f"SELECT {', '.join(columns)} FROM tombstones ORDER BY key"):
        put({"tombstone": dict(zip(columns, row, strict=True))})
    put({"end": {"documents": len(numbers), "sha256": digest.hexdigest()}})
    return len(numbers)


def import_library(library: Library, path: Path, progress: ReportProgress | None = None) -> AddReport:
    """Add the documents of an exported file as `Library.add` does, and what it says was removed.

    Vectors of the library's own embedding model are taken over. What the library holds and the file
    doesn't, stays.

    Raises
    ------
    LoadError
        The file can't be read or isn't whole; nothing of it has been added then.
    """
    total = sum(1 for line in _lines(path) if line.document)
    vectors = dict[str, Blobs]()
    ingestion = library.ingestion.with_vectors(HeldVectors(library.embedder, vectors.get))
    report, done = AddReport(), 0
    with library.batch():
        for part in _parts(path, vectors):
            if isinstance(part, _Tombstone):
                _bury(library, part)
                continue
            if progress is not None:
                progress(Progress(done, total, part.title or part.key))
            _add(ingestion, part, report)
            done += 1
    if progress is not None:
        progress(Progress(total, total, ""))
    return report


def _parts(path: Path, vectors: dict[str, Blobs]) -> Iterator[_Document | _Tombstone]:
    """Yield what a file holds, a document when its vectors have been read into ``vectors``."""
    waiting: _Document | None = None
    for line in _lines(path):
        if line.vectors is not None:
            held = line.vectors
            vectors[held.fingerprint] = held.passage, held.sentences, held.words
            continue
        if waiting is not None:
            yield waiting
        if line.tombstone is not None:
            yield line.tombstone
        waiting = line.document
        vectors.clear()


def _add(ingestion: Ingestion, document: _Document, report: AddReport) -> None:
    values = {name: getattr(document, name) for name in _Document.model_fields if name not in _NOT_ADDED}
    blocks = tuple(Block(*block) for block in document.blocks)
    if document.id:
        with ingestion.catalog.writing() as writer:
            # The id that it was exported with, unless it or the id is in use here.
            if writer.identity(document.key) is None and writer.key(document.id) is None:
                writer.name(document.key, document.id)
    added = ingestion.add([NewDocument(**values | {"blocks": blocks})])
    if added.added:
        with ingestion.catalog.writing() as writer:
            since = document.added.isoformat(timespec="seconds")
            writer.execute("UPDATE documents SET added = ? WHERE key = ?", [since, document.key])
    for name in ("added", "updated", "unchanged", "failed"):
        getattr(report, name).extend(getattr(added, name))


def _bury(library: Library, tombstone: _Tombstone) -> None:
    with library.catalog.writing() as writer:
        if writer.version(tombstone.key) is None:
            values = [tombstone.key, tombstone.text_hash, tombstone.title, tombstone.removed.isoformat()]
            writer.execute("INSERT OR IGNORE INTO tombstones VALUES (?, ?, ?, ?)", values)


def _lines(path: Path) -> Iterator[_Line]:
    """Read a file line by line, all of it checked by the time that the last line has come.

    Raises
    ------
    LoadError
    """
    digest, documents = hashlib.sha256(), 0
    try:
        with gzip.open(path) as file:
            first = file.readline(_LONGEST_LINE)
            _check_header(path, first)
            digest.update(first)
            while content := file.readline(_LONGEST_LINE):
                line = _Line.model_validate_json(content)
                if line.end is not None:
                    if (documents, digest.hexdigest()) != (line.end.documents, line.end.sha256) or file.read(
                        1
                    ):
                        raise _bad(path, "isn't what was exported: its checksum is wrong")
                    yield line
                    return
                digest.update(content)
                documents += line.document is not None
                yield line
    except (EOFError, zlib.error) as error:
        raise _bad(path, "is cut short or damaged") from error
    except ValidationError as error:
        raise _bad(path, "holds something that no export has") from error
    except gzip.BadGzipFile as error:
        raise _bad(path, "is no exported library, or is damaged") from error
    except OSError as error:
        raise LoadError(str(path), f"{path} can't be read ({error.strerror}): check the path.") from error
    raise _bad(path, "is cut short")


def _check_header(path: Path, line: bytes) -> None:
    try:
        header = _Header.model_validate_json(line)
    except ValidationError as error:
        raise _bad(path, "is no exported library") from error
    if header.version > FORMAT_VERSION:
        raise LoadError(
            str(path), f"{path} was exported by a newer Footnote: update Footnote, then import it."
        )


def _bad(path: Path, what: str) -> LoadError:
    return LoadError(str(path), f"{path} {what}: export it again, or use another copy.")
