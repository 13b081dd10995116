"""A file of a followed folder: what it holds, and what the library is to note of it."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, replace

from rag.documents import IsCancelled
from rag.errors import LoadError
from rag.ingest.folder import FoundFile, stamp
from rag.ingest.jobs import Contents
from rag.loading.files import Bounds, OutOfBounds, read_file
from rag.loading.formats import shown_name
from rag.loading.loaders import load_read
from rag.store.catalog_view import SeenFile


@dataclass(frozen=True, slots=True)
class FollowedFile:
    """A file with its key, as it was listed; larger ones than ``max_bytes`` are not read."""

    key: str
    file: FoundFile
    bounds: Bounds
    max_bytes: int

    @property
    def name(self) -> str:
        """What it is called."""
        return shown_name(self.file.path.name)

    def read(self, cancelled: IsCancelled | None = None) -> Contents:
        """Return what the file holds; nothing of one that has gone since it was listed."""
        path = self.file.path
        try:
            read = read_file(path, self.max_bytes, self.bounds)
        except LoadError as error:
            return self._refused(error)
        loaded = load_read(path.name, read, self.key, self.max_bytes, cancelled)
        after = stamp(path)
        if after is None:
            return Contents()
        seen = SeenFile(read.stamp, _content(read.data) if read.stamp[0] <= self.max_bytes else "")
        if after != read.stamp:
            reason = f"{self.name} was changed while it was read: it is read again when it rests."
            failed = [LoadError(self.name, reason, retryable=True)]
            return Contents(failed=failed, file=self.key, seen=seen)
        return replace(Contents.of(loaded), file=self.key, seen=seen)

    def read_one(self, wanted: str) -> Contents:
        """Return the one document of the file that is wanted; of the others nothing is noted."""
        whole = self.read()
        documents = [document for document in whole.documents if document.key == wanted]
        gone = LoadError(wanted, "It is no longer in its file: put it back first.")
        failed = whole.failed if documents or whole.failed else [gone]
        if whole.inside == {self.key}:
            return replace(whole, documents=documents, failed=failed)
        return Contents(documents, failed)

    def content(self) -> str:
        """Return the hash of what it holds; nothing for one that is too large, or can't be read now."""
        if self.file.stamp[0] > self.max_bytes:
            return ""
        try:
            read = read_file(self.file.path, self.max_bytes, self.bounds)
        except LoadError:
            return ""
        return _content(read.data) if read.stamp == self.file.stamp else ""

    def _refused(self, error: LoadError) -> Contents:
        """Note a file as it was listed: nobody has looked at what its name leads to."""
        if not os.path.lexists(self.file.place):
            return Contents()
        return Contents(
            failed=[error],
            file=self.key,
            seen=SeenFile(self.file.stamp, ""),
            is_refused=isinstance(error, OutOfBounds),
        )


def _content(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
