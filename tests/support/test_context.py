"""Words of a claim in their context."""

import pytest

from rag import LocalEmbeddings, check_support
from rag.errors import EmbeddingError
from rag.support import context as claim_context
from rag.support.alignment import align
from rag.support.claims import read_claim, read_passages
from rag.support.context import in_context

SAID = "The lighthouse of Alexandria was built in the third century before our era."


def alignments(claim: str):
    return [align(line, read_passages([SAID])) for line in read_claim(claim)]


@pytest.fixture
def forgotten():
    def forget():
        claim_context._model.cache_clear()
        claim_context._read.cache_clear()

    forget()
    yield
    forget()


def test_a_copy_is_nearer_than_another_statement():
    copy = in_context(alignments(SAID))
    other = in_context(alignments("The century of the lighthouse was the third."))
    assert copy == pytest.approx((1, 1, 1), abs=0.02)
    assert all(mine > theirs for mine, theirs in zip(copy, other, strict=True))


def test_a_word_with_nothing_like_it_is_not_glossed_over():
    assert in_context(alignments("The lighthouse of Alexandria served tomatoes.")) is None


def test_a_claim_of_two_sentences_is_not_read():
    assert in_context(alignments(f"{SAID} {SAID}")) is None


@pytest.mark.parametrize("error", [EmbeddingError("It is missing."), ImportError("onnxruntime")])
def test_without_a_model_the_check_goes_on(monkeypatch, forgotten, error):
    def missing():
        raise error

    monkeypatch.setattr(LocalEmbeddings, "packaged", missing)
    assert in_context(alignments(SAID)) is None
    assert check_support(SAID, [SAID]).supported


def test_a_model_that_fails_at_the_first_text_is_done_without(monkeypatch, forgotten):
    def broken(self, text):
        raise RuntimeError("The file is no model.")

    monkeypatch.setattr(LocalEmbeddings, "embed_question_words", broken)
    assert in_context(alignments(SAID)) is None
