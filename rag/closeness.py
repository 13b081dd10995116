"""Whether a written sentence is near enough to the words that it cites to be shown.

A small model that invents puts a few words of a passage into a sentence of its own, and whether that is borne
can't always be told by rules. What says the same mostly has the same words, or as a whole the same meaning.
`docs/quality.md` has the figures.
"""

from __future__ import annotations

from collections.abc import Sequence

from rag.embeddings import Embedder
from rag.words import content_words, stem, stems

_NEAR_BY_WORDS = 0.85
_NEAR_BY_MEANING = 0.79
"""Share of the sentence's words held, and cosine of the two, of which either is enough."""
_NEAR_BY_BOTH = ((0.7, 0.66), (0.6, 0.68), (0.5, 0.72))
"""Pairs of the two that are enough together."""
_NEAR_WITHOUT_MEANING = 0.55
"""The share of words that is enough where there is no embedding model that knows the language."""
_NUMBERS = {
    stem(word): str(number)
    for number, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen"
        " sixteen seventeen eighteen nineteen twenty".split()
    )
}


def is_close(claim: str, quotes: Sequence[str], embedder: Embedder | None) -> bool:
    """Whether a sentence is near enough to quotes.

    ``embedder`` is a model on this computer that knows the language, or None.
    """
    held = {_NUMBERS.get(word, word) for quote in quotes for word in stems(quote)}
    wanted = [_NUMBERS.get(word, word) for word in map(stem, content_words(claim))]
    share = sum(word in held for word in wanted) / len(wanted) if wanted else 0.0
    if share >= _NEAR_BY_WORDS:
        return True
    if embedder is None:
        return share >= _NEAR_WITHOUT_MEANING
    vector = embedder.embed_question(claim)
    texts = dict.fromkeys([*quotes, " ".join(quotes)])
    cosine = max(float(vector @ embedder.embed_question(text)) for text in texts)
    return cosine >= _NEAR_BY_MEANING or any(
        share >= words and cosine >= meaning for words, meaning in _NEAR_BY_BOTH
    )
