"""Ingestion: documents prepared, cut, embedded on all cores, and each written as a whole, in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field, fields, replace
from functools import partial

from rag.documents import (
    AddReport,
    Document,
    IsCancelled,
    NewDocument,
    Progress,
    ReportProgress,
    content_hash,
    heed,
)
from rag.embedding.local import cores
from rag.errors import Cancelled, DocumentNotFound, EmbeddingError, LoadError
from rag.ingest.jobs import Contents, Job
from rag.ingest.model_change import ModelChange
from rag.ingest.passages import Passages, VectorsAtHand, wait_for, workers
from rag.ingest.preparing import prepared
from rag.store.catalog import Catalog
from rag.store.catalog_view import CatalogView
from rag.store.catalog_writer import CatalogWriter, EmbeddedPiece, text_hash
from rag.store.models import check_fits
from rag.text.canonical import one_line
from rag.text.limits import told_left_out
from rag.text.splitting import Piece

_AHEAD_PER_CORE = 4
"""Passages that wait to be embedded before a document is written, so that no core runs out of work."""
_MOST_WAITING = 50
"""Documents that wait behind one that takes long; those that are held as they are have nothing to embed."""
_PASSAGES_TOLD = 10
"""Progress is told after each so many passages, a fifth of a second."""


@dataclass(frozen=True, slots=True)
class Ingestion:
    """Adds documents to a catalog.

    Parameters
    ----------
    catalog
        Where they go.
    passages
        What cuts and embeds them.
    model
        The embedding model, and whether the catalog is to be changed to it.
    changed
        Called after each document that was written.
    batch
        What is replaced or removed within such a block is wiped at its end.
    """

    catalog: Catalog
    passages: Passages
    model: ModelChange
    changed: Callable[[], None]
    batch: Callable[[], AbstractContextManager[None]]

    def add(
        self,
        documents: Iterable[NewDocument],
        progress: ReportProgress | None = None,
        cancelled: IsCancelled | None = None,
    ) -> AddReport:
        """Add documents, each as a job of its own."""
        waiting = list(documents)
        jobs = (Job(one_line(new.title or new.key), partial(Contents, [new])) for new in waiting)
        return self.run(jobs, len(waiting), progress, cancelled)

    def run(
        self,
        jobs: Iterable[Job],
        total: int,
        progress: ReportProgress | None = None,
        cancelled: IsCancelled | None = None,
    ) -> AddReport:
        """Add the documents of `total` jobs; one that can't be added is reported, and the others go on.

        The next documents are embedded while one is written. When it is cancelled, documents that are not yet
        written are left out as a whole.

        Raises
        ------
        EmbeddingError
            The embedding model has been changed, and the new one can't be asked.
        """
        self.model.begin_if_due()
        report = AddReport()
        with self.batch(), suppress(Cancelled), workers() as pool:
            _Run(self, pool, report, total, progress, cancelled).add(jobs)
            return report
        return replace(report, cancelled=True)

    def with_vectors(self, at_hand: VectorsAtHand) -> Ingestion:
        """Return one that first looks here for the vectors of a passage."""
        return replace(self, passages=replace(self.passages, at_hand=at_hand))

    def run_again(self, document_ids: Sequence[str], progress: ReportProgress | None = None) -> AddReport:
        """Cut and embed held documents anew, whatever their passages and vectors are now.

        What is replaced or removed meanwhile stays so, and what was removed on purpose stays away.
        """
        report = AddReport()
        with self.batch(), workers() as pool:
            _Run(self, pool, report, len(document_ids), progress).add_again(document_ids)
        return report


@dataclass(slots=True)
class _Turn:
    """A job under way: its place among the jobs, what of it has failed, and how much of it is done."""

    number: int
    name: str
    is_asked_for: bool = True
    failed: list[LoadError] = field(default_factory=list)
    documents: int = 1
    finished: int = 0


@dataclass(frozen=True, slots=True)
class _Part:
    """A document of a job, or the job's end, that waits to be written; its passages are being embedded."""

    turn: _Turn
    write: Callable[[], None]
    key: str = ""
    passages: Sequence[Future[list[EmbeddedPiece]]] = ()
    is_end: bool = False

    @property
    def unfinished(self) -> int:
        """How many passages have still to be embedded."""
        return sum(not one.done() for one in self.passages)


@dataclass(slots=True)
class _Run:
    """One run: documents are prepared, embedded ahead, and written in order.

    Each thing is told once: how far the first job is that isn't at its end.
    """

    ingestion: Ingestion
    pool: ThreadPoolExecutor
    report: AddReport
    total: int
    progress: ReportProgress | None = None
    cancelled: IsCancelled | None = None
    waiting: deque[_Part] = field(default_factory=deque)
    ended: int = 0
    told: Progress | None = None

    def add(self, jobs: Iterable[Job]) -> None:
        """Read the jobs one after the other, and add the documents of each."""
        for number, job in enumerate(jobs):
            heed(self.cancelled)
            turn = _Turn(number, job.name, job.is_asked_for)
            self._tell(turn)
            contents = job.read()
            self._fail(turn, contents.failed)
            wanted, left_out = contents.documents, False
            if not job.is_asked_for:
                with self.ingestion.catalog.reading() as view:
                    wanted, left_out = _not_removed(view, contents.documents)
            turn.documents = max(1, len(wanted))
            for document in wanted:
                heed(self.cancelled)
                self._add(turn, document)
            self._wait(_Part(turn, partial(self._settle, turn, contents, left_out), is_end=True))
        self._finish()

    def add_again(self, document_ids: Iterable[str]) -> None:
        """Cut and embed documents as they are held."""
        for number, document_id in enumerate(document_ids):
            turn, held = _Turn(number, ""), None
            with suppress(DocumentNotFound), self.ingestion.catalog.reading() as view:
                held = view.document(document_id)
            if held:
                turn.name = held.title or held.key
                self._tell(turn)
                new = NewDocument(**{name.name: getattr(held, name.name) for name in fields(NewDocument)})
                self._embed(turn, new, held.version, self.ingestion.passages.cut(new, None), held)
            self._wait(_Part(turn, partial(self._settle, turn, Contents(), False), is_end=True))
        self._finish()

    def _add(self, turn: _Turn, document: NewDocument) -> None:
        """Begin to embed a document, unless it can't be added or is held as it is."""
        try:
            document = prepared(document, self.cancelled)
        except LoadError as error:
            of_it = LoadError(error.path, error.reason, keys=(document.key,), retryable=error.retryable)
            self._wait(_Part(turn, partial(self._fail, turn, [of_it])))
            return
        # The same key twice: the second is compared with the first.
        while any(part.key == document.key for part in self.waiting):
            self._write_first()
        document, pieces = self.ingestion.passages.within_limit(document, self.cancelled)
        version = content_hash(document)[:16]
        with self.ingestion.catalog.reading() as view:
            document_id = view.identity(document.key)
            is_unchanged = view.version(document.key) == version and not view.files.is_buried(document.key)
            held = view.document(document_id) if document_id and is_unchanged else None
        if held:
            self._wait(_Part(turn, partial(self._keep, turn, document, held), document.key))
        else:
            heed(self.cancelled)
            pieces = self.ingestion.passages.cut(document, self.cancelled) if pieces is None else pieces
            self._embed(turn, document, version, pieces, None)

    def _embed(
        self, turn: _Turn, document: NewDocument, version: str, pieces: Sequence[Piece], held: Document | None
    ) -> None:
        """Begin to embed a document; ``held`` where that is to be done anew."""
        passages = self.ingestion.passages
        embedded = passages.embed(self.pool, document, pieces, self.cancelled, reuse=held is None)
        write = partial(self._write, turn, document, version, embedded, held)
        self._wait(_Part(turn, write, document.key, embedded))

    def _wait(self, part: _Part) -> None:
        """Have a part wait for its turn, and write those whose turn it is: nothing lacks, or enough waits."""
        self.waiting.append(part)
        while self.waiting:
            unfinished = sum(part.unfinished for part in self.waiting)
            is_enough = len(self.waiting) > _MOST_WAITING or unfinished > _AHEAD_PER_CORE * cores()
            if self.waiting[0].unfinished and not is_enough:
                return
            self._write_first()

    def _write_first(self) -> None:
        part = self.waiting.popleft()
        if part.is_end:
            part.write()
            self.ended += 1
        else:
            self._tell(part.turn)
            part.write()
            part.turn.finished += 1

    def _finish(self) -> None:
        while self.waiting:
            self._write_first()
        self._report(Progress(self.total, self.total, ""))

    def _keep(self, turn: _Turn, document: NewDocument, held: Document) -> None:
        self.report.unchanged.append(held)
        self._tell_left_out(turn, document)

    def _write(
        self,
        turn: _Turn,
        document: NewDocument,
        version: str,
        passages: Sequence[Future[list[EmbeddedPiece]]],
        held: Document | None,
    ) -> None:
        embedded = list[EmbeddedPiece]()
        try:
            for done, some in enumerate(passages, 1):
                embedded.extend(wait_for(some, self.cancelled))
                if done % _PASSAGES_TOLD == 0:
                    self._tell(turn, done / len(passages))
            heed(self.cancelled)
            with self.ingestion.catalog.writing(self.cancelled) as writer:
                check_fits(writer, self.ingestion.model.embedder.name, len(embedded[0].vectors.whole))
                if held:  # its file may have been renamed meanwhile
                    document = replace(document, key=writer.key(held.id) or document.key)
                before = writer.version(document.key)
                # What nobody has asked for stays as others have replaced or removed it meanwhile.
                if held and before != version:
                    return
                if not turn.is_asked_for and before is None and writer.files.is_buried(document.key):
                    return
                identity = writer.identify(document.key)
                stored = writer.put(document, identity, version, embedded, self.cancelled)
                if not held and turn.is_asked_for:
                    writer.files.unbury(document.key)
        except EmbeddingError as error:
            name = document.title or document.key
            self._fail(turn, [LoadError(name, str(error), keys=(document.key,), retryable=True)])
            return
        self.ingestion.changed()
        if not held:
            self._tell_left_out(turn, document)
        (self.report.updated if before else self.report.added).append(stored)

    def _tell_left_out(self, turn: _Turn, document: NewDocument) -> None:
        """Report what of a document was left out, which is a failure to add it wholly."""
        if told := told_left_out(document):
            name = one_line(document.title or document.key)
            self._fail(turn, [LoadError(name, told, keys=(document.key,))])

    def _fail(self, turn: _Turn, errors: Sequence[LoadError]) -> None:
        self.report.failed.extend(errors)
        turn.failed.extend(errors)

    def _settle(self, turn: _Turn, contents: Contents, left_out: bool) -> None:
        """Note a file as it was when it was read, and remove what it doesn't hold any more.

        ``left_out`` tells that a copy of what was removed on purpose was left out of it.
        """
        file, seen = contents.file, contents.seen
        if not file:
            return
        with self.ingestion.catalog.writing() as writer:
            if seen is not None:
                writer.files.set_failures(file, turn.failed)
                if any(error.retryable for error in turn.failed):
                    writer.files.forget(file)
                else:
                    writer.files.see(file, replace(seen, left_out=left_out))
            leaving = contents.leaving(writer.keys_within(file), turn.failed)
            self.report.removed.extend(remove(writer, leaving))
        self.ingestion.changed()

    def _tell(self, turn: _Turn, part: float = 0.0) -> None:
        if turn.number == self.ended:
            self._report(
                Progress(turn.number, self.total, turn.name, (turn.finished + part) / turn.documents)
            )

    def _report(self, progress: Progress) -> None:
        if self.progress is not None and progress != self.told:
            self.told = progress
            self.progress(progress)


def remove(writer: CatalogWriter, keys: Iterable[str]) -> list[Document]:
    """Remove documents that are no longer in their files, and return them without their texts."""
    held = filter(None, map(writer.identity, keys))
    return [replace(writer.remove(identity, bury=False), text="", blocks=()) for identity in held]


def _not_removed(view: CatalogView, documents: Iterable[NewDocument]) -> tuple[list[NewDocument], bool]:
    """Return the documents that weren't removed on purpose, and whether a copy of such a one was left out."""
    wanted, left_out = list[NewDocument](), False
    for document in documents:
        # What is held doesn't leave, whatever became of a copy of it.
        is_held = view.version(document.key) is not None
        if is_held or not view.files.is_buried(document.key, text_hash(document.text)):
            wanted.append(document)
        else:
            left_out = left_out or not view.files.is_buried(document.key)
    return wanted, left_out
