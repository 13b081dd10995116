"""A small vector for each English word, without its context: "bought" is near "purchased".

They are the rows of the packaged embedding model's own table of word pieces, reduced to 48 numbers by
`scripts/fit_pieces.py`; a word of several pieces has the mean of theirs. Opposites are near one another
as well, which is why `rag/support/meanings.py` is asked first.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache, lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rag.embedding.local import packaged_tokenizer

PIECES_PATH = Path(__file__).with_name("word_pieces.npy")
"""int8, (30,522, 48), each row 127 times one that is L2-normalised; in the order of the vocabulary."""


def likenesses(ones: Sequence[str], others: Sequence[str]) -> NDArray[np.float32]:
    """Return the cosine of each of some words with each of others, (n, m); 0 where a word has no vector."""
    if not ones or not others:
        return np.zeros((len(ones), len(others)), np.float32)
    a, b = (np.stack([vector(word) for word in group]) for group in (ones, others))
    found: NDArray[np.float32] = np.einsum("id,jd->ij", a, b)
    return found


@lru_cache(maxsize=50_000)
def vector(word: str) -> NDArray[np.float32]:
    """Return the vector of a folded word, (48,), L2-normalised; zeros where it has none."""
    rows = _rows()
    pieces = packaged_tokenizer().encode(word[:40], add_special_tokens=False).ids
    total = rows[pieces].sum(axis=0, dtype=np.float32) if pieces else np.zeros(rows.shape[1], np.float32)
    return (total / max(float(np.linalg.norm(total)), 1e-6)).astype(np.float32)


@cache
def _rows() -> NDArray[np.int8]:
    return np.load(PIECES_PATH)  # type: ignore[no-any-return]  # an array


@lru_cache(maxsize=50_000)
def rarity(word: str) -> float:
    """Return about how rare an English word is, 0.25 ("said") to 1.3 ("flywheel").

    The vocabulary is in the order of frequency, and what it doesn't have whole is rarer still.
    """
    pieces = packaged_tokenizer().encode(word[:40], add_special_tokens=False).ids
    rank = max(max(pieces, default=_LAST), _FIRST)
    share = math.log(rank / _FIRST) / math.log(_LAST / _FIRST)
    return min(1.3, 0.25 + 0.75 * share + 0.12 * (len(pieces) - 1))


_FIRST, _LAST = 1996, 30_521
"""Where the words begin in the vocabulary, after single letters and signs, and where they end."""
