"""The app's start where the embedding model has been changed: it embeds everything anew and says so."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rag import CatalogError, Library, NewDocument, Settings
from rag.service.engine import Engine
from tests.conftest import BagOfWords
from tests.helpers.embedding_server import Server, embedding_server, gives_vectors, refuses, waits
from tests.helpers.gated import until

SHIP = NewDocument("The ship has a radar.", title="Ship", key="ship")
ANEW = "The embedding model has changed: embedding the articles anew"


@pytest.fixture
def server(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """An endpoint that the app is to change to, with a library of another embedding model."""
    with Library.open(settings, BagOfWords(), follow=False) as library:
        library.add([SHIP])
    with embedding_server() as server:
        monkeypatch.setenv("FOOTNOTE_DATA_DIR", str(settings.data_dir))
        monkeypatch.setenv("FOOTNOTE_CORPUS_DIR", str(settings.corpus_dir))
        monkeypatch.setenv("FOOTNOTE_EMBEDDING_MODEL", "bag")
        monkeypatch.setenv("FOOTNOTE_EMBEDDING_BASE_URL", server.url)
        yield server


@pytest.fixture
def shared(server: Server) -> Iterator[Callable[[], Engine]]:
    opened = list[Engine]()

    def opens() -> Engine:
        opened.append(Engine.open())
        return opened[-1]

    yield opens
    for engine in opened:
        engine.close()


def test_everything_is_embedded_anew_at_the_start(server: Server, shared: Callable[[], Engine]):
    def act(connection):
        waits(0.5)(connection)
        gives_vectors(connection)

    server.act = act
    engine = shared()
    until(lambda: engine.doing == ANEW)
    assert engine.assistant.ask("What does the ship have?").text == SHIP.text
    assert engine.indexing.wait(10)
    assert engine.doing == "Reading the articles"
    assert engine.indexing.error == ""
    assert engine.library.embedding.left() == 0
    assert f"embedded with bag at {server.host}" in engine.library.status().embedder


def test_an_endpoint_that_starts_later_than_the_app_is_tried_again(
    server: Server, shared: Callable[[], Engine], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("rag.service.engine._AGAIN_SECONDS", 0.1)
    monkeypatch.setattr("rag.embedding.endpoint._REST_SECONDS", 0.0)
    server.act = refuses(401)
    engine = shared()
    until(lambda: "refuses the key" in engine.indexing.error)
    answer = engine.assistant.ask("What does the ship have?")
    assert answer.text == SHIP.text
    assert answer.remark
    server.act = gives_vectors
    until(lambda: engine.library.embedding.left() == 0)
    until(lambda: engine.indexing.done and not engine.indexing.error)


def test_a_new_article_is_added_while_the_model_fails_as_soon_as_it_does_not(
    server: Server, shared: Callable[[], Engine], settings: Settings
):
    settings.corpus_dir.mkdir(parents=True, exist_ok=True)
    Path(settings.corpus_dir, "king.md").write_text("# King\n\nThe king eats bread.\n")
    server.act = refuses(404)
    engine = shared()
    assert engine.indexing.wait(20)
    assert "check FOOTNOTE_EMBEDDING_MODEL" in engine.indexing.error
    assert [document.key for document in engine.library.documents()] == ["ship"]


def test_a_folder_that_is_missing_at_the_start_keeps_nobody_from_asking(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    settings.corpus_dir.mkdir()
    (settings.corpus_dir / "ship.md").write_text("The ship has a radar.")
    far = settings.corpus_dir.with_name("drive")
    monkeypatch.setenv("FOOTNOTE_DATA_DIR", str(settings.data_dir))
    monkeypatch.setenv("FOOTNOTE_CORPUS_DIR", str(settings.corpus_dir))
    monkeypatch.setenv("FOOTNOTE_FOLDERS", str(far))
    engine = Engine.open()
    try:
        assert engine.indexing.wait(20)
        assert engine.following.state.missing == (f"{far}/",)
        assert f"FOOTNOTE_FOLDERS names {far}, which is no folder here" in caplog.text
        assert len(engine.library.documents()) == 1
        far.mkdir()
        (far / "king.md").write_text("The king eats bread.")
        until(lambda: len(engine.library.documents()) == 2)
    finally:
        engine.close()


def test_a_library_whose_conversations_cannot_be_opened_is_closed_again(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("FOOTNOTE_DATA_DIR", str(settings.data_dir))
    monkeypatch.setenv("FOOTNOTE_CORPUS_DIR", str(settings.corpus_dir))
    settings.data_dir.mkdir(parents=True)
    (settings.data_dir / "conversations.sqlite3").write_bytes(b"no database " * 1000)
    with pytest.raises(CatalogError):
        Engine.open()
    assert "backup" not in {thread.name for thread in threading.enumerate()}
