"""From a damaged catalog to one in order: the kept copy, and what can still be read that came after it.

The damaged file is kept beside the new one until something is removed.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from rag.documents import NewDocument, Progress, ReportProgress
from rag.embedding.local import Embedder
from rag.errors import CatalogError
from rag.ingest.ingestion import Ingestion
from rag.library import Library
from rag.settings import Settings
from rag.store.catalog import DAMAGED, RECOVERY, RECOVERY_LOCK, SCHEMA_VERSION, Catalog, backup_of
from rag.store.catalog_writer import WIPE, CatalogWriter, owe_wiping
from rag.store.process_lock import ProcessLock
from rag.upkeep.checks import file_faults
from rag.upkeep.damaged_catalog import DamagedCatalog
from rag.upkeep.held_vectors import HeldVectors


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


def recover(settings: Settings, embedder: Embedder, progress: ReportProgress | None = None) -> Recovered:
    """Put the copy of ``settings.data_dir``'s catalog in its place, with what can be read that is newer.

    Until the last step the damaged file is in place, after it the new one.

    Raises
    ------
    CatalogError
        Another process has the library open, the folder can't be written, the embedding model can't be
        asked, or the catalog is missing and its copy can't be put back.
    """
    folder, workshop = settings.data_dir, settings.data_dir / RECOVERY
    try:
        with ProcessLock(folder / "chroma.lock").tried() as is_alone:
            if not is_alone:  # the app would go on writing into the file that is set aside
                raise CatalogError(
                    f"The catalog in {folder} is damaged, and another process has it open: close the app,"
                    " then run `python -m rag doctor` again."
                )
            shutil.rmtree(workshop, ignore_errors=True)
            try:
                workshop.mkdir()
                # Who wipes deletes what a recovery has left, and not one that is under way.
                with ProcessLock(workshop / RECOVERY_LOCK).tried():
                    return _recover(settings, workshop, embedder, progress)
            finally:
                # It holds the text of all that was removed meanwhile.
                shutil.rmtree(workshop, ignore_errors=True)
    except OSError as error:
        raise CatalogError(
            f"What can be read of {folder / 'catalog.sqlite3'} can't be saved ({error.strerror}): make room"
            f" in {folder} and make it writable; nothing was lost."
        ) from error


def _recover(
    settings: Settings, workshop: Path, embedder: Embedder, progress: ReportProgress | None
) -> Recovered:
    path = settings.data_dir / "catalog.sqlite3"
    new = workshop / path.name
    copy_made = _put_copy(backup_of(path), new)
    if copy_made is None and not path.exists():
        # A new catalog would leave nothing of the copy, whatever is the matter with it.
        raise CatalogError(
            f"The catalog {path} is missing, and its copy is damaged: put another copy in its place, or"
            f" delete {backup_of(path).parent} to begin a new library."
        )
    with closing(DamagedCatalog(path, workshop / "damaged.sqlite3", new)) as damaged:
        inside = settings.model_copy(update={"data_dir": workshop})
        with Library.open(inside, embedder, follow=False) as library:
            recovered = _fill(library, damaged, copy_made, progress)
        with closing(sqlite3.connect(new, isolation_level=None)) as connection:
            # When the library is closed, whose own conversations and copy these aren't.
            if damaged.meta(WIPE):
                owe_wiping(connection)
            # All of it in the one file, which can then be moved by itself.
            connection.execute("PRAGMA journal_mode = DELETE")
    # Chroma's count of applied changes is that of the damaged catalog.
    shutil.rmtree(settings.data_dir / "chroma", ignore_errors=True)
    return replace(recovered, kept=_swap(path, new))


def _put_copy(copy: Path, place: Path) -> datetime | None:
    """Put the copy in a place, and return when it was made; where there is no sound one, an empty catalog."""
    is_sound = _is_sound(copy)
    if is_sound:
        shutil.copy2(copy, place)
    with closing(Catalog(place)) as catalog, catalog.writing() as writer:
        writer.words.rewrite()
        # The name of its collection on a Chroma server, which counts the damaged catalog's changes.
        writer.execute("DELETE FROM meta WHERE name = 'library'")
    return datetime.fromtimestamp(copy.stat().st_mtime, UTC) if is_sound else None


def _is_sound(copy: Path) -> bool:
    """Whether there is a whole copy.

    Raises
    ------
    CatalogError
        It can't be read now, or is of a newer Footnote: a library made without it would leave nothing of it.
    """
    try:
        if not copy.exists() or file_faults(copy):
            return False
        with closing(sqlite3.connect(copy)) as connection:
            version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    except sqlite3.Error as error:
        raise CatalogError(
            f"The catalog's copy {copy} can't be read now ({error}): run `python -m rag doctor` again when"
            " nothing else uses it; nothing was changed."
        ) from error
    if version > SCHEMA_VERSION:
        raise CatalogError(
            f"The catalog's copy {copy} is of a newer Footnote: update Footnote, then run"
            " `python -m rag doctor` again; nothing was changed."
        )
    return version > 0


def _fill(
    library: Library, damaged: DamagedCatalog, copy_made: datetime | None, progress: ReportProgress | None
) -> Recovered:
    """Add to the copy what is newer, and remove from it what the damaged catalog doesn't hold any more."""
    tombstones = damaged.rows("tombstones")
    with library.catalog.writing() as writer:
        # Before the documents, whose ids and so their passages' they tell.
        _put_rows(writer, "names", damaged.rows("names"))
        removed = tombstones or writer.select("SELECT * FROM tombstones")
        versions = dict(writer.select("SELECT key, version FROM documents"))
    told = damaged.documents(versions)
    if told.keys is not None:
        gone = versions.keys() - told.keys
    else:
        gone = versions.keys() & {row[0] for row in tombstones}
    with library.batch(), library.catalog.writing() as writer:
        for key in gone:
            if identity := writer.identity(key):
                writer.remove(identity, bury=False)
    ingestion = library.ingestion.with_vectors(HeldVectors(library.embedder, damaged.vectors))
    saved, lost = 0, told.lost
    for done, read in enumerate(told.documents):
        document, name = read.document, read.document.title or read.document.key
        if progress is not None:
            progress(Progress(done, len(told.documents), name))
        if not _is_added(ingestion, document):
            lost.append(name)
            continue
        saved += 1
        with library.catalog.writing() as writer:
            dates = [read.added, read.updated, document.key]
            writer.execute("UPDATE documents SET added = ?, updated = ? WHERE key = ?", dates)
    with library.catalog.writing() as writer:
        # Again: adding a document forgets that its text was removed under another key.
        _put_rows(writer, "tombstones", removed)
        writer.execute("DELETE FROM tombstones WHERE key IN (SELECT key FROM documents)")
    is_all_known = told.keys is not None
    return Recovered(len(versions) - len(gone), copy_made, saved, tuple(sorted(lost)), is_all_known, None)


def _is_added(ingestion: Ingestion, document: NewDocument) -> bool:
    """Add a document, and return whether it is held now.

    Raises
    ------
    CatalogError
        It can't be embedded now, but later.
    """
    report = ingestion.add([document])
    for error in report.failed:
        if error.retryable:
            raise CatalogError(
                f"{error.path} can't be saved from the damaged catalog, which is left as it is:"
                f" {error.reason} Then run `python -m rag doctor` again."
            ) from error
    return bool(report.added or report.updated or report.unchanged)


def _put_rows(writer: CatalogWriter, table: str, rows: Sequence[Sequence[object]]) -> None:
    for row in rows:
        with suppress(sqlite3.Error):  # what isn't a row of such a table
            writer.execute(f"INSERT OR REPLACE INTO {table} VALUES ({', '.join('?' * len(row))})", row)


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
