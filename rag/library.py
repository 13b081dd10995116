"""Library: the collection of documents, to add to, remove from and search."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from rag.conversations import Conversations, wipe_removed
from rag.deadline import NO_DEADLINE, Deadline
from rag.documents import AddReport, Document, Filters, Hit, IsCancelled, NewDocument, ReportProgress, Story
from rag.embedding.endpoint import embedder_of, told
from rag.embedding.local import Embedder
from rag.ingest.folder import files_below, make_private, size_in_bytes
from rag.ingest.incoming import forget_incoming
from rag.ingest.ingestion import Ingestion
from rag.ingest.jobs import Job
from rag.ingest.model_change import ModelChange, former_embedder
from rag.ingest.passages import Passages
from rag.ingest.reembedding import Reembedding
from rag.ingest.syncing import FollowedFolders
from rag.keys import is_followed
from rag.reading.passages import DEPTH, reranked
from rag.search.finding import Finder, Found
from rag.settings import Settings
from rag.store.backup import BackupKeeper
from rag.store.catalog import Catalog
from rag.store.chroma_follower import HELD_UP, VectorIndex
from rag.store.forgetting import Forgetting

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
    changed: datetime | None
    index: str
    data_dir: Path
    embedder: str = ""

    @property
    def bytes_on_disk(self) -> int:
        """The size of the data folder, for which all of it is looked through."""
        return sum(map(size_in_bytes, files_below(self.data_dir)))


class Library:
    """A collection of documents in one folder.

    Safe in several threads; several processes may open one folder. Use `Library.open`. ``followed`` are the
    folders that it follows, and ``embedding`` is for what has still to be embedded; ``catalog``, ``index``
    and ``ingestion`` are for what looks after it.
    """

    def __init__(
        self,
        settings: Settings,
        catalog: Catalog,
        embedder: Embedder,
        index: VectorIndex,
        former: str | None,
        backup: BackupKeeper | None,
    ) -> None:
        self.settings = settings
        self.embedder = embedder
        self.catalog = catalog
        self.index = index
        self.ingestion = Ingestion(
            catalog,
            Passages(catalog, embedder, settings.passage_words),
            ModelChange(catalog, embedder, former, index.notify),
            index.notify,
            self.batch,
        )
        self.followed = FollowedFolders(self.ingestion, settings)
        self.embedding = Reembedding(self.ingestion)
        self._forgetting = Forgetting(catalog, partial(wipe_removed, settings, self._versions))
        self._backup = backup
        self._batches = threading.local()

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
            Whether to open a library of another embedding model too. `Reembedding.complete` embeds all of it
            anew, and until then passages are found by their words alone.

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
        folder, url = settings.data_dir / "chroma", settings.chroma_url
        index = VectorIndex(folder, catalog, embedder.name, follow=follow, server_url=url)
        backup = BackupKeeper(catalog) if follow else None
        library = cls(settings, catalog, embedder, index, former, backup)
        # What a process that was killed has left.
        library._forgetting.forget(patience_seconds=0.0)
        return library

    def close(self) -> None:
        """Close the library; what was acknowledged is kept, whether Chroma holds it yet or not."""
        if self.index.is_behind and self.index.state not in HELD_UP:
            self.index.wait(_PATIENCE_SECONDS)
        self.index.close()
        if self._backup is not None:
            self._backup.close()
        self._forgetting.close()
        self.catalog.close()

    def __enter__(self) -> Library:
        return self

    def __exit__(self, *raised: object) -> None:
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
        return self.ingestion.add(documents, progress, cancelled)

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
        return self.ingestion.run(jobs, total, progress, cancelled)

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
            with self.catalog.writing() as writer:
                # Only a file would come back by itself; an upload of the same text later is meant to.
                key = writer.document(document_id).key
                writer.remove(document_id, bury=is_followed(key))
            forget_incoming(self.settings.data_dir, key)
            self.index.notify()

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
        return conversations.forget_removed(self._versions)

    def documents(self) -> list[Document]:
        """All documents, without their texts, the newest first."""
        with self.catalog.reading() as view:
            return view.documents()

    def stories(self) -> list[Story]:
        """Documents that tell the same, as copies or versions of an article, in the order of `documents`."""
        with self.catalog.reading() as view:
            return view.stories()

    def document(self, document_id: str) -> Document:
        """One document with its text and blocks.

        Raises
        ------
        DocumentNotFound
        """
        with self.catalog.reading() as view:
            return view.document(document_id)

    def search(
        self, question: str, limit: int = 10, filters: Filters | None = None, *, rerank: bool = False
    ) -> list[Hit]:
        """Find the passages that suit a question best, the best first.

        Where the question names a time or a source ("in October 2023", "the latest") that the library has
        articles of, their passages count more; filters leave all others out. With ``rerank`` the reader
        orders the best 30, which takes a second.
        """
        found = self.find(question, max(limit, DEPTH) if rerank else limit, filters)
        return list((reranked(found) if rerank else found).hits(limit))

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
        finder = Finder(self.catalog, self.index, self.embedder, self.ingestion.passages.completed)
        return finder.find(question, limit, filters, deadline, prefer=prefer)

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
        not read, nor is one that holds questions. A missing folder changes nothing. It is cancelled as
        in `add`, also within a file; the next call goes on.
        """
        return self.followed.sync(progress, cancelled, folders=[self.followed.at(folder)])

    def status(self) -> LibraryStatus:
        """Count what the library holds."""
        with self.catalog.reading() as view:
            held = (*view.counts(), view.updated())
        return LibraryStatus(*held, self.index.state, self.settings.data_dir, told(self.embedder))

    def _versions(self) -> Collection[str]:
        with self.catalog.reading() as view:
            return view.versions()
