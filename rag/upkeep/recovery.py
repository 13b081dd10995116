"""From a damaged catalog to a new one with every document that can still be read.

A document is saved where its text is proved by its hash, so that nothing altered is ever quoted. The
damaged file is kept beside the new one until something is removed.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field, fields
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path

from rag.documents import Block, NewDocument, Progress, ReportProgress, content_hash, short_hash
from rag.embedding.local import Embedder
from rag.errors import CatalogError
from rag.library import Library
from rag.settings import Settings
from rag.store.catalog import DAMAGED, schema
from rag.store.catalog_writer import text_hash
from rag.store.process_lock import ProcessLock
from rag.upkeep.held_vectors import Blobs, with_held
from rag.upkeep.pages import PageFile, Row, Value

Place = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Recovered:
    """What became of a damaged catalog; ``lost`` names documents by title or key, as far as known."""

    saved: int
    lost: tuple[str, ...]
    kept: Path


@dataclass
class _Survey:
    """What the pages of a catalog hold: small things as they are, large ones by their place."""

    documents: dict[str, Place] = field(default_factory=dict)  # by key
    lost: dict[int, str] = field(default_factory=dict)  # names by document number
    passages: dict[str, int] = field(default_factory=dict)  # numbers by fingerprint
    vectors: dict[int, Place] = field(default_factory=dict)
    sentences: dict[int, Place] = field(default_factory=dict)
    tombstones: list[tuple[Value, ...]] = field(default_factory=list)
    names: list[tuple[Value, ...]] = field(default_factory=list)
    meta: list[tuple[Value, ...]] = field(default_factory=list)


def recover(settings: Settings, embedder: Embedder, progress: ReportProgress | None = None) -> Recovered:
    """Put what can be read of ``settings.data_dir``'s catalog into a new one, in its place.

    Until the last step the damaged file is in place, after it the new one.

    Raises
    ------
    CatalogError
        Another process has the library open, or the folder can't be written.
    """
    path = settings.data_dir / "catalog.sqlite3"
    workshop = settings.data_dir / ".recovered"
    try:
        lock = ProcessLock(settings.data_dir / "chroma.lock")
        with _alone(lock, settings.data_dir), PageFile(path, _log_of(path)) as pages:
            survey = _surveyed(pages, embedder.dimensions)
            shutil.rmtree(workshop, ignore_errors=True)
            _fill(settings.model_copy(update={"data_dir": workshop}), embedder, pages, survey, progress)
            # Chroma's count of applied changes is that of the damaged catalog.
            shutil.rmtree(settings.data_dir / "chroma", ignore_errors=True)
            kept = _swap(path, workshop / path.name)
            shutil.rmtree(workshop, ignore_errors=True)
    except OSError as error:
        raise CatalogError(
            f"What can be read of {path} can't be saved ({error.strerror}): make room in"
            f" {settings.data_dir} and make it writable; nothing was lost."
        ) from error
    return Recovered(len(survey.documents), tuple(sorted(survey.lost.values())), kept)


def _fill(
    settings: Settings, embedder: Embedder, pages: PageFile, survey: _Survey, progress: ReportProgress | None
) -> None:
    held = with_held(embedder, _look_up(pages, survey))
    with Library.open(settings, held, follow=False) as library:
        # Before the documents, whose ids and so their passages' they tell. Which files were read isn't taken
        # over: what is lost is then read again, and for what is saved that takes little.
        _insert(library, "names", survey.names)
        for done, place in enumerate(survey.documents.values()):
            row = _by_name(pages.row(place))
            document = _document(row)
            if progress is not None:
                progress(Progress(done, len(survey.documents), document.title or document.key))
            library.add([document])
            with library.catalog.writing() as writer:
                dates = [row["added"], row["updated"], document.key]
                writer.execute("UPDATE documents SET added = ?, updated = ? WHERE key = ?", dates)
        _insert(library, "tombstones", survey.tombstones)
        _insert(library, "meta", survey.meta)
    # All of it in the one file, which can then be moved by itself.
    with closing(sqlite3.connect(settings.data_dir / "catalog.sqlite3")) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")


def _insert(library: Library, table: str, rows: Sequence[tuple[Value, ...]]) -> None:
    with library.catalog.writing() as writer:
        for values in rows:
            marks = ", ".join("?" * len(values))
            writer.execute(f"INSERT OR IGNORE INTO {table} VALUES ({marks})", values)


def _look_up(pages: PageFile, survey: _Survey) -> Callable[[str], Blobs | None]:
    def look_up(fingerprint: str) -> Blobs | None:
        number = survey.passages.get(fingerprint, 0)
        if number not in survey.vectors or number not in survey.sentences:
            return None
        vector, sentences = pages.row(survey.vectors[number]), pages.row(survey.sentences[number])
        assert vector is not None
        assert sentences is not None
        # Before schema 2 there were no words.
        words = sentences.values[3] if len(sentences.values) > 3 else b""
        return vector.values[1], sentences.values[2], words  # type: ignore[return-value]  # as _note has seen

    return look_up


def _surveyed(pages: PageFile, dimensions: int) -> _Survey:
    survey, numbers = _Survey(), set[int]()
    passage_documents, titles = dict[int, int](), dict[int, str]()
    pairs, named = dict[str, int](), list[Row]()
    for row in pages.rows():
        match row.values:
            case (None, str(), str(key), *_) if len(row.values) > 3 and _is_document(row):
                numbers.add(row.number)
                _note_document(survey, row, key)
            case (None, str(), str(), str(), str(), *_) if row.number > 0 and len(row.values) > 10:
                named.append(row)
            case (None, str(), int(document), int(), int(), int(), str(), _, str(), str(fingerprint)):
                survey.passages[fingerprint] = row.number
                passage_documents[row.number] = document
            # The full-text index has rows of this form too, of a few bytes or of thousands.
            case (None, bytes(vector)) if len(vector) == 4 * dimensions:
                survey.vectors[row.number] = row.place
            case (None, str(), bytes()) | (None, str(), bytes(), bytes()):
                survey.sentences[row.number] = row.place
            case (None, str(title), str(), str()):
                titles[row.number] = title
            case (str(text), int(number)):  # an entry of an index
                pairs[text] = number
            case _ if row.whole and row.number == 0:
                _note_small(survey, row.values)
    ids = {str(key): str(identity) for key, identity, _ in survey.names}
    for row in named:
        # Its text is proved by its hash, even if the page that tells its id is lost.
        numbers.add(row.number)
        _note_document(survey, row, str(row.values[2]))
    # Of a document whose own row is gone, the indexes know the key and the passages the title.
    for text, number in pairs.items():
        if number not in numbers and pairs.get(ids.get(text) or short_hash("document", text)) == number:
            survey.lost[number] = text
    for passage, number in passage_documents.items():
        if number not in numbers and titles.get(passage, survey.lost.get(number)) is not None:
            survey.lost[number] = titles.get(passage) or survey.lost.get(number, "")
        elif number not in numbers:
            survey.lost[number] = f"document {number}, of unknown title"
    return survey


def _is_document(row: Row) -> bool:
    _, identity, key = row.values[:3]
    return row.number > 0 and short_hash("document", str(key)) == identity


def _note_document(survey: _Survey, row: Row, key: str) -> None:
    try:
        values = _by_name(row)
        document = _document(values)
    except (KeyError, TypeError, ValueError):
        proved = False
    else:
        proved = (
            values["text_hash"] == text_hash(document.text)
            or values["version"] == (content_hash(document)[:16])
        )
    if proved:
        survey.documents[key] = row.place
    else:
        title = row.values[5] if len(row.values) > 5 else ""
        survey.lost[row.number] = str(title or key)


def _note_small(survey: _Survey, values: tuple[Value, ...]) -> None:
    match values:
        case (str(), str(hashed), str(), str()) if len(hashed) == 16:
            survey.tombstones.append(values)
        case (str(), str(identity), str()) if len(identity) == 16:
            survey.names.append(values)
        # The name of its collection on a Chroma server, which counts the changes of the damaged catalog.
        case (str(name), str()) if name != "library":
            survey.meta.append(values)


def _by_name(row: Row | None) -> dict[str, Value]:
    assert row is not None
    return dict(zip(_columns(), row.values, strict=False))


@cache
def _columns() -> tuple[str, ...]:
    with closing(sqlite3.connect(":memory:")) as connection:
        for statement in schema():
            connection.execute(statement)
        return tuple(row[1] for row in connection.execute("PRAGMA table_info(documents)"))


def _document(row: dict[str, Value]) -> NewDocument:
    """Return a document as its row has it.

    Raises
    ------
    KeyError, TypeError, ValueError
        Something of it is missing or isn't what belongs there.
    """
    # What was left out of it stands elsewhere.
    values = {f.name: row[f.name] for f in fields(NewDocument) if f.name != "left_out"}
    published = values["published"]
    parsed = {
        "published": date.fromisoformat(str(published)) if published is not None else None,
        "blocks": tuple(Block(*block) for block in json.loads(str(values["blocks"]))),
    }
    return NewDocument(**values | parsed)  # type: ignore[arg-type]  # proved by the hash


@contextmanager
def _alone(lock: ProcessLock, folder: Path) -> Iterator[None]:
    """Keep the app away: it would go on writing into the file that is set aside."""
    if not lock.acquire():
        raise CatalogError(
            f"The catalog in {folder} is damaged, and another process has it open: close the app, then run"
            " `python -m rag doctor` again."
        )
    try:
        yield
    finally:
        lock.release()


def _log_of(path: Path) -> Path:
    """Return the write-ahead log of a catalog, which an interrupted `_swap` may have set aside."""
    log = path.with_name(path.name + "-wal")
    if not log.exists():
        for kept in path.parent.glob(f"{path.name}{DAMAGED}*Z"):
            if kept.samefile(path):
                return kept.with_name(kept.name + "-wal")
    return log


def _swap(path: Path, new: Path) -> Path:
    """Put a new catalog in the place of a damaged one, and return where that is kept."""
    kept = path.with_name(f"{path.name}{DAMAGED}{datetime.now(UTC):%Y%m%dT%H%M%S.%f}Z")
    _keep(_log_of(path), kept.with_name(kept.name + "-wal"))
    _keep(path, kept)
    _settle(path.parent)
    # The log goes first: SQLite would write it into whatever file has the name.
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    _settle(path.parent)
    new.replace(path)
    _settle(path.parent)
    return kept


def _keep(path: Path, kept: Path) -> None:
    if not path.exists():
        return
    try:
        kept.hardlink_to(path)
    except OSError:  # not every file system has links
        shutil.copy2(path, kept)
        with kept.open("rb+") as file:
            os.fsync(file.fileno())


def _settle(folder: Path) -> None:
    """Have a folder's names on disk."""
    with suppress(OSError, PermissionError):  # Windows opens no folders
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
