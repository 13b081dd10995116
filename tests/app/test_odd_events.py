"""What no page of ours sends: it leaves a line in the log at most, and neither a trace nor a broken app."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
import streamlit as st
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from app_pages.engine import close_engine, engine
from rag import Settings
from tests.helpers.app_server import Server, Tab

ACTIONS = (
    "ask stop strike forget limit mode remove restore take leave replace both dismiss cancel retry pause"
).split()
ODD = {
    "question": [1],
    "id": {"x": 1},
    "ids": 5,
    "number": 1e300,
    "key": [],
    "on": {},
    "mode": 3,
    "file": None,
    "sources": {"x": 1},
    "since": 5,
    "until": [],
    "articles": [None, 5],
}
VALUES = [None, 1, "ask", [], [[]], {"do": 1}, {"do": {}}]
VALUES += [{"do": do} for do in ACTIONS]
VALUES += [{"do": do, **ODD} for do in ACTIONS]
VALUES += [
    {"do": "take", "ids": [-1, 10**9]},
    {"do": "forget", "id": "\0' OR 1"},
    {"do": "remove", "id": "../x"},
]
NO_JSON = ["", "{", "ask", '{"event":' + "[" * 9_000]
ADDRESSES = ["c=%00", "c=../../x", f"c={'x' * 9_000}", "c=%ff%fe&c=2", "source=%00&since=99999-1-1&until=x"]
ADDRESSES += ["article=" + "&article=".join(map(str, range(2_000))), "debug=1&c=' OR 1", "&&=&=1;%"]
ARTICLE = ["d=%00", "d=../../etc/passwd", "d=x&v=%00&s=-1-99999999999999999999", f"d={'x' * 9_000}&s=x"]


@pytest.fixture
def server(running: Server) -> Server:
    return running


@pytest.fixture(autouse=True)
def _log_is_short(server: Server) -> Iterator[None]:
    before = server.log_file.stat().st_size
    yield
    told = server.log_file.read_bytes()[before:].decode()
    assert "Traceback" not in told
    assert not [line for line in told.splitlines() if line.startswith((" ", "\x1b"))]


@pytest.fixture
def tab(server: Server) -> Iterator[Tab]:
    with Tab(server) as tab:
        assert tab.show() == []
        yield tab


def is_closed(socket: ClientConnection) -> bool:
    try:
        while True:
            socket.recv(timeout=5)
    except ConnectionClosed:
        return True
    except TimeoutError:
        return False


def assert_it_works(server: Server) -> None:
    with Tab(server) as tab:
        assert tab.show() == []


def trigger(widget: str, sent: str) -> WidgetState:
    return WidgetState(id=f"$$STREAMLIT_INTERNAL_KEY_{widget}__events", json_trigger_value=sent)


@pytest.mark.parametrize("page", ["", "library", "quality", "article"])
def test_odd_events_of_a_view_change_nothing(tab: Tab, page: str):
    assert tab.show(page) == []
    views = [widget for widget, kind in tab.widgets.items() if kind == "bidi_component"]
    assert views
    for widget in views:
        for value in VALUES[:: 1 if "menu" not in widget else 5]:
            event = {"event": "event", "value": value}
            assert tab.show(page, state=trigger(widget, json.dumps(event))) == [], (widget, value)
    assert tab.show(page) == []


@pytest.mark.parametrize("sent", NO_JSON)
def test_what_is_no_json_gets_one_sentence(server: Server, tab: Tab, sent: str):
    widget = next(widget for widget, kind in tab.widgets.items() if kind == "bidi_component")
    errors = tab.show(state=trigger(widget, sent))
    assert len(errors) <= 1
    assert not any("rror:" in one for one in errors)
    assert_it_works(server)


def test_values_of_another_kind_get_one_sentence(server: Server):
    with Tab(server) as tab:
        tab.show()
        tab.show("library")
    for widget, kind in tab.widgets.items():
        for name, value in {
            "string_value": "x",
            "int_value": 5,
            "json_value": "{",
            "bytes_value": b"x",
        }.items():
            state = WidgetState(**{"id": widget, name: value})
            with Tab(server) as other:
                other.show()
                errors = other.show("" if kind == "chat_input" else "library", state=state)
            assert len(errors) <= 1
            assert not any("rror:" in one for one in errors)


@pytest.mark.parametrize("query", ADDRESSES)
def test_odd_addresses_show_the_chat(tab: Tab, query: str):
    assert tab.show(query=query) == []


@pytest.mark.parametrize("query", ARTICLE)
def test_odd_addresses_show_that_there_is_no_article(tab: Tab, query: str):
    assert tab.show("article", query=query) == []


@pytest.mark.parametrize("sent", ["text", b"\xff\xff\xff", b"\x0a\xff"])
def test_a_socket_is_closed_over_which_comes_no_message(server: Server, sent: str | bytes):
    before = server.log_file.stat().st_size
    with Tab(server) as tab:
        assert tab.show() == []
        tab.socket.send(sent)
        assert is_closed(tab.socket)
    assert_it_works(server)
    assert len(server.log_file.read_bytes()[before:].splitlines()) <= 1


def test_a_visitor_who_clears_the_cache_closes_nothing_for_the_others(
    tab: Tab, settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    tab.socket.send(BackMsg(clear_cache=True).SerializeToString())
    assert tab.show() == []
    monkeypatch.setenv("FOOTNOTE_DATA_DIR", str(settings.data_dir))
    monkeypatch.setenv("FOOTNOTE_CORPUS_DIR", str(settings.corpus_dir))
    close_engine()
    shared = engine()
    adding = shared.intake.begin("a text", 1, lambda *_: [])
    st.cache_resource.clear()
    st.cache_data.clear()
    assert engine() is shared
    assert adding.work.wait(20)
    assert shared.library.documents() == []
    close_engine()
