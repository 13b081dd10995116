"""Words that point out of their question, "it", "she", "there", "that deal", and what they stand for."""

from __future__ import annotations

import re

from rag.documents import Answer
from rag.question.topics import PARTICIPLE, THING, moment, names_in, person, place, topic
from rag.text.words import content_words, fold, words

AUXILIARY = r"(?:is|are|was|were|do|does|did|has|have|had|can|could|will|would|should|must|may|might|shall)"


def pattern(text: str) -> re.Pattern[str]:
    """Return a compiled pattern that takes capitals for small letters."""
    return re.compile(text, re.IGNORECASE)


ENGLISH_STARTS = frozenset(
    "what which who whom whose when where why how did does do is are was were has have had can could will"
    " would should must may tell list name give"
    " in on at by for from to with about during under after before since until and or but so".split()
)
_EXPLETIVE = pattern(
    r"\bit (?:take|takes|took|taken|cost|costs)\b.*\bto\b"
    r"|\b(?:is|was) it (?:\w+ )?\w+ (?:that|if|whether|who|how|what|why)\b"
    rf"|\b(?:is|was) it (?:\w+ly |so |too |very )?(?!{PARTICIPLE}\b)\w+ (?:to|for)\b"
    r"|\bit (?:is|was) (?:\w+ )?\w+ (?:that|to|who)\b"
    r"|\bit means? (?:for|to)\b|\btime is it\b|\b(?:is|was) it that\b"
    r"|\b(?:hot|cold|warm|dark|late) (?:is|was) it\b"
    r"|\bit (?:rains?|snows?|seems?|turns? out|matters?)\b|\b(?:is|are|was|were|be|been) there\b"
    r"|\bthere (?:is|are|was|were|be|being|has|have|had|will|would|exist\w*)\b"
)
_POINTING = (
    # The word or words, and what stands in their place: see `_meant`.
    ("person's", pattern(r"\bhis\b|\bher\b(?= [a-z])")),
    ("person", pattern(r"\b(?:he|she|him|her|himself|herself)\b")),
    ("thing's", pattern(r"\b(?:its|their)\b")),
    ("thing", pattern(r"\b(?:it(?!['’]s\b)|they|them|itself|themselves)\b")),
    ("moment", pattern(r"\b(?:at that time|(?:in |on )?that (?:year|day|month)|then(?=\W*$))")),
    ("place", pattern(r"\bthere\b")),
    ("kind", pattern(r"(?<!so )\b(?:this|that|these|those) (?P<noun>(?-i:[a-z-]+))(?= \w|\W*$)")),
    (
        "thing",
        pattern(
            r"(?:(?<=\bis )|(?<=\bdid )|(?<=\bdoes )|(?<=\bwas )|(?<=\bwill )|(?<=\bcan ))(?:this|that)\b"
            r"(?! (?-i:[A-Z]))|\b(?:this|that|these|those)(?=\W*$)"
        ),
    ),
)
_AGENT = pattern(
    r"\b(?:agreed?|apply|applied|asked?|buy|bought|decided?|join(?:ed)?|need(?:ed)?|order(?:ed)?|pay|paid"
    r"|refused?|said|say|sign(?:ed)?|spend|spent|think|vote[ds]?|want(?:ed)?)\b"
)
_VERB = pattern(
    r"affect|apply|cause|change|cost|cover|happen|have|help|include|make|matter|mean|need|require|say|take|work"
)
# "How much did Turkey pay for": in one clause the subject can't be what a pronoun behind it means.
_SUBJECT_AND_VERB = re.compile(
    rf"\b{AUXILIARY} (?:(?i:the|an?) [a-z-]+|(?:[^\W\d_a-z][\w-]* ){{0,2}}[^\W\d_a-z][\w-]*)"
    r" (?!(?:in|on|at|of|for|to|with|by)\b)"
    r"(?:(?!(?:and|because|but|if|or|say|says|that|think|when|while)\b)[a-z]+ ){1,3}$"
)
_OBJECT_AFTER = pattern(r"\W*$| (?:after|as|at|back|before|by|for|from|in|on|to|with)\b")
_SUBJECT_IN_FRONT = pattern(rf"(?:which|what|how many) .*\b(?:has|have|had|got|keeps?|{PARTICIPLE}) $")
_ANTECEDENT = pattern(r"\b(?:the|a|an|every|each|any|some|no|this|my|your|our) [^\W\d_]")


def with_meaning(question: str, last: Answer) -> str:
    """Return the question with what is meant in the place of "it", "there", "she", "that deal"."""
    found = pointer(question)
    if not found:
        return ""
    kind, match = found
    meant = _meant(kind, match, question, last)
    if not meant or set(content_words(meant)) <= set(content_words(question)):
        return ""
    return capital(question[: match.start()] + meant + question[match.end() :])


def pointer(question: str) -> tuple[str, re.Match[str]] | None:
    """Return the first word that points out of the question, and what kind of thing it stands for."""
    found = words(question)
    if not found or found[0] not in ENGLISH_STARTS or _EXPLETIVE.search(question):
        return None
    matches = [(kind, match) for kind, form in _POINTING if (match := form.search(question))]
    for kind, match in sorted(matches, key=lambda one: one[1].start()):
        if kind == "kind" and _is_no_noun(question, match):
            continue
        if not _has_antecedent(question, kind, match):
            return kind, match
    return None


def capital(text: str) -> str:
    """Return a text with its first letter a capital."""
    return text[:1].upper() + text[1:]


def _is_no_noun(question: str, match: re.Match[str]) -> bool:
    """Whether "that" is a pronoun or opens a clause: "Did that help?", "the ship that sank"."""
    before = question[: match.start()]
    if not content_words(match["noun"]) or _VERB.fullmatch(match["noun"]):
        return True
    is_last = not question[match.end() :].strip(" ?.!")
    if re.search(r"\b(?:is|was|are|were) $", before, re.IGNORECASE):
        return is_last
    return bool(re.search(r"[a-z]{3} $", before)) and not is_last and match[0].lower().startswith("that")


def _has_antecedent(question: str, kind: str, match: re.Match[str]) -> bool:
    """Whether a word points to something in its own question, as "it" in "Did Turkey say it would?"."""
    before = question[: match.start()]
    if kind == "moment":
        return any(name.kind == "date" for name in names_in(question))
    if kind == "thing" and _OBJECT_AFTER.match(question, match.end()) and _SUBJECT_AND_VERB.search(before):
        return False
    if any(name.end <= match.start() and name.kind != "date" for name in names_in(question)):
        return True
    if match[0].lower() in ("they", "them") and any(n.kind != "date" for n in names_in(question)):
        return True  # "When did they start building Akkuyu?" is said of anybody.
    if kind == "place":
        return False
    auxiliary = re.search(rf"\b{AUXILIARY}\b", before, re.IGNORECASE)
    # "How many nations put their names to it?": without an auxiliary verb the subject stands in front.
    between = before[auxiliary.end() :] if auxiliary else before if match[0].lower() == "their" else ""
    is_subjects = kind == "thing's" and _SUBJECT_IN_FRONT.match(before)
    return bool(_ANTECEDENT.search(before) or content_words(between) or is_subjects)


def _meant(kind: str, match: re.Match[str], question: str, last: Answer) -> str:
    subject = topic(last, agent=bool(_AGENT.search(question, match.end())) and kind.startswith("thing"))
    # "Who got the prize?" - "When did they get it?": they are those who were asked for.
    are_people = match[0].lower() in ("they", "them", "their") and words(last.question)[0] == "who"
    if kind.startswith("person") or are_people:
        subject = person(last)
    if kind == "moment":
        when = moment(last)
        return f"in {when}" if when else ""
    if kind == "place":
        return place(last)
    if not subject:
        return ""
    if kind.endswith("'s"):
        return f"{subject}’" if subject.endswith("s") else f"{subject}’s"
    if kind == "kind":
        noun, name = match["noun"], subject.removeprefix("the ")
        if fold(noun) in words(subject):
            return subject
        # "The Akkuyu deal", but not "the Akkuyu minister": that can only be guessed.
        fits = noun in words(last.question) or THING.fullmatch(noun)
        return f"the {name} {noun}" if fits and len(names_in(name)) == 1 and len(name.split()) <= 3 else ""
    return subject
