"""What an answered question is about: its names and dates, and what "it", "she" or "there" stands for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from rag.answers import Answer
from rag.text.canonical import judged
from rag.text.function_words import AUXILIARIES, FORMS_OF_BE, FUNCTION_WORDS, PHRASE_ENDS
from rag.text.names import CAPITAL
from rag.text.units import UNIT_SIGNS
from rag.text.vocabulary import GERMAN_MONTHS, MONTHS
from rag.text.words import content_words, fold, stems, words

NameKind = Literal["date", "code", "acronym", "word"]

AUXILIARY = rf"(?:{'|'.join(AUXILIARIES)})"
PARTICIPLE = (
    r"(?:\w+ed|built|bought|sold|made|found|won|paid|held|sent|led|lost|written|given|taken|chosen|known|seen"
    r"|put|set|cut|told|kept|begun|drawn|grown|shown|stolen|broken)"
)
_MONTHS = "|".join(map(str.capitalize, (*MONTHS, *GERMAN_MONTHS))).replace("May", "May(?= \\d)")
_DATE = re.compile(
    rf"\b(?:\d{{1,2}} )?(?:(?:{_MONTHS}) (?:\d{{1,2}},? )?)?(?:1\d{{3}}|20\d\d)s?\b|\b(?:{_MONTHS})\b"
    r"|\b\d{1,2}(?:st|nd|rd|th) century\b"
)
_TOKEN = re.compile(r"[^\W_]+(?:[-.&/][^\W_]+)*")
# Words that begin a sentence in front of a name without being part of it.
_BEFORE_NAMES = FUNCTION_WORDS.union("except near und oder aber seit nach vor".split())
_PLAIN_NUMBER = re.compile(rf"\d+(?:st|nd|rd|th|s|{'|'.join(UNIT_SIGNS)})?")
_PLACE_BEFORE = re.compile(r"\b(?:in|at|from|to|of|near|into|through) (?:the )?$")
# "The Akkuyu nuclear plant", and in "did the drought begin" a word too many.
_PHRASE = re.compile(
    rf"(?P<verb>\b{AUXILIARY} )?\b(?P<phrase>(?:[Tt]he|[Aa]n?) (?:[\w-]+ ){{0,3}}?[\w-]+)"
    rf"(?:(?P<of> of (?:the )?{CAPITAL}[\w-]*(?: {CAPITAL}[\w-]*)*)"
    rf"|(?= (?:{PHRASE_ENDS}|because|every|each)\b|[,;:'’]|\W*$))"
)
_ATTRIBUTE = re.compile(r"\b(?:who|what|which|how \w+) (?:is|are|was|were) $", re.IGNORECASE)
_ENDS_WITH_VERB = re.compile(rf"(?!(?:{'|'.join(FORMS_OF_BE)}) ){AUXILIARY} ")
_ROLE = re.compile(r"who\b (?:is|was) (?P<role>[\w’' -]+)", re.IGNORECASE)
# What "it" stands for, the likeliest last.
_SUBJECTS: tuple[NameKind, ...] = ("acronym", "word", "code")
_TITLE_CHARACTERS = 40
"""A conversation keeps so much of a removed document's title; a question shall not keep more."""


@dataclass(frozen=True, slots=True)
class Name:
    """A name or date in a text."""

    text: str
    start: int
    end: int
    kind: NameKind


def names_in(text: str, *, begins_sentence: bool = True) -> list[Name]:
    """Return the names and dates of a text in order.

    The first word of a sentence has a capital in any case: it counts where a name follows it, or where
    it looks like one.
    """
    found = [Name(m[0], m.start(), m.end(), "date") for m in _DATE.finditer(text)]
    groups: list[list[re.Match[str]]] = []
    for token in _TOKEN.finditer(text):
        is_dated = any(date.start <= token.start() < date.end for date in found)
        follows = bool(groups) and text[groups[-1][-1].end() : token.start()] == " "
        if not is_dated and (_is_capital(token[0]) or (follows and token[0].isdigit())):
            if follows:
                groups[-1].append(token)
            else:
                groups.append([token])
    for group in groups:
        name = text[group[0].start() : group[-1].end()]
        is_first = begins_sentence and group[0].start() == 0
        if not is_first or len(group) > 1 or _kind(name) != "word":
            found.append(Name(name, group[0].start(), group[-1].end(), _kind(name)))
    return sorted(found, key=lambda name: name.start)


def topic(answer: Answer) -> str:
    """Return what an answered question is about, as words to put in the place of "it".

    That is its most telling name, with the words that belong to it; without one a phrase of the
    question that the cited title has too, or that title.
    """
    question, title = answer.question, _cited_title(answer)
    in_title = set(stems(title))
    phrases = _phrases(question)
    named = [name for name in names_in(question) if name.kind != "date"]
    if named:

        def telling(name: Name) -> tuple[int, int, int]:
            is_shared = bool(in_title.intersection(stems(name.text)))
            return (
                _SUBJECTS.index(name.kind) + 2 * is_shared,
                len(_phrase_of(name, phrases).split()),
                -name.start,
            )

        return _phrase_of(max(named, key=telling), phrases)
    told = [phrase for _, phrase in phrases if content_words(phrase) and not _DATE.search(phrase)]
    shared = [phrase for phrase in told if in_title.intersection(stems(phrase))]
    for phrase in [*shared, *([] if title else told)][:1]:
        return phrase[0].lower() + phrase[1:]
    return title


def person(answer: Answer) -> str:
    """Return whom "he" or "she" means after an answer: the person asked for, or asked about."""
    question = answer.question
    asked = [
        name.text
        for name in names_in(question)
        if name.kind == "word" and not _PLACE_BEFORE.search(question[: name.start])
    ]
    said = set(words(question))
    told = [
        name.text
        for citation in answer.citations
        for name in names_in(judged(citation.quote))
        if name.kind == "word" and " " in name.text and not said.intersection(words(name.text))
    ]
    role = _ROLE.match(question)
    is_who = fold(question).startswith("who ")
    roles = [role["role"]] if role else []
    return next(iter([*told, *roles, *asked] if is_who and not asked else [*roles, *asked, *told]), "")


def place(answer: Answer) -> str:
    """Return where "there" is after a question, with a preposition."""
    question = answer.question
    phrases = _phrases(question)
    named = [name for name in names_in(question) if name.kind in ("word", "acronym")]
    placed = [name for name in named if _PLACE_BEFORE.search(question[: name.start])]
    for name in placed[-1:]:
        start = max(0, name.start - len("the "))
        return f"in {question[start : name.end] if question[start:].startswith('the ') else name.text}"
    subject = topic(answer) if phrases or named else ""
    return f"at {subject}" if subject and not any(map(str.isdigit, subject)) else ""


def moment(answer: Answer) -> str:
    """Return when "then" is: the date of the question, or the only year that its answer names."""
    dates = [name.text for name in names_in(answer.question) if name.kind == "date"]
    years = dict.fromkeys(re.findall(r"\b(?:1\d{3}|20\d\d)\b", answer.text if answer.sentences else ""))
    return next(iter(dates), next(iter(years)) if len(years) == 1 else "")


def _is_capital(token: str) -> bool:
    folded = fold(token)
    if _PLAIN_NUMBER.fullmatch(folded):
        return False
    is_name = token[0].isupper() or (any(map(str.isdigit, token)) and any(map(str.isalpha, token)))
    return is_name and (folded not in _BEFORE_NAMES or (len(token) > 1 and token.isupper()))


def _kind(name: str) -> NameKind:
    if any(map(str.isdigit, name)):
        return "code"
    return "acronym" if len(name) > 1 and name.isupper() else "word"


def _phrases(question: str) -> list[tuple[int, str]]:
    """Return the phrases of a question that begin with an article, each with its place."""
    found = []
    for match in _PHRASE.finditer(question):
        phrase, of = match["phrase"], match["of"] or ""
        before, last = phrase.rpartition(" ")[::2]
        is_verb = re.fullmatch(PARTICIPLE, last) or _ENDS_WITH_VERB.fullmatch(match["verb"] or "")
        if match["verb"] and not of and is_verb and " " in before:
            phrase = before
        # Of "the capital of France" France is what the question is about.
        if of and _ATTRIBUTE.search(question[: match.start("phrase")]):
            phrase, of = of.removeprefix(" of "), ""
        found.append((question.index(phrase, match.start("phrase")), phrase + of))
    return found


def _phrase_of(name: Name, phrases: list[tuple[int, str]]) -> str:
    """Return a name with what belongs to it: "the lighthouse of Port Ellery", "the Akkuyu plant"."""
    around = (phrase for start, phrase in phrases if start <= name.start and name.end <= start + len(phrase))
    return next(around, name.text)


def _cited_title(answer: Answer) -> str:
    title = next((citation.document.title for citation in answer.citations if citation.quote), "")
    if len(title) <= _TITLE_CHARACTERS:
        return title
    return title[: _TITLE_CHARACTERS + 1].rsplit(" ", 1)[0]
