"""Follow-ups: a question that leans on the one before it is completed so that it stands alone.

Rules for English; of German and Turkish only what a follow-up begins with. What they don't know they leave as
it was typed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag.answers import Answer
from rag.question.topics import AUXILIARY, PARTICIPLE, Name, moment, names_in, person, place, topic
from rag.text.function_words import ASKING, AUXILIARIES, PREPOSITIONS
from rag.text.names import names_and_numbers
from rag.text.words import content_words, fold, words


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text, re.IGNORECASE)


ENGLISH_STARTS = frozenset((*ASKING, *AUXILIARIES, *PREPOSITIONS)).union(
    ("tell", "list", "name", "give", "and", "or", "but", "so")
)
_LEAD = r"(?:(?:and|but|so|ok|okay|well|und|aber|peki|ve|ya)[, ]+)*"
_END = r"\s*[?.!…]*"
_ENDED = r"(?<![\s?.!…])[\s?.!…]*+"
"""The same behind what may be anything."""
_MORE = _pattern(
    rf"{_LEAD}(?:(?:can you |please )*tell me more|(?:say |any)?more|more details?|anything (?:else|more)"
    r"|what else|go on|who (?:said|says|claims|claimed|wrote|reported) (?:that|this|so|it))"
    rf"{_END}"
)
_BARE = _pattern(
    rf"{_LEAD}(?P<word>why not|why|since when|until when|when|where|who|(?:by|with|from) whom"
    r"|(?:for |by )?how (?:much|many|long|often|far|fast|big)|how"
    r"|(?:in |since )?(?:what|which) (?:year|month|country|city|town)"
    r"|warum|wieso|weshalb|seit wann|wann|wo|wie|neden|niçin|ne zamandan beri|ne zaman|nerede|nasıl)"
    r"(?: exactly| so| there| then|(?<=why|hen)(?: is| was) it"
    r"|(?<=why|hen|ere)(?: is| was) (?:that|this)"
    rf"|(?<!uch|any)(?: did| does)? (?:it|that|this) (?:be|happen(?:ed)?))?{_END}"
)
_ABOUT = _pattern(
    rf"(?:(?P<lead>{_LEAD}(?:what|how) about|and|or|but|und|aber|was ist mit|peki ya|peki|ya) )?"
    r"(?P<before>(?:in|on|at|since|for|by|with|from|to|of|during|before|after) )?"
    rf"(?P<article>the |an? )?(?P<core>.+?){_ENDED}"
)
# How a question goes on behind its question word: behind what is counted, behind any, and behind a subject.
_COUNTED = _pattern(
    r"(?:how (?:many|much)|which|what) (?!year|month|day|date|time)(?P<thing>(?:[\w-]+ ){0,2}?[\w-]+)"
    r" (?P<aux>do|does|did|will|would|can|has|have|had) (?P<rest>.+?)"
    r"(?P<tail> (?:at|during|in|on|since|until) .+)?"
)
_ASKED = _pattern(
    rf"(?!how \w+ (?:is|are|was|were)\b)(?:(?!{AUXILIARY}\b)\S+ ){{0,6}}?(?P<rest>{AUXILIARY} .+)"
)
_SUBJECT_ASKED = _pattern(rf"who (?P<done>{PARTICIPLE}) (?P<rest>(?!(?:for|in|of|on|to|with)\b)[^,]+)")
_COLON = _pattern(r"[\w ]{1,20}: ")
_EXPLETIVE = _pattern(
    r"\bit (?:takes?|took|taken|costs?)\b.*\bto\b|\btime is it\b"
    r"|\bit (?:rains?|snows?|seems?|turns? out|matters?)\b"
    rf"|\b(?:is|was) it (?:\w+ly |so |too |very )?(?!{PARTICIPLE}\b)\w+ (?:to|for|that|if|whether)\b"
    r"|\bit (?:is|was) (?:\w+ )?\w+ (?:that|to|who)\b|\b(?:is|are|was|were|be|been) there\b"
    r"|\bthere (?:is|are|was|were|be|being|has|have|had|will|would|exist\w*)\b"
)
_POINTING = (
    ("person's", _pattern(r"\bhis\b|\bher\b(?= [a-z])")),
    ("person", _pattern(r"\b(?:he|she|him|her(?! [a-z])|himself|herself)\b")),
    ("thing's", _pattern(r"\b(?:its|their)\b")),
    ("thing", _pattern(r"\b(?:it(?!['’]s\b)|they|them)\b|\b(?:this|that|these|those)(?=\W*$)")),
    ("moment", _pattern(r"\b(?:at that time|(?:in |on )?that (?:year|day|month)|then(?=\W*$))")),
    ("place", _pattern(r"\bthere\b")),
)
# Behind these a pronoun may mean what its own question names.
_CLAUSE = _pattern(r"\w.*\b(?:and|because|but|if|or|says?|said|that|think|thought|when|while|who)\b")
_OPENING = _pattern(r"(?:and|but|so|then|also|und|aber|peki|ya)\b.+")
_FEW_WORDS = 3
"""A question with fewer words of its own, and no name, may be a whole one or not; a model can tell."""


def complete(question: str, history: Sequence[Answer]) -> str:
    """Complete a question from the conversation before it, so that it can be asked alone.

    "Why?" after "When did Turkey buy the S-400?" becomes "Why did Turkey buy the S-400?", and "What
    about Greece?" becomes "When did Greece buy the S-400?". A question that stands alone is returned
    as it is.

    Parameters
    ----------
    question
        As it was typed.
    history
        The answers of the conversation so far, the oldest first; their questions are the completed
        ones, so that follow-ups of follow-ups lean on the whole of what was meant.
    """
    typed = question.strip()
    for last in _leaned_on(history)[:1]:
        for rule in (_more, _bare, _exchanged):
            if completed := rule(typed, last):
                return completed
    # Who is meant may have been named some questions ago; what is asked, in the last one.
    for last in _leaned_on(history)[:3]:
        if completed := _with_meaning(typed, last):
            return completed
    return question


def leans(question: str) -> bool:
    """Whether a question may lean on the ones before it: it points back, or hardly says anything itself."""
    asked = question.strip()
    return (
        not _stands_alone(asked)
        or bool(_OPENING.match(asked))
        or (len(content_words(asked)) < _FEW_WORDS and not names_and_numbers(asked))
    )


def _stands_alone(question: str) -> bool:
    forms = (_MORE, _BARE)
    is_part = any(form.fullmatch(question) for form in forms) or _element(question) is not None
    return bool(words(question)) and not is_part and _pointer(question) is None


def _leaned_on(history: Sequence[Answer]) -> list[Answer]:
    """Return the answers whose questions can be leaned on, those that stand alone, the last first."""
    return [answer for answer in reversed(history) if _stands_alone(answer.question.strip())]


def _more(question: str, last: Answer) -> str:
    subject = topic(last) or moment(last)
    return f"{_bare_end(question)} about {subject}?" if _MORE.fullmatch(question) and subject else ""


def _bare(question: str, last: Answer) -> str:
    match = _BARE.fullmatch(question)
    if not match:
        return ""
    word, old = match["word"].lower(), _COLON.sub("", _bare_end(last.question), count=1)
    if word != "who" and fold(words(word)[0]) in ENGLISH_STARTS:
        if asked := _COUNTED.fullmatch(old):
            rest = f"{asked['rest']} {asked['thing']}{asked['tail'] or ''}"
            return f"{capital(word)} {asked['aux']} {rest}?"
        if asked := _ASKED.fullmatch(old):
            rest = asked["rest"]
            return f"{capital(word)} {rest[0].lower()}{rest[1:]}?"
        if asked := _SUBJECT_ASKED.fullmatch(old):
            return f"{capital(word)} was {asked['rest']} {asked['done'].lower()}?"
    is_english = fold(words(old)[0]) in ENGLISH_STARTS
    return f"{capital(word)}: {old[0].lower() if is_english else old[0]}{old[1:]}?"


def _element(question: str) -> re.Match[str] | None:
    """Return the parts of "What about X?" and its like, where X is a name, a date or a bare noun."""
    element = _ABOUT.fullmatch(question)
    if not element:
        return None
    core = element["core"]
    found = names_in(core, begins_sentence=False)
    is_name = len(found) == 1 and found[0].start == 0
    # Without "and" in front a name alone is a search as likely as a follow-up.
    if not element["lead"]:
        return element if is_name and (element["before"] or found[0].kind == "date") else None
    is_noun = not found and len(core.split()) <= 3 and len(content_words(core)) == len(words(core))
    return element if is_name or is_noun else None


def _exchanged(question: str, last: Answer) -> str:
    """Return the last question with one of its elements exchanged for that of "What about X?"."""
    element = _element(question)
    if not element:
        return ""
    old, core = last.question, element["core"]
    typed = f"{element['article'] or ''}{core}"
    if found := names_in(core, begins_sentence=False):
        return _with_name(old, found[0], element, typed)
    subject = topic(last)
    if subject and element["article"]:
        return f"What {'are' if core.endswith('s') else 'is'} {typed} of {subject}?"
    return f"{_bare_end(old)}, {typed}?"


def _with_name(old: str, name: Name, element: re.Match[str], typed: str) -> str:
    before = (element["before"] or "").lower()
    named = [other for other in names_in(old) if (other.kind == "date") == (name.kind == "date")]
    if any(fold(other.text) == fold(name.text) for other in named):
        return ""
    fitting = [
        other
        for other in named
        if before and old[: other.start].lower().endswith((f" {before}", f" {before}the "))
    ]
    if not before or name.kind == "date":
        fitting += [*(other for other in named if other.kind == name.kind), *named]
    for target in fitting[:1]:
        start = target.start
        if old[:start].lower().endswith(("many ", "which ")):
            typed = element["core"]
        if old[:start].lower().endswith("the ") and not re.match(" [a-z]", old[target.end :]):
            start -= len("the ")
        return capital(old[:start] + typed + old[target.end :])
    if not before and name.kind == "date":
        before = "in "
    return f"{_bare_end(old)} {before}{typed}?" if before else f"{_bare_end(old)}, {typed}?"


def _with_meaning(question: str, last: Answer) -> str:
    """Return the question with what is meant in the place of "it", "there", "she", "then"."""
    found = _pointer(question)
    if not found:
        return ""
    kind, match = found
    meant = _meant(kind, match, last)
    if not meant or set(content_words(meant)) <= set(content_words(question)):
        return ""
    return capital(question[: match.start()] + meant + question[match.end() :])


def _pointer(question: str) -> tuple[str, re.Match[str]] | None:
    """Return the first word that points out of the question, and what kind of thing it stands for."""
    asked = words(question)
    if not asked or asked[0] not in ENGLISH_STARTS or _EXPLETIVE.search(question):
        return None
    matches = [(kind, match) for kind, form in _POINTING if (match := form.search(question))]
    for kind, match in sorted(matches, key=lambda pair: pair[1].start()):
        if not _has_antecedent(question, kind, match):
            return kind, match
    return None


def _has_antecedent(question: str, kind: str, match: re.Match[str]) -> bool:
    """Whether a word points to something in its own question, as "it" in "Did Turkey say it would?"."""
    before = question[: match.start()]
    if kind == "moment":
        return any(name.kind == "date" for name in names_in(question))
    if kind.endswith("'s"):
        auxiliary = re.search(rf"\b{AUXILIARY}\b", before, re.IGNORECASE)
        return bool(content_words(before[auxiliary.end() :] if auxiliary else before))
    if match[0].lower() in ("they", "them") and any(name.kind != "date" for name in names_in(question)):
        return True  # "When did they start building Akkuyu?" is said of anybody.
    return kind != "place" and bool(_CLAUSE.match(before) and content_words(before))


def _meant(kind: str, match: re.Match[str], last: Answer) -> str:
    if kind == "moment":
        when = moment(last)
        return f"in {when}" if when else ""
    if kind == "place":
        return place(last)
    # "Who got the prize?" - "When did they get it?": they are those who were asked for.
    are_people = match[0].lower() in ("they", "them", "their") and words(last.question)[0] == "who"
    subject = person(last) if kind.startswith("person") or are_people else topic(last)
    if not subject or not kind.endswith("'s"):
        return subject
    return f"{subject}’" if subject.endswith("s") else f"{subject}’s"


def capital(text: str) -> str:
    """Return a text with its first letter a capital."""
    return text[:1].upper() + text[1:]


def _bare_end(text: str) -> str:
    return text.strip().rstrip("?.!… ")
