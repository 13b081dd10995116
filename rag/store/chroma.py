"""Chroma's side of the vector index: where its collection is kept, and whether it can be trusted.

Damage isn't always an error: an index file cut by half is read without complaint, and it may end the
process. So a folder that isn't as it was left is made anew from the catalog, which costs no embedding,
and a collection counts only if it holds what the catalog holds.
"""

from __future__ import annotations

import json
import logging
import shutil
import threading
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from rag.embedding.local import Vector
from rag.errors import VectorIndexError
from rag.store.catalog import Catalog
from rag.store.passages_view import VectorRows

_PROBES = 48
_PROBES_FOUND = 0.95
"""Share of the probed vectors that must find themselves; the approximate index may miss one."""
_ASKING_SECONDS = 1.0
"""How long a question waits for a server before it compares exactly."""
_KEEPING_SECONDS = 30.0

log = logging.getLogger(__name__)


@dataclass(slots=True)
class PassageCollection:
    """A collection of passage vectors, and how far it has followed the catalog.

    ``applied`` is the number of the last change applied and ``dead`` how many entries were deleted;
    both are kept in the collection's metadata, so they vanish with it.
    """

    raw: Any
    embedder: str
    applied: int
    dead: int

    @classmethod
    def of(cls, raw: Any, embedder: str) -> PassageCollection:
        """Take over Chroma's collection.

        Raises
        ------
        VectorIndexError
            It has another metric, or holds vectors of another model.
        """
        if raw.configuration["hnsw"]["space"] != "cosine":
            raise VectorIndexError("The vector index has the wrong metric.")
        if raw.metadata["embedder"] != embedder:
            raise VectorIndexError("The vector index is of another embedding model.")
        return cls(raw, embedder, int(raw.metadata["applied"]), int(raw.metadata["dead"]))

    def nearest(self, vector: Vector, limit: int) -> tuple[str, ...]:
        """The ids of the entries nearest to a vector."""
        result = self.raw.query(query_embeddings=[vector.tolist()], n_results=limit, include=[])
        return tuple(result["ids"][0])

    def count(self) -> int:
        """How many entries there are."""
        return int(self.raw.count())

    def apply(self, changes: Sequence[tuple[int, str, bool]], rows: VectorRows) -> None:
        """Apply changes, of which `rows` holds the vectors that are still held; twice does no harm."""
        if rows.ids:
            self.raw.upsert(ids=list(rows.ids), embeddings=rows.matrix)
        # A passage that was removed and came back within the step is held, so it stays.
        held = set(rows.ids)
        gone = [passage for _, passage, added in changes if not added and passage not in held]
        # A new collection never held what was removed before it, so nothing of that is dead in it.
        gone = self.raw.get(ids=gone, include=[])["ids"] if gone else []
        if gone:
            self.raw.delete(ids=gone)
        self.dead += len(gone)
        # Last: the number never promises what isn't there.
        self.applied = changes[-1][0]
        self.raw.modify(metadata={"embedder": self.embedder, "applied": self.applied, "dead": self.dead})

    def check(self, catalog: Catalog) -> None:
        """Check that what is applied is there.

        Raises
        ------
        VectorIndexError
            Entries are missing or too many.
        """
        with catalog.reading() as view:
            if self.applied > view.changes.last():
                raise VectorIndexError("The vector index belongs to another catalog.")
            pending = view.changes.changed(self.applied)
            expected = view.passages.ids()
        ids = set(self.raw.get(include=[])["ids"])
        # Entries with pending changes may be on either side.
        if (ids ^ expected) - pending:
            raise VectorIndexError("The vector index doesn't hold what the catalog holds.")

    def finds_itself(self, catalog: Catalog) -> bool:
        """Whether stored vectors find themselves, which not every approximate index does.

        A damaged one doesn't, and a sound one may not where the vectors lie in tight, separate clusters.
        """
        with catalog.reading() as view:
            pending = view.changes.changed(self.applied)
            sample = view.passages.sample_vectors(_PROBES)
        probes = [i for i, passage in enumerate(sample.ids) if passage not in pending]
        if not probes:
            return True
        result = self.raw.query(query_embeddings=sample.matrix[probes], n_results=3, include=["distances"])
        found = sum(
            # Copies of a text share a vector, so an entry at no distance is as good as itself.
            sample.ids[probe] in passages or (len(distances) > 0 and distances[0] < 1e-4)
            for probe, passages, distances in zip(probes, result["ids"], result["distances"], strict=True)
        )
        return bool(found >= _PROBES_FOUND * len(probes))


class FolderStore:
    """A collection in a folder of ours, which one process at a time may open.

    Beside it stands a note with the sizes and times of its files when it was closed. It is taken away before
    the folder is opened, so that there is none where its process ended before closing it.
    """

    is_shared = False

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._note = folder.with_suffix(".json")
        self._client: Any = None

    def open(self, catalog: Catalog, embedder: str, *, keep: bool) -> PassageCollection:
        """Open the collection if it can be trusted, else make a new one."""
        assert keep, "no other process may open it"
        try:
            self._check_closed()
            collection = self._connect(embedder)
            collection.check(catalog)
        except Exception as error:  # noqa: BLE001  # Chroma raises errors of many kinds
            log.warning("Rebuilding the vector index: %s", error)
            self.discard()
            collection = self._connect(embedder)
        self.blank()
        return collection

    def current(self, collection: PassageCollection) -> PassageCollection:
        """The same: nobody else changes it."""
        return collection

    def blank(self) -> None:
        """Overwrite the room of an empty index.

        Chroma writes it as it was allocated, with whatever this process held there before: the key of an
        endpoint, or the text of an article that was removed.
        """
        for links in self._folder.glob("*/link_lists.bin"):
            if links.stat().st_size:  # some bytes for each entry
                continue
            for path in (links.with_name("data_level0.bin"), links.with_name("length.bin")):
                with suppress(FileNotFoundError), path.open("r+b") as file:
                    file.write(bytes(path.stat().st_size))

    def discard(self) -> None:
        """Throw the folder away."""
        # First, else Chroma goes on with the files that are gone ("SQLite error 1032").
        _close(self._client)
        self._client = None
        shutil.rmtree(self._folder, ignore_errors=True)
        self._note.unlink(missing_ok=True)

    def close(self) -> None:
        """Close the folder and note how it was left."""
        client, self._client = self._client, None
        if _close(client):
            with suppress(OSError):  # a full disk: it will be made anew
                self._note.write_text(self._stamps(), "utf-8")

    def _connect(self, embedder: str) -> PassageCollection:
        import chromadb

        self._client = chromadb.PersistentClient(str(self._folder), _chroma_settings())
        return PassageCollection.of(_made(self._client, "passages", embedder), embedder)

    def _check_closed(self) -> None:
        """Check that a folder is as it was closed, and take the note of that away.

        Raises
        ------
        VectorIndexError
            It was open when its process ended, or something else has changed its files.
        """
        if not self._folder.exists():
            return
        note = self._note.read_text("utf-8") if self._note.exists() else ""
        self._note.unlink(missing_ok=True)
        if note != self._stamps():
            raise VectorIndexError("The vector index isn't as it was left.")

    def _stamps(self) -> str:
        files = sorted(path for path in self._folder.rglob("*") if path.is_file())
        stamps = [(str(path.relative_to(self._folder)), path.stat()) for path in files]
        return json.dumps([[name, status.st_size, status.st_mtime_ns] for name, status in stamps])


class ServerStore:
    """A collection on a Chroma server, kept by one process of a library and asked by all of them."""

    is_shared = True

    def __init__(self, url: str) -> None:
        self._url = url
        self._client: Any = None
        self._name = ""

    def open(self, catalog: Catalog, embedder: str, *, keep: bool) -> PassageCollection:
        """Open this library's collection; only a process that keeps it makes or replaces it.

        Raises
        ------
        VectorIndexError
            Another process keeps the collection, and it isn't there or can't be trusted.
        """
        from chromadb.errors import InternalError, NotFoundError

        self._connect()
        self._name = _collection_name(catalog)
        try:
            collection = self._collection(embedder, _KEEPING_SECONDS, make=keep)
            collection.check(catalog)
        except (VectorIndexError, InternalError, NotFoundError) as error:
            if not keep:
                raise VectorIndexError(f"The vector index can't be used: {error}") from error
            log.warning("Rebuilding the vector index: %s", error)
            self.discard()
            collection = self._collection(embedder, _KEEPING_SECONDS, make=True)
        return collection

    def current(self, collection: PassageCollection) -> PassageCollection:
        """The collection as the server has it, which may have been made anew meanwhile."""
        return self._collection(collection.embedder, _ASKING_SECONDS)

    def blank(self) -> None:
        """Nothing: the server's files are its own."""

    def discard(self) -> None:
        """Delete the collection."""
        from chromadb.errors import NotFoundError

        if self._client is not None:
            with suppress(NotFoundError):
                _Timed(self._client, _KEEPING_SECONDS).delete_collection(self._name)

    def close(self) -> None:
        """Close the connections."""
        _close(self._client)
        self._client = None

    def _connect(self) -> None:
        import chromadb

        self.close()
        # A client waits for ever while it is made, so that only one who answers is asked.
        with urlopen(f"{self._url}/api/v2/heartbeat", timeout=_ASKING_SECONDS):
            pass
        make = partial(chromadb.HttpClient, host=self._url, settings=_chroma_settings())
        self._client = _within(_KEEPING_SECONDS, make)

    def _collection(self, embedder: str, seconds: float, *, make: bool = False) -> PassageCollection:
        client = _Timed(self._client, seconds)
        if make:
            raw = _made(client, self._name, embedder)
        else:
            raw = client.get_collection(self._name, embedding_function=None)
        return PassageCollection.of(_Timed(raw, seconds), embedder)


Store = FolderStore | ServerStore
"""Where a collection is kept: ``is_shared`` tells whether a process that doesn't keep it may ask it."""


class _Timed:
    """An object of Chroma's whose calls fail after some time: its client would wait for ever."""

    def __init__(self, target: Any, seconds: float) -> None:
        self._target = target
        self._seconds = seconds

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._target, name)
        return partial(_within, self._seconds, value) if callable(value) else value


def _within(seconds: float, call: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    """Return what a call returns.

    Raises
    ------
    TimeoutError
        It takes longer; it goes on in a thread that nobody waits for.
    """
    answer = Future[Any]()

    def run() -> None:
        try:
            answer.set_result(call(*arguments, **named))
        except BaseException as error:  # noqa: BLE001  # raised where it is waited for
            answer.set_exception(error)

    threading.Thread(target=run, name="chroma-server", daemon=True).start()
    return answer.result(seconds)


def _close(client: Any) -> bool:
    """Close a client, if there is one, and return whether that went well."""
    with suppress(Exception):  # a damaged Chroma may fail at closing too
        if client is not None:
            client.close()
            return True
    return False


def _made(client: Any, name: str, embedder: str) -> Any:
    return client.get_or_create_collection(
        name,
        embedding_function=None,
        metadata={"embedder": embedder, "applied": 0, "dead": 0},
        configuration={"hnsw": {"space": "cosine", "ef_search": 200}},
    )


def _collection_name(catalog: Catalog) -> str:
    """Return a name that no other library has, from an id that the catalog keeps."""
    with catalog.writing() as writer:
        identity = writer.meta("library") or uuid.uuid4().hex
        writer.set_meta("library", identity)
    return f"passages-{identity}"


def _chroma_settings() -> Any:
    from chromadb.config import Settings as ChromaSettings

    # Said here, since its settings are read from the environment too.
    return ChromaSettings(anonymized_telemetry=False, chroma_otel_granularity="none")
