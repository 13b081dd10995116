"""Characters that can't be seen, kept where a script or an emoji is spelt with them and dropped elsewhere.

With them a text says something else to a machine than to a reader, or is shown in another order than it
stands: direction marks and overrides, tags that spell whole sentences, joiners and selectors in a row.
"""

from __future__ import annotations

import re
import unicodedata

# Control characters but for white space, lone surrogates, noncharacters, annotations, the blank of Braille,
# and what Unicode calls default ignorable (UAX #44): soft hyphens, joiners, direction marks, fillers,
# selectors, tags.
_HIDDEN = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164\ud800-\udfff\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
    "\ufffe\uffff\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]+"
)
_NON_JOINER, _JOINER, _KEYCAP = "\u200c", "\u200d", "\u20e3"
_EMOJI_SELECTORS = "\ufe0e\ufe0f"
_JAMO = re.compile("[\u1100-\u11ff\ua960-\ua97f\ud7b0-\ud7ff]")
_BRAILLE = re.compile("[\u2800-\u28ff]")
# Arabic and what is written like it, the scripts of India and South East Asia, Mongolian.
_JOINING = re.compile(
    "[\u0600-\u109f\u1700-\u18af\u1900-\u1cff\ua800-\uabff\ufb50-\ufdff\ufe70-\ufefc\U00010a00-\U00011fff"
    "\U0001e900-\U0001e95f]"
)
_IDEOGRAPH = re.compile("[\u3400-\u9fff\uf900-\ufaff\U00020000-\U000323af]")
# What else the standard has variants of: Myanmar, Mongolian, signs of mathematics, Phags-pa.
_VARIED = re.compile(f"{_IDEOGRAPH.pattern}|[\u1000-\u109f\u1820-\u18aa\u2190-\u22ff\ua840-\ua877]")
_PICTURES = frozenset({"So", "Sm", "Sk", "Pd", "Po"})


def without_hidden(text: str) -> str:
    """Return a text without what can't be seen in it and spells nothing; doing it twice changes nothing."""
    if text.isascii() and text.isprintable():  # as nearly every cell of a table
        return text
    return _HIDDEN.sub(
        lambda run: _kept(run[0], text[run.start() - 1 : run.start()], text[run.end() : run.end() + 1]), text
    )


def _kept(run: str, before: str, behind: str) -> str:
    """Return those of hidden characters in a row that spell something between two others."""
    kept = ""
    for place, sign in enumerate(run):
        if _spells(sign, before, behind if place == len(run) - 1 else ""):
            kept, before = kept + sign, sign
    return kept


def _spells(sign: str, before: str, behind: str) -> bool:
    if sign in (_JOINER, _NON_JOINER):
        is_spelt = _JOINING.match(before) or (sign == _JOINER and _JOINING.match(behind))
        return bool(is_spelt) or (sign == _JOINER and _joins_pictures(before, behind))
    if sign in _EMOJI_SELECTORS:
        return _is_picture(before) or behind == _KEYCAP
    if "\ufe00" <= sign <= "\ufe0d" or "\u180b" <= sign <= "\u180d" or sign == "\u180f":
        return bool(_VARIED.match(before))
    if "\U000e0100" <= sign <= "\U000e01ef":
        return bool(_IDEOGRAPH.match(before))
    if sign == "\u2800":
        return bool(_BRAILLE.match(before) or _BRAILLE.match(behind))
    return sign in "\u115f\u1160" and bool(_JAMO.match(before) or _JAMO.match(behind))


def _joins_pictures(before: str, behind: str) -> bool:
    """Whether a joiner makes one emoji of two, as in the sign for a family."""
    return (_is_picture(before) or before == "\ufe0f") and _is_picture(behind)


def _is_picture(sign: str) -> bool:
    """Whether a character is an emoji or another symbol, of which some are shown as one."""
    is_symbol = bool(sign) and unicodedata.category(sign) in _PICTURES and sign > "\u2000"
    return is_symbol or sign in ("©", "®", "ℹ")
