"""The nearest passages: by Chroma for what it holds, exactly for the rest.

A follower's thread opens Chroma (`rag/store/chroma.py`) and applies the catalog's changes in bounded steps.
Whatever Chroma hasn't applied is compared exactly, and so is everything while it is missing, being
rebuilt, out of reach, or owned by another process. No failure of Chroma reaches a question.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rag.embedding.local import Vector, products
from rag.errors import CatalogError, VectorIndexError
from rag.store.catalog import Catalog
from rag.store.catalog_view import CatalogView
from rag.store.chroma import FolderStore, PassageCollection, ServerStore, Store
from rag.store.models import is_embedded
from rag.store.passages_view import NO_ROWS, VectorRows
from rag.store.process_lock import ProcessLock

_STEP = 500
"""Changes applied at once: some tenths of a second, the longest that closing has to wait."""
_DEAD_SHARE = 0.1
_JUDGED_SHARE = 0.1
"""How much larger or smaller Chroma's collection has become before it is judged again."""
_MUTEX_SECONDS = 0.2
_POLL_SECONDS = 5.0
"""How often another process's changes are looked for, and whether the folder has become free."""
_LONGEST_WAIT_SECONDS = 300.0
_CLOSING_SECONDS = 30.0
_IDLE_SECONDS = 0.5
_LONGEST_REST_SECONDS = 30.0
"""Chroma gets the processor when nothing has been asked or added for half a second, or at the latest now."""
IN_ORDER = "in order"
BEHIND = "changes wait to be indexed; searching them exactly"
POOR = "the vector index misses passages; searching exactly"
"""The state where Chroma holds everything, and its approximate search doesn't find enough of it."""
ELSEWHERE = "another process keeps the vector index; searching exactly"
"""The state of an index whose folder isn't ours."""
OUT_OF_REACH = "the Chroma server doesn't answer; searching exactly"
FAILED = "the vector index failed and will be tried again; searching exactly"
NOT_EMBEDDED = "articles wait to be embedded anew; searching by words alone"
"""The state while the embedding model is being changed."""
HELD_UP = (ELSEWHERE, OUT_OF_REACH, FAILED, NOT_EMBEDDED)
"""States that waiting doesn't end soon."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Nearest:
    """Passages near a question's vector; ``exact`` tells whether all vectors were compared."""

    passage_ids: tuple[str, ...]
    exact: bool


class VectorIndex:
    """The nearest passages of a catalog.

    ``state`` is one line on how the index is: `IN_ORDER`, or what it is doing.

    Parameters
    ----------
    folder
        Chroma's folder; ``folder.with_suffix(".lock")`` says which process owns it, or keeps the
        collection on the server.
    catalog
        What is followed.
    embedder
        The name of the model whose vectors the catalog holds.
    follow
        Whether to own Chroma's folder if it is free. The command line doesn't.
    server_url
        A Chroma server to use instead of the folder.
    """

    def __init__(
        self, folder: Path, catalog: Catalog, embedder: str, *, follow: bool = True, server_url: str = ""
    ) -> None:
        self._catalog = catalog
        self._embedder = embedder
        self._lock = ProcessLock(folder.with_suffix(".lock"))
        # chromadb is imported by the follower's thread: it takes a second.
        self._store: Store = ServerStore(server_url) if server_url else FolderStore(folder)
        self._mutex = threading.RLock()
        self._collection: PassageCollection | None = None
        # How many entries it had when it was judged whether its approximate search finds enough.
        self._judged, self._is_poor = 0, False
        self._pending = _PendingVectors()
        self._noting = threading.Lock()
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._is_distrusted = False
        self._caught_up = threading.Event()
        self._rest = _Rest()
        self._is_told = False
        self.state = "opening the vector index" if follow else "searching exactly"
        self._thread: threading.Thread | None = None
        if follow:
            self._thread = threading.Thread(target=self._follow, name="chroma-follower", daemon=True)
            self._thread.start()

    @property
    def is_behind(self) -> bool:
        """Whether it follows, and has been told of changes that Chroma doesn't hold yet."""
        return self._thread is not None and self._is_told and not self._caught_up.is_set()

    def notify(self) -> None:
        """Say that the catalog has changed."""
        with self._noting:
            self._rest.used = time.monotonic()
            self._is_told = True
            self._wake.set()
            self._caught_up.clear()
            if self.state in (IN_ORDER, POOR):
                self.state = BEHIND

    def wait(self, timeout_seconds: float) -> bool:
        """Wait until all changes are applied; return whether they are.

        Raises
        ------
        VectorIndexError
            This library doesn't follow.
        """
        self._check_follows()
        self._rest.is_awaited.set()
        return self._caught_up.wait(timeout_seconds)

    def rebuild(self) -> None:
        """Throw Chroma's entries away and fill it again from the catalog, in the background.

        Raises
        ------
        VectorIndexError
            This library doesn't follow.
        """
        self._check_follows()
        self._is_distrusted = True
        self.notify()

    def close(self) -> None:
        """Give up Chroma; what is not applied yet will be at the next opening."""
        self._stopping.set()
        self._rest.is_awaited.set()
        self._wake.set()
        if self._thread is not None:
            # A server that stops answering must not keep the app from ending.
            self._thread.join(_CLOSING_SECONDS)

    def nearest(self, view: CatalogView, vector: Vector, limit: int) -> Nearest:
        """Return the passages nearest to `vector`, in no order that matters: callers rescore them.

        To one of zeros, which stands for a question that isn't embedded, none is near.
        """
        self._rest.used = time.monotonic()
        if not vector.any():
            return Nearest((), exact=True)
        found, applied = self._ask(vector, limit)
        if applied > view.changes.last():
            # Chroma has replaced passages that this view still holds.
            applied = 0
        rows = self._pending.rows(view, applied)
        nearest = nearest_rows(rows, vector, limit)
        return Nearest(tuple(dict.fromkeys((*found, *nearest))), exact=applied == 0)

    def _ask(self, vector: Vector, limit: int) -> tuple[tuple[str, ...], int]:
        """Return what Chroma finds, and the last change that it knows; nothing and 0 where it can't."""
        # A long step holds the mutex; the question then compares exactly.
        if not self._mutex.acquire(timeout=_MUTEX_SECONDS):
            return (), 0
        try:
            if self._collection is None or self._is_poor:
                return (), 0
            collection = self._store.current(self._collection)
            return collection.nearest(vector, limit), collection.applied
        except Exception as error:  # noqa: BLE001  # Chroma raises errors of many kinds
            log.warning("Chroma failed at a question, which is answered without it: %s", error)
            self._lose()
            self.notify()
            return (), 0
        finally:
            self._mutex.release()

    def _lose(self) -> None:
        """Ask Chroma nothing until the follower has opened it again, a folder of ours as a new one."""
        with self._mutex:
            self._collection = None
            # A server may only be out of reach: its collection is checked when it is back.
            self._is_distrusted |= not self._store.is_shared

    def _follow(self) -> None:
        failures = 0
        while not self._stopping.is_set():
            self._wake.clear()
            self._rest.take()
            if self._stopping.is_set():
                break
            try:
                is_done = self._catch_up()
                failures = 0
            except CatalogError as error:
                log.warning("%s", error)
                is_done = False
            except Exception as error:  # noqa: BLE001  # the follower must outlive whatever Chroma does
                failures += 1
                (log.warning if failures == 1 else log.debug)("Chroma failed: %s", error)
                self.state = _trouble(error, self._store)
                self._lose()
                # The first time at once: a damaged folder is made anew. Then it is a full disk or the like.
                if failures > 1:
                    longest = _POLL_SECONDS if self._store.is_shared else _LONGEST_WAIT_SECONDS
                    self._stopping.wait(min(_POLL_SECONDS * 2 ** min(failures - 2, 10), longest))
                continue
            with self._noting:
                if is_done and not self._wake.is_set():
                    self.state = POOR if self._is_poor else IN_ORDER
                    self._caught_up.set()
                    self._rest.is_awaited.clear()
            self._wake.wait(_POLL_SECONDS)
        self._let_go()

    def _let_go(self) -> None:
        with self._mutex:
            self._collection = None
            self._store.close()
        self._lock.release()

    def _check_follows(self) -> None:
        if self._thread is None:
            raise VectorIndexError("This library doesn't keep the vector index: open it with `follow`.")

    def _catch_up(self) -> bool:
        """Apply all changes; return whether Chroma can be asked and holds everything now."""
        with self._catalog.reading() as view:
            is_of_this_model = is_embedded(view, self._embedder)
        if not is_of_this_model:
            # There is nothing for Chroma, or it is another process's turn to fill it.
            self.state = NOT_EMBEDDED
            self._let_go()
            return False
        is_keeper = self._lock.acquire()
        if not is_keeper and (self._is_distrusted or not self._store.is_shared):
            self.state, self._is_distrusted = ELSEWHERE, False
            return False
        if self._is_distrusted:
            self._discard()
        collection = self._collection or self._open(is_keeper)
        if not is_keeper:
            return self._watch(collection)
        while not self._stopping.is_set():
            with self._catalog.reading() as view:
                changes = view.changes.after(collection.applied, _STEP)
                rows = view.passages.vectors_of([passage for _, passage, added in changes if added])
                last = view.changes.last()
            if not changes:
                self._settle(collection)
                return True
            self.state = f"indexing vectors ({collection.applied} of {last} changes)"
            with self._mutex:
                collection.apply(changes, rows)
                self._store.blank()
            if collection.dead > max(_STEP, _DEAD_SHARE * collection.count()):
                # Chroma leaves the vectors of deleted entries in its files until it is made anew.
                self._discard()
                collection = self._open(is_keeper)
        return False

    def _watch(self, collection: PassageCollection) -> bool:
        """Return whether the process that keeps the server's collection has applied everything."""
        current = self._store.current(collection)
        with self._catalog.reading() as view:
            last = view.changes.last()
        self.state = f"another process is indexing vectors ({current.applied} of {last} changes)"
        if current.applied < last:
            return False
        self._settle(current)
        return True

    def _settle(self, collection: PassageCollection) -> None:
        """Let go of the vectors that a collection that holds everything makes needless, if it finds enough.

        That is judged anew when the collection has changed much.
        """
        count = collection.count()
        if abs(count - self._judged) > _JUDGED_SHARE * self._judged:
            with self._mutex:
                self._judged, self._is_poor = count, not collection.finds_itself(self._catalog)
            if self._is_poor:
                log.warning("Chroma's approximate search misses passages, so all are compared.")
        if not self._is_poor:
            self._pending.free(collection.applied)

    def _open(self, is_keeper: bool) -> PassageCollection:
        collection = self._store.open(self._catalog, self._embedder, keep=is_keeper)
        with self._mutex:
            self._collection = collection
            self._judged = 0
        return collection

    def _discard(self) -> None:
        with self._mutex:
            self._collection = None
            self._store.discard()
            self._is_distrusted = False


class _Rest:
    """Leaves the processor to questions and adding, unless somebody waits for Chroma."""

    def __init__(self) -> None:
        self.used = time.monotonic()
        self.is_awaited = threading.Event()

    def take(self) -> None:
        """Wait until nothing has been asked or added for a while."""
        latest = time.monotonic() + _LONGEST_REST_SECONDS
        while (now := time.monotonic()) < min(self.used + _IDLE_SECONDS, latest):
            if self.is_awaited.wait(min(self.used + _IDLE_SECONDS, latest) - now):
                return


class _PendingVectors:
    """The vectors added after a change, kept between questions and extended as more come."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._after = self._until = self._dropped = 0
        self._rows = NO_ROWS

    def rows(self, view: CatalogView, after: int) -> VectorRows:
        """Return at least the vectors added after a change and not removed since.

        Those added before it do no harm, and dropping them at each step of Chroma's would mean
        reading the others again.
        """
        with self._mutex:
            last = view.changes.last()
            if after <= last < self._dropped:
                # This view is of before a removal: it still holds what has been dropped here.
                return view.passages.vectors_added(after)
            if after < self._after or after >= self._until:
                self._start(after)
            if last > self._until:
                gone = view.changes.removed(self._until)
                self._dropped = last if gone else self._dropped
                added = view.passages.vectors_added(self._until)
                self._rows = _joined(_without(self._rows, gone.union(added.ids)), added)
                self._until = last
            return self._rows

    def free(self, applied: int) -> None:
        """Let go of what Chroma holds by now."""
        with self._mutex:
            if applied >= self._until:
                self._start(applied)

    def _start(self, after: int) -> None:
        self._after = self._until = after
        self._rows = NO_ROWS


def nearest_rows(rows: VectorRows, vector: Vector, limit: int) -> list[str]:
    """Return the ids of the rows nearest to `vector`, in no order that matters; to one of zeros none is."""
    if not rows.ids or not vector.any():
        return []
    cosines = products(rows.matrix, vector)
    if len(cosines) <= limit:
        return list(rows.ids)
    return [rows.ids[i] for i in np.argpartition(-cosines, limit - 1)[:limit]]


def _without(rows: VectorRows, gone: set[str]) -> VectorRows:
    keep = [i for i, passage in enumerate(rows.ids) if passage not in gone]
    if len(keep) == len(rows.ids):
        return rows
    return VectorRows(tuple(rows.ids[i] for i in keep), rows.matrix[keep])


def _joined(first: VectorRows, second: VectorRows) -> VectorRows:
    if not first.ids or not second.ids:
        return first if first.ids else second
    return VectorRows(first.ids + second.ids, np.vstack([first.matrix, second.matrix]))


def _trouble(error: Exception, store: Store) -> str:
    from chromadb.errors import ChromaError

    is_answer = isinstance(error, (ChromaError, VectorIndexError))
    return OUT_OF_REACH if store.is_shared and not is_answer else FAILED
