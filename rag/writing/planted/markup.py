"""The words of what a model writes, without Markdown's and HTML's pictures, links and tags.

A picture has no words of the answer: what stands for it is told to whoever can't see it. Of a link its words
stay, and of an address in angle brackets the address, so that it is looked at as any other word. What is
struck through is meant to be gone.
"""

from __future__ import annotations

import re

from lxml.html import defs

from rag.writing.marker_forms import MARKER

_PICTURE = re.compile(
    r"!\[(?:[^\[\]\n]|\[[^\[\]\n]{0,100}\]){0,300}\]"
    r"(?:\((?:[^()\n]|\([^()\n]{0,100}\)){0,600}\)|\[[^\[\]\n]{0,100}\])?"
)
_LINK = re.compile(
    r"\[(?P<words>(?:[^\[\]\n]|\[[^\[\]\n]{0,100}\]){0,300})\]"
    r"(?:\((?:[^()\n]|\([^()\n]{0,100}\)){0,600}\)|\[(?P<named>[^\[\]\n]{0,100})\])"
)
UNCLOSED = re.compile(
    r"(?:<[a-z/!][^<>\n]{0,600}"
    r"|!?\[[^\[\]\n]{0,300}(?:\[[^\[\]\n]{0,100}\]?)?(?:\](?:\([^)\n]{0,600}|\[[^\]\n]{0,100})?)?)$",
    re.IGNORECASE,
)
"""The end of a text that may become a link or a tag with what comes next."""
_ADDRESS = re.compile(r"<((?:[a-z][a-z0-9+.-]{1,12}:|[\w.+-]{1,64}@)[^<>\s]{1,500})>", re.IGNORECASE)
_TAG = re.compile(
    r"</?(?P<name>[a-z][a-z0-9-]{0,30})(?P<rest>(?:\s[^<>\n]{0,500})?)/?>|<[!?][^<>\n]{0,500}>", re.IGNORECASE
)
_STRUCK = re.compile(r"~~[^~\n]{1,300}~~")
_TAGS = defs.tags | {"main", "template", "picture", "dialog", "slot", "portal"}
_BREAKS = frozenset("br p li td th tr div hr".split())
_READ_AS_MARKERS = frozenset({"sup"})


def without_links(text: str) -> str:
    """Return a text without pictures, and of links the words or the number of a passage."""
    return _STRUCK.sub("", _LINK.sub(_words_of, _PICTURE.sub(_picture, text)))


def without_tags(text: str) -> str:
    """Return a text without HTML's tags; "a < b" has none."""
    return _TAG.sub(_tag, _ADDRESS.sub(r"\1", text))


def _picture(match: re.Match[str]) -> str:
    """Return nothing, but of a marker behind a cry, "He won![1]", all."""
    return match[0] if MARKER.fullmatch(match[0][1:]) else ""


def _words_of(match: re.Match[str]) -> str:
    words, named = match["words"], match["named"] or ""
    if words.strip("^ ").isdigit():
        return f"[{words}]" + (f"[{named}]" if named else "")
    return words + (f"[{named}]" if named.strip("^ ").isdigit() else "")


def _tag(match: re.Match[str]) -> str:
    name, rest = (match["name"] or "").lower(), match["rest"] or ""
    if name in _READ_AS_MARKERS:
        return match[0]
    is_certain = not name or "-" in name or "=" in rest or match[0].startswith("</")
    is_tag = is_certain or (name in _TAGS and (not rest.strip(" /") or len(name) > 1))
    if not is_tag:
        return match[0]
    return " " if name in _BREAKS else ""
