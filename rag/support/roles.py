"""Who did what to whom: two names that stand the other way round about the same word."""

from __future__ import annotations

from dataclasses import dataclass

from rag.support.claims import Line, Word


@dataclass(frozen=True, slots=True)
class Turned:
    """The same two names and the word between them, as they are said and as they are claimed."""

    said: str
    claimed: str


def turned_round(claim: Line, sentence: Line) -> Turned | None:
    """Return where a claim turns a sentence round: "Russia sold Turkey ..." and "Turkey sold Russia ...".

    Where only one of the two is passive, nothing is found.
    """
    is_passive = [any(word.folded == "by" for word in line.words) for line in (claim, sentence)]
    if is_passive[0] != is_passive[1]:
        return None
    # A name at the beginning of one sentence may stand within the other, where it can't be mistaken.
    names = {word.stem for line in (claim, sentence) for word in line.content if word.kind == "name"}
    theirs = _named(sentence, names)
    for mine in _named(claim, names):
        for said in theirs:
            verb = mine.turned_about(said)
            if verb:
                return Turned(said.about(verb), mine.about(verb))
    return None


@dataclass(frozen=True, slots=True)
class _Pair:
    """Two names and the other words between them."""

    one: tuple[Word, ...]
    between: tuple[Word, ...]
    other: tuple[Word, ...]

    def turned_about(self, said: _Pair) -> Word | None:
        """Return the word about which the same two names stand the other way round."""
        (one, other), (first, second) = (
            [{word.stem for word in name} for name in (pair.one, pair.other)] for pair in (self, said)
        )
        if not (one & second and other & first) or one & first or other & second:
            return None
        shared = {word.stem for word in said.between}
        return next((word for word in self.between if word.stem in shared), None)

    def about(self, verb: Word) -> str:
        """Return the names with the word between them, as a text."""
        one, other = (" ".join(word.text for word in name) for name in (self.one, self.other))
        return f"“{one} … {verb.text} … {other}”"


def _named(line: Line, names: set[str]) -> list[_Pair]:
    groups: list[list[Word]] = []
    for word in line.content:
        if word.stem not in names or word.text[0].islower():
            continue
        if groups and word.start - groups[-1][-1].end <= 1:
            groups[-1].append(word)
        else:
            groups.append([word])
    found = []
    for i, one in enumerate(groups):
        for other in groups[i + 1 : i + 3]:
            inner = (w for w in line.content if one[-1].end <= w.start < other[0].start)
            between = tuple(w for w in inner if w.kind == "word")
            if between:
                found.append(_Pair(tuple(one), between, tuple(other)))
    return found
