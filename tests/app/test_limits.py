"""What an address limits the search to, and where it is kept."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from app_pages.chat.limits import _filters
from rag import Filters

ROOT = Path(__file__).parents[2]


def page() -> None:
    import streamlit as st

    from app_pages.chat.chosen import move_chosen
    from app_pages.chat.limits import limit, limits
    from rag import Filters

    conversation = st.query_params.get("c", "")
    if st.query_params.get("do") == "clear":
        del st.query_params["do"]
        limit(conversation, Filters())
    if st.query_params.get("do") == "begin":
        move_chosen("", conversation)
    st.text(limits(conversation).in_words({}))


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> AppTest:
    monkeypatch.syspath_prepend(ROOT)
    return AppTest.from_function(page)


def shown(app: AppTest, **address: str | list[str]) -> str:
    app.query_params.clear()
    for name, value in address.items():
        app.query_params[name] = value
    app.run()
    assert not app.exception
    return str(app.text[0].value)


def test_the_address_limits_and_the_session_remembers_it_for_the_way_back(app: AppTest):
    assert shown(app, c="one", source=["The Age", "Gazette"], since="2023-01-01") == (
        "The Age, Gazette, since 2023"
    )
    assert shown(app, c="two") == ""
    assert shown(app, c="one") == "The Age, Gazette, since 2023"
    assert app.query_params["source"] == ["The Age", "Gazette"]
    assert shown(app, c="one", do="clear", source="The Age") == ""
    assert shown(app, c="one") == ""


def test_what_is_chosen_before_the_first_question_goes_along_with_it(app: AppTest):
    assert shown(app, source="Gazette") == "Gazette"
    assert shown(app, c="one", do="begin") == "Gazette"
    assert shown(app) == ""


def test_an_address_that_was_edited_by_hand_is_read_as_far_as_it_can_be():
    assert _filters([], "soon", None, []) == Filters()
    assert _filters(["A"], "2024-01-01", "2023-01-01", []) == Filters(
        ["A"], date(2023, 1, 1), date(2024, 1, 1)
    )
