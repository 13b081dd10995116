"""Chroma's side of the vector index: where its collection is kept, and whether it can be trusted.

Damage isn't always an error: an index file cut by half is read without complaint, and in a process
that has used its memory it may end that process. So a folder that isn't as it was left is first
opened by a child process, and a collection counts only if it holds what the catalog holds.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import struct
import subprocess
import sys
import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from rag.embedding.local import Vector
from rag.errors import VectorIndexError
from rag.store.catalog import Catalog
from rag.store.catalog_view import VectorRows
from rag.store.process_lock import ProcessLock

_PROBES = 48
_PROBES_FOUND = 0.95
"""Share of the probed vectors that must find themselves; the approximate index may miss one."""
_CHILD_SECONDS = 120
_ASKING_SECONDS = 1.0
"""How long a question waits for a server before it compares exactly."""
_KEEPING_SECONDS = 30.0
_OPENING = "opening"

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
        if self.applied == 0 and self.count() == 0:
            return
        with catalog.reading() as view:
            if self.applied > view.last_change():
                raise VectorIndexError("The vector index belongs to another catalog.")
            pending = view.changed_passages(self.applied)
            expected = view.passage_ids()
        ids = set(self.raw.get(include=[])["ids"])
        # Entries with pending changes may be on either side.
        if (ids ^ expected) - pending:
            raise VectorIndexError("The vector index doesn't hold what the catalog holds.")

    def finds_itself(self, catalog: Catalog) -> bool:
        """Whether stored vectors find themselves, which not every approximate index does.

        A damaged one doesn't, and a sound one may not where the vectors lie in tight, separate clusters.
        """
        with catalog.reading() as view:
            pending = view.changed_passages(self.applied)
            sample = view.sample_vectors(_PROBES)
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


class Store(Protocol):
    """Where a library's collection is kept."""

    @property
    def is_shared(self) -> bool:
        """Whether a process that doesn't keep the collection may ask it."""

    def open(self, catalog: Catalog, embedder: str, *, keep: bool) -> PassageCollection:
        """Open the collection, and make it anew if it can't be trusted and is ours to keep."""

    def current(self, collection: PassageCollection) -> PassageCollection:
        """The collection as it is now, whoever keeps it, for a question."""

    def blank(self) -> None:
        """Overwrite what Chroma wrote of memory that it hadn't filled, in files that are ours."""

    def discard(self) -> None:
        """Throw the collection away."""

    def close(self) -> None:
        """Give up what was opened."""


class FolderStore:
    """A collection in a folder of ours, which one process at a time may open.

    Beside it stands a note: that it is being opened, or the sizes and times of its files when it was
    closed. No note means that it was open when its process ended.
    """

    is_shared = False

    def __init__(self, folder: Path, lock: ProcessLock) -> None:
        self._folder = folder
        self._lock = lock
        self._note = folder.with_suffix(".json")
        self._client: Any = None

    def open(self, catalog: Catalog, embedder: str, *, keep: bool) -> PassageCollection:
        """Open the collection if it can be trusted, else make a new one."""
        assert keep, "no other process may open it"
        try:
            self._check_unopened(catalog, embedder)
            collection = self._connect(embedder)
            collection.check(catalog)
        except Exception as error:  # noqa: BLE001  # Chroma raises errors of many kinds
            log.warning("Rebuilding the vector index: %s", error)
            self.discard()
            collection = self._connect(embedder)
        self._note.unlink(missing_ok=True)
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
        for header in self._folder.glob("*/header.bin"):
            if _read_header(header).entries:
                continue
            for path in (header.with_name("data_level0.bin"), header.with_name("length.bin")):
                with suppress(FileNotFoundError), path.open("r+b") as file:
                    file.write(bytes(path.stat().st_size))

    def discard(self) -> None:
        """Throw the folder away."""
        # First, else Chroma goes on with the files that are gone ("SQLite error 1032").
        self._close_client()
        shutil.rmtree(self._folder, ignore_errors=True)
        self._note.unlink(missing_ok=True)

    def close(self) -> None:
        """Close the folder and note how it was left."""
        if self._client is not None and self._close_client():
            with suppress(OSError):  # a full disk: it will be checked at the next opening
                self._note.write_text(json.dumps(self._stamps()), "utf-8")

    def _connect(self, embedder: str) -> PassageCollection:
        import chromadb

        # Where this ends the process, the next one will not try again.
        self._note.write_text(json.dumps(_OPENING), "utf-8")
        self._client = chromadb.PersistentClient(str(self._folder), _chroma_settings())
        return PassageCollection.of(_made(self._client, "passages", embedder), embedder)

    def _close_client(self) -> bool:
        client, self._client = self._client, None
        if client is not None:
            with suppress(Exception):  # a damaged Chroma may fail at closing too
                client.close()
                return True
        return False

    def _check_unopened(self, catalog: Catalog, embedder: str) -> None:
        """Check a folder without risking this process.

        Raises
        ------
        VectorIndexError
            It ended a process before, its files don't fit each other, or a child can't use it.
        """
        if not self._folder.exists():
            return
        note = self._read_note()
        if note == _OPENING:
            raise VectorIndexError("The vector index was being opened when its process ended.")
        _check_sizes(self._folder)
        if note != self._stamps():
            self._check_in_child(catalog, embedder)

    def _check_in_child(self, catalog: Catalog, embedder: str) -> None:
        code = "import sys; from rag.store.chroma import check_folder; check_folder(*sys.argv[1:])"
        root = str(Path(__file__).parents[2])
        path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
        child = subprocess.run(
            [sys.executable, "-c", code, str(self._folder), str(catalog.path), embedder],
            env=os.environ | {"PYTHONPATH": path},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            timeout=_CHILD_SECONDS,
            # The child keeps the lock too, so that nobody opens the folder beside it if we are killed.
            pass_fds=self._lock.descriptors(),
        )
        if child.returncode:
            lines = child.stderr.strip().splitlines()
            raise VectorIndexError(lines[-1] if lines else f"Opening it ended with {child.returncode}.")

    def _read_note(self) -> object:
        try:
            note: object = json.loads(self._note.read_text("utf-8"))
        except (OSError, ValueError):
            return None
        return note

    def _stamps(self) -> dict[str, list[int]]:
        files = sorted(path for path in self._folder.rglob("*") if path.is_file())
        return {
            path.relative_to(self._folder).as_posix(): [path.stat().st_size, path.stat().st_mtime_ns]
            for path in files
        }


class ServerStore:
    """A collection on a Chroma server, kept by one process of a library and asked by all of them."""

    is_shared = True

    def __init__(self, url: str) -> None:
        self._url = url
        self._keeping: Any = None
        self._asking: Any = None
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
            if keep:
                raw = _made(self._keeping, self._name, embedder)
            else:
                raw = self._keeping.get_collection(self._name, embedding_function=None)
            collection = PassageCollection.of(raw, embedder)
            collection.check(catalog)
        except (VectorIndexError, InternalError, NotFoundError) as error:
            if not keep:
                raise VectorIndexError(f"The vector index can't be used: {error}") from error
            log.warning("Rebuilding the vector index: %s", error)
            self._delete()
            collection = PassageCollection.of(_made(self._keeping, self._name, embedder), embedder)
        return collection

    def current(self, collection: PassageCollection) -> PassageCollection:
        """The collection as the server has it, which may have been made anew meanwhile."""
        raw = self._asking.get_collection(self._name, embedding_function=None)
        return PassageCollection.of(raw, collection.embedder)

    def blank(self) -> None:
        """Nothing: the server's files are its own."""

    def discard(self) -> None:
        """Delete the collection."""
        if self._keeping is not None:
            self._delete()
        self.close()

    def close(self) -> None:
        """Close the connections."""
        for client in (self._keeping, self._asking):
            if client is not None:
                with suppress(Exception):
                    client.close()
        self._keeping = self._asking = None

    def _connect(self) -> None:
        import httpx

        self.close()
        # The clients below wait for ever while they are made, so that only one who answers is asked.
        httpx.get(f"{self._url}/api/v2/heartbeat", timeout=_ASKING_SECONDS).raise_for_status()
        self._keeping = _server_client(self._url, _KEEPING_SECONDS)
        self._asking = _server_client(self._url, _ASKING_SECONDS)

    def _delete(self) -> None:
        from chromadb.errors import NotFoundError

        with suppress(NotFoundError):
            self._keeping.delete_collection(self._name)


def check_folder(folder: str, catalog_path: str, embedder: str) -> None:
    """Open a Chroma folder and check it; this runs in a child process, which damage may end."""
    import chromadb

    catalog = Catalog(Path(catalog_path))
    try:
        client: Any = chromadb.PersistentClient(folder, _chroma_settings())
        collection = PassageCollection.of(_made(client, "passages", embedder), embedder)
        collection.check(catalog)
        if not collection.finds_itself(catalog):
            raise VectorIndexError("The vector index has lost vectors.")
        client.close()
    except Exception as error:  # noqa: BLE001  # Chroma raises errors of many kinds
        sys.exit(f"{error}")
    finally:
        catalog.close()


def _check_sizes(folder: Path) -> None:
    """Compare the size of each index file with the one that its header tells.

    The header of hnswlib's format, as Chroma 1.5 writes it: a version, then as 64-bit numbers the
    offset of the vectors, the room, the number of entries and the bytes of an entry. Below 1,000
    entries Chroma writes an empty index with its room, and keeps the entries in its database.
    """
    for path in folder.glob("*/header.bin"):
        header = _read_header(path)
        level = path.with_name("data_level0.bin")
        if header.version == 1 and (not level.exists() or level.stat().st_size != header.level_bytes):
            raise VectorIndexError("A file of the vector index is cut.")


class _Header(NamedTuple):
    """The beginning of an index: what it has room for, and what it holds."""

    version: int
    offset: int
    room: int
    entries: int
    entry_bytes: int

    @property
    def level_bytes(self) -> int:
        return (self.entries or self.room) * self.entry_bytes


def _read_header(path: Path) -> _Header:
    start = path.read_bytes()[:36]
    if len(start) < 36:
        raise VectorIndexError("The vector index has lost its header.")
    return _Header(*struct.unpack("<iQQQQ", start))


def _made(client: Any, name: str, embedder: str) -> Any:
    return client.get_or_create_collection(
        name,
        embedding_function=None,
        metadata={"embedder": embedder, "applied": 0, "dead": 0},
        configuration={"hnsw": {"space": "cosine", "ef_search": 200}},
    )


def _collection_name(catalog: Catalog) -> str:
    """Return a name that no other library has, from an id that the catalog keeps."""
    with catalog.reading() as view:
        identity = view.meta("library")
    if identity is None:
        with catalog.writing() as writer:
            identity = writer.meta("library") or uuid.uuid4().hex
            writer.set_meta("library", identity)
    return f"passages-{identity}"


def _server_client(url: str, timeout_seconds: float) -> Any:
    import chromadb

    client: Any = chromadb.HttpClient(host=url, settings=_chroma_settings())
    # Chroma's own client waits for ever and has no setting for it.
    client._server._session.timeout = timeout_seconds
    return client


def _chroma_settings() -> Any:
    from chromadb.config import Settings as ChromaSettings

    # Said here, since its settings are read from the environment too.
    return ChromaSettings(anonymized_telemetry=False, chroma_otel_granularity="none")
