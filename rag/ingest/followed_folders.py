"""The folders that a library follows: brought in step, and what of their files failed or was removed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rag.documents import AddReport, IsCancelled, ReportProgress
from rag.errors import LoadError
from rag.ingest.folder import Folder, Listing, further_folder, list_folders
from rag.ingest.ingestion import Ingestion
from rag.ingest.syncing import Syncing
from rag.keys import file_of, is_followed
from rag.settings import Settings
from rag.store.catalog import Catalog
from rag.store.catalog_view import Failure, Tombstone


def followed_folders(settings: Settings) -> list[Folder]:
    """Return the folders that a library of these settings follows, the corpus first."""
    return [Folder(settings.corpus_dir), *map(further_folder, settings.folders)]


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
        """List what is in followed folders now."""
        return self._syncing().without_unmounted(folders, self._list(folders))

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
        with self.ingestion.batch():
            return self._syncing().run(
                folders, listing, progress, cancelled, leave=leave, begun=begun, seconds=seconds
            )

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
        return self.ingestion.run([self._syncing().job_of_one(file_key, listing, key)], 1)

    @property
    def _catalog(self) -> Catalog:
        return self.ingestion.catalog

    def _list(self, folders: Sequence[Folder]) -> Listing:
        return list_folders(folders, [self.settings.data_dir], self.folders)

    def _syncing(self) -> Syncing:
        return Syncing(self.ingestion, self.settings.max_upload_bytes)
