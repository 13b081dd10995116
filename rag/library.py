"""Library: the collection of documents, to add to, remove from and search."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from rag.conversations import Conversations, wipe_removed
from rag.deadline import NO_DEADLINE, Deadline
from rag.documents import (
    AddReport,
    Document,
    Filters,
    Hit,
    IsCancelled,
    Loaded,
    NewDocument,
    Progress,
    ReportProgress,
    Story,
)
from rag.embedding.endpoint import embedder_of, told
from rag.embedding.local import Embedder
from rag.errors import CatalogError, EmbeddingError, LoadError
from rag.ingest.folder import (
    Folder,
    Listing,
    file_of,
    files_below,
    further_folder,
    is_followed,
    list_folders,
    make_private,
    size_in_bytes,
)
from rag.ingest.incoming import forget_incoming
from rag.ingest.ingestion import Ingestion, Job
from rag.ingest.reembedding import Completing, former_embedder
from rag.ingest.syncing import Syncing
from rag.search.finding import Finder, Found
from rag.settings import Settings
from rag.store.backup import BackupKeeper
from rag.store.catalog import Catalog
from rag.store.catalog_view import Failure, Tombstone
from rag.store.catalog_writer import text_hash
from rag.store.forgetting import Forgetting
from rag.store.vectors import ELSEWHERE, HELD_UP, VectorIndex
from rag.text.canonical import one_line

if TYPE_CHECKING:
    from langchain_core.retrievers import BaseRetriever

_PATIENCE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class LibraryStatus:
    """Figures for the line at the bottom of the Library page.

    ``embedder`` tells of an embedding model other than the packaged one, in a few words.
    """

    documents: int
    passages: int
    bytes_on_disk: int
    changed: datetime | None
    index: str
    embedder: str = ""


class Library:
    """A collection of documents in one folder.

    Safe in several threads; several processes may open one folder. Use `Library.open`.
    """

    def __init__(
        self,
        settings: Settings,
        catalog: Catalog,
        embedder: Embedder,
        index: VectorIndex,
        former: str | None = None,
        *,
        follow: bool = False,
    ) -> None:
        self.settings = settings
        self.embedder = embedder
        self._catalog = catalog
        self._index = index
        # The embedding model that this library is to be changed from; another process may have done that.
        self._former = former
        self._forgetting = Forgetting(catalog, self._wipe_quotes)
        self._backup = BackupKeeper(catalog) if follow else None
        self._batches = threading.local()

    @property
    def catalog(self) -> Catalog:
        """What the library keeps, for what looks after it."""
        return self._catalog

    @classmethod
    def open(
        cls,
        settings: Settings,
        embedder: Embedder | None = None,
        *,
        follow: bool = True,
        reembed: bool = False,
    ) -> Library:
        """Open the library in ``settings.data_dir``, and make it if there is none.

        Parameters
        ----------
        embedder
            The embedding model; the one of the settings if left out.
        follow
            Whether to keep Chroma in step and a copy of the catalog, as the app does. Without it the search
            is exact.
        reembed
            Whether to open a library of another embedding model too. `complete` embeds all of it anew, and
            until then passages are found by their words alone.

        Raises
        ------
        CatalogError
            The folder can't be written, the catalog is damaged, of a newer Footnote, or holds
            vectors of another embedding model, and ``reembed`` isn't set.
        EmbeddingError
            The embedding model is missing or is not the one expected.
        """
        embedder = embedder or embedder_of(settings)
        catalog = Catalog(settings.data_dir / "catalog.sqlite3")
        # What it holds is private, and conversations and waiting files lie beside it.
        make_private(settings.data_dir)
        try:
            former = former_embedder(catalog, embedder.name, may_change=reembed)
        except BaseException:
            catalog.close()
            raise
        index = VectorIndex(
            settings.data_dir / "chroma",
            catalog,
            embedder.name,
            follow=follow,
            server_url=settings.chroma_url,
        )
        library = cls(settings, catalog, embedder, index, former, follow=follow)
        # What a process that was killed has left.
        library._forgetting.forget(patience_seconds=0.0)
        return library

    def close(self) -> None:
        """Close the library; what was acknowledged is kept, whether Chroma holds it yet or not."""
        if self._index.is_behind and self._index.state not in HELD_UP:
            self._index.wait(_PATIENCE_SECONDS)
        self._index.close()
        if self._backup is not None:
            self._backup.close()
        self._forgetting.close()
        self._catalog.close()

    def __enter__(self) -> Library:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def add(
        self,
        documents: Iterable[NewDocument],
        progress: ReportProgress | None = None,
        cancelled: IsCancelled | None = None,
    ) -> AddReport:
        """Add documents, each as a whole: what a report names is on disk.

        A document with a known key replaces the one that has it; with nothing changed it is
        unchanged. One that can't be added is reported, and the others go on. What was replaced is
        wiped at the end. Once ``cancelled`` returns true the rest is left out, the document under way
        as a whole; what has been added stays, and the report says both.
        """
        waiting = list(documents)
        jobs = (Job(one_line(d.title or d.key), partial(Loaded, [d])) for d in waiting)
        return self.ingest(jobs, len(waiting), progress, cancelled)

    def ingest(
        self,
        jobs: Iterable[Job],
        total: int,
        progress: ReportProgress | None = None,
        cancelled: IsCancelled | None = None,
    ) -> AddReport:
        """Add what `total` jobs load, as `add` does.

        Raises
        ------
        EmbeddingError
            The embedding model has been changed, and the new one can't be asked.
        """
        self._completing().begin_if_due()
        with self.batch():
            return self._ingestion().run(jobs, total, progress, cancelled)

    def remove(self, document_id: str) -> None:
        """Remove a document; when this returns, no search finds it and no file holds its text.

        Where a reader is still in the way, in whatever process, its text is wiped from the files as
        soon as there is none. What conversations quoted from it is blanked. A file of a followed
        folder stays away until it is added again on purpose.

        Raises
        ------
        DocumentNotFound
        """
        with self.batch():
            with self._catalog.writing() as writer:
                # Only a file would come back by itself; an upload of the same text later is meant to.
                key = writer.document(document_id).key
                writer.remove(document_id, bury=is_followed(key))
            forget_incoming(self.settings.data_dir, key)
            self._index.notify()

    @contextmanager
    def batch(self) -> Iterator[None]:
        """Wipe the text of what this thread removes and replaces once, at the end of the block."""
        self._batches.depth = getattr(self._batches, "depth", 0) + 1
        try:
            yield
        finally:
            self._batches.depth -= 1
            if not self._batches.depth:
                self._forgetting.forget()

    def forget_quotes(self, conversations: Conversations) -> bool:
        """Blank what conversations quote from documents that are no longer held; return whether any was.

        Whoever stores an answer calls this after it: a document may have been removed while the
        answer was made, and then nothing else would blank it.
        """
        return conversations.forget_removed(self._held)

    def documents(self) -> list[Document]:
        """All documents, without their texts, the newest first."""
        with self._catalog.reading() as view:
            return view.documents()

    def stories(self) -> list[Story]:
        """Documents that tell the same, as copies or versions of an article, in the order of `documents`."""
        with self._catalog.reading() as view:
            return view.stories()

    def document(self, document_id: str) -> Document:
        """One document with its text and blocks.

        Raises
        ------
        DocumentNotFound
        """
        with self._catalog.reading() as view:
            return view.document(document_id)

    def keys(self, prefix: str) -> list[str]:
        """The keys of the documents that start with `prefix`, in order."""
        with self._catalog.reading() as view:
            return view.keys(prefix)

    def changed(self, documents: Iterable[NewDocument]) -> list[str]:
        """Return the keys among those of `documents` that are held with another text."""
        with self._catalog.reading() as view:
            held = ((new, view.text_hash(new.key), view.kept_characters(new.key)) for new in documents)
            return [new.key for new, old, kept in held if old not in (None, text_hash(new.text[:kept]))]

    def drop(self, keys: Iterable[str]) -> None:
        """Remove the documents with these keys, as those that a new version of their file no longer holds."""
        with self.batch():
            for key in keys:
                with self._catalog.writing() as writer:
                    if identity := writer.identity(key):
                        writer.remove(identity, bury=False)
                self._index.notify()

    def search(self, question: str, limit: int = 10, filters: Filters | None = None) -> list[Hit]:
        """Find the passages that suit a question best, the best first.

        Where the question names a time or a source ("in October 2023", "according to the Age", "the latest")
        that the library has articles of, their passages count more; filters leave all others out.
        """
        found = self.find(question, limit, filters)
        return [Hit(c.stored.document, c.stored.passage, c.score) for c in found.candidates]

    def find(
        self,
        question: str,
        limit: int = 10,
        filters: Filters | None = None,
        *,
        prefer: bool = True,
        deadline: Deadline = NO_DEADLINE,
    ) -> Found:
        """Find passages as `search` does, with the scores and sentences that quoting needs.

        Without ``prefer`` it doesn't matter which time or source a question names. Behind the deadline there
        may be fewer passages than were asked for.
        """
        return self._finder().find(question, limit, filters, deadline, prefer=prefer)

    def as_retriever(self, limit: int = 10, filters: Filters | None = None) -> BaseRetriever:
        """Return a LangChain retriever over this library, or over what passes the filters.

        The metadata of what it finds holds ``document_id``, ``version``, ``start``, ``end``,
        ``title``, ``source``, ``url``, ``published`` and ``score`` (higher is better).
        """
        from rag.langchain import LibraryRetriever

        return LibraryRetriever(library=self, limit=limit, filters=filters)

    def sync(
        self,
        folder: Path,
        progress: ReportProgress | None = None,
        cancelled: IsCancelled | None = None,
    ) -> AddReport:
        """Bring the library in step with a folder of files.

        New and changed files are added, those that are gone from the folder are removed, and those
        that were removed in the library stay away. A file whose size and time are as they were is
        not read, nor is one that holds questions. A folder that is missing changes nothing. It is
        cancelled as in `add`, also within a file that is being read; the next call goes on.
        """
        return self.sync_folders(progress, cancelled, folders=[self._folder(folder)])

    def sync_folders(
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
        """Bring the library in step with all followed folders, as `sync` does with one.

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
        with self.batch():
            return self._syncing().run(
                folders, listing, progress, cancelled, leave=leave, begun=begun, seconds=seconds
            )

    def look_into(self, folders: Sequence[Folder]) -> Listing:
        """List what is in followed folders now."""
        listing = list_folders(folders, [self.settings.data_dir], self.folders)
        return self._syncing().without_unmounted(folders, listing)

    @property
    def folders(self) -> list[Folder]:
        """The folders that the library follows, the corpus first."""
        return followed_folders(self.settings)

    def failures(self) -> list[Failure]:
        """What could not be read in the followed folders; it is read again when it has changed."""
        with self._catalog.reading() as view:
            return view.files.failures()

    def retry(self, files: Iterable[str] | None = None) -> None:
        """Have the next `sync` read files again that could not be read: these keys, or all if left out."""
        with self._catalog.writing() as writer:
            for file in {failure.file for failure in writer.files.failures()} if files is None else files:
                writer.files.forget(file)

    def removed(self) -> list[Tombstone]:
        """Files of followed folders that were removed in the library, the latest first."""
        with self._catalog.reading() as view:
            return [t for t in view.files.tombstones() if is_followed(t.key)]

    def restore(self, key: str, folder: Path | None = None) -> AddReport:
        """Add a file of a followed folder again that was removed in the library, or one document of it.

        ``folder`` is the place of the corpus, if it isn't that of the settings.
        """
        folders = self.folders if folder is None else [self._folder(folder)]
        listing = list_folders(folders, [self.settings.data_dir], self.folders)
        files = listing.files
        file_key = file_of(key, files)
        if file_key is None:
            with self._catalog.writing() as writer:
                writer.files.unbury(key)
                # It is to be read when it is put back, even if it is what it was.
                writer.files.forget(file_of(key, writer.files.seen()) or key)
            gone = LoadError(key, "The file is no longer in the folder: put it back first.")
            return AddReport(failed=[gone])
        job = self._syncing().job_of_one(file_key, files[file_key], listing.bounds, key)
        return self.ingest([job], 1)

    def embed_again(self, document_id: str) -> Document:
        """Cut and embed a held document anew, whatever its passages and vectors are now.

        Raises
        ------
        DocumentNotFound
        EmbeddingError
            The embedding model failed; the document is as it was.
        """
        self.document(document_id)
        report = self._ingestion().run_again([document_id])
        if report.failed:
            raise EmbeddingError(report.failed[0].reason)
        return self.document(document_id)

    def complete(self, progress: ReportProgress | None = None) -> int:
        """Embed what has still to be embedded; return how many documents.

        That is everything after a change of the embedding model, or what was left of it; and what an older
        Footnote added without vectors of words, which until then are made for each question. Of what it added
        it is also found out which documents tell the same.

        Raises
        ------
        EmbeddingError
            The model failed; what it gave until then is kept.
        """
        with self.batch():
            return self._completing().complete(progress)

    def reembed(self, progress: ReportProgress | None = None) -> int:
        """Embed everything with the embedding model that is set now; return how many documents.

        What it has embedded already is passed over, unless its vectors have another length by now. Where
        this is interrupted, the next call goes on.

        Raises
        ------
        EmbeddingError
            The model failed; what it gave until then is kept.
        """
        with self.batch():
            return self._completing().reembed(progress)

    def to_embed(self) -> int:
        """How many documents have still to be embedded since the embedding model was changed."""
        return self._completing().left()

    def status(self) -> LibraryStatus:
        """Count what the library holds."""
        with self._catalog.reading() as view:
            documents, passages = view.counts()
            changed = view.updated()
        size = sum(map(size_in_bytes, files_below(self.settings.data_dir)))
        return LibraryStatus(documents, passages, size, changed, self._index.state, told(self.embedder))

    def rebuild_index(self) -> None:
        """Make Chroma's index anew from the catalog and wait for it; nothing is embedded again.

        Raises
        ------
        CatalogError
            Another process keeps the index, or it can't be made anew.
        """
        self._index.rebuild()
        self.wait_for_index()

    def wait_for_index(self) -> None:
        """Wait until Chroma holds everything; questions needn't, what it doesn't hold is compared exactly.

        Raises
        ------
        CatalogError
            Another process keeps the index, or it fails.
        """
        while not self._index.wait(1.0):
            if self._index.state == ELSEWHERE:
                raise CatalogError("Another process keeps the vector index: close the app and try again.")
            if self._index.state in HELD_UP:
                raise CatalogError(f"The vector index can't be brought in order now: {self._index.state}.")

    def _held(self) -> Collection[str]:
        with self._catalog.reading() as view:
            return view.versions()

    def _wipe_quotes(self) -> bool:
        return wipe_removed(self.settings, self._held)

    def _folder(self, path: Path) -> Folder:
        followed = (folder for folder in self.folders if folder.path.absolute() == path.absolute())
        return next(followed, Folder(path))

    def _syncing(self) -> Syncing:
        return Syncing(self._catalog, self.settings.max_upload_bytes, self.ingest, self._index.notify)

    def _finder(self) -> Finder:
        return Finder(self._catalog, self._index, self.embedder, self._ingestion().completed)

    def _completing(self) -> Completing:
        return Completing(
            self._catalog, self.embedder, self._ingestion(), self._index.notify, former=self._former
        )

    def _ingestion(self) -> Ingestion:
        return Ingestion(self._catalog, self.embedder, self.settings.passage_words, self._index.notify)


def followed_folders(settings: Settings) -> list[Folder]:
    """Return the folders that a library of these settings follows, the corpus first."""
    return [Folder(settings.corpus_dir), *map(further_folder, settings.folders)]


def part_of(tell_part: Callable[[float], None] | None) -> ReportProgress:
    """Return a function that tells how much of some documents is done, for `Library.add` to call."""

    def tell(progress: Progress) -> None:
        if tell_part and (progress.done or progress.part) and progress.done < progress.total:
            tell_part((progress.done + progress.part) / progress.total)

    return tell
