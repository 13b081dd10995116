"""What the tests of the engine share: an embedder to check by hand, settings and a library."""

from __future__ import annotations

import math
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import numpy as np
import pytest

from rag import Assistant, Library, LocalEmbeddings, Settings
from rag.embedding.local import PassageVectors, Vector
from rag.embedding.word_vectors import NO_WORDS, WordVectors

if TYPE_CHECKING:
    from tests.helpers.app_server import Server

# A shared machine can be slow at any moment, and that is no bug.
hypothesis.settings.register_profile("footnote", deadline=None)
hypothesis.settings.load_profile("footnote")

ROOT = Path(__file__).parent.parent
AXES = ("ship", "harbour", "radar", "bread", "king")


class BagOfWords:
    """An embedder whose vectors can be worked out by hand.

    Each word of `AXES` has an axis, and a text's vector counts them, normalised: "Ship, ship, radar"
    is (2, 0, 1, 0, 0, 0) / √5. A text with none of them is (0, 0, 0, 0, 0, 1).
    """

    name = "bag-of-words"
    dimensions = len(AXES) + 1
    languages: frozenset[str] = frozenset()
    has_words = False

    def embed_question(self, text: str) -> Vector:
        words = re.findall(r"\w+", text.lower())
        counts = [words.count(word) for word in AXES]
        vector = [*counts, 0 if any(counts) else 1]
        return np.array(vector, np.float32) / np.float32(math.hypot(*vector))

    def embed_question_words(self, text: str) -> tuple[Vector, WordVectors]:
        return self.embed_question(text), NO_WORDS

    def embed_passage(self, text: str, spans: Sequence[tuple[int, int]]) -> PassageVectors:
        rows = [self.embed_question(text[start:end]) for start, end in spans]
        whole = self.embed_question(text)
        return PassageVectors(whole, np.array(rows, np.float32).reshape(-1, self.dimensions))


@contextmanager
def child(function: Callable[[Settings], None], settings: Settings) -> Iterator[subprocess.Popen[str]]:
    """Run a function of a test file in a process of its own, which is killed at the end at the latest.

    Not by multiprocessing: its children run ``__main__`` first, and Streamlit's AppTest replaces that.
    """
    script = (
        f"import sys, rag, {function.__module__} as tests;"
        f" tests.{function.__name__}(rag.Settings(data_dir=sys.argv[1]))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(settings.data_dir)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")])},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def line(process: subprocess.Popen[str]) -> str:
    """Return the next line that a child prints; "" if it has ended."""
    assert process.stdout
    return process.stdout.readline().rstrip("\n")


@pytest.fixture(autouse=True)
def _no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith(("OPENAI_", "FOOTNOTE_")):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The app in a process of its own, reached through a proxy too, for tests that leave its library alone."""
    from tests.helpers.app_server import Server

    server = Server(tmp_path_factory.mktemp("running"), FOOTNOTE_HOSTS="footnote.example.org")
    server.start()
    yield server
    server.stop()
    server.log.close()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data", corpus_dir=tmp_path / "corpus")


@pytest.fixture
def library(settings: Settings) -> Iterator[Library]:
    """An empty library on the bag of words, without Chroma, which has tests of its own."""
    with Library.open(settings, BagOfWords(), follow=False) as library:
        yield library


@pytest.fixture(scope="session")
def packaged() -> LocalEmbeddings:
    """The packaged model, for tests in which meaning matters."""
    return LocalEmbeddings.from_settings(Settings())


@pytest.fixture(scope="session")
def samples(tmp_path_factory: pytest.TempPathFactory, packaged: LocalEmbeddings) -> Iterator[Assistant]:
    """An assistant on the sample articles, which no test changes."""
    settings = Settings(data_dir=tmp_path_factory.mktemp("samples"))
    with Library.open(settings, packaged, follow=False) as library:
        library.sync(Path(__file__).parent.parent / "corpus")
        yield Assistant(library, settings)
