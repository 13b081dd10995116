"""Statements: whether two sentences state the same in the same words.

All their words count but for three kinds of asides that one paper adds and another cuts: a dateline,
who said it in neutral words, and an appositive. What denies, doubts, conditions or dates a sentence is
none of them. Of two sentences that both have an aside in one place, it must be the same one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from rag.text.words import fold

# A question mark and the sign of a currency mean as much as a word.
_WORD = re.compile(r"[^\W_]+|[?$€£¥₺]")
_QUOTES = str.maketrans(dict.fromkeys("\"'“”‘’«»", " "))
# Where an aside may begin and end.
_EDGE = re.compile(r", | (?:--|[–-]) |[—()]")
_CAPITAL = r"[^\W\d_a-zß-ÿ]"
# "ZENDA — ", "(Bay Wire) - ", "Zenda, Ruritania, 3 May (Bay Wire) - ".
_DATELINE = re.compile(
    rf"(?P<place>{_CAPITAL}[\w.-]{{1,30}}(?: {_CAPITAL}[\w.-]{{0,30}}){{0,3}})?"
    rf"(?P<day>(?:,(?: ?(?:{_CAPITAL}|\d)[\w.]{{0,15}}){{1,3}}){{0,3}})"
    rf",? ?(?:[(\[](?P<agency>{_CAPITAL}[^()\[\]]{{1,40}}|\w{{2,6}})[)\]])?"
    r" ?(?:[—–]|--?(?= ))"
)
_SAID = (
    r"(?:said|says?|announced|announces|reported|reports|stated|added|adds|wrote|writes|confirmed"
    r"|explained|noted|declared|commented)"
)
_WHO = r"\w+(?: \w+){0,11}?"
_WHEN = (
    r"(?: on| late| early)* (?:mon|tues|wednes|thurs|fri|satur|sun)day"
    r"(?: morning| afternoon| evening| night)?| yesterday| today"
    r"| (?:in|at|during) (?:an?|the|its|their|his|her)(?: \w+){0,3}? (?:statement|report|release|interview"
    r"|letter|speech|announcement|conference|briefing|meeting|session)"
)
# "the ministry said on Monday", "said the mayor", "according to its director", "he told the Bay Wire".
_REPORT = re.compile(
    rf"(?:as )?(?:(?:according to|reported by|sa(?:id|ys?)) (?P<by>{_WHO})|{_SAID} (?P<last>{_WHO})"
    rf"|(?P<who>{_WHO}) (?:ha[sd] |have |also )?(?:{_SAID}|told (?P<to>{_WHO})))"
    rf"(?P<when>(?:{_WHEN}){{0,3}})"
)
_OF_NAME = (
    r"(?:(?:the|an?|its|his|her|their|one of|known as)"
    r"|(?:head|chair\w*|director|president|minister|mayor|leader|founder|owner|editor|secretary|capital) of)"
)
# "the largest port of the bay", "Zenda's only school", "head of the union".
_APPOSITIVE = re.compile(
    rf"(?:{_OF_NAME} |(?!(?:he|she|it|that|there|what|who|let) s )(?:\w+ ){{1,3}}s )\w+(?: \w+){{0,9}}"
)
# ", Ada Finn, head of the union, said", ", said Ada Finn, head of the union": one aside, not two.
_TITLE = re.compile(
    rf"(, [^,]{{1,80}}), ([^,]{{1,80}}), (?=(?:{_SAID}|told)\b)"
    rf"|(, (?:{_SAID}|according to) [^,]{{1,80}}), (?={_OF_NAME} [^,]{{1,80}}$)"
)
# Clauses, hearsay and times are neither: "it is", "the mayor thinks", "a year ago".
_NEITHER = re.compile(
    r"^ (?:and|or|as|so|in|on|at|by|for|from|of|to|with|despite|contrary|like|an? (?:\w+ )*posts?) | to $"
    rf"| (?:{_SAID}|told|th(?:inks?|ought)|f(?:ound|inds?)|kn[eo]ws?|fe(?:lt|els?)|(?:believ|hop|fear|insist"
    r"|argu|suggest|expect|warn|predict|assum|admit|promis|maintain|assert|seem|guess|reckon|boast|swear|wish"
    r"|contend|estimat|conced|complain|testif|recall|hint|acknowledg|conclud|speculat)(?:e?s|e?d|e|ies|ted)?"
    r"|is|are|was|were|be|been|being|having|will|would|may|might|can|could|should|must|permitting|willing"
    r"|allowing|who|which|that|what|how|why|than|but|though|although|because|until|since|when|while|before"
    r"|after|ago|later|earlier|previously|once|days?|weeks?|months?|years?|decades?|mornings?|evenings?"
    r"|nights?|critics?|opponents?|sources?|reports|viral|online \w+|tweets?|blog\w*|they|people"
    r"|every\w+|some|few|many|tradition|folklore|theor\w+|novels?|films?|prophe\w*|dream\w*) "
)
_LISTED = re.compile(r"(?:and|or|nor|but)\b")
_NAMED_NEXT = re.compile(rf"(?:the|an?)\b|{_CAPITAL}")
_DOUBT = re.compile(
    r" (?:no|not|never|nor|neither|without|nobody|none|nothing|hardly|untrue|den(?:y|ies|ied|ial)|\w+n t"
    r"|if|unless|whether|unlikely|rumou?r\w*|claim\w*|alleg\w*|gossip\w*|hearsay|hoax\w*|fake\w*|false\w*"
    r"|suppos\w*|reportedly|so called|un(?:confirm|verifi|nam|identifi)ed|anonym\w*|disput\w*|doubt\w*"
    r"|contest\w*|refut\w*|reject\w*|retract\w*|debunk\w*|legends?|myths?|ficti\w*|satir\w*|jok(?:e\w*|ing\w*)"
    r"|parod\w*|pranks?\w*|forge\w*|fabricat\w*|imagin\w*|invented|pretend\w*|lies?|liars?|wrong\w*|mistake\w*"
    r"|error|s[ck]eptic\w*|conspira\w*|impostors?|opinion|fact check\w*) "
)
_NUMBER = re.compile(
    r"\d| (?:one(?! of )|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty|thirty|forty"
    r"|fifty|hundred|thousand|million|billion|half|third|quarter|dozen) "
)


@dataclass(frozen=True, slots=True)
class Statement:
    """What a sentence states: its plain words but for its asides, and these by their places."""

    words: str
    asides: Mapping[str, str]


def is_same(one: str, other: str) -> bool:
    """Whether two sentences state the same in the same words."""
    mine, theirs = read_statement(one), read_statement(other)
    return mine.words == theirs.words and all(
        theirs.asides.get(place, aside) == aside for place, aside in mine.asides.items()
    )


@lru_cache(maxsize=8_000)
def read_statement(text: str) -> Statement:
    """Return what a sentence states, apart from its asides."""
    asides, rest = _dateline(" ".join(text.translate(_QUOTES).split()))
    first, *parts = _EDGE.split(_TITLE.sub(lambda m: " ".join([*filter(None, m.groups()), ""]), rest))
    kept = [first]
    for part, following in zip(parts, [*parts[1:], ""], strict=False):
        aside = _aside(plain(part).strip(), kept[-1], following)
        if aside and asides.keys().isdisjoint(aside):
            asides |= aside
        else:
            kept.append(part)
    return Statement(plain(" ".join(kept)), asides)


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
    if _DOUBT.search(names) or _NEITHER.search(names):
        return {}, text
    return {place: plain(part) for place, part in match.groupdict("").items() if part}, text[match.end() :]


def _aside(words: str, before: str, after: str) -> dict[str, str]:
    """Return who said it and when, or an appositive with the word before it, or nothing."""
    # What is one of several is no aside: "to Zenda, the islands, and Hentzau".
    if _LISTED.match(after) or is_telling(f" {words} "):
        return {}
    if (report := _REPORT.fullmatch(words)) and not (report["last"] and after):
        who = report["by"] or report["last"] or report["who"]
        if _NEITHER.search(f" {who} "):
            return {}
        return {"who": who} | {name: report[name] for name in ("to", "when") if report[name]}
    if not after or _NAMED_NEXT.match(after) or _NEITHER.search(f" {words} "):
        return {}
    if _APPOSITIVE.fullmatch(words):
        return {" ".join(["after", *plain(before).split()[-1:]]): words}
    return {}
