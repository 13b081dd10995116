"""Answers of several quotes: lists and tables."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rag import Answer, Assistant, Items, Library, LocalEmbeddings, NewDocument, Settings
from rag.answers import remarks
from rag.loading.loaders import load_file

BRIDGE = """The harbour bridge

The harbour bridge at Port Ellery was opened on 5 March 2024 after four years of building work.

The bridge brings these benefits to the town:

- Shorter journeys: the way to the market takes ten minutes instead of fifty.
- Safer crossings: the old ferry sank twice in storms.
- More trade: lorries can reach the quay at any hour.

The toll is two crowns. The mayor has announced steps against traffic jams. They include:

1. A second lane for buses.
2. Traffic lights at the quay.

Both will be paid for by the toll.

3. A ban on heavy lorries at noon.

A jetty was here before the bridge. A jetty is a narrow structure of wood or stone that reaches from the shore
into the water. A pier stands on pillars, and the water flows freely under it.

The ferry no longer runs since the bridge was opened.

Bridges of Ruritania

Bridge | Length | Opened | Builder
---|---|---|---
Harbour bridge | 812 m | 2024 | Elphberg Works
Castle bridge | 1.2 km | 1911 |
Mill bridge | 96 m | 1878 | Tarlenheim
"""
PORTS = "The northern route\n\nThe northern route calls at these ports:\n\n" + "\n".join(
    f"- Cape {name} with its own light and its own pilot" for name in (f"Number{n}" for n in range(1, 41))
)
CORPUS = Path(__file__).parents[2] / "corpus"
QUESTIONS = Path(__file__).parents[1] / "data" / "shaped_questions.jsonl"
ON_SAMPLES: list[dict[str, Any]] = [json.loads(line) for line in QUESTIONS.read_text("utf-8").splitlines()]


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory, packaged: LocalEmbeddings) -> Iterator[Library]:
    settings = Settings(data_dir=tmp_path_factory.mktemp("composing"))
    with Library.open(settings, packaged, follow=False) as library:
        library.add(
            [
                NewDocument(BRIDGE, title="The harbour bridge", key="bridge"),
                NewDocument(BRIDGE.replace("two crowns", "three crowns"), title="The bridge", key="copy"),
                NewDocument(PORTS, title="The northern route", key="ports"),
            ]
        )
        files = ["offshore-wind.md", "f-35-removal.md", "s-400-purchase.md", "lithium-ion-batteries.html"]
        library.add([document for name in files for document in load_file(CORPUS / name, 10**7).documents])
        yield library


@pytest.fixture(scope="module")
def assistant(library: Library) -> Assistant:
    return Assistant(library, library.settings)


def texts(answer: Answer) -> list[str]:
    return [sentence.text for sentence in answer.sentences]


def test_a_list_is_quoted_with_its_lead_in_and_every_item_once(assistant: Assistant):
    answer = assistant.ask("Which benefits does the harbour bridge bring?")
    assert [text.split()[0] for text in texts(answer)] == ["The", "Shorter", "Safer", "More"]
    assert texts(answer)[0].endswith(":")
    assert remarks(answer) == []


def test_one_item_answers_what_only_it_tells_of(assistant: Assistant):
    answer = assistant.ask("Which journeys to the market take ten minutes?")
    assert texts(answer)[0].startswith("Shorter journeys: the way to the market")
    assert answer.items.total == 0


def test_a_numbered_list_goes_on_behind_a_paragraph(assistant: Assistant):
    answer = assistant.ask("Which steps against traffic jams has the mayor announced?")
    # "They include:" brings the sentence before it.
    assert texts(answer)[0] == "The mayor has announced steps against traffic jams. They include:"
    assert [text.split()[0] for text in texts(answer)[1:]] == ["A", "Traffic", "A"]


def test_a_long_list_is_cut_and_says_so(assistant: Assistant):
    answer = assistant.ask("Which ports does the northern route call at?")
    assert answer.items == Items(12, 40)
    assert texts(answer)[0].endswith(":")
    assert [text.split()[1] for text in texts(answer)[1:]] == [f"Number{n}" for n in range(1, 13)]
    assert remarks(answer) == ["The first 12 of 40 items of the list: the article has the rest."]


def test_the_rows_that_fit_are_given_in_order(assistant: Assistant):
    answer = assistant.ask("Which wind farms were completed in 2022?")
    assert {sentence.kind for sentence in answer.sentences} == {"row"}
    names = [text.partition(" · ")[0] for text in texts(answer)]
    assert names == ["Wind farm: Hornsea 2", "Wind farm: Moray East", "Wind farm: Triton Knoll"]


def test_an_empty_cell_is_left_out(assistant: Assistant):
    answer = assistant.ask("Which bridges are there in Ruritania?")
    assert "Bridge: Castle bridge · Length: 1.2 km · Opened: 1911" in texts(answer)
    assert len(answer.sentences) == 3


def test_a_yes_or_no_on_something_else_is_declined(assistant: Assistant):
    assert assistant.ask("Is the Eiffel Tower in Vienna?").abstained


def test_several_are_asked_for_where_no_list_is(assistant: Assistant):
    answer = assistant.ask("Which radars were tried out over Ankara in November 2019?")
    assert "Ankara" in texts(answer)[0]
    assert answer.items.total == 0


@pytest.mark.parametrize(
    "question",
    [
        "Which benefits does the harbour bridge bring?",
        "Which steps against traffic jams has the mayor announced?",
        "Which ports does the northern route call at?",
        "Which wind farms were completed in 2022?",
        "What is the S-400?",
    ],
)
def test_every_quote_is_verbatim_and_numbered(library: Library, assistant: Assistant, question: str):
    answer = assistant.ask(question)
    assert answer.text == " ".join(texts(answer))
    assert [c.number for c in answer.citations] == list(range(1, len(answer.sentences) + 1))
    for sentence in answer.sentences:
        (citation,) = sentence.citations
        text = library.document(citation.document.id).text
        assert text[citation.start : citation.end] == citation.quote
        assert sentence.kind == "row" or sentence.text == citation.quote


@pytest.mark.parametrize(
    "row", [row for row in ON_SAMPLES if not row.get("wrong")], ids=lambda row: row["question"]
)
def test_the_samples_are_answered_in_the_form_asked_for(samples: Assistant, row: dict[str, Any]):
    answer = samples.ask(row["question"])
    assert answer.abstained == row.get("declined", False)
    for words in row.get("holds", ()):
        assert words in answer.text
    for words in row.get("lacks", ()):
        assert words not in answer.text
    assert row.get("first", "") in texts(answer)[0] if answer.sentences else row["declined"]
