"""Links, pipes, devices and odd names in a followed folder: what is read is what lies there, and nothing else."""

from __future__ import annotations

import os
import re
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from rag import Library, LoadError, Settings
from rag.cli.commands import main
from rag.ingest.watching import happenings
from rag.loading.files import Bounds, read_file
from rag.loading.loaders import load_file
from tests.conftest import BagOfWords

pytestmark = pytest.mark.skipif(os.name == "nt", reason="links need a right there")
SECRET = "The ship carries a secret radar."
SHIP = "The ship is in the harbour."


@pytest.fixture
def corpus(settings: Settings) -> Path:
    settings.corpus_dir.mkdir()
    return settings.corpus_dir


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret.txt"
    path.write_text(SECRET)
    return path


def texts(library: Library) -> list[str]:
    return sorted(library.document(one.id).text for one in library.documents())


def reasons(library: Library) -> list[str]:
    return [failure.reason for failure in library.followed.failures()]


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Fail instead of hanging."""

    def late(*_: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("relative", [True, False])
def test_a_link_out_of_the_folder_is_told_and_not_read(
    library: Library, corpus: Path, secret: Path, relative: bool
):
    (corpus / "ship.md").write_text(SHIP)
    (corpus / "link.txt").symlink_to(Path("..", secret.name) if relative else secret)
    (corpus / "system.txt").symlink_to("/etc/passwd")
    library.followed.sync()
    assert texts(library) == [SHIP]
    assert len(reasons(library)) == 2
    assert all("is a link that leads out of the folder" in reason for reason in reasons(library))
    assert library.followed.sync().failed == [], "told once, and not tried again and again"
    (corpus / "link.txt").unlink()
    (corpus / "system.txt").unlink()
    library.followed.sync()
    assert reasons(library) == []


def test_a_link_within_the_folders_is_read(settings: Settings, corpus: Path, tmp_path: Path):
    further = tmp_path / "further"
    (further / "deep").mkdir(parents=True)
    (further / "deep" / "ship.md").write_text(SHIP)
    (corpus / "link.md").symlink_to(further / "deep" / "ship.md")
    settings = settings.model_copy(update={"folders": (further,)})
    with Library.open(settings, BagOfWords(), follow=False) as library:
        library.followed.sync()
        assert texts(library) == [SHIP, SHIP]
        library.sync(corpus)
        assert texts(library) == [SHIP, SHIP]


def test_a_folder_that_is_itself_a_link_is_followed(settings: Settings, tmp_path: Path):
    real = tmp_path / "real"
    real.mkdir()
    (real / "ship.md").write_text(SHIP)
    settings.corpus_dir.symlink_to(real)
    with Library.open(settings, BagOfWords(), follow=False) as library:
        library.followed.sync()
        assert texts(library) == [SHIP]


def test_a_link_into_the_data_folder_is_refused(settings: Settings, tmp_path: Path):
    corpus = tmp_path / "all"
    corpus.mkdir()
    settings = settings.model_copy(update={"corpus_dir": corpus, "data_dir": corpus / "data"})
    with Library.open(settings, BagOfWords(), follow=False) as library:
        (settings.data_dir / "notes.txt").write_text(SECRET)
        (corpus / "link.txt").symlink_to("data/notes.txt")
        library.followed.sync()
        assert texts(library) == []
        assert "leads out" in reasons(library)[0]


def test_what_a_file_held_leaves_when_a_link_out_takes_its_place(
    library: Library, corpus: Path, secret: Path
):
    path = corpus / "ship.txt"
    path.write_text(SHIP)
    library.followed.sync()
    path.unlink()
    path.symlink_to(secret)
    library.followed.sync()
    assert texts(library) == []
    path.unlink()
    path.write_text(SHIP)
    library.followed.sync()
    assert (texts(library), reasons(library)) == ([SHIP], [])


@pytest.mark.parametrize("what", ["link", "pipe", "folder"])
def test_what_takes_the_place_of_a_listed_file_is_not_read_for_it(
    library: Library, corpus: Path, secret: Path, what: str
):
    path = corpus / "sub" / "ship.txt"
    path.parent.mkdir()
    path.write_text(SECRET.replace("secret", "public"))
    listing = library.followed.look_into(library.followed.folders)
    path.unlink()
    if what == "link":
        path.symlink_to(secret)
    elif what == "pipe":
        os.mkfifo(path)
    else:
        (corpus / "sub").rmdir()
        (secret.parent / "ship.txt").write_text(SECRET)
        (corpus / "sub").symlink_to(secret.parent)
    with at_most(5):
        library.followed.sync(listing=listing)
        library.followed.sync()
    assert texts(library) == []


def test_what_is_exchanged_again_and_again_is_never_read_from_outside(tmp_path: Path, secret: Path):
    inside = tmp_path / "inside"
    inside.mkdir()
    path, spare = inside / "ship.txt", inside / "spare"
    path.write_text(SHIP)
    over = threading.Event()

    def exchange() -> None:
        while not over.is_set():
            for make in (lambda: spare.symlink_to(secret), lambda: spare.write_text(SHIP)):
                make()
                spare.replace(path)

    other = threading.Thread(target=exchange)
    other.start()
    read, refused = 0, 0
    try:
        for _ in range(1_000):
            try:
                assert read_file(path, 1_000, Bounds([inside])).data in (SHIP.encode(), b"")
                read += 1
            except LoadError:
                refused += 1
    finally:
        over.set()
        other.join()
    assert min(read, refused) > 0


def test_pipes_and_devices_are_told_and_hold_up_nothing(library: Library, corpus: Path):
    os.mkfifo(corpus / "pipe.txt")
    (corpus / "zero.txt").symlink_to("/dev/zero")
    (corpus / "status.txt").symlink_to("/proc/self/status")
    (corpus / "folder").symlink_to("/etc")
    (corpus / "nowhere.txt").symlink_to("/nowhere/at/all")
    (corpus / "ship.md").write_text(SHIP)
    with at_most(5):
        library.followed.sync()
    assert texts(library) == [SHIP]
    told = {failure.path: failure.reason for failure in library.followed.failures()}
    assert told.keys() == {"pipe.txt", "zero.txt", "status.txt"}
    assert "not a regular file" in told["pipe.txt"]
    with at_most(5):
        assert "not a regular file" in load_file(Path("/dev/zero")).failed[0].reason


@pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="only root can give a file away")
def test_a_second_name_of_somebody_elses_file_is_refused(library: Library, corpus: Path, secret: Path):
    os.link(secret, corpus / "own.txt")
    library.followed.sync()
    assert texts(library) == [SECRET]
    os.chown(secret, 65_534, 65_534)
    os.utime(secret, (1, 1))
    library.followed.sync()
    assert texts(library) == []
    assert "belongs to somebody else" in reasons(library)[0]


ODD_NAMES = [
    b"new\nline.txt",
    b"\xff\xfe not unicode.txt",
    "‮txt.exe‬.txt".encode(),
    b"n" * 251 + b".txt",
    b"...txt",
    b"a..\x01\x1b[31m.txt",
    b"-rf.txt",
    "\U000e0041 tag\u200b.txt".encode(),
    b"corpus:folder!a.txt",
    b"'; DROP TABLE documents; --.txt",
]


@pytest.mark.skipif(os.name == "nt" or os.uname().sysname == "Darwin", reason="names are Unicode there")
def test_odd_names_are_read_kept_and_leave(library: Library, corpus: Path):
    for number, name in enumerate(ODD_NAMES):
        (corpus / os.fsdecode(name)).write_text(f"The ship {number} is in the harbour.")
    expected = len([name for name in ODD_NAMES if not name.startswith(b".")])
    report = library.followed.sync()
    assert (len(report.added), report.failed) == (expected, [])
    for document in report.added:
        (document.key + document.title).encode()
        assert document.title.isprintable()
    assert library.followed.sync().unchanged == [] == library.followed.failures()
    for name in ODD_NAMES:
        (corpus / os.fsdecode(name)).unlink()
    assert len(library.followed.sync().removed) == expected


def test_the_command_line_reads_of_a_folder_only_what_lies_there(
    tmp_path: Path, secret: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    folder = tmp_path / "given"
    folder.mkdir()
    monkeypatch.chdir(tmp_path)
    (folder / "ship.md").write_text(SHIP)
    (folder / "link.txt").symlink_to(secret)
    os.mkfifo(folder / "pipe.txt")
    with at_most(60):
        assert main(["add", "given"]) == 1
    printed = capsys.readouterr()
    told = printed.out + printed.err
    assert "link.txt is a link that leads out of the folder" in told
    assert "pipe.txt is not a regular file" in told
    assert main(["add", "given/link.txt"]) == 0, "whoever names a link means what it leads to"


@pytest.mark.skipif(not Path("/proc/self/fdinfo").exists(), reason="only Linux shows it")
def test_a_link_to_a_folder_has_nothing_watched_there(corpus: Path, tmp_path: Path):
    inside, outside = corpus / "sub", tmp_path / "outside"
    for folder in (inside, outside):
        folder.mkdir()
    assert inside.stat().st_ino in watched([corpus])
    (inside / "link").symlink_to(outside)
    assert outside.stat().st_ino not in watched([corpus])


def watched(places: list[Path]) -> set[int]:
    """Return the inodes that the system watches for this process while folders are followed."""
    over = threading.Event()
    thread = threading.Thread(target=lambda: list(happenings(places, [], over, 0.2)))
    thread.start()
    time.sleep(0.6)
    found = set[int]()
    for open_file in Path("/proc/self/fdinfo").iterdir():
        with suppress(OSError):
            found |= {int(ino, 16) for ino in re.findall(r"inotify .*?ino:(\w+)", open_file.read_text())}
    over.set()
    thread.join()
    return found
