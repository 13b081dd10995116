"""Words in their context: a small vector for each word, to find what a question's words stand for.

Late interaction, after Khattab and Zaharia 2020 (ColBERT, arXiv:2004.12832): each word of the question
is compared with each word of a passage, and the best match counts. "Built" so finds "constructed". The
vectors are those of the embedding model's own pass over the passage, reduced to 48 numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

BASIS_PATH = Path(__file__).with_name("word_basis.npy")
WIDTH = 48
"""Numbers that are kept of a vector; `scripts/fit_words.py` finds the directions."""
_SCALE = 127


@dataclass(frozen=True, slots=True)
class WordVectors:
    """The vectors of a passage's words, those of title and headings first.

    ``rows`` is int8, (n, `WIDTH`), each row 127 times one that is L2-normalised. ``counts`` tells how
    many of them belong to title and headings, and then to each sentence.
    """

    counts: tuple[int, ...]
    rows: NDArray[np.int8]

    def packed(self) -> bytes:
        """Return them as bytes: the counts as uint16, then the rows."""
        return np.array(self.counts, "<u2").tobytes() + self.rows.tobytes()

    def __bool__(self) -> bool:
        """Whether the embedding model gives vectors of words."""
        return bool(self.counts)


NO_WORDS = WordVectors((), np.empty((0, WIDTH), np.int8))
"""Of an embedding model that gives none."""


def unpack(blob: bytes, sentences: int) -> WordVectors | None:
    """Return what `WordVectors.packed` gave for a passage of so many sentences, or None if it can't be."""
    if not blob:
        return NO_WORDS
    head = 2 * (sentences + 1)
    counts = np.frombuffer(blob[:head], "<u2") if len(blob) >= head else np.empty(0, "<u2")
    if not counts.size or len(blob) != head + WIDTH * int(counts.sum()):
        return None
    return WordVectors(tuple(counts.tolist()), np.frombuffer(blob, np.int8, offset=head).reshape(-1, WIDTH))


def gather(
    words: Sequence[tuple[int, int]], rows: NDArray[np.int8], sentences: Sequence[tuple[int, int]]
) -> WordVectors:
    """Order the vectors of words by the sentences that they stand in, those outside of any first."""
    homes = np.zeros(len(words), np.intp)
    for number, (start, end) in enumerate(sentences, 1):
        homes[[i for i, word in enumerate(words) if start <= word[0] and word[1] <= end]] = number
    counts = np.bincount(homes, minlength=len(sentences) + 1)
    return WordVectors(tuple(counts.tolist()), rows[np.argsort(homes, kind="stable")])


def reduce(vectors: NDArray[np.float32]) -> NDArray[np.int8]:
    """Reduce vectors of the packaged model's tokens, float32 (n, 384), to rows of `WordVectors`."""
    # Not by BLAS, whose own threads and those that passages are embedded in would wait for one another:
    # half of the time to add a document.
    reduced = np.einsum("ij,jk->ik", vectors, _basis(), optimize=False)
    lengths = np.maximum(np.linalg.norm(reduced, axis=1, keepdims=True), 1e-9)
    rows: NDArray[np.int8] = np.rint(reduced / lengths * _SCALE).astype(np.int8)
    return rows


def best_matches(question: NDArray[np.float32], passages: Sequence[WordVectors]) -> list[NDArray[np.float32]]:
    """Compare a question's words with those of passages.

    Parameters
    ----------
    question
        The rows of its words as `as_floats` gives them, (q, `WIDTH`).

    Returns
    -------
    For each passage the cosine of the nearest word, (q, 1 + sentences): in title and headings, and in
    each sentence; 0 where there is no word.
    """
    # All passages at once: for each by itself, most of the time would go into calling numpy.
    counts = [count for words in passages for count in words.counts]
    best = np.zeros((len(question), len(counts)), np.float32)
    filled = np.flatnonzero(counts)
    if len(question) and filled.size:
        rows = as_floats(np.concatenate([words.rows for words in passages]))
        cosines = np.einsum("qd,nd->qn", question, rows)
        starts = np.cumsum((0, *counts))[filled]
        best[:, filled] = np.maximum.reduceat(cosines, starts, axis=1)
    ends = accumulate(len(words.counts) for words in passages)
    return [best[:, end - len(words.counts) : end] for words, end in zip(passages, ends, strict=True)]


def as_floats(rows: NDArray[np.int8]) -> NDArray[np.float32]:
    """Return rows at their length of about 1."""
    return rows.astype(np.float32) / np.float32(_SCALE)


@cache
def _basis() -> NDArray[np.float32]:
    return np.load(BASIS_PATH).astype(np.float32)  # type: ignore[no-any-return]  # an array
