"""Syncing: the library brought in step with followed folders.

What is gone from a folder leaves first, what only has another name keeps its documents, and what is new or
has changed is read last, since that takes its time.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import PurePosixPath

from rag.documents import AddReport, Document, IsCancelled, ReportProgress
from rag.errors import LoadError
from rag.ingest.folder import Folder, FoundFile, Listing, device_of
from rag.ingest.followed_file import FollowedFile, content_of
from rag.ingest.ingestion import Ingestion
from rag.ingest.jobs import Job
from rag.keys import INNER, file_of, is_within
from rag.loading.files import Bounds
from rag.store.catalog import Catalog
from rag.store.catalog_view import CatalogView, SeenFile
from rag.store.catalog_writer import CatalogWriter

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
    seen = view.files.seen()
    prefixes = tuple(folder.prefix for folder in folders)
    known = {key for key in seen if key.startswith(prefixes)}
    for prefix in prefixes:
        for key in view.keys(prefix):
            known.add(file_of(key, listing.files) or file_of(key, seen) or key.partition(INNER)[0])
    known.update(failure.file for failure in view.files.failures() if failure.file.startswith(prefixes))
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
    ingestion
        What adds the documents.
    max_bytes
        Larger files are not read.
    """

    ingestion: Ingestion
    max_bytes: int

    @property
    def catalog(self) -> Catalog:
        """Where the documents are."""
        return self.ingestion.catalog

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
        waiting = {*leave, *begun, *self._may_be_renamed(found, leave)}
        to_read = {key: file for key, file in found.to_read.items() if key not in waiting}
        new = {key: to_read[key] for key in to_read if key in found.new}
        renamed = list(self._rename(gone, new, listing.bounds))
        for one in renamed:
            gone.remove(one.key)
            del to_read[one.new_key]
        removed = [document for first in range(0, len(gone), _GONE_TOGETHER)
                   for document in self._drop(gone[first : first + _GONE_TOGETHER])]  # fmt: skip
        report = AddReport()
        left = len(to_read)
        if to_read:
            jobs = self._jobs(to_read, listing.bounds, begun, cancelled, seconds)
            report = self.ingestion.run(jobs, left, progress, cancelled)
            left = len(to_read.keys() - begun)
        if not left:
            self._note_content(found.without_content, listing.bounds)
        documents = [document for one in renamed for document in one.documents]
        return replace(report, renamed=documents, removed=[*removed, *report.removed], left=left)

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
        return Listing(listing.files, missing, unlisted, listing.bounds)

    def job_of_one(self, key: str, listing: Listing, wanted: str) -> Job:
        """Return the job of adding one document of a file that is wanted again, and nothing else of it."""
        file = FollowedFile(key, listing.files[key], listing.bounds, self.max_bytes)
        return Job(file.name, partial(file.read_one, wanted))

    def _jobs(
        self,
        files: Mapping[str, FoundFile],
        bounds: Bounds,
        begun: set[str],
        cancelled: IsCancelled | None,
        seconds: float | None,
    ) -> Iterator[Job]:
        """Yield the jobs of reading these files, the first in any case, until so many seconds have passed."""
        end = None if seconds is None else time.monotonic() + seconds
        for number, (key, found) in enumerate(files.items()):
            if number and end is not None and time.monotonic() > end:
                return
            begun.add(key)
            file = FollowedFile(key, found, bounds, self.max_bytes)
            yield Job(file.name, partial(file.read, cancelled), is_asked_for=False)

    def _may_be_renamed(self, found: Difference, leave: Collection[str]) -> Iterator[str]:
        """Yield the new files that may turn out to be one that has gone so lately that it is left for now."""
        if going := [key for key in found.gone if key in leave]:
            with self.catalog.reading() as view:
                seen = view.files.seen()
            sizes = {seen[key].stamp[0] for key in going if key in seen}
            yield from (key for key in found.new if found.to_read[key].stamp[0] in sizes)

    def _rename(
        self, gone: Sequence[str], new: Mapping[str, FoundFile], bounds: Bounds
    ) -> Iterator[_Renamed]:
        """Give documents the key of the new file that has what a gone one held."""
        if not gone or not new:
            return
        with self.catalog.reading() as view:
            seen = view.files.seen()
        waiting = dict[tuple[int, str], list[str]]()
        for key in gone:
            if key in seen and seen[key].content:
                waiting.setdefault((seen[key].stamp[0], seen[key].content), []).append(key)
        sizes = {size for size, _ in waiting}
        for key, file in new.items():
            if file.stamp[0] not in sizes:
                continue
            content = content_of(file, self.max_bytes, bounds)
            candidates = waiting.get((file.stamp[0], content), [])
            if candidates:
                # Of several with the same content that which kept its own name, as in a moved folder.
                candidates.sort(key=lambda old: PurePosixPath(old).name != PurePosixPath(key).name)
                old = candidates.pop(0)
                with self.catalog.writing() as writer:
                    if writer.files.seen_as(old) != seen[old]:  # another process was quicker
                        continue
                    now = replace(seen[old], stamp=file.stamp)
                    documents = _rename_file(writer, old, key, now)
                self.ingestion.changed()
                yield _Renamed(old, key, documents)

    def _drop(self, gone: Sequence[str]) -> list[Document]:
        removed = list[Document]()
        with self.catalog.writing() as writer:
            for file in gone:
                for key in writer.keys_within(file):
                    if identity := writer.identity(key):
                        removed.append(replace(writer.remove(identity, bury=False), text="", blocks=()))
                writer.files.forget(file)
                writer.files.set_failures(file, ())
        self.ingestion.changed()
        return removed

    def _note_content(self, files: Mapping[str, FoundFile], bounds: Bounds) -> None:
        for key, file in files.items():
            if content := content_of(file, self.max_bytes, bounds):
                with self.catalog.writing() as writer:
                    writer.execute("UPDATE files SET content = ? WHERE key = ?", [content, key])


@dataclass(frozen=True, slots=True)
class _Renamed:
    key: str
    new_key: str
    documents: list[Document]


def _rename_file(writer: CatalogWriter, old: str, new: str, seen: SeenFile) -> list[Document]:
    """Have all that is known of a file stand under its new key."""
    renamed = list[Document]()
    for key in writer.keys_within(old):
        new_key = new + key.removeprefix(old)
        identity = writer.identity(key)
        if identity and writer.identity(new_key) is None:
            renamed.append(writer.rename(identity, new_key))
    for tombstone in writer.files.tombstones():
        if is_within(tombstone.key, old):
            writer.files.rebury(tombstone.key, new + tombstone.key.removeprefix(old))
    failed = [LoadError(f.path, f.reason) for f in writer.files.failures() if f.file == old]
    writer.files.set_failures(old, ())
    writer.files.set_failures(new, [_renamed_error(error, old, new) for error in failed])
    writer.files.forget(old)
    writer.files.see(new, seen)
    return renamed


def _renamed_error(error: LoadError, old: str, new: str) -> LoadError:
    """Return what a failure says about a file under its new name."""
    before, after = PurePosixPath(old).name, PurePosixPath(new).name
    return LoadError(error.path.replace(before, after), error.reason.replace(before, after))
