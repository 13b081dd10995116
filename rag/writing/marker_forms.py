"""The forms in which models write the number of a passage, told from numbers that only look so.

A marker is a number in square brackets, "[1]", "[1, 2]", "[2-4]", "[P1]", "[1: Gazette]", or "【1】". Others
are brought into that form: raised numbers, and "According to [1],", which would read wrongly once the marker
is taken out.
"""

from __future__ import annotations

import re

_MOST_NUMBERS = 20
_NUMBERS = r"\d{1,3}(?:\s*(?:[,;&–-]|and|und|ve)\s*\^?\d{1,3})*"
_NAMED = r"(?:passages?|sources?|articles?|doc(?:ument)?s?|quellen?|kaynak)"
# What some put behind the number, "[2: The bridge, 2004]"; a "[12-year-old] boy" is none.
_NAME = r"(?:(?:\s*[,;:|]\s*|\s+[–-]\s+)[\"“'‘]?[^\W\d_][^\[\]\n]{0,80})?"
_ONE = (
    rf"(?:\\?\[\[?\s*+\^?(?:(?:{_NAMED}|p)\s*+(?:[.:#]\s*+)?)?{_NUMBERS}{_NAME}\s*+\\?\]\]?(?!\()|【[^】\n]{{0,40}}】"
    rf"|\(\s*(?:see\s+)?{_NAMED}\s*:?\s*{_NUMBERS}(?:\s*(?:[,;&]|and)\s*{_NAMED}\s*:?\s*{_NUMBERS})*\s*\))"
)
MARKER = re.compile(rf"(?<![ \t])[ \t]*+{_ONE}", re.IGNORECASE)
OPEN = re.compile(
    r"(?<!\s)\s*+(?:<sup>[^<\n]{0,40}(?:</?[sup]{0,3})?|\[[^\]\n]{0,100}|【[^】\n]{0,40}"
    r"|\([a-z]{1,8}[^)\n]{0,20}|\(\d[^)\n]{0,12})$",
    re.IGNORECASE,
)
"""The end of a text that may become a marker with what comes next."""
_LIST = re.compile(
    rf"^\W*+(?:[^\W\d]++\W*+)?({_NUMBERS})|\b{_NAMED}\s*+(?::\s*+)?({_NUMBERS})", re.IGNORECASE
)
_NUMBER = re.compile(r"(\d{1,3})(?:\s*[–-]\s*(\d{1,3}))?")

_RAISED = "⁰¹²³⁴⁵⁶⁷⁸⁹"
_LOWER = str.maketrans(_RAISED, "0123456789")
_TAG = re.compile(r"<sup>\s*+([^<\s][^<\n]{0,39}?)\s*+</sup>", re.IGNORECASE)
# Behind a sentence or a whole word: "12 km²", "10⁵" and "¹⁴C" are none.
_RAISED_NUMBERS = re.compile(
    rf"(?<![{_RAISED}])(?:(?<=[^\W_]{{4}})|(?<=[.,;:!?\"”’»)\]])|(?<=\] ))[{_RAISED}]++"
    rf"(?:[ ,˒]{{1,2}}[{_RAISED}]++)*+"
    r"(?=[\s.,;:!?\"'”’»)\]—])"
)

_SAYS = (
    r"(?:says?|states?|mentions?|notes?|reports?|explains?|describes?|shows?|writes?|adds?|confirms?|tells?"
    r"|indicates?|suggests?)"
)
_NAMED_ONE = rf"(?:(?:{_NAMED}\s+)?{_ONE}|(?:passages?|sources?)\s+\d{{1,2}}\b)"
_SUBJECT = (
    rf"(?:both\s+)?(?:the\s+)?{_NAMED_ONE}(?:\s{{0,2}}(?:(?:,|;|&|and|und|ve)\s{{0,2}})?{_NAMED_ONE}){{0,5}}"
)
_VIA = (
    r"(?:according to|based on|as per|per|laut|(?:as\s+)?(?:stated|described|noted|reported|mentioned"
    r"|explained|shown|said|written|seen|confirmed|indicated)\s+(?:in|by))"
)
# "[1] says that the bridge" and "[1] says the bridge", but "[1] describes that".
_CLAIMS = (
    rf"(?:also\s+|further\s+)?(?:{_SAYS}\s+that|(?:says?|states?|notes?|adds?)(?=\s+(?!that\b)[a-z]))\s+"
)
_LED_IN = re.compile(
    r"(?:^\s*|(?<=[.!?…]\s)|(?<=[.!?…][\"'”’»)\]]\s))"
    rf"(?:{_VIA}\s+{_SUBJECT}\s*,?\s+|(?:in|from)\s+{_SUBJECT}\s*,\s*|as\s+{_SUBJECT}\s+{_SAYS}\s*,?\s+"
    rf"|{_SUBJECT}\s+{_CLAIMS})"
    r"(?P<first>\w[^\s\[]*)(?=\s)",
    re.IGNORECASE,
)


def plain(text: str) -> str:
    """Return a text with its raised markers in brackets and without the phrases that markers hang in."""
    return _LED_IN.sub(_without_phrase, _RAISED_NUMBERS.sub(_lowered, _TAG.sub(_in_brackets, text)))


def numbers_in(marker: str) -> list[int]:
    """Return the numbers of a marker, of "[1: Gazette, 2004]" and "【4†source】" without what follows."""
    found = " ".join(one[1] or one[2] for one in _LIST.finditer(marker))
    pairs = [(int(m[1]), int(m[2] or m[1])) for m in _NUMBER.finditer(found)]
    return [number for first, last in pairs for number in range(first, last + 1)][:_MOST_NUMBERS]


def _in_brackets(match: re.Match[str]) -> str:
    inner = match[1]
    return f"[{inner}]" if re.fullmatch(r"\d{1,3}(?:\s?,\s?\d{1,3})*", inner) else inner


def _lowered(match: re.Match[str]) -> str:
    return "".join(f"[{one.translate(_LOWER)}]" for one in re.findall(rf"[{_RAISED}]+", match[0]))


def _without_phrase(match: re.Match[str]) -> str:
    """Return the markers of a phrase alone, behind the word that begins the sentence without it."""
    phrase = match[0]
    markers = "".join(one[0].strip() for one in MARKER.finditer(phrase)) or "".join(
        f"[{one}]" for one in numbers_in(phrase)
    )
    first = match["first"]
    return f"{first[:1].upper()}{first[1:]} {markers}"
