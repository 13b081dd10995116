"""Syncing: the library brought in step with followed folders.

What is gone from a folder leaves first, what only has another name keeps its documents, and what is new or
has changed is read last, since that takes its time.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath

from rag.documents import AddReport, Document, IsCancelled, ReportProgress
from rag.errors import LoadError
from rag.ingest.folder import Folder, FoundFile, Listing, device_of, followed_folders, list_folders
from rag.ingest.followed_file import FollowedFile
from rag.ingest.ingestion import Ingestion, remove
from rag.ingest.jobs import Job
from rag.keys import INNER, file_of, is_followed, is_within
from rag.settings import Settings
from rag.store.catalog import Catalog
from rag.store.catalog_view import CatalogView, Failure, SeenFile, Tombstone
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
class FollowedFolders:
    """The folders of the settings, and what the library has of them."""

    ingestion: Ingestion
    settings: Settings

    @property
    def folders(self) -> list[Folder]:
        """The folders that the library follows, the corpus first."""
        return followed_folders(self.settings)

    def at(self, path: Path) -> Folder:
        """Return the followed folder at a place; any other stands for the corpus."""
        followed = (folder for folder in self.folders if folder.path.absolute() == path.absolute())
        return next(followed, Folder(path))

    def look_into(self, folders: Sequence[Folder]) -> Listing:
        """List what is in followed folders now.

        A folder is taken for missing that is empty and lies on another disk than when it had files: that is
        the place where a drive would be, and not a folder whose files were all deleted.
        """
        listing = self._list(folders)
        for folder in folders:
            device, name = device_of(folder.path), f"device {folder.prefix}"
            if folder in listing.missing or not device:
                continue
            with self._catalog.reading() as view:
                noted = view.meta(name)
            if any(key.startswith(folder.prefix) for key in listing.files):
                if noted != device:
                    with self._catalog.writing() as writer:
                        writer.set_meta(name, device)
            elif noted not in (None, device) and not any(folder.path.iterdir()):
                listing.missing.append(folder)
                listing.unlisted.append(folder.prefix)
        return listing

    def sync(
        self,
        progress: ReportProgress | None = None,
        cancelled: IsCancelled | None = None,
        *,
        folders: Sequence[Folder] | None = None,
        listing: Listing | None = None,
        leave: Collection[str] = (),
        begun: set[str] | None = None,
        seconds: float | None = None,
    ) -> AddReport:
        """Bring the library in step with all followed folders, as `Library.sync` does with one.

        A file with another name and the same content keeps its documents.

        Parameters
        ----------
        folders
            Those that are meant; all of the settings if left out.
        listing
            What is in them, if it has just been looked at.
        leave
            Keys of files that stay as they are held for now.
        begun
            Keys of files that are not to be read; those that are read come into it.
        seconds
            After so long no further file is begun; the report says how many are left.
        """
        folders = self.folders if folders is None else folders
        listing = self.look_into(folders) if listing is None else listing
        begun = set() if begun is None else begun
        with self.ingestion.batch():
            with self._catalog.reading() as view:
                found = difference(view, folders, listing)
                seen = view.files.seen()
            gone = [key for key in found.gone if key not in leave]
            # New files may turn out to be one that has gone so lately that it is left for now.
            going = {seen[key].stamp[0] for key in found.gone if key in leave and key in seen}
            to_read = {
                key: file
                for key, file in found.to_read.items()
                if not (key in leave or key in begun or (key in found.new and file.stamp[0] in going))
            }
            renamed = list[Document]()
            new = [key for key in to_read if key in found.new]
            for old, key in self._renamed(gone, new, listing, seen):
                with self._catalog.writing() as writer:
                    if writer.files.seen_as(old) != seen[old]:  # another process was quicker
                        continue
                    renamed += _rename_file(writer, old, key, replace(seen[old], stamp=to_read[key].stamp))
                self.ingestion.changed()
                gone.remove(old)
                del to_read[key]
            removed = list[Document]()
            for first in range(0, len(gone), _GONE_TOGETHER):
                removed += self._drop(gone[first : first + _GONE_TOGETHER])
            report, left = AddReport(), len(to_read)
            if to_read:
                jobs = self._jobs(to_read, listing, begun, cancelled, seconds)
                report = self.ingestion.run(jobs, left, progress, cancelled)
                left = len(to_read.keys() - begun)
            if not left:
                self._note_content(found.without_content, listing)
            return replace(report, renamed=renamed, removed=[*removed, *report.removed], left=left)

    def failures(self) -> list[Failure]:
        """Return what could not be read; it is read again when it has changed."""
        with self._catalog.reading() as view:
            return view.files.failures()

    def retry(self, files: Iterable[str] | None = None) -> None:
        """Have the next `sync` read files again that could not be read: these keys, or all if left out."""
        with self._catalog.writing() as writer:
            for file in {failure.file for failure in writer.files.failures()} if files is None else files:
                writer.files.forget(file)

    def removed(self) -> list[Tombstone]:
        """Return the files that were removed in the library, the latest first."""
        with self._catalog.reading() as view:
            return [tombstone for tombstone in view.files.tombstones() if is_followed(tombstone.key)]

    def restore(self, key: str, folder: Path | None = None) -> AddReport:
        """Add a file again that was removed in the library, or one document of it.

        ``folder`` is the place of the corpus, if it isn't that of the settings.
        """
        listing = self._list(self.folders if folder is None else [self.at(folder)])
        file_key = file_of(key, listing.files)
        if file_key is None:
            with self._catalog.writing() as writer:
                writer.files.unbury(key)
                # It is to be read when it is put back, even if it is what it was.
                writer.files.forget(file_of(key, writer.files.seen()) or key)
            gone = LoadError(key, "The file is no longer in the folder: put it back first.")
            return AddReport(failed=[gone])
        file = self._file(file_key, listing)
        return self.ingestion.run([Job(file.name, partial(file.read_one, key))], 1)

    @property
    def _catalog(self) -> Catalog:
        return self.ingestion.catalog

    def _list(self, folders: Sequence[Folder]) -> Listing:
        return list_folders(folders, [self.settings.data_dir], self.folders)

    def _file(self, key: str, listing: Listing) -> FollowedFile:
        return FollowedFile(key, listing.files[key], listing.bounds, self.settings.max_upload_bytes)

    def _jobs(
        self,
        keys: Iterable[str],
        listing: Listing,
        begun: set[str],
        cancelled: IsCancelled | None,
        seconds: float | None,
    ) -> Iterator[Job]:
        """Yield the jobs of reading these files, the first in any case, until so many seconds have passed."""
        end = None if seconds is None else time.monotonic() + seconds
        for number, key in enumerate(keys):
            if number and end is not None and time.monotonic() > end:
                return
            begun.add(key)
            file = self._file(key, listing)
            yield Job(file.name, partial(file.read, cancelled), is_asked_for=False)

    def _renamed(
        self, gone: Iterable[str], new: Iterable[str], listing: Listing, seen: Mapping[str, SeenFile]
    ) -> Iterator[tuple[str, str]]:
        """Yield the key of a file that has gone, with that of the new file that has what it held."""
        waiting = dict[tuple[int, str], list[str]]()
        for key in gone:
            if key in seen and seen[key].content:
                waiting.setdefault((seen[key].stamp[0], seen[key].content), []).append(key)
        sizes = {size for size, _ in waiting}
        for key in new:
            size = listing.files[key].stamp[0]
            if size in sizes and (candidates := waiting.get((size, self._file(key, listing).content()))):
                # Of several with the same content that which kept its own name, as in a moved folder.
                candidates.sort(key=lambda old: PurePosixPath(old).name != PurePosixPath(key).name)
                yield candidates.pop(0), key

    def _drop(self, gone: Sequence[str]) -> list[Document]:
        with self._catalog.writing() as writer:
            removed = remove(writer, [key for file in gone for key in writer.keys_within(file)])
            for file in gone:
                writer.files.forget(file)
                writer.files.set_failures(file, ())
        self.ingestion.changed()
        return removed

    def _note_content(self, keys: Iterable[str], listing: Listing) -> None:
        for key in keys:
            if content := self._file(key, listing).content():
                with self._catalog.writing() as writer:
                    writer.execute("UPDATE files SET content = ? WHERE key = ?", [content, key])


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
