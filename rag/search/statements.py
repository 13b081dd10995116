"""Statements: whether two sentences state the same in the same words.

All their words count but for three kinds of asides that one paper adds and another cuts or moves: a
dateline, who said it in neutral words, and an appositive. What denies, doubts, conditions or dates a
sentence is none of them. Of two sentences that both have an aside in one place, it must be the same one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from rag.text.function_words import NEGATIONS
from rag.text.names import CAPITAL
from rag.text.units import CURRENCY_SIGNS
from rag.text.vocabulary import NUMBER_WORDS, WEEKDAYS
from rag.text.words import fold

# A question mark and the sign of a currency mean as much as a word.
_WORD = re.compile(rf"[^\W_]+|[?{CURRENCY_SIGNS}]")
_QUOTES = str.maketrans(dict.fromkeys("\"'`´ʼ′“”„‘’‚«»", " "))
# Where an aside may begin and end.
_EDGE = re.compile(r", | (?:--|[–-]) |[—()]")
# "ZENDA — ", "ZENDA: ", "(Bay Wire) - ", "Zenda, Ruritania, 3 May (Bay Wire) - ".
_DATELINE = re.compile(
    rf"(?P<place>{CAPITAL}[\w.-]{{1,30}}(?: {CAPITAL}[\w.-]{{0,30}}){{0,3}})?"
    rf"(?P<day>(?:,(?: ?(?:{CAPITAL}|\d)[\w.]{{0,15}}){{1,3}}){{0,3}})"
    rf",? ?(?:[(\[](?P<agency>{CAPITAL}[^()\[\]]{{1,40}}|\w{{2,6}})[)\]])?"
    r" ?(?:[—–]|(?:--?|:)(?= ))"
)
_SAID = (
    r"(?:said|says?|(?:announc|report|add|confirm|explain|stat|not|declar|comment|reveal|disclos|remark"
    r"|mention|observ|stress|emphasi[sz]|repli|answer)ed|(?:announce|report|add|write|confirm|explain)s"
    r"|wrote|pointed out|made known)"
)
_WHO = r"\w+(?: \w+){0,11}?"
_DAY = (
    rf"(?: on| late| early){{0,3}} (?:{'|'.join(WEEKDAYS)})"
    r"(?: morning| afternoon| evening| night)?(?! s )| yesterday| today"
)
_DAYS = re.compile(_DAY)
# "in a statement", "at a meeting in Zenda", "in court".
_OCCASION = (
    r" (?:in|at|on|during|over) (?:(?:the|an?|its|their|his|her|(?:\w+ ){1,2}s) \w+(?: \w+){0,7}?"
    r"|court|parliament|writing|radio|television)"
)
# "the ministry said on Monday", "said the mayor", "according to its director", "he told the Bay Wire".
_REPORT = re.compile(
    rf"(?:as )?(?:(?:according to|reported by|sa(?:id|ys?)) (?P<by>{_WHO})|{_SAID} (?P<last>{_WHO})"
    rf"|(?P<who>{_WHO}) (?:ha[sd] |have |also )?(?:{_SAID}|(?:told|informed) (?P<to>{_WHO})))"
    rf"(?P<when>(?:{_DAY}|{_OCCASION}){{0,3}})"
)
# "The ministry said that ...", "Ada Finn, head of the union, said on Monday that ...".
_FRONT = re.compile(
    r"(?P<who>[^,;:]{1,80}(?:, [^,;:]{1,80},[^,;:]{1,80})?) that |(?P<by>According to [^,;:]{1,80}), "
)
_OF_NAME = (
    r"(?:(?:the|an?|its|his|her|their|one of|known as)"
    r"|(?:head|chair\w*|director|president|minister|mayor|leader|founder|owner|editor|secretary|capital) of)"
)
# "the largest port of the bay", "Zenda's only school", "a town that is known for its cheese", "who owns it".
_APPOSITIVE = re.compile(
    rf"(?P<name>(?:{_OF_NAME} |(?!(?:he|she|it|that|there|what|who|let) s )(?:\w+ ){{1,3}}s )"
    r"\w+(?: (?!(?:he|she|it|we|you) )\w+){0,15}?)?"
    r"(?:(?:^| )(?:who|whose|(?<= )(?:which|that|where))(?: \w+){1,15})?"
)
# ", Ada Finn, head of the union, said", ", said Ada Finn, head of the union": one aside, not two.
_TITLE = re.compile(
    rf"(, [^,]{{1,80}}), ([^,]{{1,80}}), (?=(?:{_SAID}|told)\b)"
    rf"|(, (?:{_SAID}|according to) [^,]{{1,80}}), (?={_OF_NAME} [^,]{{1,80}}$)"
)
# What someone thinks, or is heard to say: "the mayor thinks", "critics say".
_OPINION = re.compile(
    rf" (?:{_SAID}|told|th(?:inks?|ought)|f(?:ound|inds?)|kn[eo]ws?|fe(?:lt|els?)|(?:believ|hop|fear|insist"
    r"|argu|suggest|expect|warn|predict|assum|admit|promis|maintain|assert|seem|guess|reckon|boast|swear|wish"
    r"|contend|estimat|conced|complain|testif|recall|hint|acknowledg|conclud|speculat)(?:e?s|e?d|e|ies|ted)?"
    r"|will|would|may|might|can|could|should|must|permitting|willing|allowing|critics?|opponents?|opposition"
    r"|rivals?|sources?|insiders?|reports|viral|online \w+|tweets?|blog\w*|they|people|every\w+|some|few|many"
    r"|tradition|folklore|theor\w+|stor(?:y|ies)|tales?|songs?|poems?|proverbs?|novels?|films?|prophe\w*"
    r"|dream\w*) "
)
# What isn't a name or a title but a clause, or a time: "it is", "a year ago".
_CLAUSE = re.compile(
    r"^ (?:and|or|as|so|in|on|at|by|for|from|of|to|with|despite|contrary|like|an? (?:\w+ )*posts?) | to $"
    r"| (?:is|are|was|were|be|been|being|having|who(?:m|se|ever)?|which|that|what|how|why|where|than|but"
    r"|though|although|because|until|since|when|while|before|after|ago|later|earlier|previously|once|past|times?"
    r"|era|days?|weeks?|months?|years?|decades?|centur\w+|spring|summer|autumn|winter|mornings?|evenings?"
    r"|nights?|moments?) "
)
# What stands before a text as a place does, and isn't one: "ARCHIVE: ".
_LABEL = re.compile(
    r" (?:archives?|histor\w*|analys[ie]s|comment\w*|editorials?|columns?|letters?|questions?|q|polls?|quiz"
    r"|forecasts?|predictions?|scenarios?|plans?|proposals?|corrections?|clarifications?|reports?|adverti\w*"
    r"|sponsored|drafts?|april fools?|drills?|exercises?|tests?) "
)
_LISTED = re.compile(r"(?:and|or|nor|but)\b")
_NAMED_NEXT = re.compile(rf"(?:the|an?)\b|{CAPITAL}")
_DOUBT = re.compile(
    rf" (?:{'|'.join(NEGATIONS)}|hardly|untrue|den(?:y|ies|ied|ial)|\w+n t"
    r"|if|in the event|in case|unless|whether|unlikely|rumou?r\w*|claim\w*|alleg\w*|gossip\w*|hearsay"
    r"|hoax\w*|fake\w*|false\w*|suppos\w*|reportedly|so called|un(?:confirm|verifi|nam|identifi)ed|anonym\w*"
    r"|disput\w*|doubt\w*|contest\w*|refut\w*|reject\w*|retract\w*|debunk\w*|legends?|myths?|ficti\w*"
    r"|satir\w*|jok(?:e\w*|ing\w*)"
    r"|parod\w*|pranks?\w*|forge\w*|fabricat\w*|imagin\w*|invented|pretend\w*|lies?|liars?|wrong\w*|mistake\w*"
    r"|error|s[ck]eptic\w*|conspira\w*|impostors?|opinion|fact check\w*) "
)
_NUMBER = re.compile(
    rf"\d| (?:(?<!est )(?<!only )one(?! of )|{'|'.join(NUMBER_WORDS[1:])}"
    r"|half|third(?! \w+est )|quarter|dozen) "
)


@dataclass(frozen=True, slots=True)
class Statement:
    """What a sentence states: its plain words but for its asides, and these by their places.

    One that begins with its source ("The mayor said that ...") is the same only as one that names it too:
    it tells of the source's saying so.
    """

    words: str
    asides: Mapping[str, str]
    is_reported: bool


def is_same(one: str, other: str) -> bool:
    """Whether two sentences state the same in the same words."""
    mine, theirs = read_statement(one), read_statement(other)
    return (
        mine.words == theirs.words
        and all(theirs.asides.get(place, aside) == aside for place, aside in mine.asides.items())
        and ("who" in mine.asides or not theirs.is_reported)
        and ("who" in theirs.asides or not mine.is_reported)
    )


@lru_cache(maxsize=8_000)
def read_statement(text: str) -> Statement:
    """Return what a sentence states, apart from its asides."""
    asides, rest = _dateline(" ".join(text.translate(_QUOTES).split()))
    front, rest = _front(rest)
    asides |= front
    first, *parts = _EDGE.split(_TITLE.sub(lambda m: " ".join([*filter(None, m.groups()), ""]), rest))
    kept = [first]
    for part, following in zip(parts, [*parts[1:], ""], strict=False):
        aside = _aside(plain(part).strip(), kept[-1], following)
        if aside and asides.keys().isdisjoint(aside):
            asides |= aside
        else:
            kept.append(part)
    return Statement(plain(" ".join(kept)), asides, bool(front))


@lru_cache(maxsize=8_000)
def plain(text: str) -> str:
    """Return the words of a text in lower case, a space on either side of each."""
    lowered = fold(text).replace("per cent", "percent").replace("%", " percent ")
    return f" {' '.join(_WORD.findall(lowered))} "


def is_telling(words: str) -> bool:
    """Whether plain words hold a number, or what denies, doubts or conditions what is said."""
    return bool(_NUMBER.search(words) or _DOUBT.search(words))


def _dateline(text: str) -> tuple[dict[str, str], str]:
    """Return the parts of a text's dateline and the text after it."""
    match = _DATELINE.match(text)
    if not match or not (match["agency"] or (match["place"] or "").isupper()):
        return {}, text
    names = plain(" ".join(filter(None, match.group("place", "agency"))))
    if any(kind.search(names) for kind in (_DOUBT, _OPINION, _CLAUSE, _LABEL)):
        return {}, text
    return {place: plain(part) for place, part in match.groupdict("").items() if part}, text[match.end() :]


def _front(text: str) -> tuple[dict[str, str], str]:
    """Return who said it, where a text begins with that, and the text after it."""
    match = _FRONT.match(text)
    source = _source(plain(match["who"] or match["by"]).strip()) if match else {}
    return (source, text[match.end() :]) if match and source else ({}, text)


def _source(words: str, *, is_last: bool = False) -> dict[str, str]:
    """Return who said it, to whom and when, or nothing; only at the end may the verb come first."""
    match = _REPORT.fullmatch(words)
    # The number of those who say it is none of what they say.
    if not match or _DOUBT.search(f" {words} ") or re.search(r"\d", words) or (match["last"] and not is_last):
        return {}
    who = match["by"] or match["last"] or match["who"]
    named = f" {who} {match['to'] or ''}{_DAYS.sub('', match['when'])} "
    if _OPINION.search(named) or _CLAUSE.search(named):
        return {}
    return {"who": who} | {name: match[name] for name in ("to", "when") if match[name]}


def _aside(words: str, before: str, after: str) -> dict[str, str]:
    """Return who said it and when, or an appositive with the word before it, or nothing."""
    # What is one of several is no aside: "to Zenda, the islands, and Hentzau".
    if _LISTED.match(after):
        return {}
    if source := _source(words, is_last=not after):
        return source
    match = _APPOSITIVE.fullmatch(words)
    if not match or not after or _NAMED_NEXT.match(after) or is_telling(f" {words} "):
        return {}
    if _OPINION.search(f" {words} ") or _CLAUSE.search(f" {match['name'] or ''} "):
        return {}
    return {" ".join(["after", *plain(before).split()[-1:]]): words}
