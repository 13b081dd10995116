"""Words of a question that nothing found for it mentions."""

from __future__ import annotations

import pytest

from rag import Answer
from rag.service.mentions import unmentioned, unsaid


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        ((), ""),
        (("minister",), "None of the closest passages mentions “minister”."),
        (("a", "b", "c"), "None of the closest passages mentions “a”, “b” or “c”."),
    ],
)
def test_what_no_passage_mentions(missing: tuple[str, ...], said: str):
    answer = Answer("Why?", declined="No.", missing=missing)
    assert unmentioned(answer) == said


@pytest.mark.parametrize(
    ("missing", "preferring", "said"),
    [
        (("long", "Elbe"), "", "None of the closest passages mentions “Elbe”."),
        (("want", "go"), "", ""),
        (
            ("November", "2021", "ferry"),
            "articles from November 2021",
            "None of the closest passages mentions “ferry”.",
        ),
        (("November", "2021"), "articles of Zenda Times from November 2021", ""),
    ],
)
def test_words_that_tell_nothing_or_are_no_part_of_a_text_are_not_named(
    missing: tuple[str, ...], preferring: str, said: str
):
    answer = Answer("Why?", declined="No.", missing=missing, preferring=preferring)
    assert unmentioned(answer) == said


@pytest.mark.parametrize(
    ("question", "said"),
    [
        (
            "When was Greece removed?",
            "None of these quotes mentions “Greece”: they may be about something else.",
        ),
        (
            "Did the Royal Navy or NATO remove Turkey?",
            "None of these quotes mentions “Royal Navy” or “NATO”: they may be about something else.",
        ),
        ("When was Turkey removed from the F-35 programme?", ""),
        ("What is Turkish?", ""),
        ("Greece?", ""),
        ("Wann wurde Türkiye aus dem Programm entfernt, und mit welcher Begründung?", ""),
    ],
)
def test_a_name_that_no_quote_mentions(question: str, said: str):
    answer = Answer(question)
    assert unsaid(answer, "The F-35 programme. Türkiye was removed in 2019.") == said


def test_what_is_known_to_be_missing_or_preferred_is_told_once():
    answer = Answer(
        "Compare Malta and Gozo in May.",
        not_found=("Gozo",),
        preferring="articles from May",
    )
    assert unsaid(answer, "Malta is an island.") == ""
