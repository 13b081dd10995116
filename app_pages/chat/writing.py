"""How the next answers of a conversation are made, where there is a choice: written, or of quotes."""

from __future__ import annotations

from app_pages.chat.chosen import choose, chosen
from rag import AnswerMode, Settings

_NAME, _QUOTES = "answers", "quotes"
"""What stands in the address where answers are to be of quotes; usually they are written."""


def has_choice(settings: Settings) -> bool:
    """Whether answers can be written; where the settings ask for quotes, nothing goes to any endpoint."""
    return settings.has_endpoint and settings.answer_mode != "quote"


def mode_of(conversation_id: str, settings: Settings) -> AnswerMode:
    """Return how a conversation's next answer is made."""
    if not has_choice(settings) or _QUOTES in chosen(conversation_id, _NAME)[_NAME]:
        return "quote"
    return "generate"


def choose_mode(conversation_id: str, mode: AnswerMode) -> None:
    """Have the next answers of a conversation made like this."""
    choose(conversation_id, {_NAME: [_QUOTES] if mode == "quote" else []})
