"""The prompts: one Markdown file each in `prompts/`, with placeholders that are checked.

A file has a part for each message, headed "# System" or "# User". What a document, a user or a model has
written is filled in by `escaped` and `marked`: it can hold no mark such as ``</passage>``, and so can't get
out of its own.
"""

from __future__ import annotations

import html
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Literal

from rag.errors import PromptError
from rag.text import one_line

PROMPTS_DIR = Path(__file__).parent.parent / "prompts"
Role = Literal["system", "user", "assistant"]
_PART = re.compile(r"^# (System|User)[ \t]*$", re.MULTILINE)
_CHARACTERS_A_TOKEN = 3.0
"""Of Latin letters; tokenizers of today make four of English, and less of names and numbers."""
_TOKENS_A_MESSAGE = 8


@dataclass(frozen=True, slots=True)
class Message:
    """One message to a model."""

    role: Role
    text: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt of which the placeholders are still to be filled."""

    path: Path
    parts: tuple[tuple[Role, Template], ...]

    @classmethod
    def read(cls, name: str, placeholders: Iterable[str], folder: Path | None = None) -> Prompt:
        """Read a prompt and check that it has just these placeholders.

        Raises
        ------
        PromptError
            The file is missing, has no parts, or has other placeholders.
        """
        path = (folder or PROMPTS_DIR) / f"{name}.md"
        try:
            text = path.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise PromptError(
                f"The prompt {path} can't be read: put it back from Footnote's repository."
            ) from error
        before, *pieces = _PART.split(text)
        roles = [_role(head) for head in pieces[::2]]
        parts = tuple(zip(roles, map(Template, map(str.strip, pieces[1::2])), strict=True))
        if before.strip() or not parts:
            raise PromptError(f'The prompt {path} must begin with a line "# System" or "# User".')
        if not all(template.is_valid() for _, template in parts):
            raise PromptError(f"The prompt {path} has a $ without a name behind it: write $$ for the sign.")
        found = {name for _, template in parts for name in template.get_identifiers()}
        for wrong, what in (
            (set(placeholders) - found, "lacks"),
            (found - set(placeholders), "doesn't know"),
        ):
            if wrong:
                listed = ", ".join(f"${name}" for name in sorted(wrong))
                raise PromptError(f"The prompt {path} {what} the placeholder {listed}.")
        return cls(path, parts)

    def fill(self, **values: str) -> tuple[Message, ...]:
        """Return the messages with these values, which are taken as they are."""
        return tuple(Message(role, template.substitute(values)) for role, template in self.parts)


@dataclass(frozen=True, slots=True)
class Prompts:
    """All prompts, read and checked together."""

    answer: Prompt
    repair: Prompt
    check: Prompt
    followup: Prompt

    @classmethod
    def read(cls, folder: Path | None = None) -> Prompts:
        """Read the prompts of a folder.

        Raises
        ------
        PromptError
        """
        return cls(
            Prompt.read("answer", ("no_answer", "history", "passages", "question"), folder),
            Prompt.read("repair", ("no_answer", "failed"), folder),
            Prompt.read("check", ("sentences",), folder),
            Prompt.read("followup", ("history", "question"), folder),
        )


def escaped(text: str) -> str:
    """Return a text as data, without any mark."""
    return html.escape(text, quote=False)


def marked(mark: str, text: str, **attributes: str) -> str:
    """Return a text as data between two marks, with its attributes, of which empty ones are left out."""
    told = "".join(
        # Apostrophes stay: a model would copy their names.
        f' {name}="{escaped(one_line(value)).replace(chr(34), "&quot;")}"'
        for name, value in attributes.items()
        if value.strip()
    )
    return f"<{mark}{told}>{escaped(text)}</{mark}>"


def tokens(text: str) -> int:
    """Return an estimate of a text's length in tokens, rather too high than too low."""
    plain = sum(map(str.isascii, text)) if not text.isascii() else len(text)
    return math.ceil(plain / _CHARACTERS_A_TOKEN) + (len(text) - plain)


def tokens_of(messages: Sequence[Message]) -> int:
    """Return an estimate of the length of some messages in tokens."""
    return sum(tokens(message.text) + _TOKENS_A_MESSAGE for message in messages)


def _role(head: str) -> Role:
    return "system" if head == "System" else "user"
