"""Which sentences an answer quotes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from rag import Answer, Assistant, Library, LocalEmbeddings, NewDocument, Settings
from rag.answers import NO_ANSWER
from rag.question.questions import AskedKind
from rag.quoting.deciding import MOST_SENTENCES, MOST_WORDS, WEIGHTS_PATH, _is_short
from rag.quoting.evidence import ANSWER_FEATURES, READERS, SEMANTIC, SENTENCE_FEATURES

HARBOUR = """The treaty of the harbour

The treaty of Port Ellery was signed on 4 May 1921 by six towns. It was signed in the town hall.

What both towns should do for the harbour:

- Invest in deeper basins for large ships.
- Remove the old toll on fishing boats.

Towns that signed the harbour treaty

Town | Mayor | Ships
---|---|---
Zenda | Rudolf Elphberg | 31
Strelsau | Flavia Tarlenheim | 47
"""
COPY = "The treaty of Port Ellery was signed on 4 May 1921 by six towns."


@pytest.fixture(scope="module")
def assistant(tmp_path_factory: pytest.TempPathFactory, packaged: LocalEmbeddings) -> Iterator[Assistant]:
    settings = Settings(data_dir=tmp_path_factory.mktemp("quoting"))
    with Library.open(settings, packaged, follow=False) as library:
        library.add([NewDocument(HARBOUR, title="Port Ellery", key="harbour")])
        library.add(
            [NewDocument(COPY, title="Port Ellery", key="wire"), NewDocument("Cats sleep.", key="cats")]
        )
        yield Assistant(library, settings)


def quotes(answer: Answer) -> list[str]:
    return [citation.quote for citation in answer.citations]


def test_the_same_words_in_two_articles_are_quoted_once(assistant: Assistant):
    found = quotes(assistant.ask("When was the treaty of Port Ellery signed?"))
    assert found[0] == COPY
    assert found.count(COPY) == 1


def test_footnotes_are_numbered_from_one_in_order(assistant: Assistant):
    answer = assistant.ask("When and where was the treaty of Port Ellery signed?")
    numbers = [citation.number for sentence in answer.sentences for citation in sentence.citations]
    assert numbers == list(range(1, len(numbers) + 1))
    assert 1 <= len(numbers) <= MOST_SENTENCES
    assert len(answer.text.split()) <= MOST_WORDS


def test_an_item_is_found_by_what_its_list_is_about(assistant: Assistant):
    assert quotes(assistant.ask("What should both towns invest in for the harbour?"))[0].startswith(
        "Invest in"
    )


def test_a_row_answers_with_the_labels_of_its_columns(assistant: Assistant):
    first = assistant.ask("Who is the mayor of Strelsau?").sentences[0]
    assert (first.kind, first.text) == ("row", "Town: Strelsau · Mayor: Flavia Tarlenheim · Ships: 47")
    assert [cell.value for cell in first.cells] == ["Strelsau", "Flavia Tarlenheim", "47"]


@pytest.mark.parametrize("question", ["Which towns signed the harbour treaty?", "What should both towns do?"])
def test_captions_and_lead_ins_are_no_answer(assistant: Assistant, question: str):
    for quote in quotes(assistant.ask(question)):
        assert not quote.endswith(":")
        assert quote != "Towns that signed the harbour treaty"


LIGHTHOUSE = (
    "The lighthouse of Cape Oran was built in 1871. It was electrified in 1936 by the harbour board. The"
    " keeper's house is a museum now."
)
LONG = " ".join(["of stone and brick and timber from the hills"] * 7)


@pytest.fixture
def island(settings: Settings, packaged: LocalEmbeddings) -> Iterator[Assistant]:
    with Library.open(settings, packaged, follow=False) as library:
        library.add(
            [
                NewDocument(LIGHTHOUSE, title="Cape Oran", key="lighthouse"),
                NewDocument(f"The windmill of Aldern was built {LONG}. It was sold in 1950.", key="windmill"),
            ]
        )
        yield Assistant(library, settings)


def test_a_sentence_that_leans_on_the_one_before_it_is_quoted_with_it(island: Assistant):
    first = island.ask("When was the lighthouse of Cape Oran electrified?").citations[0]
    assert first.quote == LIGHTHOUSE[: LIGHTHOUSE.index(" The keeper")]
    assert (first.start, first.end) == (0, len(first.quote))


def test_neighbours_are_one_quote_with_one_footnote(island: Assistant):
    found = quotes(island.ask("When was the lighthouse of Cape Oran built and electrified?"))
    assert all(year in found[0] for year in ("1871", "1936"))
    assert sum(quote.count("electrified") for quote in found) == 1


def test_what_would_be_too_long_is_not_joined(island: Assistant):
    found = quotes(island.ask("When was the windmill of Aldern sold?"))
    assert "It was sold in 1950." in found


@pytest.mark.parametrize(
    ("text", "kind", "is_short"),
    [
        ("18", "number", True),
        ("$1.3 million", "money", True),
        ("210 passengers and 18", "number", False),
        ("14 May 1998", "date", True),
        ("because the river had frozen", "reason", False),
        ("", "date", False),
    ],
)
def test_only_one_thing_is_set_before_its_quote(text: str, kind: AskedKind, is_short: bool):
    assert _is_short(text, kind) is is_short


def test_declining_tells_the_words_that_nothing_found_holds(assistant: Assistant):
    answer = assistant.ask("Who was the ambassador of Ruritania in Port Ellery?")
    assert (answer.text, answer.sentences) == (NO_ANSWER, ())
    assert answer.missing == ("ambassador", "Ruritania")
    assert [hit.document.title for hit in answer.related].count("Port Ellery") >= 1


def test_each_set_of_weights_has_every_feature_and_the_lexical_ones_none_of_the_models():
    table = json.loads(Path(WEIGHTS_PATH).read_text("utf-8"))
    for name, row in table.items():
        assert row["sentence"].keys() == SENTENCE_FEATURES.keys() | {"bias"}
        assert row["answer"].keys() == ANSWER_FEATURES.keys() | {"bias"}
        for only, names in ((READERS, {"read", "read_by_words"}), (SEMANTIC, {"read"})):
            used = [row[model].get(feature, 0) for model in ("sentence", "answer") for feature in only]
            assert any(used) is (name in names)
