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

from langchain_core.messages import BaseMessage
from langchain_core.prompts import ChatPromptTemplate

from rag.errors import PromptError
from rag.text.canonical import one_line

PROMPTS_DIR = Path(__file__).parents[2] / "prompts"
_PART = re.compile(r"^# (System|User)[ \t]*$", re.MULTILINE)
_SMALL_LETTERS = re.compile(r"[a-z]+")
_CAPITALS = re.compile(r"[A-Z]+")
_OTHERS = re.compile(r"[^A-Za-z\s]|\s(?=\d)|\n")
_SMALL_A_TOKEN = 4
_FOREIGN_A_TOKEN = 2.5
_FOREIGN_SHARE = 0.005
"""Of the letters of a text, how many others than A to Z make it one in a language that is cut smaller."""
_CAPITALS_A_TOKEN = 2
_MARGIN = 1.1
"""On what the parts of a text make. With it SmolLM2, which has 49,152 pieces and each digit for itself, makes
at most 0.73 of the estimate of a passage of XQuAD in English, 0.92 in Turkish and 1.00 in German (120 each),
0.82 of a sample article, 0.91 of numbers and 0.72 of code; GPT-2, of numbers 0.45, of code 0.93. At three
characters a token a sample article had 1.3 times as many as estimated, a table 1.8 times, numbers 3 times."""
_TOKENS_A_MESSAGE = 8


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt of which the placeholders are still to be filled."""

    path: Path
    template: ChatPromptTemplate

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
        parts = [
            (head.lower(), Template(text.strip()))
            for head, text in zip(pieces[::2], pieces[1::2], strict=True)
        ]
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
        return cls(path, ChatPromptTemplate([(role, _in_braces(template)) for role, template in parts]))

    def fill(self, **values: str) -> tuple[BaseMessage, ...]:
        """Return the messages with these values, which are taken as they are."""
        return tuple(self.template.format_messages(**values))


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
    """Return an estimate of a text's length in tokens, rather too high than too low for any model.

    Digits and marks are a token each, and so is a space before a digit; of other scripts a letter is one or
    more, as many as it has bytes less one.
    """
    foreign = sum(sign.isalpha() and not sign.isascii() for sign in text) if not text.isascii() else 0
    is_foreign = foreign > _FOREIGN_SHARE * len(text)
    length = _FOREIGN_A_TOKEN if is_foreign else _SMALL_A_TOKEN
    small = sum(math.ceil(len(word) / length) for word in _SMALL_LETTERS.findall(text))
    capitals = sum(math.ceil(len(word) / _CAPITALS_A_TOKEN) for word in _CAPITALS.findall(text))
    others = sum(max(1, len(sign.encode("utf-8", "replace")) - 1) for sign in _OTHERS.findall(text))
    return math.ceil(_MARGIN * (small + capitals + others))


def tokens_of(messages: Sequence[BaseMessage]) -> int:
    """Return an estimate of the length of some messages in tokens."""
    return sum(tokens(str(message.content)) + _TOKENS_A_MESSAGE for message in messages)


def _in_braces(template: Template) -> str:
    """Return a template as LangChain writes them: "{name}" for "$name", with other braces doubled."""
    names = {name: f"\0{name}\0" for name in template.get_identifiers()}
    text = template.substitute(names).replace("{", "{{").replace("}", "}}")
    return re.sub("\0(\\w+)\0", r"{\1}", text)
