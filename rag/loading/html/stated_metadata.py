"""What a page states about itself in JSON-LD and meta tags, for programs to read.

It goes before what is found out from the page's text: headings may be greetings, and the last change of
a page may be the only day in its text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from rag.loading.metadata import says_the_same, text_of_markup
from rag.text.canonical import one_line
from rag.text.days import past_day

if TYPE_CHECKING:
    from lxml.etree import _Element

_WORKS = re.compile(r"(?:\w*Article|\w*Posting|Report|Review)$")
_TITLES = ("dc:title", "dcterms:title", "dcterm:title", "og:title", "twitter:title", "parsely-title")
_DAYS = (
    *("article:published_time", "og:published_time", "datepublished", "dcterms.date", "dcterms.issued"),
    *("dc.date.issued", "parsely-pub-date", "sailthru.date", "publication_date", "citation_publication_date"),
)
_AUTHORS = ("dc:creator", "dcterm:creator", "dcterms:creator")
_CDATA = re.compile(
    r"^\s*+(?:(?://|/\*)\s*+)?<!\[CDATA\[\s*+(?:\*/)?|(?://|/\*)?+(?<!\s)\s*+\]\]>\s*+(?:\*/\s*+)?$"
)
_NAMES = 8


@dataclass(frozen=True, slots=True)
class Stated:
    """What a page states; "" or None for what it doesn't."""

    title: str = ""
    author: str = ""
    source: str = ""
    published: date | None = None


def read_stated(page: _Element) -> Stated:
    """Return what a page states about itself."""
    article = next(_articles(page), {})
    metas = _metas(page)
    publisher = _names(article.get("publisher"))
    return Stated(
        title=_headline(article, page) or _first(metas, _TITLES),
        author=_names(article.get("author")) or _first(metas, _AUTHORS),
        source=publisher or metas.get("og:site_name", ""),
        published=past_day(_text(article.get("datePublished"))) or past_day(_first(metas, _DAYS)),
    )


def _articles(page: _Element) -> Iterator[dict[str, Any]]:
    """Yield the articles of a page's JSON-LD."""
    for script in page.iterfind(".//script[@type='application/ld+json']"):
        try:
            # Line ends within strings are wrong, and common.
            value = json.loads(_CDATA.sub("", script.text or ""), strict=False)
        except (ValueError, RecursionError):
            continue
        for one in value if isinstance(value, list) else [value]:
            graph = one.get("@graph") if isinstance(one, dict) else None
            yield from filter(_is_work, graph if isinstance(graph, list) else [one])


def _is_work(thing: object) -> bool:
    kinds = thing.get("@type") if isinstance(thing, dict) else None
    named = kinds if isinstance(kinds, list) else [kinds]
    return any(isinstance(kind, str) and _WORKS.match(kind) for kind in named)


def _headline(article: dict[str, Any], page: _Element) -> str:
    """Return the article's headline, or its name where the page's <title> has that and not the headline."""
    headline, name = _text(article.get("headline")), _text(article.get("name"))
    title = next((one_line(element.text or "") for element in page.iter("title")), "")
    is_name = name and says_the_same(name, title) and not says_the_same(headline, title)
    return name if is_name else headline or name


def _metas(page: _Element) -> dict[str, str]:
    """Return the first content of each name or property, which may be several with spaces between."""
    metas = dict[str, str]()
    for meta in page.iter("meta"):
        content = one_line(meta.get("content") or "")
        if content:
            for attribute in ("property", "name", "itemprop"):
                for name in (meta.get(attribute) or "").lower().split():
                    metas.setdefault(name, content)
    return metas


def _first(metas: dict[str, str], names: tuple[str, ...]) -> str:
    return next((metas[name] for name in names if name in metas), "")


def _text(value: object) -> str:
    return text_of_markup(value) if isinstance(value, str) else ""


def _names(value: object) -> str:
    people = value if isinstance(value, list) else [value]
    names = (_text(one.get("name") if isinstance(one, dict) else one) for one in people[:_NAMES])
    kept = [name for name in names if name and not re.match(r"https?:", name)]
    return ", ".join(dict.fromkeys(kept))
