"""Bullets that are drawn and no characters, as browsers print them."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence
from typing import Any

from rag.loading.pdf.layout import Segment

# A page with more is a drawing, whose dots are none; and looking through them takes time.
_MOST_OBJECTS = 3_000
_MOST_MARKS = 200
# In points: how large a bullet is, and by how much it may be wider than high.
_SIZES = (1.5, 9.0)
_UNROUND = 0.3
# In heights of a letter: how far its item may stand, and nothing before it.
_ITEM_GAP = 1.5
_CLEAR = 3.0


def drawn_bullets(page: Any, segments: Sequence[Segment]) -> list[Segment]:
    """Return a bullet for each small mark of a page of pdfium that stands right before words."""
    marks = list(_marks(page))
    if len(marks) > _MOST_MARKS:
        return []
    return [mark for mark in marks if any(_leads(mark, s) for s in segments) and _is_first(mark, segments)]


def _marks(page: Any) -> Iterator[Segment]:
    """Yield the small round or square marks of a page."""
    import pypdfium2.raw as pdfium

    count = pdfium.FPDFPage_CountObjects(page)
    left, low, right, high = (ctypes.c_float() for _ in range(4))
    for index in range(count if count <= _MOST_OBJECTS else 0):
        drawn = pdfium.FPDFPage_GetObject(page, index)
        if pdfium.FPDFPageObj_GetType(drawn) != pdfium.FPDF_PAGEOBJ_PATH:
            continue
        if not pdfium.FPDFPageObj_GetBounds(drawn, left, low, right, high):
            continue
        width, height = right.value - left.value, high.value - low.value
        if (
            _SIZES[0] < min(width, height)
            and max(width, height) < _SIZES[1]
            and abs(width - height) < _UNROUND
        ):
            yield Segment("•", left.value, low.value, right.value, high.value)


def _leads(mark: Segment, words: Segment) -> bool:
    """Whether a mark stands beside the first letter of words, and is smaller."""
    beside = words.y0 < (mark.y0 + mark.y1) / 2 < words.y1 and mark.size < 0.7 * words.size
    return beside and 0 < words.x0 - mark.x1 < _ITEM_GAP * words.size


def _is_first(mark: Segment, segments: Sequence[Segment]) -> bool:
    """Whether no words stand right before a mark."""
    before = (s for s in segments if s.y0 < mark.y1 and s.y1 > mark.y0 and s.x0 < mark.x0)
    return all(mark.x0 - s.x1 > _CLEAR * s.size for s in before)
