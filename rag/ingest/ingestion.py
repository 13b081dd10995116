"""Ingestion: documents prepared, cut, embedded on all cores, and each written as a whole, in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
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
        writing = _Writing(self, _Telling(progress, total), cancelled)
        with self.batch(), suppress(Cancelled):
            return writing.run(writing.documents_of(jobs))
        return replace(writing.report, cancelled=True)

    def with_vectors(self, at_hand: VectorsAtHand) -> Ingestion:
        """Return one that first looks here for the vectors of a passage."""
        return replace(self, passages=replace(self.passages, at_hand=at_hand))

    def run_again(self, document_ids: Sequence[str], progress: ReportProgress | None = None) -> AddReport:
        """Cut and embed held documents anew, whatever their passages and vectors are now.

        What is replaced or removed meanwhile stays so, and what was removed on purpose stays away.
        """
        writing = _Writing(self, _Telling(progress, len(document_ids)))
        with self.batch():
            return writing.run(writing.held(document_ids))


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
class _Prepared:
    """A document that is ready to be cut; ``held`` where it is to be embedded anew."""

    turn: _Turn
    document: NewDocument
    held: Document | None = None


@dataclass(frozen=True, slots=True)
class _Embedded:
    """A document whose passages are being embedded, or have been."""

    turn: _Turn
    document: NewDocument
    held: Document | None
    version: str
    passages: Sequence[Future[list[EmbeddedPiece]]]


@dataclass(frozen=True, slots=True)
class _Unchanged:
    """A document that the library holds as it is."""

    turn: _Turn
    document: NewDocument
    held: Document


@dataclass(frozen=True, slots=True)
class _Failed:
    """A document that can't be added."""

    turn: _Turn
    error: LoadError


@dataclass(frozen=True, slots=True)
class _End:
    """The end of a job; ``left_out`` tells that a copy of what was removed on purpose was left out of it."""

    turn: _Turn
    contents: Contents = field(default_factory=Contents)
    left_out: bool = False


@dataclass(slots=True)
class _Telling:
    """Tells how far the jobs are, each thing once; the first that isn't at its end is told of."""

    report: ReportProgress | None
    total: int
    ended: int = 0
    told: Progress | None = None

    def tell(self, turn: _Turn, part: float = 0.0) -> None:
        if turn.number == self.ended:
            self._tell(Progress(turn.number, self.total, turn.name, (turn.finished + part) / turn.documents))

    def end(self) -> None:
        self._tell(Progress(self.total, self.total, ""))

    def _tell(self, progress: Progress) -> None:
        if self.report is not None and progress != self.told:
            self.told = progress
            self.report(progress)


@dataclass(slots=True)
class _Writing:
    """One run: documents come prepared, are embedded ahead, and are written in order."""

    ingestion: Ingestion
    telling: _Telling
    cancelled: IsCancelled | None = None
    report: AddReport = field(default_factory=AddReport)

    def run(self, documents: Iterable[_Prepared | _Failed | _End]) -> AddReport:
        with workers() as pool:
            for part in self._embedded_ahead(pool, documents):
                self._write(part)
        self.telling.end()
        return self.report

    def documents_of(self, jobs: Iterable[Job]) -> Iterator[_Prepared | _Failed | _End]:
        """Read the jobs one after the other, and yield the documents of each, and its end."""
        for number, job in enumerate(jobs):
            heed(self.cancelled)
            turn = _Turn(number, job.name, job.is_asked_for)
            self.telling.tell(turn)
            contents = job.read()
            self._fail(turn, contents.failed)
            wanted, left_out = contents.documents, False
            if not job.is_asked_for:
                with self.ingestion.catalog.reading() as view:
                    wanted, left_out = _not_removed(view, contents.documents)
            turn.documents = max(1, len(wanted))
            for document in wanted:
                heed(self.cancelled)
                yield self._prepared(turn, document)
            yield _End(turn, contents, left_out)

    def held(self, document_ids: Iterable[str]) -> Iterator[_Prepared | _End]:
        """Yield documents as they are held."""
        for number, document_id in enumerate(document_ids):
            turn = _Turn(number, "")
            with suppress(DocumentNotFound):
                with self.ingestion.catalog.reading() as view:
                    held = view.document(document_id)
                turn.name = held.title or held.key
                self.telling.tell(turn)
                new = NewDocument(**{name.name: getattr(held, name.name) for name in fields(NewDocument)})
                yield _Prepared(turn, new, held)
            yield _End(turn)

    def _prepared(self, turn: _Turn, document: NewDocument) -> _Prepared | _Failed:
        try:
            return _Prepared(turn, prepared(document, self.cancelled))
        except LoadError as error:
            of_it = LoadError(error.path, error.reason, keys=(document.key,), retryable=error.retryable)
            return _Failed(turn, of_it)

    def _embedded_ahead(
        self, pool: ThreadPoolExecutor, parts: Iterable[_Prepared | _Failed | _End]
    ) -> Iterator[_Embedded | _Unchanged | _Failed | _End]:
        """Yield the parts in order, each when it is embedded or enough waits behind it."""
        waiting = deque[_Embedded | _Unchanged | _Failed | _End]()
        for part in parts:
            if isinstance(part, _Prepared):
                # The same key twice: the second is compared with the first.
                while _waits(part.document.key, waiting):
                    yield waiting.popleft()
                waiting.append(self._begin(pool, part))
            else:
                waiting.append(part)
            while waiting and _is_next(waiting):
                yield waiting.popleft()
        while waiting:
            yield waiting.popleft()

    def _begin(self, pool: ThreadPoolExecutor, part: _Prepared) -> _Embedded | _Unchanged:
        """Begin to embed a document, unless it is held as it is."""
        passages, turn, document, pieces = self.ingestion.passages, part.turn, part.document, None
        if part.held:
            version = part.held.version
        else:
            document, pieces = passages.within_limit(document, self.cancelled)
            version = content_hash(document)[:16]
            with self.ingestion.catalog.reading() as view:
                document_id = view.identity(document.key)
                is_unchanged = view.version(document.key) == version and not view.files.is_buried(
                    document.key
                )
                if document_id and is_unchanged:
                    return _Unchanged(turn, document, view.document(document_id))
            heed(self.cancelled)
        pieces = passages.cut(document, self.cancelled) if pieces is None else pieces
        embedded = passages.embed(pool, document, pieces, self.cancelled, reuse=part.held is None)
        return _Embedded(turn, document, part.held, version, embedded)

    def _write(self, part: _Embedded | _Unchanged | _Failed | _End) -> None:
        turn = part.turn
        if isinstance(part, _End):
            self._settle(part)
            self.telling.ended += 1
            return
        self.telling.tell(turn)
        if isinstance(part, _Embedded):
            self._write_document(part)
        elif isinstance(part, _Unchanged):
            self.report.unchanged.append(part.held)
            self._tell_left_out(turn, part.document)
        else:
            self._fail(turn, [part.error])
        turn.finished += 1

    def _write_document(self, part: _Embedded) -> None:
        turn, document, embedded = part.turn, part.document, list[EmbeddedPiece]()
        try:
            for done, passages in enumerate(part.passages, 1):
                embedded.extend(wait_for(passages, self.cancelled))
                if done % _PASSAGES_TOLD == 0:
                    self.telling.tell(turn, done / len(part.passages))
            heed(self.cancelled)
            with self.ingestion.catalog.writing(self.cancelled) as writer:
                check_fits(writer, self.ingestion.model.embedder.name, len(embedded[0].vectors.whole))
                if part.held:  # its file may have been renamed meanwhile
                    document = replace(document, key=writer.key(part.held.id) or document.key)
                before = writer.version(document.key)
                if not self._may_write(writer, part, document.key, before):
                    return
                identity = writer.identify(document.key)
                stored = writer.put(document, identity, part.version, embedded, self.cancelled)
                if not part.held and turn.is_asked_for:
                    writer.files.unbury(document.key)
        except EmbeddingError as error:
            name = document.title or document.key
            self._fail(turn, [LoadError(name, str(error), keys=(document.key,), retryable=True)])
            return
        self.ingestion.changed()
        if not part.held:
            self._tell_left_out(turn, document)
        (self.report.updated if before else self.report.added).append(stored)

    def _may_write(self, writer: CatalogWriter, part: _Embedded, key: str, before: str | None) -> bool:
        """Whether nobody has replaced or removed meanwhile what nobody has asked to be added."""
        if part.held:
            return before == part.version
        return part.turn.is_asked_for or before is not None or not writer.files.is_buried(key)

    def _tell_left_out(self, turn: _Turn, document: NewDocument) -> None:
        """Report what of a document was left out, which is a failure to add it wholly."""
        if told := told_left_out(document):
            self._fail(
                turn, [LoadError(one_line(document.title or document.key), told, keys=(document.key,))]
            )

    def _fail(self, turn: _Turn, errors: Sequence[LoadError]) -> None:
        self.report.failed.extend(errors)
        turn.failed.extend(errors)

    def _settle(self, end: _End) -> None:
        """Note a file as read, and remove what it has brought before and doesn't hold any more."""
        if not end.contents.file:
            return
        with self.ingestion.catalog.writing() as writer:
            _note(writer, end)
            self.report.removed.extend(_drop_others(writer, end))
        self.ingestion.changed()


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


def _note(writer: CatalogWriter, end: _End) -> None:
    """Note how a file of a followed folder was when it was read, with what of it could not be."""
    file, seen, failed = end.contents.file, end.contents.seen, end.turn.failed
    if seen is None:
        return
    writer.files.set_failures(file, failed)
    if any(error.retryable for error in failed):
        writer.files.forget(file)
    else:
        writer.files.see(file, replace(seen, left_out=end.left_out))


def _drop_others(writer: CatalogWriter, end: _End) -> list[Document]:
    """Remove what a file has brought before and doesn't hold any more."""
    removed = list[Document]()
    for key in end.contents.leaving(writer.keys_within(end.contents.file), end.turn.failed):
        if identity := writer.identity(key):
            removed.append(replace(writer.remove(identity, bury=False), text="", blocks=()))
    return removed


def _waits(key: str, parts: Iterable[_Embedded | _Unchanged | _Failed | _End]) -> bool:
    return any(isinstance(part, _Embedded | _Unchanged) and part.document.key == key for part in parts)


def _is_next(parts: Sequence[_Embedded | _Unchanged | _Failed | _End]) -> bool:
    """Whether the first part is to be written now: it has what it needs, or enough waits behind it."""
    is_enough = len(parts) > _MOST_WAITING or sum(map(_unfinished, parts)) > _AHEAD_PER_CORE * cores()
    return is_enough or not _unfinished(parts[0])


def _unfinished(part: _Embedded | _Unchanged | _Failed | _End) -> int:
    return sum(not one.done() for one in part.passages) if isinstance(part, _Embedded) else 0
