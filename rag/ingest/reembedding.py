"""Completing a library: what a change of the embedding model, or of Footnote, has left to do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from rag.documents import Progress, ReportProgress
from rag.embedding.local import Embedder
from rag.errors import CatalogError, DocumentNotFound, EmbeddingError
from rag.ingest.ingestion import Ingestion
from rag.store.catalog import Catalog
from rag.store.models import EMBEDDER, begin, check_fits, held_dimensions, held_embedder, waiting

UNTIL_THEN = "Until they are, passages are found by their words alone."


def former_embedder(catalog: Catalog, name: str, *, may_change: bool) -> str | None:
    """Return the name of the model that a catalog is to be changed from, None if it is not to be changed.

    One without passages takes the new name at once.

    Raises
    ------
    CatalogError
        It would have to be, and must not.
    """
    with catalog.reading() as view:
        held, passages = held_embedder(view), view.counts()[1]
    if held == name:
        return None
    if held and passages:
        if may_change:
            return held
        raise CatalogError(
            f"The library holds vectors of the embedding model {held}, and {name} is set: run"
            " `python -m rag reembed` to embed everything with it, or set the former again."
        )
    with catalog.writing() as writer:
        writer.set_meta(EMBEDDER, name)
    return None


@dataclass(frozen=True, slots=True)
class Completing:
    """Embeds documents that are held.

    ``changed`` is called when there is something new to index. ``former`` is the embedding model that the
    catalog is to be changed from; another process may have done that, or have changed to a third.
    """

    catalog: Catalog
    embedder: Embedder
    ingestion: Ingestion
    changed: Callable[[], None]
    former: str | None = None

    def left(self) -> int:
        """How many documents this model has still to embed."""
        with self.catalog.reading() as view:
            return len(waiting(view, self.embedder.name))

    def complete(self, progress: ReportProgress | None) -> int:
        """Do what `Library.complete` says."""
        self._tell_stories(progress)
        if self.left():
            return self.reembed(progress)
        if not self.embedder.has_words:
            return 0
        with self.catalog.reading() as view:
            lacking = view.passages.without_words()
        return self._embed(lacking, progress)

    def _tell_stories(self, progress: ReportProgress | None) -> None:
        """Find out which documents tell the same, of those that an older Footnote added."""
        with self.catalog.reading() as view:
            lacking = view.without_story()
        for done, document_id in enumerate(lacking):
            if progress is not None:
                progress(Progress(done, len(lacking), "Looking for copies"))
            # Removed meanwhile; or embedded anew, and told by that.
            with suppress(DocumentNotFound), self.catalog.writing() as writer:
                writer.tell_story(document_id)
        if lacking:
            self.changed()

    def reembed(self, progress: ReportProgress | None) -> int:
        """Do what `Library.reembed` says."""
        try:
            self._begin()
        except EmbeddingError as error:
            raise EmbeddingError(f"The articles can't be embedded anew. {error} {UNTIL_THEN}") from error
        with self.catalog.reading() as view:
            lacking = waiting(view, self.embedder.name)
        return self._embed(lacking, progress)

    def begin_if_due(self) -> None:
        """Give up the vectors of the former model before the first document of this one is added.

        Raises
        ------
        EmbeddingError
            This model fails.
        """
        with self.catalog.reading() as view:
            is_due = held_embedder(view) == self.former
        if is_due:
            self._begin()

    def _begin(self) -> None:
        """Give up vectors that this model's don't go with, as soon as it is known to give any."""
        name, dimensions = self.embedder.name, self.embedder.dimensions
        with self.catalog.writing() as writer:
            held = held_embedder(writer)
            if held == self.former or (held == name and held_dimensions(writer) not in (0, dimensions)):
                begin(writer, name, dimensions)
            check_fits(writer, name, dimensions)
        self.changed()

    def _embed(self, document_ids: Sequence[str], progress: ReportProgress | None) -> int:
        try:
            report = self.ingestion.run_again(document_ids, progress)
        finally:
            self.changed()
        if report.failed:
            raise EmbeddingError(
                f"{len(report.failed)} of {len(document_ids)} articles could not be embedded anew."
                f" {report.failed[0].reason} {UNTIL_THEN}"
            )
        return len(document_ids)
