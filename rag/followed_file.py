"""A file of a followed folder: what it holds is read, and what became of that is noted."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rag.catalog import Catalog
from rag.catalog_view import CatalogView, SeenFile
from rag.catalog_writer import CatalogWriter, text_hash
from rag.documents import Document, IsCancelled, Loaded, NewDocument
from rag.errors import LoadError
from rag.folder import FoundFile, stamp
from rag.ingestion import drop_others
from rag.loaders import load_file


class FollowedFile:
    """A file that is read, and what is noted of it in the end."""

    def __init__(
        self, catalog: Catalog, key: str, path: Path, max_bytes: int, cancelled: IsCancelled | None
    ) -> None:
        self._catalog = catalog
        self._max_bytes = max_bytes
        self._key = key
        self._path = path
        self._cancelled = cancelled
        self._seen: SeenFile | None = None
        self._inside: set[str] = set()
        self._left_out = False

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
        writer.set_failures(self._key, failed)
        if any(error.retryable for error in failed):
            writer.forget_file(self._key)
        else:
            writer.see_file(self._key, replace(self._seen, left_out=self._left_out))
        return drop_others(self._key, self._inside, writer, failed)

    def settle_one(self, writer: CatalogWriter, failed: Sequence[LoadError]) -> list[Document]:
        """Note a file as read that holds nothing but the document that was wanted."""
        return self.settle(writer, failed) if self._inside == {self._key} else []

    def _read(self) -> Loaded:
        before = stamp(self._path)
        if before is None:
            return Loaded()
        loaded = load_file(self._path, self._max_bytes, self._key, self._cancelled)
        content = content_of(FoundFile(str(self._path), before), self._max_bytes)
        after = stamp(self._path)
        if after is None:
            return Loaded()
        self._seen = SeenFile(before, content)
        if after != before:
            reason = f"{self._path.name} was changed while it was read: it is read again when it rests."
            return Loaded(failed=[LoadError(self._path.name, reason, retryable=True)])
        return loaded

    def _is_wanted(self, view: CatalogView, document: NewDocument) -> bool:
        # What is held doesn't leave, whatever became of a copy of it.
        if view.version(document.key) is not None:
            return True
        if not view.is_buried(document.key, text_hash(document.text)):
            return True
        self._left_out = self._left_out or not view.is_buried_key(document.key)
        return False


def content_of(file: FoundFile, max_bytes: int) -> str:
    """Return the hash of what a file holds; nothing for one that is too large, or can't be read now."""
    if file.stamp[0] > max_bytes:
        return ""
    try:
        with file.path.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()
    except OSError:
        return ""
