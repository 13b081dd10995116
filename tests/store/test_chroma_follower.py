"""Chroma as the follower: whatever becomes of its folder, the nearest passages are found."""

from __future__ import annotations

import logging
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import chromadb
import numpy as np
import pytest

from rag import Library, NewDocument, Settings, VectorIndexError
from rag.embedding.local import PassageVectors
from rag.store.catalog import Catalog
from rag.store.catalog_writer import EmbeddedPiece
from rag.store.chroma_follower import VectorIndex
from rag.text.splitting import Piece, Span
from tests.conftest import BagOfWords, child, line

DIMENSIONS = 16
# Chroma writes its index to files from 1,000 entries on; below that there is nothing to damage.
ENTRIES = 1_500
PATIENCE_SECONDS = 20


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    catalog = Catalog(tmp_path / "catalog.sqlite3")
    put(catalog, "first", ENTRIES)
    yield catalog
    catalog.close()


def put(catalog: Catalog, key: str, count: int) -> list[str]:
    """Write a document of one-letter passages with random vectors, and return their ids."""
    vectors = np.random.default_rng(len(key)).normal(size=(count, DIMENSIONS)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    pieces = [
        EmbeddedPiece(
            Piece(n, n + 1, "", None, (Span(n, n + 1, "paragraph"),)),
            f"{key}{n}",
            PassageVectors(vector, vector[None]),
        )
        for n, vector in enumerate(vectors)
    ]
    with catalog.writing() as writer:
        document = writer.put(NewDocument("x" * count, key=key), key, "1", pieces)
        return writer.passages.of_document(document.id)


@contextmanager
def followed(catalog: Catalog, embedder: str = "random") -> Iterator[VectorIndex]:
    index = VectorIndex(catalog.path.parent / "chroma", catalog, embedder)
    try:
        yield index
    finally:
        index.close()


def caught_up(index: VectorIndex) -> bool:
    return index.wait(PATIENCE_SECONDS) and index.state == "in order"


def assert_finds_the_nearest(catalog: Catalog, index: VectorIndex) -> None:
    """Assert that the five nearest of some stored vectors are found, by comparison with all."""
    with catalog.reading() as view:
        everything = view.passages.vectors_added(0)
        for row in range(0, len(everything.ids), 97):
            best = np.argsort(-(everything.matrix @ everything.matrix[row]))[:5]
            found = index.nearest(view, everything.matrix[row], 20)
            assert {everything.ids[i] for i in best} <= set(found.passage_ids)


def test_until_chroma_has_caught_up_search_is_exact_and_then_chroma_answers(catalog: Catalog):
    with followed(catalog) as index:
        assert_finds_the_nearest(catalog, index)
        assert caught_up(index)
        assert_finds_the_nearest(catalog, index)
        with catalog.reading() as view:
            assert not index.nearest(view, view.passages.sample_vectors(1).matrix[0], 5).exact


def test_chroma_leaves_the_processor_to_questions_until_it_is_waited_for(catalog: Catalog):
    with followed(catalog) as index, catalog.reading() as view:
        vector = view.passages.sample_vectors(1).matrix[0]
        until = time.monotonic() + 1.5
        while time.monotonic() < until:
            assert index.nearest(view, vector, 5).exact
            time.sleep(0.1)
        assert caught_up(index)
        assert not index.nearest(view, vector, 5).exact


def test_chroma_opens_by_itself_when_nothing_is_asked(catalog: Catalog):
    with followed(catalog) as index:
        until = time.monotonic() + PATIENCE_SECONDS
        while index.state != "in order":
            assert time.monotonic() < until, index.state
            time.sleep(0.1)


def test_a_short_use_spares_chroma(catalog: Catalog):
    with followed(catalog) as index, catalog.reading() as view:
        assert index.nearest(view, view.passages.sample_vectors(1).matrix[0], 5).exact
        started = time.monotonic()
        index.close()
    assert time.monotonic() - started < 0.5
    assert not (catalog.path.parent / "chroma").exists()


def test_the_state_says_that_changes_wait(catalog: Catalog):
    with followed(catalog) as index:
        assert caught_up(index)
        put(catalog, "another", 50)
        index.notify()
        assert "searching them exactly" in index.state
        assert caught_up(index)


def test_changes_count_at_once_and_are_applied_later(catalog: Catalog):
    with followed(catalog) as index:
        assert caught_up(index)
        added = put(catalog, "another", 200)
        with catalog.writing() as writer:
            writer.remove("first", bury=False)
        assert_finds_the_nearest(catalog, index)
        index.notify()
        assert caught_up(index)
        with catalog.reading() as view:
            [vector] = view.passages.vectors_of(added[7:8]).matrix
            found = index.nearest(view, vector, 300).passage_ids
        assert added[7] in found
        assert set(found) <= set(added)


def test_a_folder_that_vanishes_while_in_use_is_rebuilt_at_the_latest_at_the_next_start(catalog: Catalog):
    with followed(catalog) as index:
        assert caught_up(index)
        shutil.rmtree(catalog.path.parent / "chroma")
        put(catalog, "another", 50)
        index.notify()
        with catalog.reading() as view:
            assert len(index.nearest(view, view.passages.sample_vectors(1).matrix[0], 5).passage_ids) >= 5
    with followed(catalog) as index:
        assert caught_up(index)
        assert_finds_the_nearest(catalog, index)


def test_an_index_with_the_wrong_metric_is_rebuilt(catalog: Catalog, caplog: pytest.LogCaptureFixture):
    client = chromadb.PersistentClient(str(catalog.path.parent / "chroma"))
    client.create_collection("passages", metadata={"embedder": "random", "applied": 0, "dead": 0})
    client.close()
    with followed(catalog) as index:
        assert caught_up(index)
        assert_finds_the_nearest(catalog, index)
    assert "Rebuilding" in caplog.text


def test_an_index_of_another_embedder_is_rebuilt(catalog: Catalog, caplog: pytest.LogCaptureFixture):
    with followed(catalog, "random") as index:
        assert caught_up(index)
    with followed(catalog, "another") as index:
        assert caught_up(index)
        assert_finds_the_nearest(catalog, index)
    assert "another embedding model" in caplog.text


def test_an_index_in_order_is_not_rebuilt(catalog: Catalog, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.WARNING)
    for _ in range(2):
        with followed(catalog) as index:
            assert caught_up(index)
    assert caplog.text == ""


def test_an_index_that_misses_passages_is_not_asked_and_not_made_anew_again_and_again(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr("rag.store.chroma._PROBES_FOUND", 1.1)  # more than any index finds
    for _ in range(2):
        with followed(catalog) as index, catalog.reading() as view:
            assert index.wait(PATIENCE_SECONDS)
            assert index.state == "the vector index misses passages; searching exactly"
            assert index.nearest(view, view.passages.sample_vectors(1).matrix[0], 5).exact
            [file] = (catalog.path.parent / "chroma").glob("*/header.bin")
    assert "Rebuilding" not in caplog.text
    with followed(catalog) as index:
        assert index.wait(PATIENCE_SECONDS)
        assert file.exists()


def test_after_many_removals_the_files_are_made_anew_and_once(catalog: Catalog):
    def size() -> int:
        return sum(path.stat().st_size for path in (catalog.path.parent / "chroma").glob("*/data_level0.bin"))

    with followed(catalog) as index:
        assert caught_up(index)
        before = size()
        with catalog.writing() as writer:
            writer.remove("first", bury=False)
        put(catalog, "another", 20)
        index.notify()
        assert caught_up(index)
        assert_finds_the_nearest(catalog, index)
    # Else the vectors of removed passages would stay in these files for good.
    assert size() < before / 2


def test_a_small_index_writes_nothing_of_what_this_process_held_in_memory(tmp_path: Path):
    # Chroma writes the room of an index that holds nothing yet as it was allocated: keys have stood in it.
    catalog = Catalog(tmp_path / "catalog.sqlite3")
    put(catalog, "first", 20)
    with followed(catalog) as index:
        assert index.wait(PATIENCE_SECONDS)
        written = list(tmp_path.glob("chroma/*/*.bin"))
        rooms = [path.read_bytes() for path in written if path.name in ("data_level0.bin", "length.bin")]
        assert len(rooms) == 2
        assert all(rooms)
        assert not any(map(any, rooms))
    catalog.close()


def test_what_does_not_follow_neither_rebuilds_nor_waits(catalog: Catalog):
    index = VectorIndex(catalog.path.parent / "chroma", catalog, "random", follow=False)
    for call in (index.rebuild, lambda: index.wait(PATIENCE_SECONDS)):
        with pytest.raises(VectorIndexError, match="open it with `follow`"):
            call()


def keep(settings: Settings) -> None:
    """Keep Chroma's folder in a process of its own until told to close it."""
    with Library.open(settings, BagOfWords()) as library:
        library.index.wait(PATIENCE_SECONDS)
        print(library.status().index, flush=True)
        sys.stdin.read()


def test_a_second_process_searches_exactly_and_takes_over_when_the_first_is_gone(settings: Settings):
    ships = [NewDocument(f"The ship {n} has a radar.", key=f"{n}") for n in range(30)]
    with Library.open(settings, BagOfWords(), follow=False) as library:
        library.add(ships)
        expected = library.search("Which ship?", limit=30)
    with child(keep, settings) as process:
        assert line(process) == "in order"
        with Library.open(settings, BagOfWords()) as library:
            assert not library.index.wait(2)
            assert library.status().index.startswith("another process keeps the vector index")
            assert library.search("Which ship?", limit=30) == expected
            process.kill()
            process.wait()
            library.add([NewDocument("The bread of the king.", key="bread")])
            assert caught_up(library.index)
            assert library.search("Bread?")[0].document.key == "bread"


def test_answers_are_the_same_with_and_without_chroma(settings: Settings):
    texts = [f"The {one} is near the {two}. " * (n % 3 + 1) for n, (one, two) in enumerate(PAIRS * 8)]
    with Library.open(settings, BagOfWords()) as library:
        library.add(NewDocument(text, key=f"{n}") for n, text in enumerate(texts))
        assert caught_up(library.index)
        found = [library.search(question) for question in QUESTIONS]
    with Library.open(settings, BagOfWords(), follow=False) as library:
        assert [library.search(question) for question in QUESTIONS] == found


PAIRS = [("ship", "harbour"), ("king", "bread"), ("radar", "ship"), ("gate", "wall"), ("bread", "gate")]
QUESTIONS = ["Where is the ship?", "What does the king eat?", "gate", "Is there a radar in the harbour?"]
