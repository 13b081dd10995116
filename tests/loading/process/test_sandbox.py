"""A file that has taken over the process that reads it: what it can do from in there, and what it can't."""

from __future__ import annotations

import io
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rag import Settings
from rag.documents import Block, Loaded, NewDocument
from rag.errors import LoadError
from rag.loading.formats import File
from rag.loading.process.answers import BadAnswer, read_answer, write_answer
from rag.loading.process.sandbox import lacking
from rag.loading.process.worker import Worker
from tests.conftest import ROOT

linux_only = pytest.mark.skipif(bool(lacking()), reason=f"this system lacks {', '.join(lacking())}")
TAKEN_OVER = """
import json, os, signal, socket, subprocess, sys, threading
import rag.loading.dispatch
from rag.documents import Loaded, NewDocument

def attempt(code):
    try:
        return repr(eval(code, globals()))
    except BaseException as error:
        return f"failed: {type(error).__name__} {getattr(error, 'errno', '')}"

def read_any(file):
    found = {code: attempt(code) for code in json.loads(file.data)}
    return Loaded([NewDocument(json.dumps(found), key=file.key)])

rag.loading.dispatch.read_any = read_any
"""


@pytest.fixture
def taken_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Worker]:
    """The very worker, in which the reader of files does what a file says."""
    folder = tmp_path / "taken"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(TAKEN_OVER)
    monkeypatch.setenv("PYTHONPATH", str(folder))
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-app")
    worker = Worker()
    yield worker
    worker.close()


def attempts(worker: Worker, *codes: str) -> dict[str, str]:
    loaded = worker.read(File("a.csv", json.dumps(codes).encode(), "key", 10**8))
    assert not loaded.failed, loaded.failed
    found: dict[str, str] = json.loads(loaded.documents[0].text)
    return found


def check_refused(worker: Worker, *codes: str) -> None:
    allowed = {code: found for code, found in attempts(worker, *codes).items() if "failed" not in found}
    assert allowed == {}


@linux_only
def test_it_reads_and_changes_nothing_of_the_library_or_anybody(
    taken_over: Worker, settings: Settings, tmp_path: Path
):
    settings.data_dir.mkdir()
    held = settings.data_dir / "catalog.sqlite3"
    held.write_text("the library")
    check_refused(
        taken_over,
        f"open({str(held)!r}).read()",
        f"open({str(held)!r}, 'a')",
        f"os.truncate({str(held)!r}, 0)",
        f"os.chmod({str(held)!r}, 0o777)",
        f"os.utime({str(held)!r})",
        f"os.unlink({str(held)!r})",
        f"os.rename({str(held)!r}, {str(held) + '2'!r})",
        f"os.link({str(held)!r}, 'own')",
        f"os.listdir({str(settings.data_dir)!r})",
        f"os.symlink('a', {str(tmp_path / 'link')!r})",
        f"open({str(ROOT / 'README.md')!r}).read()",
        f"open({str(ROOT / 'rag' / 'evil.py')!r}, 'w')",
        "open('/etc/passwd').read()",
        "open(os.path.expanduser('~/.bashrc'), 'w')",
        "open('own.txt', 'w').write('a' * 10**8)",
        "open('/tmp/footnote-evil', 'w').write('a' * 10**8)",
        "open('/dev/shm/footnote-evil', 'w')",
        "os.fdopen(os.open('.', os.O_TMPFILE | os.O_RDWR), 'wb').write(b'a' * 2 * 10**8)",
        "os.memfd_create('a')",
    )
    assert held.read_text() == "the library"


@linux_only
def test_it_knows_no_key_and_touches_no_other_process(taken_over: Worker):
    found = attempts(taken_over, "dict(os.environ)", "os.getcwd()", "os.listdir('.')")
    assert "sk-of-the-app" not in found["dict(os.environ)"]
    assert "OPENAI" not in found["dict(os.environ)"]
    check_refused(
        taken_over,
        "open(f'/proc/{os.getppid()}/environ', 'rb').read()",
        "open(f'/proc/{os.getppid()}/mem', 'rb').read(1)",
        "open(f'/proc/{os.getppid()}/cmdline', 'rb').read()",
        "os.kill(os.getppid(), 0)",
        "os.kill(-1, 0)",
        "os.pidfd_open(os.getppid())",
        "__import__('resource').prlimit(os.getppid(), 0)",
        "os.setpriority(os.PRIO_PROCESS, os.getppid(), 19)",
        "os.fork()",
        "os.posix_spawn('/bin/true', ['true'], {})",
        "subprocess.run(['/bin/true'])",
        "os.execv('/bin/true', ['true'])",
        "os.system('true') == 0 or 1 / 0",
    )
    assert not any("failed" in one for one in attempts(taken_over, "os.getpid()").values()), "it goes on"


@linux_only
def test_it_reaches_no_network(taken_over: Worker):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        check_refused(
            taken_over,
            f"socket.create_connection(('127.0.0.1', {port}), 1)",
            "socket.socket()",
            "socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)",
            "socket.socket(socket.AF_UNIX)",
            "socket.socketpair()",
            "socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)",
        )


@linux_only
def test_it_can_take_none_of_it_back(taken_over: Worker):
    check_refused(
        taken_over,
        "__import__('resource').setrlimit(7, (4096, 4096))",
        "__import__('resource').setrlimit(__import__('resource').RLIMIT_FSIZE, (10**9, 10**9))",
        "[os.open('/dev/null', os.O_RDONLY) for _ in range(200)]",
        "bytearray(4 * 1024**3)",
    )


@linux_only
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_somebody_who_is_not_root_reads_as_well_and_is_confined_as_well(tmp_path: Path):
    script = (
        "import os, sys; os.setgid(65534); os.setuid(65534)\n"
        "from rag.loading.formats import File\n"
        "from rag.loading.process.worker import Worker\n"
        "file = File('a.csv', b'title,text\\nThe bridge,It was opened.\\n', 'key', 10**8)\n"
        "loaded = Worker().read(file)\n"
        "print([d.title for d in loaded.documents], [e.reason for e in loaded.failed])\n"
    )
    if not reachable_for_all(Path(sys.executable).resolve()) or not reachable_for_all(ROOT):
        pytest.skip("Python or these modules lie where others may not look")
    run = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert run.stdout.strip() == "['The bridge'] []", run.stderr


def reachable_for_all(path: Path) -> bool:
    return all(folder.stat().st_mode & 0o001 for folder in path.parents)


def test_its_folder_is_its_own_and_leaves_with_it(taken_over: Worker):
    found = attempts(taken_over, "os.getcwd()", "os.environ['HOME']", "__import__('tempfile').gettempdir()")
    folder = Path(found["os.getcwd()"].strip("'"))
    assert found["os.environ['HOME']"] == repr(str(folder))
    assert list(folder.iterdir()) == []
    assert folder.stat().st_mode & 0o077 == 0
    taken_over.close()
    assert not folder.exists()


# ------------------------------------------------------------------------------- what it gives back


DOCUMENT = NewDocument("The ship.", title="Ship", key="key", blocks=(Block("paragraph", 0, 9),))


def answered(loaded: Loaded, key: str = "key", *, cut: int = 0) -> Loaded:
    written = io.BytesIO()
    write_answer(written, loaded, grown=False)
    data = written.getvalue()
    return read_answer(io.BytesIO(data[: len(data) - cut]), key)[0]


def test_an_answer_comes_back_as_it_was():
    inner = NewDocument(
        "Der König\n\n\ud800", key="key!/a.md", blocks=(Block("heading", 0, 9, 2, 7),), left_out=3
    )
    loaded = Loaded([DOCUMENT, inner], [LoadError("b.md", "b.md is empty.", keys=("key!/b.md",))])
    found = answered(loaded)
    assert found.documents == loaded.documents
    assert [(e.path, e.reason, e.keys) for e in found.failed] == [("b.md", "b.md is empty.", ("key!/b.md",))]


@pytest.mark.parametrize("key", ["other", "key2", "corpus:other.md", "key!", "", "KEY!/a"])
def test_it_can_name_no_other_document(key: str):
    with pytest.raises(BadAnswer):
        answered(Loaded([NewDocument("The ship.", key=key)]))
    with pytest.raises(BadAnswer):
        answered(Loaded(failed=[LoadError("a", "b", keys=(key,))]))


@pytest.mark.parametrize(
    "blocks",
    [
        (Block("paragraph", 5, 2),),
        (Block("paragraph", 0, 10),),
        (Block("paragraph", -1, 2),),
        (Block("paragraph", 3, 5), Block("paragraph", 4, 6)),
        (Block("paragraph", 0, 2, -1),),
    ],
)
def test_its_blocks_fit_its_text(blocks: tuple[Block, ...]):
    with pytest.raises(BadAnswer):
        answered(Loaded([NewDocument("The ship.", key="key", blocks=blocks)]))


@pytest.mark.parametrize("cut", [1, 10, 30])
def test_half_an_answer_is_none(cut: int):
    with pytest.raises(BadAnswer):
        answered(Loaded([DOCUMENT]), cut=cut)


WHOLE = '["Ship", "key", "", "", null, "", "", "text/plain", 0, 0, 0]'


@pytest.mark.parametrize(
    "line",
    [
        "{}",
        "[]",
        "null",
        "no JSON",
        "[" * 100_000,
        '{"documents": [[]], "failed": [], "grown": false}',
        '{"documents": 3, "failed": [], "grown": false}',
        f'{{"documents": [{WHOLE.replace("null", "7")}], "failed": [], "grown": false}}',
        f'{{"documents": [{WHOLE.replace("null", chr(34) + "soon" + chr(34))}], "failed": [], "grown": false}}',
        f'{{"documents": [{WHOLE.replace(chr(34) + "Ship" + chr(34), "{}")}], "failed": [], "grown": false}}',
        f'{{"documents": [{WHOLE.replace("0, 0, 0", "0, 99999999999, 0")}], "failed": [], "grown": false}}',
        f'{{"documents": [{WHOLE.replace("0, 0, 0", "0, -1, 0")}], "failed": [], "grown": false}}',
        f'{{"documents": [{WHOLE.replace("0, 0, 0", "-5, 0, 0")}], "failed": [], "grown": false}}',
        f'{{"documents": [{WHOLE.replace("0, 0, 0", "true, 0, 0")}], "failed": [], "grown": false}}',
        '{"documents": [], "failed": [["a", 7, []]], "grown": false}',
        '{"documents": [], "failed": [["a", "b", "key"]], "grown": false}',
    ],
)
def test_what_is_no_answer_is_taken_for_none(line: str):
    with pytest.raises(BadAnswer):
        read_answer(io.BytesIO(line.encode() + b"\n"), "key")


def test_an_answer_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("rag.loading.process.answers._MOST_LINE", 1_000)
    monkeypatch.setattr("rag.loading.process.answers.MOST_BYTES", 100)
    endless = io.BytesIO(b"a" * 10_000)
    with pytest.raises(BadAnswer):
        read_answer(endless, "key")
    assert endless.tell() <= 1_000
    with pytest.raises(BadAnswer):
        answered(Loaded([NewDocument("a" * 101, key="key")]))


def test_a_worker_that_answers_what_was_not_asked_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    forging = TAKEN_OVER.replace("key=file.key)])", 'key="corpus:another.md")])')
    (tmp_path / "sitecustomize.py").write_text(forging)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    worker = Worker()
    [error] = worker.read(File("a.csv", b"[]", "key", 10**8)).failed
    assert "broke off" in error.reason
    assert worker._process is None
    monkeypatch.delenv("PYTHONPATH")
    assert worker.read(File("a.csv", b"title,text\na,b\n", "key", 10**8)).documents
    worker.close()
