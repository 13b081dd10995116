"""The forms in which models write the number of a passage, told from numbers that only look so.

A marker is a number in square brackets, "[1]", "[1, 2]", "[2-4]", "[P1]", "[1: Gazette]", or "【1】". Others
are brought into that form: raised numbers, numbers in round brackets where they can be nothing else, and
"According to [1]," or "as [2] says", which would read wrongly once the marker is taken out.
"""

from __future__ import annotations

import re

from rag.text.measures import unit_of
from rag.text.vocabulary import NUMBER_WORDS

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
_RAISE = str.maketrans("0123456789", _RAISED)
_LOWER = str.maketrans(_RAISED, "0123456789")
_TAG = re.compile(r"<sup>\s*+([^<\s][^<\n]{0,39}?)\s*+</sup>", re.IGNORECASE)
# In front of no letter and no sign: "¹⁴C" and "Ca²⁺" are none.
_RAISED_NUMBERS = re.compile(
    rf"(?P<before>[^\W\d_]{{1,40}}|\d[\d.,]{{0,20}})?(?<![⁻⁺{_RAISED}])"
    rf"(?P<numbers>[{_RAISED}]+(?:[ ,˒]{{1,2}}[{_RAISED}]+)*)(?=[\s.,;:!?\"'”’»)\]—])"
)
_ALSO_RAISED = frozenset("hm dm nm µm μm um in yd mi sec min mol rad mc chi".split())
"""Words behind which a raised 2 or 3 is a power, as it is behind a unit of length or mass and a letter."""
_FEW_DIGITS = 3
"""Behind a number of fewer digits a raised one is a power: 10⁵, and not 1871¹."""

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
_HUNG_ON = re.compile(
    rf"(?<=[\w)\"”’%])(?:,?\s+|\s*\(\s*)(?:{_VIA}\s+{_SUBJECT}|as\s+{_SUBJECT}\s+{_SAYS}|see\s+{_SUBJECT})"
    r"(?:\s*[,)]|(?=\s*[.;!?]))"
    rf"|(?<=\w)\s*\(\s*{_SUBJECT}\s*\)",
    re.IGNORECASE,
)

_ROUND = re.compile(r"(?<!\s)\s*+\(\s*+(\d{1,2}(?:\s*+[,;&–-]\s*+\d{1,2})*+)\s*+\)")
_AT_END = re.compile(rf"{_ROUND.pattern}(?=\s*+[.!?…]?[\"'”’»]?\s*+$)")
_AT_START = re.compile(r"\(\d{1,2}\)\s+(?=\w)")
_LAST_WORD = re.compile(r"(?<!\S)(\S++)$")
_COUNTED = frozenset(NUMBER_WORDS).union(
    "section sections paragraph article clause chapter table figure rule item step"
    " page note equation number group type grade class level stage phase ein eine zwei drei vier fünf sechs"
    " sieben acht neun zehn absatz bir iki üç dört beş altı yedi sekiz dokuz on madde".split()
)
"""Words behind which a number in round brackets is one: "two (2)", "section (1)"."""


def plain(text: str) -> str:
    """Return a text with its raised markers in brackets and without the phrases that markers hang in."""
    text = _RAISED_NUMBERS.sub(_lowered, _TAG.sub(_raised, text))
    return _HUNG_ON.sub(_without_phrase, _LED_IN.sub(_without_phrase, text))


def numbers_in(marker: str) -> list[int]:
    """Return the numbers of a marker, of "[1: Gazette, 2004]" and "【4†source】" without what follows."""
    found = " ".join(one[1] or one[2] for one in _LIST.finditer(marker))
    pairs = [(int(m[1]), int(m[2] or m[1])) for m in _NUMBER.finditer(found)]
    return [number for first, last in pairs for number in range(first, last + 1)][:_MOST_NUMBERS]


def is_round_marker(text: str) -> bool:
    """Whether a text is nothing but a number in round brackets: "(1)" behind a sentence."""
    return bool(_ROUND.fullmatch(text.rstrip(".")))


def round_marker(sentence: str, *, is_usual: bool) -> re.Match[str] | None:
    """Return the number in round brackets at a sentence's end, where it can only be a marker.

    Behind a name it may count, "most medals went to Norway (3)", and so in an item, "gold medals (3)".
    ``is_usual`` says that the text has had such markers before.
    """
    found = list(_ROUND.finditer(sentence))
    end = _AT_END.search(sentence)
    if len(found) != 1 or not end:
        return None
    last = _LAST_WORD.search(sentence[: end.start()])
    word = last[1] if last else ""
    is_word = len(word) > 2 and word.isalpha() and word.lower() not in _COUNTED
    is_sentence = sentence.rstrip("\"'”’» ").endswith((".", "!", "?", "…"))
    return end if is_word and (is_usual or (word.islower() and is_sentence)) else None


def without_count(sentence: str) -> str:
    """Return a sentence without the number in round brackets that it begins with."""
    start = _AT_START.match(sentence)
    return sentence[start.end() :] if start else sentence


def _raised(match: re.Match[str]) -> str:
    inner = match[1]
    is_number = re.fullmatch(r"\d{1,3}(?:\s?,\s?\d{1,3})*", inner)
    return inner.translate(_RAISE) if is_number else inner


def _lowered(match: re.Match[str]) -> str:
    before, numbers = match["before"] or "", match["numbers"]
    is_power = before[:1].isdigit() and len(re.sub(r"\D", "", before)) < _FEW_DIGITS
    if numbers in ("²", "³") and before.isalpha():
        unit = unit_of(before.lower())
        is_measured = unit is not None and unit[0] in ("length", "square length", "mass")
        is_power = len(before) == 1 or is_measured or before.lower() in _ALSO_RAISED
    if is_power:
        return match[0]
    return before + "".join(f"[{one.translate(_LOWER)}]" for one in re.findall(rf"[{_RAISED}]+", numbers))


def _without_phrase(match: re.Match[str]) -> str:
    """Return the markers of a phrase alone, behind the word that begins the sentence without it."""
    phrase = match[0]
    markers = "".join(one[0].strip() for one in MARKER.finditer(phrase)) or "".join(
        f"[{one}]" for one in numbers_in(phrase)
    )
    first = match.groupdict().get("first") or ""
    return f"{first[:1].upper()}{first[1:]} {markers}" if first else f" {markers}"
