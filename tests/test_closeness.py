"""Sentences near enough to what they cite, and those that only share some words with it."""

from __future__ import annotations

import pytest

from rag import LocalEmbeddings
from rag.closeness import is_close

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
    assert is_close(claim, [quote], packaged)


@pytest.mark.parametrize(
    ("claim", "quote"),
    [
        ("The lamp is a popular gift for visitors of all ages.", LAMP),
        ("The mirror is a strategic partner of the whole industry.", SEGMENTS),
        ("", LAMP),
    ],
)
def test_what_only_shares_words_is_not(packaged: LocalEmbeddings, claim: str, quote: str):
    assert not is_close(claim, [quote], packaged)
    assert not is_close(claim, [quote], None)


def test_without_a_model_that_knows_the_language_words_decide():
    assert is_close(
        "Fenerin ışığı 31 kilometreden görülür.", ["Fenerin ışığı 31 kilometre uzaktan görülür."], None
    )
    assert not is_close("Fener bir müzedir.", ["Kral 1950 yılında öldü."], None)
