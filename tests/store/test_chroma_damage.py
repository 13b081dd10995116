"""A damaged Chroma folder is noticed, made anew without embedding, and no question waits for it."""

from __future__ import annotations

import logging
import os
import shutil
from pathlib import Path

import chromadb
import pytest

from rag import Library, NewDocument, Settings
from rag.store.chroma import _chroma_settings
from scripts.torture import HashedWords, report

# Chroma writes its index to files from 1,000 entries on; below that there is little to damage.
PASSAGES = 1_200
PATIENCE_SECONDS = 30
QUESTIONS = ["What is the code name of report 7?", "the treaty of the harbour", "zq001100x0"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library in order, to be copied."""
    folder = tmp_path_factory.mktemp("whole")
    text = "\n\n".join(report(n).text for n in range(PASSAGES))
    with Library.open(Settings(data_dir=folder, passage_words=40), HashedWords()) as library:
        library.add([NewDocument(text, key="reports")])
        assert library.index.wait(PATIENCE_SECONDS)
        assert library.status().passages >= 1_000
    assert list((folder / "chroma").glob("*/data_level0.bin"))
    return folder


@pytest.fixture
def data(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "data"))


def results(library: Library, question: str) -> list[tuple[str, float]]:
    # The last bits of a dot product depend on where its row stands.
    return [(hit.passage.id, round(hit.score, 5)) for hit in library.search(question)]


def cut(path: Path, share: float) -> None:
    os.truncate(path, int(path.stat().st_size * share))


def zero(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def garble(path: Path) -> None:
    path.write_bytes(os.urandom(path.stat().st_size))


def change_collection(folder: Path, how: str) -> None:
    """Change what Chroma holds by its own means, so that no file is damaged."""
    client = chromadb.PersistentClient(str(folder), _chroma_settings())
    collection = client.get_collection("passages", embedding_function=None)
    metadata = dict(collection.metadata)
    if how == "fewer entries":
        collection.delete(ids=collection.get(include=[], limit=10)["ids"])
    elif how == "more entries":
        collection.add(ids=["stray"], embeddings=[[1.0] * 32])
    elif how == "another embedder":
        collection.modify(metadata=metadata | {"embedder": "another"})
    elif how == "wrong metric":
        client.delete_collection("passages")
        client.create_collection("passages", metadata=metadata)
    client.close()


def damage(folder: Path, how: str) -> None:
    [level] = folder.glob("*/data_level0.bin")
    if how == "folder gone":
        shutil.rmtree(folder)
    elif how == "files gone":
        shutil.rmtree(level.parent)
    elif how == "database cut":
        cut(folder / "chroma.sqlite3", 0.5)
    elif how == "database garbage":
        garble(folder / "chroma.sqlite3")
    elif how == "vectors cut by half":
        cut(level, 0.5)
    elif how == "vectors cut by a hundredth":
        cut(level, 0.99)
    elif how == "vectors garbage":
        garble(level)
    elif how == "zeroed":
        for path in level.parent.iterdir():
            zero(path)
    elif how == "ended a process":
        folder.with_suffix(".json").unlink()
    else:
        change_collection(folder, how)


WAYS = """folder gone|files gone|database cut|database garbage|vectors cut by half|vectors cut by a hundredth
|vectors garbage|zeroed|ended a process|wrong metric|another embedder|fewer entries|more entries""".replace(
    "\n", ""
)


@pytest.mark.parametrize("how", WAYS.split("|"))
def test_it_is_noticed_at_opening_and_made_anew_without_embedding(
    data: Path, how: str, caplog: pytest.LogCaptureFixture
):
    damage(data / "chroma", how)
    settings = Settings(data_dir=data, passage_words=40)
    with Library.open(settings, HashedWords(), follow=False) as library:
        expected = [results(library, question) for question in QUESTIONS]
    with Library.open(settings, HashedWords()) as library:
        assert [results(library, question) for question in QUESTIONS] == expected
        assert library.index.wait(PATIENCE_SECONDS)
        assert library.status().index == "in order"
        assert [results(library, question) for question in QUESTIONS] == expected
        assert library.embedder.passages_embedded == 0  # type: ignore[attr-defined]  # HashedWords counts
        with library.catalog.reading() as view:
            sample = view.passages.sample_vectors(30)
            for passage, vector in zip(sample.ids, sample.matrix, strict=True):
                found = library.index.nearest(view, vector, 20)
                assert passage in found.passage_ids
                assert not found.exact
    is_noticed = "Rebuilding the vector index" in caplog.text
    assert is_noticed == (how != "folder gone")


def test_it_is_noticed_at_the_first_failing_question(data: Path, caplog: pytest.LogCaptureFixture):
    with Library.open(Settings(data_dir=data, passage_words=40), HashedWords()) as library:
        assert library.index.wait(PATIENCE_SECONDS)
        expected = [results(library, question) for question in QUESTIONS]
        client = chromadb.PersistentClient(str(data / "chroma"), _chroma_settings())
        client.delete_collection("passages")
        client.close()
        assert [results(library, question) for question in QUESTIONS] == expected
        assert "Chroma failed at a question" in caplog.text
        assert library.index.wait(PATIENCE_SECONDS)
        assert [results(library, question) for question in QUESTIONS] == expected


def test_a_folder_that_is_as_it_was_left_is_opened_as_it_is(data: Path, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.WARNING)
    [level] = (data / "chroma").glob("*/data_level0.bin")
    written = level.stat().st_mtime_ns
    for _ in range(2):
        with Library.open(Settings(data_dir=data, passage_words=40), HashedWords()) as library:
            assert library.index.wait(PATIENCE_SECONDS)
    assert caplog.text == ""
    assert level.stat().st_mtime_ns == written


@pytest.mark.parametrize("passages", [20, 150, 1_000])
def test_one_of_any_size_is_opened_as_it_was_left(
    passages: int, settings: Settings, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.WARNING)
    with Library.open(settings, HashedWords()) as library:
        library.add([report(n) for n in range(passages)])
        assert library.index.wait(PATIENCE_SECONDS)
    with Library.open(settings, HashedWords()) as library:
        assert library.index.wait(PATIENCE_SECONDS)
        assert library.search("What is the code name of report 7?")[0].document.key == report(7).key
    assert caplog.text == ""
