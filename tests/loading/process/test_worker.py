"""A file that breaks its parser breaks nothing else."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from rag import Cancelled
from rag.loading.formats import File
from rag.loading.loaders import load_bytes
from rag.loading.process.worker import Worker

TABLE = b"title,text\nThe bridge,It was opened in the spring.\n"


@pytest.fixture
def worker() -> Iterator[Worker]:
    worker = Worker()
    yield worker
    worker.close()


def read(worker: Worker, data: bytes) -> str:
    """Return the titles of the documents or the sentence."""
    loaded = worker.read(File("a.csv", data, "key", 10**8))
    return ", ".join([d.title for d in loaded.documents] + [error.reason for error in loaded.failed])


def test_one_process_reads_many_files(worker: Worker) -> None:
    assert read(worker, TABLE) == "The bridge"
    process = worker._process
    assert read(worker, TABLE) == "The bridge"
    assert worker._process is process


def test_one_process_reads_many_files_also_where_the_app_is_large(worker: Worker) -> None:
    app = b"x" * (600 * 1024**2)
    read(worker, TABLE)
    process = worker._process
    read(worker, TABLE)
    assert worker._process is process is not None
    del app


def test_a_process_that_was_killed_is_begun_anew(worker: Worker) -> None:
    read(worker, TABLE)
    assert worker._process is not None
    os.kill(worker._process.pid, signal.SIGKILL)
    worker._process.wait()
    assert read(worker, TABLE) == "The bridge"


def test_a_file_that_takes_too_long(worker: Worker) -> None:
    slow = Worker(seconds=0.001)
    assert read(slow, TABLE).startswith("a.csv took more than")
    slow.close()


def test_a_file_that_is_no_longer_wanted_is_given_up_while_it_is_read(worker: Worker) -> None:
    read(worker, TABLE)
    process, began = worker._process, time.monotonic()
    assert process is not None
    wanted_no_more = threading.Event()
    threading.Timer(0.3, wanted_no_more.set).start()
    slow = b"[" + b'{"text": "The bridge."},' * 1_000_000 + b"{}]"
    with pytest.raises(Cancelled):
        worker.read(File("a.json", slow, "key", 10**8), wanted_no_more.is_set)
    assert process.wait(5) == -signal.SIGKILL
    assert time.monotonic() - began < 5
    assert read(worker, TABLE) == "The bridge"


def test_a_file_that_waits_for_another_can_be_given_up(worker: Worker) -> None:
    slow = b"[" + b'{"text": "The bridge."},' * 1_000_000 + b"{}]"
    over, begun = threading.Event(), threading.Event()

    def read_slowly() -> None:
        with suppress(Cancelled):
            worker.read(File("a.json", slow, "key", 10**8), lambda: begun.set() or over.is_set())

    other = threading.Thread(target=read_slowly)
    other.start()
    assert begun.wait(20)
    with pytest.raises(Cancelled):
        worker.read(File("b.csv", TABLE, "key", 10**8), lambda: True)
    over.set()
    other.join()


def test_a_file_that_takes_too_much_memory() -> None:
    small = Worker(memory_bytes=300 * 1024**2)
    loaded = small.read(File("a.json", b"[" + b"{}," * 6_000_000 + b"{}]", "key", 10**8))
    [error] = loaded.failed
    assert error.reason.startswith(("a.json needs more", "a.json broke off"))
    assert read(small, TABLE) == "The bridge"
    small.close()


def test_after_an_interruption_the_next_file_is_not_taken_for_the_one_before(worker: Worker) -> None:
    read(worker, TABLE)
    assert worker._process is not None
    process = worker._process.pid
    os.kill(process, signal.SIGSTOP)

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        with pytest.raises(KeyboardInterrupt):
            read(worker, TABLE.replace(b"bridge", b"ferry"))
    finally:
        signal.signal(signal.SIGALRM, before)
    with suppress(ProcessLookupError):
        os.kill(process, signal.SIGCONT)
    assert read(worker, TABLE) == "The bridge"


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="only Linux shows it")
def test_the_process_knows_no_secrets(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_BASE_URL", "FOOTNOTE_CHROMA_URL", "db_password", "PGPASSFILE", "HARBOUR", "TZ"):
        monkeypatch.setenv(name, "quay")
    read(worker, TABLE)
    assert worker._process is not None
    known = Path(f"/proc/{worker._process.pid}/environ").read_text().split("\0")
    assert [entry for entry in known if entry.endswith("=quay")] == ["TZ=quay"]


TELLS_ITS_MODULES = """
import json, sys
import rag.loading.dispatch
from rag.documents import Loaded, NewDocument

read_really = rag.loading.dispatch.read_any

def read_any(file):
    if file.name != "modules":
        return read_really(file)
    return Loaded([NewDocument(json.dumps(sorted(sys.modules)), key=file.key)])

rag.loading.dispatch.read_any = read_any
"""
PAGE = (
    b"<html><body><article><p>The bridge was opened in the spring of that year.</p></article></body></html>"
)
FEED = b"<rss><channel><title>Bridges</title><item><link>https://a.example/b</link></item></channel></rss>"


def test_the_process_loads_nothing_of_the_engine_but_what_reads_files(
    worker: Worker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sitecustomize.py").write_text(TELLS_ITS_MODULES)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert read(worker, TABLE) == "The bridge"
    assert worker.read(File("a.html", PAGE, "key", 10**8)).documents
    assert worker.read(File("feed", FEED, "https://a.example", 10**8), task="feed").documents
    [told] = worker.read(File("modules", b"", "key", 10**8)).documents
    modules = json.loads(told.text)
    rooms = {name.split(".")[1] for name in modules if name.startswith("rag.")}
    assert rooms <= {"documents", "errors", "keys", "loading", "periods", "telemetry", "text"}
    assert not {"chromadb", "httpx2", "langchain_core", "onnxruntime", "pydantic"} & set(modules)


READING_WITHOUT_END = """
import os, signal, threading, time
from rag.loading.loaders import load_bytes
from rag.loading.process.worker import _worker

load_bytes("a.csv", b"title,text\\na,b\\n", "key")
os.kill(_worker._process.pid, signal.SIGSTOP)
threading.Thread(target=load_bytes, args=("a.csv", b"title,text\\na,b\\n", "key"), daemon=True).start()
while not _worker._lock.locked():
    time.sleep(0.01)
print(_worker._process.pid, flush=True)
"""


def test_the_app_ends_at_once_while_a_file_is_read() -> None:
    root = Path(__file__).parents[3]
    ended = subprocess.run(
        [sys.executable, "-c", READING_WITHOUT_END], cwd=root, capture_output=True, text=True, timeout=20
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    # Killed, it may still be listed until somebody asks after it, but with nothing in it.
    listed = Path(f"/proc/{int(ended.stdout)}/cmdline")
    assert not listed.exists() or not listed.read_bytes()


def test_the_app_goes_on_while_markdown_is_read_that_was_made_to_be_slow() -> None:
    slow = b"Text " + b"[" * 1_000_000
    given_up = threading.Event()
    threading.Timer(0.5, given_up.set).start()
    begin = time.monotonic()
    with pytest.raises(Cancelled):
        load_bytes("a.md", slow, "key", cancelled=given_up.is_set)
    assert time.monotonic() - begin < 5
    begin = time.monotonic()
    assert load_bytes("a.md", slow[:16_000], "key").documents
    assert time.monotonic() - begin < 8
