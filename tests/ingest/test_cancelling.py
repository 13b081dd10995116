"""Whatever stage a large document is at when it is cancelled, adding ends within a second."""

from __future__ import annotations

import base64
import random
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from rag import AddReport, Library, LocalEmbeddings, NewDocument, Settings
from rag.documents import Block
from rag.ingest import passages
from rag.store import stories
from rag.store.catalog_writer import CatalogWriter

SENTENCE = "The ship of the harbour has the radar number {} and the king eats bread. "
SECONDS = 2.0
"""One, and one for a machine that has other things to do."""


def text(characters: int, seed: int = 0) -> str:
    count = characters // len(SENTENCE)
    return "".join(SENTENCE.format(number * 7919 + seed) for number in range(count))


class Cancelled:
    """Cancels as soon as a stage is reached, and knows how long it took from then on."""

    def __init__(self, after_seconds: float = 0.0) -> None:
        self.event = threading.Event()
        self.began = 0.0
        self._after_seconds = after_seconds

    def reached(self) -> None:
        if not self.began:
            self.began = time.monotonic() + self._after_seconds
            threading.Timer(self._after_seconds, self.event.set).start()

    def at(self, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str) -> None:
        """Cancel when this function is called."""
        function: Callable[..., Any] = getattr(owner, name)

        def called(*arguments: Any, **named: Any) -> Any:
            self.reached()
            return function(*arguments, **named)

        monkeypatch.setattr(owner, name, called)

    def add(self, library: Library, document: NewDocument) -> AddReport:
        report = library.add([document], cancelled=self.event.is_set)
        assert self.began
        assert time.monotonic() - self.began < SECONDS
        return report


def one_paragraph(characters: int, seed: int = 0) -> NewDocument:
    content = text(characters, seed)
    return NewDocument(content, key="large", blocks=(Block("paragraph", 0, len(content)),))


def forecast(number: int) -> NewDocument:
    """Return a text with the words of all others of its kind and other numbers: it has to be compared."""
    chosen = random.Random(1)
    words = ["".join(chosen.choices("abcdefgh", k=7)) for _ in range(15_000)]
    words[::30] = [str(place * 10 + number) for place in range(len(words[::30]))]
    return NewDocument(" ".join(words) + ".", key=f"forecast {number}")


def check_nothing_of_it_is_there(library: Library, report: AddReport) -> None:
    assert report.cancelled
    assert not report.added
    assert not report.updated
    assert library.add([NewDocument("The king.", key="small")]).added, "others can be added at once"


def test_while_the_structure_of_a_pasted_text_is_looked_for(library: Library):
    cancelled = Cancelled(0.5)
    cancelled.reached()
    report = cancelled.add(library, NewDocument("The ship.\n" * 1_500_000))
    check_nothing_of_it_is_there(library, report)


def test_while_it_is_split(library: Library, monkeypatch: pytest.MonkeyPatch):
    cancelled = Cancelled(0.3)
    cancelled.at(monkeypatch, passages, "split_document")
    check_nothing_of_it_is_there(library, cancelled.add(library, one_paragraph(8_000_000)))


def test_while_it_is_embedded(settings: Settings, packaged: LocalEmbeddings):
    cancelled = Cancelled(0.5)
    # Of all texts these have the most tokens.
    picture = base64.b64encode(random.Random(1).randbytes(150_000)).decode()
    with Library.open(settings, packaged, follow=False) as library:
        cancelled.reached()
        report = cancelled.add(library, NewDocument(f"The harbour. {picture}", key="large"))
        assert report.cancelled
        assert library.documents() == []


@pytest.mark.parametrize(("stage", "after_seconds"), [("put", 0.02), ("_delete", 0.0)])
def test_while_it_is_written(
    library: Library, monkeypatch: pytest.MonkeyPatch, stage: str, after_seconds: float
):
    library.add([one_paragraph(800_000)])
    cancelled = Cancelled(after_seconds)
    cancelled.at(monkeypatch, CatalogWriter, stage)
    report = cancelled.add(library, one_paragraph(800_000, seed=1))
    check_nothing_of_it_is_there(library, report)
    [held] = [one for one in library.documents() if one.key == "large"]
    assert "number 7920 " not in library.document(held.id).text, "the version before is there as it was"


def test_while_it_is_compared_with_what_may_be_copies(library: Library, monkeypatch: pytest.MonkeyPatch):
    library.add([forecast(number) for number in range(8)])
    compared = list[object]()
    compare = stories.are_one_story
    monkeypatch.setattr(stories, "are_one_story", lambda *two: compared.append(1) or compare(*two))
    cancelled = Cancelled()
    cancelled.at(monkeypatch, stories.StoryIndex, "_same_story")
    check_nothing_of_it_is_there(library, cancelled.add(library, forecast(8)))
    assert len(compared) < 8
