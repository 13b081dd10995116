"""Make claims that are right and ones with one small thing wrong out of the sentences of passages."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence

from rag.support.claims import Line, Word, read_passages
from rag.support.faults import is_negation
from rag.support.meanings import relation
from rag.text.values import amounts, days

SHORTEST, LONGEST = 8, 40
"""Words of the sentences that are taken."""
_AFTER = re.compile(
    r"\b(?:is|are|was|were|will|would|can|could|may|might|should|must|has|have|had)\b(?! not)"
)
_TURNS = tuple(
    tuple(pair.split("/"))
    for pair in (
        "may/will, might/will, could/will, can/must, expected to/certain to, most/all, many/all, some/all,"
        " some/no, several/all, often/always, usually/always, sometimes/never, every/no, both/neither of the,"
        " before/after, after/before, more than/less than, less than/more than, at least/at most, over/under,"
        " first/last, above/below, most/few, higher/lower, lower/higher, better/worse, with/without,"
        " million/billion, billion/million, thousand/million, percent/million, days/weeks, years/months,"
        " months/years, hours/minutes, kilometres/miles, miles/kilometres, only/not only"
    ).split(", ")
)


def right_claims(passages: Sequence[str], rng: random.Random) -> list[str]:
    """Return a sentence of the passages as it stands, and one that lost a part of little weight."""
    lines = _usable(passages)
    if not lines:
        return []
    text = rng.choice(lines).text
    shorter = re.sub(r" \([^)]*\)|^(?:However|Moreover|In addition|Also|Then|But|And|So), ", "", text)
    shorter = re.sub(r", (?:which|who) [^,.;]*,", "", shorter)
    return [text] if shorter == text else [text, shorter]


def wrong_claims(texts: Sequence[str], passages: Sequence[str], rng: random.Random) -> list[tuple[str, str]]:
    """Return texts with one thing changed each, as (kind, claim)."""
    every = read_passages(passages)
    words = [word for line in every for word in line.content]
    makers: tuple[tuple[str, Callable[[Line], str]], ...] = (
        ("number", lambda line: _number(line, rng)),
        ("date", lambda line: _date(line, rng)),
        ("name", lambda line: _other(line, words, "name", rng)),
        ("roles", lambda line: _swapped(line, rng)),
        ("joined", lambda line: _joined(line, every, rng)),
        ("negation", lambda line: _negated(line, rng)),
        ("turn", lambda line: _turned(line, rng)),
        ("opposite", lambda line: _opposite(line, words, rng)),
    )
    found = []
    for text in texts:
        line = Line(text, 0, 0, len(text))
        for kind, make in makers:
            changed = make(line)
            if changed and changed != text:
                found.append((kind, changed))
    return found


def _usable(passages: Sequence[str]) -> list[Line]:
    return [
        line
        for line in read_passages(passages)
        if SHORTEST <= len(line.words) <= LONGEST and line.text[-1] in ".!" and line.text[0].isupper()
    ]


def _put(text: str, start: int, end: int, new: str) -> str:
    return text[:start] + new + text[end:]


def _number(line: Line, rng: random.Random) -> str:
    found = list(re.finditer(r"(?<![\w.,-])\d+(?:[.,]\d+)*(?![\w-])", line.text))
    found = [m for m in found if not any(d.start <= m.start() < d.end for d in days(line.text))]
    if not found or not amounts(line.text):
        return ""
    match = rng.choice(found)
    digits = re.sub(r"\d", lambda m: str((int(m[0]) + rng.randint(1, 7)) % 9 + 1), match[0], count=1)
    return _put(line.text, match.start(), match.end(), digits)


def _date(line: Line, rng: random.Random) -> str:
    found = [d for d in days(line.text) if d.year and str(d.year) in d.text]
    if not found:
        return ""
    day = rng.choice(found)
    year = str((day.year or 0) + rng.choice([-11, -3, -2, -1, 1, 2, 3, 10]))
    return _put(line.text, day.start, day.end, day.text.replace(str(day.year), year))


def _other(line: Line, words: Sequence[Word], kind: str, rng: random.Random) -> str:
    mine = [w for w in line.content if w.kind == kind]
    held = {w.stem for w in line.content}
    theirs = [w for w in words if w.kind == kind and w.stem not in held]
    if not mine or not theirs:
        return ""
    word = rng.choice(mine)
    return _put(line.text, word.start, word.end, rng.choice(theirs).text)


def _swapped(line: Line, rng: random.Random) -> str:
    names = [w for w in line.content if w.kind == "name"]
    pairs = [
        (a, b)
        for i, a in enumerate(names)
        for b in names[i + 1 :]
        if a.stem != b.stem
        and any(w.kind == "word" for w in line.content if a.end < w.start < b.start)
        and not re.search(r"\b(?:and|or)\b", line.text[a.end : b.start])
    ]
    if not pairs:
        return ""
    a, b = rng.choice(pairs)
    return line.text[: a.start] + b.text + line.text[a.end : b.start] + a.text + line.text[b.end :]


def _joined(line: Line, every: Sequence[Line], rng: random.Random) -> str:
    """Put the first name of another sentence in the place of this one's."""
    first = next((w for w in line.content if w.kind == "name"), None)
    held = {w.stem for w in line.content}
    others = [w for other in every for w in other.content[:2] if w.kind == "name" and w.stem not in held]
    if first is None or first.start > 15 or not others:
        return ""
    return _put(line.text, first.start, first.end, rng.choice(others).text)


def _negated(line: Line, rng: random.Random) -> str:
    negation = next((w for w in line.words if is_negation(w) and w.folded in ("not", "never", "no")), None)
    if negation:
        return _put(line.text, negation.start, negation.end + 1, "")
    found = list(_AFTER.finditer(line.text))
    if not found:
        return ""
    match = rng.choice(found)
    return _put(line.text, match.end(), match.end(), " not")


def _turned(line: Line, rng: random.Random) -> str:
    found = [
        (match, new) for old, new in _TURNS for match in re.finditer(rf"\b{old}\b", line.text, re.IGNORECASE)
    ]
    if not found:
        return ""
    match, new = rng.choice(found)
    new = new.capitalize() if match[0][0].isupper() else new
    return _put(line.text, match.start(), match.end(), new)


def _opposite(line: Line, words: Sequence[Word], rng: random.Random) -> str:
    pairs = [
        (word, new)
        for word in line.words
        for new in _ANTONYMS
        if word.kind == "word" and word.folded != new and relation(word.stem, new) == "opposite"
    ]
    if not pairs:
        return ""
    word, new = rng.choice(pairs)
    return _put(line.text, word.start, word.end, new)


_ANTONYMS = (
    "increase decrease rise fall gain lose win open close begin end accept reject include exclude large"
    " small high"
    " low good bad strong weak old new early late long short hot cold fast slow rich poor easy difficult safe"
    " dangerous common rare public private same different buy sell allow forbid likely unlikely able unable"
    " legal illegal positive negative major minor near far inside outside support oppose agree disagree"
    " cheap expensive heavy light full empty young wide narrow deep shallow create destroy"
).split()
