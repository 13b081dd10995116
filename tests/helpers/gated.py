"""An embedder that waits at a gate, and what is asked of a library and its intake meanwhile."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from rag import Library, Settings
from rag.embedding.local import PassageVectors
from rag.service.intake import Adding
from tests.conftest import BagOfWords

PATIENCE_SECONDS = 20


class Gated(BagOfWords):
    """An embedder that stops at what names a gate until that is opened."""

    def __init__(self) -> None:
        self.reached, self.gate = threading.Event(), threading.Event()
        self.embedded = list[str]()

    def embed_passage(self, text: str, spans: Sequence[tuple[int, int]]) -> PassageVectors:
        if "gate" in text:
            self.reached.set()
            assert self.gate.wait(PATIENCE_SECONDS)
        self.embedded.append(text)
        return super().embed_passage(text, spans)


def until(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.01)


def keys(library: Library) -> list[str]:
    return sorted(document.key for document in library.documents())


def waiting_files(settings: Settings) -> list[Path]:
    return sorted((settings.data_dir / "incoming").rglob("*.data"))


def outcomes(adding: Adding) -> list[tuple[str, str]]:
    return [(result.name, result.state) for result in adding.results]
