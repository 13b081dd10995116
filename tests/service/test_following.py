"""Following folders while the app runs: what changes in them is in the library soon."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app_pages.library.in_step import followed_line
from rag import CatalogError, EmbeddingError, Library, Settings
from rag.embedding.local import PassageVectors
from rag.ingest.folder import Folder, FoundFile, Listing
from rag.ingest.syncing import FollowedFolders
from rag.ingest.watching import Rest
from rag.service.following import Following, FollowingState
from rag.service.work import Work
from tests.conftest import BagOfWords, child, line

# Two seconds on a quiet machine; the machine of a test may be at work on others.
SOON_SECONDS = 15.0
SHIP, KING = "# Ships\n\nThe ship is in the harbour.", "The king eats bread."


class Slow(BagOfWords):
    """An embedder that can be held up, and that counts."""

    def __init__(self) -> None:
        self.embedded = 0
        self.is_away = False
        self.goes_on = threading.Event()
        self.goes_on.set()

    def embed_passage(self, text: str, spans: Sequence[tuple[int, int]]) -> PassageVectors:
        assert self.goes_on.wait(20)
        if self.is_away:
            time.sleep(0.2)
            raise EmbeddingError("The endpoint doesn't answer: start it.")
        self.embedded += 1
        return super().embed_passage(text, spans)


class Reporting(Slow):
    """An embedder that says each time that it embeds."""

    def embed_passage(self, text: str, spans: Sequence[tuple[int, int]]) -> PassageVectors:
        os.write(1, b"embedding\n")
        time.sleep(0.02)
        return super().embed_passage(text, spans)


def follow_until_killed(settings: Settings) -> None:
    settings = settings.model_copy(update={"corpus_dir": settings.data_dir.parent / "corpus"})
    following = Following(Library.open(settings, Reporting(), follow=False))
    following.read_first(lambda progress: None)


class Followed:
    """A library that is being followed, and the folders it follows."""

    def __init__(self, settings: Settings) -> None:
        self.corpus = settings.corpus_dir
        self.embedder = Slow()
        self.library = Library.open(settings, self.embedder, follow=False)
        self.following = Following(self.library)
        first = Work(self.following.read_first)
        self.following.start(first)
        first.wait(20)

    def close(self) -> None:
        self.embedder.goes_on.set()
        self.following.close()
        self.library.close()

    def write(self, name: str, text: str) -> Path:
        path = self.corpus / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def texts(self) -> dict[str, str]:
        with self.library.catalog.reading() as view:
            return {one.key.partition(":")[2]: view.document(one.id).text for one in view.documents()}


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rag.service.following._REST_SECONDS", 0.4)
    monkeypatch.setattr("rag.service.following._LOOK_SECONDS", 0.1)


@pytest.fixture
def followed(settings: Settings) -> Iterator[Followed]:
    settings.corpus_dir.mkdir()
    followed = Followed(settings)
    yield followed
    followed.close()


def soon(is_so: Callable[[], bool], seconds: float = SOON_SECONDS) -> None:
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, "that took too long"
        time.sleep(0.02)


def total(followed: Followed) -> int:
    progress = followed.following.state.progress
    return progress.total if progress else 0


def test_new_changed_renamed_and_deleted_files(followed: Followed):
    path = followed.write("news/ship.md", SHIP)
    soon(lambda: followed.texts() == {"news/ship.md": "The ship is in the harbour."})
    [before] = followed.library.documents()
    path.write_text("# Ships\n\nThe ship has a radar.")
    soon(lambda: followed.texts() == {"news/ship.md": "The ship has a radar."})
    path = path.rename(followed.corpus / "vessel.md")
    soon(lambda: followed.texts() == {"vessel.md": "The ship has a radar."})
    assert [document.id for document in followed.library.documents()] == [before.id]
    path.unlink()
    soon(lambda: followed.texts() == {})
    assert followed.following.state.folders == ("corpus/",)
    assert followed.following.state.error == ""


def test_whole_folders_moved_in_renamed_and_out(followed: Followed, tmp_path: Path):
    for name in ("a", "b", "sub/c"):
        (tmp_path / "pile" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "pile" / name).with_suffix(".md").write_text(f"The ship {name}.")
    (tmp_path / "pile").rename(followed.corpus / "pile")
    soon(lambda: followed.texts().keys() == {"pile/a.md", "pile/b.md", "pile/sub/c.md"})
    ids = {document.id for document in followed.library.documents()}
    (followed.corpus / "pile").rename(followed.corpus / "heap")
    soon(lambda: followed.texts().keys() == {"heap/a.md", "heap/b.md", "heap/sub/c.md"})
    assert {document.id for document in followed.library.documents()} == ids
    assert followed.embedder.embedded == 3
    (followed.corpus / "heap").rename(tmp_path / "out")
    soon(lambda: followed.texts() == {})


def test_a_file_that_is_saved_by_putting_another_in_its_place_stays_itself(followed: Followed):
    path = followed.write("ship.md", SHIP)
    soon(lambda: len(followed.texts()) == 1)
    with followed.library.catalog.writing() as writer:
        writer.execute("UPDATE documents SET added = '2020-01-02T03:04:05+00:00'")
    [before] = followed.library.documents()
    # As vim does: the file is away for a moment, and a copy lies beside it.
    backup = path.rename(followed.corpus / "ship.md~")
    time.sleep(0.2)
    path.write_text("# Ships\n\nThe ship has a radar.")
    backup.unlink()
    soon(lambda: followed.texts() == {"ship.md": "The ship has a radar."})
    [after] = followed.library.documents()
    assert (after.id, after.added) == (before.id, before.added), "it was never removed"


def test_a_file_that_is_still_being_written_waits_and_no_other_does(followed: Followed):
    over = threading.Event()

    def write_slowly() -> None:
        with (followed.corpus / "long.txt").open("w") as file:
            while not over.wait(0.05):
                file.write("The ship is in the harbour. ")
                file.flush()
            file.write("The end of the king.")

    writer = threading.Thread(target=write_slowly, daemon=True)
    writer.start()
    time.sleep(0.3)
    followed.write("king.md", KING)
    soon(lambda: followed.texts() == {"king.md": KING})
    assert followed.following.state.unrested == 1
    over.set()
    writer.join()
    soon(lambda: "long.txt" in followed.texts())
    assert followed.texts()["long.txt"].endswith("The end of the king.")
    passages = sum(document.passages for document in followed.library.documents())
    assert followed.embedder.embedded == passages, "it was read once"


def test_what_is_deleted_while_many_are_read_leaves_before_the_rest_is_done(followed: Followed):
    gone = followed.write("gone.md", "The radar of the ship.")
    soon(lambda: len(followed.texts()) == 1)
    followed.embedder.goes_on.clear()
    for n in range(60):
        followed.write(f"{n:02}.md", f"The ship has the number {n}.")
    soon(lambda: total(followed) > 10)
    gone.unlink()
    (followed.corpus / "59.md").unlink()
    time.sleep(0.5)
    followed.embedder.goes_on.set()
    soon(lambda: followed.texts().keys() == {f"{n:02}.md" for n in range(59)})
    assert followed.library.followed.failures() == []


def test_a_folder_that_vanishes_changes_nothing_and_is_followed_when_it_is_back(followed: Followed):
    followed.write("ship.md", SHIP)
    soon(lambda: len(followed.texts()) == 1)
    away = followed.corpus.rename(followed.corpus.with_name("away"))
    soon(lambda: followed.following.state.missing == ("corpus/",))
    assert len(followed.texts()) == 1
    (away / "king.md").write_text(KING)
    away.rename(followed.corpus)
    soon(lambda: len(followed.texts()) == 2)
    assert followed.following.state.missing == ()
    followed.write("radar.md", "The radar.")
    soon(lambda: len(followed.texts()) == 3)


def test_a_folder_that_is_made_anew_is_watched_as_the_old_one_was(followed: Followed):
    followed.write("ship.md", SHIP)
    soon(lambda: len(followed.texts()) == 1)
    shutil.rmtree(followed.corpus)
    followed.corpus.mkdir()
    followed.write("king.md", KING)
    soon(lambda: followed.texts().keys() == {"king.md"})


def test_pausing_keeps_what_is_done_and_going_on_reads_the_rest(followed: Followed):
    followed.embedder.goes_on.clear()
    for n in range(30):
        followed.write(f"{n:02}.md", f"The ship has the number {n}.")
    soon(lambda: total(followed) > 10)
    followed.following.pause()
    followed.embedder.goes_on.set()
    soon(lambda: followed.following.state.progress is None)
    assert followed.following.state.is_paused
    read = len(followed.texts())
    assert read < 30
    followed.write("king.md", KING)
    time.sleep(1.0)
    assert len(followed.texts()) == read
    followed.following.go_on()
    soon(lambda: len(followed.texts()) == 31)
    assert followed.embedder.embedded <= 31 + 10, "hardly anything was embedded twice"


def test_going_on_is_in_step_only_when_what_came_meanwhile_is_read(followed: Followed):
    followed.following.pause()
    followed.write("ship.md", SHIP)
    time.sleep(0.5)
    followed.embedder.goes_on.clear()
    followed.following.go_on()
    assert "in step" not in followed_line(followed.following.state)
    soon(lambda: total(followed) == 1)
    followed.embedder.goes_on.set()
    soon(lambda: followed.following.state.progress is None)
    assert followed_line(followed.following.state) == "Following corpus/ · in step"
    assert len(followed.texts()) == 1


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({}, "Following corpus/ and /far/ · in step"),
        ({"missing": ("/far/",)}, "Following corpus/ · in step"),
        ({"missing": ("corpus/", "/far/")}, "Following no folder just now"),
        ({"unrested": 1}, "Following corpus/ and /far/ · waiting for 1 file that is changing"),
        ({"unrested": 300}, "Following corpus/ and /far/ · waiting for 300 files that are changing"),
        ({"is_paused": True, "is_behind": True}, "Following corpus/ and /far/ · paused"),
    ],
)
def test_how_following_goes_is_told_in_one_line(values: dict[str, Any], line: str):
    state = FollowingState(("corpus/", "/far/"), (), None, None, False, False, "", 0, 0)
    assert followed_line(replace(state, **values)) == line


def test_what_failed_is_listed_and_read_again_on_request(followed: Followed):
    path = followed.write("bad.md", "…")
    soon(lambda: len(followed.library.followed.failures()) == 1)
    version = followed.following.state.version
    followed.following.retry(["corpus:bad.md"])
    soon(lambda: followed.following.state.version > version)
    assert len(followed.library.followed.failures()) == 1
    path.unlink()
    soon(lambda: followed.library.followed.failures() == [])


def test_following_goes_on_after_an_error(followed: Followed, monkeypatch: pytest.MonkeyPatch):
    sentence = "The disk that holds data is full: make room and try again; nothing was lost."

    def fail(*arguments: object, **options: object) -> None:
        raise CatalogError(sentence)

    with monkeypatch.context() as patch:
        patch.setattr(FollowedFolders, "sync", fail)
        followed.write("ship.md", SHIP)
        soon(lambda: followed.following.state.error == sentence)
    followed.write("king.md", KING)
    soon(lambda: len(followed.texts()) == 2)
    soon(lambda: followed.following.state.error == "")


def test_files_that_cannot_be_embedded_now_are_tried_once_a_time_and_hold_up_no_other(
    followed: Followed, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("rag.service.following._TURN_SECONDS", 0.3)
    followed.embedder.is_away = True
    for n in range(6):
        followed.write(f"{n}.md", f"The ship {n}.")
    soon(lambda: len(followed.library.followed.failures()) == 6)
    soon(lambda: followed.following.state.progress is None)
    followed.embedder.is_away = False
    followed.write("king.md", KING)
    soon(lambda: len(followed.texts()) == 7)
    assert followed.library.followed.failures() == []


def test_it_ends_at_once_and_leaves_no_thread(settings: Settings):
    settings.corpus_dir.mkdir()
    followed = Followed(settings)
    for n in range(20):
        followed.write(f"{n}.md", f"The ship {n}.")
    time.sleep(0.5)
    began = time.monotonic()
    followed.close()
    assert time.monotonic() - began < 2
    assert "following" not in {thread.name for thread in threading.enumerate()}


def test_after_a_kill_only_what_was_not_finished_is_embedded(settings: Settings):
    settings.corpus_dir.mkdir()
    for n in range(40):
        text = "\n\n".join("The ship " + f"{n} is in the harbour {p} " * 25 + "." for p in range(3))
        (settings.corpus_dir / f"{n:02}.md").write_text(text)
    with child(follow_until_killed, settings) as process:
        for _ in range(40):
            assert line(process) == "embedding"
        process.kill()
        process.wait(20)
    embedder = Slow()
    with Library.open(settings, embedder, follow=False) as library:
        finished = library.status()
        assert 0 < finished.documents < 40
        Following(library).read_first(lambda progress: None)
        assert len(library.documents()) == 40
        assert embedder.embedded == library.status().passages - finished.passages


class TestRest:
    OLD, NEW = (5, 0), (9, 1)

    def listing(self, **stamps: tuple[int, int]) -> Listing:
        return Listing({name: FoundFile(name, stamp) for name, stamp in stamps.items()})

    def test_at_first_a_files_time_tells(self):
        now = (5, time.time_ns())
        assert Rest(1.0).restless(self.listing(old=self.OLD, new=now), 100.0) == {"new"}

    def test_afterwards_what_is_seen_tells(self):
        rest = Rest(1.0)
        rest.restless(self.listing(a=self.OLD), 100.0)
        # Its time says that it is old: so does that of a file which is being copied, at the end.
        assert rest.restless(self.listing(a=self.OLD, b=self.OLD), 101.0) == {"b"}
        assert rest.restless(self.listing(a=self.OLD, b=self.NEW), 101.9) == {"b"}
        assert rest.restless(self.listing(a=self.OLD, b=self.NEW), 102.5) == {"b"}
        assert rest.restless(self.listing(a=self.OLD, b=self.NEW), 103.0) == set()

    def test_what_is_gone_may_come_back_for_a_while(self):
        rest = Rest(1.0)
        rest.restless(self.listing(a=self.OLD), 100.0)
        assert rest.restless(self.listing(), 101.0) == {"a"}
        assert rest.restless(self.listing(), 101.9) == {"a"}
        assert rest.restless(self.listing(), 102.1) == set()
        assert rest.restless(self.listing(), 103.0) == set()

    def test_of_a_missing_folder_nothing_is_known(self):
        rest = Rest(1.0)
        rest.restless(self.listing(a=self.OLD), 100.0)
        away = Listing({}, [Folder(Path("away"), "")], [""])
        assert rest.restless(away, 101.0) == set()
        assert rest.restless(self.listing(a=self.OLD), 102.0) == {"a"}
