"""Filters: what is left out is found by nothing, and nothing left is said."""

from __future__ import annotations

import json
from datetime import date

import pytest

from rag import Assistant, Filters, Library, NewDocument, QuestionError, Settings
from rag.answers import EMPTY_COLLECTION, NO_ANSWER, NO_ANSWER_AMONG_THESE
from rag.cli.commands import main
from rag.conversations.kept_answers import answer_from_json, answer_to_json

DOCUMENTS = [
    NewDocument("The ship of the king.", title="A", key="age", source="The Age", published=date(2023, 5, 1), language="en"),
    NewDocument("The ship of the queen.", title="B", key="gazette", source="Gazette", published=date(2024, 5, 1), language="de"),
    NewDocument("The ship of the cook.", title="C", key="undated", source="Gazette", language="en"),
    NewDocument("Bread from Zenda.", title="D", key="bread", source="The Age", published=date(2024, 1, 1), language="en"),
]  # fmt: skip


@pytest.fixture
def ships(library: Library) -> Library:
    library.add(DOCUMENTS)
    return library


def found(library: Library, filters: Filters, question: str = "Which ship is it?") -> set[str]:
    return {hit.document.key for hit in library.search(question, filters=filters)}


@pytest.mark.parametrize(
    ("filters", "keys"),
    [
        (Filters(), {"age", "gazette", "undated", "bread"}),
        (Filters(sources=["The Age"]), {"age", "bread"}),
        (Filters(sources="The Age"), {"age", "bread"}),
        (Filters(sources=["The Age", "Gazette"], languages=["en"]), {"age", "undated", "bread"}),
        (Filters(since=date(2024, 1, 1)), {"gazette", "bread"}),
        (Filters(until=date(2023, 12, 31)), {"age"}),
        (Filters(since=date(2023, 5, 1), until=date(2023, 5, 1)), {"age"}),
        (Filters(languages=["de"]), {"gazette"}),
        (Filters(document_ids=["unknown"]), set()),
        (Filters(sources=["Gazette"], until=date(2020, 1, 1)), set()),
    ],
)
def test_only_what_passes_all_filters_is_found(ships: Library, filters: Filters, keys: set[str]):
    assert found(ships, filters) == keys


def test_one_document_can_be_searched_by_its_id(ships: Library):
    [bread] = [document for document in ships.documents() if document.key == "bread"]
    assert found(ships, Filters(document_ids=[bread.id])) == {"bread"}


def test_what_is_found_by_its_words_alone_passes_filters_too(ships: Library):
    hits = ships.search("Zenda", filters=Filters(sources=["The Age"]))
    assert hits[0].document.key == "bread"
    assert "bread" not in found(ships, Filters(sources=["Gazette"]), "Zenda")


def test_a_retriever_keeps_to_its_filters(ships: Library):
    retriever = ships.as_retriever(filters=Filters(sources=["Gazette"]))
    assert {one.metadata["source"] for one in retriever.invoke("Which ship is it?")} == {"Gazette"}


def test_days_in_the_wrong_order_are_told():
    with pytest.raises(QuestionError, match="2024-01-02, comes after the last, 2024-01-01: exchange the two"):
        Filters(since=date(2024, 1, 2), until=date(2024, 1, 1))


def test_many_articles_of_a_large_library_are_searched_like_few(
    library: Library, monkeypatch: pytest.MonkeyPatch
):
    library.add(
        NewDocument(f"Ship number {i} of the king.", key=str(i), source="odd" if i % 2 else "even")
        for i in range(40)
    )
    questions = [f"Which is ship number {i}?" for i in (7, 12)]
    slow = [library.search(question, filters=Filters(sources=["odd"])) for question in questions]
    monkeypatch.setattr("rag.search.retrieval.WIDE", 5)
    monkeypatch.setattr("rag.search.retrieval.CANDIDATES", 10)
    monkeypatch.setattr("rag.search.retrieval._READ_FOR_ONE", 0)
    quick = [library.search(question, filters=Filters(sources=["odd"])) for question in questions]
    assert [hits[0].document for hits in quick] == [hits[0].document for hits in slow]
    assert {hit.document.source for hits in quick for hit in hits} == {"odd"}


def test_filters_that_leave_nothing_are_named_and_nothing_is_related(ships: Library, settings: Settings):
    assistant = Assistant(ships, settings)
    nothing = Filters(["Nobody"], date(2023, 1, 1), date(2023, 12, 31))
    answer = assistant.ask("Which ship is it?", filters=nothing)
    assert answer.text == "No article matches the filters (Nobody, 2023): clear them or choose others."
    assert answer.abstained
    assert answer.related == ()
    assert answer.missing == ()
    assert assistant.as_runnable(filters=nothing).invoke("Which ship is it?").text == answer.text


def test_an_empty_collection_is_told_from_filters_that_leave_nothing(library: Library, settings: Settings):
    answer = Assistant(library, settings).ask("Which ship is it?", filters=Filters(["Nobody"]))
    assert answer.text == EMPTY_COLLECTION


def test_of_the_articles_that_pass_the_filters_alone_it_is_said_that_they_have_no_answer(
    ships: Library, settings: Settings
):
    assistant, question = Assistant(ships, settings), "Who paid for the lighthouse of Port Ellery?"
    limited = assistant.ask(question, filters=Filters(["The Age"]))
    assert (limited.text, limited.abstained) == (NO_ANSWER_AMONG_THESE, True)
    assert limited.related
    assert assistant.ask(question).text == NO_ANSWER


def test_a_preference_counts_within_the_filters_only(ships: Library, settings: Settings):
    assistant = Assistant(ships, settings)
    only = Filters(sources=["The Age"])
    assert assistant.ask("Which ship was it in 2023?", filters=only).preferring == "articles from 2023"
    assert assistant.ask("Which ship was it in May 2024?", filters=only).preferring == ""


def test_what_was_limited_and_preferred_is_stored_and_older_answers_are_read(
    ships: Library, settings: Settings
):
    answer = Assistant(ships, settings).ask("Which ship was it in 2023?", filters=Filters(["The Age"]))
    assert (answer.limited_to, answer.preferring) == ("The Age", "articles from 2023")
    assert answer_from_json(answer_to_json(answer)) == answer
    older = json.loads(answer_to_json(answer))
    del older["limited_to"], older["preferring"]
    assert answer_from_json(json.dumps(older)).limited_to == ""


def test_long_titles_and_many_names_are_shortened():
    titles = {"1": "A title that is much longer than the forty characters that are kept"}
    assert Filters(document_ids=["1"]).in_words(titles) == "“A title that is much longer than the fo…”"
    assert Filters(sources=["a", "b", "c", "d"]).in_words({}) == "a, b, 2 more"


def test_the_command_line_limits_and_prefers(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("FOOTNOTE_DATA_DIR", str(settings.data_dir))
    with Library.open(settings, follow=False) as library:
        library.add(DOCUMENTS)
    assert main(["ask", "Which ship was it in 2023?", "--source", "Nobody", "--since", "2023-01-01"]) == 3
    assert "No article matches the filters (Nobody, since 2023)" in capsys.readouterr().out
    main(["ask", "--json", "Which ship was it in 2023?", "--until", "2023-12-31"])
    told = json.loads(capsys.readouterr().out)
    assert (told["preferring"], told["limited_to"]) == ("articles from 2023", "before 2024")
    main(["ask", "--json", "Which ship was it in 2023?", "--no-preference"])
    assert json.loads(capsys.readouterr().out)["preferring"] == ""
    assert main(["ask", "ship", "--since", "2024-01-01", "--until", "2023-01-01"]) == 1
    assert "exchange the two" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["ask", "ship", "--since", "yesterday"])
