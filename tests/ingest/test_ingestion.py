"""Ingestion: all cores at work, and each document whole whatever happens beside it."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator, Sequence

import pytest

from rag import Block, Library, NewDocument, Progress, Settings
from rag.embedding.local import PassageVectors
from rag.ingest.jobs import Contents, Job
from tests.conftest import BagOfWords

PATIENCE_SECONDS = 20


class InPairs(BagOfWords):
    """An embedder that gives nothing until two passages are being embedded."""

    def __init__(self) -> None:
        self._pair = threading.Barrier(2)

    def embed_passage(self, text: str, spans: Sequence[tuple[int, int]]) -> PassageVectors:
        self._pair.wait(PATIENCE_SECONDS)
        return super().embed_passage(text, spans)


@pytest.fixture
def paired(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Library]:
    """A library on a machine of two cores."""
    for module in ("ingestion", "passages"):
        monkeypatch.setattr(f"rag.ingest.{module}.cores", lambda: 2)
    with Library.open(settings, InPairs(), follow=False) as library:
        yield library


def test_passages_of_one_document_are_embedded_on_all_cores(paired: Library):
    text = "\n\n".join(f"The ship {n} " + "is in the harbour " * 35 + "today." for n in range(4))
    [added] = paired.add([NewDocument(text)]).added
    assert added.passages % 2 == 0


def test_short_documents_are_embedded_on_all_cores(paired: Library):
    report = paired.add(NewDocument(f"The ship has the number {n}.") for n in range(6))
    assert [document.passages for document in report.added] == [1] * 6


def test_the_same_key_twice_is_an_addition_and_an_update(library: Library):
    report = library.add([NewDocument(f"The king eats bread {n} times.", key="king") for n in (1, 2)])
    assert (len(report.added), len(report.updated)) == (1, 1)
    assert [hit.passage.text for hit in library.search("king")] == ["The king eats bread 2 times."]


def test_the_same_document_twice_is_added_once(library: Library):
    report = library.add([NewDocument("The king eats bread.", key="king")] * 2)
    assert (len(report.added), len(report.unchanged)) == (1, 1)


def test_what_interrupts_leaves_whole_documents(library: Library):
    text = "\n\n".join("The ship " + "is in the harbour " * 30 + "today." for n in range(25))

    def stop_within_the_second(now: Progress) -> None:
        if now.done == 1 and now.part:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        library.add(
            [NewDocument(f"Ship {n}. {text}", key=f"ship {n}") for n in range(4)], stop_within_the_second
        )
    assert [document.key for document in library.documents()] == ["ship 0"]
    assert library.status().passages == library.documents()[0].passages
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("embedding")]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere threads have no priority of their own")
def test_embedding_gives_way_to_questions(settings: Settings):
    def priority() -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    priorities = set[int]()

    class Noting(BagOfWords):
        def embed_passage(self, text: str, spans: Sequence[tuple[int, int]]) -> PassageVectors:
            priorities.add(priority())
            return super().embed_passage(text, spans)

    own = priority()
    with Library.open(settings, Noting(), follow=False) as library:
        library.add([NewDocument("The king eats bread.")])
    assert min(priorities) >= max(10, own)
    assert priority() == own


class Counting(BagOfWords):
    """An embedder that counts, and that asks for an end once it has embedded so many passages."""

    def __init__(self, end_after: int) -> None:
        self._left = end_after
        self.embedded = 0
        self.is_over = threading.Event()

    def embed_passage(self, text: str, spans: Sequence[tuple[int, int]]) -> PassageVectors:
        self.embedded += 1
        if self.embedded == self._left:
            self.is_over.set()
        return super().embed_passage(text, spans)


def test_what_is_cancelled_between_documents_keeps_those_that_are_done(settings: Settings):
    embedder = Counting(10)
    with Library.open(settings, embedder, follow=False) as library:
        ships = [NewDocument(f"The ship has the number {n}.", key=f"ship {n}") for n in range(100)]
        report = library.add(ships, cancelled=embedder.is_over.is_set)
        assert report.cancelled
        held = sorted(document.key for document in library.documents())
        assert held == sorted(document.key for document in report.added)
        assert held == sorted(f"ship {n}" for n in range(len(held))), "the first ones, in their order"
        assert embedder.embedded < 40
        rest = library.add(ships)
        assert not rest.cancelled
        assert len(rest.unchanged) == len(held)
        assert len(library.documents()) == 100


def test_what_is_cancelled_within_a_document_leaves_nothing_of_it(settings: Settings):
    embedder = Counting(5)
    text = "\n\n".join(f"The ship {n} " + "is in the harbour " * 30 + "today." for n in range(60))
    with Library.open(settings, embedder, follow=False) as library:
        library.add([NewDocument("The king eats bread.", key="king")])
        report = library.add([NewDocument(text, key="ships")], cancelled=embedder.is_over.is_set)
        assert (report.added, report.cancelled) == ([], True)
        assert [document.key for document in library.documents()] == ["king"]
        assert library.status().passages == 1
        assert embedder.embedded < 20


def test_an_update_that_is_cancelled_leaves_the_former_version(settings: Settings):
    embedder = Counting(2)
    with Library.open(settings, embedder, follow=False) as library:
        library.add([NewDocument("The king eats bread.", key="king")])
        report = library.add(
            [NewDocument("The king has a ship.", key="king")], cancelled=embedder.is_over.is_set
        )
        assert (report.updated, report.cancelled) == ([], True)
        assert [hit.passage.text for hit in library.search("king")] == ["The king eats bread."]


def test_reading_a_folder_goes_on_where_it_was_cancelled(settings: Settings):
    settings.corpus_dir.mkdir()
    for n in range(30):
        (settings.corpus_dir / f"{n:02}.txt").write_text(f"The ship has the number {n}.")
    embedder = Counting(10)
    with Library.open(settings, embedder, follow=False) as library:
        first = library.sync(settings.corpus_dir, cancelled=embedder.is_over.is_set)
        assert first.cancelled
        second = library.sync(settings.corpus_dir)
        assert len(first.added) + len(second.added) == 30
        assert len(second.unchanged) <= 1, "only a file that was added and not yet noted as read"


def test_the_progress_of_a_file_with_many_documents_never_goes_back(library: Library):
    long = "\n\n".join("The ship " + "is in the harbour " * 30 + "today." for _ in range(25))
    rows = [NewDocument(f"Ship {n}. {long}", key=f"ship {n}") for n in range(4)]
    told = list[Progress]()
    library.ingest(
        [Job("a.csv", lambda: Contents(rows)), Job("b.csv", lambda: Contents(rows[:2]))], 2, told.append
    )
    assert [now.done + now.part for now in told] == sorted(now.done + now.part for now in told)
    assert {now.part for now in told if now.done == 0} > {0.25, 0.5, 0.75}


def test_an_error_of_the_model_reaches_who_adds(settings: Settings):
    class Failing(BagOfWords):
        def embed_passage(self, text: str, spans: Sequence[tuple[int, int]]) -> PassageVectors:
            if "radar" in text:
                raise RuntimeError("out of memory")
            return super().embed_passage(text, spans)

    with Library.open(settings, Failing(), follow=False) as library:
        with pytest.raises(RuntimeError, match="out of memory"):
            library.add(
                NewDocument(f"The {thing} is here.", key=thing) for thing in ("ship", "radar", "king")
            )
        assert [document.key for document in library.documents()] == ["ship"]


def test_what_stands_with_every_passage_has_a_largest_size(settings: Settings, library: Library):
    sentences = "The ship is in the harbour, and the king eats bread. " * 4_000
    long = "king " * 10_000
    table = f"{'|'.join(['king'] * 10_000)}\n" + "ship | harbour | bread\n" * 3_000
    rows = [line for line in table.splitlines() if line]
    starts = [sum(len(row) + 1 for row in rows[:n]) for n in range(len(rows))]
    blocks = [
        Block("table_row" if n else "table_header", start, start + len(row))
        for n, (start, row) in enumerate(zip(starts, rows, strict=True))
    ]
    heading = Block("heading", 0, len(long) - 1, 2)
    body = Block("paragraph", len(long) + 1, len(long) + len(sentences))
    report = library.add(
        [
            NewDocument(sentences, title=long),
            NewDocument(f"{long.strip()}\n\n{sentences.strip()}", title="Heading", blocks=(heading, body)),
            NewDocument(table.strip(), title="Table", blocks=tuple(blocks)),
        ]
    )
    assert report.failed == []
    titles = [document.title for document in report.added]
    assert titles == [long[:999] + "…", "Heading", "Table"]
    assert sum(path.stat().st_size for path in settings.data_dir.rglob("*") if path.is_file()) < 20 * 1024**2
