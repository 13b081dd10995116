"""Vectors that Chroma doesn't hold yet, and comparing a question's with them."""

from __future__ import annotations

import threading

import numpy as np

from rag.embedding.local import Vector, products
from rag.store.catalog_view import CatalogView
from rag.store.passages_view import NO_ROWS, VectorRows


class PendingVectors:
    """The vectors added after a change, kept between questions and extended as more come."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._after = self._until = self._dropped = 0
        self._rows = NO_ROWS

    def rows(self, view: CatalogView, after: int) -> VectorRows:
        """Return at least the vectors added after a change and not removed since.

        Those added before it do no harm, and dropping them at each step of Chroma's would mean
        reading the others again.
        """
        with self._mutex:
            last = view.changes.last()
            if after <= last < self._dropped:
                # This view is of before a removal: it still holds what has been dropped here.
                return view.passages.vectors_added(after)
            if after < self._after or after >= self._until:
                self._start(after)
            if last > self._until:
                gone = view.changes.removed(self._until)
                self._dropped = last if gone else self._dropped
                added = view.passages.vectors_added(self._until)
                self._rows = _joined(_without(self._rows, gone.union(added.ids)), added)
                self._until = last
            return self._rows

    def free(self, applied: int) -> None:
        """Let go of what Chroma holds by now."""
        with self._mutex:
            if applied >= self._until:
                self._start(applied)

    def _start(self, after: int) -> None:
        self._after = self._until = after
        self._rows = NO_ROWS


def nearest_rows(rows: VectorRows, vector: Vector, limit: int) -> list[str]:
    """Return the ids of the rows nearest to `vector`, in no order that matters; to one of zeros none is."""
    if not rows.ids or not vector.any():
        return []
    cosines = products(rows.matrix, vector)
    if len(cosines) <= limit:
        return list(rows.ids)
    return [rows.ids[i] for i in np.argpartition(-cosines, limit - 1)[:limit]]


def _without(rows: VectorRows, gone: set[str]) -> VectorRows:
    keep = [i for i, passage in enumerate(rows.ids) if passage not in gone]
    if len(keep) == len(rows.ids):
        return rows
    return VectorRows(tuple(rows.ids[i] for i in keep), rows.matrix[keep])


def _joined(first: VectorRows, second: VectorRows) -> VectorRows:
    if not first.ids or not second.ids:
        return first if first.ids else second
    return VectorRows(first.ids + second.ids, np.vstack([first.matrix, second.matrix]))
