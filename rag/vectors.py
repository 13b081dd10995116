"""Chroma, the follower: it finds the nearest passages quickly and holds nothing that matters.

A thread of its own opens Chroma, probes it, and applies the catalog's changes in bounded steps. The
number of the last change applied lives in the collection's metadata, so it vanishes with the
collection. Whatever Chroma hasn't applied is compared exactly, and so is everything while it is
missing, being rebuilt, or owned by another process. No failure of Chroma reaches a question.
"""

from __future__ import annotations

import logging
import shutil
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from rag.catalog import Catalog
from rag.catalog_view import CatalogView, VectorRows
from rag.embeddings import Vector
from rag.errors import FootnoteError, VectorIndexError

_COLLECTION = "passages"
_STEP = 500
"""Changes applied at once: some tenths of a second, the longest that closing has to wait."""
_PROBES = 48
_PROBES_FOUND = 0.95
"""Share of the probed vectors that must find themselves; the approximate index may miss one."""
_DEAD_SHARE = 0.1
_RETRY_SECONDS = 5.0
ELSEWHERE = "another process keeps the vector index; searching exactly"
"""The state of an index whose folder isn't ours."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Nearest:
    """Passages near a question's vector; ``exact`` tells whether all vectors were compared."""

    passage_ids: tuple[str, ...]
    exact: bool


class VectorIndex:
    """The nearest passages of a catalog: by Chroma for what it holds, exactly for the rest.

    Parameters
    ----------
    folder
        Chroma's folder; ``folder.with_suffix(".lock")`` says which process owns it.
    catalog
        What is followed.
    embedder
        The name of the model whose vectors the catalog holds.
    follow
        Whether to own Chroma's folder if it is free. The command line doesn't.
    """

    def __init__(self, folder: Path, catalog: Catalog, embedder: str, *, follow: bool = True) -> None:
        self._folder = folder
        self._catalog = catalog
        self._embedder = embedder
        self._mutex = threading.RLock()
        self._client: Any = None  # chromadb is imported by the follower's thread: it takes a second
        self._collection: Any = None
        self._applied = 0
        self._dead = 0
        self._lock_file: IO[str] | None = None
        self._pending = _Pending()
        self._wake = threading.Event()
        self._stopping = False
        self._caught_up = threading.Event()
        self._state = "opening the vector index" if follow else "searching exactly"
        self._thread: threading.Thread | None = None
        if follow:
            self._thread = threading.Thread(target=self._follow, name="chroma-follower", daemon=True)
            self._thread.start()

    @property
    def state(self) -> str:
        """One line on how the index is: "in order", or what it is doing."""
        return self._state

    def notify(self) -> None:
        """Say that the catalog has changed."""
        self._caught_up.clear()
        self._wake.set()

    def wait(self, timeout_seconds: float) -> bool:
        """Wait until all changes are applied; return whether they are."""
        return self._thread is not None and self._caught_up.wait(timeout_seconds)

    def rebuild(self) -> None:
        """Throw Chroma's folder away and fill it again from the catalog, in the background.

        Raises
        ------
        VectorIndexError
            This library doesn't follow.
        """
        if self._thread is None:
            raise VectorIndexError("This library doesn't keep the vector index: open it with `follow`.")
        with self._mutex:
            self._discard()
        self.notify()

    def close(self) -> None:
        """Give up Chroma's folder; what is not applied yet will be at the next opening."""
        self._stopping = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join()

    def nearest(self, view: CatalogView, vector: Vector, limit: int) -> Nearest:
        """Return the passages nearest to `vector`, in no order that matters: callers rescore them."""
        found: tuple[str, ...] = ()
        applied = 0
        # A rebuild or a long step holds the mutex; the question then compares exactly.
        if self._mutex.acquire(timeout=0.2):
            try:
                if self._collection is not None:
                    found = self._query(vector, limit)
                    applied = self._applied
            except Exception:  # Chroma raises errors of many kinds, AttributeError among them
                log.warning("Chroma failed at a question; it will be rebuilt", exc_info=True)
                self._discard()
                self.notify()
                found, applied = (), 0
            finally:
                self._mutex.release()
        rows = self._pending.rows(view, applied)
        nearest = _nearest_rows(rows, vector, limit)
        return Nearest(tuple(dict.fromkeys((*found, *nearest))), exact=applied == 0)

    def _query(self, vector: Vector, limit: int) -> tuple[str, ...]:
        result = self._collection.query(query_embeddings=[vector.tolist()], n_results=limit, include=[])
        return tuple(result["ids"][0])

    def _follow(self) -> None:
        while not self._stopping:
            self._wake.clear()
            try:
                if self._catch_up():
                    self._state = "in order"
                    self._caught_up.set()
                    self._wake.wait()
                    continue
            except FootnoteError as error:
                log.warning("%s", error)
            except Exception:  # see above; the follower must outlive whatever Chroma does
                log.warning("Chroma failed; rebuilding it from the catalog", exc_info=True)
                with self._mutex:
                    self._discard()
            self._wake.wait(_RETRY_SECONDS)
        with self._mutex:
            self._close_client()
            self._unlock()

    def _catch_up(self) -> bool:
        """Apply all changes; return whether Chroma is owned and holds everything now."""
        if not self._lock():
            self._state = ELSEWHERE
            return False
        if self._collection is None:
            self._open()
        while not self._stopping:
            with self._catalog.reading() as view:
                changes = view.changes(self._applied, _STEP)
                rows = view.vectors_of([passage for _, passage, added in changes if added])
                last = view.last_change()
            if not changes:
                return True
            self._state = f"indexing vectors ({self._applied} of {last} changes)"
            self._apply(changes, rows)
        return False

    def _apply(self, changes: Sequence[tuple[int, str, bool]], rows: VectorRows) -> None:
        gone = [passage for _, passage, added in changes if not added]
        with self._mutex:
            if rows.ids:
                self._collection.upsert(ids=list(rows.ids), embeddings=rows.matrix)
            # A passage that was removed and came back within the step is held, so it stays.
            gone = [passage for passage in gone if passage not in set(rows.ids)]
            # A new collection never held what was removed before it, so nothing of that is dead in it.
            gone = self._collection.get(ids=gone, include=[])["ids"] if gone else []
            if gone:
                self._collection.delete(ids=gone)
            self._dead += len(gone)
            self._applied = changes[-1][0]
            self._collection.modify(metadata=self._metadata())
            if self._dead > max(_STEP, _DEAD_SHARE * self._collection.count()):
                # Chroma leaves the vectors of deleted entries in its files until it is made anew.
                self._discard()
                self._open()

    def _metadata(self) -> dict[str, str | int]:
        return {"embedder": self._embedder, "applied": self._applied, "dead": self._dead}

    def _open(self) -> None:
        """Open Chroma's collection if it can be trusted, else make a new one."""
        with self._mutex:
            try:
                self._connect()
                self._probe()
            except Exception as error:  # noqa: BLE001  # Chroma raises errors of many kinds
                if self._folder.exists():
                    log.warning("Rebuilding the vector index: %s", error)
                self._discard()
                self._connect()

    def _connect(self) -> None:
        import chromadb
        from chromadb.config import Settings as ChromaSettings

        settings = ChromaSettings(anonymized_telemetry=False)
        self._client = chromadb.PersistentClient(str(self._folder), settings)
        collection = self._client.get_or_create_collection(
            _COLLECTION,
            embedding_function=None,
            metadata={"embedder": self._embedder, "applied": 0, "dead": 0},
            configuration={"hnsw": {"space": "cosine", "ef_search": 200}},
        )
        if collection.configuration["hnsw"]["space"] != "cosine":
            raise VectorIndexError("The vector index has the wrong metric.")
        if collection.metadata["embedder"] != self._embedder:
            raise VectorIndexError("The vector index is of another embedding model.")
        self._applied = int(collection.metadata["applied"])
        self._dead = int(collection.metadata["dead"])
        self._collection = collection

    def _probe(self) -> None:
        """Check that Chroma holds what the catalog holds, since damage is not always an error.

        Raises
        ------
        VectorIndexError
            The counts differ, or too many stored vectors don't find themselves.
        """
        with self._catalog.reading() as view:
            last = view.last_change()
            if self._applied > last:
                raise VectorIndexError("The vector index belongs to another catalog.")
            pending = view.changes(self._applied, 1_000_000) if self._applied < last else []
            ids = {passage for _, passage, _ in pending}
            held = view.counts()[1] - len(view.vectors_of(list(ids)).ids)
            sample = view.sample_vectors(_PROBES)
        # Entries with pending changes may be on either side.
        if not held <= self._collection.count() <= held + len(ids):
            raise VectorIndexError("The vector index doesn't hold what the catalog holds.")
        probes = [i for i, passage in enumerate(sample.ids) if passage not in ids]
        if not probes:
            return
        result = self._collection.query(
            query_embeddings=sample.matrix[probes], n_results=3, include=["distances"]
        )
        found = sum(
            # Copies of a text share a vector, so an entry at no distance is as good as itself.
            sample.ids[probe] in passages or (len(distances) > 0 and distances[0] < 1e-4)
            for probe, passages, distances in zip(probes, result["ids"], result["distances"], strict=True)
        )
        if found < _PROBES_FOUND * len(probes):
            raise VectorIndexError("The vector index has lost vectors.")

    def _discard(self) -> None:
        self._close_client()
        if self._lock_file is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _close_client(self) -> None:
        client, self._client, self._collection = self._client, None, None
        self._applied = self._dead = 0
        if client is not None:
            with suppress(Exception):  # a damaged Chroma may fail at closing too
                client.close()

    def _lock(self) -> bool:
        """Own Chroma's folder if no other process does, nor another library of this one."""
        if self._lock_file is not None:
            return True
        file = self._folder.with_suffix(".lock").open("w")
        if not _try_lock(file):
            file.close()
            return False
        self._lock_file = file
        return True

    def _unlock(self) -> None:
        if self._lock_file is not None:
            self._lock_file.close()
            self._lock_file = None


class _Pending:
    """The vectors added after a change, kept between questions and extended as more come."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._after = self._until = 0
        self._rows = VectorRows((), np.empty((0, 0), np.float32))

    def rows(self, view: CatalogView, after: int) -> VectorRows:
        """Return the vectors added after a change and not removed since."""
        with self._mutex:
            if after != self._after:
                self._after = self._until = after
                self._rows = VectorRows((), np.empty((0, 0), np.float32))
            last = view.last_change()
            if last > self._until:
                gone = view.removed_passages(self._until)
                self._rows = _joined(_without(self._rows, gone), view.vectors_added(self._until))
                self._until = last
            return self._rows


def _without(rows: VectorRows, gone: set[str]) -> VectorRows:
    keep = [i for i, passage in enumerate(rows.ids) if passage not in gone]
    if len(keep) == len(rows.ids):
        return rows
    return VectorRows(tuple(rows.ids[i] for i in keep), rows.matrix[keep])


def _joined(first: VectorRows, second: VectorRows) -> VectorRows:
    if not first.ids or not second.ids:
        return first if first.ids else second
    return VectorRows(first.ids + second.ids, np.vstack([first.matrix, second.matrix]))


def _nearest_rows(rows: VectorRows, vector: Vector, limit: int) -> list[str]:
    if not rows.ids:
        return []
    cosines = rows.matrix @ vector
    if len(cosines) <= limit:
        return list(rows.ids)
    return [rows.ids[i] for i in np.argpartition(-cosines, limit - 1)[:limit]]


def _try_lock(file: IO[str]) -> bool:
    try:
        import fcntl
    except ImportError:  # Windows: one process at a time is not enforced there
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
