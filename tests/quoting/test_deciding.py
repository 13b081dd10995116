"""Which sentence leads an answer: the one that has the cause, the day, the place, or that decides a yes or no."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from rag import Assistant, Library, LocalEmbeddings, NewDocument, Settings

CORPUS = Path(__file__).parents[2] / "corpus"
QUESTIONS = Path(__file__).parents[1] / "data" / "first_quotes.jsonl"
ON_SAMPLES: list[dict[str, Any]] = [json.loads(line) for line in QUESTIONS.read_text("utf-8").splitlines()]
FERRY = """The ferry of Zenda was stopped in 2021. The ferry of Zenda carried forty thousand people a year.
The stop of the ferry was caused by cracks in its hull. In May 2022 the council agreed on a new ferry. The council
agreed with the mayor that Zenda needs a ferry. The second ferry of Zenda was launched on 8 June 2023 in the yard of
Strelsau. The first ferry of Zenda was launched on 2 April 1911. The council did not raise the fare.
The council has talked about the fare of the ferry of Zenda for years.
"""


@pytest.fixture(scope="module")
def assistant(tmp_path_factory: pytest.TempPathFactory, packaged: LocalEmbeddings) -> Iterator[Assistant]:
    settings = Settings(data_dir=tmp_path_factory.mktemp("deciding"))
    with Library.open(settings, packaged, follow=False) as library:
        library.add(
            [
                NewDocument(FERRY, title="The ferry of Zenda", key="ferry"),
                NewDocument(
                    "The mayor of Zenda, Rudolf Elphberg, opened the market.",
                    title="The market",
                    key="market",
                    published=date(2019, 5, 1),
                ),
                NewDocument(
                    "At the fair, which lasted three days and was quiet, the mayor of Zenda, Flavia Tarlenheim, spoke.",
                    title="The fair",
                    key="fair",
                    published=date(2024, 5, 1),
                ),
            ]
        )
        yield Assistant(library, settings)


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("Why was the ferry of Zenda stopped?", "caused by cracks"),
        ("What caused the stop of the ferry of Zenda?", "caused by cracks"),
        ("What did the council agree in May 2022?", "In May 2022"),
        ("When was the first ferry of Zenda launched?", "2 April 1911"),
        ("Did the council raise the fare of the ferry?", "did not raise"),
        ("Who is the mayor of Zenda?", "Flavia Tarlenheim"),
    ],
)
def test_what_decides_comes_first(assistant: Assistant, question: str, words: str):
    assert words in " ".join(assistant.ask(question).sentences[0].text.split())


def test_what_happened_asks_for_nothing_but_its_day(samples: Assistant):
    assert "17 July 2019" in samples.ask("What happened on 17 July 2019?").sentences[0].text


@pytest.mark.parametrize(
    "row", [row for row in ON_SAMPLES if not row.get("wrong")], ids=lambda row: row["question"]
)
def test_the_first_quote_on_the_samples_has_what_is_asked(samples: Assistant, row: dict[str, Any]):
    answer = samples.ask(row["question"])
    if row["first"] == "none":
        assert answer.abstained
    else:
        first = re.sub(r"\s+", " ", answer.sentences[0].text)
        assert any(words.lower() in first.lower() for words in row["first"])
