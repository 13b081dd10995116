"""What a model writes instead of an answer, in its own words: that it knows none, or that it was given none.

Such a sentence is about the passages and not about the world, so no source bears it and it needs no mention.
An article may say nearly the same of its own subject ("The report does not name the builder"): what may be
meant so is a refusal only where no passage bears it.
"""

from __future__ import annotations

import re

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
_GIVEN = (
    r"(?:passages?(?: \d+)?|excerpts?|context|(?:provided|given|available|above) (?:\w+ )?\w+|\w+ provided)"
)
_TEXTS = rf"(?:{_GIVEN}|sources?|articles?|texts?|documents?|materials?|information|collection)"
_NO = r"(?=.*(?:\bno\b|\bnot\b|\bnothing\b|\bnone\b|n['’]t\b|\bcannot\b))"
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


_REFUSES = _compiled(
    rf"i (?:really |simply )?(?:do{_NOT}|do not|can{_NOT}|can['’]t|cannot|could{_NOT}|could not|have no"
    r"|haven['’]t|was unable|am unable|am not (?:able|sure|certain|aware))\b",
    r"i['’]m (?:unable|not (?:able|sure|certain|aware))\b",
    r"as an ai\b.*\b(?:not|no|cannot|can['’]t|unable)\b",
    rf"{_NO}(?:the|these|those|your) (?:\w+ )?{_GIVEN}{_SAY}",
    r"the collection has (?:no|nothing)\b",
    rf"none of (?:the|these|those) (?:\w+ )?{_GIVEN}\b",
    rf".*\b{_NOT} (?:\w+ )?(?:{_TOLD}) (?:in|by|from|within) (?:the|these|any of the) (?:\w+ )?{_GIVEN}\b",
    r"ich (?:weiß|kann|habe|finde)\b(?=.*\b(?:nicht|keine?n?)\b)",
    r"kann ich\b.*\bnicht\b",
    r"die (?:\w+ )?passagen\b(?=.*\b(?:nicht|nichts|keine?n?)\b)",
    r"(?:bunu |bu konuda |cevabı )?(?:bilmiyorum|bilgim yok|yanıtlayamıyorum|cevaplayamıyorum)\b",
)
_MAY_REFUSE = _compiled(
    rf"{_NO}(?:the|these|those|your|no) (?:\w+ )?{_TEXTS}{_SAY}",
    rf"none of (?:the|these|those|your) (?:\w+ )?{_TEXTS}\b",
    rf"there(?: is| are| was| were|['’]s)(?:n['’]t| not)? (?:no|any|enough|sufficient)? ?(?:\w+ ){{0,2}}"
    rf"{_ABOUT}\b",
    rf"no (?:\w+ ){{0,2}}{_ABOUT}\b",
    rf"(?:it|this|that|(?:the|this|that) (?:answer|question|information)(?: to (?:this|the|your) question)?)"
    rf" (?:is|was|has|can|could)(?: {_NOT}|n['’]t|not)(?: be| been)? (?:\w+ly )?{_TOLD}"
    rf"\s*(?:[.!]|$|{_ASKED}|{_IN_TEXTS})",
    rf"[\w ,'’-]{{1,80}} (?:is|are|was|were)(?: {_NOT}|n['’]t) (?:\w+ly )?{_TOLD} {_IN_TEXTS}",
    rf"[\w ,'’-]{{1,80}} (?:is|are|was|were)(?: {_NOT}|n['’]t) (?:\w+ly )?"
    r"(?:mentioned|specified|stated)\s*[.!]?$",
    r"it (?:is|['’]s|was|remains) (?:unclear|unknown|not (?:clear|possible|known)|impossible)\b"
    rf"(?=.*(?:{_IN_TEXTS}|\b(?:determine|say|tell|answer)\b)|\s*[.!]?$)",
    rf"(?:unknown|none|n/?a|not {_TOLD}|not applicable)(?:\s*[.!]?$| {_IN_TEXTS})",
    r"es gibt (?:\w+ )?keine (?:informationen?|angaben?)\b",
    r"(?=.*\b(?:nicht|nichts|keine?n?)\b)(?:die|diese|in den) (?:\w+ )?(?:texten?|quellen|artikeln?"
    r"|dokumenten?) (?:enth|nenn|erwähn|sag|geben|gibt|mach|liefer|wird|werden|steh|find)\w*",
    r"das (?:geht|steht|wird) (?:aus|in) (?:den|dem|diesen)\b.*\bnicht\b",
    r"(?:das|die antwort|die frage)\b.*\bnicht (?:beantwortet|genannt|erwähnt|angegeben|gesagt|enthalten)\b",
    # "bulunmuyor", "belirtilmemiş", and not "bulunmaktadır", "belirtilmiş".
    r"(?=.*(?:\byok\b|(?:bulun|belirtil|veril|geç|içer|yer al)m(?:[iıuü]yor|[ea]z|em[ei]|am[aı]|edi|adı)))"
    r".*\b(?:metin|pasaj|kaynak|makale|yazı|belge|bilgi|yanıt|cevap|cevab)\w*",
)


def is_refusal(text: str) -> bool:
    """Whether a sentence can only be meant as a refusal: it speaks of the model, or of what it was given."""
    return bool(_REFUSES.match(text))


def may_refuse(text: str) -> bool:
    """Whether a sentence that no passage bears is a refusal."""
    return is_refusal(text) or bool(_MAY_REFUSE.match(text))
