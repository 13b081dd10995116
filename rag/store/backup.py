"""The kept copy: the catalog as it was within the last day, in case its file is damaged.

It lies in a folder of its own beside the catalog. It lacks the word index, which follows from the texts, and
which files were read: what is lost is then read again, and for what isn't that takes little. What is removed
from the catalog is wiped from the copy as well.
"""

from __future__ import annotations

import logging
import os
import shutil
import sqlite3
import threading
import time
from contextlib import closing, suppress
from pathlib import Path

from rag.errors import Cancelled, CatalogError
from rag.store.catalog import RECOVERY, RECOVERY_LOCK, Catalog, backup_of
from rag.store.catalog_view import CatalogView
from rag.store.process_lock import ProcessLock

_EVERY_SECONDS = 24 * 3600
_LOOK_SECONDS = 60.0
_STEP_PAGES = 2_000
"""Pages copied at once: about 8 MB, after which closing is heeded."""
_COPIED_WHOLE = ("meta", "tombstones", "names")
"""Small tables that are copied again at each wiping."""

log = logging.getLogger(__name__)


def make_backup(catalog: Catalog, closing_down: threading.Event | None = None) -> None:
    """Copy the catalog, in the place of an earlier copy.

    Raises
    ------
    Cancelled
        The library is being closed, or something was removed, and what was copied wiped with it.
    CatalogError
        There is no room for it, or the catalog can't be read.
    """
    path = backup_of(catalog.path)
    new = _unfinished(path)

    def heed_closing(status: int, remaining: int, total: int) -> None:
        if closing_down is not None and closing_down.is_set():
            raise Cancelled

    try:
        path.parent.mkdir(exist_ok=True)
        _delete(new)
        # While this moment is read no wiping can end, so what is removed meanwhile is wiped from this copy.
        with catalog.reading() as view, closing(sqlite3.connect(new, isolation_level=None)) as copy:
            try:
                view.copy_to(copy, _STEP_PAGES, heed_closing)
                # All in one file: a journal would hold what is removed meanwhile, and a kill would leave it.
                for statement in (
                    *("PRAGMA journal_mode = MEMORY", "PRAGMA secure_delete = ON"),
                    *("DROP TABLE IF EXISTS vocabulary", "DROP TABLE IF EXISTS words"),
                    *("DELETE FROM files", "DELETE FROM failures"),
                ):
                    copy.execute(statement)
                copy.close()
                new.replace(path)
            except (OSError, sqlite3.Error):
                if new.exists():
                    raise
                raise Cancelled from None
    except OSError as error:
        raise CatalogError(f"The catalog can't be copied to {path} ({error.strerror}): make room.") from error
    finally:
        _delete(new)


def wipe_backup(catalog: Catalog) -> None:
    """Wipe from the copy what the catalog holds no longer; a copy in which that fails is deleted.

    So is what a recovery has left that was killed.

    Raises
    ------
    CatalogError
        It can't be deleted either, or the catalog can't be read, which the copy is there for.
    """
    path, recovery = backup_of(catalog.path), catalog.path.parent / RECOVERY
    try:
        if recovery.exists():
            with ProcessLock(recovery / RECOVERY_LOCK).tried() as is_left:
                pass
            if is_left:
                shutil.rmtree(recovery)
        _delete(_unfinished(path))
        if not path.exists():
            return
        try:
            made = path.stat()
            _forget_in(path, catalog)
            # It tells when the copy was made.
            os.utime(path, ns=(made.st_atime_ns, made.st_mtime_ns))
        except sqlite3.Error as error:
            log.warning("The copy of the catalog can't be kept in step, and is deleted: %s", error)
            _delete(path)
    except OSError as error:
        name = error.filename or path
        raise CatalogError(f"{name} can't be deleted ({error.strerror}): delete it.") from error


def _unfinished(path: Path) -> Path:
    return path.with_name(path.name + ".new")


def _delete(path: Path) -> None:
    for suffix in ("", "-journal", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def _forget_in(path: Path, catalog: Catalog) -> None:
    with closing(sqlite3.connect(path, timeout=60, isolation_level=None)) as copy:
        for pragma in ("secure_delete = ON", "foreign_keys = ON", "temp_store = MEMORY"):
            copy.execute(f"PRAGMA {pragma}")
        copy.execute("BEGIN IMMEDIATE")
        # Its errors are not those of the copy, so that it is known which of the two is damaged.
        with catalog.reading() as view:
            documents = _documents(view, catalog.path)
            small = {table: view.select(f"SELECT * FROM {table}") for table in _COPIED_WHOLE}
        copy.execute("CREATE TEMP TABLE held (number INTEGER, id TEXT PRIMARY KEY, version TEXT, key TEXT)")
        copy.executemany("INSERT INTO held VALUES (?, ?, ?, ?)", documents)
        copy.execute(
            "DELETE FROM documents WHERE NOT EXISTS (SELECT 1 FROM held h"
            " WHERE h.id = documents.id AND h.version = documents.version)"
        )
        # Files may have been renamed, also each to the name that another had, and no two have one name.
        renamed = "(SELECT h.key FROM held h WHERE h.id = documents.id)"
        copy.execute(f"UPDATE documents SET key = 'renamed ' || id WHERE key != {renamed}")
        copy.execute(f"UPDATE documents SET key = {renamed} WHERE key != {renamed}")
        for table, rows in small.items():
            copy.execute(f"DELETE FROM {table}")
            for row in rows:
                copy.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", row)
        copy.execute("COMMIT")


def _documents(view: CatalogView, path: Path) -> list[tuple[int, str, str, str]]:
    """Return number, id, version and key of each document that a catalog holds.

    Raises
    ------
    CatalogError
        It contradicts itself.
    """
    documents = view.select("SELECT number, id, version, key FROM documents NOT INDEXED")
    # What isn't there is deleted from the copy, so that this must be certain: the table and its two indexes
    # tell the same.
    for column, at in (("id", 1), ("key", 3)):
        index = view.select(f"SELECT number, {column} FROM documents ORDER BY {column}")
        if set(index) != {(row[0], row[at]) for row in documents}:
            raise CatalogError(
                f"The catalog {path} contradicts itself, so that its copy is left as it is: look after it"
                " with `python -m rag doctor`."
            )
    return documents


class BackupKeeper:
    """Makes a copy in the background, once a day, when nothing is being added."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._lock = ProcessLock(catalog.path.parent / "backup.lock")
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="backup", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End it; a copy that is being made is given up."""
        self._closing.set()
        self._thread.join()

    def _keep(self) -> None:
        seen = 0
        while not self._closing.wait(_LOOK_SECONDS):
            with suppress(Cancelled):
                try:
                    with self._catalog.reading() as view:
                        last = view.changes.last()
                    if last and last == seen and _is_due(backup_of(self._catalog.path)):
                        with self._lock.tried() as is_held:
                            if is_held:
                                make_backup(self._catalog, self._closing)
                    seen = last
                # What stands in the way may be gone at the next look.
                except (CatalogError, OSError, sqlite3.Error) as error:
                    log.warning("%s", error)


def _is_due(path: Path) -> bool:
    return not path.exists() or time.time() - path.stat().st_mtime > _EVERY_SECONDS
