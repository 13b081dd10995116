"""What a question asks for, and whether a text holds such a thing."""

from __future__ import annotations

import pytest

from rag.question.questions import (
    asked_kind,
    head_word,
    holds_kind,
    lacks_count,
    lacks_measure,
    lacks_person,
)
from rag.text.names import names, names_and_numbers


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("When was the bridge opened?", "date"),
        ("In what year did the war end?", "date"),
        ("How old was he when he won?", "number"),
        ("How much did the bridge cost?", "money"),
        ("How many ships came?", "number"),
        ("Who built it?", "name"),
        ("By whom was it built?", "name"),
        ("Where is the harbour?", "name"),
        ("Why did it fall?", "reason"),
        ("What does the Doctor do when he is hurt?", "thing"),
        ("The height of the tower", "thing"),
        ("Wann wurde die Brücke eröffnet?", "date"),
        ("Köprü ne zaman açıldı?", "date"),
        ("Köprüyü kim yaptı?", "name"),
    ],
)
def test_the_kind_that_is_asked_for(question: str, kind: str):
    assert asked_kind(question) == kind


@pytest.mark.parametrize(
    ("question", "text", "held"),
    [
        ("When was it opened?", "It was opened on 5 March.", True),
        ("When was it opened?", "It was opened three years ago.", True),
        ("When was it opened?", "It may be opened by the mayor.", False),
        ("What happened when, in 2023?", "Nothing.", True),
        ("When in 2023 was it opened?", "It was opened in 2023.", False),
        ("How much did it cost?", "It cost $5 billion.", True),
        ("How much did it cost?", "It has 5 arches.", False),
        ("Who built it?", "It was built by Agnes Thorburn.", True),
        ("Who built it?", "October 2023 | High towers | Agreement to build", False),
    ],
)
def test_whether_a_text_holds_the_kind(question: str, text: str, held: bool):
    assert holds_kind(asked_kind(question), text, question) is held


def test_names_are_capitals_that_are_no_beginning_and_no_nationality():
    assert names("Market Access: The company sold American engines to Baykar and United Technologies.") == (
        "Baykar",
        "United Technologies",
    )


def test_a_name_that_ends_as_a_nationality_is_one_and_a_small_letter_begins_none():
    text = "In the end the envoys of the Vatican met there, while Brian waited for an Italian train to Rome."
    assert names(text) == ("Vatican", "Brian", "Rome")
    assert names("Dün akşam şehir meydanında çok ünlü bir ılıca ile Ankara konuşuldu.") == ("Ankara",)


def test_names_and_numbers_of_a_question():
    assert names_and_numbers("Did Ankara sign the S-400 contract in 2017?") == ["ankara", "s", "400", "2017"]


@pytest.mark.parametrize(
    ("question", "text", "lacks"),
    [
        ("How tall is the tower?", "The tower is 80 metres high.", False),
        ("How tall is the tower?", "The tower has 80 rooms.", True),
        ("How old is the tower?", "It was born of a bet.", False),
        ("Who built the tower?", "Nobody knows.", False),
    ],
)
def test_what_is_measured_needs_a_unit(question: str, text: str, lacks: bool):
    assert lacks_measure(question, text) is lacks


@pytest.mark.parametrize(
    ("text", "lacks"),
    [
        ("In 1914 twelve large ships came.", False),
        ("The ships came in great numbers, and 80 sailors.", True),
        ("There were 80 sailors.", True),
    ],
)
def test_what_is_counted_needs_a_number_beside_it(text: str, lacks: bool):
    assert lacks_count("How many ships came in the year of the war?", text) is lacks


def test_who_is_the_asks_for_a_person_that_the_question_does_not_name():
    assert lacks_person("Who is the mayor of Port Ellery?", "The mayor of Port Ellery was away.")
    assert not lacks_person("Who is the mayor of Port Ellery?", "The mayor, Agnes Thorburn, was away.")
    assert not lacks_person("Who built the tower?", "Nobody knows.")


def test_the_noun_that_is_asked_for():
    assert head_word("Who is the Turkish defence minister?") == "minist"
    assert head_word("What is the capital of France?") == "capit"
    assert head_word("Did it rain?") == ""
