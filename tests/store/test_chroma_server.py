"""A Chroma server that several apps share: a real one, which is stopped, emptied and held up."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import chromadb
import pytest

from rag import Library, Settings
from rag.store.chroma import _chroma_settings
from rag.store.chroma_follower import OUT_OF_REACH
from rag.upkeep.indexing import wait_for_index
from scripts.torture import HashedWords, report
from tests.conftest import child, line

PATIENCE_SECONDS = 20
QUESTIONS = ["What is the code name of report 7?", "the treaty of the harbour", "a museum by the river"]


class Server:
    """`chroma run` on a port of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.start()

    def start(self) -> None:
        command = [str(Path(sys.executable).parent / "chroma"), "run", "--path", str(self.folder)]
        self.process = subprocess.Popen(
            [*command, "--host", "127.0.0.1", "--port", str(self.port)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                assert time.monotonic() < until, "chroma run doesn't start"
                time.sleep(0.1)

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()

    def client(self) -> chromadb.ClientAPI:
        return chromadb.HttpClient(host=self.url, settings=_chroma_settings())


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path / "server")
    yield server
    server.stop()


def opened(server: Server, data: Path) -> Library:
    return Library.open(Settings(data_dir=data, chroma_url=server.url), HashedWords())


def until_state(library: Library, state: str) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while library.status().index != state:
        assert time.monotonic() < until, library.status().index
        time.sleep(0.05)


def results(library: Library, question: str) -> list[tuple[str, str, float]]:
    hits = library.search(question)
    # The last bits of a dot product depend on where its row stands.
    return [(hit.document.key, hit.document.version, round(hit.score, 5)) for hit in hits]


def assert_searches_as_without_chroma(library: Library) -> None:
    with Library.open(Settings(data_dir=library.settings.data_dir), HashedWords(), follow=False) as exact:
        for question in QUESTIONS:
            assert results(library, question) == results(exact, question)


def test_two_apps_share_a_server_and_one_of_them_keeps_its_collection(server: Server, tmp_path: Path):
    with opened(server, tmp_path / "data") as keeper:
        keeper.add(report(n) for n in range(30))
        until_state(keeper, "in order")
        assert not (tmp_path / "data" / "chroma").exists()
        with opened(server, tmp_path / "data") as other:
            until_state(other, "in order")
            assert_searches_as_without_chroma(other)
            for writer, reader in ((keeper, other), (other, keeper)):
                [added] = writer.add([report(100 + reader.status().documents)]).added
                assert reader.search(added.title)[0].document.id == added.id
                writer.remove(added.id)
                assert added.id not in [hit.document.id for hit in reader.search(added.title)]
            # What the other one adds is applied by the keeper.
            other.add([report(500)])
            keeper.index.notify()
            until_state(other, "in order")
            [collection] = server.client().list_collections()
            assert collection.count() == 31
            assert_searches_as_without_chroma(other)
        assert_searches_as_without_chroma(keeper)


def test_two_libraries_on_one_server_do_not_meet(server: Server, tmp_path: Path):
    with opened(server, tmp_path / "one") as one, opened(server, tmp_path / "two") as two:
        one.add(report(n) for n in range(20))
        two.add(report(n) for n in range(20, 25))
        for library in (one, two):
            until_state(library, "in order")
            assert library.index.wait(PATIENCE_SECONDS)
            assert_searches_as_without_chroma(library)
        assert sorted(c.count() for c in server.client().list_collections()) == [5, 20]


def test_a_server_that_goes_and_comes_back_empty_is_filled_again(server: Server, tmp_path: Path):
    with opened(server, tmp_path / "data") as library:
        library.add(report(n) for n in range(30))
        until_state(library, "in order")
        server.stop()
        assert_searches_as_without_chroma(library)
        until_state(library, OUT_OF_REACH)
        library.add([report(30)])
        assert_searches_as_without_chroma(library)
        server.folder = tmp_path / "empty"
        server.start()
        until_state(library, "in order")
        assert_searches_as_without_chroma(library)
        assert [c.count() for c in server.client().list_collections()] == [31]


def test_a_server_that_hangs_holds_a_question_up_for_about_a_second(server: Server, tmp_path: Path):
    with opened(server, tmp_path / "data") as library:
        library.add(report(n) for n in range(30))
        until_state(library, "in order")
        server.process.send_signal(signal.SIGSTOP)
        started = time.monotonic()
        assert_searches_as_without_chroma(library)
        assert time.monotonic() - started < 4
        until_state(library, OUT_OF_REACH)
        server.process.send_signal(signal.SIGCONT)
        until_state(library, "in order")


def test_no_server_at_all_is_no_error(tmp_path: Path):
    settings = Settings(data_dir=tmp_path, chroma_url="http://127.0.0.1:9")
    with Library.open(settings, HashedWords()) as library:
        library.add(report(n) for n in range(5))
        until_state(library, OUT_OF_REACH)
        assert_searches_as_without_chroma(library)


@pytest.mark.parametrize("how", ["gone", "fewer", "more", "wrong metric", "another embedder", "ahead"])
def test_a_collection_that_is_not_as_it_should_be_is_made_anew(server: Server, tmp_path: Path, how: str):
    with opened(server, tmp_path / "data") as library:
        library.add(report(n) for n in range(30))
        until_state(library, "in order")
    client = server.client()
    [collection] = client.list_collections()
    metadata = dict(collection.metadata)
    if how == "fewer":
        collection.delete(ids=collection.get(include=[])["ids"][:3])
    elif how == "more":
        collection.add(ids=["stray"], embeddings=[[1.0] * 32])
    elif how == "another embedder":
        collection.modify(metadata=metadata | {"embedder": "another"})
    elif how == "ahead":
        collection.modify(metadata=metadata | {"applied": 1_000_000})
    else:
        client.delete_collection(collection.name)
    if how == "wrong metric":
        client.create_collection(collection.name, metadata=metadata)
    with opened(server, tmp_path / "data") as library:
        assert_searches_as_without_chroma(library)
        until_state(library, "in order")
        assert_searches_as_without_chroma(library)
        assert library.embedder.passages_embedded == 0  # type: ignore[attr-defined]  # HashedWords counts
    [collection] = client.list_collections()
    assert collection.count() == 30
    assert collection.configuration["hnsw"]["space"] == "cosine"


def write_and_answer(settings: Settings) -> None:
    """Add and remove as told by lines of input, in a process of its own."""
    settings = settings.model_copy(update={"chroma_url": os.environ["SERVER"]})
    with Library.open(settings, HashedWords()) as library:
        print("open", flush=True)
        for order in sys.stdin:
            what, number = order.split()
            document = report(int(number))
            if what == "add":
                [document_id] = [added.id for added in library.add([document]).added]
            else:
                [document_id] = [held.id for held in library.documents() if held.key == document.key]
                library.remove(document_id)
            print(document_id, flush=True)


def test_two_processes_share_a_server(server: Server, settings: Settings, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SERVER", server.url)
    with opened(server, settings.data_dir) as library:
        library.add(report(n) for n in range(30))
        until_state(library, "in order")
        with child(write_and_answer, settings) as other:
            assert line(other) == "open"
            assert other.stdin
            for number in range(100, 120):
                for what in ("add", "remove"):
                    other.stdin.write(f"{what} {number}\n")
                    other.stdin.flush()
                    document_id = line(other)
                    hits = library.search(report(number).title, limit=30)
                    # What the writer has said is done holds for the next question anywhere.
                    assert (document_id in [hit.document.id for hit in hits]) == (what == "add")
            wait_for_index(library)
            assert_searches_as_without_chroma(library)
            # The keeper ends, and the other process takes over.
            library.close()
            other.stdin.write("add 200\n")
            other.stdin.flush()
            line(other)
        with opened(server, settings.data_dir) as library:
            wait_for_index(library)
            assert_searches_as_without_chroma(library)
            [collection] = server.client().list_collections()
            assert collection.count() == 31
