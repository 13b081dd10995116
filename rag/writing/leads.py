"""The lead-in of a list that a model writes: it waits for an item that holds."""

from __future__ import annotations

from dataclasses import dataclass

from rag.text.words import content_words
from rag.writing.markers import Draft
from rag.writing.refusals import is_refusal

_LEAST_IN_LEAD = 3
"""With fewer words of its own a lead-in tells so little that its items may hold without it."""
_TELLS_NOTHING = frozenset(
    "follow follows following below include includes including included contain contains consist consists"
    " list lists listed item items answer here namely also other several main key important various folgende"
    " folgendes folgenden şunlar şunlardır".split()
)
"""Words of a lead-in that say nothing to be checked: "They include the following:"."""


@dataclass(slots=True)
class Lead:
    """A lead-in that waits for the first of its items to hold.

    ``first_left_out`` is the place of the first sentence left out behind it.
    """

    draft: Draft
    cited: list[int]
    number: int
    first_left_out: int
    is_shown: bool = False

    @property
    def is_optional(self) -> bool:
        """Whether its items may hold without it: it tells little, or tells of the passages themselves."""
        return len(content_words(self.draft.text)) < _LEAST_IN_LEAD or is_refusal(self.draft.text)

    @property
    def tells_nothing(self) -> bool:
        """Whether it says nothing that could be checked."""
        return _TELLS_NOTHING.issuperset(content_words(self.draft.text))
