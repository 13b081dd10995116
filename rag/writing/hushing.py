"""A text without a secret that may be in it: an endpoint may repeat the key that it was shown.

A key of letters alone, or of one to three characters, may be a part of any word, so that it is taken out
only where it stands by itself; and where it is a word of what the endpoint was sent, "lamp", it stays in what
that bears. What the endpoint says in its own words has it nowhere, and isn't shown at all where the key is so
short that it can't be told from a word.
"""

from __future__ import annotations

import re

_FEWEST_CHARACTERS = 4
"""A shorter key can't be told from a word."""
_IN_ITS_PLACE = "…"
NOT_SHOWN = "… (not shown: the key is too short to be told from a word)"


def own_words(text: str, secret: str) -> str:
    """Return what an endpoint says in its own words without a secret; nothing of it if that is too short."""
    return NOT_SHOWN if 0 < len(secret) < _FEWEST_CHARACTERS else Hush(secret).all_of(text)


class Hush:
    """Takes a text piece by piece and gives it without a secret, which may come in several pieces.

    Parameters
    ----------
    secret
        What is taken out, of any length.
    sent
        The texts that the endpoint was sent besides.
    """

    def __init__(self, secret: str, sent: str = "") -> None:
        self._secret = secret
        self._is_word = secret.isalpha() or len(secret) < _FEWEST_CHARACTERS
        edges = (r"(?<![^\W_])", r"(?![^\W_])") if self._is_word else ("", "")
        self._pattern = re.compile(re.escape(secret).join(edges))
        if self._is_word and self._pattern.search(sent):
            self._secret = ""
        self._before, self._held = "", ""

    def feed(self, piece: str) -> str:
        """Take a piece and give what can't be the secret's beginning any more."""
        if not self._secret:
            return piece
        self._held += piece
        # Whether a word ends with the secret is known when the next character has come.
        longest = min(len(self._secret) - (not self._is_word), len(self._held))
        begun = (length for length in range(longest, 0, -1) if self._held.endswith(self._secret[:length]))
        return self._given(len(self._held) - next(begun, 0))

    def finish(self) -> str:
        """Give what is left at the end of the text."""
        return self._given(len(self._held))

    def all_of(self, text: str) -> str:
        """Give a whole text."""
        return self.feed(text) + self.finish()

    def _given(self, until: int) -> str:
        """Give what is held up to a place."""
        text, place = self._before + self._held, len(self._before)
        until += place
        pieces = list[str]()
        for found in self._pattern.finditer(text, place) if self._secret else ():
            if found.end() > until:
                break
            pieces += [text[place : found.start()], _IN_ITS_PLACE]
            place = found.end()
        pieces.append(text[place:until])
        self._before, self._held = text[:until][-1:], text[until:]
        return "".join(pieces)
