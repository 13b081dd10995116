"""Where the blocks of an article stand in its page, and what that says of them.

trafilatura tells which words are the article's and forgets where it found them. But the end of an article
is the end of the element that holds it, and a heading between two of its paragraphs is one of its own.
Both rules were measured (docs/quality.md).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from rag.documents import BlockKind
from rag.text.canonical import Part, letters, one_line

if TYPE_CHECKING:
    # lxml ships no types; the names still tell a reader what is meant.
    from lxml.etree import _Element

Path = tuple[int, ...]
"""Which child of which element, from the body down: an element's path begins with those around it."""

_BLOCKS: dict[str, BlockKind] = {
    **dict.fromkeys(("h1", "h2", "h3", "h4", "h5", "h6"), "heading"),
    **dict.fromkeys(("li", "dt", "dd"), "list_item"),
    "p": "paragraph", "blockquote": "paragraph", "pre": "code",
}  # fmt: skip
_UNSEEN = ("script", "style", "noscript", "template", "svg")
_ASIDE = frozenset("nav aside footer form button figure select textarea label dialog header".split())
# What the classes of elements around an article are called, as whole words.
_NAMED_ASIDE = re.compile(
    r"""(?:^|[-_\s])(?:
    nav | menu | breadcrumbs? | sidebar | aside | rail | footer | header | hero | pager | pagination | toc
    | related | recommend\w* | popular | trending | more | next | prev | teaser | card | topics? | tags?
    | newsletter | sign-?up | subscri\w* | login | paywall | premium | donat\w* | promo\w* | cta | form
    | button | btn | widget | advert\w* | ads? | sponsor\w* | outbrain | taboola | banner | cookie | consent
    | disclos\w* | disclaim\w* | credit | caption
    | share | sharing | social | comments? | author | byline | bio | meta | rating
    | gallery | slide\w* | video | player | audio | podcast | embed | poll | survey | quiz | modal | popup
    | tooltip | hidden | visually-hidden | screen-reader\w* | sr-only | skip | print | jump | tools?
    )(?:$|[-_\s])""",
    re.IGNORECASE | re.VERBOSE,
)
# An element with so much of the text is the article; what follows it is at most so much.
_MOST = 0.8
_TAIL = 0.1
# Between two neighbours in a text stand no more blocks of the page than this.
_NEAR = 60
_FAR = 6


@dataclass(frozen=True, slots=True)
class PageBlock:
    """A block of a page; ``aside`` tells whether its place is named for something else, or hidden."""

    text: str
    kind: BlockKind
    level: int
    path: Path
    aside: bool


def read_outline(page: _Element) -> list[PageBlock]:
    """Return the headings, paragraphs and list items of a page in order."""
    body = page.find(".//body")
    return [] if body is None else list(_blocks(body, (), aside=False))


def with_headings(parts: Sequence[Part], outline: Sequence[PageBlock]) -> list[Part]:
    """Return the parts with the headings that the page has between two that follow one another."""
    found = list[Part]()
    after = dict(_missing(parts, outline))
    for place, part in enumerate(parts):
        found += [part, *after.get(place, ())]
    return found


def without_tail(parts: Sequence[Part], outline: Sequence[PageBlock]) -> list[Part]:
    """Return the parts without the last few, if they stand after the element that holds most of the text."""
    places = _places(outline)
    paths = [places.get(letters(part.text)) for part in parts]
    article = _article_path(parts, paths)
    last = max(n for n, path in enumerate(paths) if path is None or path[: len(article)] == article)
    tail = sum(len(part.text) for part in parts[last + 1 :])
    return list(parts[: last + 1] if tail <= _TAIL * sum(len(part.text) for part in parts) else parts)


def _blocks(element: _Element, path: Path, aside: bool) -> Iterator[PageBlock]:
    for number, child in enumerate(element):
        if not isinstance(child.tag, str) or child.tag in _UNSEEN:
            continue
        here, off = (*path, number), aside or _is_aside(child)
        kind = _BLOCKS.get(child.tag)
        if kind is None or (kind != "heading" and child.find(".//p") is not None):
            yield from _blocks(child, here, off)
        elif text := one_line(child.text_content()):
            yield PageBlock(text, kind, int(child.tag[1]) if kind == "heading" else 0, here, off)


def _is_aside(element: _Element) -> bool:
    names = f"{element.get('class', '')} {element.get('id', '')}"
    hidden = element.get("hidden") is not None or element.get("aria-hidden") == "true"
    unseen = "display:none" in element.get("style", "").replace(" ", "")
    return element.tag in _ASIDE or hidden or unseen or _NAMED_ASIDE.search(names) is not None


def _places(outline: Sequence[PageBlock]) -> Mapping[str, Path]:
    """Return where the first block of each text stands."""
    return {letters(block.text): block.path for block in reversed(outline)}


def _article_path(parts: Sequence[Part], paths: Sequence[Path | None]) -> Path:
    """Return the path of the innermost element with most of the characters whose place is known."""
    held = Counter[Path]()
    for part, path in zip(parts, paths, strict=True):
        for depth in range(len(path or ())):
            held[(path or ())[:depth]] += len(part.text)
    return max((path for path in held if held[path] >= _MOST * held[()]), key=len, default=())


def _missing(parts: Sequence[Part], outline: Sequence[PageBlock]) -> Iterator[tuple[int, list[Part]]]:
    """Yield the number of a part and the headings between it and the next one that the parts lack."""
    held = {letters(part.text) for part in parts}
    for (block, part), (next_block, next_part) in pairwise(_matched(parts, outline)):
        if next_part == part + 1 and next_block - block <= _NEAR:
            between = [b for b in outline[block + 1 : next_block] if b.kind == "heading" and not b.aside]
            yield part, [Part("heading", b.text, b.level) for b in between if letters(b.text) not in held]


def _matched(parts: Sequence[Part], outline: Sequence[PageBlock]) -> Iterator[tuple[int, int]]:
    """Yield the numbers of blocks and of the parts that they became, both rising."""
    numbers = dict[str, list[int]]()
    for number, part in enumerate(parts):
        numbers.setdefault(letters(part.text), []).append(number)
    last = -1
    for index, block in enumerate(outline):
        later = (number for number in numbers.get(letters(block.text), ()) if number > last)
        found = next(later, None)
        # A text that comes again further down is not taken for the one there.
        if found is not None and (last < 0 or found - last <= _FAR):
            last = found
            yield index, found
