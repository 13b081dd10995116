"""Whether a written sentence is near enough to the words that it cites to be shown.

A small model that invents puts a few words of a passage into a sentence of its own, and whether that is borne
can't always be told by rules. What says the same mostly has the same words, or as a whole the same meaning.
Between near and far no measure that was tried tells a paraphrase from an invention; there the other sentences
of the answer have to (`Written.settle`).
`docs/quality.md` has the figures.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from rag.embedding.local import Embedder
from rag.embedding.word_pieces import likenesses, rarity
from rag.support.meanings import relation
from rag.text.function_words import FUNCTION_WORDS
from rag.text.vocabulary import ONES, RANKS
from rag.text.words import content_words, stem
from rag.text.words import words as _words

Closeness = Literal["far", "loose", "near"]

_NEAR_BY_WORDS = 0.85
_NEAR_BY_MEANING = 0.82
"""Share of the sentence's words held, and cosine of the two, of which either is enough."""
_LOOSE_BY_BOTH = ((0.55, 0.65), (0.5, 0.7), (0.3, 0.79))
"""Pairs of the two from which a sentence is loosely near."""
_NEAR_WITHOUT_MEANING, _LOOSE_WITHOUT_MEANING = 0.7, 0.55
"""The share of words where there is no embedding model that knows the language."""
_COPIED_WORDS = 6
"""As many words in a row as a quote has them make a sentence an edited copy."""
_STANDS_FOR = 0.34
"""How like an added word of it must be to one that was left out, unless it is a small word anyway."""
_SMALL = 0.29
_NUMBERS = {stem(word): str(number) for number, word in enumerate(("zero", *ONES, "twenty"))} | {
    stem(word): f"{number}th" for number, word in enumerate(RANKS, 1)
}


def closeness(claim: str, quotes: Sequence[str], embedder: Embedder | None) -> Closeness:
    """Return how near a sentence is to quotes: too far to be shown, loosely near, or near.

    An edited copy of a quote may leave out words and exchange them, and add none. ``quotes`` are sentences;
    ``embedder`` is a model on this computer that knows the language, or None.
    """
    said = [_plain(word) for quote in quotes for word in _words(quote)]
    held = set(said)
    wanted = content_words(claim)
    added = [word for word in wanted if _plain(word) not in held]
    share = 1 - len(added) / len(wanted) if wanted else 0.0
    if added and _longest_run(list(map(_plain, _words(claim))), said) >= _COPIED_WORDS:
        left_out = set(content_words(" ".join(quotes))) - set(wanted)
        if any(map(_is_new, added, _likest(added, sorted(left_out)))):
            return "far"
    if share >= _NEAR_BY_WORDS:
        return "near"
    if embedder is None:
        is_loose = share >= _LOOSE_WITHOUT_MEANING
        return "near" if share >= _NEAR_WITHOUT_MEANING else "loose" if is_loose else "far"
    vector = embedder.embed_question(claim)
    texts = dict.fromkeys([*quotes, " ".join(quotes)])
    cosine = max(float(vector @ embedder.embed_question(text)) for text in texts)
    if cosine >= _NEAR_BY_MEANING:
        return "near"
    is_loose = any(share >= words and cosine >= meaning for words, meaning in _LOOSE_BY_BOTH)
    return "loose" if is_loose else "far"


def tell_of(asked: Sequence[str], sentences: Sequence[str], titles: Sequence[str]) -> bool:
    """Whether sentences and titles hold a third of the words asked for, or the same in meaning.

    One of the words must be in the sentences themselves.
    """
    asked = [word for word in asked if word not in FUNCTION_WORDS]
    own, all_of_them = _held(asked, sentences), _held(asked, [*sentences, *titles])
    return 3 * all_of_them >= len(asked) and (own > 0 or not asked)


def _held(asked: Sequence[str], texts: Sequence[str]) -> int:
    there = {stem(word) for text in texts for word in _words(text)}
    return sum(any(_is_like(stem(word), other) for other in there) for word in asked)


def _is_like(one: str, other: str) -> bool:
    return one[:5] == other[:5] or relation(one, other) == "same"


def _plain(word: str) -> str:
    stemmed = stem(word)
    return _NUMBERS.get(stemmed, stemmed)


def _is_new(word: str, likeness: float) -> bool:
    """Whether a word says more than the one that it may stand for."""
    return likeness < _STANDS_FOR and rarity(word) >= _SMALL


def _likest(ones: Sequence[str], others: Sequence[str]) -> list[float]:
    """Return for each word its likeness to the one of the others that is most like it."""
    if not others:
        return [0.0] * len(ones)
    return [float(row.max()) for row in likenesses(ones, others)]


def _longest_run(ones: Sequence[str], others: Sequence[str]) -> int:
    """Return the number of words of the longest run that both have."""
    longest, ending = 0, [0] * (len(others) + 1)
    for one in ones:
        ending = [
            0,
            *(before + 1 if one == other else 0 for before, other in zip(ending[:-1], others, strict=True)),
        ]
        longest = max(longest, *ending)
    return longest
