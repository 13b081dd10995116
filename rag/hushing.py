"""A text without a secret that may be in it: an endpoint may repeat the key that it was shown."""

from __future__ import annotations

_FEWEST_CHARACTERS = 12
"""Shorter keys are words that servers of one's own are given, such as "ollama", and no secrets."""
_IN_ITS_PLACE = "…"


class Hush:
    """Takes a text piece by piece and gives it without a secret, which may come in several pieces."""

    def __init__(self, secret: str) -> None:
        self._secret = secret if len(secret) >= _FEWEST_CHARACTERS else ""
        self._held = ""

    def feed(self, piece: str) -> str:
        """Take a piece and give what can't be the secret's beginning any more."""
        if not self._secret:
            return piece
        text = (self._held + piece).replace(self._secret, _IN_ITS_PLACE)
        lengths = range(min(len(self._secret) - 1, len(text)), 0, -1)
        begun = next((length for length in lengths if text.endswith(self._secret[:length])), 0)
        self._held = text[len(text) - begun :]
        return text[: len(text) - begun]

    def finish(self) -> str:
        """Give what is left at the end of the text."""
        held, self._held = self._held, ""
        return held
