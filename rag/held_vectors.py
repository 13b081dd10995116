"""Vectors that are at hand already, from a file of another library or a damaged one."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence

import numpy as np

from rag.embeddings import Embedder, Vector, Vectors
from rag.ingestion import passage_fingerprint

Blobs = tuple[bytes, bytes]
"""A passage's vector (float32) and its sentences' (float16), as the catalog keeps them."""
NEAR = 0.98
"""Cosine above which two vectors are of the same text: processors differ a little in int8 arithmetic."""
_PROVED = 50
"""One in so many passages is embedded all the same, to prove the vectors."""

log = logging.getLogger(__name__)


class HeldVectors:
    """An embedder that first looks for a passage's vectors by their fingerprint.

    What it finds must have the right form, and every fiftieth is compared with what the model gives;
    after one that differs nothing more is taken.
    """

    def __init__(self, embedder: Embedder, look_up: Callable[[str], Blobs | None]) -> None:
        self.name = embedder.name
        self.dimensions = embedder.dimensions
        self.languages = embedder.languages
        self.embed_question = embedder.embed_question
        self._embedder = embedder
        self._look_up = look_up
        self._taken = 0
        self._trusted = True
        self._mutex = threading.Lock()

    def embed_passage(self, text: str, spans: Sequence[tuple[int, int]]) -> tuple[Vector, Vectors]:
        """Return the vectors at hand for this passage, or else embed it."""
        fingerprint = passage_fingerprint(self.name, text, spans)
        with self._mutex:
            blobs = self._look_up(fingerprint) if self._trusted else None
            held = vectors_from(blobs, self.dimensions, len(spans)) if blobs else None
            is_proved = held is not None and self._taken % _PROVED == 0
            self._taken += held is not None
        if held is None:
            return self._embedder.embed_passage(text, spans)
        if is_proved:
            made = self._embedder.embed_passage(text, spans)
            if not alike(held, made):
                log.warning("The vectors at hand are not those of the texts; embedding anew.")
                self._trusted = False
                return made
        return held


def vectors_from(blobs: Blobs, dimensions: int, sentences: int) -> tuple[Vector, Vectors] | None:
    """Return vectors as arrays, or None where their number, length or values can't be right."""
    whole, parts = blobs
    if len(whole) != 4 * dimensions or len(parts) != 2 * dimensions * sentences:
        return None
    vector = np.frombuffer(whole, np.float32)
    rows = np.frombuffer(parts, np.float16).reshape(-1, dimensions).astype(np.float32)
    for array, tolerance in ((vector[None], 1e-3), (rows, 1e-2)):
        with np.errstate(all="ignore"):
            lengths = np.linalg.norm(array, axis=1)
        # Not a number is not near to anything, so this finds it too.
        if not np.all(np.abs(lengths - 1) < tolerance):
            return None
    return vector, rows


def alike(one: tuple[Vector, Vectors], other: tuple[Vector, Vectors]) -> bool:
    """Whether two readings of a passage are the same but for rounding."""
    return bool(one[0] @ other[0] > NEAR and np.all(np.einsum("ij,ij->i", one[1], other[1]) > NEAR))
