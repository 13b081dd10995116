"""Sentences near enough to what they cite, and those that only share some words with it."""

from __future__ import annotations

import pytest

from rag import LocalEmbeddings
from rag.writing.closeness import closeness

LAMP = "Its lamp can be seen from a distance of 31 kilometres."
SEGMENTS = "The primary mirror consists of 18 hexagonal segments made of beryllium."


@pytest.mark.parametrize(
    ("claim", "quote"),
    [
        ("The lamp can be seen from 31 kilometres away.", LAMP),
        (
            "Ships see its light thirty-one kilometres off.",
            "Ships can see its light from 31 kilometres away.",
        ),
        ("Eighteen pieces of beryllium make up the main mirror.", SEGMENTS),
    ],
)
def test_what_says_the_same_in_other_words_is_near(packaged: LocalEmbeddings, claim: str, quote: str):
    assert closeness(claim, [quote], packaged) != "far"


@pytest.mark.parametrize(
    ("claim", "quote"),
    [
        ("The lamp is a popular gift for visitors of all ages.", LAMP),
        ("The lamp in the new castle can be seen from a distance of 31 kilometres.", LAMP),
        ("The mirror is a strategic partner of the whole industry.", SEGMENTS),
        ("", LAMP),
    ],
)
def test_what_only_shares_words_is_not(packaged: LocalEmbeddings, claim: str, quote: str):
    assert closeness(claim, [quote], packaged) == "far"
    assert closeness(claim, [quote], None) == "far"


def test_without_a_model_that_knows_the_language_words_decide():
    said = ["Fenerin ışığı 31 kilometre uzaktan görülür."]
    assert closeness("Fenerin ışığı 31 kilometre görülür.", said, None) == "near"
    assert closeness("Fenerin ışığı üç kilometre gider.", said, None) == "loose"
    assert closeness("Fener bir müzedir.", said, None) == "far"
