"""The vector index made anew, and waited for."""

from __future__ import annotations

from rag.errors import CatalogError
from rag.library import Library
from rag.store.chroma_follower import ELSEWHERE, HELD_UP


def rebuild_index(library: Library) -> None:
    """Make Chroma's index anew from the catalog and wait for it; nothing is embedded again.

    Raises
    ------
    CatalogError
        Another process keeps the index, or it can't be made anew.
    """
    library.index.rebuild()
    wait_for_index(library)


def wait_for_index(library: Library) -> None:
    """Wait until Chroma holds everything; questions needn't, what it doesn't hold is compared exactly.

    Raises
    ------
    CatalogError
        Another process keeps the index, or it fails.
    """
    index = library.index
    while not index.wait(1.0):
        if index.state == ELSEWHERE:
            raise CatalogError("Another process keeps the vector index: close the app and try again.")
        if index.state in HELD_UP:
            raise CatalogError(f"The vector index can't be brought in order now: {index.state}.")
