"""Vectors that are at hand already, from a file of another library or a damaged one."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence

import numpy as np

from rag.embedding.local import Embedder, PassageVectors
from rag.embedding.word_vectors import as_floats, unpack

Blobs = tuple[bytes, bytes, bytes]
"""A passage's vector (float32), its sentences' (float16) and its words', as the catalog keeps them."""
NEAR = 0.98
"""Cosine above which two vectors are of the same text: processors differ a little in int8 arithmetic."""
NEAR_WORD = 0.9
"""The same for the vectors of words, which are reduced and rounded."""
_PROVED = 50
"""One in so many passages is embedded all the same, to prove the vectors."""

log = logging.getLogger(__name__)


class HeldVectors:
    """Finds the vectors of a passage by their fingerprint.

    They must have the right form, and every fiftieth is compared with what the model gives; after one that
    differs nothing more is taken. Several threads may ask.
    """

    def __init__(self, embedder: Embedder, look_up: Callable[[str], Blobs | None]) -> None:
        self._embedder = embedder
        self._look_up = look_up
        self._taken = 0
        self._trusted = True
        self._mutex = threading.Lock()

    def __call__(
        self, fingerprint: str, text: str, spans: Sequence[tuple[int, int]]
    ) -> PassageVectors | None:
        """Return the vectors at hand for this passage, None where there are none or they can't be right."""
        with self._mutex:
            blobs = self._look_up(fingerprint) if self._trusted else None
            held = vectors_from(blobs, self._embedder, len(spans)) if blobs else None
            if held is None:
                return None
            self._taken += 1
            if self._taken % _PROVED != 1:
                return held
            # Others wait for it: what they took meanwhile would be of the same kind.
            made = self._embedder.embed_passage(text, spans)
            self._trusted = alike(held, made)
        if self._trusted:
            return held
        log.warning("The vectors at hand are not those of the texts; embedding anew.")
        return made


def vectors_from(blobs: Blobs, embedder: Embedder, sentences: int) -> PassageVectors | None:
    """Return vectors as arrays, or None where their number, length or values can't be right."""
    whole, parts, packed = blobs
    dimensions, words = embedder.dimensions, unpack(packed, sentences)
    if len(whole) != 4 * dimensions or len(parts) != 2 * dimensions * sentences:
        return None
    if words is None or bool(words) is not embedder.has_words:
        return None
    vector = np.frombuffer(whole, np.float32)
    rows = np.frombuffer(parts, np.float16).reshape(-1, dimensions).astype(np.float32)
    for array, tolerance in ((vector[None], 1e-3), (rows, 1e-2), (as_floats(words.rows), 0.05)):
        with np.errstate(all="ignore"):
            lengths = np.linalg.norm(array, axis=1)
        # Not a number is not near to anything, so this finds it too.
        if not np.all(np.abs(lengths - 1) < tolerance):
            return None
    return PassageVectors(vector, rows, words)


def alike(one: PassageVectors, other: PassageVectors) -> bool:
    """Whether two readings of a passage are the same but for rounding."""
    if one.words.counts != other.words.counts:
        return False
    pairs = (
        (one.whole[None], other.whole[None], NEAR),
        (one.sentences, other.sentences, NEAR),
        (as_floats(one.words.rows), as_floats(other.words.rows), NEAR_WORD),
    )
    return all(bool(np.all(np.einsum("ij,ij->i", a, b) > near)) for a, b, near in pairs)
