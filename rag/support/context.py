"""A claim's words in their context, compared with those of the stretch that bears it.

The packaged embedding model reads both, which takes longer than all the rest of a check, so that
`rag/support/check.py` asks for it only where the rest leaves it in doubt.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, lru_cache
from typing import NamedTuple

import numpy as np

from rag.embedding.local import LocalEmbeddings, Vector
from rag.embedding.word_vectors import NO_WORDS, WordVectors, as_floats, best_matches
from rag.support.alignment import UNLIKE, Alignment

_MOST_CHARACTERS = 1_000
"""Of a text; the model reads little more at once."""


class Context(NamedTuple):
    """The cosine of a sentence and its stretch, and the mean and lowest of its words' nearest there."""

    whole: float
    words: float
    lowest: float


def in_context(alignments: Sequence[Alignment]) -> Context | None:
    """Compare a claim of one sentence with its stretch.

    None for a longer claim, where a word has nothing like it in the stretch, which the context only
    glosses over, and where there is no model.
    """
    if len(alignments) != 1 or any(match.nearness < UNLIKE for match in alignments[0].matches):
        return None
    alignment = alignments[0]
    own, own_words = _read(alignment.claim.text[:_MOST_CHARACTERS])
    stretch = " ".join(line.text for line in alignment.window)
    other, other_words = _read(stretch[:_MOST_CHARACTERS])
    if not len(own_words.rows) or not len(other_words.rows):
        return None
    nearest = best_matches(as_floats(own_words.rows), [other_words])[0].max(axis=1)
    return Context(float(own @ other), float(nearest.mean()), float(nearest.min()))


@cache
def _model() -> LocalEmbeddings | None:
    """Return the packaged model, whichever one the library is set to; None where it can't be opened."""
    try:
        return LocalEmbeddings.packaged()
    except Exception:  # noqa: BLE001  # whatever its files and libraries raise, a check never fails
        return None


@lru_cache(maxsize=256)
def _read(text: str) -> tuple[Vector, WordVectors]:
    model = _model()
    try:
        return model.embed_question_words(text) if model else _NOTHING
    except Exception:  # noqa: BLE001  # as above: the session is opened at the first text
        return _NOTHING


_NOTHING: tuple[Vector, WordVectors] = (np.zeros(0, np.float32), NO_WORDS)
