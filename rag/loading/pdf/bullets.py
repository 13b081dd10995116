"""Bullets that are drawn and no characters, as browsers print them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
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
    import pypdfium2
    import pypdfium2.raw as pdfium

    if pdfium.FPDFPage_CountObjects(page.raw) > _MOST_OBJECTS:
        return
    for drawn in page.get_objects([pdfium.FPDF_PAGEOBJ_PATH], max_depth=1):
        with suppress(pypdfium2.PdfiumError):  # one without a place
            left, low, right, high = drawn.get_bounds()
            sizes = sorted((right - left, high - low))
            if _SIZES[0] < sizes[0] and sizes[1] < _SIZES[1] and sizes[1] - sizes[0] < _UNROUND:
                yield Segment("•", left, low, right, high)


def _leads(mark: Segment, words: Segment) -> bool:
    """Whether a mark stands beside the first letter of words, and is smaller."""
    beside = words.y0 < (mark.y0 + mark.y1) / 2 < words.y1 and mark.size < 0.7 * words.size
    return beside and 0 < words.x0 - mark.x1 < _ITEM_GAP * words.size


def _is_first(mark: Segment, segments: Sequence[Segment]) -> bool:
    """Whether no words stand right before a mark."""
    before = (s for s in segments if s.y0 < mark.y1 and s.y1 > mark.y0 and s.x0 < mark.x0)
    return all(mark.x0 - s.x1 > _CLEAR * s.size for s in before)
