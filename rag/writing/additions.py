"""What a sentence adds to what its passages say: clauses and runs of words with nothing like them there.

A model that invents mostly begins with what it has read and goes on: ", which is a significant amount of
money", ", a symbol of national pride", "and was awarded a prize for it". The rest of such a sentence is
borne, so that as a whole it is like the passage, and each part has to be looked at by itself. Numbers are
left to `rag/support/faults.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from rag.support.alignment import Alignment, Match, align
from rag.support.claims import Line, read_claim, read_passages
from rag.text.function_words import PHRASE_ENDS
from rag.text.words import words

_CUT = re.compile(
    r"[;:(–—]"
    r"|,? (?:and|but|or|while|whereas|although|though|because|which|who|whose|where|as well as|so that"
    r"|in order to|due to|since|leading to|resulting in)\b"
    r"|,(?!\d)"
)
_LEAST_WORDS = 2
"""Words that a clause has; one with fewer goes with what stands before, as the items of a list do."""
_LEAST_LIKE = 0.5
"""The mean nearness, by rarity, of a clause's words to those of the stretch: below it the clause is added."""
_RUN_WORDS = 3
_LEAST_LIKE_RUN = 0.4
"""The same of any words in a row, where no comma tells where an addition begins."""
_LEAST_LIKE_KIND = 0.45
"""The nearness of the noun that says what something is: "is a project of the energy agency"."""
_OPPOSITE = 0.6
"""How near an opposite is: "stayed healthy" says something of "did not fall ill", right or wrong."""
_LEAST_WEIGHT = 0.05
_COPY = 0.7
"""The share of words in the order of one sentence from which a claim is an edited copy of it."""
_QUOTED = re.compile(r"[\"“„«]([^\"“”„«»]+)[\"”“»]")
_LEAST_QUOTED = 3
"""Words that a quotation has; one or two in quotation marks are often a name, or so called."""
_END = rf"(?=\s+(?:{PHRASE_ENDS})\b|[,.;:()]|$)"
_KIND = re.compile(
    r"(?:\b(?:is|was|are|were|became|becomes) (?:(?:also|now|then|still) )?(?:an?|the|one of the) "
    r"|, (?:an?|one of the) )"
    rf"([^,.;:()]+?){_END}(?:\s+of (?:the )?([^,.;:()]+?){_END})?"
)


def fault_in_addition(claim: str, passages: Sequence[str]) -> str:
    """Return what a claim adds to passages that bear the rest, as a sentence for a reader, or nothing."""
    if quoted := misquoted(claim, passages):
        return f"The words “{quoted}” don't stand so in the sources."
    added = addition(claim, passages)
    return f"The sources say nothing like “{added}”." if added else ""


def addition(claim: str, passages: Sequence[str]) -> str:
    """Return the first part of a claim with nothing like it where the rest is borne, or an empty text."""
    lines = read_passages(passages)
    alignments = (align(line, lines) for line in read_claim(claim) if line.content)
    return next((part for one in alignments for part in added_parts(one)), "")


def misquoted(claim: str, passages: Sequence[str]) -> str:
    """Return the first words in quotation marks that don't stand so in any passage, or an empty text."""
    said = [f" {' '.join(words(passage))} " for passage in passages]
    for quoted in _QUOTED.findall(claim):
        written = words(quoted)
        if len(written) >= _LEAST_QUOTED and not any(f" {' '.join(written)} " in one for one in said):
            return str(quoted)
    return ""


def added_parts(alignment: Alignment) -> Iterator[str]:
    """Yield the parts of a sentence with nothing like them in the stretch that bears the rest."""
    sentence = alignment.claim
    found = [match for match in alignment.matches if match.word.kind != "number"]
    clauses = list(_clauses(sentence, found))
    if len(clauses) > 1:
        yield from (_text(sentence, part) for part in clauses if _nearness(part) < _LEAST_LIKE)
    for first in range(len(found) - _RUN_WORDS + 1):
        run = found[first : first + _RUN_WORDS]
        if _nearness(run) < _LEAST_LIKE_RUN:
            yield _text(sentence, run)
    yield from (match.word.text for match in _kinds(sentence, found) if _nearness([match]) < _LEAST_LIKE_KIND)
    yield from _put_for_names(alignment)


def _put_for_names(alignment: Alignment) -> Iterator[str]:
    """Yield a word that stands just where the sentence has a name: "by the army" for "by Agnes Thorburn"."""
    if alignment.closeness < _COPY:
        return
    claimed, said = alignment.claim.stems, alignment.nearest.stems if alignment.nearest else frozenset()
    for edit in alignment.edits:
        mine = [word for word in edit.mine if word.kind == "word" and word.text.islower()]
        names = [word for word in edit.theirs if word.kind == "name" and word.stem not in claimed]
        if len(mine) == 1 and names and mine[0].stem not in said:
            yield mine[0].text


def _clauses(sentence: Line, matches: Sequence[Match]) -> Iterator[list[Match]]:
    cuts = [0, *(cut.start() for cut in _CUT.finditer(sentence.text)), len(sentence.text)]
    waiting: list[Match] = []
    for start, end in pairwise(cuts):
        part = [match for match in matches if start <= match.word.start < end]
        if min(len(part), len(waiting)) >= _LEAST_WORDS:
            yield waiting
            waiting = []
        waiting += part
    if waiting:
        yield waiting


def _kinds(sentence: Line, matches: Sequence[Match]) -> Iterator[Match]:
    """Yield the nouns that say what something is, the last words of their phrases."""
    for found in _KIND.finditer(sentence.text):
        for group in (1, 2):
            inside = [m for m in matches if found.start(group) <= m.word.start < found.end(group)]
            if inside and inside[-1].word.end == found.end(group):
                yield inside[-1]


def _nearness(part: Sequence[Match]) -> float:
    weights = [max(match.word.weight, _LEAST_WEIGHT) for match in part]
    near = [max(match.nearness, _OPPOSITE if match.opposite else 0.0) for match in part]
    return sum(w * n for w, n in zip(weights, near, strict=True)) / sum(weights)


def _text(sentence: Line, part: Sequence[Match]) -> str:
    return sentence.text[part[0].word.start : part[-1].word.end]
