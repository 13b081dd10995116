"""A file of a followed folder: what it holds is read, and what became of that is noted."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import replace

from rag.documents import Document, IsCancelled, Loaded, NewDocument
from rag.errors import LoadError
from rag.ingest.folder import FoundFile, stamp
from rag.ingest.ingestion import drop_others
from rag.loading.files import Bounds, OutOfBounds, read_file
from rag.loading.formats import shown_name
from rag.loading.loaders import load_read
from rag.store.catalog import Catalog
from rag.store.catalog_view import CatalogView, SeenFile
from rag.store.catalog_writer import CatalogWriter, text_hash


class FollowedFile:
    """A file that is read, and what is noted of it in the end."""

    def __init__(
        self,
        catalog: Catalog,
        key: str,
        file: FoundFile,
        bounds: Bounds,
        max_bytes: int,
        cancelled: IsCancelled | None,
    ) -> None:
        self._catalog = catalog
        self._max_bytes = max_bytes
        self._key = key
        self._file = file
        self._bounds = bounds
        self._cancelled = cancelled
        self._seen: SeenFile | None = None
        self._inside: set[str] = set()
        self._left_out = False
        self._is_refused = False

    def load(self) -> Loaded:
        """Return what the file holds, without what was removed on purpose."""
        loaded = self._read()
        self._inside = {document.key for document in loaded.documents}
        with self._catalog.reading() as view:
            wanted = [document for document in loaded.documents if self._is_wanted(view, document)]
        return Loaded(wanted, loaded.failed)

    def load_one(self, wanted: str) -> Loaded:
        """Return the one document of the file that is wanted."""
        loaded = self._read()
        self._inside = {document.key for document in loaded.documents}
        documents = [document for document in loaded.documents if document.key == wanted]
        gone = LoadError(wanted, "It is no longer in its file: put it back first.")
        return Loaded(documents, loaded.failed if documents or loaded.failed else [gone])

    def settle(self, writer: CatalogWriter, failed: Sequence[LoadError]) -> list[Document]:
        """Note the file as read, with what could not be; what it no longer holds leaves, and is returned."""
        if self._seen is None:  # gone since the folder was listed
            return []
        writer.files.set_failures(self._key, failed)
        if any(error.retryable for error in failed):
            writer.files.forget(self._key)
        else:
            writer.files.see(self._key, replace(self._seen, left_out=self._left_out))
        # What a link that is refused led to before is no more in the folder than what it leads to now.
        return drop_others(self._key, self._inside, writer, () if self._is_refused else failed)

    def settle_one(self, writer: CatalogWriter, failed: Sequence[LoadError]) -> list[Document]:
        """Note a file as read that holds nothing but the document that was wanted."""
        return self.settle(writer, failed) if self._inside == {self._key} else []

    def _read(self) -> Loaded:
        path, name = self._file.path, shown_name(self._file.path.name)
        try:
            read = read_file(path, self._max_bytes, self._bounds)
        except LoadError as error:
            self._is_refused = isinstance(error, OutOfBounds)
            return self._refused(error)
        loaded = load_read(path.name, read, self._key, self._max_bytes, self._cancelled)
        after = stamp(path)
        if after is None:
            return Loaded()
        self._seen = SeenFile(read.stamp, _content(read.data) if read.stamp[0] <= self._max_bytes else "")
        if after != read.stamp:
            reason = f"{name} was changed while it was read: it is read again when it rests."
            return Loaded(failed=[LoadError(name, reason, retryable=True)])
        return loaded

    def _refused(self, error: LoadError) -> Loaded:
        """Note a file as it was listed: nobody has looked at what its name leads to."""
        if not os.path.lexists(self._file.place):
            return Loaded()
        self._seen = SeenFile(self._file.stamp, "")
        return Loaded(failed=[error])

    def _is_wanted(self, view: CatalogView, document: NewDocument) -> bool:
        # What is held doesn't leave, whatever became of a copy of it.
        if view.version(document.key) is not None:
            return True
        if not view.files.is_buried(document.key, text_hash(document.text)):
            return True
        self._left_out = self._left_out or not view.files.is_buried_key(document.key)
        return False


def content_of(file: FoundFile, max_bytes: int, bounds: Bounds) -> str:
    """Return the hash of what a file holds; nothing for one that is too large, or can't be read now."""
    if file.stamp[0] > max_bytes:
        return ""
    try:
        read = read_file(file.path, max_bytes, bounds)
    except LoadError:
        return ""
    return _content(read.data) if read.stamp == file.stamp else ""


def _content(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
