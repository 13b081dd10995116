"""Small raised digits of a PDF: numbers that lead to notes go, others stay ("310 m2", "10 to the 6")."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from rag.loading.pdf.layout import RAISED_ZERO, Line

_RAISED = f"[{chr(RAISED_ZERO)}-{chr(RAISED_ZERO + 9)}]"
_DIGITS = {RAISED_ZERO + digit: str(digit) for digit in range(10)}
# A note begins with its number, raised or not.
_NOTE = re.compile(rf"\W{{0,2}}(?:(\d{{1,3}})[.)\]]?\s|({_RAISED}+)\s?)\s*\w")
# After a word or the end of a sentence, never after a number or a unit; "2,3" and "2-4" are several.
_MARK = re.compile(rf"(?<=[^\W\d_]{{2}}|\w[.,;:!?”\"’)])({_RAISED}+(?:[,–-]\s?{_RAISED}+)*)")
_UNIT = re.compile(r"(?<![^\W_])(?:[kcdm]?m|ft|mi|yd|in|s)$")


def without_note_numbers(pages: Sequence[Sequence[Line]]) -> list[list[Line]]:
    """Return the lines of all pages without the numbers that lead to notes, other raised digits as digits."""
    notes = {
        (m[1] or m[2]).translate(_DIGITS) for page in pages for line in page if (m := _NOTE.match(line.text))
    }
    return [[_cleared(line, notes) for line in page] for page in pages]


def _cleared(line: Line, notes: set[str]) -> Line:
    def left(found: re.Match[str]) -> str:
        numbers = re.findall(r"\d+", found[1].translate(_DIGITS))
        is_power = _UNIT.search(found.string[: found.start()])
        return found[0] if is_power or not notes.issuperset(numbers) else ""

    def clear(text: str) -> str:
        return _MARK.sub(left, text).translate(_DIGITS)

    return replace(line, segments=tuple(replace(s, text=clear(s.text)) for s in line.segments))
