"""What is chosen for the next questions of a conversation.

The address is the truth, so a reload and a shared link do what they show. The session remembers it for the
way back from an article or another page.
"""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

Values = dict[str, list[str]]
"""What stands in an address under each name."""


def chosen(conversation_id: str, *names: str) -> Values:
    """Return what the address says under these names, or what this session last chose in the conversation."""
    values = {name: st.query_params.get_all(name) for name in names}
    if any(values.values()):
        _kept().setdefault(conversation_id, {}).update(values)
        return values
    kept = _kept().get(conversation_id, {})
    values = {name: kept.get(name, []) for name in names}
    _put_in_address(values)
    return values


def choose(conversation_id: str, values: Mapping[str, list[str]]) -> None:
    """Have these stand in the address, and remember them for the conversation."""
    _kept().setdefault(conversation_id, {}).update(values)
    _put_in_address(values)


def move_chosen(old: str, new: str) -> None:
    """Give a conversation that has just begun what was chosen before its first question."""
    if old != new and old in _kept():
        _kept()[new] = _kept().pop(old)


def _kept() -> dict[str, Values]:
    kept: dict[str, Values] = st.session_state.setdefault("chosen", {})
    return kept


def _put_in_address(values: Mapping[str, list[str]]) -> None:
    for name, value in values.items():
        if st.query_params.get_all(name) != value:
            st.query_params[name] = value
            if not value:
                st.query_params.pop(name, None)
