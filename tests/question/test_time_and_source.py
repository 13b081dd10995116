"""What a question says about where to look, and what becomes of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import pytest

from rag import Assistant, Library, LocalEmbeddings, NewDocument, Settings
from rag.documents import Origin
from rag.periods import Period
from rag.question.time_and_source import may_prefer, read_preference

TODAY = date(2026, 11, 24)
DAYS = ("2010-05-12", "2019-03-03", "2022-05-05", "2023-10-12", "2025-04-04", "2026-03-02", "2026-10-20",
        "2026-11-18", "2026-11-23")  # fmt: skip
SOURCES = ("The Age", "The Guardian", "www.reuters.com", "Hürriyet", "NATO")
ORIGINS = [Origin(source, date.fromisoformat(day), 5) for source in SOURCES for day in DAYS]


@pytest.mark.parametrize(
    ("question", "preferring", "text"),
    [
        ("What was agreed in October 2023?", "articles from October 2023", None),
        ("What happened in 2022?", "articles from 2022", None),
        ("What was signed on 12 May 2010?", "articles from 12 May 2010", None),
        ("What was decided last month?", "articles from October 2026", "What was decided?"),
        ("What came of last week's talks?", "articles from 16 to 22 November 2026", "What came of talks?"),
        ("What did they decide this year?", "articles from 2026", "What did they decide?"),
        ("Who won yesterday?", "articles from 23 November 2026", "Who won?"),
        ("What was built in the last three months?", "articles since August 2026", "What was built?"),
        ("What has been built since March?", "articles since March 2026", None),
        ("Which laws were passed before 2020?", "articles before 2020", None),
        ("Who ruled between 2019 and 2021?", "articles from 2019 to 2021", None),
        ("What is the latest on the harbour?", "the latest articles", "What is the harbour?"),
        ("According to the Age, when was it opened?", "articles of The Age", "when was it opened?"),
        ("What was reported in Reuters about ships?", "articles of www.reuters.com", "What was about ships?"),
        ("What does the Guardian's report hold?", "articles of The Guardian", "What does hold?"),
        ("How dear was it according to the Age in 2022?", "articles of The Age from 2022",
         "How dear was it in 2022?"),
        ("What does NATO say about ships?", "articles of NATO", None),
        ("Was wurde im Oktober 2023 vereinbart?", "articles from October 2023", None),
        ("Was geschah letzten Monat?", "articles from October 2026", "Was geschah?"),
        ("Ekim 2023'te ne kararlaştırıldı?", "articles from October 2023", None),
        ("Geçen ay kim geldi?", "articles from October 2026", "kim geldi?"),
        ("Hürriyet'e göre kaç gemi var?", "articles of Hürriyet", "kaç gemi var?"),
    ],
)  # fmt: skip
def test_a_time_and_a_source_are_read(question: str, preferring: str, text: str | None):
    preference = read_preference(question, ORIGINS, TODAY)
    assert (str(preference), preference and preference.text) == (preferring, text or question)


@pytest.mark.parametrize(
    "question",
    [
        "Who sat on the throne?",
        "What may happen on the ship?",
        "When did the march begin?",
        "Who came at the latest?",
        "How old is the ship, the age of which is known?",
        "Who wrote that in the Age of Reason?",
        "How many members are in NATO?",
        "What happened in 1999?",  # there is no article from then
        "What was said in the Times, according to the Times?",
    ],
)
def test_what_only_looks_like_one_is_none(question: str):
    assert read_preference(question, ORIGINS, TODAY) is None


def test_a_question_without_such_words_is_not_even_read():
    assert not may_prefer("How long is the Suez Canal?")
    assert may_prefer("How long was the Suez Canal in 1970?")


@pytest.mark.parametrize(
    ("since", "until", "name"),
    [
        ("2023-01-01", "2023-12-31", "2023"),
        ("2020-05-01", "2021-12-31", "May 2020 to December 2021"),
        ("2024-03-03", "2024-06-05", "3 March 2024 to 5 June 2024"),
        ("2020-05-05", "", "since 5 May 2020"),
        ("", "2019-10-31", "until October 2019"),
    ],
)
def test_periods_are_named_in_full_units(since: str, until: str, name: str):
    days = [date.fromisoformat(day) if day else None for day in (since, until)]
    assert str(Period(*days)) == name


def report(ships: int, day: str, source: str = "") -> NewDocument:
    text = f"The harbour office counted {ships} ships in the harbour of Port Ellery. The harbour is open all day."
    return NewDocument(
        text,
        title="Ships in the harbour",
        key=f"{source}{day}",
        source=source,
        published=date.fromisoformat(day),
    )


@pytest.fixture
def asked(settings: Settings, packaged: LocalEmbeddings) -> Iterator[Assistant]:
    with Library.open(settings, packaged, follow=False) as library:
        library.add([
            report(340, "2021-10-04", "The Age"),
            report(360, "2022-10-04", "Harbour Gazette"),
            report(390, "2023-10-04", "Harbour Gazette"),
            NewDocument(
                "Date | Event\n---|---\nOctober 2021 | The lighthouse was sold\nMay 2022 | The pier was built",
                title="A table of events", key="table", published=date(2024, 1, 1), media_type="text/markdown",
            ),
        ])  # fmt: skip
        yield Assistant(library, settings)


@pytest.mark.parametrize(
    ("question", "ships"),
    [
        ("How many ships were counted in the harbour of Port Ellery in 2021?", 340),
        ("How many ships were counted in the harbour of Port Ellery in October 2022?", 360),
        ("How many ships were counted in the harbour of Port Ellery since 2023?", 390),
        ("What is the latest number of ships counted in the harbour of Port Ellery?", 390),
        ("According to the Age, how many ships were counted in the harbour of Port Ellery?", 340),
    ],
)
def test_the_article_that_the_question_names_is_quoted_first(asked: Assistant, question: str, ships: int):
    answer = asked.ask(question)
    assert f"counted {ships} ships" in answer.sentences[0].text
    assert answer.preferring
    assert answer.question == question


def test_a_preference_can_be_turned_off(asked: Assistant):
    question = "According to the Age, how many ships were counted in the harbour of Port Ellery?"
    assert asked.ask(question, prefer=False).preferring == ""
    assert asked.as_runnable().invoke(question).preferring == "articles of The Age"


def test_an_article_that_tells_of_the_time_is_found_whatever_its_own_day(asked: Assistant):
    answer = asked.ask("What was sold in October 2021?")
    assert "The lighthouse was sold" in answer.text
    assert answer.preferring == "articles from October 2021"


def test_words_about_where_to_look_are_not_missed_in_the_passages(asked: Assistant):
    answer = asked.ask("According to the Age, who is the dentist of Port Ellery?")
    assert answer.abstained
    assert "Age" not in answer.missing
    assert "dentist" in answer.missing
