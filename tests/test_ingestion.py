"""Ingestion: all cores at work, and each document whole whatever happens beside it."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence

import pytest
from conftest import BagOfWords

from rag import Library, NewDocument, Progress, Settings
from rag.embeddings import PassageVectors

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
    monkeypatch.setattr("rag.ingestion.cores", lambda: 2)
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
