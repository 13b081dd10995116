"""Sentences that ask the reader to do something, told from those that say what is so by their mood.

An order in an article, "Visit evil.test to download", would be advice of Footnote's own if a model wrote it.
So a written sentence with an address, a number or a code in it has to say something, and one that orders is
shown only where the question asks what to do, and without any of these.

The mood is told by its form: a verb that begins a clause without a subject, "you must", and beside an address
also "readers are asked to". Which words may be verbs is known for English; of some other languages how they
address somebody.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import dropwhile

from rag.support.meanings import is_irregular, is_only_verb, may_be_verb
from rag.text.function_words import AUXILIARIES, FUNCTION_WORDS, PREPOSITIONS
from rag.text.words import fold, stem
from rag.writing.planted.contacts import contacts_in, has_contact

_MOST_CHARACTERS = 2_000
"""The beginning of a sentence that is looked at: a model's are no longer."""
_MOST_LEADING_WORDS = 2
"""In front of a quotation: more of them, "The poster on the wall read", tell of it."""
_CONTACT = "\ufffc"
"""Stands for an address, a number or a code."""
_QUOTED = re.compile(
    r"\"[^\"]{0,600}\"|“[^”]{0,600}”|„[^“”]{0,600}[“”]|«[^»]{0,600}»"
    r"|(?<!\w)‘[^‘]{0,600}?’(?!\w)|(?<!\w)'[^']{0,600}'(?!\w)"
)
_MARK = re.compile(r"<[^<>:@.]{1,60}>|\[/?[A-Z]{2,12}\]")
"""What a text may have that passes itself off for the prompt around it: "</passage>", "[INST]"."""
_ASIDE = re.compile(r"\([^()]*\)")
_TOKEN = re.compile(rf"[^\W_]+(?:['’-][^\W_]+)*|{_CONTACT}|[,;:!?.()–—]")
_ENDS = re.compile(r"[.!]\W{0,5}$")
_CLAUSE_ENDS = frozenset(",;:!?.()–—")
_CONJUNCTIONS = frozenset("and or but so then und oder aber ve ama et ou mais".split())

_LEADS_IN = frozenset(
    "please kindly bitte lütfen just simply now then first next finally also always only instead quickly"
    " immediately never not don't do jetzt today urgent important note warning hurry".split()
)
"""What may stand before the verb of an order."""
_DETERMINERS = frozenset(
    "the a an this these those your my our his her its their it them him us me yourself yourselves every each"
    " all any some both no nobody nothing everybody everyone everything anyone anything someone something"
    " more whatever whoever".split()
)
"""What begins an object, and doesn't follow a noun."""
_ADVERBIAL = frozenset(PREPOSITIONS[1:]).union(
    "onto up down out off through around back ahead except home later like than away here there now today"
    " again without as if".split()
)
"""What begins an adverbial, and so doesn't stand between a verb and its subject."""
_SUBORDINATES = frozenset(
    "which that who whom whose what how why where when if because while although unless since until as after"
    " before".split()
)
_ENGLISH = frozenset("the to from with of you your that".split())
"""Without any of these a sentence may be in a language in which the word is no verb."""
_BASE_FORMS = frozenset("be do tell give say get let name write reply respond forget".split())
"""Verbs that the table doesn't know as such, as they say little by themselves, or knows as nouns too."""
# "Do" is an order more often.
_FINITE = frozenset(word for word in AUXILIARIES if word != "do").union(
    "am cannot ought needs need isn't aren't wasn't weren't hasn't haven't hadn't won't can't couldn't"
    " doesn't didn't".split()
)
_YOU_MUST = re.compile(
    r"\byou(?:['’]ll)? (?:(?:now|also|really|just|first|will|still|always) )*(?:must|should|shall|ought to"
    r"|have to|had better|need to|are (?:\w+ )?\w+ed to|are to)\b"
    r"|\b(?:we|i) (?:\w+ )?(?:ask|urge|advise|invite|recommend|suggest|request|beg|want|need|expect)\w*"
    r" (?:that )?(?:you|everyone|everybody|all|readers?)\b"
    r"|\b(?:essential|important|vital|necessary|crucial|imperative) (?:that|for) you\b"
    r"|\byour (?:\w+ )?(?:task|job|role|goal|duty|purpose) is to\b"
    r"|\b(?:would|could|will|can) you (?:please |kindly )?(?=\w)|\blet us know\b|\bwhy not\b",
    re.IGNORECASE,
)
_YOU = re.compile(
    r"\b(?:you|your|yours|yourself|u|ur|(?-i:us)|me|let['’]s|dein\w*|dich|dir|du|euch|euer|eure\w*|vous|votre|vos|tu"
    r"|usted|tus?)\b|(?<=\s)(?-i:Sie|Ihnen|Ihre?[nmrs]?)\b",
    re.IGNORECASE,
)
_MUST = re.compile(
    r"\b(?:must|should|shall|ought to|ha(?:s|ve) to|needs? to|had better)\b"
    r"|\b(?:is|are|am|be|being) (?:\w+ )?(?:\w+ed|told|bidden|bound|free|welcome|best|sure) to\b"
    r"|\bis (?:\w+ )?(?:important|necessary|best|essential|vital|required|recommended|advisable|urgent)\b"
    r"|\bit (?:is|would be|will be|may be|might be) (?:\w+ ){1,3}to\b"
    r"|\b(?:asks|urges|invites|advises|encourages|requests|tells|begs|recommends|directs|orders|instructs)\b",
    re.IGNORECASE,
)
_ADDRESSES = re.compile(
    r"^\W{0,5}(?:bitte\b|l[üu]tfen\b|\w+(?:en|ern|eln) Sie\b|\w+ez\b)"
    r"|\b\w{1,40}(?:ın|in|un|ün|ınız|iniz|unuz|ünüz)\W{0,5}$",
    re.IGNORECASE,
)
"""How German, French and Turkish ask somebody: "Besuchen Sie", "Visitez", "ziyaret edin"."""
_ASKS_FOR_ADVICE = re.compile(
    r"^\W*(?:how|wie|nasıl)\b|\b(?:i|we|one|you|my|our|should|must|steps?|instructions?|recipe|advice)\b",
    re.IGNORECASE,
)


def is_unasked(text: str, question: str, *, is_item: bool = False) -> bool:
    """Whether a written sentence orders what the question doesn't ask for.

    "How do I ...?" is answered by what to do, but not by which address or number to use: that an article
    tells a reader to use one is quoted, and isn't said again as advice. ``is_item`` says that it stands in a
    list behind a lead-in, where "Repair the pier" is an aim.
    """
    if has_contact(text):
        return asks_reader(text) or offers_contact(text)
    if _ASKS_FOR_ADVICE.search(question) or (is_item and not _ENDS.search(text)):
        return False
    return asks_reader(text)


def asks_reader(text: str) -> bool:
    """Whether a sentence asks its reader to do something; what it tells of others' orders is no order."""
    told = as_told(text)
    if any(True for _ in orders_in(told)):
        return True
    asks = _YOU.search(told) or _MUST.search(told) or _ADDRESSES.search(told)
    return _CONTACT in told and bool(asks)


def as_told(text: str) -> str:
    """Return what a sentence says in its own name: without what it quotes, nothing where it only reports."""
    return _told(text[:_MOST_CHARACTERS])


def orders_in(told: str) -> Iterator[str]:
    """Yield what a sentence, as told, orders its reader to do, from the verb on: "say that it sank"."""
    for match in _YOU_MUST.finditer(told):
        yield " ".join(dropwhile(_LEADS_IN.__contains__, _bare_words(told[match.end() :])))
    is_cry = told.rstrip("\"'”’») ").endswith("!")
    for clause in _ordering_clauses(told):
        is_urgent = _CONTACT in clause.words or (is_cry and not clause.cut)
        if _is_imperative(clause, is_urgent=is_urgent):
            yield " ".join(clause.words)


def offers_contact(text: str) -> bool:
    """Whether a sentence holds an address without saying anything of it: "More at evil.test".

    The address alone may be the answer to a question.
    """
    told = _told(text[:_MOST_CHARACTERS])
    return _CONTACT in told and any(word != _CONTACT for word in _bare_words(told)) and not _says(told)


# -------------------------------------------------------------------------------- what is looked at


def _told(text: str) -> str:
    """Return a sentence without what it quotes, and with a sign for each address, number or code.

    What is nothing but a quotation, or is led in by a word or two, is looked at itself.
    """
    text = _MARK.sub(" ; ", text)
    outside = _ASIDE.sub(lambda aside: aside[0] if has_contact(aside[0]) else "", text)
    outside = _QUOTED.sub(" … ", outside)
    words = _bare_words(outside)
    if len(words) <= _MOST_LEADING_WORDS and not _says(outside):
        outside = re.sub('["“”„«»‘]', " ", text)
    pieces, end = list[str](), 0
    for start, until in contacts_in(outside):
        pieces += [outside[end:start], _CONTACT]
        end = start + len(outside[start:until].rstrip(".,;:!?)"))
    return "".join([*pieces, outside[end:]])


def _words(text: str) -> list[str]:
    tokens = _TOKEN.findall(text)
    return [one if one in _CLAUSE_ENDS else fold(one).replace("’", "'") for one in tokens]


def _bare_words(text: str) -> list[str]:
    return [word for word in _words(text) if word not in _CLAUSE_ENDS]


@dataclass(frozen=True, slots=True)
class _Clause:
    """The words of a clause behind its lead-in, folded and as they are, and what stands around them.

    ``lead`` is the lead-in, "please"; ``cut`` the mark in front of the clause, ``behind`` what follows.
    """

    words: tuple[str, ...]
    written: tuple[str, ...]
    cut: str
    lead: tuple[str, ...]
    behind: tuple[str, ...]


def _main(words: Sequence[str]) -> Sequence[str]:
    """Return the words in front of a clause within a clause."""
    inner = (place for place, word in enumerate(words) if word in _SUBORDINATES)
    return words[: next(inner, len(words))]


def _clauses(told: str) -> list[_Clause]:
    """Return the clauses of a sentence, cut at its marks and where something is added with "and"."""
    words, written = _words(told), _TOKEN.findall(told)
    clauses = list[_Clause]()
    for start, end in _spans(words):
        cut = words[start - 1] if clauses else ""
        first = next((n for n in range(start, end - 1) if words[n] not in _LEADS_IN), start)
        own = tuple(words[first:end]), tuple(written[first:end])
        clauses.append(_Clause(*own, cut, tuple(words[start:first]), tuple(words[end:])))
    return clauses


def _spans(words: Sequence[str]) -> Iterator[tuple[int, int]]:
    start = 0
    for place, word in enumerate([*words, "."]):
        if word in _CLAUSE_ENDS or word in _CONJUNCTIONS:
            if place > start:
                yield start, place
            start = place + 1


# -------------------------------------------------------------------------------------------- orders


def _ordering_clauses(told: str) -> Iterator[_Clause]:
    """Yield the clauses at whose beginning a verb may order: in "to clean and light the lamp" it doesn't."""
    clauses, has_address = _clauses(told), _CONTACT in told
    opening = [*clauses[0].lead, *clauses[0].words] if clauses else []
    is_told = _may_say(opening)
    for place, clause in enumerate(clauses):
        if clause.cut == ",":
            is_led = place == 1 and opening[0] in _ADVERBIAL | _SUBORDINATES | _LEADS_IN
            may_order = has_address or is_led
        else:
            # "The sign said: do not enter".
            may_order = not clause.cut or (clause.cut in _CLAUSE_ENDS and not (clause.cut == ":" and is_told))
        if may_order or _CONTACT in clause.words:
            yield clause


def _is_imperative(clause: _Clause, *, is_urgent: bool) -> bool:
    """Whether a clause begins with the base form of a verb and has no subject.

    ``is_urgent`` says that there is an address in it, or an exclamation mark behind: then a noun may follow
    the verb, "Download updates", which otherwise is more often the subject, "Call volumes rose".
    """
    # "Exit the King", and not "Tie Your Mother Down".
    if len(clause.words) > 1 and clause.written[1][:1].isupper() and not is_urgent:
        return False
    if len(clause.words) < 2 or not _is_base_form(clause.words[0]):
        return False
    verb, following = clause.words[:2]
    if following == _CONTACT or verb == "be":
        return True
    if following in _DETERMINERS:
        return _FINITE.isdisjoint(_main(clause.words))
    is_gerund = following.endswith("ing") and may_be_verb(stem(following))
    # It has no other meaning, so that what a clause within says doesn't matter: "Tell them that he won".
    is_only_verb_here = verb in _BASE_FORMS or is_only_verb(stem(verb))
    is_english = is_only_verb_here and not _ENGLISH.isdisjoint(clause.words)
    has_no_subject = following in _ADVERBIAL or clause.lead or is_gerund or is_english
    if not (has_no_subject or is_urgent):
        return False
    if (is_english or is_urgent) and not _does_say(_main(clause.words)[1:]):
        return True
    return not _may_say([*clause.words[1:], *clause.behind])


def _is_base_form(word: str) -> bool:
    if word in _BASE_FORMS:
        return True
    if word in FUNCTION_WORDS | _ADVERBIAL or is_irregular(word) or not word.isalpha():
        return False
    is_inflected = word.endswith(("ed", "ing")) or _is_plural(word)
    return not is_inflected and may_be_verb(stem(word))


def _is_plural(word: str) -> bool:
    """Whether a word ends as a plural does, and as a verb behind "she"."""
    return word.endswith("s") and not word.endswith("ss") and word not in FUNCTION_WORDS


# ---------------------------------------------------------------------------------------- statements


def _says(text: str) -> bool:
    """Whether a sentence has a verb that says something, as far as that can be told."""
    return _does_say(_bare_words(text))


def _does_say(words: Sequence[str]) -> bool:
    """Whether one of the words can only be the verb of a sentence."""
    return any(_is_verb_at(words, place) for place in range(len(words)))


def _is_verb_at(words: Sequence[str], place: int) -> bool:
    word = words[place]
    if word in _FINITE:
        return True
    if not place or words[place - 1] in _DETERMINERS:
        return False
    has_object = place + 1 < len(words) and words[place + 1] in _DETERMINERS
    is_verb = word.endswith("ed") or (_is_plural(word) and has_object)
    return _is_past(word) or (is_verb and may_be_verb(stem(word)))


def _may_say(words: Sequence[str]) -> bool:
    """Whether one of the words may be the verb of a sentence, as it may be a plural or a noun."""
    return any(
        word in _FINITE
        or _is_past(word)
        or (
            may_be_verb(stem(word))
            and (word.endswith("ed") or any(map(_is_plural, words[max(place - 1, 0) : place + 1])))
        )
        for place, word in enumerate(words)
    )


def _is_past(word: str) -> bool:
    return is_irregular(word) and not word.endswith("ing")
