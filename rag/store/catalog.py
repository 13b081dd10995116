"""The catalog: one SQLite file that holds everything that matters.

A document is written, replaced or removed in one transaction with its passages, vectors, index
entries and changes. Readers see one moment of it (`Catalog.reading`) and fetch whole, so that
checkpoints can finish.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import Empty, SimpleQueue

from rag.documents import IsCancelled
from rag.errors import Cancelled, CatalogError
from rag.store.catalog_view import CatalogView
from rag.store.catalog_writer import WIPE, CatalogWriter
from rag.store.migrations import MIGRATIONS, migrate
from rag.store.stored_passage import PassageCache

SCHEMA_VERSION = 3
_BUSY_SECONDS = 60
_STEPS_BETWEEN_LOOKS = 100_000
"""Of SQLite's machine, a few milliseconds, after which it looks whether what it does is still wanted."""
_TRY_SECONDS = 0.1
"""How long one try to cut off the log keeps other writers waiting."""
_MOST_LEVELS = 100
"""Each merge of all segments adds a level or two to the word index, and at 2,000 SQLite 3.40 takes it for
damaged. Making it anew costs about as much as fifty merges, and brings them back to one."""
DAMAGED = ".damaged-"
"""What follows the catalog's name in that of a copy that was damaged and has been replaced."""
RECOVERY = ".recovered"
"""The folder in which a damaged catalog is made anew."""
RECOVERY_LOCK = "lock"
"""The file in it that is held as long as that is under way."""


class Catalog:
    """The SQLite file, its connections and what can be written to it.

    Several threads may use one catalog, and several processes one file.
    """

    def __init__(self, path: Path) -> None:
        """Open the file, and make it if there is none.

        Raises
        ------
        CatalogError
            The folder can't be written, the file is damaged, or missing beside its kept copy, or a newer
            Footnote wrote it.
        """
        self.path = path
        self._idle: SimpleQueue[sqlite3.Connection] = SimpleQueue()
        self._writer = threading.Lock()
        self._closed = False
        self._passages = PassageCache()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CatalogError(
                f"The data folder {path.parent} can't be made ({error.strerror}): choose another"
                " with FOOTNOTE_DATA_DIR."
            ) from error
        if not os.access(path.parent, os.W_OK) or (path.exists() and not os.access(path, os.W_OK)):
            raise CatalogError(
                f"The data folder {path.parent} can't be written: make it writable, or choose"
                " another with FOOTNOTE_DATA_DIR."
            )
        if what_is_lost(path):
            raise CatalogError(_damaged(path) if path.exists() else _missing(path))
        with self._connection() as connection:
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            if version > SCHEMA_VERSION:
                raise CatalogError(
                    f"The catalog {path} was written by a newer Footnote (schema {version}, this one knows"
                    f" {SCHEMA_VERSION}): update Footnote, or choose another folder with FOOTNOTE_DATA_DIR."
                )
            migrate(connection, path, SCHEMA_VERSION, MIGRATIONS)

    def close(self) -> None:
        """Close all connections, each when nobody uses it any more; nothing can be asked after that."""
        self._closed = True
        self._close_idle()

    def _close_idle(self) -> None:
        with suppress(Empty):
            while True:
                connection = self._idle.get_nowait()
                with suppress(sqlite3.Error):
                    connection.close()

    @contextmanager
    def reading(self) -> Iterator[CatalogView]:
        """See the catalog as it is at this moment, whatever is written meanwhile."""
        with self._connection() as connection, connection:
            connection.execute("BEGIN")
            yield CatalogView(connection, self._passages)

    @contextmanager
    def writing(self, cancelled: IsCancelled | None = None) -> Iterator[CatalogWriter]:
        """Write in one transaction, which is undone where an exception leaves the block.

        Raises
        ------
        Cancelled
            What is written is no longer wanted; a statement that is under way ends at once.
        """
        with self._writer, self._connection() as connection, connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.set_progress_handler(cancelled, _STEPS_BETWEEN_LOOKS)
            try:
                yield CatalogWriter(connection)
            finally:
                connection.set_progress_handler(None, 0)

    def owed(self) -> str:
        """What names the wiping that is owed since something was removed; empty where none is."""
        with self.reading() as view:
            return view.meta(WIPE) or ""

    def wipe(self, patience_seconds: float) -> bool:
        """Wipe what was removed from the file and its log; return whether all of it is gone.

        A removed row is overwritten with zeros, but its words stay in older segments of the word
        index until they are merged, and its text in the log until that is copied into the file and
        cut off. A reader of an earlier moment, in any process, stands in the way of that. Copies of
        damaged catalogs are deleted: what could be read of them has been saved, and nobody can tell
        whether they hold what was removed.
        """
        for copy in self.path.parent.glob(f"{self.path.name}{DAMAGED}*"):
            try:
                copy.unlink(missing_ok=True)
            except OSError as error:
                raise CatalogError(f"{copy} can't be deleted ({error.strerror}): delete it.") from error
        with self.writing() as writer:
            has_more = writer.words.merge(start=True)
        while has_more:
            with self.writing() as writer:
                has_more = writer.words.merge(start=False)
        with self.writing() as writer:
            if writer.words.levels() > _MOST_LEVELS:
                writer.words.rebuild()
        end = time.monotonic() + patience_seconds
        while not self._cut_log():
            if time.monotonic() >= end:
                return False
            time.sleep(_TRY_SECONDS / 2)
        return True

    def settle(self, owed: str) -> None:
        """Note that what was owed is wiped, unless more was removed meanwhile."""
        with self.writing() as writer:
            writer.execute("DELETE FROM meta WHERE name = ? AND value = ?", [WIPE, owed])

    def _cut_log(self) -> bool:
        with self._writer, self._connection() as connection:
            connection.execute(f"PRAGMA busy_timeout = {int(1000 * _TRY_SECONDS)}")
            try:
                is_busy, *_ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            finally:
                connection.execute(f"PRAGMA busy_timeout = {1000 * _BUSY_SECONDS}")
        return not is_busy

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        """Lend a connection; what SQLite says of it is told in one sentence."""
        if self._closed:
            raise CatalogError("The library has been closed: open it again.")
        with self._translated():
            try:
                connection = self._idle.get_nowait()
            except Empty:
                connection = self._connect()
            try:
                yield connection
            finally:
                self._idle.put(connection)
                # Not by `close`: a connection that is closed while it is used takes the process with it.
                if self._closed:
                    self._close_idle()

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        for pragma in (
            "journal_mode = WAL",
            "synchronous = FULL",
            "secure_delete = ON",
            "foreign_keys = ON",
            "temp_store = MEMORY",
        ):
            connection.execute(f"PRAGMA {pragma}")
        return connection

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_INTERRUPT:
                raise Cancelled from error
            raise CatalogError(_sentence(error, self.path)) from error
        except json.JSONDecodeError as error:  # zeros where blocks or sentences stood
            raise CatalogError(_damaged(self.path)) from error


def backup_of(catalog_path: Path) -> Path:
    """Return where the copy of a catalog is kept."""
    return catalog_path.parent / "backup" / catalog_path.name


def what_is_lost(path: Path) -> str:
    """Return in a few words how a catalog that held documents can't be opened any more, "" where it can.

    Chroma's folder comes after the first document, and so does the copy, of which a new catalog would leave
    nothing. Without a copy nobody can tell a catalog that is missing from one that was deleted.
    """
    has_copy = backup_of(path).exists()
    if not path.exists():
        return "it is missing" if has_copy else ""
    had_documents = has_copy or (path.parent / "chroma").exists()
    return "it is empty" if path.stat().st_size == 0 and had_documents else ""


def _damaged(path: Path) -> str:
    return (
        f"The catalog {path} is damaged: put a copy of it back, or save what can be read of it with"
        " `python -m rag doctor`."
    )


def _missing(path: Path) -> str:
    return (
        f"The catalog {path} is missing: put its copy of the last day back with `python -m rag doctor`, or"
        f" delete {backup_of(path).parent} to begin a new library."
    )


def _sentence(error: sqlite3.Error, path: Path) -> str:
    text = str(error)
    if "full" in text:
        return f"The disk that holds {path.parent} is full: make room and try again; nothing was lost."
    if "readonly" in text or "unable to open" in text:
        return f"The catalog {path} can't be written: make it writable, or set FOOTNOTE_DATA_DIR."
    if "locked" in text:
        return "Another process has been writing to the library for a minute: try again when it is done."
    if any(sign in text for sign in ("malformed", "not a database", "not decode", "already exists")):
        return _damaged(path)
    return f"The catalog {path} failed ({text}): try again."
