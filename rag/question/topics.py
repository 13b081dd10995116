"""What a question is about: its names and dates, and the words that "it" or "there" stands for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from rag.documents import Answer, Citation
from rag.text.canonical import judged
from rag.text.words import content_words, fold, stems, words

NameKind = Literal["date", "country", "code", "acronym", "word"]

_MONTHS = (
    "January|February|March|April|May(?= \\d)|June|July|August|September|October|November|December"
    "|Januar|Februar|März|Mai|Juni|Juli|Oktober|Dezember"
)
_DATE = re.compile(
    rf"\b(?:\d{{1,2}} )?(?:(?:{_MONTHS}) (?:\d{{1,2}},? )?)?(?:1\d{{3}}|20\d\d)s?\b|\b(?:{_MONTHS})\b"
    r"|\b\d{1,2}(?:st|nd|rd|th) century\b"
)
_TOKEN = re.compile(r"[^\W_]+(?:[-.&/][^\W_]+)*")
_COUNTRIES = frozenset(
    "afghanistan albania algeria america argentina armenia australia austria azerbaijan belarus belgium"
    " brazil britain bulgaria canada chile china colombia croatia cuba cyprus czechia denmark egypt england"
    " estonia ethiopia europe finland france georgia germany ghana greece hungary iceland india indonesia"
    " iran iraq ireland israel italy japan jordan kazakhstan kenya kuwait latvia lebanon libya lithuania"
    " luxembourg malaysia mexico moldova mongolia montenegro morocco netherlands nigeria norway pakistan"
    " panama peru philippines poland portugal qatar romania russia scotland serbia singapore slovakia"
    " slovenia somalia spain sudan sweden switzerland syria taiwan thailand tunisia turkey turkiye uae uk"
    " ukraine us usa venezuela vietnam wales yemen"
    " almanya yunanistan fransa rusya abd amerika isvec finlandiya norvec ispanya italya cin hindistan"
    " ukrayna ingiltere"
    " deutschland frankreich russland griechenland schweden finnland norwegen polen turkei osterreich"
    " spanien italien".split()
)
# Words that begin a sentence in front of a name without being part of it.
_BEFORE_NAMES = frozenset(
    "after also although am because before between but during except i if including like near or since so"
    " than then under unless until when while without und oder aber seit nach vor".split()
)
_THINGS = (
    "accord|agreement|aircraft|airport|attack|balance|bank|battery|batteries|bridge|canal|castle|company"
    "|conference|contract|convention|crisis|deal|drones?|drought|factory|farm|fighters?|fleet|helicopters?"
    "|jets?|lamp|law|lighthouse|missiles?|museum|observatory|package|pipeline|plane|planes|plant|port|prize|purchase"
    "|programme|program|project|radars?|railway|reactors?|regiments?|river|rocket|sale|sanctions|ships?"
    "|station|summit|systems?|tank|tanks|telescope|tower|treaty|turbines?|virus|war"
)
_SORTS = "air|battle|container|defence|defense|fighter|gas|nuclear|oil|power|rail|solar|space|wind"
THING = re.compile(_THINGS)
_THING_AFTER = re.compile(rf" (?:(?:{_SORTS}) ){{0,2}}(?:{_THINGS})\b")
_OWNED_AFTER = re.compile(r"['’]s?(?: [a-z-]+){1,2}(?=\W*$)")
_OF_BEFORE = re.compile(r"(?:\bthe (?:[a-z-]+ ){1,2}of ){1,2}(?:the )?$")
_ATTRIBUTE = re.compile(r"\b(?:who|what|which|how \w+) (?:is|are|was|were) $", re.IGNORECASE)
_WHO = re.compile(r"who\b(?: (?:is|was) (?P<role>[\w’' -]+))?", re.IGNORECASE)
_ROLE = re.compile(
    r"\bthe (?:[a-z-]+ ){0,3}(?:administrator|ambassador|author|boss|chairman|chief|director|engineer"
    r"|executive|founder|general|governor|head|inventor|keeper|king|leader|mayor|minister|owner|pilot|president|queen"
    r"|secretary)"
    r"(?: of (?:the )?[^\W\d_a-z][\w-]*(?: [^\W\d_a-z][\w-]*)*)?"
)
_PLAIN_NUMBER = re.compile(r"\d+(?:st|nd|rd|th|s|km|m|cm|mm|kg|ft)?")
_PLACE_BEFORE = re.compile(r"\b(?:in|at|from|to|of|near|into|through) (?:the )?$")
PARTICIPLE = (
    r"(?:\w+ed|built|bought|sold|made|found|won|paid|held|sent|led|lost|written|given|taken|chosen|known|seen"
    r"|put|set|cut|told|kept|begun|drawn|grown|shown|stolen|broken)"
)
_VERBS = (
    "arrive|become|begin|buy|carry|close|come|cost|end|enter|fall|fly|get|give|go|have|join|last|lie|live|lose|make"
    "|mean|need|open|pass|produce|reach|say|sell|stand|start|take|use|weigh|win|work"
)
_PHRASE = re.compile(
    r"\b(?:[Tt]he|[Aa]n?) ((?:[^\W\d_][\w-]* ){0,2}?[^\W\d_][\w-]*)"
    rf"(?= (?:{PARTICIPLE}|{_VERBS}|of|in|on|at|for|from|to|with|by|and|is|was|were|are|has|had|do|does|did"
    r"|be|used|a|the|when|because|that)\b|\W*$)"
)
_VERB_NEXT = re.compile(
    rf"[^\w\s]|\W*$|\s(?:{PARTICIPLE}|{_VERBS}|first|in|on|at|to|for|from|of|by|and|with|a|the)\b"
)
_BARE_SUBJECT = re.compile(
    rf"\b(?:(?:do|does|did) (?=[a-z]+ [a-z]+)|(?:is|are|was|were) (?=[a-z]+ {PARTICIPLE}\b))([a-z]+)"
)
# What "it" stands for, the likeliest last; and who it is that joins, wants or pays.
_SUBJECTS: tuple[NameKind, ...] = ("country", "acronym", "word", "code")
_AGENTS: tuple[NameKind, ...] = ("code", "word", "acronym", "country")
_TITLE_CHARACTERS = 40
"""A conversation keeps so much of a removed document's title; a question shall not keep more."""


@dataclass(frozen=True, slots=True)
class Name:
    """A name or date in a text, without its article or a possessive's ending."""

    text: str
    start: int
    end: int
    kind: NameKind


def names_in(text: str, *, begins_sentence: bool = True) -> list[Name]:
    """Return the names and dates of a text in order.

    The first word of a sentence has a capital in any case: it counts where a name follows it, or where
    it is known or looks like one.
    """
    found = [Name(m[0], m.start(), m.end(), "date") for m in _DATE.finditer(text)]
    groups: list[list[re.Match[str]]] = []
    for token in _TOKEN.finditer(text):
        is_dated = any(one.start <= token.start() < one.end for one in found)
        follows = bool(groups) and text[groups[-1][-1].end() : token.start()] == " "
        if not is_dated and (
            _is_capital(token[0]) or _is_small_country(token[0]) or (follows and token[0].isdigit())
        ):
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


def is_country(text: str) -> bool:
    """Whether a word is the name of a country, however it is written."""
    return fold(text) in _COUNTRIES


def topic(answer: Answer, *, agent: bool = False) -> str:
    """Return what an answered question is about, as words to put in the place of "it".

    That is its most telling name, with the words that belong to it; without one a phrase of the
    question that the cited title has too, or that title.

    Parameters
    ----------
    answer
        The question and its answer.
    agent
        Whether somebody who acts is meant rather than a thing.
    """
    question, title = answer.question, _cited_title(answer)
    named = [name for name in names_in(question) if name.kind != "date"]
    if named:
        ranks = _AGENTS if agent else _SUBJECTS
        in_title = set(stems(title))

        def telling(name: Name) -> tuple[int, int, int]:
            phrase = _phrase_of(name, question)
            shared = bool(in_title.intersection(stems(name.text))) and not agent
            return ranks.index(name.kind) + 2 * shared, len(phrase.split()), -name.start

        return _phrase_of(max(named, key=telling), question)
    phrases = [match[0] for match in _PHRASE.finditer(question) if content_words(match[0])]
    in_title = set(stems(title))
    shared = [phrase for phrase in phrases if in_title.intersection(stems(phrase))]
    if shared or (phrases and not title):
        return _lowered(([*shared, *phrases])[0])
    bare = _BARE_SUBJECT.search(question)
    return bare[1] if bare and content_words(bare[1]) else title


def person(answer: Answer) -> str:
    """Return whom "he" or "she" means after an answer: the person asked for, or asked about."""
    question = answer.question
    asked = [
        name.text
        for name in names_in(question)
        if name.kind == "word" and not _PLACE_BEFORE.search(question[: name.start])
    ]
    told = [name.text for name in _told(answer) if name.kind == "word" and " " in name.text]
    who = _WHO.match(question)
    if who:
        role = who["role"] or ""
        return role if role[:1].isupper() else next(iter(told), role)
    role = _ROLE.search(question)
    return next(iter([*([role[0]] if role else []), *asked, *told]), "")


def place(answer: Answer) -> str:
    """Return where "there" is after a question, with a preposition."""
    question = answer.question
    named = [name for name in names_in(question) if name.kind in ("country", "word", "acronym")]
    placed = [name for name in named if _PLACE_BEFORE.search(question[: name.start])]
    countries = [name for name in named if name.kind == "country"]
    for name in [*placed[-1:], *countries[-1:]]:
        return f"in {_with_article(name, question)}"
    subject = topic(answer)
    return f"at {subject}" if subject and not any(map(str.isdigit, subject)) else ""


def moment(answer: Answer) -> str:
    """Return when "then" is: the date of the question, or the only year that its answer names."""
    dates = [name.text for name in names_in(answer.question) if name.kind == "date"]
    years = dict.fromkeys(re.findall(r"\b(?:1\d{3}|20\d\d)\b", answer.text if answer.sentences else ""))
    return next(iter(dates), next(iter(years)) if len(years) == 1 else "")


def followed_by_noun(name: Name, question: str) -> bool:
    """Whether a noun goes with a name: the "plant" of "the Akkuyu plant"."""
    return not _VERB_NEXT.match(question, name.end)


def _is_capital(token: str) -> bool:
    folded = fold(token)
    if _PLAIN_NUMBER.fullmatch(folded):
        return False
    is_name = token[0].isupper() or (any(map(str.isdigit, token)) and any(map(str.isalpha, token)))
    return (
        is_name
        and folded not in _BEFORE_NAMES
        and bool(content_words(token) or (len(token) > 1 and token.isupper()))
    )


def _is_small_country(token: str) -> bool:
    return token.islower() and token != "us" and is_country(token)


def _kind(name: str) -> NameKind:
    if is_country(name):
        return "country"
    if any(map(str.isdigit, name)):
        return "code"
    return "acronym" if len(name) > 1 and name.isupper() else "word"


def _phrase_of(name: Name, question: str) -> str:
    """Return a name with what belongs to it: "the lighthouse of Port Ellery", "the Akkuyu plant"."""
    before = question[: name.start]
    of = _OF_BEFORE.search(before)
    if of and not _ATTRIBUTE.search(before[: of.start()]):
        return before[of.start() :] + name.text
    owned = _OWNED_AFTER.match(question, name.end)
    if owned:
        return name.text + owned[0]
    after = _THING_AFTER.match(question, name.end)
    if after:
        return _article(before) + name.text + after[0]
    return _with_article(name, question)


def _with_article(name: Name, question: str) -> str:
    return ("" if followed_by_noun(name, question) else _article(question[: name.start])) + name.text


def _article(before: str) -> str:
    return "the " if before.lower().endswith("the ") else ""


def _lowered(phrase: str) -> str:
    return phrase[0].lower() + phrase[1:]


def _told(answer: Answer) -> Sequence[Name]:
    said = set(words(answer.question))
    quotes = [judged(citation.quote) for citation in answer.citations]
    return [name for quote in quotes for name in names_in(quote) if not said.intersection(words(name.text))]


def _cited_title(answer: Answer) -> str:
    cited: Sequence[Citation] = [citation for citation in answer.citations if citation.quote]
    title = cited[0].document.title if cited else ""
    if len(title) <= _TITLE_CHARACTERS:
        return title
    return title[: _TITLE_CHARACTERS + 1].rsplit(" ", 1)[0]
