"""Questions under way: answered in their order, whoever looks, and never lost between two looks."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from app_pages.chat import page as chat
from app_pages.engine import close_engine
from app_pages.events import Event
from rag import Answer, Library, NewDocument, Progress, Sentence, Settings, Stage, Writing
from rag.conversations import Conversations
from rag.service.asking import STOPPED_BEFORE
from rag.service.engine import Engine
from rag.service.work import UNEXPECTED, Work

ROOT = Path(__file__).parents[2]


class Scripted:
    """An assistant that waits for a sign before each answer and remembers what it was given."""

    def __init__(self) -> None:
        self.signs: dict[str, threading.Event] = {}
        self.given: list[tuple[str, list[str]]] = []

    def stream(
        self, question: str, history: Sequence[Answer], stop: threading.Event, **_: Any
    ) -> Iterator[Stage | Sentence | Answer]:
        self.given.append((question, [answer.question for answer in history]))
        yield Stage("Reading")
        self.signs.get(question, _GO).wait(10)
        if question == "why":
            yield Stage("Asked as: why two")
        if question == "fail":
            raise ZeroDivisionError
        if question == "invent":
            yield Sentence("Written.", "written", ())
            yield Sentence("Quoted.", "quote", ())
            assert stop.wait(10)
            yield Answer(question, (Sentence("Quoted.", "quote", ()),), writing=Writing(sent=SENT))
        yield Answer(question, declined=f"No answer to {question}.")


_GO = threading.Event()
_GO.set()
SENT = (("user", "What is it?"),)


@pytest.fixture
def shared(library: Library) -> Iterator[Engine]:
    conversations = Conversations.open(library.settings)
    indexing = Work(lambda report: library.sync(library.settings.corpus_dir))
    yield Engine(library.settings, library, Scripted(), conversations, indexing, was_empty=False)
    conversations.close()


def questions(engine: Engine, conversation_id: str) -> list[str]:
    turns, asking = engine.conversation(conversation_id)
    return [turn.question for turn in turns] + [one.question for one in asking]


def test_a_question_is_shown_at_every_moment_and_stored_once(shared: Engine):
    shared.assistant.signs["one"] = threading.Event()
    conversation_id = shared.conversations.create()
    asking = shared.ask(conversation_id, "one")
    assert questions(shared, conversation_id) == ["one"]
    assert not asking.done
    shared.assistant.signs["one"].set()
    assert asking.wait(10)
    assert asking.turn == shared.conversations.turns(conversation_id)[0]
    assert questions(shared, conversation_id) == ["one"]


def test_a_question_answered_while_the_page_is_drawn_shows_its_answer(
    shared: Engine, monkeypatch: pytest.MonkeyPatch
):
    shown: list[dict[str, Any]] = []
    monkeypatch.setattr(chat, "show", lambda view, key, **data: shown.append(data) or Event.of({}))
    conversation_id = shared.conversations.create()
    read_before = shared.ask(conversation_id, "one")
    assert read_before.wait(10)
    chat._turns(shared, conversation_id, [], [read_before])
    assert [data["abstained"] for data in shown] == ["No answer to one."]


def test_questions_asked_at_once_are_answered_in_their_order_with_what_was_before(shared: Engine):
    shared.assistant.signs["one"] = threading.Event()
    conversation_id = shared.conversations.create()
    asked = [shared.ask(conversation_id, question) for question in ("one", "two", "three")]
    assert [one.number for one in asked] == [1, 2, 3]
    shared.assistant.signs["one"].set()
    assert all(one.wait(10) for one in asked)
    assert shared.assistant.given == [("one", []), ("two", ["one"]), ("three", ["one", "two"])]
    assert questions(shared, conversation_id) == ["one", "two", "three"]


def test_a_question_taken_as_typed_leaves_the_conversation_out(shared: Engine):
    conversation_id = shared.conversations.create()
    assert shared.ask(conversation_id, "one").wait(10)
    assert shared.ask(conversation_id, "two", alone=True).wait(10)
    assert shared.assistant.given[-1] == ("two", [])


def test_a_follow_up_leans_on_the_latest_turns_and_shows_at_once_as_what_it_is_asked(shared: Engine):
    conversation_id = shared.conversations.create()
    for number in range(8):
        assert shared.ask(conversation_id, f"question {number}").wait(10)
    asking = shared.ask(conversation_id, "why")
    assert asking.wait(10)
    assert shared.assistant.given[-1] == ("why", [f"question {number}" for number in range(2, 8)])
    assert (asking.asked_as, asking.stage) == ("why two", "Reading")


def test_a_failed_question_says_so_and_the_next_one_takes_its_number(shared: Engine):
    conversation_id = shared.conversations.create()
    failed = shared.ask(conversation_id, "fail")
    assert failed.wait(10)
    assert (failed.error, failed.turn) == (UNEXPECTED, None)
    assert questions(shared, conversation_id) == ["fail"]
    following = shared.ask(conversation_id, "two")
    assert following.wait(10)
    assert (following.number, following.turn.number) == (1, 1)
    assert questions(shared, conversation_id) == ["two"]


def test_a_forgotten_conversation_leaves_nothing_in_memory(shared: Engine):
    conversation_id = shared.conversations.create()
    assert shared.ask(conversation_id, "one").wait(10)
    shared.forget(conversation_id)
    assert questions(shared, conversation_id) == []


@pytest.fixture
def writing(shared: Engine) -> Engine:
    """An engine with an endpoint, so that answers may be written."""
    shared.settings = shared.settings.model_copy(update={"openai_base_url": "http://127.0.0.1:1/v1"})
    return shared


def wait_for(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_quotes_take_the_place_of_written_sentences_only_with_the_answer(writing: Engine):
    conversation_id = writing.conversations.create()
    asking = writing.ask(conversation_id, "invent")
    wait_for(lambda: asking.sentences)
    assert not asking.wait(0.1)
    assert [one.text for one in asking.sentences] == ["Written."]
    writing.stop(conversation_id, asking.number)
    assert asking.wait(10)
    assert [one.text for one in asking.turn.answer.sentences] == ["Quoted."]
    assert writing.sent(conversation_id, 1) == SENT


def test_where_quotes_are_asked_for_they_are_shown_as_they_come(writing: Engine):
    asking = writing.ask(writing.conversations.create(), "invent", mode="quote")
    assert not asking.may_write
    wait_for(lambda: len(asking.sentences) == 2)
    asking.stop()
    assert asking.wait(10)


def test_a_question_that_waits_is_stopped_at_once_and_the_others_go_on(writing: Engine):
    writing.assistant.signs["one"] = threading.Event()
    conversation_id = writing.conversations.create()
    first, second, third = (writing.ask(conversation_id, question) for question in ("one", "two", "three"))
    wait_for(lambda: second.stage == "Answering the earlier question first")
    assert second.stoppable
    started = time.monotonic()
    writing.stop(conversation_id, second.number)
    assert second.wait(10)
    assert time.monotonic() - started < 1
    assert (second.error, second.turn, first.done, third.done) == (STOPPED_BEFORE, None, False, False)
    assert questions(writing, conversation_id) == ["one", "two", "three"]
    writing.assistant.signs["one"].set()
    assert third.wait(10)
    assert [question for question, _ in writing.assistant.given] == ["one", "three"]
    # The next one has taken its number.
    assert questions(writing, conversation_id) == ["one", "three"]


def test_a_question_for_quotes_can_be_stopped_only_while_it_waits_and_where_it_takes_long(shared: Engine):
    shared.assistant.signs = {"one": threading.Event(), "two": threading.Event()}
    conversation_id = shared.conversations.create()
    first, second = (shared.ask(conversation_id, question) for question in ("one", "two"))
    assert second.stoppable
    shared.assistant.signs["one"].set()
    wait_for(lambda: second.stage == "Reading")
    assert [first.stoppable, second.stoppable] == [False, False]
    wait_for(lambda: second.stoppable)
    second.stop()
    assert second.stopping
    shared.assistant.signs["two"].set()
    assert second.wait(10)


def test_a_question_before_a_first_library_is_filled_is_stopped_at_once(library: Library):
    conversations, read = Conversations.open(library.settings), threading.Event()
    indexing = Work(lambda _: read.wait(10))
    engine = Engine(library.settings, library, Scripted(), conversations, indexing, was_empty=True)
    asking = engine.ask(conversations.create(), "one")
    asking.stop()
    assert asking.wait(1)
    assert asking.error == STOPPED_BEFORE
    read.set()
    indexing.wait(10)
    conversations.close()


def test_a_conversation_deleted_while_it_is_written_stays_deleted(writing: Engine):
    conversation_id = writing.conversations.create()
    asking = writing.ask(conversation_id, "invent")
    wait_for(lambda: asking.sentences)
    writing.forget(conversation_id)
    assert asking.wait(10)
    assert not writing.conversations.exists(conversation_id)
    assert writing.sent(conversation_id, 1) == ()


def test_what_was_sent_is_shown_no_more_when_an_article_in_it_is_gone(writing: Engine):
    (added,) = writing.library.add([NewDocument("The ship.", key="ship")]).added
    read = ((added.id, added.version),)
    answer = Answer("Why?", declined="No.", writing=Writing(read=read, sent=SENT))
    writing.store("one", "Why?", answer)
    assert writing.sent("one", 1) == SENT
    writing.library.remove(added.id)
    assert writing.sent("one", 1) == ()


def test_a_question_waits_until_a_first_library_is_filled(library: Library):
    conversations, read = Conversations.open(library.settings), threading.Event()

    def index(report) -> None:
        report(Progress(2, 15, "ship.md"))
        read.wait(10)

    indexing = Work(index)
    engine = Engine(library.settings, library, Scripted(), conversations, indexing, was_empty=True)
    asking = engine.ask(conversations.create(), "one")
    assert not asking.wait(0.3)
    assert asking.stage == "Waiting until the articles are read, 2 of 15"
    read.set()
    assert asking.wait(10)
    assert asking.turn is not None
    conversations.close()


def test_texts_are_read_once_and_a_new_version_is_read_anew(shared: Engine):
    (added,) = shared.library.add([NewDocument("The ship.", key="ship")]).added
    first = shared.document(added.id, added.version)
    assert shared.document(added.id, added.version) is first
    (updated,) = shared.library.add([NewDocument("The king.", key="ship")]).updated
    assert shared.document(updated.id, updated.version).text == "The king."


def test_a_library_of_a_newer_version_is_one_sentence_and_stays_as_it_is(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    settings.data_dir.mkdir()
    catalog = settings.data_dir / "catalog.sqlite3"
    connection = sqlite3.connect(catalog)
    connection.executescript("PRAGMA journal_mode = WAL; PRAGMA user_version = 99;")
    connection.close()
    before = catalog.read_bytes()
    monkeypatch.setenv("FOOTNOTE_DATA_DIR", str(settings.data_dir))
    close_engine()
    app = AppTest.from_file(str(ROOT / "app_pages" / "script.py"), default_timeout=60).run()
    assert not app.exception
    header, failure = (json.loads(one.proto.json) for one in app.get("bidi_component"))
    assert [page["title"] for page in header["pages"]] == ["Chat", "Library", "Quality"]
    assert (failure["view"], failure["tone"]) == ("line", "alert")
    assert "was written by a newer Footnote" in failure["text"]
    assert catalog.read_bytes() == before


@pytest.mark.parametrize("conversation", ["a__b", "_", "a-b_c__"])
def test_a_conversation_of_any_id_is_shown(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, conversation: str
):
    conversations = Conversations.open(settings)
    conversations.append(conversation, "Why?", Answer("Why?", declined="No."))
    conversations.close()
    monkeypatch.setenv("FOOTNOTE_DATA_DIR", str(settings.data_dir))
    monkeypatch.setenv("FOOTNOTE_CORPUS_DIR", str(settings.corpus_dir))
    close_engine()
    app = AppTest.from_file(str(ROOT / "app_pages" / "script.py"), default_timeout=60)
    app.query_params["c"] = conversation
    app.run()
    shown = [json.loads(one.proto.json) for one in app.get("bidi_component")]
    assert "Why?" in [view.get("question") for view in shown]
    close_engine()
