"""EPUB books -> one document, chapter after chapter."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

from rag.documents import BlockKind, NewDocument
from rag.loading.archive import open_archive, read_member
from rag.loading.formats import Unreadable
from rag.loading.metadata import read_language
from rag.loading.office.documents import table_parts
from rag.loading.office.safe_xml import local_name, parse_xml
from rag.text.canonical import Part, build_text, one_line
from rag.text.days import read_day

_BLOCKS = frozenset(
    "p div section article blockquote li ul ol dl dt dd table pre h1 h2 h3 h4 h5 h6 body header footer aside"
    " figure figcaption main nav hr".split()
)
_SKIPPED = ("script", "style", "head", "svg", "nav", "math")


def read_epub(data: bytes) -> NewDocument:
    """Return the text of a book in the order of its spine, with the metadata of its package file.

    Raises
    ------
    Unreadable
        It is damaged, protected, or has no text.
    """
    with open_archive(data) as archive:
        container = parse_xml(read_member(archive, "META-INF/container.xml"))
        files = (e.get("full-path", "") for e in container.iter() if local_name(e) == "rootfile")
        package_path = next(files, "")
        package = parse_xml(read_member(archive, package_path))
        folder = posixpath.dirname(package_path)
        chapters = [posixpath.normpath(posixpath.join(folder, unquote(path))) for path in _spine(package)]
        held = set(archive.namelist())
        parts = list[Part]()
        for path in chapters:
            # Names of an archive are looked up in it and nowhere else.
            if path in held:
                parts.extend(_chapter(read_member(archive, path)))
    text, blocks = build_text(parts)
    if not any(map(str.isalnum, text)):
        raise Unreadable("has no text in it: it may be protected, or a book of pictures")
    facts = _facts(package)
    return NewDocument(
        text=text,
        title=facts.get("title", ""),
        author=facts.get("creator", ""),
        source=facts.get("publisher", ""),
        published=read_day(facts.get("date", "")[:10]),
        language=read_language(facts.get("language", "")),
        media_type="application/epub+zip",
        blocks=blocks,
    )


def _facts(package: Any) -> dict[str, str]:
    metadata = next((e for e in package.iter() if local_name(e) == "metadata"), ())
    facts = dict[str, str]()
    for element in metadata:
        value = one_line(element.text or "")
        name = local_name(element)
        if not value or (name == "date" and "modif" in str(element.attrib)):
            continue
        facts[name] = (
            f"{facts[name]}, {value}" if name == "creator" and name in facts else facts.get(name, value)
        )
    return facts


def _spine(package: Any) -> list[str]:
    items = {e.get("id"): e for e in package.iter() if local_name(e) == "item"}
    found = [items.get(e.get("idref")) for e in package.iter() if local_name(e) == "itemref"]
    return [
        e.get("href", "") for e in found if e is not None and "nav" not in e.get("properties", "").split()
    ]


def _chapter(data: bytes) -> Iterator[Part]:
    from lxml import etree

    try:
        root = parse_xml(data)
    except etree.XMLSyntaxError:
        root = etree.HTML(data, etree.HTMLParser(no_network=True))
    if root is None:
        return
    body = next((e for e in root.iter() if local_name(e) == "body"), root)
    yield from _flow(body, "paragraph")


def _flow(element: Any, kind: BlockKind) -> Iterator[Part]:
    words = element.text or ""
    for child in element:
        tag = local_name(child)
        if tag in _BLOCKS:
            yield Part(kind, words)
            words = ""
            yield from _block(child, tag, kind)
        elif tag and tag not in _SKIPPED:
            words += _words(child)
        words += child.tail or ""
    yield Part(kind, words)


def _block(element: Any, tag: str, kind: BlockKind) -> Iterator[Part]:
    if re.fullmatch("h[1-6]", tag):
        yield Part("heading", _words(element), int(tag[1]))
    elif tag == "table":
        rows = [row for row in element.iter() if local_name(row) == "tr"]
        yield from table_parts(
            [[one_line(_words(c)) for c in row if local_name(c) in ("td", "th")] for row in rows]
        )
    elif tag == "pre":
        yield Part("code", "".join(element.itertext()))
    elif tag not in _SKIPPED:
        inner: BlockKind = "list_item" if tag in ("li", "dt", "dd") else kind
        yield from _flow(element, inner)


def _words(element: Any) -> str:
    if local_name(element) in ("", *_SKIPPED):
        return ""
    if local_name(element) == "br":
        return " "
    return (element.text or "") + "".join(_words(child) + (child.tail or "") for child in element)
