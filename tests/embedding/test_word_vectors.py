"""Words in their context: what stands for the same is near, and what is stored is what was made."""

from __future__ import annotations

import numpy as np
import pytest

from rag import Library, LocalEmbeddings, NewDocument, Settings
from rag.embedding.word_vectors import NO_WORDS, WIDTH, WordVectors, as_floats, best_matches, gather, unpack
from rag.text.words import content_spans

CANAL = "The Suez Canal was constructed between 1859 and 1869. Ships pay a toll."


def sentences(text: str) -> list[tuple[int, int]]:
    middle = text.index(". ") + 1
    return [(0, middle), (middle + 1, len(text))]


def test_a_word_is_matched_by_one_that_means_the_same(packaged: LocalEmbeddings):
    _, question = packaged.embed_question_words("When was it built?")
    words = packaged.embed_passage(CANAL, sentences(CANAL)).words
    [[[none, constructed, toll]]] = best_matches(as_floats(question.rows), [words])
    assert none == 0  # there is no title
    assert constructed > 0.5 > toll + 0.2


def test_each_word_that_can_be_searched_has_a_vector(packaged: LocalEmbeddings):
    words = packaged.embed_passage(f"Canals\n{CANAL}", [(s + 7, e + 7) for s, e in sentences(CANAL)]).words
    assert words.counts == (1, 6, 3)
    assert words.rows.shape == (len(content_spans(f"Canals {CANAL}")), WIDTH)
    assert np.linalg.norm(as_floats(words.rows), axis=1) == pytest.approx(1, abs=0.05)


def test_words_beyond_the_length_of_the_model_have_vectors_too(packaged: LocalEmbeddings):
    text = "The harbour is closed in winter. " * 60 + "A radar was built on the hill."
    words = packaged.embed_passage(text, [(0, len(text))]).words
    assert len(words.rows) == len(content_spans(text)) > 180
    _, question = packaged.embed_question_words("radar")
    assert best_matches(as_floats(question.rows), [words])[0][0, 1] > 0.5


def test_the_same_question_has_the_same_vector_with_and_without_its_words(packaged: LocalEmbeddings):
    alone = packaged.embed_question("Who built the canal?")
    together, words = packaged.embed_question_words("Who built the canal?")
    assert np.array_equal(alone, together)
    assert words.counts == (0, 2)


def test_what_is_packed_is_unpacked():
    rows = np.arange(4 * WIDTH, dtype=np.int8).reshape(4, WIDTH)
    words = WordVectors((1, 0, 3), rows)
    held = unpack(words.packed(), sentences=2)
    assert held is not None
    assert held.counts == words.counts
    assert np.array_equal(held.rows, rows)
    assert unpack(NO_WORDS.packed(), sentences=2) == NO_WORDS


@pytest.mark.parametrize(
    "blob", [b"\1", b"\0\0\0\0\0\0\0", b"\1\0\0\0\0\0", b"\0\0\0\0\1\0" + bytes(WIDTH - 1)]
)
def test_bytes_that_can_t_be_right_are_not_taken(blob: bytes):
    assert unpack(blob, sentences=2) is None


def test_words_go_to_the_sentence_they_stand_in_and_others_come_first():
    rows = np.array([[1], [2], [3], [4]], np.int8).repeat(WIDTH, axis=1)
    words = gather([(0, 2), (5, 8), (9, 12), (20, 25)], rows, [(9, 14), (5, 8)])
    assert words.counts == (2, 1, 1)
    assert words.rows[:, 0].tolist() == [1, 4, 3, 2]


def test_a_passage_is_found_by_other_words_than_its_own(settings: Settings, packaged: LocalEmbeddings):
    with Library.open(settings, packaged, follow=False) as library:
        library.add(
            NewDocument(text, title="Harbour", key=text)
            for text in (
                "The physician purchased a vessel in spring and sailed to the islands.",
                "The harbour master in spring counts the boats that stay at the islands.",
                "The islands have had a doctor since the spring of 1901.",
            )
        )
        assert "physician" in library.search("Which boat did the doctor buy?")[0].passage.text
