"""Changing the embedding model: the vectors of the former are dropped as one, and then made anew.

A passage whose vectors are still to be made has no fingerprint and a vector of zeros, as long as the new
ones, so that whatever reads vectors goes on. Until all are made, no vector is compared with any other.
"""

from __future__ import annotations

from rag.errors import EmbeddingError
from rag.store.catalog_view import CatalogView
from rag.store.catalog_writer import CatalogWriter

EMBEDDER = "embedder"
"""The name under which the catalog keeps that of the embedding model."""


def held_embedder(view: CatalogView) -> str:
    """Return the name of the model whose vectors a catalog holds, "" where that isn't known."""
    return view.meta(EMBEDDER) or ""


def is_embedded(view: CatalogView, embedder: str) -> bool:
    """Whether all vectors of a catalog are there, and of this model."""
    waits = view.value("SELECT 1 FROM passages WHERE fingerprint = '' LIMIT 1")
    return not waits and held_embedder(view) in ("", embedder)


def waiting(view: CatalogView, embedder: str) -> list[str]:
    """Return the ids of the documents that this model has still to embed, in the order they were added."""
    where = "WHERE p.fingerprint = ''" if held_embedder(view) in ("", embedder) else ""
    return view.column(
        f"SELECT DISTINCT d.id FROM passages p JOIN documents d ON d.number = p.document {where}"
        " ORDER BY d.number"
    )


def held_dimensions(view: CatalogView) -> int:
    """Return the length of a catalog's vectors, 0 where there are none."""
    return view.value("SELECT length(vector) / 4 FROM vectors LIMIT 1") or 0


def check_fits(view: CatalogView, embedder: str, dimensions: int) -> None:
    """Check that vectors of a model may stand beside those that are held.

    Raises
    ------
    EmbeddingError
        They are of another model, or of another length.
    """
    held, length = held_embedder(view), held_dimensions(view)
    if held not in ("", embedder):
        raise EmbeddingError(
            f"The library is embedded with {held} by now, and {embedder} is set here: set the same, and start"
            " anew."
        )
    if length not in (0, dimensions):
        raise EmbeddingError(
            f"{embedder} gives vectors of {dimensions} numbers, and those in the library have {length}: run"
            " `python -m rag reembed`."
        )


def begin(writer: CatalogWriter, embedder: str, dimensions: int) -> None:
    """Drop all vectors and make them this model's to give."""
    writer.execute("UPDATE passages SET fingerprint = ''")
    writer.execute("UPDATE vectors SET vector = zeroblob(?)", [4 * dimensions])
    writer.execute("UPDATE sentences SET vectors = x'', words = x''")
    # All have changed: for Chroma, and for what was read of them before.
    writer.execute("DELETE FROM changes")
    writer.execute("INSERT INTO changes (passage, added) SELECT id, 1 FROM passages ORDER BY number")
    writer.set_meta(EMBEDDER, embedder)
