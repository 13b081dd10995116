"""What is on the screen in words: dates, sizes, names, and an answer as the browser is given it."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from app_pages.chat import turn as views
from app_pages.chat.turn import CHANGED, GONE, QUOTE_CHANGED, QUOTE_GONE
from app_pages.wording import collection, day, file_name, kind, origin, short_day, source_name, title
from rag import (
    Answer,
    Assistant,
    Citation,
    Document,
    Hit,
    Library,
    NewDocument,
    Passage,
    Sentence,
)
from rag.answers import ListPart
from rag.conversations import Conversations, Turn
from rag.documents import Cell
from rag.service.asking import Asking
from rag.service.engine import Engine
from rag.service.work import Work


def document(**values: object) -> Document:
    empty = {
        "id": "d", "version": "v", "key": "", "title": "", "source": "", "url": "", "published": None,
        "author": "", "language": "", "media_type": "text/plain", "added": datetime(2026, 1, 1, tzinfo=UTC),
        "characters": 0, "words": 0, "passages": 0,
    }  # fmt: skip
    return Document(**{**empty, **values})


def test_days_are_written_out_and_shortened():
    assert (day(date(2023, 10, 2)), short_day(date(2023, 10, 2))) == ("2 October 2023", "2 Oct 2023")
    assert (day(None), short_day(None)) == ("", "")


def test_a_document_is_called_by_its_title_or_what_stands_for_it():
    assert title(document(title="Ships", key="upload:a.md")) == "Ships"
    assert title(document(key="corpus:news/a.md")) == "a.md"
    assert title(document(key="sha256:1234")) == "Untitled article"
    assert file_name(document(key="https://example.org/a.md")) == ""


def test_kinds_have_names():
    assert [kind(document(media_type=m)) for m in ("text/markdown", "text/html", "application/pdf")] == [
        "Markdown",
        "HTML",
        "PDF",
    ]


def test_a_source_is_named_as_far_as_it_is_known():
    known = document(title="Ships", source="Courier", published=date(2023, 10, 2))
    assert origin(known) == ["Courier", "2 October 2023"]
    assert source_name(Citation(2, known, "v", 0, 1, "T")) == "Source 2: Ships, 2 October 2023"
    assert source_name(Citation(1, document(title="Ships"), "v", 0, 1, "T")) == "Source 1: Ships"


def test_the_collection_in_one_line_leaves_out_what_is_not_known():
    one = document(published=date(2019, 1, 1), source="Courier")
    two = document(published=date(2026, 1, 1), source="Gazette")
    assert collection([one, two]) == "2 articles, 2019 to 2026, 2 publishers"
    assert collection([one]) == "1 article, 2019, 1 publisher"
    assert collection([document()]) == "1 article"


@pytest.fixture
def shared(library: Library) -> Engine:
    """An engine on a library with one article and nothing to index."""
    library.add([NewDocument("The ship is in the harbour. It is old.", title="Ships", key="ship")])
    engine = Engine(
        library.settings,
        library,
        Assistant(library, library.settings),
        Conversations.open(library.settings),
        Work(lambda report: library.sync(library.settings.corpus_dir)),
        was_empty=False,
    )
    engine.indexing.wait(10)
    yield engine
    engine.conversations.close()


def answered(engine: Engine, *, question: str = "Where?", asked_as: str = "Where?") -> Turn:
    held = next(iter(engine.documents().values()))
    citation = Citation(1, held, held.version, 0, 27, "The ship is in the harbour.")
    sentence = Sentence(citation.quote, "quote", (citation,))
    answer = Answer(asked_as, (sentence,), seconds=0.01)
    return Turn(1, question, answer, datetime(2026, 1, 1, tzinfo=UTC))


def test_an_answer_shows_its_source_with_the_words_around_the_quote(shared: Engine):
    shown = views.finished_turn(answered(shared), "c1", shared, shared.documents())
    (source,) = shown["sources"]
    assert (source["before"], source["quote"], source["after"]) == (
        "",
        "The ship is in the harbour.",
        " It is old.",
    )
    assert source["state"] == ""
    (note,) = shown["sentences"][0]["notes"]
    assert (note["number"], note["name"]) == (1, "Source 1: Ships")
    assert note["href"].endswith("&s=0-27&c=c1")
    assert shown["summary"] == "1 place in 1 article · 0.1 s"
    assert shown["copy"] == ("The ship is in the harbour. [1]\n\n[1] Ships: “The ship is in the harbour.”")


def test_a_quote_that_is_held_only_by_the_conversation_says_what_became_of_its_source(shared: Engine):
    turn = answered(shared)
    shared.library.add([NewDocument("The ship has sailed.", title="Ships", key="ship")])
    changed = views.finished_turn(turn, "c1", shared, shared.documents())["sources"][0]
    assert (changed["state"], changed["quote"], changed["after"]) == (
        CHANGED,
        "The ship is in the harbour.",
        "",
    )
    shared.library.remove(turn.answer.citations[0].document.id)
    gone = views.finished_turn(turn, "c1", shared, shared.documents())["sources"][0]
    assert (gone["state"], gone["quote"]) == (GONE, "The ship is in the harbour.")


def stored(engine: Engine) -> str:
    conversation = engine.conversations.create()
    engine.store(conversation, "Where?", answered(engine).answer)
    return conversation


def assert_blank(engine: Engine, conversation: str, state: str, note: str) -> None:
    [turn] = engine.conversations.turns(conversation)
    shown = views.finished_turn(turn, conversation, engine, engine.documents())
    (sentence,), (source,) = shown["sentences"], shown["sources"]
    assert shown["question"] == "Where?"
    assert (sentence["text"], sentence["blank"]) == ("", note)
    assert (sentence["notes"][0]["number"], sentence["notes"][0]["blank"]) == (1, note)
    assert (source["title"], source["state"], source["quote"], source["blank"]) == ("Ships", state, "", note)
    assert shown["copy"] == f"{note} [1]\n\n[1] Ships: {note}"


def test_a_blanked_quote_says_why_and_keeps_its_number(shared: Engine):
    conversation = stored(shared)
    [held] = shared.documents()
    shared.library.remove(held)
    assert_blank(shared, conversation, GONE, QUOTE_GONE)
    shared.library.add([NewDocument("The ship has sailed.", title="Ships", key="ship")])
    assert_blank(shared, conversation, CHANGED, QUOTE_CHANGED)


def test_a_quote_does_not_come_back_with_its_article(shared: Engine):
    conversation = stored(shared)
    [held] = shared.documents()
    shared.library.remove(held)
    shared.library.add([NewDocument("The ship is in the harbour. It is old.", title="Ships", key="ship")])
    assert_blank(shared, conversation, "", QUOTE_GONE)


def test_a_completed_question_is_shown_and_one_as_typed_is_not(shared: Engine):
    completed = answered(shared, question="And where?", asked_as="Where is the ship?")
    typed = answered(shared, question=" Where? ", asked_as="Where?")
    documents = shared.documents()
    assert views.finished_turn(completed, "c1", shared, documents)["asked_as"] == "Where is the ship?"
    assert views.finished_turn(typed, "c1", shared, documents)["asked_as"] == ""


def test_a_table_row_is_shown_by_its_cells_whatever_signs_they_hold(shared: Engine):
    turn = answered(shared)
    cells = (Cell("Time", "10:30 · at noon"), Cell("", "Talks: the first"), Cell("Outcome", "none"))
    row = Sentence(" · ".join(map(str, cells)), "row", turn.answer.citations, cells=cells)
    turn = Turn(1, "When?", Answer("When?", (row,)), turn.asked)
    shown = views.finished_turn(turn, "c1", shared, shared.documents())["sentences"][0]
    assert shown["cells"] == [
        {"label": "Time", "value": "10:30 · at noon"},
        {"label": "", "value": "Talks: the first"},
        {"label": "Outcome", "value": "none"},
    ]
    assert not shown["quoted"]


def test_the_words_that_answer_are_set_first_and_marked_where_they_stand(shared: Engine):
    turn = answered(shared)
    text = turn.answer.citations[0].quote
    quote = Sentence(text, "quote", turn.answer.citations, marked=(12, len(text) - 1))
    turn = Turn(1, "Where?", Answer("Where?", (quote,), has_short=True), turn.asked)
    shown = views.finished_turn(turn, "c1", shared, shared.documents())
    assert shown["short"] == "in the harbour"
    assert shown["sentences"][0]["marked"] == ["The ship is ", "in the harbour", "."]


def test_a_copied_list_has_a_line_for_each_item(shared: Engine):
    turn = answered(shared)
    parts: tuple[tuple[ListPart, str], ...] = (
        ("", "It is so."),
        ("", "So."),
        ("lead", "They are:"),
        ("item", "a"),
    )
    sentences = tuple(
        Sentence(text, "written", turn.answer.citations, part)
        for part, text in (*parts, ("item", "b"), ("", "End."))
    )
    answer = Answer("What?", sentences)
    copied = views.finished_turn(Turn(1, "What?", answer, turn.asked), "c1", shared, shared.documents())[
        "copy"
    ]
    assert copied.splitlines()[:4] == [
        "It is so. [1] So. [1] They are: [1]",
        "- a [1]",
        "- b [1]",
        "End. [1]",
    ]


def test_a_declined_question_offers_only_passages_that_are_still_there(shared: Engine):
    held = next(iter(shared.documents().values()))
    hits = tuple(
        Hit(one, Passage("p", one.id, 0, 8, "The ship"), 0.5) for one in (held, document(id="removed"))
    )
    answer = Answer("Why?", declined="The collection doesn't say.", related=hits)
    shown = views.finished_turn(
        Turn(1, "Why?", answer, datetime(2026, 1, 1, tzinfo=UTC)), "c1", shared, shared.documents()
    )
    assert (shown["abstained"], shown["sentences"], shown["sources"]) == (
        "The collection doesn't say.",
        [],
        [],
    )
    assert [one["title"] for one in shown["related"]] == ["Ships"]


def test_a_question_under_way_says_its_stage_and_a_failed_one_why(shared: Engine):
    asking = Asking(shared, "c1", " ", 1, alone=False, after=())
    assert asking.wait(10)
    shown = views.pending_turn(asking, "c1")
    assert shown["stage"] == ""
    assert shown["error"] == "The question is empty: ask something about the articles."
