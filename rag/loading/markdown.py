"""Markdown with front matter -> a document."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from html import unescape
from typing import TYPE_CHECKING

from rag.documents import NewDocument
from rag.loading.formats import Unreadable
from rag.loading.metadata import describe, take_title
from rag.text.canonical import Part, build_text, join_cells
from rag.text.limits import first_part

if TYPE_CHECKING:
    from markdown_it.token import Token
    from yaml import MappingNode, SafeLoader

_FRONT_MATTER = re.compile(
    r"---[ \t]*\n(?P<yaml>.*?)^(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE
)
# Scripts and styles go with what is in them, other elements leave their text. What is never closed
# goes to the end, as in a browser; to look for the end again and again would take forever.
_HTML = re.compile(
    r"<!--(?:.*?-->|.*)|<(script|style)\b(?:.*?</\1\s*>|.*)|</?[a-z][^<>]*>", re.DOTALL | re.IGNORECASE
)

# The parser leaves out what is nested deeper; its own 20 would be a list within nine others.
_DEEPEST = 100


def read_markdown(text: str) -> NewDocument:
    """Return the document that `text` (normalised Markdown) holds.

    Front matter that is not YAML is refused, since the document would be cited without its source
    and day. A single value that can't be used, such as a date, is passed over.
    """
    part = first_part(text)
    fields, body = _front_matter(part)
    document = describe(NewDocument(text="", media_type="text/markdown"), fields)
    title, parts = take_title(document.title, list(_parts(_tokens(body))))
    canonical, blocks = build_text(parts)
    return replace(document, title=title, text=canonical, blocks=blocks, left_out=len(text) - len(part))


def _front_matter(text: str) -> tuple[dict[str, object], str]:
    """Return the values between the two ``---`` that begin a text, and what comes after them."""
    # Imported here so that starting the app does not wait for it.
    import yaml

    found = _FRONT_MATTER.match(text)
    try:
        values = yaml.load(found["yaml"], Loader=_front_matter_loader()) if found else None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise Unreadable(_bad_front_matter(error)) from error
    if found and (isinstance(values, dict) or values is None):
        return {str(key): value for key, value in (values or {}).items()}, text[found.end() :]
    # Two rules with a sentence between them are no front matter.
    return {}, text


def _front_matter_loader() -> type[SafeLoader]:
    """Return a safe loader that knows no "<<": a few lines with it make a mapping of billions of keys."""
    from yaml import SafeLoader

    class Loader(SafeLoader):
        def flatten_mapping(self, node: MappingNode) -> None:
            """Leave the mapping as it is written."""

    Loader.add_constructor("tag:yaml.org,2002:merge", lambda loader, node: "<<")
    return Loader


def _bad_front_matter(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    # Lines are counted from 1, and the first one is the ---.
    where = f" in line {mark.line + 2}" if mark else ""
    advice = "put values that contain a colon in quotes, or remove the lines between the two ---"
    return f"has front matter that can't be read{where}: {advice}"


def _tokens(body: str) -> list[Token]:
    # Imported here so that starting the app does not wait for it.
    from markdown_it import MarkdownIt

    try:
        return MarkdownIt("commonmark", {"maxNesting": _DEEPEST}).enable("table").parse(body)
    # Where the limit lets more through than Python has room for.
    except RecursionError as error:
        raise Unreadable("is nested too deeply: simplify its lists and quotes") from error


def _parts(tokens: Sequence[Token]) -> Iterator[Part]:
    """Yield the blocks of a parsed text in order."""
    row: list[str] = []
    for index, token in enumerate(tokens):
        if token.type in ("fence", "code_block"):
            yield Part("code", token.content)
        elif token.type == "html_block":
            yield Part("paragraph", unescape(_HTML.sub(" ", token.content)))
        elif token.type == "inline" and tokens[index - 1].type in ("th_open", "td_open"):
            row.append(_inline_text(token))
        elif token.type == "inline":
            yield _block(tokens[max(0, index - 2) : index], token)
        elif token.type == "tr_close":
            # Only the one row of the table's head is not followed by another row or the end.
            header = index + 1 < len(tokens) and tokens[index + 1].type == "thead_close"
            yield Part("table_header" if header else "table_row", join_cells(row))
            row = []


def _block(opened: Sequence[Token], content: Token) -> Part:
    """Return the block whose opening tokens stand before `content`."""
    kinds = [token.type for token in opened]
    if kinds[-1] == "heading_open":
        return Part("heading", _inline_text(content), int(opened[-1].tag[1]))
    # Only the first paragraph of a list item is the item; further ones explain it.
    return Part("list_item" if kinds[0] == "list_item_open" else "paragraph", _inline_text(content))


def _inline_text(token: Token) -> str:
    """Return the words of a line: links give their text, pictures theirs, breaks a space."""
    return "".join(map(_inline_words, token.children or ()))


def _inline_words(token: Token) -> str:
    if token.type == "image":
        return _inline_text(token)
    if token.type in ("text", "text_special", "code_inline"):
        return token.content
    line_break = token.type in ("softbreak", "hardbreak") or token.content.lower().startswith("<br")
    return " " if line_break else ""
