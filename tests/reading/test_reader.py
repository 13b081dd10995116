"""The reader marks the words that answer, and tells a passage that answers from one that doesn't."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from rag import EmbeddingError, Library, NewDocument, Settings
from rag.deadline import Deadline
from rag.embedding import fused
from rag.reading import reader
from rag.reading.reader import Read, Reader
from rag.store.stored_passage import StoredPassage

PIER = (
    "The old pier of Sandness was closed for two winters. It was opened again on 4 May 2019 by the mayor, Ruth"
    " Harlow. The repairs cost 1.3 million crowns, half of which the county paid.\n\n"
    "Ferries to the islands leave from the new quay. In summer there are nine a day."
)
BEES = (
    "Bees find their way by the sun. Wasps build nests of paper, and most of them live for one summer only."
)


@pytest.fixture(scope="module")
def passages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, StoredPassage]:
    """Return the passage of each text by the text's first word."""
    with Library.open(Settings(data_dir=tmp_path_factory.mktemp("data")), follow=False) as library:
        library.add([NewDocument(text=PIER, title="The pier"), NewDocument(text=BEES, title="Insects")])
        found = library.find("pier and bees").candidates
        return {one.stored.document.title: one.stored for one in found}


@pytest.fixture(scope="module")
def shipped() -> Reader:
    return Reader()


def _words(read: Read, stored: StoredPassage) -> str:
    best = max((span for span in read.spans if span), key=lambda span: span.score)
    return stored.passage.text[best.start - stored.passage.start : best.end - stored.passage.start]


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("When was the pier of Sandness opened again?", "4 May 2019"),
        ("Who opened the pier?", "Ruth Harlow"),
        ("How much did the repairs cost?", "1.3 million crowns"),
    ],
)
def test_it_marks_the_words_that_answer(
    shipped: Reader, passages: dict[str, StoredPassage], question: str, words: str
) -> None:
    pier = passages["The pier"]
    read = shipped.read(question, [pier])[pier.passage.id]
    assert words in _words(read, pier)
    assert len(_words(read, pier)) < len(words) + 20


def test_a_passage_that_answers_stands_above_one_that_doesnt(
    shipped: Reader, passages: dict[str, StoredPassage]
) -> None:
    read = shipped.read("Who opened the pier?", list(passages.values()))
    pier, insects = (read[passages[title].passage.id] for title in ("The pier", "Insects"))
    assert pier.answerable > insects.answerable
    assert pier.best > insects.best


def test_a_spans_words_stand_in_its_sentence(shipped: Reader, passages: dict[str, StoredPassage]) -> None:
    for stored in passages.values():
        read = shipped.read("How many ferries leave in summer?", [stored])[stored.passage.id]
        assert len(read.spans) == len(stored.sentences)
        for span, sentence in zip(read.spans, stored.sentences, strict=True):
            assert span
            assert sentence.start <= span.start < span.end <= sentence.end


def test_a_long_passage_is_read_to_its_end(shipped: Reader, tmp_path: Path) -> None:
    filling = "The harbour master counts the boats in the morning and again in the evening. " * 24
    text = f"{filling}The lighthouse was built by Anna Holm in 1887. "
    settings = Settings(data_dir=tmp_path, passage_words=400)
    with Library.open(settings, follow=False) as library:
        library.add([NewDocument(text=text, title="The harbour")])
        stored = library.find("Who built the lighthouse?").candidates[0].stored
    assert len(stored.sentences) > 20
    read = shipped.read("Who built the lighthouse?", [stored])[stored.passage.id]
    assert _words(read, stored) == "Anna Holm"


def test_there_is_nothing_behind_the_deadline(shipped: Reader, passages: dict[str, StoredPassage]) -> None:
    deadline = Deadline(0)
    assert shipped.read("Where do wasps live?", list(passages.values()), deadline) == {}
    assert deadline.has_cut


def test_what_was_read_is_not_read_again(
    shipped: Reader, passages: dict[str, StoredPassage], monkeypatch: pytest.MonkeyPatch
) -> None:
    question, stored = "What do bees find their way by?", list(passages.values())
    first = shipped.read(question, stored)
    monkeypatch.setattr(shipped, "_read", None)
    assert shipped.read(question, stored, Deadline(0)) == first


@pytest.mark.parametrize("is_signed", [True, False])
def test_it_reads_alike_on_all_processors(
    is_signed: bool, passages: dict[str, StoredPassage], shipped: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    pier = passages["The pier"]
    question = "When did the pier open again?"
    known = shipped.read(question, [pier])[pier.passage.id]
    monkeypatch.setattr(fused, "multiplies_signed", lambda: is_signed)
    read = Reader().read(question, [pier])[pier.passage.id]
    assert _words(read, pier) == _words(known, pier)
    assert read.best == pytest.approx(known.best, abs=1.5)


def test_a_file_that_was_changed_is_not_used(
    tmp_path: Path, passages: dict[str, StoredPassage], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(reader._FOLDER, folder)
    (folder / "weights.npz").write_bytes((folder / "weights.npz").read_bytes()[:-1])
    monkeypatch.setattr(reader, "_FOLDER", folder)
    with pytest.raises(EmbeddingError, match=r"weights\.npz is missing or not the file expected"):
        Reader().read("Who opened the pier?", list(passages.values()))
