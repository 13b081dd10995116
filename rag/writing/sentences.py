"""What a model writes, cut into sentences with their markers while it comes.

A marker is a passage's number (`rag.writing.marker_forms`), in front of the full stop or behind it. Headings,
code and rules are left out, and what Markdown and HTML put about the words is taken off
(`rag.writing.planted.markup`).
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

from rag.text.canonical import one_line
from rag.text.names import CAPITAL
from rag.text.splitting import whole_sentences
from rag.text.words import content_words
from rag.writing.marker_forms import MARKER, OPEN, numbers_in, plain
from rag.writing.planted.markup import UNCLOSED, without_links, without_tags

MOST_CHARACTERS = 2_000
"""What is longer without an end is no sentence: the line is passed over but for its beginning."""
_KEPT_CHARACTERS = 300
_LONGEST_OPEN = 1_000
"""Characters at the end among which a marker, a link or a tag may have begun."""
_FEW_WORDS = 3
_BULLET = re.compile(r"\s*(?:(?:[-*•‣–]|\(?\d{1,2}[.)])\s+|>\s?)+")
_ITEM = re.compile(r"\s*(?:>\s?)*(?:[-*•‣–]|\(?\d{1,2}[.)])\s")
_LEFT_OUT = re.compile(
    r"\s*+(?:#{1,6}\s.*+|(?:[-*_=]\s*+){3,}+|[|:\s-]*+|(?:\*\*|__)[^*_.!?]{1,80}(?:\*\*|__)\s*+:?)$"
)
# "**Builder**: The lighthouse was built ...", and not "**Speed**: 40 km/h".
_LABEL = re.compile(
    rf"\s*(?:\*\*|__)[^*_.!?]{{1,60}}(?::(?:\*\*|__)|(?:\*\*|__):)\s+(?={CAPITAL}\S*(?:\s+\S+){{3}})"
)
_FENCE = re.compile(r"\s*(?:>\s?)*(?:```|~~~)")
_SIGNS = re.compile(r"<!--|-->|\*\*+|(?<!\s)\*|\*(?!\s)|\b__++|(?<!_)__++\b|`+")
_BEGUN = re.compile(r"\s*\S+\s+\S")
_HAS_WORD = re.compile(r"[^\W_]")
_END = re.compile(r"""[.!?…。！？।؟۔]["'”’»)\]」』]*$""")
# What is left about a marker that was taken out: ": The bridge", "(Gazette,)", "long —."
_LEFT_ABOUT = re.compile(
    r"^(?:[:;,.–—-]\s++)+|(?<!\s)\s*+\([\s,;]*+\)|[,;]\s*+(?=\)|$)|(?<!\s)\s++[–—-]\s*+(?=[.!?]?\s*+$)"
)
_THINKS = ("<think>", "<thinking>")
_THOUGHT = re.compile(r"</think(?:ing)?>\s*")
_PREAMBLE = re.compile(
    r"(?:according to|based on|as stated in|as per) (?:the )?(?:provided |given |available )?"
    r"(?:passages?|sources?|articles?|texts?|context|information)(?: \d+)?(?: provided| given)?, "
    r"|(?:the |this )?(?:passages?|sources?|articles?|texts?)(?: \d+)? (?:also )?"
    r"(?:says?|states?|mentions?|notes?|reports?|explains?) that "
    r"|(?:the )?answer (?:to (?:this|the|your) question )?is:? (?=.*\w)",
    re.IGNORECASE,
)
_TELLS_NOTHING = frozenset(
    "follow follows following below include includes including included contain contains consist consists"
    " list lists listed item items answer here namely also other several main key important various folgende"
    " folgendes folgenden şunlar şunlardır".split()
)
"""Words of a lead-in that say nothing to be checked: "They include the following:"."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A sentence as a model wrote it, without its markers: the numbers in them, each once.

    ``is_lead`` says that it only leads to what follows ("Three were bought:"), ``is_item`` that it is an item
    of a list. The sentences of an item that has several are counted from 1 by ``item_sentence`` instead.
    """

    text: str
    numbers: tuple[int, ...] = ()
    is_lead: bool = False
    is_item: bool = False
    item_sentence: int = 0
    is_too_long: bool = False


@dataclass(slots=True)
class Lead:
    """A lead-in to a list, which waits for the first of its items to hold.

    ``first_left_out`` is the place of the first sentence left out behind it.
    """

    draft: Draft
    cited: list[int]
    number: int
    first_left_out: int
    is_shown: bool = False

    @property
    def tells_nothing(self) -> bool:
        """Whether it says nothing that could be checked."""
        return _TELLS_NOTHING.issuperset(content_words(self.draft.text))


@dataclass(frozen=True, slots=True)
class _Piece:
    """A sentence within a text, and the numbers of its markers."""

    start: int
    text: str
    numbers: tuple[int, ...]


class SentenceCutter:
    """Takes a text piece by piece and gives its sentences as soon as each is whole."""

    def __init__(self) -> None:
        self._held = ""
        self._begins_line = True
        self._is_item = False
        self._given = 0  # sentences of the line
        self._is_code = False
        self._is_passed_over = False
        self._thought: str | None = ""

    def feed(self, piece: str) -> Iterator[Draft]:
        """Take a piece and give the sentences that are whole with it."""
        self._held += self._spoken(piece)
        while "\n" in self._held:
            line, _, rest = self._held.partition("\n")
            yield from self._end_of_line(line)
            self._held = rest
        if self._is_passed_over:
            self._held = ""
        elif len(self._held) > 1:
            yield from self._within_line()

    def finish(self, *, is_cut: bool = False) -> Iterator[Draft]:
        """Give what is left at the end of the text; where it was cut short, only what has an end."""
        if self._thought and not self._thought.lstrip().startswith(_THINKS):
            self._held, self._thought = self._thought, None
        line, self._held = self._held, ""
        for draft in self._end_of_line(line):
            if _END.search(draft.text) or not is_cut:
                yield draft

    def _spoken(self, piece: str) -> str:
        """Return the piece without what a model thinks aloud before its answer."""
        if self._thought is None:
            return piece
        self._thought += piece
        begun = self._thought.lstrip()
        if any(begun.startswith(mark[: len(begun)]) for mark in _THINKS):
            end = _THOUGHT.search(begun)
            if not end:
                return ""
            begun = begun[end.end() :]
        self._thought = None
        return begun

    def _end_of_line(self, line: str) -> Iterator[Draft]:
        was_passed_over, begins_line = self._is_passed_over, self._begins_line
        is_item, given = bool(_ITEM.match(line)) if begins_line else self._is_item, self._given
        self._is_passed_over, self._begins_line, self._given = False, True, 0
        if was_passed_over:
            return
        if begins_line and _FENCE.match(line):
            self._is_code = not self._is_code
            return
        if self._is_code or (begins_line and _LEFT_OUT.match(line)):
            return
        found = _marked(_bare(f"{line} ", begins_line))
        for place, piece in enumerate(found, given + 1):
            if draft := _draft(piece):
                is_whole = is_item and given + len(found) == 1
                number = place if is_item and not is_whole else 0
                yield replace(draft, is_item=is_whole, item_sentence=number)

    def _within_line(self) -> Iterator[Draft]:
        """Give the sentences behind which another has begun."""
        if self._is_code or (self._begins_line and self._held.lstrip()[:1] in ("#", "|", "`", "~")):
            return
        text = _bare(self._held, self._begins_line)
        opened = (form.search(text, max(len(text) - _LONGEST_OPEN, 0)) for form in (OPEN, UNCLOSED))
        known = text[: min((found.start() for found in opened if found), default=None)]
        for piece, following in pairwise(_marked(known)):
            # One word may be the "J" of January, and decide that this is no end.
            if not _BEGUN.match(known[following.start :]):
                break
            if self._begins_line:
                self._is_item = bool(_ITEM.match(self._held))
            self._held, self._begins_line = text[following.start :], False
            self._given += 1
            if draft := _draft(piece):
                yield replace(draft, item_sentence=self._given if self._is_item else 0)
        if len(self._held) > MOST_CHARACTERS:
            yield Draft(one_line(self._held)[:_KEPT_CHARACTERS] + "…", is_too_long=True)
            self._held, self._is_passed_over = "", True


def is_fragment(draft: Draft) -> bool:
    """Whether a draft is hardly a sentence: a name, a number, or a word or two about nothing named."""
    count = len(draft.text.split())
    return len(content_words(draft.text)) <= _FEW_WORDS or (count < 6 and not _END.search(draft.text))


def is_said(text: str, sentence: str) -> bool:
    """Whether a text says this very sentence, whatever its quotes, capitals and end."""
    return _plain(text) == _plain(sentence)


def _plain(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.lower()))


def _bare(line: str, begins_line: bool) -> str:
    """Return a line without Markdown's signs."""
    if begins_line:
        line = line[bullet.end() :] if (bullet := _BULLET.match(line)) else line
        line = line[label.end() :] if (label := _LABEL.match(line)) else line
        if line.lstrip().startswith("|"):
            line = ", ".join(cell.strip() for cell in line.strip().strip("|").split("|"))
    return plain(_SIGNS.sub("", without_tags(without_links(line))))


def _marked(text: str) -> list[_Piece]:
    """Return the sentences of a text with the numbers of their markers.

    A marker belongs to the last sentence that has begun before it.
    """
    markers = list(MARKER.finditer(text))
    # Spaces in their place leave all offsets as they are.
    blank = MARKER.sub(lambda match: " " * len(match[0]), text)
    spans = [(start, end) for start, end in whole_sentences(blank) if _HAS_WORD.search(blank, start, end)]
    pieces = list[_Piece]()
    for (start, end), (until, _) in pairwise([*spans, (len(text), 0)]):
        begun = [marker for marker in markers if (start if pieces else 0) <= marker.start() < until]
        pieces.append(
            _Piece(start, text[start:end], tuple(n for marker in begun for n in numbers_in(marker[0])))
        )
    return pieces


def _draft(piece: _Piece) -> Draft | None:
    # What a model copies of a passage's title has the names of its signs.
    text = MARKER.sub("", piece.text)
    if piece.numbers:
        text = _LEFT_ABOUT.sub("", text)
    # What was written with the names of its signs may be a tag too.
    text = one_line(without_tags(html.unescape(text)))
    if preamble := _PREAMBLE.match(text):
        text = text[preamble.end() :]
        text = text[:1].upper() + text[1:]
    if text.count('"') == 1:
        text = text.strip('"')  # of a quotation of several sentences
    if not _HAS_WORD.search(text):
        return None
    if len(text) > MOST_CHARACTERS:
        return Draft(text[:_KEPT_CHARACTERS] + "…", is_too_long=True)
    numbers = tuple(dict.fromkeys(piece.numbers))
    return Draft(text, numbers, is_lead=text.endswith(":"))
