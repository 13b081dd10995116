"""Syncing: the library brought in step with followed folders.

What is gone from a folder leaves first, what only has another name keeps its documents, and what is new or
has changed is read last, since that takes its time.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath

from rag.catalog import Catalog
from rag.catalog_view import CatalogView, SeenFile
from rag.catalog_writer import CatalogWriter, text_hash
from rag.documents import AddReport, Document, IsCancelled, Loaded, NewDocument, ReportProgress
from rag.errors import LoadError
from rag.folder import INNER, Folder, FoundFile, Listing, device_of, file_of, is_within, stamp
from rag.ingestion import Job
from rag.loaders import load_file

Ingest = Callable[[Iterator[Job], int, ReportProgress | None, IsCancelled | None], AddReport]
_GONE_TOGETHER = 50
"""Files whose documents are removed in one transaction, so that other writers come in between."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Where folders and library differ: files that are gone, by key, and files to be read.

    What the library has something of comes first among those to be read, and ``new`` are the others.
    ``without_content`` are files that an older Footnote has read, which noted less of them.
    """

    gone: list[str]
    to_read: dict[str, FoundFile]
    new: frozenset[str]
    without_content: dict[str, FoundFile]


def difference(view: CatalogView, folders: Sequence[Folder], listing: Listing) -> Difference:
    """Compare what is listed of folders with what the library has of them."""
    seen = view.seen_files()
    prefixes = tuple(folder.prefix for folder in folders)
    known = {key for key in seen if key.startswith(prefixes)}
    for prefix in prefixes:
        for key in view.keys(prefix):
            known.add(file_of(key, listing.files) or file_of(key, seen) or key.partition(INNER)[0])
    known.update(failure.file for failure in view.failures() if failure.file.startswith(prefixes))
    gone = sorted(key for key in known if key not in listing.files and listing.covers(key))
    changed = {
        key: found
        for key, found in listing.files.items()
        if key not in seen or seen[key].stamp != found.stamp
    }
    to_read = dict(sorted(changed.items(), key=lambda item: item[0] not in known))
    new = frozenset(to_read.keys() - known)
    without_content = {
        key: found for key, found in listing.files.items() if key not in to_read and not seen[key].content
    }
    return Difference(gone, to_read, new, without_content)


@dataclass(frozen=True, slots=True)
class Syncing:
    """Brings a catalog in step with folders.

    Parameters
    ----------
    catalog
        Where the documents are.
    max_bytes
        Larger files are not read.
    ingest
        `Library.ingest`.
    changed
        Called when something was removed or renamed.
    """

    catalog: Catalog
    max_bytes: int
    ingest: Ingest
    changed: Callable[[], None]

    def run(
        self,
        folders: Sequence[Folder],
        listing: Listing,
        progress: ReportProgress | None = None,
        cancelled: IsCancelled | None = None,
        *,
        leave: Collection[str] = (),
        begun: set[str] | None = None,
        seconds: float | None = None,
    ) -> AddReport:
        """Bring the library in step with what is listed.

        Files to ``leave`` stay as they are held. Those in ``begun`` are not read, and those that are read
        come into it. After so many seconds no further file is begun.
        """
        begun = set() if begun is None else begun
        with self.catalog.reading() as view:
            found = difference(view, folders, listing)
        gone = [key for key in found.gone if key not in leave]
        to_read = {key: file for key, file in found.to_read.items() if key not in leave and key not in begun}
        renamed = list(self._rename(gone, {key: to_read[key] for key in to_read if key in found.new}))
        for one in renamed:
            gone.remove(one.key)
            del to_read[one.new_key]
        removed = [document for first in range(0, len(gone), _GONE_TOGETHER)
                   for document in self._drop(gone[first : first + _GONE_TOGETHER])]  # fmt: skip
        report = AddReport()
        left = len(to_read)
        if to_read:
            jobs = self._jobs(to_read, begun, cancelled, seconds)
            report = self.ingest(jobs, left, progress, cancelled)
            left = len(to_read.keys() - begun)
        if not left:
            self._note_content(found.without_content)
        documents = [document for one in renamed for document in one.documents]
        return replace(report, renamed=documents, removed=removed, left=left)

    def without_unmounted(self, folders: Sequence[Folder], listing: Listing) -> Listing:
        """Take a folder for missing that is empty and lies on another disk than when it had files.

        That is the place where a drive would be, and not a folder whose files were all deleted.
        """
        noted = {
            folder.prefix: f"device {folder.prefix}" for folder in folders if folder not in listing.missing
        }
        missing, unlisted = list(listing.missing), list(listing.unlisted)
        with self.catalog.reading() as view:
            devices = {prefix: view.meta(name) for prefix, name in noted.items()}
        for folder in folders:
            device = device_of(folder.path)
            if folder.prefix not in devices or not device:
                continue
            if any(key.startswith(folder.prefix) for key in listing.files):
                if devices[folder.prefix] != device:
                    with self.catalog.writing() as writer:
                        writer.set_meta(noted[folder.prefix], device)
            elif devices[folder.prefix] not in (None, device) and not any(folder.path.iterdir()):
                missing.append(folder)
                unlisted.append(folder.prefix)
        return Listing(listing.files, missing, unlisted)

    def job(self, key: str, path: Path, cancelled: IsCancelled | None = None) -> Job:
        """Return the job of reading a file, whose key this is; what was removed on purpose stays away."""
        reading = _Reading(self, key, path, cancelled)
        return Job(path.name, reading.load, reading.settle)

    def job_of_one(self, key: str, path: Path, wanted: str) -> Job:
        """Return the job of adding one document of a file that is wanted again, and nothing else of it."""
        reading = _Reading(self, key, path, None)
        return Job(path.name, partial(reading.load_one, wanted), reading.settle_one)

    def _jobs(
        self,
        files: Mapping[str, FoundFile],
        begun: set[str],
        cancelled: IsCancelled | None,
        seconds: float | None,
    ) -> Iterator[Job]:
        """Yield the jobs of reading these files, the first in any case, until so many seconds have passed."""
        end = None if seconds is None else time.monotonic() + seconds
        for number, (key, file) in enumerate(files.items()):
            if number and end is not None and time.monotonic() > end:
                return
            begun.add(key)
            yield self.job(key, file.path, cancelled)

    def _rename(self, gone: Sequence[str], new: Mapping[str, FoundFile]) -> Iterator[_Renamed]:
        """Give documents the key of the new file that has what a gone one held."""
        if not gone or not new:
            return
        with self.catalog.reading() as view:
            seen = view.seen_files()
        waiting = dict[tuple[int, str], list[str]]()
        for key in gone:
            if key in seen and seen[key].content:
                waiting.setdefault((seen[key].stamp[0], seen[key].content), []).append(key)
        sizes = {size for size, _ in waiting}
        for key, file in new.items():
            if file.stamp[0] not in sizes:
                continue
            content = _content(file, self.max_bytes)
            candidates = waiting.get((file.stamp[0], content), [])
            if candidates and stamp(file.path) == file.stamp:
                # Of several with the same content that which kept its own name, as in a moved folder.
                candidates.sort(key=lambda old: PurePosixPath(old).name != PurePosixPath(key).name)
                old = candidates.pop(0)
                with self.catalog.writing() as writer:
                    now = replace(seen[old], stamp=file.stamp)
                    documents = _rename_file(writer, old, key, now)
                self.changed()
                yield _Renamed(old, key, documents)

    def _drop(self, gone: Sequence[str]) -> list[Document]:
        removed = list[Document]()
        with self.catalog.writing() as writer:
            for file in gone:
                for key in writer.keys(file):
                    if is_within(key, file) and (identity := writer.identity(key)):
                        removed.append(replace(writer.remove(identity, bury=False), text="", blocks=()))
                writer.forget_file(file)
                writer.set_failures(file, ())
        self.changed()
        return removed

    def _note_content(self, files: Mapping[str, FoundFile]) -> None:
        for key, file in files.items():
            if content := _content(file, self.max_bytes):
                with self.catalog.writing() as writer:
                    writer.execute("UPDATE files SET content = ? WHERE key = ?", [content, key])


@dataclass(frozen=True, slots=True)
class _Renamed:
    key: str
    new_key: str
    documents: list[Document]


class _Reading:
    """A file that is read, and what is noted of it in the end."""

    def __init__(self, syncing: Syncing, key: str, path: Path, cancelled: IsCancelled | None) -> None:
        self._syncing = syncing
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
        with self._syncing.catalog.reading() as view:
            wanted = [document for document in loaded.documents if self._is_wanted(view, document)]
        return Loaded(wanted, loaded.failed)

    def load_one(self, wanted: str) -> Loaded:
        """Return the one document of the file that is wanted."""
        loaded = self._read()
        self._inside = {document.key for document in loaded.documents}
        documents = [document for document in loaded.documents if document.key == wanted]
        gone = LoadError(wanted, "It is no longer in its file: put it back first.")
        return Loaded(documents, loaded.failed if documents or loaded.failed else [gone])

    def settle(self, writer: CatalogWriter, failed: Sequence[LoadError]) -> None:
        """Note the file as read, with what could not be; what it no longer holds leaves."""
        if self._seen is None:  # gone since the folder was listed
            return
        writer.set_failures(self._key, failed)
        if any(error.retryable for error in failed):
            writer.forget_file(self._key)
        else:
            writer.see_file(self._key, replace(self._seen, left_out=self._left_out))
        unread = [key for error in failed for key in error.keys or (self._key,)]
        for held in writer.keys(self._key):
            is_held_back = any(is_within(held, key) for key in unread)
            if held in self._inside or is_held_back or not self._is_mine(held):
                continue
            if identity := writer.identity(held):
                writer.remove(identity, bury=False)

    def settle_one(self, writer: CatalogWriter, failed: Sequence[LoadError]) -> None:
        """Note a file as read that holds nothing but the document that was wanted."""
        if self._inside == {self._key}:
            self.settle(writer, failed)

    def _read(self) -> Loaded:
        before = stamp(self._path)
        if before is None:
            return Loaded()
        max_bytes = self._syncing.max_bytes
        loaded = load_file(self._path, max_bytes, self._key, self._cancelled)
        content = _content(FoundFile(str(self._path), before), max_bytes)
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

    def _is_mine(self, held: str) -> bool:
        return file_of(held, (self._key,)) == self._key


def _content(file: FoundFile, max_bytes: int) -> str:
    """Return the hash of what a file holds; nothing for one that is too large, or can't be read now."""
    if file.stamp[0] > max_bytes:
        return ""
    try:
        with file.path.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()
    except OSError:
        return ""


def _rename_file(writer: CatalogWriter, old: str, new: str, seen: SeenFile) -> list[Document]:
    """Have all that is known of a file stand under its new key."""
    renamed = list[Document]()
    for key in writer.keys(old):
        new_key = new + key.removeprefix(old)
        identity = writer.identity(key)
        if is_within(key, old) and identity and writer.identity(new_key) is None:
            renamed.append(writer.rename(identity, new_key))
    for tombstone in writer.tombstones():
        if is_within(tombstone.key, old):
            writer.rebury(tombstone.key, new + tombstone.key.removeprefix(old))
    failed = [LoadError(f.path, f.reason) for f in writer.failures() if f.file == old]
    writer.set_failures(old, ())
    writer.set_failures(new, [_renamed_error(error, old, new) for error in failed])
    writer.forget_file(old)
    writer.see_file(new, seen)
    return renamed


def _renamed_error(error: LoadError, old: str, new: str) -> LoadError:
    """Return what a failure says about a file under its new name."""
    before, after = PurePosixPath(old).name, PurePosixPath(new).name
    return LoadError(error.path.replace(before, after), error.reason.replace(before, after))
