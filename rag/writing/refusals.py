"""What a model writes instead of an answer, in its own words: that it knows none, or that it was given none.

Such a sentence denies something, and is about the passages or the model and not about the world. An article
may say the same of its own subject ("The report does not name the builder"), so it is a refusal only where no
passage bears it: a model that has written nothing else has declined to answer, and has not tried in vain.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from rag.text.function_words import NEGATIONS

_DENIES = re.compile(
    rf"\b(?:{'|'.join(NEGATIONS)}|cannot|lack\w*|omit\w*|missing|silent|absent|fail(?:s|ed)?"
    r"|un(?:known|clear|certain|able|named|stated|said|told|mentioned|recorded|specified|explained|answered)"
    r"|nicht|nichts|kein\w*|ohne|niemand|yok\w*|değil\w*|bilmiyorum"
    r"|(?:bulun|belirtil|veril|geç|içer)m(?:[iıuü]yor|[ea]z|em[ei]|am[aı]|edi|adı)\w*)\b|n['’]t\b",
    re.IGNORECASE,
)
_SPEAKS = re.compile(r"\bI\b|\b[Ii]ch\b")
_OF_SOURCES = re.compile(
    r"\b(?:(?:the|these|this|those|your|any|provided|given|available|in|of) (?:\w+ )?"
    r"(?:passages?|excerpts?|context|sources?|articles?|texts?|documents?|materials?|information)\b"
    r"(?! (?:through|of|about))|no (?:\w+ )?(?:information|mention|answer|details?|indication)\b"
    r"|(?:mentioned|specified|stated|provided|given)(?=\s*[.!]?$)"
    r"|(?:specified|stated|mentioned|known|clear) (?:wh\w+|how|if)"
    r"|(?:passagen|texten?|quellen|artikeln?|dokumenten?|informationen|angaben)\b"
    r"|(?:metin|pasaj|kaynaklar|makale|belge|bilgi|bilmiyorum|yanıt|cevab)\w*)"
    r"|^\W*(?:unknown|none|n/?a)\W*$",
    re.IGNORECASE,
)


def is_refusal(text: str) -> bool:
    """Whether a sentence that no passage bears tells of the passages or of the model, not of the world."""
    return bool(_DENIES.search(text) and (_SPEAKS.search(text) or _OF_SOURCES.search(text)))


def is_unsaid(text: str, quotes: Iterable[str]) -> bool:
    """Whether a refusal denies something, or says what "I" know, and none of the quotes does the like.

    What says who built it has nearly all the words of "It is not known who built it".
    """
    said = " ".join(quotes)
    return is_refusal(text) and any(
        sign.search(text) and not sign.search(said) for sign in (_DENIES, _SPEAKS)
    )
