"""How the next answers of a conversation are made, where there is a choice: written, or of quotes.

Kept as `limits` are: the address is the truth, and the session remembers it for the way back.
"""

from __future__ import annotations

import streamlit as st

from rag import AnswerMode, Settings

_NAME = "answers"
_USUAL: AnswerMode = "generate"
_WORDS: dict[AnswerMode, str] = {"generate": "written", "quote": "quotes"}


def has_choice(settings: Settings) -> bool:
    """Whether answers can be written; where the settings ask for quotes, nothing goes to any endpoint."""
    return settings.has_endpoint and settings.answer_mode != "quote"


def mode_of(conversation_id: str, settings: Settings) -> AnswerMode:
    """Return how a conversation's next answer is made: as the address says, or as was last chosen in it."""
    if not has_choice(settings):
        return "quote"
    named = st.query_params.get(_NAME)
    if mode := next((mode for mode, word in _WORDS.items() if word == named), None):
        _kept()[conversation_id] = mode
        return mode
    mode = _kept().get(conversation_id, _USUAL)
    _put_in_address(mode)
    return mode


def choose_mode(conversation_id: str, mode: AnswerMode) -> None:
    """Have the next answers of a conversation made like this."""
    _kept()[conversation_id] = mode
    _put_in_address(mode)


def move_mode(old: str, new: str) -> None:
    """Give a conversation that has just begun what was chosen before its first question."""
    if old != new and old in _kept():
        _kept()[new] = _kept().pop(old)


def _kept() -> dict[str, AnswerMode]:
    kept: dict[str, AnswerMode] = st.session_state.setdefault("modes", {})
    return kept


def _put_in_address(mode: AnswerMode) -> None:
    if mode != _USUAL:
        st.query_params[_NAME] = _WORDS[mode]
    else:
        st.query_params.pop(_NAME, None)
