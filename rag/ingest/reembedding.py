"""Completing a library: what a change of the embedding model, or of Footnote, has left to do."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from rag.documents import Document, Progress, ReportProgress
from rag.errors import DocumentNotFound, EmbeddingError
from rag.ingest.ingestion import Ingestion

UNTIL_THEN = "Until they are, passages are found by their words alone."


@dataclass(frozen=True, slots=True)
class Reembedding:
    """Embeds documents that are held, as after a change of the embedding model."""

    ingestion: Ingestion

    def left(self) -> int:
        """How many documents this model has still to embed."""
        return len(self.ingestion.model.waiting())

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
        self._tell_stories(progress)
        if self.left():
            return self.reembed(progress)
        if not self.ingestion.model.embedder.has_words:
            return 0
        with self.ingestion.catalog.reading() as view:
            lacking = view.passages.without_words()
        return self._embed(lacking, progress)

    def embed_again(self, document_id: str) -> Document:
        """Cut and embed a held document anew, whatever its passages and vectors are now.

        Raises
        ------
        DocumentNotFound
        EmbeddingError
            The embedding model failed; the document is as it was.
        """
        self._document(document_id)
        report = self.ingestion.run_again([document_id])
        if report.failed:
            raise EmbeddingError(report.failed[0].reason)
        return self._document(document_id)

    def _document(self, document_id: str) -> Document:
        with self.ingestion.catalog.reading() as view:
            return view.document(document_id)

    def _tell_stories(self, progress: ReportProgress | None) -> None:
        """Find out which documents tell the same, of those that an older Footnote added."""
        with self.ingestion.catalog.reading() as view:
            lacking = view.without_story()
        for done, document_id in enumerate(lacking):
            if progress is not None:
                progress(Progress(done, len(lacking), "Looking for copies"))
            # Removed meanwhile; or embedded anew, and told by that.
            with suppress(DocumentNotFound), self.ingestion.catalog.writing() as writer:
                writer.tell_story(document_id)
        if lacking:
            self.ingestion.changed()

    def reembed(self, progress: ReportProgress | None = None) -> int:
        """Embed everything with the embedding model that is set now; return how many documents.

        What it has embedded already is passed over, unless its vectors have another length by now. Where
        this is interrupted, the next call goes on.

        Raises
        ------
        EmbeddingError
            The model failed; what it gave until then is kept.
        """
        try:
            self.ingestion.model.begin()
        except EmbeddingError as error:
            raise EmbeddingError(f"The articles can't be embedded anew. {error} {UNTIL_THEN}") from error
        return self._embed(self.ingestion.model.waiting(), progress)

    def _embed(self, document_ids: Sequence[str], progress: ReportProgress | None) -> int:
        try:
            report = self.ingestion.run_again(document_ids, progress)
        finally:
            self.ingestion.changed()
        if report.failed:
            raise EmbeddingError(
                f"{len(report.failed)} of {len(document_ids)} articles could not be embedded anew."
                f" {report.failed[0].reason} {UNTIL_THEN}"
            )
        return len(document_ids)
