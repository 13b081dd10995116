"""A question as it was read: once, for all that finds and answers."""

from __future__ import annotations

from dataclasses import dataclass

from rag.question.questions import AskedKind, asked_kind
from rag.question.several import asked_for_several
from rag.question.time_and_source import Preference
from rag.text.names import names_and_numbers


@dataclass(frozen=True, slots=True)
class Reading:
    """What a question says.

    ``text`` is the question without the words that only say where to look; ``preference`` is what they say.
    ``kind`` is that of what it asks for, ``several`` the stem of the noun of which it asks for several, and
    ``names`` are the stems of its names and numbers.
    """

    text: str
    kind: AskedKind
    several: str
    names: tuple[str, ...]
    preference: Preference | None = None


def read(question: str, preference: Preference | None = None) -> Reading:
    """Return what a question says; `preference` is what was read in it of where to look."""
    text = preference.text if preference else question
    return Reading(
        text, asked_kind(text), asked_for_several(text), tuple(names_and_numbers(text)), preference
    )
