"""Adding from the Library page: each file has its own result, and nothing is replaced unasked."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import partial
from io import BytesIO
from zipfile import ZipFile

import pytest

from rag import Library, Progress, Settings
from rag.documents import IsCancelled, ReportProgress
from rag.embedding.local import PassageVectors
from rag.service import adding
from rag.service.adding import (
    NO_TEXT,
    OTHER_CONTENT,
    UNCHANGED,
    UPDATED,
    Result,
    Upload,
    one_by_one,
    read_chosen,
    read_text,
    read_upload,
    restore,
)
from tests.conftest import BagOfWords

LIMIT = 10_000
SHIP = Upload("ship.md", b"# Ships\n\nThe ship is in the harbour.")
OTHER_SHIP = Upload("ship.md", b"# Ships\n\nThe ship has sailed.")


def add_uploads(
    library: Library,
    uploads: Sequence[Upload],
    most: int,
    report: ReportProgress,
    cancelled: IsCancelled | None = None,
) -> list[Result]:
    reads = [partial(read_upload, library, upload, most) for upload in uploads]
    names = [upload.name for upload in uploads]
    steps = [
        (name, partial(adding.add, library, name, read)) for name, read in zip(names, reads, strict=True)
    ]
    return list(one_by_one(library, steps, report, cancelled))


def add(library: Library, *uploads: Upload) -> list[Result]:
    return add_uploads(library, uploads, LIMIT, lambda progress: None)


def add_text(library: Library, title: str, text: str) -> list[Result]:
    return adding.add(library, title, lambda _: read_text(title, text), lambda _: None, None)


def add_chosen(library: Library, asks: Result, *, beside: bool) -> list[Result]:
    reads = partial(read_chosen, library, asks, beside=beside)
    return adding.add(library, asks.name, reads, lambda _: None, None)


def texts(library: Library) -> dict[str, str]:
    return {held.key: library.document(held.id).text for held in library.documents()}


def test_a_file_that_fails_leaves_the_others_alone(library: Library):
    results = add(library, Upload("empty.txt", b""), SHIP, Upload("picture.png", b"\x89PNG\r\n\x1a\n"))
    assert [(result.name, result.state) for result in results] == [
        ("empty.txt", "failed"),
        ("ship.md", "added"),
        ("picture.png", "failed"),
    ]
    assert texts(library) == {"upload:ship.md": "The ship is in the harbour."}


def test_a_reason_does_not_repeat_the_name_that_stands_before_it(library: Library):
    (result,) = add(library, Upload("empty.txt", b""))
    assert result.text == "is empty: choose a file with text in it."


def test_an_article_that_is_too_long_is_told_as_added_with_what_was_left_out(
    library: Library, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("rag.ingest.passages.MOST_WORDS_IN_PASSAGES", 150)
    upload = Upload("ship.md", "\n\n".join(f"The ship has the number {n}." for n in range(100)).encode())
    for state in ("added", "unchanged"):
        (result,) = add(library, upload)
        assert result.state == state
        assert "Only the first " in result.text
        assert "split it to add the rest." in result.text


def test_a_file_larger_than_the_limit_is_refused_with_both_sizes(library: Library):
    (result,) = add(library, Upload("long.txt", b"word " * 4_096))
    assert result == Result("long.txt", "failed", "The file has 20 KB; 9.8 KB is the most that is taken.")


def test_the_same_file_twice_changes_nothing(library: Library):
    first, second = add(library, SHIP, SHIP)
    assert (first.text, second.text) == ("Added, 6 words.", UNCHANGED)
    assert len(library.documents()) == 1


def test_a_file_of_a_known_name_with_other_content_asks_and_changes_nothing_yet(library: Library):
    _, asks = add(library, SHIP, OTHER_SHIP)
    assert (asks.state, asks.text) == ("asks", OTHER_CONTENT)
    assert texts(library) == {"upload:ship.md": "The ship is in the harbour."}


def test_replacing_puts_the_new_text_in_the_place_of_the_old(library: Library):
    _, asks = add(library, SHIP, OTHER_SHIP)
    assert add_chosen(library, asks, beside=False) == [Result("ship.md", "updated", UPDATED)]
    assert texts(library) == {"upload:ship.md": "The ship has sailed."}


def test_keeping_both_numbers_each_further_one(library: Library):
    _, asks = add(library, SHIP, OTHER_SHIP)
    (second,) = add_chosen(library, asks, beside=True)
    (third,) = add_chosen(library, asks, beside=True)
    assert [second.name, third.name] == ["ship.md (2)", "ship.md (3)"]
    assert set(texts(library)) == {"upload:ship.md", "upload:ship.md (2)", "upload:ship.md (3)"}


def test_only_a_result_that_asks_can_be_chosen_for(library: Library):
    with pytest.raises(ValueError, match="nothing waits"):
        read_chosen(library, Result("ship.md", "added", ""), beside=False)


def test_a_pasted_text_is_added_under_its_title_once(library: Library):
    (first,) = add_text(library, " Ships ", "The ship is in the harbour.")
    (second,) = add_text(library, "Ships", "The ship is in the harbour.")
    assert (first.name, first.state, second.state) == ("Ships", "added", "unchanged")


@pytest.mark.parametrize("text", ["", "  \n "])
def test_nothing_pasted_is_said_to_be_nothing(library: Library, text: str):
    assert add_text(library, "", text) == [Result("Pasted text", "failed", NO_TEXT)]


def test_a_pasted_text_without_words_fails_with_a_reason(library: Library):
    (result,) = add_text(library, "", "---")
    assert result.state == "failed"
    assert "no text" in result.text


def test_progress_names_the_file_at_work_and_ends_at_the_total(library: Library):
    reported: list[Progress] = []
    add_uploads(library, [SHIP, Upload("empty.txt", b"")], LIMIT, reported.append)
    assert reported == [Progress(0, 2, "ship.md"), Progress(1, 2, "empty.txt"), Progress(2, 2, "")]


def test_progress_goes_on_within_a_long_file(library: Library):
    reported: list[Progress] = []
    long = Upload(
        "long.txt", b"\n\n".join(b"# Part %d\n\nThe ship is in the harbour." % n for n in range(40))
    )
    add_uploads(library, [long], LIMIT, reported.append)
    assert [(p.done, p.total, p.what, p.part) for p in reported] == [
        *((0, 1, "long.txt", part) for part in (0, 0.25, 0.5, 0.75, 1)),
        (1, 1, "", 0),
    ]


def test_what_nobody_foresaw_becomes_a_sentence_and_the_next_file_goes_on(
    library: Library, monkeypatch: pytest.MonkeyPatch
):
    ingest = library.ingest
    monkeypatch.setattr(
        library, "ingest", lambda jobs, *rest: 1 / 0 if jobs[0].name == SHIP.name else ingest(jobs, *rest)
    )
    results = add(library, SHIP, Upload("king.txt", b"The king eats bread."))
    assert [result.state for result in results] == ["failed", "added"]
    assert results[0].text.startswith("Something went wrong on our side")


def test_a_removed_file_of_the_folder_is_added_back(library: Library):
    folder = library.settings.corpus_dir
    folder.mkdir()
    (folder / "ship.md").write_bytes(SHIP.data)
    library.sync(folder)
    library.remove(library.documents()[0].id)
    (result,) = restore(library, "corpus:ship.md", "Ships")
    assert (result.name, result.state) == ("Ships", "added")
    assert library.followed.removed() == []


def zipped(**files: str) -> bytes:
    data = BytesIO()
    with ZipFile(data, "w") as archive:
        for name, content in files.items():
            archive.writestr(f"{name}.txt", content)
    return data.getvalue()


FIRST = Upload(
    "news.zip", zipped(a="The ship is in the harbour.", b="The king eats bread.", c="The radar is old.")
)
SECOND = Upload(
    "news.zip", zipped(a="The ship is in the harbour.", b="The king has left.", d="The bread is new.")
)


def test_an_archive_of_a_known_name_asks_once_for_all_that_is_other(library: Library):
    add(library, FIRST)
    before = texts(library)
    (asks,) = add(library, SECOND)
    assert asks.state == "asks"
    assert asks.text == "A file of this name is in the library; in this one 1 article differs and 1 is gone."
    assert texts(library) == before


def test_replacing_an_archive_removes_what_it_no_longer_holds(library: Library):
    add(library, FIRST)
    (asks,) = add(library, SECOND)
    (result,) = add_chosen(library, asks, beside=False)
    assert result.text == "1 article added, 1 updated, 1 unchanged, 1 removed, 8 words."
    assert texts(library) == {
        "upload:news.zip!/a.txt": "The ship is in the harbour.",
        "upload:news.zip!/b.txt": "The king has left.",
        "upload:news.zip!/d.txt": "The bread is new.",
    }


def test_both_archives_can_be_kept(library: Library):
    add(library, FIRST)
    (asks,) = add(library, SECOND)
    (second,) = add_chosen(library, asks, beside=True)
    (third,) = add_chosen(library, asks, beside=True)
    assert [second.name, third.name] == ["news.zip (2)", "news.zip (3)"]
    held = texts(library)
    assert len(held) == 9
    assert held["upload:news.zip!/b.txt"] == "The king eats bread."
    assert held["upload:news.zip (2)!/b.txt"] == "The king has left."


def test_a_member_that_can_not_be_read_this_time_keeps_what_is_held_of_it(library: Library):
    add(library, FIRST)
    broken = Upload("news.zip", zipped(a="The ship is in the harbour.", b="The king has left.", c=""))
    asks, failed = add(library, broken)
    assert failed.name == "news.zip › c.txt"
    assert "gone" not in asks.text
    add_chosen(library, asks, beside=False)
    assert texts(library)["upload:news.zip!/c.txt"] == "The radar is old."


def test_rows_that_have_gone_from_a_table_leave_when_it_is_replaced(library: Library):
    def table(*rows: str) -> Upload:
        lines = ["title,text", *(f"{row},The {row} is in the harbour." for row in rows)]
        return Upload("ships.csv", "\n".join(lines).encode())

    add(library, table("ship", "king", "bread"))
    assert [one.state for one in add(library, table("ship", "king", "bread"))] == ["unchanged"]
    (asks,) = add(library, table("ship", "king"))
    assert asks.state == "asks"
    assert len(texts(library)) == 3
    add_chosen(library, asks, beside=False)
    assert sorted(texts(library).values()) == ["The king is in the harbour.", "The ship is in the harbour."]


def test_a_name_that_begins_like_another_is_another_file(library: Library):
    add(library, Upload("ship.md", b"The ship is in the harbour."))
    assert [one.state for one in add(library, Upload("ship.md!", b"The king eats bread."))] != ["asks"]
    assert [one.state for one in add(library, Upload("ship", b"The king eats bread."))] != ["asks"]


def test_adding_is_cancelled_after_the_file_at_work(library: Library):
    told = list[Progress]()
    files = [SHIP, Upload("king.txt", b"The king eats bread.")]
    results = add_uploads(library, files, LIMIT, told.append, lambda: any(now.done for now in told))
    assert [result.name for result in results] == ["ship.md"]
    assert list(texts(library)) == ["upload:ship.md"]


def test_an_archive_that_is_cancelled_says_how_much_of_it_was_added(settings: Settings):
    over = threading.Event()

    class Ending(BagOfWords):
        def embed_passage(self, text: str, spans: Sequence[tuple[int, int]]) -> PassageVectors:
            if "number 40." in text:
                over.set()
            return super().embed_passage(text, spans)

    files = {f"{n:03}": f"The ship has the number {n}." for n in range(200)}
    with Library.open(settings, Ending(), follow=False) as library:
        upload = Upload("news.zip", zipped(**files))
        results = add_uploads(library, [upload], 10**6, lambda _: None, over.is_set)
        held = len(library.documents())
        assert 0 < held < 200
        assert [(one.state, one.text) for one in results] == [
            ("stopped", f"Stopped: {held} of 200 articles added.")
        ]


def test_an_archive_has_one_line_and_each_file_that_fails_its_own(library: Library):
    data = BytesIO()
    with ZipFile(data, "w") as archive:
        for name, content in [
            ("a.md", "The ship is in the harbour."),
            ("b.txt", "The king eats bread."),
            ("c.txt", ""),
        ]:
            archive.writestr(name, content)
    upload = Upload("news.zip", data.getvalue())
    assert [(result.name, result.state, result.text) for result in add(library, upload)] == [
        ("news.zip", "added", "2 articles added, 10 words."),
        ("news.zip › c.txt", "failed", "is empty: choose a file with text in it."),
    ]
    assert add(library, upload)[0].text == "2 unchanged."
