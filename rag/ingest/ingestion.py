"""Ingestion: documents prepared, cut, embedded on all cores, and each written as a whole, in order."""

from __future__ import annotations

import os
import re
import sys
import threading
from collections import deque
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, fields, replace
from functools import partial

from rag.documents import (
    AddReport,
    Document,
    IsCancelled,
    Loaded,
    NewDocument,
    Progress,
    ReportProgress,
    content_hash,
    heed,
)
from rag.embedding.local import Embedder, InBatches, PassageVectors, cores
from rag.embedding.passages import embedded_text, passage_fingerprint
from rag.errors import Cancelled, DocumentNotFound, EmbeddingError, LoadError
from rag.ingest.folder import is_within
from rag.loading.process.worker import structured_apart
from rag.store.catalog import Catalog
from rag.store.catalog_writer import CatalogWriter, EmbeddedPiece
from rag.store.models import check_fits
from rag.store.stored_passage import StoredPassage
from rag.text.blocks import structured
from rag.text.canonical import one_line
from rag.text.invisible import without_hidden
from rag.text.limits import (
    MOST_CHARACTERS,
    MOST_WORDS_IN_PASSAGES,
    cut_at,
    is_short,
    told_left_out,
    within_limits,
)
from rag.text.splitting import Piece, Span, split_document

_AHEAD_PER_CORE = 4
"""Passages that wait to be embedded before a document is written, so that no core runs out of work."""
_PASSAGES_TOLD = 10
"""Progress is told after each so many passages, a fifth of a second."""
_PASSAGES_TOGETHER = 64
"""So many go to a model behind a network at once: between them a long document can be cancelled."""
_LOOK_SECONDS = 0.1
"""So often is looked whether a passage that is embedded is still wanted."""
_NICENESS = 10
"""Of the threads that embed: a question took five times as long while files were added, and now twice."""
_HEADING_CHARACTERS = 1_000
"""A title or heading stands with each passage: one of 200 kB made 80 MB of a text of 126 kB."""
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


Settle = Callable[[CatalogWriter, Sequence[LoadError]], list[Document]]


@dataclass(frozen=True, slots=True)
class Job:
    """Documents that are loaded when their turn comes.

    ``name`` is what progress calls them. ``file`` is the key of the file or address that they are all of:
    what it has brought before and doesn't hold any more leaves. ``settle`` is called within a transaction
    once all is held that could be loaded, with what could not, and returns what it has removed. Where
    nobody has asked for it, as for a file that has changed, what is removed on purpose stays away, also
    while it is read.
    """

    name: str
    load: Callable[[], Loaded]
    file: str = ""
    is_asked_for: bool = True
    settle: Settle | None = None


@dataclass(slots=True)
class _Step:
    """What is done in its turn, when its passages have been embedded, each by itself or all together."""

    run: Callable[[], None]
    key: str = ""
    passages: Sequence[Future[list[EmbeddedPiece]]] = field(default_factory=tuple)


@dataclass(slots=True)
class _Turn:
    """A job under way: where it is told and reported, and what of it has failed.

    ``tell_part`` is told how much of its ``documents`` is done, ``finished`` of them wholly.
    """

    report: AddReport
    tell_part: Callable[[float], None]
    cancelled: IsCancelled | None = None
    is_asked_for: bool = True
    failed: list[LoadError] = field(default_factory=list)
    documents: int = 1
    finished: int = 0

    def tell(self, part: float = 0.0) -> None:
        self.tell_part((self.finished + part) / self.documents)

    def finish(self, document: NewDocument | None = None) -> None:
        self.tell()
        self.finished += 1
        if document is not None:
            self.tell_left_out(document)

    def tell_left_out(self, document: NewDocument) -> None:
        """Report what of a document was left out, which is a failure to add it wholly."""
        if told := told_left_out(document):
            error = LoadError(one_line(document.title or document.key), told, keys=(document.key,))
            self.report.failed.append(error)
            self.failed.append(error)

    def fail(self, error: LoadError) -> None:
        self.finish()
        self.report.failed.append(error)
        self.failed.append(error)


class Ingestion:
    """Adds documents to a catalog.

    Parameters
    ----------
    catalog
        Where they go.
    embedder
        Its ``embed_passage`` is called in as many threads as there are cores.
    passage_words
        The length of a passage, in words.
    changed
        Called after each document that was written.
    """

    def __init__(
        self, catalog: Catalog, embedder: Embedder, passage_words: int, changed: Callable[[], None]
    ) -> None:
        self._catalog = catalog
        self._changed = changed
        self._embedder = embedder
        self._passage_words = passage_words

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
        """
        report, steps = AddReport(), deque[_Step]()
        progress = _without_repeats(progress)
        with suppress(Cancelled), _workers() as pool:
            for done, job in enumerate(jobs):
                heed(cancelled)
                tell = partial(_tell, progress, done, total, job.name)
                turn = _Turn(report, tell, cancelled, job.is_asked_for)
                if not steps:
                    turn.tell()
                loaded = job.load()
                report.failed.extend(loaded.failed)
                turn.failed.extend(loaded.failed)
                turn.documents = max(1, len(loaded.documents))
                for document in loaded.documents:
                    heed(cancelled)
                    try:
                        prepared = _prepared(document, cancelled)
                    except LoadError as error:
                        error.keys = (document.key,)
                        steps.append(_Step(partial(turn.fail, error)))
                        continue
                    # The same key twice: the second is compared with the first.
                    _finish(steps, partial(_is_waiting, steps, prepared.key))
                    steps.append(self._start(pool, prepared, turn))
                if job.file and loaded.documents:
                    inside = frozenset(document.key for document in loaded.documents)
                    drop = partial(drop_others, job.file, inside)
                    steps.append(_Step(partial(self._settle, drop, turn)))
                if job.settle is not None:
                    steps.append(_Step(partial(self._settle, job.settle, turn)))
                _finish(steps, lambda: _is_next(steps))
            _finish(steps, lambda: True)
            _tell(progress, total, total, "", 0.0)
            return report
        return replace(report, cancelled=True)

    def run_again(self, document_ids: Sequence[str], progress: ReportProgress | None = None) -> AddReport:
        """Cut and embed held documents anew, whatever their passages and vectors are now.

        What is replaced or removed meanwhile stays so, and what was removed on purpose stays away.
        """
        report, steps = AddReport(), deque[_Step]()
        progress = _without_repeats(progress)
        with _workers() as pool:
            for done, document_id in enumerate(document_ids):
                with self._catalog.reading() as view, suppress(DocumentNotFound):
                    held = view.document(document_id)
                    tell = partial(_tell, progress, done, len(document_ids), held.title or held.key)
                    turn = _Turn(report, tell)
                    if not steps:
                        turn.tell()
                    steps.append(self._start_again(pool, held, turn))
                _finish(steps, lambda: _is_next(steps))
            _finish(steps, lambda: True)
        _tell(progress, len(document_ids), len(document_ids), "", 0.0)
        return report

    def completed(self, stored: StoredPassage) -> StoredPassage:
        """Return a passage with the vectors of its words, made now where an older Footnote made none."""
        if stored.words or not self._embedder.has_words:
            return stored
        passage = stored.passage
        spans = tuple(Span(s.start - passage.start, s.end - passage.start, s.kind) for s in stored.sentences)
        piece = Piece(0, len(passage.text), passage.heading, passage.page, spans, stored.header)
        text = embedded_text(stored.document.title, passage.text, piece)
        return replace(stored, words=self._embedder.embed_passage(*text).words)

    def _start(self, pool: ThreadPoolExecutor, document: NewDocument, turn: _Turn) -> _Step:
        document, pieces = self._within_passages(document, turn.cancelled)
        version = content_hash(document)[:16]
        with self._catalog.reading() as view:
            document_id = view.identity(document.key)
            is_unchanged = view.version(document.key) == version and not view.files.is_buried_key(
                document.key
            )
            if document_id and is_unchanged:
                turn.report.unchanged.append(view.document(document_id))
                return _Step(partial(turn.finish, document), document.key)
        heed(turn.cancelled)
        passages = self._embedding(pool, document, pieces, turn.cancelled, reuse=True)
        write = partial(self._write, document, version, passages, turn)
        return _Step(write, document.key, passages)

    def _start_again(self, pool: ThreadPoolExecutor, held: Document, turn: _Turn) -> _Step:
        document = NewDocument(**{f.name: getattr(held, f.name) for f in fields(NewDocument)})
        passages = self._embedding(pool, document, None, turn.cancelled, reuse=False)
        write = partial(self._write, document, held.version, passages, turn, held_id=held.id)
        return _Step(write, document.key, passages)

    def _write(
        self,
        document: NewDocument,
        version: str,
        passages: Sequence[Future[list[EmbeddedPiece]]],
        turn: _Turn,
        *,
        held_id: str = "",
    ) -> None:
        turn.tell()
        embedded = list[EmbeddedPiece]()
        try:
            for done, passage in enumerate(passages, 1):
                embedded.extend(_result(passage, turn.cancelled))
                if done % _PASSAGES_TOLD == 0:
                    turn.tell(done / len(passages))
            heed(turn.cancelled)
            with self._catalog.writing(turn.cancelled) as writer:
                check_fits(writer, self._embedder.name, len(embedded[0].vectors.whole))
                if held_id:  # its file may have been renamed meanwhile
                    document = replace(document, key=writer.key(held_id) or document.key)
                held = writer.version(document.key)
                if held_id and held != version:
                    return
                if not turn.is_asked_for and held is None and writer.files.is_buried_key(document.key):
                    turn.finish()
                    return
                identity = writer.identify(document.key)
                stored = writer.put(document, identity, version, embedded, turn.cancelled)
                if not held_id and turn.is_asked_for:
                    writer.files.unbury(document.key)
        except EmbeddingError as error:
            turn.fail(
                LoadError(document.title or document.key, str(error), keys=(document.key,), retryable=True)
            )
            return
        self._changed()
        turn.finished += 1
        if not held_id:
            turn.tell_left_out(document)
        (turn.report.updated if held else turn.report.added).append(stored)

    def _settle(self, settle: Settle, turn: _Turn) -> None:
        with self._catalog.writing() as writer:
            removed = settle(writer, turn.failed)
        turn.report.removed.extend(removed)
        self._changed()

    def _within_passages(
        self, document: NewDocument, cancelled: IsCancelled | None
    ) -> tuple[NewDocument, list[Piece] | None]:
        """Return a document with no more passages than are taken, and these where they had to be counted."""
        most = MOST_WORDS_IN_PASSAGES // self._passage_words
        # A passage ends at a heading or page at the earliest, and has a word of two characters at least.
        if len(document.blocks) + len(document.text) // (2 * self._passage_words) <= most:
            return document, None
        pieces = split_document(document.text, document.blocks, self._passage_words, cancelled)
        if len(pieces) > most:
            pieces = pieces[:most]
            document = cut_at(document, pieces[-1].end)
        return document, pieces

    def _embedding(
        self,
        pool: ThreadPoolExecutor,
        document: NewDocument,
        pieces: list[Piece] | None,
        cancelled: IsCancelled | None,
        *,
        reuse: bool,
    ) -> list[Future[list[EmbeddedPiece]]]:
        """Begin to embed a document's passages, each by itself unless the model wants them together."""
        if pieces is None:
            pieces = split_document(document.text, document.blocks, self._passage_words, cancelled)
        size = _PASSAGES_TOGETHER if isinstance(self._embedder, InBatches) else 1
        parts = [pieces[first : first + size] for first in range(0, len(pieces), size)]
        return [pool.submit(self._embed, document, part, cancelled, reuse=reuse) for part in parts]

    def _embed(
        self, document: NewDocument, pieces: Sequence[Piece], cancelled: IsCancelled | None, *, reuse: bool
    ) -> list[EmbeddedPiece]:
        """Embed passages with their title and headings before them, but for those whose vectors are held."""
        heed(cancelled)
        texts = [embedded_text(document.title, document.text, piece) for piece in pieces]
        names = [passage_fingerprint(self._embedder.name, *text) for text in texts]
        held = dict[str, PassageVectors]()
        if reuse:
            with self._catalog.reading() as view:
                found = {
                    name: view.passages.reusable(name, with_words=self._embedder.has_words) for name in names
                }
            held = {name: vectors for name, vectors in found.items() if vectors is not None}
        lacking = [text for name, text in zip(names, texts, strict=True) if name not in held]
        made = iter(_embedded(self._embedder, lacking))
        return [
            EmbeddedPiece(piece, name, held.get(name) or next(made))
            for piece, name in zip(pieces, names, strict=True)
        ]


def _embedded(
    embedder: Embedder, passages: Sequence[tuple[str, list[tuple[int, int]]]]
) -> list[PassageVectors]:
    if isinstance(embedder, InBatches):
        return embedder.embed_passages(passages)
    return [embedder.embed_passage(*passage) for passage in passages]


def _prepared(document: NewDocument, cancelled: IsCancelled | None) -> NewDocument:
    """Return a document with normalised text and metadata, its blocks, and a key.

    Raises
    ------
    LoadError
        There is nothing to read in it, it can't be stored, or its blocks don't fit its text.
    Cancelled
    """
    name = one_line(document.title or document.key) or "The text"
    strings = [document.title, document.key, document.source, document.url, document.author]
    strings += [document.text] if document.blocks else []
    if any(map(_UNSTORABLE.search, strings)):
        raise LoadError(name, "It holds characters that can't be stored: take NUL and surrogates out of it.")
    # Blocks that somebody hands over with characters that can't be seen are those of another text.
    if not document.blocks or without_hidden(document.text) != document.text:
        document = _with_blocks(document, cancelled)
    heed(cancelled)
    # What a program hands over and what is typed comes here as it is.
    document = replace(
        document,
        title=one_line(document.title),
        source=one_line(document.source),
        url=one_line(document.url),
        author=one_line(document.author),
    )
    document = _within_sizes(within_limits(document))
    if not any(character.isalnum() for character in document.text):
        raise LoadError(name, "There is no text in it: add a document with words to read.")
    end = 0
    for block in document.blocks:
        if not end <= block.start < block.end <= len(document.text):
            raise LoadError(name, "Its blocks don't fit its text: leave them out to have them found.")
        end = block.end
    if not any(block.kind != "heading" for block in document.blocks):
        # A text of headings alone can still be read and quoted.
        document = replace(document, blocks=tuple(replace(b, kind="paragraph") for b in document.blocks))
    return document if document.key else replace(document, key=f"sha256:{content_hash(document)}")


def _with_blocks(document: NewDocument, cancelled: IsCancelled | None) -> NewDocument:
    if is_short(document.text):
        return structured(document)
    return structured_apart(cut_at(document, min(len(document.text), MOST_CHARACTERS)), cancelled)


def _within_sizes(document: NewDocument) -> NewDocument:
    """Return a document whose title and headings aren't longer than any is: each passage has them with it."""
    title = document.title
    if len(title) > _HEADING_CHARACTERS:
        title = title[: _HEADING_CHARACTERS - 1] + "…"
    blocks = document.blocks
    if any(block.kind == "heading" and block.end - block.start > _HEADING_CHARACTERS for block in blocks):
        blocks = tuple(
            replace(block, kind="paragraph", level=0)
            if block.kind == "heading" and block.end - block.start > _HEADING_CHARACTERS
            else block
            for block in blocks
        )
    return replace(document, title=title, blocks=blocks)


@contextmanager
def _workers() -> Iterator[ThreadPoolExecutor]:
    """Threads to embed in; what waits for one is dropped where an exception leaves the block."""
    pool = ThreadPoolExecutor(cores(), thread_name_prefix="embedding", initializer=_give_way)
    is_wanted = True
    try:
        yield pool
    except Cancelled:
        is_wanted = False
        raise
    finally:
        # The passages under way may take a second where others want the cores too.
        pool.shutdown(wait=is_wanted, cancel_futures=True)


def _give_way() -> None:
    """Let this thread work when no other wants to, so that questions are answered meanwhile as ever."""
    if sys.platform == "linux":  # elsewhere a priority is that of the whole process
        thread = threading.get_native_id()
        os.setpriority(os.PRIO_PROCESS, thread, max(_NICENESS, os.getpriority(os.PRIO_PROCESS, thread)))


def drop_others(
    file: str, inside: Container[str], writer: CatalogWriter, failed: Sequence[LoadError]
) -> list[Document]:
    """Remove what a file has brought before and doesn't hold any more; what could not be read of it stays."""
    removed = list[Document]()
    unread = [key for error in failed for key in error.keys or (file,)]
    for held in writer.keys_within(file):
        is_kept = held in inside or any(is_within(held, key) for key in unread)
        if not is_kept and (identity := writer.identity(held)):
            removed.append(replace(writer.remove(identity, bury=False), text="", blocks=()))
    return removed


def _is_waiting(steps: Iterable[_Step], key: str) -> bool:
    return any(step.key == key for step in steps)


def _is_next(steps: Sequence[_Step]) -> bool:
    """Whether the first step is to be done now: it has what it needs, or enough waits behind it."""
    return all(part.done() for part in steps[0].passages) or _unfinished(steps) > _AHEAD_PER_CORE * cores()


def _unfinished(steps: Iterable[_Step]) -> int:
    return sum(not passage.done() for step in steps for passage in step.passages)


def _result(passage: Future[list[EmbeddedPiece]], cancelled: IsCancelled | None) -> list[EmbeddedPiece]:
    """Wait for a passage as long as it is wanted."""
    while not passage.done():
        heed(cancelled)
        wait([passage], _LOOK_SECONDS)
    return passage.result()


def _finish(steps: deque[_Step], is_due: Callable[[], bool]) -> None:
    while steps and is_due():
        steps.popleft().run()


def _without_repeats(progress: ReportProgress | None) -> ReportProgress:
    told = list[Progress]()

    def tell(now: Progress) -> None:
        if progress is not None and told[-1:] != [now]:
            told[:] = [now]
            progress(now)

    return tell


def _tell(progress: ReportProgress, done: int, total: int, what: str, part: float) -> None:
    progress(Progress(done, total, what, part))
