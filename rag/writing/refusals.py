"""What a model writes instead of an answer, in its own words: that it knows none, or that it was given none.

Such a sentence is about the passages and not about the world. An article may say the same of its own subject
("The report does not name the builder"), so it is a refusal only where no passage bears it: a model that has
written nothing else has declined to answer, and has not tried in vain.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from rag.text.function_words import NEGATIONS

_FEW_WORDS = (
    r"(?:\w{1,30} ){0,4}?(?:(?:passages?(?: \d+)?|excerpts?|context|sources?|articles?|texts?|documents?"
    r"|materials?|information|collection)\b|\w{1,30}(?=\s*+[,.:;]))"
)
_REGRETS = (
    r"(?:(?:(?:i['’]m|i am) (?:very )?(?:sorry|afraid)|sorry|(?:my )?apologies|unfortunately|however|but"
    rf"|leider|es tut mir leid|maalesef|üzgünüm|based on (?:the|these) {_FEW_WORDS}"
    rf"|from (?:the|these) {_FEW_WORDS})"
    r"\s*+(?:[,.:;]\s*+)?(?:but |that |aber |ancak )?){0,3}"
)
_NOT = r"(?:not|n['’]t)"
_TOLD = (
    r"(?:mentioned|specified|stated|provided|given|named|included|found|answered|addressed|discussed|disclosed"
    r"|available|indicated|explained|described|covered|known|clear|determined)"
)
_TEXTS = (
    r"(?:passages?(?: \d+)?|excerpts?|context|sources?|articles?|texts?|documents?|materials?|information"
    r"|collection|(?:provided|given|available|above) (?:\w+ )?\w+|\w+ provided)"
)
_NONE = r"\b(?:no|not|nothing|none|cannot)\b|n['’]t\b"
_NO = rf"(?=.*(?:{_NONE}))"
# Right behind "the passages": "The passage through the strait was not open" is about the world.
_SAY = (
    r"(?:,? (?:also|simply|themselves|however,?))?"
    r" (?:do|does|did|don['’]t|doesn['’]t|didn['’]t|contains?|provides?|ha(?:ve|s)|says?|gives?|mentions?"
    r"|includes?|makes?|offers?|can|can['’]t|cannot|could|specif(?:y|ies))\b"
)
_ABOUT = r"(?:information|mention|answer|details?|indication)"
_ASKED = r"(?:who|whom|whose|what|when|where|which|why|how|whether|if|that)\b"
_IN_TEXTS = rf"(?:in|by|from|within) (?:the|these|this|those|any|any of the|either) (?:\w+ )?{_TEXTS}"


def _compiled(*forms: str) -> re.Pattern[str]:
    return re.compile(rf"{_REGRETS}(?:{'|'.join(forms)})", re.IGNORECASE)


_REFUSAL = _compiled(
    rf"i (?:really |simply )?(?:do{_NOT}|do not|can{_NOT}|can['’]t|cannot|could{_NOT}|could not|have no"
    r"|haven['’]t|was unable|am unable|am not (?:able|sure|certain|aware))\b",
    r"i['’]m (?:unable|not (?:able|sure|certain|aware))\b",
    r"as an ai\b.*\b(?:not|no|cannot|can['’]t|unable)\b",
    rf"{_NO}(?:the|these|those|your|no) (?:\w+ )?{_TEXTS}{_SAY}",
    rf"none of (?:the|these|those|your) (?:\w+ )?{_TEXTS}\b",
    rf".*(?:not|n['’]t) (?:\w+ )?{_TOLD} {_IN_TEXTS}\b",
    rf"there(?: is| are| was| were|['’]s)(?:n['’]t| not)? (?:no|any|enough|sufficient)? ?(?:\w+ ){{0,2}}"
    rf"{_ABOUT}\b",
    rf"no (?:\w+ ){{0,2}}{_ABOUT}\b",
    rf"(?:it|this|that|(?:the|this|that) (?:answer|question|information)(?: to (?:this|the|your) question)?)"
    rf" (?:is|was|has|can|could)(?: not|n['’]t)(?: be| been)? (?:\w+ly )?{_TOLD}\s*(?:[.!]|$|{_ASKED})",
    r"[\w ,'’-]{1,80} (?:is|are|was|were)(?: not|n['’]t) (?:\w+ly )?(?:mentioned|specified|stated)\s*[.!]?$",
    r"it (?:is|['’]s|was|remains) (?:unclear|unknown|not (?:clear|possible|known)|impossible)\b"
    rf"(?=.*(?:{_IN_TEXTS}|\b(?:determine|say|tell|answer)\b)|\s*[.!]?$)",
    rf"(?:unknown|none|n/?a|not {_TOLD}|not applicable)(?:\s*[.!]?$| {_IN_TEXTS})",
    r"(?:the|this|these) passages? (?:(?:is|are) (?:\w+ )?(?:about|from)|provides?|contains?|describes?"
    r"|discuss(?:es)?|lists?|gives?)\b",
    r"ich (?:weiß|kann|habe|finde)\b(?=.*\b(?:nicht|keine?n?)\b)",
    r"kann ich\b.*\bnicht\b",
    r"es gibt (?:\w+ )?keine (?:informationen?|angaben?)\b",
    r"(?=.*\b(?:nicht|nichts|keine?n?)\b)(?:die|diese|in den) (?:\w+ )?(?:passagen|texten?|quellen|artikeln?"
    r"|dokumenten?) (?:enth|nenn|erwähn|sag|geben|gibt|mach|liefer|wird|werden|steh|find)\w*",
    r"das (?:geht|steht|wird) (?:aus|in) (?:den|dem|diesen)\b.*\bnicht\b",
    r"(?:das|die antwort|die frage)\b.*\bnicht (?:beantwortet|genannt|erwähnt|angegeben|gesagt|enthalten)\b",
    r"(?:bunu |bu konuda |cevabı )?(?:bilmiyorum|bilgim yok|yanıtlayamıyorum|cevaplayamıyorum)\b",
    # "bulunmuyor", "belirtilmemiş", and not "bulunmaktadır", "belirtilmiş".
    r"(?=.*(?:\byok\b|(?:bulun|belirtil|veril|geç|içer|yer al)m(?:[iıuü]yor|[ea]z|em[ei]|am[aı]|edi|adı)))"
    r".*\b(?:metin|pasaj|kaynak|makale|yazı|belge|bilgi|yanıt|cevap|cevab)\w*",
)

_DENIES = re.compile(
    rf"{_NONE}|\b(?:{'|'.join(NEGATIONS)}|lack\w*|omit\w*|missing|silent|absent|fail(?:s|ed)?"
    r"|un(?:known|clear|certain|able|named|stated|said|told|mentioned|recorded|specified|explained|answered)"
    r"|nicht|nichts|kein\w*|ohne|niemand|yok\w*|değil\w*)\b",
    re.IGNORECASE,
)

_SPEAKS = re.compile(r"\bI\b|\b[Ii]ch\b")


def is_refusal(text: str) -> bool:
    """Whether a sentence that no passage bears tells of the passages or of the model, not of the world."""
    return bool(_REFUSAL.match(text))


def is_unsaid(text: str, quotes: Iterable[str]) -> bool:
    """Whether a refusal denies something, or says what "I" know, and none of the quotes does the like.

    What says who built it has nearly all the words of "It is not known who built it".
    """
    said = " ".join(quotes)
    return is_refusal(text) and any(
        sign.search(text) and not sign.search(said) for sign in (_DENIES, _SPEAKS)
    )
