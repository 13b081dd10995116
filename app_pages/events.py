"""What a user has done in a view, as a browser tells it: it may tell anything, so each part is checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Event:
    """Something done in a view; what a view of ours would not send counts as left out."""

    told: dict[str, Any]

    @classmethod
    def of(cls, value: object) -> Event:
        """Return what was done, nothing if the value is no event."""
        return cls(value if isinstance(value, dict) else {})

    @property
    def do(self) -> str:
        """What was done; empty for nothing."""
        return self.text("do")

    def text(self, name: str) -> str:
        """Return a text."""
        value = self.told.get(name)
        return value if isinstance(value, str) else ""

    def texts(self, name: str) -> list[str]:
        """Return a list of texts."""
        value = self.told.get(name)
        return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []

    def number(self, name: str) -> int:
        """Return a whole number; -1 for none."""
        value = self.told.get(name)
        return value if isinstance(value, int) else -1

    def numbers(self, name: str) -> list[int]:
        """Return a list of whole numbers."""
        value = self.told.get(name)
        return [one for one in value if isinstance(one, int)] if isinstance(value, list) else []

    def is_on(self, name: str) -> bool:
        """Whether something is so."""
        return self.told.get(name) is True
