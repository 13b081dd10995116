"""What shape a question has."""

from __future__ import annotations

import pytest

from rag.question.shapes import FACT, read_shape


@pytest.mark.parametrize(
    ("question", "subject"),
    [
        ("Which benefits does the bridge bring?", "benefit"),
        ("What are the main parts of a cell?", "part"),
        ("What types of foundations are there?", "foundat"),
        ("Name the towns on the river.", "town"),
        ("List all measures against smuggling", "measur"),
        ("When were the talks held?", "date"),
        ("Welche Vorteile bringt die Brücke?", "vorteil"),
        ("Nenne die Städte am Fluss", "stadt"),
        ("Köprünün faydaları nelerdir?", "faydalari"),
    ],
)
def test_several_things_are_asked_for(question: str, subject: str):
    shape = read_shape(question)
    assert shape.kind == "list"
    assert shape.subject.startswith(subject[:4])


@pytest.mark.parametrize(
    ("question", "names"),
    [
        ("What is the difference between a pier and a jetty?", ["pier", "jetty"]),
        ("What are the differences between iron and steel?", ["iron", "steel"]),
        ("Compare Zenda with Strelsau.", ["Zenda", "Strelsau"]),
        ("How do the pier and the jetty differ?", ["pier", "jetty"]),
        ("How is a pier different from a jetty?", ["pier", "jetty"]),
        ("Which is larger, Zenda or Strelsau?", ["Zenda", "Strelsau"]),
        ("Zenda or Strelsau: which is older?", ["Zenda", "Strelsau"]),
        ("Was ist der Unterschied zwischen Mole und Pier?", ["Mole", "Pier"]),
        ("Mole ile iskele arasındaki fark nedir?", ["Mole", "iskele"]),
    ],
)
def test_two_sides_are_compared(question: str, names: list[str]):
    assert [side.name for side in read_shape(question).sides] == names


def test_what_two_say_is_asked_of_each():
    sides = read_shape("What do the Mayor and the Harbour Gazette say about the toll?").sides
    assert [side.question for side in sides] == ["Mayor the toll", "Harbour Gazette the toll"]


@pytest.mark.parametrize(
    ("question", "extreme"),
    [
        ("Which harbour is the largest?", "most"),
        ("Which town has the fewest ships?", "least"),
        ("Which is the oldest bridge?", "earliest"),
        ("Which bridges are the oldest?", ""),
    ],
)
def test_only_the_extreme_one_is_wanted_of_a_table(question: str, extreme: str):
    shape = read_shape(question)
    assert (shape.kind, shape.extreme) == ("list", extreme)


@pytest.mark.parametrize(
    "question",
    [
        "When was the treaty signed?",
        "What is the capital of Ruritania?",
        "What is the mayor's salary?",
        "Who is the mayor in Zenda?",
        "Why did the bridge fall?",
        "How many ships are there?",
        "When did Finland and Sweden join NATO?",
        "What does the harbour cost?",
        "What was his name?",
        "Compare the bridge.",
        "What is the difference between Trinidad and Tobago and Cuba?",
        "harbour",
        "",
        "?",
    ],
)
def test_in_doubt_it_is_a_plain_fact(question: str):
    assert read_shape(question) == FACT
