"""What files try that are made to do harm: each gets its documents or a sentence, and nothing else happens."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from rag import Library, Loaded
from rag.keys import is_within
from rag.loading.loaders import load_bytes
from rag.loading.process.worker import Worker
from tests.helpers.hostile_files import CANARY, TEXT, hostile_files, mutations, valid_files

SECONDS = 4.0
"""What a file may take here, so that the tests are done soon; the app waits for thirty."""
_MUTATIONS = 14


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> Iterator[Worker]:
    worker = Worker(seconds=SECONDS)
    monkeypatch.setattr("rag.loading.process.worker._worker", worker)
    yield worker
    worker.close()


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    secret = tmp_path_factory.mktemp("outside") / "secret.txt"
    secret.write_text(CANARY)
    return hostile_files(str(secret))


def check(name: str, data: bytes) -> Loaded:
    """Read a file, and check that no more came of it than documents and sentences."""
    begin = time.monotonic()
    loaded = load_bytes(name, data, "key")
    assert time.monotonic() - begin < SECONDS + 6
    assert loaded.documents or loaded.failed
    for error in loaded.failed:
        assert error.reason.isprintable()
        assert len(error.reason) < 1_500
        assert error.reason.endswith(".")
        assert all(is_within(key, "key") for key in error.keys)
    for document in loaded.documents:
        assert is_within(document.key, "key")
        assert CANARY not in document.text + document.title + document.source
    assert sum(len(document.text) for document in loaded.documents) <= 300_000_000
    return loaded


@pytest.mark.usefixtures("worker")
def test_files_that_are_made_to_do_harm(files: dict[str, bytes]):
    assert len(files) > 100
    wrong = list[str]()
    for name, data in files.items():
        try:
            check(name, data)
        except AssertionError as error:
            wrong.append(f"{name[:60]!r}: {str(error)[:300]}")
    assert wrong == []
    assert not Path("/tmp/footnote-evil.txt").exists()
    assert load_bytes("a.csv", b"title,text\na,b\n", "key").documents, "and others are read after them"


@pytest.mark.usefixtures("worker")
def test_valid_files_are_read_and_their_mutations_break_nothing():
    for seed, (name, data) in enumerate(valid_files().items()):
        assert not load_bytes(name, data, "key").failed, name
        for number, changed in enumerate(mutations(data, _MUTATIONS, seed)):
            try:
                check(name, changed)
            except AssertionError as error:
                pytest.fail(f"{name}, mutation {number}: {error}")


@pytest.mark.parametrize("name", [signal.SIGSEGV, signal.SIGABRT, signal.SIGKILL])
def test_a_native_crash_is_a_sentence_and_the_next_file_is_read(worker: Worker, name: signal.Signals):
    worker._seconds = 30.0
    load_bytes("a.csv", b"title,text\na,b\n", "key")
    process = worker._process
    assert process is not None

    def crash() -> bool:
        """Be asked whether the file is still wanted, which is while it is read."""
        with suppress(ProcessLookupError):
            os.kill(process.pid, name)
        return False

    slow = b"[" + b'{"text": "The bridge."},' * 1_000_000 + b"{}]"
    [error] = load_bytes("a.json", slow, "key", cancelled=crash).failed
    assert "broke off while it was read" in error.reason
    assert load_bytes("a.txt", TEXT.encode(), "key").documents
    assert load_bytes("a.csv", b"title,text\na,b\n", "key").documents


@pytest.mark.usefixtures("worker")
def test_what_hostile_files_hold_can_be_added_and_found(library: Library, files: dict[str, bytes]):
    names = ("tags.txt", "traversing.zip", "odd names.zip", "surrogate.json", "entities outside.epub")
    for name in names:
        report = library.add(load_bytes(name, files[name], f"upload:{name}").documents)
        assert not [error for error in report.failed if "character" not in error.reason]
    for document in library.documents():
        assert document.title.isprintable()
        (document.key + document.title).encode()
