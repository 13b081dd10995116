"""The change of the embedding model: when the vectors of the former are given up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rag.embedding.local import Embedder
from rag.errors import CatalogError
from rag.store.catalog import Catalog
from rag.store.models import EMBEDDER, begin, check_fits, held_dimensions, held_embedder, waiting


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
class ModelChange:
    """The embedding model of a catalog, and which it is to be changed from.

    ``former`` is None where it is not to be changed; another process may have done that, or have changed to a
    third. ``changed`` is called when there is something new to index.
    """

    catalog: Catalog
    embedder: Embedder
    former: str | None
    changed: Callable[[], None]

    def waiting(self) -> list[str]:
        """Return the ids of the documents that this model has still to embed."""
        with self.catalog.reading() as view:
            return waiting(view, self.embedder.name)

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
            self.begin()

    def begin(self) -> None:
        """Give up vectors that this model's don't go with, as soon as it is known to give any."""
        name, dimensions = self.embedder.name, self.embedder.dimensions
        with self.catalog.writing() as writer:
            held = held_embedder(writer)
            if held == self.former or (held == name and held_dimensions(writer) not in (0, dimensions)):
                begin(writer, name, dimensions)
            check_fits(writer, name, dimensions)
        self.changed()
