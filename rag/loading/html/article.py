"""HTML -> a document: the article of a page without its menus and advertisements."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from copy import deepcopy
from datetime import date
from typing import TYPE_CHECKING, Any, Literal

from rag.documents import BlockKind, NewDocument
from rag.loading.decoding import decode
from rag.loading.formats import Unreadable
from rag.loading.html.leftovers import without_margins
from rag.loading.html.outline import read_outline, with_headings, without_tail
from rag.loading.html.stated_metadata import read_stated
from rag.loading.metadata import read_language, says_the_same, take_title
from rag.text.canonical import Part, build_text, join_cells, one_line
from rag.text.days import past_day

if TYPE_CHECKING:
    # lxml ships no types; the names still tell a reader what is meant.
    from lxml.etree import _Element

_DECLARED_ENCODING = re.compile(rb"(?:charset|encoding)\s*=\s*[\"']?\s*([\w.:-]+)", re.IGNORECASE)
_HEAD_BYTES = 4096
# The elements of trafilatura's tree that are blocks; all others are words within one.
_KINDS: dict[str, BlockKind] = {
    "p": "paragraph", "quote": "paragraph", "head": "heading", "item": "list_item",
    "body": "paragraph", "list": "list_item", "div": "paragraph", "table": "paragraph",
}  # fmt: skip
# A cell longer than this is a column of the page's layout and no table's cell.
_CELL_CHARACTERS = 1_000
# A <time> with this many characters around it stands in a sentence and is no dateline.
_SENTENCE_CHARACTERS = 40
# Where no block has this many words or ends like a sentence, the page is all menu.
_SENTENCE_WORDS = 8
# With so many characters trafilatura's fuller reading is the article; of a shorter one that is less than
# this part of the usual reading, it has missed the most.
_ENOUGH_CHARACTERS = 3_500
_TOO_LITTLE = 0.25
# Deeper than this the parser (libxml2) drops what it finds.
_DEEPEST = 250
_NO_ARTICLE = "holds no article text: save the page of the article itself, or paste its text into a .txt file"


def decode_html(data: bytes) -> str:
    """Return the characters of a page, in the encoding of its byte order mark or the one it declares."""
    declared = _DECLARED_ENCODING.search(data[:_HEAD_BYTES])
    return decode(data, declared[1].decode("ascii", "replace") if declared else "")


def read_html(text: str) -> NewDocument:
    """Return the article of the page `text`, with what the page says about itself.

    Raises
    ------
    Unreadable
        The page has no article text, or is nested so deeply that no parser reads it.
    """
    page = _parse(text)
    # Read before the article is extracted, which changes the tree.
    language, stated = _language(page), read_stated(page)
    headline, outline = _headline(page), read_outline(page)
    strict_text = _strict_text(page)
    article = _fuller_article(page)
    if article is None:
        raise Unreadable(_NO_ARTICLE)
    author = _author(stated.author or article.author)
    title = stated.title or headline or one_line(article.title or "")
    found = [part for part in _flow(article.body, "paragraph") if part.text.strip()]
    found = without_margins(with_headings(found, outline), title, author, strict_text)
    title, parts = take_title(title, without_tail(found, outline))
    canonical, blocks = build_text(parts)
    if not any(_is_sentence(canonical[block.start : block.end]) for block in blocks):
        raise Unreadable(_NO_ARTICLE)
    return NewDocument(
        text=canonical,
        title=title,
        source=stated.source or one_line(article.sitename or article.hostname or ""),
        url=_address(article.url),
        published=stated.published or past_day(article.date),
        author=author,
        language=language,
        media_type="text/html",
        blocks=blocks,
    )


def _is_sentence(text: str) -> bool:
    """Whether this is more than a menu's entry or a button's label."""
    return text[-1] in ".!?:;…。！？" or len(text.split()) >= _SENTENCE_WORDS


# ------------------------------------------------------------------------------------ the page


def _parse(text: str) -> Any:
    # Imported here since it takes half a second, and the app starts without it.
    from trafilatura import load_html

    # The page as a tree: given bytes, trafilatura would also unpack archives.
    page = load_html(f"<html>{text}</html>" if "html" not in text[:50].lower() else text)
    if page is None:
        raise Unreadable("is no HTML that can be read: open it in a browser and save it again")
    if page.xpath(f"boolean(//*[count(ancestor::*) >= {_DEEPEST}])"):
        advice = "open it in a browser and copy its text into a .txt file"
        raise Unreadable(f"has elements nested more than {_DEEPEST} deep: {advice}")
    _keep_what_it_would_drop(page)
    return page


def _keep_what_it_would_drop(page: Any) -> None:
    """Rewrite what trafilatura drops: header cells that are <td>, times within sentences, nested lists."""
    for cell in page.iterfind(".//thead//td"):
        cell.tag = "th"
    for time in list(page.iter("time")):
        around = len(time.getparent().text_content()) - len(time.text_content())
        if time.getparent().tag in ("p", "li", "td", "dd", "em", "strong") and around > _SENTENCE_CHARACTERS:
            time.tag = "span"
    # The innermost first: its items come after the item that holds it.
    for nested in reversed(page.xpath("//li//ul | //li//ol")):
        item = next(nested.iterancestors("li"))
        for inner in reversed(nested.findall("li")):
            # What follows an element in lxml belongs to it, and stays where it was.
            inner.tail = ""
            item.addnext(inner)
        nested.drop_tag()


def _strict_text(page: Any) -> str:
    """Return what trafilatura is most certain of, "" if nothing."""
    try:
        article = _article(deepcopy(page), mode="precision")
    except Unreadable:
        return ""
    return "" if article is None else str(article.text)


def _fuller_article(page: Any) -> Any:
    """Return what trafilatura finds when asked for recall, or the usual where that is far more.

    Asked for recall it keeps headings and lists that it otherwise drops, but it also takes the first
    element that might be the article for the whole of it (docs/quality.md).
    """
    wide = _article(deepcopy(page), mode="recall")
    if wide is not None and len(wide.text) >= _ENOUGH_CHARACTERS:
        return wide
    usual = _article(page)
    if wide is None or usual is None:
        return wide or usual
    return usual if len(wide.text) < _TOO_LITTLE * len(usual.text) else wide


def _article(page: Any, mode: Literal["usual", "precision", "recall"] = "usual") -> Any:
    """Return trafilatura's document of the page, None where it finds none."""
    from trafilatura import bare_extraction

    # What it logs is for its developers; what matters here is raised.
    logging.getLogger("trafilatura").setLevel(logging.CRITICAL)
    logging.getLogger("htmldate").setLevel(logging.CRITICAL)
    # A day that is only guessed from the page's text is worse than none.
    days = {"original_date": True, "extensive_search": False, "max_date": date.today().isoformat()}
    try:
        return bare_extraction(
            page,
            include_comments=False,
            include_tables=True,
            with_metadata=mode != "precision",
            date_extraction_params=days,
            favor_precision=mode == "precision",
            favor_recall=mode == "recall",
        )
    # Its rules meet any page that was ever written, and fail in ways that it does not list.
    except Exception as error:
        raise Unreadable(_NO_ARTICLE) from error


def _language(page: Any) -> str:
    stated = (
        page.get("lang") or page.get("{http://www.w3.org/XML/1998/namespace}lang") or page.get("xml:lang")
    )
    metas = page.xpath("//meta[translate(@http-equiv, 'CL', 'cl') = 'content-language']/@content")
    return read_language(stated or (metas[0] if metas else ""))


def _headline(page: Any) -> str:
    """Return the heading that the page's <title> repeats; if none does, <title> where several <h1> compete.

    Better than trafilatura's choice where the first heading of the page is a greeting or an
    advertisement, and it comes without the site's name. "" leaves the choice to trafilatura.
    """
    # The first that has words: drawings (SVG) have titles too, mostly empty ones.
    title = next(filter(None, (one_line(element.text or "") for element in page.iter("title"))), "")
    headings = (one_line(heading.text_content()) for heading in page.iter("h1", "h2"))
    repeated = next((heading for heading in headings if says_the_same(heading, title)), "")
    return repeated or (title if len(page.findall(".//h1")) > 1 else "")


def _author(found: str | None) -> str:
    """Return the authors that trafilatura found, unless it took a date or an address for one."""
    author = one_line(found or "").replace(";", ",")
    return "" if re.search(r"\d|https?\b|\bupdated\b|\bversion\b", author, re.IGNORECASE) else author


def _address(url: str | None) -> str:
    return one_line(url) if url and re.match(r"https?://", url) else ""


# --------------------------------------------------------------------------------- its blocks


def _flow(element: _Element, kind: BlockKind) -> Iterator[Part]:
    """Yield the blocks of an element in order; words between its blocks become blocks of `kind`."""
    level = _level(element) if kind == "heading" else 0
    words, found = element.text or "", False
    for child in element:
        if not _is_block(child):
            words += _words(child)
        else:
            found = found or bool(words.strip())
            yield Part(kind, words, level)
            # The first paragraph of an item is the item; what follows it in the same one is not another.
            is_item = kind == "list_item" and child.tag == "p" and not found
            for part in _flow(child, kind) if is_item else _block(child):
                found = found or bool(part.text.strip())
                yield part
            words = ""
        words += child.tail or ""
    yield Part(kind, words, level)


def _is_block(element: _Element) -> bool:
    parent = element.getparent()
    listing = element.tag == "code" and (
        (parent is not None and parent.tag == "body") or "\n" in "".join(element.itertext()).strip()
    )
    return listing or element.tag in _KINDS


def _block(element: _Element) -> Iterator[Part]:
    if element.tag == "code":
        yield Part("code", _words(element))
    elif element.tag == "table":
        yield from _table(element)
    else:
        yield from _flow(element, _KINDS[str(element.tag)])


def _words(element: _Element) -> str:
    """Return the words of an element; a line break is a newline, which only code keeps."""
    if element.tag == "lb":
        return "\n"
    return (element.text or "") + "".join(_words(child) + (child.tail or "") for child in element)


def _level(heading: _Element) -> int:
    found = re.fullmatch(r"h([1-6])", heading.get("rend", ""))
    return int(found[1]) if found else 2


def _table(table: _Element) -> Iterator[Part]:
    rows = [[cell for cell in row if cell.tag == "cell"] for row in table if row.tag == "row"]
    contents = [[one_line(_cell_text(cell)) for cell in row] for row in rows]
    if _is_layout(contents):
        yield from (part for row in rows for cell in row for part in _flow(cell, "paragraph"))
        return
    width = max(map(len, contents))
    for index, (row, values) in enumerate(zip(rows, contents, strict=True)):
        filled = [cell for cell, value in zip(row, values, strict=True) if value]
        header = bool(filled) and all(cell.get("role") == "head" for cell in filled)
        # trafilatura makes of the caption a first row with one cell.
        caption = header and index == 0 and len(filled) == 1 < width
        kind: BlockKind = "paragraph" if caption else "table_header" if header else "table_row"
        yield Part(kind, join_cells(values))


def _is_layout(rows: list[list[str]]) -> bool:
    """Whether a table only arranges the page: one column, or whole columns of text as cells."""
    most = max((sum(map(bool, row)) for row in rows), default=0)
    return most < 2 or any(len(value) > _CELL_CHARACTERS for row in rows for value in row)


def _cell_text(cell: _Element) -> str:
    """Return the words of a cell; its paragraphs follow one another after a space."""
    return " ".join(part.text for part in _flow(cell, "paragraph"))
