"""Follow-ups: a question that leans on the one before it is completed so that it stands alone.

Rules for English, with the commonest forms of German and Turkish; what they don't know they leave as
it was typed. Each rule is a pattern and what is made of it: a question is changed only where the
whole of it is a known form, or where one word in it has nothing in the question to stand for.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag.documents import Answer
from rag.question.pronouns import AUXILIARY, ENGLISH_STARTS, capital, pattern, pointer, with_meaning
from rag.question.questions import names_and_numbers
from rag.question.topics import (
    PARTICIPLE,
    Name,
    NameKind,
    followed_by_noun,
    is_country,
    moment,
    names_in,
    topic,
)
from rag.text.words import content_words, fold, words

_LEAD = r"(?:(?:and|but|so|ok|okay|well)[, ]+)*"
_END = r"\s*[?.!…]*"
_ENDED = r"(?<![\s?.!…])[\s?.!…]*+"
"""The same behind what may be anything."""
_MORE = pattern(
    rf"{_LEAD}(?:(?:can you |please )*tell me more|(?:say |any)?more|more details?|anything (?:else|more)"
    rf"|what else|go on)(?P<about> about .++)?{_END}"
)
_WORDS = (
    "why not|why|since when|until when|when|where|who|by whom|with whom|from whom|how long|how much|how many"
    "|(?:for|by) how much|how (?:often|far|fast|big)|how"
    "|(?:in |since )?(?:what|which) (?:year|month|country|city|town)"
)
_BARE = pattern(
    rf"{_LEAD}(?P<word>{_WORDS})(?: exactly| so| there| then)?"
    r"(?:(?<=why|hen)(?: is| was) it|(?<=why|hen|ere)(?: is| was) (?:that|this|so)"
    rf"|(?<!uch|any)(?: did| does)? (?:it|that|this) (?:be|happen(?:ed)?))?{_END}"
)
_COLON = pattern(rf"(?:{_WORDS}): ")
_SAID = pattern(rf"{_LEAD}who (?:said|says|claims|claimed|wrote|reported) (?:that|this|so|it){_END}")
_BARE_GERMAN = pattern(rf"(?:(?:und|aber)[, ]+)*(?P<word>warum|wieso|weshalb|wann|seit wann|wo|wie){_END}")
_BARE_TURKISH = pattern(
    rf"(?:(?:peki|ve|ya)[, ]+)*(?P<word>neden|niçin|ne zaman|nerede|nasıl|ne zamandan beri){_END}"
)
_ASKED_TURKISH = pattern(
    r"\b(?:ne zamandan beri|ne zaman|neden|niçin|nerede|nereye|nasıl|hangi \w+|kaç \w+|kim)\b"
)

_BUILT = {"wrote": "written", "gave": "given", "took": "taken", "chose": "chosen", "drew": "drawn"}
# How a question goes on behind its question word. The first pattern that is the whole question
# counts; where none is, the old question stands behind the new word.
_REBUILT = (
    (
        pattern(
            r"(?:(?:since|until) when|why|when|where|how|what|(?:by|with|from) whom"
            rf"|(?:for |by )?how (?:long|much|often|far|fast)(?! (?:is|are|was|were)\b))"
            rf" (?P<aux>{AUXILIARY}) (?P<rest>.+)"
        ),
        "{aux} {rest}",
    ),
    (
        pattern(
            r"(?:in|at|on|by|from|to|with|for|near|since|until) (?:which|what|how) (?:[\w-]+ ){0,3}?"
            rf"(?P<aux>{AUXILIARY}) (?P<rest>.+)"
        ),
        "{aux} {rest}",
    ),
    # "How many F-16s did Turkey buy": what is counted is the object; else it is the subject.
    (
        re.compile(
            r"(?:[Hh]ow(?: many| much)?|[Ww]h(?:at|ich)) (?P<thing>(?:[\w-]+ ){0,2}?[\w-]+) "
            rf"(?P<aux>{AUXILIARY}) (?P<rest>(?:[^\W\d_a-z]|\d|the |a |it).+?)"
            r"(?P<tail> (?:at|during|in|on|since|until) .+)?"
        ),
        "{aux} {rest} {thing}{tail}",
    ),
    (
        pattern(
            r"(?:how (?:many|much)|what|which) (?P<thing>(?:[\w-]+ ){0,2}?[\w-]+) (?P<aux>do|does|did)"
            r" (?P<rest>.+?)(?P<tail> (?:at|during|in|on|since|until) .+)?"
        ),
        "{aux} {rest} {thing}{tail}",
    ),
    (
        pattern(rf"how (?:many|much) (?P<thing>(?:[\w-]+ ){{0,2}}?[\w-]+) (?P<aux>{AUXILIARY}) (?P<rest>.+)"),
        "{aux} {thing} {rest}",
    ),
    (pattern(rf"(?P<aux>{AUXILIARY}) (?P<rest>.+)"), "{aux} {rest}"),
    # "Who built the lighthouse": a preposition would show that the verb has no object.
    (
        pattern(
            r"(?:who|what|(?:which|how many) (?:[\w-]+ ){0,2}?[\w-]+) "
            rf"(?P<done>{PARTICIPLE}|{'|'.join(_BUILT)}) "
            r"(?P<rest>(?!(?:about|against|as|at|by|for|from|in|of|on|over|to|with)\b)[^,]+)"
        ),
        "was {rest} {done}",
    ),
)
_REBUILT_GERMAN = pattern(r"(?:seit wann|wann|wo|warum|wieso|weshalb|wie) (?P<rest>.+)")

_ABOUT = (
    pattern(rf"\A(?P<lead>{_LEAD}(?:what|how) about|(?:and|or|but)) (?P<what>.+?){_ENDED}"),
    pattern(
        r"\A(?P<lead>(?:(?:und|aber) )?(?:was ist|wie ist es|wie steht es) mit|(?:und|aber))"
        rf" (?P<what>.+?){_ENDED}"
    ),
    pattern(rf"\A(?P<lead>peki ya|peki|ya) (?P<what>.+?){_ENDED}"),
    pattern(r"\A(?P<lead>)(?P<what>(?:(?:in|on|at|since|during) )?[\w-]+) ?\?+"),
)
_ENGLISH_ABOUT = (_ABOUT[0], _ABOUT[-1])
_ELEMENT = pattern(
    r"(?P<before>(?:in|on|at|since|for|by|with|from|to|of|during|before|after|im|für|mit|von|bis|seit) )?"
    r"(?P<article>the |a |an |der |die |das |den |dem )?(?P<core>.+)"
)
# What is exchanged for what, the likeliest first.
_EXCHANGED: dict[NameKind, tuple[NameKind, ...]] = {
    "date": ("date",),
    "country": ("country",),
    "code": ("code", "acronym", "word"),
    "acronym": ("acronym", "word", "country", "code"),
    "word": ("word", "acronym", "country", "code"),
}
_GERMAN_ARTICLES = (" der ", " die ", " das ", " den ", " dem ")
_ADVERBS = frozenset("again also else here later now still then today too yet".split())
_ORDINAL = pattern(r"\b(?:first|second|third|fourth|fifth|last|next|other)\b")
_SOME_ORDINAL = pattern(r"(?:first|second|third|fourth|fifth|last|next|other)(?: ones?)?")
_OPENING = pattern(r"(?:and|but|so|then|also|und|aber|peki|ya)\b.+")
_FEW_WORDS = 3
"""A question with fewer words of its own, and no name, may be a whole one or not; a model can tell."""
_COUNTED = pattern(r"\bhow many (?P<noun>[\w-]+)")


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
    earlier = _leaned_on(history)
    for rule in (_more, _said, _bare, _bare_german, _bare_turkish, _exchanged, with_meaning):
        # Who is meant may have been named some questions ago; what is asked, in the last one.
        for last in earlier[:3] if rule in (_more, _said, with_meaning) else earlier[:1]:
            completed = rule(question.strip(), last)
            if completed:
                return completed
    return question


def leans(question: str) -> bool:
    """Whether a question may lean on the ones before it: it points back, or hardly says anything itself."""
    asked = question.strip()
    return (
        pointer(asked) is not None
        or _element(asked) is not None
        or bool(_OPENING.match(asked))
        or (len(content_words(asked)) < _FEW_WORDS and not names_and_numbers(asked))
    )


def _leaned_on(history: Sequence[Answer]) -> list[Answer]:
    """Return the answers whose questions can be leaned on, those that stand alone, the last first."""
    found = []
    forms = (_MORE, _SAID, _BARE, _BARE_GERMAN, _BARE_TURKISH)
    for answer in reversed(history):
        question = answer.question.strip()
        pointing = pointer(question)
        # "This edict" says more than "it": such a question can be leaned on although it leans itself.
        says_less = pointing is not None and pointing[0] != "kind"
        leans = says_less or _element(question) or any(form.fullmatch(question) for form in forms)
        if words(question) and not leans:
            found.append(answer)
    return found


def _more(question: str, last: Answer) -> str:
    match = _MORE.fullmatch(question)
    subject = topic(last) or moment(last)
    return f"{_bare_end(question)} about {subject}?" if match and not match["about"] and subject else ""


def _said(question: str, last: Answer) -> str:
    subject = topic(last)
    return f"{_bare_end(question)} about {subject}?" if _SAID.fullmatch(question) and subject else ""


def _bare(question: str, last: Answer) -> str:
    match = _BARE.fullmatch(question)
    if not match:
        return ""
    word, old = match["word"].lower(), _COLON.sub("", _bare_end(last.question), count=1)
    for form, template in _REBUILT:
        found = form.fullmatch(old)
        if not found:
            continue
        parts = {key: value for key, value in found.groupdict().items() if value}
        parts = {
            "tail": "",
            **parts,
            "aux": parts.get("aux", "").lower(),
            "done": _participle(parts.get("done", "")),
        }
        rest = template.format(**parts)
        if word == "who" and re.search(rf"^(?:was|were|is|are)\b.*\b{PARTICIPLE}\b", rest):
            word = "by whom"
        if word != "who":
            return _sentence(f"{word} {rest}")
    return _sentence(
        f"{word}: {old[0].lower() if fold(words(old)[0]) in ENGLISH_STARTS else old[0]}{old[1:]}"
    )


def _bare_german(question: str, last: Answer) -> str:
    match, old = _BARE_GERMAN.fullmatch(question), _REBUILT_GERMAN.fullmatch(_bare_end(last.question))
    return _sentence(f"{match['word'].lower()} {old['rest']}") if match and old else ""


def _bare_turkish(question: str, last: Answer) -> str:
    match, old = _BARE_TURKISH.fullmatch(question), _ASKED_TURKISH.search(last.question)
    if not match or not old:
        return ""
    return _sentence(
        last.question[: old.start()] + match["word"].lower() + last.question[old.end() :].rstrip("? ")
    )


def _element(question: str) -> re.Match[str] | None:
    """Return the parts of "What about X?" and its like, where X is a name, a date or a bare noun."""
    for form in _ABOUT:
        match = form.fullmatch(question)
        element = _ELEMENT.fullmatch(match["what"]) if match else None
        if not match or not element:
            continue
        core = element["core"]
        name = _only_name(core)
        # Without "and" in front a name alone is a search as likely as a follow-up.
        if not match["lead"] and not (name and (element["before"] or name.kind in ("date", "country"))):
            continue
        is_noun = (
            fold(core) not in _ADVERBS
            and len(core.split()) <= 3
            and len(content_words(core)) == len(words(core))
        )
        # Nouns of other languages than English have no small letters, or stand elsewhere.
        if name and core != name.text and form not in _ENGLISH_ABOUT:
            continue
        if name or _SOME_ORDINAL.fullmatch(core) or (is_noun and not names_in(core, begins_sentence=False)):
            return element
    return None


def _only_name(core: str) -> Name | None:
    """Return the name that is all of `core`, but for one noun behind it ("F-16 jets")."""
    if is_country(core):
        return Name(core, 0, len(core), "country")
    found = names_in(core, begins_sentence=False)
    is_whole = len(found) == 1 and found[0].start == 0 and re.fullmatch(r"(?: [a-z]+)?", core[found[0].end :])
    return found[0] if is_whole else None


def _exchanged(question: str, last: Answer) -> str:
    """Return the last question with one of its elements exchanged for that of "What about X?"."""
    element = _element(question)
    if not element:
        return ""
    old, core = last.question, element["core"]
    if core.islower() and is_country(core):
        core = core.upper() if len(core) <= 3 else capital(core)
    typed = f"{element['article'] or ''}{core}"
    name = _only_name(core)
    if name:
        return _with_name(old, name, element, typed)
    if _SOME_ORDINAL.fullmatch(core):
        ordinal = _ORDINAL.search(old)
        if ordinal:
            return old[: ordinal.start()] + core.split()[0] + old[ordinal.end() :]
        return f"{_bare_end(old)}, {typed}?"
    counted = _COUNTED.search(old)
    if counted and not element["article"] and not element["before"]:
        return old[: counted.start("noun")] + core + old[counted.end("noun") :]
    subject = topic(last)
    is_english = fold(words(question)[0]) in ENGLISH_STARTS
    if not subject or not is_english:
        return ""
    if not element["article"]:
        return f"{_bare_end(old)}, {core}?"
    return f"What {'are' if core.endswith('s') else 'is'} {typed} of {subject}?"


def _with_name(old: str, name: Name, element: re.Match[str], typed: str) -> str:
    before = element["before"] or ""
    is_turkish = bool(_ASKED_TURKISH.search(old)) and fold(words(old)[0]) not in ENGLISH_STARTS
    named = [part for one in names_in(old) for part in (_parts(one) if is_turkish else [one])]
    if any(fold(one.text) == fold(name.text) for one in named):
        return ""
    placed = [one for one in named if before and old[: one.start].lower().endswith((before, f"{before}the "))]
    alike = [one for one in placed if (one.kind == "date") == (name.kind == "date")]
    for kind in _EXCHANGED[name.kind]:
        alike.extend(one for one in named if one.kind == kind and (not before or kind == name.kind))
    if alike:
        target = alike[0]
        start = target.start
        is_followed = followed_by_noun(target, old) and not old[:start].endswith(_GERMAN_ARTICLES)
        if old[:start].lower().endswith(("the ", *_GERMAN_ARTICLES)) and not is_followed:
            start = old.rstrip().rindex(" ", 0, start - 1) + 1 if " " in old[: start - 1] else 0
        elif old[:start].lower().endswith(("the ", "how many ", "which ")):
            typed = element["core"]
        return capital(old[:start] + typed + old[target.end :])
    if not before and name.kind in ("date", "country") and not is_turkish:
        before = "in "
    return f"{_bare_end(old)} {before}{typed}?" if before else f"{_bare_end(old)}, {typed}?"


def _parts(name: Name) -> list[Name]:
    """Return subject and object of a Turkish sentence, which stand side by side: "Türkiye NATO'ya ..."."""
    country, _, rest = name.text.partition(" ")
    if not rest or not is_country(country):
        return [name]
    middle = name.start + len(country)
    return [Name(country, name.start, middle, "country"), Name(rest, middle + 1, name.end, name.kind)]


def _participle(verb: str) -> str:
    return _BUILT.get(verb.lower(), verb)


def _bare_end(text: str) -> str:
    return text.strip().rstrip("?.!… ")


def _sentence(text: str) -> str:
    return f"{capital(text.strip())}?"
