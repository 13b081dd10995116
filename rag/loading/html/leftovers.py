"""What stands around and between an article's own words and that trafilatura leaves in.

Each rule was measured on pages with known words that belong to the article and known words that don't,
was made on one half of them, and raises F1 on the other half too (docs/quality.md).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from rag.text.canonical import Part, letters

_FEW_WORDS = 12
_LINE_WORDS = 40
_FIRST_BLOCKS = 5
_SAME_WORDS = 0.6
# Lines that lead to another article: "Read more: ...", in the languages that were met.
_REFERENCE = re.compile(
    r"""(?:>+\s*|[-–•»→]\s*)?(?:
    read\ (?:more|also|next|this|the\ full\ story) | also\ read | see\ also | you\ may\ also\ like
    | more\ (?:on|about)\ (?:this|the)\b[^:]{0,60} | watch(?:\ also|\ more)? | recommended | don['’]t\ miss
    | related(?:\ (?:articles?|stories|story|links?|content|reading|coverage|posts?|news|topics?|video))?
    | lea(?:\ (?:más|también|además))? | lee(?:\ también|\ más)? | vea(?:\ también)?
    | (?:le|te)\ puede\ interesar
    | lesen\ sie\ auch | lies\ auch | mehr\ zum\ thema | weitere\ artikel | auch\ interessant
    | (?:à\ )?lire\ aussi | voir\ aussi | leggi\ anche | lees\ ook
    | leia\ (?:também|mais) | veja\ (?:também|mais)
    | czytaj\ (?:też|także|również) | zobacz\ (?:też|także) | ayrıca\ (?:okuyun|bakınız) | читайте\ также
    )\s*(?:[:：|»>–—-]|$)""",
    re.IGNORECASE | re.VERBOSE,
)
# Lines that ask for something at the end, and the copyright.
_CALL = re.compile(
    r"""(?:please\ )?(?:follow|like|join|find)\ (?:us|me|him|her|[\w.\ ]{2,40})\ on
        \ (?:twitter|facebook|instagram|x\b|linkedin|telegram)
    | (?:sign|subscribe)[\ -](?:up|to|now|here)?\b.{0,80}(?:newsletter|e-?mail|edition|updates|channel)
    | .{0,60}(?:download|get)\ .{0,40}\bapps?\b | (?:©|\(c\)|copyright)\s | all\ rights\ reserved""",
    re.IGNORECASE | re.VERBOSE,
)
_YEAR = re.compile(r"\b(?:19|20)\d\d\b")


def without_margins(parts: Sequence[Part], title: str, author: str, strict_text: str) -> list[Part]:
    """Return the parts that are the article's own.

    Parameters
    ----------
    parts
        What trafilatura found, in order, none of them empty.
    title
        The page's title.
    author
        The page's authors, with ", " between, as the document names them.
    strict_text
        What trafilatura finds when asked for precision; "" if nothing.
    """
    kept = [part for part in parts if not _is_reference(part)]
    kept = [*(part for part in kept[:2] if not _is_title(part, title)), *kept[2:]]
    kept = [*_without_datelines(kept[:_FIRST_BLOCKS], author), *kept[_FIRST_BLOCKS:]]
    while kept and _words(kept[-1]) <= _LINE_WORDS and _CALL.match(kept[-1].text.strip()):
        kept.pop()
    if strict_text:
        strict = letters(strict_text)
        kept = _trimmed(kept, lambda part: _words(part) < _FEW_WORDS and letters(part.text) not in strict)
    return kept or list(parts)


def _words(part: Part) -> int:
    return len(part.text.split())


def _is_reference(part: Part) -> bool:
    is_line = part.kind in ("paragraph", "heading", "list_item") and _words(part) <= _LINE_WORDS
    return is_line and _REFERENCE.match(part.text.strip()) is not None


def _is_title(part: Part, title: str) -> bool:
    """Whether a first heading says the title in other words: "The best VPNs" and "Best VPN services"."""
    words, known = (set(re.findall(r"\w+", text.casefold())) for text in (part.text, title))
    return part.kind == "heading" and part.level == 1 and len(words & known) >= _SAME_WORDS * len(words) > 0


def _without_datelines(parts: Sequence[Part], author: str) -> list[Part]:
    """Leave out lines before the first sentence that have nothing but the day or the author."""
    kept = list[Part]()
    for index, part in enumerate(parts):
        text = part.text.strip()
        if part.kind != "heading" and (_words(part) > _FEW_WORDS or text[-1] in '.!?…:"”'):
            return [*kept, *parts[index:]]
        if part.kind == "heading" or not _is_dateline(text, author):
            kept.append(part)
    return kept


def _is_dateline(text: str, author: str) -> bool:
    rest = text
    for name in filter(None, author.split(", ")):
        rest = re.sub(re.escape(name), "", rest, flags=re.IGNORECASE)
    has_day = _YEAR.search(rest) and re.search(r"\b\d{1,2}\b", _YEAR.sub("", rest))
    return bool(has_day) or (rest != text and len(rest.split()) <= 3)


def _trimmed(parts: Sequence[Part], is_margin: Callable[[Part], bool]) -> list[Part]:
    """Return the parts without those at either end that are margin; all of them if nothing else is there."""
    inner = [index for index, part in enumerate(parts) if not is_margin(part)]
    return list(parts[inner[0] : inner[-1] + 1]) if inner else list(parts)
