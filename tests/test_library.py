"""The library: what is added is there word for word, what is removed is gone, and folders are followed."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import hypothesis
import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from langchain_core.runnables import RunnableLambda

from rag import AddReport, Block, DocumentNotFound, Filters, Library, NewDocument, Progress, Settings
from rag.text.canonical import normalise_text, one_line
from rag.text.invisible import without_hidden
from tests.conftest import BagOfWords

SHIP = NewDocument("The ship is in the harbour.", title="Ships", key="ship", source="Courier")
KING = NewDocument("The king eats bread.", title="Kings", key="king", source="Gazette")


def keys(library: Library) -> set[str]:
    return {document.key for document in library.documents()}


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return path


@pytest.fixture
def folder(settings: Settings) -> Path:
    """A folder of two articles."""
    write(settings.corpus_dir, "ship.md", "# Ships\n\nThe ship is in the harbour.")
    write(settings.corpus_dir, "sub/king.txt", "The king eats bread.")
    return settings.corpus_dir


def test_added_updated_unchanged(library: Library):
    first = library.add([SHIP])
    again = library.add([SHIP])
    changed = library.add([NewDocument("The ship has left.", title="Ships", key="ship", source="Courier")])
    [added], [unchanged], [updated] = first.added, again.unchanged, changed.updated
    assert (unchanged.id, unchanged.version) == (added.id, added.version)
    assert updated.id == added.id
    assert updated.version != added.version
    assert [hit.passage.text for hit in library.search("ship")] == ["The ship has left."]


@pytest.mark.parametrize(
    "change", [{"title": "Vessels"}, {"source": "Gazette"}, {"published": date(2020, 1, 2)}]
)
def test_changed_metadata_is_an_update(library: Library, change: dict[str, object]):
    library.add([SHIP])
    [updated] = library.add(
        [NewDocument(**{"text": SHIP.text, "title": "Ships", "key": "ship"} | change)]
    ).updated
    assert {name: getattr(updated, name) for name in change} == change


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (NewDocument(" \n — \n", title="Bad"), "no text in it"),
        (NewDocument("ab", title="Bad", blocks=(Block("code", 0, 9),)), "blocks don't fit its text"),
        (NewDocument("a\0b", title="Bad", blocks=(Block("code", 0, 3),)), "can't be stored"),
        (NewDocument("ab", title="Bad\ud800"), "can't be stored"),
    ],
)
def test_a_batch_goes_on_past_what_cannot_be_added(library: Library, document: NewDocument, reason: str):
    report = library.add([SHIP, document, KING])
    assert [document.key for document in report.added] == ["ship", "king"]
    [error] = report.failed
    assert error.path == "Bad"
    assert reason in error.reason
    assert keys(library) == {"ship", "king"}


def test_progress_counts_every_document(library: Library):
    seen: list[Progress] = []
    library.add([SHIP, NewDocument("", title="Nothing"), KING], seen.append)
    assert seen == [
        Progress(0, 3, "Ships"),
        Progress(1, 3, "Nothing"),
        Progress(2, 3, "Kings"),
        Progress(3, 3, ""),
    ]


@hypothesis.settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(), st.text(st.characters()), st.booleans())
def test_any_text_is_added_word_for_word_or_refused(
    library: Library, text: str, title: str, with_blocks: bool
):
    blocks = (Block("paragraph", 0, len(text)),) if with_blocks else ()
    report = library.add([NewDocument(text, title=title, key="any", blocks=blocks)])
    assert len([*report.added, *report.updated, *report.unchanged, *report.failed]) == 1
    for document in [*report.added, *report.updated]:
        held = library.document(document.id)
        assert held.title == one_line(title)
        assert not with_blocks or held.text == (
            text if without_hidden(text) == text else normalise_text(text)
        )


def test_passages_are_the_documents_own_words(library: Library, folder: Path):
    library.sync(folder)
    library.add(
        [NewDocument("The ship’s “radar”…\r\nŞehir\u00a0🚢 ship.  Ship!\n\n- bread\n- king", key="odd")]
    )
    hits = library.search("ship radar bread king harbour", limit=50)
    assert {hit.document.key for hit in hits} == {"odd", "corpus:ship.md", "corpus:sub/king.txt"}
    for hit in hits:
        assert hit.passage.document_id == hit.document.id
        text = library.document(hit.document.id).text
        assert text[hit.passage.start : hit.passage.end] == hit.passage.text


def test_a_text_without_blocks_is_brought_into_its_normal_form(library: Library):
    [added] = library.add([NewDocument("The\u00a0ship.\r\n\r\n\r\nA cafe\u0301.\ufeff")]).added
    assert library.document(added.id).text == "The ship.\n\nA café."


def test_a_copy_under_another_key_is_kept(library: Library):
    library.add([SHIP, NewDocument(SHIP.text, title=SHIP.title, key="copy")])
    assert keys(library) == {"ship", "copy"}
    library.remove(next(document.id for document in library.documents() if document.key == "ship"))
    assert [hit.document.key for hit in library.search("ship")] == ["copy"]


def test_a_document_without_key_is_known_by_its_content(library: Library):
    [added] = library.add([NewDocument("The ship.")]).added
    assert [d.id for d in library.add([NewDocument("The ship.")]).unchanged] == [added.id]


def test_removed_for_good(library: Library):
    [document] = library.add([SHIP]).added
    library.remove(document.id)
    assert library.documents() == library.search("ship") == []
    for act in (library.document, library.remove):
        with pytest.raises(
            DocumentNotFound, match="not in the library: it was removed, or the link is wrong"
        ):
            act(document.id)
    assert len(library.add([SHIP]).added) == 1


def test_a_list_has_the_newest_first_and_no_texts(library: Library):
    days = [date(2020, 5, 1), None, date(2021, 5, 1)]
    library.add(NewDocument("Bread.", key=str(day), published=day) for day in days)
    assert [document.published for document in library.documents()] == [
        date(2021, 5, 1),
        date(2020, 5, 1),
        None,
    ]
    assert {document.text for document in library.documents()} == {""}


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        (Filters(), {"a", "b", "c"}),
        (Filters(sources=["Courier"]), {"a"}),
        (Filters(sources=["Courier", "Gazette"]), {"a", "b"}),
        (Filters(since=date(2020, 1, 1)), {"a", "b"}),
        (Filters(since=date(2020, 1, 2), until=date(2020, 1, 2)), {"b"}),
        (Filters(languages=["tr"]), {"c"}),
        (Filters(sources=["Courier"], languages=["tr"]), set()),
        (Filters(document_ids=["nothing"]), set()),
    ],
)
def test_filters(library: Library, filters: Filters, found: set[str]):
    library.add([
        NewDocument("The ship.", key="a", source="Courier", published=date(2020, 1, 1), language="en"),
        NewDocument("The ship!", key="b", source="Gazette", published=date(2020, 1, 2), language="en"),
        NewDocument("The ship…", key="c", language="tr"),
    ])  # fmt: skip
    assert {hit.document.key for hit in library.search("ship", filters=filters)} == found


class TestSync:
    def test_new_changed_and_deleted_files(self, library: Library, folder: Path):
        assert {d.key for d in library.sync(folder).added} == {"corpus:ship.md", "corpus:sub/king.txt"}
        write(folder, "ship.md", "The ship has a radar.")
        (folder / "sub/king.txt").unlink()
        write(folder, "new.md", "Bread in the harbour.")
        report = library.sync(folder)
        assert [d.key for d in report.updated] == ["corpus:ship.md"]
        assert [d.key for d in report.added] == ["corpus:new.md"]
        assert keys(library) == {"corpus:ship.md", "corpus:new.md"}
        assert library.search("radar")[0].document.key == "corpus:ship.md"

    def test_questions_among_the_articles_are_passed_over(self, library: Library, folder: Path):
        write(folder, "questions.jsonl", '{"question": "Where is the ship?", "answer": "harbour"}')
        write(folder, "sub/questions.jsonl", "{}")
        write(folder, "others.jsonl", "{}")  # which is no name that anyone agreed on
        report = library.sync(folder)
        assert [document.key for document in report.added] == ["corpus:ship.md", "corpus:sub/king.txt"]
        assert [error.path for error in report.failed] == ["others.jsonl"]

    def test_a_file_that_comes_back_is_added_again(self, library: Library, folder: Path):
        library.sync(folder)
        text = (folder / "ship.md").read_text("utf-8")
        (folder / "ship.md").unlink()
        library.sync(folder)
        write(folder, "ship.md", text)
        assert [d.key for d in library.sync(folder).added] == ["corpus:ship.md"]

    def test_an_unchanged_file_is_not_read_again(self, library: Library, folder: Path):
        library.sync(folder)
        path = folder / "ship.md"
        before = path.stat()
        path.write_bytes(bytes(before.st_size))
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        assert library.sync(folder) == AddReport()

    def test_a_bad_file_stops_no_other_and_keeps_what_was_held(self, library: Library, folder: Path):
        library.sync(folder)
        (folder / "ship.md").write_bytes(b"\x00\x01\x02" * 1000)
        write(folder, "z.md", "More bread.")
        report = library.sync(folder)
        assert [error.path for error in report.failed] == ["ship.md"]
        assert [d.key for d in report.added] == ["corpus:z.md"]
        assert "corpus:ship.md" in keys(library)

    def test_a_missing_folder_changes_nothing(self, library: Library, folder: Path):
        library.sync(folder)
        folder.rename(folder.with_name("elsewhere"))
        library.sync(folder)
        assert len(keys(library)) == 2

    def test_what_does_not_come_from_the_folder_stays(self, library: Library, folder: Path):
        library.add([SHIP])
        library.sync(folder)
        (folder / "ship.md").unlink()
        library.sync(folder)
        assert keys(library) == {"ship", "corpus:sub/king.txt"}

    def test_a_removed_file_stays_away_until_it_is_restored(self, settings: Settings, folder: Path):
        with Library.open(settings, BagOfWords(), follow=False) as library:
            library.sync(folder)
            library.remove(next(d.id for d in library.documents() if d.key == "corpus:ship.md"))
            # Neither touched nor changed nor under another name does it come back.
            (folder / "ship.md").touch()
            write(folder, "copy.md", "# Ships\n\nThe ship is in the harbour.")
        with Library.open(settings, BagOfWords(), follow=False) as library:
            library.sync(folder)
            assert keys(library) == {"corpus:sub/king.txt"}
            assert [(t.key, t.title) for t in library.followed.removed()] == [("corpus:ship.md", "Ships")]
            assert [d.key for d in library.followed.restore("corpus:ship.md", folder).added] == [
                "corpus:ship.md"
            ]
            assert library.followed.removed() == []
            library.sync(folder)
            assert "corpus:ship.md" in keys(library)

    def test_removing_a_copy_does_not_stop_a_held_file_from_being_updated(
        self, library: Library, folder: Path
    ):
        library.sync(folder)
        [copy] = library.add(
            [NewDocument("The ship is in the harbour.", title="Upload", key="upload:a")]
        ).added
        library.remove(copy.id)
        write(folder, "ship.md", "# A better title\n\nThe ship is in the harbour.")
        assert [document.title for document in library.sync(folder).updated] == ["A better title"]

    def test_a_removed_upload_may_come_back_as_a_file(self, library: Library, folder: Path):
        [upload] = library.add([NewDocument("A king rules.", title="A king", key="upload:king.txt")]).added
        library.remove(upload.id)
        write(folder, "king.txt", "A king rules.")
        library.sync(folder)
        assert "corpus:king.txt" in keys(library)

    def test_restoring_a_file_that_is_gone_says_so(self, library: Library, folder: Path):
        library.sync(folder)
        library.remove(next(d.id for d in library.documents() if d.key == "corpus:ship.md"))
        (folder / "ship.md").unlink()
        [error] = library.followed.restore("corpus:ship.md", folder).failed
        assert error.reason == "The file is no longer in the folder: put it back first."
        assert library.followed.removed() == []


def test_the_library_is_a_retriever_in_a_chain(library: Library):
    library.add([SHIP, KING])
    chain = library.as_retriever(limit=1) | RunnableLambda(lambda found: found)
    [found] = chain.invoke("Who eats bread?")
    document = library.document(found.metadata["document_id"])
    assert found.page_content == document.text[found.metadata["start"] : found.metadata["end"]]
    assert (found.metadata["title"], found.metadata["source"], found.metadata["published"]) == (
        "Kings",
        "Gazette",
        None,
    )


def test_what_was_acknowledged_is_there_after_opening_again(settings: Settings):
    with Library.open(settings, BagOfWords(), follow=False) as library:
        library.add([SHIP, KING])
        found = library.search("ship")
    with Library.open(settings, BagOfWords(), follow=False) as library:
        assert keys(library) == {"ship", "king"}
        assert library.search("ship") == found
        status = library.status()
    assert (status.documents, status.passages) == (2, 2)
    assert status.bytes_on_disk > 0


def test_the_last_change_may_be_a_removal(library: Library):
    (ship, _) = library.add([SHIP, KING]).added
    with library.catalog.writing() as writer:
        writer.execute("UPDATE documents SET updated = '2020-01-02T03:04:05+00:00'")
    assert library.status().changed == datetime(2020, 1, 2, 3, 4, 5, tzinfo=UTC)
    library.remove(ship.id)
    changed = library.status().changed
    assert changed is not None
    assert datetime.now(UTC) - changed < timedelta(minutes=1)


@pytest.mark.skipif(os.name == "nt", reason="rights are others there")
def test_nobody_else_looks_into_the_data_folder_also_where_it_was_open_before(settings: Settings):
    inner = settings.data_dir / "incoming"
    inner.mkdir(parents=True, mode=0o755)
    (inner / "waiting.data").write_text("text")
    outside = settings.data_dir.parent / "outside.txt"
    outside.write_text("text")
    outside.chmod(0o644)
    (settings.data_dir / "link").symlink_to(outside)
    settings.data_dir.chmod(0o755)
    with Library.open(settings, BagOfWords(), follow=False) as library:
        library.add([NewDocument("The ship.")])
    assert settings.data_dir.stat().st_mode & 0o777 == 0o700
    assert (inner / "waiting.data").stat().st_mode & 0o077 == 0
    assert (settings.data_dir / "catalog.sqlite3").stat().st_mode & 0o077 == 0
    assert outside.stat().st_mode & 0o777 == 0o644
