"""Words: folded and stemmed as the index does it, so that a question's word finds itself there."""

from __future__ import annotations

import re
import sqlite3
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.text.words import content_words, fold, index_stem, stems

letters = st.sampled_from("abcdeghiklmnoprstuyz" * 3 + "ABESçğıöşüÇĞİÖŞÜäéêñòåœ0159йёжσίς東京’'-. ")


def index_terms(text: str) -> list[str]:
    """Return the terms that SQLite's index makes of a text, in order."""
    with sqlite3.connect(":memory:") as connection:
        connection.execute(
            'CREATE VIRTUAL TABLE words USING fts5 (text, tokenize = "porter unicode61 remove_diacritics 2")'
        )
        connection.execute("CREATE VIRTUAL TABLE vocabulary USING fts5vocab (words, instance)")
        connection.execute("INSERT INTO words VALUES (?)", [text])
        terms = [t for (t,) in connection.execute("SELECT term FROM vocabulary ORDER BY offset")]
    connection.close()
    return terms


WORD = re.compile(r"[^\W_]+")


@given(st.text(letters, max_size=30).map(lambda text: unicodedata.normalize("NFC", text)))
def test_stems_are_the_terms_of_the_index(text: str):
    assert [index_stem(word) for word in WORD.findall(text)] == index_terms(text)


@pytest.mark.parametrize(
    "text",
    [
        "The agreements were signed; relational agencies are hopping, generously, in the skies.",
        "the U.S. and Turkey's F-35, 3,500 AN/APG-83 and don’t",
        "İstanbul ılık Türkiye'nin ŞIRNAK çağı",
        "Московский договор, ΣΊΣΥΦΟΣ, 東京都, Łódź",
        "½ of 10 m² is the ﬁne",
    ],
)
def test_stems_of_real_texts_are_the_terms_of_the_index(text: str):
    assert [index_stem(word) for word in WORD.findall(text)] == index_terms(text)


def test_two_spellings_of_a_name_have_one_stem():
    assert stems("Türkiye and Kiev") == stems("Turkey and Kyiv")
    assert stems("Türkiye'nin")[:1] == stems("TURKEY")
    assert stems("Greece") != stems("Turkey")


def test_case_and_accents_make_no_difference():
    assert fold("Café Ünal İstanbul") == fold("CAFE UNAL istanbul") == "cafe unal istanbul"


def test_content_words_are_what_is_left_of_a_question():
    assert content_words("When was the S-400 signed, and who signed it?") == ["s", "400", "signed"]
    assert content_words("What is it?") == []
    assert content_words("Nasıl bir anlaşma imzalandı?") == ["anlasma", "imzalandı"]
