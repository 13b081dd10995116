"""Finding passages: by words, by meaning, whatever is asked."""

from __future__ import annotations

from collections.abc import Iterator

import hypothesis
import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from rag import Library, LocalEmbeddings, NewDocument, Settings
from tests.conftest import BagOfWords

TOWNS = ("Strelsau", "Zenda", "Hentzau", "Tarlenheim")
QUERIES = st.text(
    st.sampled_from("ab \"'*^:()-+{}éЖ東\u0000\u0301") | st.characters(), max_size=30
) | st.sampled_from(
    [
        "NEAR(ship radar)",
        "ship AND NOT radar OR",
        "title:ship",
        '"ship',
        "ship*",
        "^ship",
        "-ship",
        "{ship} :",
    ]
)


def found(library: Library, question: str, limit: int = 10) -> list[str]:
    return [hit.document.key for hit in library.search(question, limit)]


@pytest.fixture
def towns(library: Library) -> Library:
    library.add(NewDocument(f"The gate of {town} was rebuilt. " * 3, title=town, key=town) for town in TOWNS)
    return library


@pytest.fixture
def meaning(settings: Settings, packaged: LocalEmbeddings) -> Iterator[Library]:
    with Library.open(settings, packaged, follow=False) as library:
        library.add([
            NewDocument("The vessel reached the port at dawn after a storm at sea.", key="ship"),
            NewDocument("The loaf is baked from flour, water and salt in a hot oven.", key="bread"),
            NewDocument("Parliament passed the law on the taxation of farmland.", key="law"),
        ])  # fmt: skip
        yield library


def test_a_word_that_no_vector_knows_is_found(towns: Library):
    for town in TOWNS:
        assert found(towns, f"Who rebuilt the gate of {town}?")[0] == town


def test_other_forms_case_and_accents_of_a_word_are_found(library: Library):
    library.add(
        [
            NewDocument("The café signed agreements with Московский завод.", key="a"),
            NewDocument("Bread.", key="b"),
        ]
    )
    for question in ("CAFE", "cafe\u0301", "agreement", "signing", "московский"):
        [first, *_] = library.search(question)
        assert first.document.key == "a"
        assert first.score > max((hit.score for hit in library.search(question)[1:]), default=0)


@pytest.mark.parametrize(
    ("question", "key"),
    [
        ("What did Turkey sign?", "ankara"),
        ("What did Türkiye sign?", "ankara"),
        ("Where does the train from Kiev stop?", "train"),
        ("Where does the train from Kyiv stop?", "train"),
    ],
)
def test_a_name_is_found_in_either_spelling(library: Library, question: str, key: str):
    library.add([
        NewDocument("Türkiye signed the agreement on fishing.", key="ankara"),
        NewDocument("Greece signed the agreement on shipping.", key="athens"),
        NewDocument("The train from Kyiv stops at the border.", key="train"),
        NewDocument("The train from Lviv stops at the market.", key="other"),
    ])  # fmt: skip
    first, second, *_ = library.search(question)
    assert first.document.key == key
    assert first.score > second.score


def test_meaning_is_found_without_a_word_in_common(meaning: Library):
    assert found(meaning, "When did the boat enter the harbour?")[0] == "ship"
    assert found(meaning, "How do you make sourdough?")[0] == "bread"
    assert found(meaning, "What must farmers pay to the state?")[0] == "law"


def test_the_nearest_vector_wins_where_words_decide_nothing(library: Library):
    # With the question's vector (1, 0, …): 1, 1/√2 and 0.
    texts = {"one": "ship", "half": "ship radar", "none": "bread"}
    library.add(NewDocument(text, key=key) for key, text in texts.items())
    assert found(library, "ship") == ["one", "half", "none"]


def test_title_and_heading_count_as_the_passages_words(library: Library):
    library.add([
        NewDocument("## Fishing rights\n\nThey were agreed in 1999.", title="Zenda", key="heading"),
        NewDocument("They were agreed in 1998.", title="Strelsau", key="title"),
    ])  # fmt: skip
    assert found(library, "When were fishing rights agreed?")[0] == "heading"
    assert found(library, "What was agreed about Strelsau?")[0] == "title"


def test_the_best_come_first_and_no_more_than_asked_for(towns: Library):
    scores = [hit.score for hit in towns.search("gate of Zenda")]
    assert scores == sorted(scores, reverse=True)
    assert [hit.score for hit in towns.search("gate of Zenda", limit=2)] == scores[:2]


def test_ties_are_ordered_whichever_was_added_first(settings: Settings):
    orders = []
    for name, keys in (("one", "abcdef"), ("other", "fedcba")):
        folder = settings.data_dir / name
        with Library.open(
            settings.model_copy(update={"data_dir": folder}), BagOfWords(), follow=False
        ) as library:
            library.add(NewDocument("The same ship.", key=key) for key in keys)
            orders.append(found(library, "ship", limit=4))
    assert orders[0] == orders[1]


def test_nothing_is_found_in_an_empty_library(library: Library):
    assert library.search("Where is the ship?") == []


def test_a_question_of_question_words_alone_finds_something(towns: Library):
    assert len(found(towns, "What is it?")) == len(TOWNS)


@hypothesis.settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(QUERIES)
def test_whatever_is_asked_is_searched_for(library: Library, question: str):
    library.add([NewDocument("The ship has a radar.", key="ship")])
    assert found(library, question) == ["ship"]
