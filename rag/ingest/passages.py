"""A document's passages: cut, and embedded on all cores, but for those whose vectors are held."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, replace

from rag.documents import IsCancelled, NewDocument, heed
from rag.embedding.local import Embedder, InBatches, PassageVectors, cores
from rag.embedding.passages import embedded_text, passage_fingerprint
from rag.errors import Cancelled
from rag.store.catalog import Catalog
from rag.store.catalog_writer import EmbeddedPiece
from rag.store.stored_passage import StoredPassage
from rag.text.limits import MOST_WORDS_IN_PASSAGES, cut_at
from rag.text.splitting import Piece, Span, split_document

_TOGETHER = 64
"""So many go to a model behind a network at once: between them a long document can be cancelled."""
_LOOK_SECONDS = 0.1
"""So often is looked whether a passage that is embedded is still wanted."""
_NICENESS = 10
"""Of the threads that embed: a question took five times as long while files were added, and now twice."""


VectorsAtHand = Callable[[str, str, Sequence[tuple[int, int]]], PassageVectors | None]


@dataclass(frozen=True, slots=True)
class Passages:
    """Cuts documents into passages and embeds these.

    ``embedder`` is called in as many threads as there are cores; ``words`` is the length of a passage.
    ``at_hand`` is asked for vectors that the catalog doesn't hold, by their fingerprint and what is embedded.
    """

    catalog: Catalog
    embedder: Embedder
    words: int
    at_hand: VectorsAtHand | None = None

    def cut(self, document: NewDocument, cancelled: IsCancelled | None) -> list[Piece]:
        """Return a document's passages."""
        return split_document(document.text, document.blocks, self.words, cancelled)

    def within_limit(
        self, document: NewDocument, cancelled: IsCancelled | None
    ) -> tuple[NewDocument, list[Piece] | None]:
        """Return a document with no more passages than are taken, and these where they had to be counted."""
        most = MOST_WORDS_IN_PASSAGES // self.words
        # A passage ends at a heading or page at the earliest, and has a word of two characters at least.
        if len(document.blocks) + len(document.text) // (2 * self.words) <= most:
            return document, None
        pieces = self.cut(document, cancelled)
        if len(pieces) > most:
            pieces = pieces[:most]
            document = cut_at(document, pieces[-1].end)
        return document, pieces

    def embed(
        self,
        pool: ThreadPoolExecutor,
        document: NewDocument,
        pieces: Sequence[Piece],
        cancelled: IsCancelled | None,
        *,
        reuse: bool,
    ) -> list[Future[list[EmbeddedPiece]]]:
        """Begin to embed a document's passages, each by itself unless the model wants them together."""
        size = _TOGETHER if isinstance(self.embedder, InBatches) else 1
        parts = [pieces[first : first + size] for first in range(0, len(pieces), size)]
        return [pool.submit(self._embed, document, part, cancelled, reuse=reuse) for part in parts]

    def completed(self, stored: StoredPassage) -> StoredPassage:
        """Return a passage with the vectors of its words, made now where an older Footnote made none."""
        if stored.words or not self.embedder.has_words:
            return stored
        passage = stored.passage
        spans = tuple(Span(s.start - passage.start, s.end - passage.start, s.kind) for s in stored.sentences)
        piece = Piece(0, len(passage.text), passage.heading, passage.page, spans, stored.header)
        text = embedded_text(stored.document.title, passage.text, piece)
        return replace(stored, words=self.embedder.embed_passage(*text).words)

    def _embed(
        self, document: NewDocument, pieces: Sequence[Piece], cancelled: IsCancelled | None, *, reuse: bool
    ) -> list[EmbeddedPiece]:
        """Embed passages with their title and headings before them, but for those whose vectors are held."""
        heed(cancelled)
        texts = [embedded_text(document.title, document.text, piece) for piece in pieces]
        names = [passage_fingerprint(self.embedder.name, *text) for text in texts]
        held = dict[str, PassageVectors]()
        if reuse:
            with self.catalog.reading() as view:
                found = {
                    name: view.passages.reusable(name, with_words=self.embedder.has_words) for name in names
                }
            if self.at_hand is not None:
                for name, text in zip(names, texts, strict=True):
                    found[name] = found[name] or self.at_hand(name, *text)
            held = {name: vectors for name, vectors in found.items() if vectors is not None}
        lacking = [text for name, text in zip(names, texts, strict=True) if name not in held]
        made = iter(_embedded(self.embedder, lacking))
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


@contextmanager
def workers() -> Iterator[ThreadPoolExecutor]:
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


def wait_for(passages: Future[list[EmbeddedPiece]], cancelled: IsCancelled | None) -> list[EmbeddedPiece]:
    """Wait for passages as long as they are wanted."""
    while not passages.done():
        heed(cancelled)
        wait([passages], _LOOK_SECONDS)
    return passages.result()
