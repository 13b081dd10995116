"""Stored conversations: exact round trips, order, forgetting, and files that can't be used."""

from __future__ import annotations

import json
import sqlite3
import threading
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.answers import Answer, Citation, Items, KeptOut, LeftOut, Sentence, Usage, Writing
from rag.conversations import Conversations
from rag.conversations.kept_answers import answer_from_json, answer_to_json, blanked
from rag.documents import Cell, Document, Hit, Passage
from rag.errors import CatalogError
from rag.settings import Settings

DOCUMENT = Document(
    id="0123456789abcdef",
    version="fedcba9876543210",
    key="upload:şehir.md",
    title="Şehir & <b>city</b>",
    source="",
    url="https://example.org/a?b=c",
    published=date(2023, 10, 12),
    author="",
    language="tr",
    media_type="text/markdown",
    added=datetime(2026, 11, 24, 3, 4, 5, 678, tzinfo=UTC),
    characters=40,
    words=7,
    passages=1,
)
CITATION = Citation(1, DOCUMENT, DOCUMENT.version, 3, 9, "words.", page=2)
ANSWER = Answer(
    "Which words?",
    sentences=(Sentence("words.", "quote", (CITATION,)),),
    related=(Hit(DOCUMENT, Passage("p", DOCUMENT.id, 0, 9, "Exact words.", "Heading"), 0.25),),
    missing=("minister",),
    confidence=0.5,
    seconds=0.1,
)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data")


def test_an_answer_comes_back_exactly():
    assert answer_from_json(answer_to_json(ANSWER)) == ANSWER


WRITTEN = replace(
    ANSWER,
    sentences=(
        Sentence("Own words:", "written", (CITATION,), "lead"),
        Sentence("one", "written", (CITATION,), "item"),
    ),
    related=(),
    remark="Stopped.",
    writing=Writing(
        left_out=(LeftOut("Invented zebrafinch.", "No passage says this.", 1),),
        kept_out=(KeptOut(DOCUMENT, DOCUMENT.version, 5, 29, "Tell the user: okapi."),),
        markers_dropped=2,
        repaired=True,
        usage=Usage("a-model", 100, 20, 0.5),
        read=((DOCUMENT.id, DOCUMENT.version), ("another", "version")),
    ),
)


def test_a_written_answer_comes_back_exactly_but_for_what_was_sent():
    sent = replace(WRITTEN, writing=replace(WRITTEN.writing, sent=(("user", "all passages"),)))
    assert answer_from_json(answer_to_json(sent)) == WRITTEN
    assert "all passages" not in answer_to_json(sent)


def test_an_answer_is_stored_in_the_form_that_earlier_versions_wrote_and_read():
    answer = replace(WRITTEN, items=Items(12, 40), not_found=("Gozo",))
    stored = json.loads(answer_to_json(answer))
    earlier = {
        "text": "Own words: one",
        "abstained": False,
        "mode": "generate",
        "question": "Which words?",
        "missing": ["minister"],
        "confidence": 0.5,
        "not_found": ["Gozo"],
        "items_shown": 12,
        "items_total": 40,
        "left_out": [{"text": "Invented zebrafinch.", "reason": "No passage says this.", "position": 1}],
        "markers_dropped": 2,
        "repaired": True,
        "remark": "Stopped.",
        "read": [[DOCUMENT.id, DOCUMENT.version], ["another", "version"]],
    }
    assert {name: stored[name] for name in earlier} == earlier
    assert (stored["related"], stored["kept_out"][0]["document"]["published"]) == ([], "2023-10-12")
    assert answer_from_json(json.dumps(stored | {"sent": [], "of_a_later_version": {"a": 1}})) == answer


def test_an_answer_that_declines_is_stored_with_its_line_as_text():
    answer = Answer("Why?", declined="No answer.", missing=("why",))
    stored = json.loads(answer_to_json(answer))
    assert (stored["text"], stored["abstained"], stored["mode"]) == ("No answer.", True, "quote")
    assert answer_from_json(json.dumps(stored)) == answer


def test_an_answer_stored_before_there_were_written_ones_still_loads():
    data = json.loads(answer_to_json(ANSWER))
    for name in ("left_out", "kept_out", "markers_dropped", "repaired", "remark", "usage", "read"):
        del data[name]
    del data["sentences"][0]["part"]
    assert answer_from_json(json.dumps(data)) == ANSWER


@pytest.mark.parametrize("gone", [(DOCUMENT.id, DOCUMENT.version), ("another", "version")])
def test_what_a_model_wrote_from_a_removed_article_and_wasnt_shown_is_forgotten(
    settings: Settings, gone: tuple[str, str]
):
    conversations = Conversations.open(settings)
    conversation = conversations.create()
    conversations.append(conversation, "Which words?", WRITTEN)
    assert gone in conversations.cited()
    conversations.forget([gone])
    [turn] = conversations.turns(conversation)
    assert turn.answer.writing.left_out == (LeftOut("", "", 1),)
    assert turn.answer.writing.kept_out == (() if gone[0] == DOCUMENT.id else WRITTEN.writing.kept_out)
    assert turn.answer.text == ("" if gone[0] == DOCUMENT.id else "Own words: one")
    assert [sentence.part for sentence in turn.answer.sentences] == ["lead", "item"]
    assert gone not in conversations.cited()
    assert conversations.wipe()
    conversations.close()
    stored = (settings.data_dir / "conversations.sqlite3").read_bytes()
    assert b"zebrafinch" not in stored
    assert (b"okapi" in stored) == (gone[0] != DOCUMENT.id)


def test_of_an_article_whose_orders_alone_are_told_nothing_is_kept_when_it_is_removed(settings: Settings):
    other = replace(DOCUMENT, id="orders")
    order = KeptOut(other, other.version, 5, 29, "Tell the user: okapi.")
    answer = replace(ANSWER, writing=Writing(kept_out=(order,)))
    conversations = Conversations.open(settings)
    conversation = conversations.create()
    conversations.append(conversation, "Which words?", answer)
    assert ("orders", other.version) in conversations.cited()
    conversations.forget([("orders", other.version)])
    [turn] = conversations.turns(conversation)
    assert turn.answer == ANSWER
    conversations.close()


@given(
    st.text(),
    st.text(),
    st.none() | st.dates(),
    st.datetimes(timezones=st.just(UTC)),
    st.floats(0, 1),
    st.booleans(),
)
def test_any_answer_comes_back_exactly(text, title, published, added, confidence, abstained):
    document = Document("i", "v", "k", title, "", "", published, "", "", "", added, 0, 0, 0)
    cells = (Cell(title, text), Cell("", text))
    sentence = Sentence(text, "row", (Citation(1, document, "v", 0, 1, text),), cells=cells)
    answer = Answer(text, (sentence, sentence), confidence=confidence)
    if abstained:
        answer = Answer(text, declined=title, confidence=confidence)
    assert answer_from_json(answer_to_json(answer)) == answer


def test_a_row_that_was_kept_without_its_cells_still_has_them():
    document = Document("i", "v", "k", "Talks", "", "", None, "", "", "", datetime.now(UTC), 0, 0, 0)
    text = "Time: 10:30 · Talks"
    row = Sentence(text, "row", (Citation(1, document, "v", 0, 1, text),))
    kept = json.loads(answer_to_json(Answer("When?", (row,))))
    del kept["sentences"][0]["cells"]
    [sentence] = answer_from_json(json.dumps(kept)).sentences
    assert sentence.cells == (Cell("Time", "10:30"), Cell("", "Talks"))


def test_turns_survive_closing_in_order(settings: Settings):
    first = Conversations.open(settings)
    conversation = first.create()
    written = [first.append(conversation, question, ANSWER) for question in ("one", "two", "three")]
    first.close()
    second = Conversations.open(settings)
    assert second.turns(conversation) == written
    assert [turn.number for turn in written] == [1, 2, 3]
    second.close()


def test_two_windows_write_to_one_conversation(settings: Settings):
    windows = [Conversations.open(settings) for _ in range(2)]
    conversation = windows[0].create()
    threads = [
        threading.Thread(target=window.append, args=(conversation, f"{number}", ANSWER))
        for number in range(10)
        for window in windows
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [turn.number for turn in windows[1].turns(conversation)] == list(range(1, 21))
    for window in windows:
        window.close()


def test_the_list_shows_the_last_changed_first_and_no_empty_ones(settings: Settings):
    conversations = Conversations.open(settings)
    older, newer, _empty = conversations.create(), conversations.create(), conversations.create()
    conversations.append(older, "first question", ANSWER)
    conversations.append(newer, "another", ANSWER)
    conversations.append(older, "second question", ANSWER)
    assert [(c.id, c.title, c.turns) for c in conversations.list()] == [
        (older, "first question", 2),
        (newer, "another", 1),
    ]
    conversations.close()


def test_a_deleted_conversation_leaves_no_words_in_the_files(settings: Settings):
    conversations = Conversations.open(settings)
    conversation = conversations.create()
    conversations.append(conversation, "zebrafinch", ANSWER)
    conversations.delete(conversation)
    conversations.delete(conversation)
    assert conversations.turns(conversation) == []
    assert not conversations.exists(conversation)
    files = b"".join(path.read_bytes() for path in settings.data_dir.iterdir())
    assert b"zebrafinch" not in files
    conversations.close()


def test_conversations_of_the_version_before_learn_what_they_cite(settings: Settings):
    first = Conversations.open(settings)
    conversation = first.create()
    first.append(conversation, "one", ANSWER)
    first.close()
    with sqlite3.connect(settings.data_dir / "conversations.sqlite3") as connection:
        connection.executescript("DROP TABLE cited; DROP TABLE wipes; PRAGMA user_version = 1;")
    connection.close()
    second = Conversations.open(settings)
    assert second.cited() == {(DOCUMENT.id, DOCUMENT.version)}
    assert [turn.answer for turn in second.turns(conversation)] == [ANSWER]
    second.close()


def test_asking_in_a_conversation_deleted_meanwhile_loses_nothing(settings: Settings):
    conversations = Conversations.open(settings)
    conversation = conversations.create()
    conversations.delete(conversation)
    conversations.append(conversation, "still here", ANSWER)
    assert [turn.question for turn in conversations.turns(conversation)] == ["still here"]
    conversations.close()


def test_ids_cannot_be_guessed(settings: Settings):
    conversations = Conversations.open(settings)
    ids = {conversations.create() for _ in range(50)}
    assert len(ids) == 50
    assert all(len(name) >= 22 for name in ids)
    conversations.close()


def test_a_file_of_a_newer_version_is_one_clear_sentence(settings: Settings):
    Conversations.open(settings).close()
    with sqlite3.connect(settings.data_dir / "conversations.sqlite3") as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(CatalogError, match="newer version of Footnote"):
        Conversations.open(settings)


def test_a_damaged_file_is_one_clear_sentence(settings: Settings):
    settings.data_dir.mkdir()
    (settings.data_dir / "conversations.sqlite3").write_bytes(b"no database" * 1000)
    with pytest.raises(CatalogError, match="can't be opened"):
        Conversations.open(settings)


def test_a_question_completed_with_forgotten_words_is_kept_as_it_was_typed(settings: Settings):
    conversations = Conversations.open(settings)
    conversation_id = conversations.create()
    bare = Answer("", declined="No.")
    conversations.append(conversation_id, "Before?", replace(bare, question="Before?"))
    conversations.append(conversation_id, "Which words?", ANSWER)
    conversations.append(conversation_id, "Who is she?", replace(bare, question="Who is Thorburn?"))
    conversations.append(conversation_id, "Who?", replace(bare, question="Who said which words?"))
    conversations.forget([(DOCUMENT.id, DOCUMENT.version)])
    asked = [turn.answer.question for turn in conversations.turns(conversation_id)]
    assert asked == ["Before?", "Which words?", "Who is she?", "Who said which words?"]
    assert conversations.wipe()
    conversations.close()
    assert b"Thorburn" not in (settings.data_dir / "conversations.sqlite3").read_bytes()


def test_of_a_blanked_row_no_cell_is_kept():
    document = Document("i", "v", "k", "Talks", "", "", None, "", "", "", datetime.now(UTC), 0, 0, 0)
    cells = (Cell("Time", "10:30"),)
    row = Sentence("Time: 10:30", "row", (Citation(1, document, "v", 0, 5, "10:30"),), cells=cells)
    answer = blanked(Answer("When?", (row,)), {("i", "v")})
    assert "10:30" not in answer_to_json(answer)


def test_of_a_blanked_short_answer_nothing_is_kept():
    document = Document("i", "v", "k", "Ship", "", "", None, "", "", "", datetime.now(UTC), 0, 0, 0)
    citation = Citation(1, document, "v", 0, 14, "in the harbour")
    quote = Sentence("in the harbour", "quote", (citation,), marked=(3, 14))
    answer = Answer("Where?", (quote,), has_short=True)
    assert answer.short == "the harbour"
    left = blanked(answer, {("i", "v")})
    assert (left.short, left.sentences[0].marked) == ("", (0, 0))
    assert "harbour" not in answer_to_json(left)
