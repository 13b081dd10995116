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
        "harbour",
        "",
        "?",
    ],
)
def test_in_doubt_it_is_a_plain_fact(question: str):
    assert read_shape(question) == FACT
