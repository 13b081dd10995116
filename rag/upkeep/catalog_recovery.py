"""From a damaged catalog to one in order: the kept copy, and what can still be read that came after it.

A document is taken from the damaged file where its text is proved by its hash, so that nothing altered is
ever quoted. That file is kept beside the new one until something is removed.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections.abc import Iterator, Sequence, Set
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, date, datetime
from pathlib import Path

from rag.documents import Block, NewDocument, Progress, ReportProgress, content_hash
from rag.embedding.local import Embedder
from rag.errors import CatalogError
from rag.library import Library
from rag.settings import Settings
from rag.store.catalog import DAMAGED, RECOVERY, SCHEMA_VERSION, Catalog, backup_of, schema
from rag.store.catalog_view import LEFT_OUT
from rag.store.catalog_writer import WIPE, CatalogWriter, owe_wiping, text_hash
from rag.store.process_lock import ProcessLock
from rag.upkeep.checks import PASSAGES, file_faults, words_of
from rag.upkeep.held_vectors import Blobs, with_held

_PAGE_BYTES = 4096
_USES_LOG, _SIZE_IS_VALID_FOR = slice(18, 20), slice(92, 96)
_AS_FAR_AS_IT_GOES = "PRAGMA writable_schema = ON"
"""With this SQLite reads a file that is shorter than it should be: https://sqlite.org/pragma.html"""
_MOST_NUMBERS = 5_000_000
"""So many are tried at most where what tells the highest is damaged too: 20 s where none is found."""


@dataclass(frozen=True, slots=True)
class Recovered:
    """What became of a damaged catalog.

    ``copied`` documents are of the copy made at ``copy_made``, and ``saved`` of the damaged file. ``lost``
    names documents by title or key; ``is_all_known`` tells whether there may be others. ``kept`` is where the
    damaged file is, None where it was missing.
    """

    copied: int
    copy_made: datetime | None
    saved: int
    lost: tuple[str, ...]
    is_all_known: bool
    kept: Path | None


@dataclass
class _Later:
    """What a damaged catalog tells of documents: what can be read, and the names of what can't."""

    documents: list[dict[str, object]] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    saved: int = 0
    """How many of the documents were added."""
    keys: set[str] | None = None
    """All keys, where they can be read whole."""


def recover(settings: Settings, embedder: Embedder, progress: ReportProgress | None = None) -> Recovered:
    """Put the copy of ``settings.data_dir``'s catalog in its place, with what can be read that is newer.

    Until the last step the damaged file is in place, after it the new one.

    Raises
    ------
    CatalogError
        Another process has the library open, the folder can't be written, or the embedding model can't be
        asked.
    """
    path = settings.data_dir / "catalog.sqlite3"
    workshop = settings.data_dir / RECOVERY
    try:
        with _alone(ProcessLock(settings.data_dir / "chroma.lock"), settings.data_dir):
            shutil.rmtree(workshop, ignore_errors=True)
            try:
                workshop.mkdir()
                new = workshop / path.name
                copy_made = _put_copy(backup_of(path), new)
                with closing(_opened_aside(path, workshop / "damaged.sqlite3", new)) as damaged:
                    copied, later = _fill(
                        settings.model_copy(update={"data_dir": workshop}), embedder, damaged, progress
                    )
                # Chroma's count of applied changes is that of the damaged catalog.
                shutil.rmtree(settings.data_dir / "chroma", ignore_errors=True)
                kept = _swap(path, new)
            finally:
                # It holds the text of all that was removed meanwhile.
                shutil.rmtree(workshop, ignore_errors=True)
    except OSError as error:
        raise CatalogError(
            f"What can be read of {path} can't be saved ({error.strerror}): make room in"
            f" {settings.data_dir} and make it writable; nothing was lost."
        ) from error
    is_all_known = later.keys is not None
    return Recovered(copied, copy_made, later.saved, tuple(sorted(later.lost)), is_all_known, kept)


def _put_copy(copy: Path, place: Path) -> datetime | None:
    """Put the copy in a place, and return when it was made; where there is no sound one, an empty catalog."""
    is_sound = _is_sound(copy)
    if is_sound:
        shutil.copy2(copy, place)
    with closing(Catalog(place)) as catalog, catalog.writing() as writer:
        rewrite_words(writer)
        # The name of its collection on a Chroma server, which counts the damaged catalog's changes.
        writer.execute("DELETE FROM meta WHERE name = 'library'")
    return datetime.fromtimestamp(copy.stat().st_mtime, UTC) if is_sound else None


def _is_sound(copy: Path) -> bool:
    """Whether there is a copy that can be put back: whole, and not of a newer Footnote."""
    with suppress(sqlite3.Error):
        if copy.exists() and not file_faults(copy):
            with closing(sqlite3.connect(copy)) as connection:
                version = connection.execute("PRAGMA user_version").fetchone()[0]
            return 0 < int(version) <= SCHEMA_VERSION
    return False


def _opened_aside(path: Path, aside: Path, new: Path) -> sqlite3.Connection:
    """Open a copy of a damaged catalog, since SQLite writes into what it opens."""
    aside.touch()
    for suffix in ("", "-wal"):
        if path.with_name(path.name + suffix).exists():
            shutil.copy2(path.with_name(path.name + suffix), aside.with_name(aside.name + suffix))
    if not _is_opened(aside):
        _replace_first_page(aside, new)
    connection = sqlite3.connect(aside, isolation_level=None, check_same_thread=False)
    connection.execute(_AS_FAR_AS_IT_GOES)
    connection.row_factory = sqlite3.Row
    return connection


def _is_opened(path: Path) -> bool:
    # Without its log, which closing would write into the file.
    with (
        suppress(sqlite3.Error),
        closing(sqlite3.connect(f"file:{path}?immutable=1", uri=True)) as connection,
    ):
        connection.execute(_AS_FAR_AS_IT_GOES)
        return bool(connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0])
    return False


def _replace_first_page(path: Path, new: Path) -> None:
    """Give a catalog whose first page is lost that of another, in which the tables begin on the same pages.

    Where they don't, what is read is no document, or isn't proved by its hash. The format of the first page:
    https://sqlite.org/fileformat2.html#the_database_header
    """
    first = bytearray(new.read_bytes()[:_PAGE_BYTES])
    first[_USES_LOG] = b"\2\2"
    first[_SIZE_IS_VALID_FOR] = bytes(4)  # else the size would be taken from here and not from the file
    with path.open("rb+") as file:
        file.write(first)


def _fill(
    settings: Settings, embedder: Embedder, damaged: sqlite3.Connection, progress: ReportProgress | None
) -> tuple[int, _Later]:
    """Add to the copy what is newer; return how many documents it had, and what the damaged catalog told."""

    def look_up(fingerprint: str) -> Blobs | None:
        with suppress(sqlite3.Error):
            row = damaged.execute(
                "SELECT v.vector, s.vectors, s.words FROM passages p JOIN vectors v ON v.passage = p.number"
                " JOIN sentences s ON s.passage = p.number WHERE p.fingerprint = ?",
                [fingerprint],
            ).fetchone()
            return tuple(row) if row else None
        return None

    with Library.open(settings, with_held(embedder, look_up), follow=False) as library:
        with library.catalog.writing() as writer:
            # Before the documents, whose ids and so their passages' they tell.
            _put_rows(writer, "names", _rows(damaged, "names"))
            told_removed = _rows(damaged, "tombstones")
            removed = told_removed or writer.select("SELECT * FROM tombstones").fetchall()
            versions = dict(writer.select("SELECT key, version FROM documents").fetchall())
        later = _read_later(damaged, versions)
        buried = {row[0] for row in told_removed}
        gone = {key for key in versions if key in buried}
        if later.keys is not None:
            gone = versions.keys() - later.keys
        with library.batch(), library.catalog.writing() as writer:
            for key in gone:
                if identity := writer.identity(key):
                    writer.remove(identity, bury=False)
        versions = {key: version for key, version in versions.items() if key not in gone}
        for done, row in enumerate(later.documents):
            document = replace(_document(row), left_out=_left_out(damaged, str(row["id"])))
            if progress is not None:
                progress(Progress(done, len(later.documents), document.title or document.key))
            if not _is_added(library, document):
                later.lost.append(document.title or document.key)
                continue
            later.saved += 1
            with library.catalog.writing() as writer:
                dates = [row["added"], row["updated"], document.key]
                writer.execute("UPDATE documents SET added = ?, updated = ? WHERE key = ?", dates)
        with library.catalog.writing() as writer:
            # Again: adding a document forgets that its text was removed under another key.
            _put_rows(writer, "tombstones", removed)
            writer.execute("DELETE FROM tombstones WHERE key IN (SELECT key FROM documents)")
    # All of it in the one file, which can then be moved by itself.
    with closing(sqlite3.connect(settings.data_dir / "catalog.sqlite3", isolation_level=None)) as connection:
        # When the library is closed, whose own conversations and copy these aren't.
        if _meta(damaged, WIPE):
            owe_wiping(connection)
        connection.execute("PRAGMA journal_mode = DELETE")
    return len(versions), later


def _is_added(library: Library, document: NewDocument) -> bool:
    """Add a document, and return whether it is held now.

    Raises
    ------
    CatalogError
        It can't be embedded now, but later.
    """
    report = library.add([document])
    for error in report.failed:
        if error.retryable:
            raise CatalogError(
                f"{error.path} can't be saved from the damaged catalog, which is left as it is:"
                f" {error.reason} Then run `python -m rag doctor` again."
            ) from error
    return bool(report.added or report.updated or report.unchanged)


def _meta(damaged: sqlite3.Connection, name: str) -> object:
    with suppress(sqlite3.Error):
        row = damaged.execute("SELECT value FROM meta WHERE name = ?", [name]).fetchone()
        return row[0] if row else None
    return None


def _left_out(damaged: sqlite3.Connection, document_id: str) -> int:
    with suppress(ValueError):
        return int(str(_meta(damaged, LEFT_OUT + document_id)))
    return 0


def _rows(damaged: sqlite3.Connection, table: str) -> list[tuple[object, ...]]:
    """Return the rows of a small table of which the damaged file tells what the copy doesn't know yet."""
    with suppress(sqlite3.Error):
        return [tuple(row) for row in damaged.execute(f"SELECT * FROM {table}").fetchall()]
    return []


def _put_rows(writer: CatalogWriter, table: str, rows: Sequence[Sequence[object]]) -> None:
    for row in rows:
        with suppress(sqlite3.Error):  # what isn't a row of such a table
            writer.execute(f"INSERT OR REPLACE INTO {table} VALUES ({', '.join('?' * len(row))})", row)


def _read_later(damaged: sqlite3.Connection, versions: dict[str, str]) -> _Later:
    """Read the documents of a damaged catalog that aren't among these versions, by key, one by one."""
    later = _Later()
    keys, ids = dict[int, str](), set[int]()
    with suppress(sqlite3.Error):
        # The index of keys has them beside the numbers, so that no page of the table is read.
        for number, key in damaged.execute("SELECT number, key FROM documents ORDER BY key"):
            keys[number] = key
        for number, _ in damaged.execute("SELECT number, id FROM documents ORDER BY id"):
            ids.add(number)
        # What isn't there was removed, so that this must be certain: two indexes tell the same.
        if keys and keys.keys() == ids:
            later.keys = set(keys.values())
    numbers = keys.keys() if later.keys is not None else range(1, _last(damaged, keys.keys() | ids) + 1)
    with suppress(sqlite3.Error):
        for number in sorted(numbers):
            _read_one(damaged, number, keys.get(number), versions, later)
    return later


def _last(damaged: sqlite3.Connection, seen: Set[int]) -> int:
    """Return the highest number that a document may have."""
    told = [*seen, 0]
    with suppress(sqlite3.Error):
        rows = damaged.execute("SELECT seq FROM sqlite_sequence WHERE name = 'documents'").fetchall()
        told.extend(seq for (seq,) in rows if isinstance(seq, int))
    return min(max(told), _MOST_NUMBERS)


def _read_one(
    damaged: sqlite3.Connection, number: int, key: str | None, versions: dict[str, str], later: _Later
) -> None:
    name = key
    try:
        # Apart from the text, which may lie on other pages.
        query = "SELECT key, version, title FROM documents WHERE number = ?"
        row = damaged.execute(query, [number]).fetchone()
        if row is None or versions.get(row["key"]) == row["version"]:
            return
        key = row["key"]
        name = row["title"] or key
        [row] = damaged.execute("SELECT * FROM documents WHERE number = ?", [number])
        values = dict(row)
        if _is_proved(values):
            later.documents.append(values)
            return
    except (sqlite3.Error, UnicodeDecodeError):
        pass
    # What is lost of a document that the copy has is its newest version at most.
    if name is not None and key not in versions:
        later.lost.append(name)


def _is_proved(row: dict[str, object]) -> bool:
    try:
        document = _document(row)
    except (KeyError, TypeError, ValueError):
        return False
    return row["text_hash"] == text_hash(document.text) or row["version"] == content_hash(document)[:16]


def _document(row: dict[str, object]) -> NewDocument:
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


def rewrite_words(writer: CatalogWriter) -> None:
    """Make the word index anew from the documents' texts."""
    writer.execute("DROP TABLE IF EXISTS vocabulary")
    writer.execute("DROP TABLE IF EXISTS words")
    for statement in schema():
        if "VIRTUAL TABLE" in statement:
            writer.execute(statement)
    for (number,) in writer.select("SELECT number FROM documents ORDER BY number").fetchall():
        [(title, text)] = writer.select("SELECT title, text FROM documents WHERE number = ?", [number])
        for row in writer.select(PASSAGES, [number]).fetchall():
            writer.execute(
                "INSERT INTO words (rowid, title, heading, text) VALUES (?, ?, ?, ?)",
                [row[0], *words_of(title, text, row)],
            )


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


def _swap(path: Path, new: Path) -> Path | None:
    """Put a new catalog in the place of a damaged one, and return where that is kept."""
    kept = path.with_name(f"{path.name}{DAMAGED}{datetime.now(UTC):%Y%m%dT%H%M%S.%f}Z")
    _keep(path.with_name(path.name + "-wal"), kept.with_name(kept.name + "-wal"))
    _keep(path, kept)
    _settle(path.parent)
    # The log goes first: SQLite would write it into whatever file has the name.
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    _settle(path.parent)
    new.replace(path)
    _settle(path.parent)
    return kept if kept.exists() else None


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
