"""Followed folders: what is new, changed, renamed or gone there, and what could not be read."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from rag import (
    AddReport,
    Assistant,
    Document,
    EmbeddingError,
    Library,
    Loaded,
    NewDocument,
    Settings,
    SettingsError,
)
from rag.conversations import Conversations
from rag.embedding.local import PassageVectors
from rag.ingest import followed_file
from rag.store.backup import make_backup
from rag.upkeep.doctor import examine
from rag.upkeep.exporting import export_library, import_library
from tests.conftest import BagOfWords

SHIP, KING = "# Ships\n\nThe ship is in the harbour.", "The king eats bread."


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def zipped(**files: str | bytes) -> bytes:
    data = BytesIO()
    with ZipFile(data, "w") as archive:
        for name, content in files.items():
            archive.writestr(f"{name}.txt", content)
    return data.getvalue()


def message(text: str, *attachments: str) -> bytes:
    parts = [f'Content-Type: text/plain; charset="utf-8"\n\n{text}\n']
    parts += [
        f'Content-Type: text/plain; name="{n}.txt"\nContent-Disposition: attachment; filename="{n}.txt"\n\n{a}\n'
        for n, a in enumerate(attachments)
    ]
    body = "".join(f"--x\n{part}" for part in parts)
    head = (
        "Subject: News\nFrom: a@example.org\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=x\n\n"
    )
    return f"{head}{body}--x--\n".encode()


def held(library: Library) -> dict[str, Document]:
    return {document.key: document for document in library.documents()}


def text_of(library: Library, key: str) -> str:
    return library.document(held(library)[key].id).text


def failures(library: Library) -> list[tuple[str, str]]:
    return [(failure.file, failure.path) for failure in library.followed.failures()]


@pytest.fixture
def corpus(settings: Settings) -> Path:
    settings.corpus_dir.mkdir()
    return settings.corpus_dir


class Counting(BagOfWords):
    """An embedder that counts what it embeds, and fails while it is told to."""

    def __init__(self) -> None:
        self.embedded = 0
        self.is_away = False

    def embed_passage(self, text: str, spans: Sequence[tuple[int, int]]) -> PassageVectors:
        if self.is_away:
            raise EmbeddingError("The endpoint doesn't answer: start it.")
        self.embedded += 1
        return super().embed_passage(text, spans)


class TestRenamed:
    def test_a_renamed_file_keeps_its_document_and_is_not_embedded_again(
        self, settings: Settings, corpus: Path
    ):
        embedder = Counting()
        with Library.open(settings, embedder, follow=False) as library:
            path = write(corpus, "ship.md", SHIP)
            [before] = library.sync(corpus).added
            with library.catalog.writing() as writer:
                writer.execute("UPDATE documents SET added = '2020-01-02T03:04:05+00:00'")
            (corpus / "news").mkdir()
            path.rename(corpus / "news" / "vessel.md")
            report = library.sync(corpus)
            assert [document.key for document in report.renamed] == ["corpus:news/vessel.md"]
            assert [report.added, report.updated, report.removed] == [[], [], []]
            after = held(library)["corpus:news/vessel.md"]
            assert (after.id, after.version, after.added.year) == (before.id, before.version, 2020)
            assert library.search("ship")[0].document.key == "corpus:news/vessel.md"
            assert embedder.embedded == 1
            assert library.sync(corpus).renamed == []

    def test_it_may_take_the_name_of_one_that_was_removed(self, library: Library, corpus: Path):
        write(corpus, "king.md", KING)
        path = write(corpus, "ship.md", SHIP)
        library.sync(corpus)
        library.remove(held(library)["corpus:king.md"].id)
        (corpus / "king.md").unlink()
        library.sync(corpus)
        path.rename(corpus / "king.md")
        library.sync(corpus)
        assert (set(held(library)), library.followed.removed()) == ({"corpus:king.md"}, [])

    def test_two_processes_that_see_it_at_once_lose_no_failure(
        self, library: Library, settings: Settings, corpus: Path
    ):
        for name in ("a", "b"):
            write(corpus, f"{name}.md", "!" * ord(name))
        library.sync(corpus)
        for name in ("a", "b"):
            (corpus / f"{name}.md").rename(corpus / f"{name}{name}.md")
        with Library.open(settings, BagOfWords(), follow=False) as other:
            meanwhile = partial(other.sync, corpus)
            replace(library.followed, ingestion=replace(library.ingestion, changed=meanwhile)).sync()
        assert [file for file, _ in failures(library)] == ["corpus:aa.md", "corpus:bb.md"]

    def test_what_a_conversation_quotes_from_it_stays(self, settings: Settings, corpus: Path):
        conversations = Conversations.open(settings)
        with Library.open(settings, BagOfWords(), follow=False) as library:
            path = write(corpus, "ship.md", SHIP)
            library.sync(corpus)
            answer = Assistant(library, settings).ask("Where is the ship?")
            conversation = conversations.create()
            turn = conversations.append(conversation, "Where is the ship?", answer)
            path.rename(corpus / "vessel.md")
            library.sync(corpus)
            library.forget_quotes(conversations)
            assert conversations.turns(conversation) == [turn]
            citation = turn.answer.citations[0]
            document = library.document(citation.document.id)
            assert document.text[citation.start : citation.end] == citation.quote
            assert document.version == citation.version
        conversations.close()

    def test_a_new_file_of_the_old_name_is_another_document(self, library: Library, corpus: Path):
        path = write(corpus, "ship.md", SHIP)
        [first] = library.sync(corpus).added
        path.rename(corpus / "vessel.md")
        library.sync(corpus)
        write(corpus, "ship.md", KING)
        [second] = library.sync(corpus).added
        assert second.id != first.id
        assert {key: document.id for key, document in held(library).items()} == {
            "corpus:vessel.md": first.id,
            "corpus:ship.md": second.id,
        }
        # Both go on being updated under their own ids.
        write(corpus, "ship.md", "The king has a ship.")
        write(corpus, "vessel.md", "The ship has a radar.")
        assert {d.id for d in library.sync(corpus).updated} == {first.id, second.id}
        assert text_of(library, "corpus:ship.md") == "The king has a ship."

    def test_two_files_that_exchange_their_names(self, library: Library, corpus: Path):
        ship, king = write(corpus, "ship.md", SHIP), write(corpus, "king.md", KING + " " * 40)
        library.sync(corpus)
        ship.rename(corpus / "x.md")
        king.rename(ship)
        (corpus / "x.md").rename(king)
        library.sync(corpus)
        assert text_of(library, "corpus:ship.md") == KING
        assert len(held(library)) == 2

    def test_a_copy_is_no_rename(self, library: Library, corpus: Path):
        write(corpus, "ship.md", SHIP)
        library.sync(corpus)
        write(corpus, "copy.md", SHIP)
        report = library.sync(corpus)
        assert ([d.key for d in report.added], report.renamed) == (["corpus:copy.md"], [])

    def test_a_file_that_is_moved_in_two_steps_is_not_taken_for_a_new_one(
        self, library: Library, corpus: Path
    ):
        path = write(corpus, "ship.md", SHIP)
        [before] = library.sync(corpus).added
        path.rename(corpus / "vessel.md")
        write(corpus, "king.md", KING)
        # That the old one is gone may be noticed a moment after the new one has come to rest.
        report = library.followed.sync(leave={"corpus:ship.md"})
        assert [document.key for document in report.added] == ["corpus:king.md"]
        assert [document.id for document in library.sync(corpus).renamed] == [before.id]

    def test_a_moved_folder_keeps_equal_files_apart_by_their_names(self, library: Library, corpus: Path):
        for name in ("a.md", "b.md", "c.md"):
            write(corpus, f"old/{name}", SHIP)
        library.sync(corpus)
        ids = {Path(key).name: document.id for key, document in held(library).items()}
        (corpus / "old").rename(corpus / "later")
        assert len(library.sync(corpus).renamed) == 3
        assert {Path(key).name: document.id for key, document in held(library).items()} == ids

    def test_an_archive_is_renamed_with_all_that_is_in_it(self, library: Library, corpus: Path):
        path = write(corpus, "a.zip", zipped(ship=SHIP, king=KING, bad=""))
        ids = {document.id for document in library.sync(corpus).added}
        path.rename(corpus / "b.zip")
        report = library.sync(corpus)
        assert {document.id for document in report.renamed} == ids
        assert held(library).keys() == {"corpus:b.zip!/ship.txt", "corpus:b.zip!/king.txt"}
        assert failures(library) == [("corpus:b.zip", "bad.txt")]

    def test_what_was_removed_stays_away_under_its_new_name(self, library: Library, corpus: Path):
        path = write(corpus, "ship.md", SHIP)
        [document] = library.sync(corpus).added
        library.remove(document.id)
        path = path.rename(corpus / "vessel.md")
        library.sync(corpus)
        path.write_text("# Ships\n\nThe ship has left.")
        library.sync(corpus)
        assert held(library) == {}
        assert [tombstone.key for tombstone in library.followed.removed()] == ["corpus:vessel.md"]
        assert [d.key for d in library.followed.restore("corpus:vessel.md").added] == ["corpus:vessel.md"]

    def test_a_library_with_renamed_files_is_in_order_and_can_be_moved(
        self, settings: Settings, corpus: Path, tmp_path: Path
    ):
        with Library.open(settings, BagOfWords(), follow=False) as library:
            path = write(corpus, "ship.md", SHIP)
            library.sync(corpus)
            path.rename(corpus / "vessel.md")
            write(corpus, "ship.md", KING)
            library.sync(corpus)
            ids = {key: document.id for key, document in held(library).items()}
            export_library(library, tmp_path / "library.gz")
            make_backup(library.catalog)
        assert [f for f in examine(settings, BagOfWords(), everything=True) if f.wrong] == []
        moved = settings.model_copy(update={"data_dir": tmp_path / "moved"})
        with Library.open(moved, BagOfWords(), follow=False) as library:
            import_library(library, tmp_path / "library.gz")
            assert {key: document.id for key, document in held(library).items()} == ids
        # The copy of a damaged file has the same ids.
        with (settings.data_dir / "catalog.sqlite3").open("rb+") as file:
            file.write(bytes(100))
        findings = {finding.check: finding for finding in examine(settings, BagOfWords())}
        assert "with 2 of the documents" in findings["file"].done
        with Library.open(settings, BagOfWords(), follow=False) as library:
            assert {key: document.id for key, document in held(library).items()} == ids


class TestFailed:
    def test_a_failed_file_is_read_again_when_it_changes_or_on_request(
        self, settings: Settings, corpus: Path
    ):
        path = write(corpus, "bad.md", b"\x00\x01\x02" * 1000)
        with Library.open(settings, BagOfWords(), follow=False) as library:
            assert len(library.sync(corpus).failed) == 1
        with Library.open(settings, BagOfWords(), follow=False) as library:
            [failure] = library.followed.failures()
            assert (failure.file, failure.path) == ("corpus:bad.md", "bad.md")
            assert "bad.md" in failure.reason
            assert library.sync(corpus).failed == [], "it isn't read again"
            library.followed.retry(["corpus:bad.md"])
            assert len(library.sync(corpus).failed) == 1
            library.followed.retry()
            assert len(library.sync(corpus).failed) == 1
            path.write_text(KING)
            assert [d.key for d in library.sync(corpus).added] == ["corpus:bad.md"]
            assert library.followed.failures() == []

    def test_a_failed_file_that_is_deleted_leaves_the_list(self, library: Library, corpus: Path):
        path = write(corpus, "bad.md", b"\x00\x01\x02" * 1000)
        library.sync(corpus)
        path.unlink()
        library.sync(corpus)
        assert library.followed.failures() == []

    def test_a_text_that_cannot_be_added_is_not_read_again_either(self, library: Library, corpus: Path):
        write(corpus, "dots.txt", "… — …")
        first = library.sync(corpus)
        assert "no text" in first.failed[0].reason
        assert len(library.followed.failures()) == 1
        assert library.sync(corpus) == AddReport()

    def test_what_an_embedding_model_failed_at_is_tried_again_by_itself(
        self, settings: Settings, corpus: Path
    ):
        embedder = Counting()
        with Library.open(settings, embedder, follow=False) as library:
            path = write(corpus, "ship.md", SHIP)
            library.sync(corpus)
            embedder.is_away = True
            path.write_text("# Ships\n\nThe ship has a radar.")
            assert len(library.sync(corpus).failed) == 1
            assert failures(library) == [("corpus:ship.md", "Ships")]
            assert text_of(library, "corpus:ship.md") == "The ship is in the harbour."
            embedder.is_away = False
            assert len(library.sync(corpus).updated) == 1
            assert library.followed.failures() == []

    @pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may read everything")
    def test_a_file_that_may_be_read_again_is_read_by_itself(self, library: Library, corpus: Path):
        path = write(corpus, "ship.md", SHIP)
        path.chmod(0)
        assert len(library.sync(corpus).failed) == 1
        path.chmod(0o600)
        assert len(library.sync(corpus).added) == 1

    def test_a_name_that_is_no_unicode_is_read_and_followed(self, library: Library, corpus: Path):
        path = corpus / os.fsdecode(b"ship\xff.md")
        path.write_text(SHIP)
        (corpus / os.fsdecode(b"\xff.zip")).write_bytes(b"PK no archive")
        report = library.sync(corpus)
        assert (len(report.added), len(report.failed)) == (1, 1)
        assert library.sync(corpus) == AddReport()
        path.unlink()
        assert len(library.sync(corpus).removed) == 1


class TestFilesWithin:
    def test_an_archive_with_a_bad_member_loses_what_it_no_longer_holds(self, library: Library, corpus: Path):
        write(corpus, "a.zip", zipped(ship=SHIP, king=KING, other="Bread in the harbour."))
        library.sync(corpus)
        write(corpus, "a.zip", zipped(ship=SHIP, other=b"\x00\x01" * 500 + b"x"))
        report = library.sync(corpus)
        assert held(library).keys() == {"corpus:a.zip!/ship.txt", "corpus:a.zip!/other.txt"}
        assert text_of(library, "corpus:a.zip!/other.txt") == "Bread in the harbour.", "it could not be read"
        assert len(report.failed) == 1
        assert [file for file, _ in failures(library)] == ["corpus:a.zip"]
        assert library.sync(corpus) == AddReport(), "nor is it read again"

    def test_an_archive_that_cannot_be_opened_keeps_everything(self, library: Library, corpus: Path):
        path = write(corpus, "a.zip", zipped(ship=SHIP, king=KING))
        library.sync(corpus)
        path.write_bytes(path.read_bytes()[:-30])
        assert len(library.sync(corpus).failed) == 1
        assert len(held(library)) == 2

    def test_one_that_is_added_back_brings_no_other_and_hides_none(self, library: Library, corpus: Path):
        write(corpus, "a.zip", zipped(ship=SHIP, king=KING))
        for document in library.sync(corpus).added:
            library.remove(document.id)
        write(corpus, "a.zip", zipped(ship=SHIP, king=KING, new="Bread in the harbour."))
        report = library.followed.restore("corpus:a.zip!/ship.txt")
        assert [document.key for document in report.added] == ["corpus:a.zip!/ship.txt"]
        assert [d.key for d in library.sync(corpus).added] == ["corpus:a.zip!/new.txt"]
        assert [t.key for t in library.followed.removed()] == ["corpus:a.zip!/king.txt"]

    def test_attachments_go_on_when_their_message_was_removed(self, library: Library, corpus: Path):
        write(corpus, "a.eml", message("Hello there.", SHIP))
        library.sync(corpus)
        library.remove(held(library)["corpus:a.eml"].id)
        write(corpus, "a.eml", message("Hello there.", "The ship has a radar.", KING))
        library.sync(corpus)
        assert held(library).keys() == {"corpus:a.eml!/0.txt", "corpus:a.eml!/1.txt"}
        assert text_of(library, "corpus:a.eml!/0.txt") == "The ship has a radar."

    def test_a_copy_of_what_was_removed_comes_when_that_is_added_back(self, library: Library, corpus: Path):
        write(corpus, "ship.md", SHIP)
        [document] = library.sync(corpus).added
        library.remove(document.id)
        write(corpus, "copy.md", SHIP)
        library.sync(corpus)
        assert held(library) == {}
        library.followed.restore("corpus:ship.md")
        library.sync(corpus)
        assert held(library).keys() == {"corpus:ship.md", "corpus:copy.md"}


class TestFurtherFolders:
    @pytest.fixture
    def further(self, tmp_path: Path) -> Path:
        (tmp_path / "further").mkdir()
        return tmp_path / "further"

    @pytest.fixture
    def both(self, settings: Settings, corpus: Path, further: Path) -> Library:
        settings = settings.model_copy(update={"folders": (further,)})
        with Library.open(settings, BagOfWords(), follow=False) as library:
            yield library

    def test_files_of_both_are_followed_under_keys_of_their_own(
        self, both: Library, corpus: Path, further: Path
    ):
        write(corpus, "ship.md", SHIP)
        path = write(further, "ship.md", KING)
        both.followed.sync()
        key = f"folder:{further.as_posix()}/ship.md"
        assert {k: text_of(both, k) for k in held(both)} == {
            "corpus:ship.md": "The ship is in the harbour.",
            key: KING,
        }
        path.unlink()
        assert [document.key for document in both.followed.sync().removed] == [key]

    def test_a_file_moved_from_one_to_the_other_keeps_its_document(
        self, both: Library, corpus: Path, further: Path
    ):
        path = write(corpus, "ship.md", SHIP)
        [before] = both.followed.sync().added
        path.rename(further / "ship.md")
        both.followed.sync()
        assert [(d.id, d.key) for d in both.documents()] == [
            (before.id, f"folder:{further.as_posix()}/ship.md")
        ]

    def test_a_folder_that_vanishes_keeps_its_articles_until_it_is_back(
        self, both: Library, corpus: Path, further: Path
    ):
        write(corpus, "king.md", KING)
        write(further, "ship.md", SHIP)
        both.followed.sync()
        away = further.rename(further.with_name("away"))
        (corpus / "king.md").unlink()
        assert [document.key for document in both.followed.sync().removed] == ["corpus:king.md"]
        assert len(held(both)) == 1
        (away / "ship.md").unlink()
        away.rename(further)
        both.followed.sync()
        assert held(both) == {}

    def test_what_is_removed_stays_away_and_can_be_added_back(self, both: Library, further: Path):
        write(further, "ship.md", SHIP)
        [document] = both.followed.sync().added
        both.remove(document.id)
        both.followed.sync()
        assert held(both) == {}
        assert [tombstone.key for tombstone in both.followed.removed()] == [document.key]
        assert [d.key for d in both.followed.restore(document.key).added] == [document.key]
        assert both.followed.removed() == []

    def test_the_corpus_alone_leaves_the_other_folder_as_it_is(
        self, both: Library, corpus: Path, further: Path
    ):
        write(further, "ship.md", SHIP)
        both.followed.sync()
        both.sync(corpus)
        assert len(held(both)) == 1

    def test_the_setting_names_folders_apart_from_each_other(
        self, tmp_path: Path, corpus: Path, further: Path
    ):
        names = {"FOOTNOTE_CORPUS_DIR": str(corpus), "FOOTNOTE_DATA_DIR": str(tmp_path / "data")}
        both = os.pathsep.join([str(further), str(tmp_path / "third"), ""])
        assert Settings.from_env(names | {"FOOTNOTE_FOLDERS": both}).folders == (further, tmp_path / "third")
        for wrong in (corpus, corpus / "sub", tmp_path, tmp_path / "data" / "x"):
            with pytest.raises(SettingsError, match=f"FOOTNOTE_FOLDERS names {wrong}, "):
                Settings.from_env(names | {"FOOTNOTE_FOLDERS": str(wrong)})


def test_files_that_programs_make_in_passing_are_no_articles(library: Library, corpus: Path):
    for name in ("~$ship.docx", "ship.md~", ".hidden.md", "Thumbs.db", "ship.md.part", "a.tmp"):
        write(corpus, name, SHIP)
    assert library.sync(corpus) == AddReport()


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may look everywhere")
def test_what_lies_in_a_folder_that_may_not_be_looked_into_stays(library: Library, corpus: Path):
    write(corpus, "sub/ship.md", SHIP)
    library.sync(corpus)
    (corpus / "sub").chmod(0)
    library.sync(corpus)
    (corpus / "sub").chmod(0o700)
    assert len(held(library)) == 1


@pytest.mark.skipif(os.name == "nt", reason="links need a right there")
def test_a_link_that_leads_to_itself_holds_up_no_other_file(library: Library, corpus: Path):
    write(corpus, "ship.md", SHIP)
    (corpus / "loop.md").symlink_to("loop.md")
    (corpus / "again").symlink_to(".")
    assert [document.key for document in library.sync(corpus).added] == ["corpus:ship.md"]
    assert library.followed.failures() == []


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may look everywhere")
def test_what_a_link_leads_to_stays_while_nobody_may_look_there(library: Library, corpus: Path):
    inside = corpus / ".texts"
    inside.mkdir()
    write(inside, "king.md", SHIP)
    (corpus / "king.md").symlink_to(inside / "king.md")
    library.sync(corpus)
    write(corpus, "ship.md", SHIP + " It is large.")
    inside.chmod(0)
    report = library.sync(corpus)
    inside.chmod(0o700)
    assert [document.key for document in report.added] == ["corpus:ship.md"]
    assert len(held(library)) == 2


@pytest.mark.skipif(os.name == "nt", reason="paths are no longer than 260 characters there")
def test_folders_in_folders_hold_up_no_other_file_however_deep(library: Library, corpus: Path):
    write(corpus, "ship.md", SHIP)
    folders = [f"{corpus}{'/a' * depth}" for depth in range(1, 1_500)]
    for folder in folders:
        os.mkdir(folder)  # noqa: PTH102  # a path object is slow with so many parts
    deepest = write(Path(folders[-1]), "king.md", KING)
    try:
        assert sorted(library.document(d.id).text for d in library.sync(corpus).added) == [
            "The king eats bread.",
            "The ship is in the harbour.",
        ]
        assert library.sync(corpus) == AddReport()
    finally:  # what clears up after the tests can't go so deep
        deepest.unlink()
        for folder in reversed(folders):
            os.rmdir(folder)  # noqa: PTH106


def test_a_file_that_is_written_while_it_is_read_is_not_taken_half(
    settings: Settings, corpus: Path, monkeypatch: pytest.MonkeyPatch
):
    path = write(corpus, "ship.md", SHIP)
    load_read = followed_file.load_read

    def written_meanwhile(*arguments: Any) -> Loaded:
        loaded = load_read(*arguments)
        path.write_text(SHIP + " It is large.")
        return loaded

    with Library.open(settings, BagOfWords(), follow=False) as library:
        with monkeypatch.context() as patch:
            patch.setattr("rag.ingest.followed_file.load_read", written_meanwhile)
            report = library.sync(corpus)
        assert "was changed while it was read" in report.failed[0].reason
        assert held(library) == {}
        assert len(library.sync(corpus).added) == 1
        assert library.followed.failures() == []


def test_a_file_that_is_deleted_while_it_is_read_leaves_nothing(
    library: Library, corpus: Path, monkeypatch: pytest.MonkeyPatch
):
    path = write(corpus, "ship.md", SHIP)
    load_read = followed_file.load_read

    def deleted_meanwhile(*arguments: Any) -> Loaded:
        loaded = load_read(*arguments)
        path.unlink()
        return loaded

    monkeypatch.setattr("rag.ingest.followed_file.load_read", deleted_meanwhile)
    assert library.sync(corpus) == AddReport()
    assert (held(library), library.followed.failures()) == ({}, [])


def test_the_empty_place_of_a_drive_is_not_taken_for_an_emptied_folder(
    library: Library, corpus: Path, monkeypatch: pytest.MonkeyPatch
):
    path = write(corpus, "ship.md", SHIP)
    library.sync(corpus)
    path.unlink()
    with monkeypatch.context() as patch:
        patch.setattr("rag.ingest.syncing.device_of", lambda path: "another disk")
        library.sync(corpus)
        assert len(held(library)) == 1
    library.sync(corpus)
    assert held(library) == {}


def test_what_is_removed_while_its_file_is_read_again_stays_away(settings: Settings, corpus: Path):
    class Meanwhile(BagOfWords):
        def embed_passage(self, text: str, spans: Sequence[tuple[int, int]]) -> PassageVectors:
            if "radar" in text:
                library.remove(ship.id)
            return super().embed_passage(text, spans)

    with Library.open(settings, Meanwhile(), follow=False) as library:
        write(corpus, "ship.md", SHIP)
        [ship] = library.sync(corpus).added
        write(corpus, "ship.md", f"{SHIP} It has a radar.")
        library.sync(corpus)
        assert held(library) == {}
        assert [tombstone.key for tombstone in library.followed.removed()] == ["corpus:ship.md"]


def test_what_leaves_an_archive_is_reported(library: Library, corpus: Path):
    write(corpus, "a.zip", zipped(ship=SHIP, king=KING))
    library.sync(corpus)
    write(corpus, "a.zip", zipped(king=KING))
    report = library.sync(corpus)
    assert [document.key for document in report.removed] == ["corpus:a.zip!/ship.txt"]


def test_a_removed_copy_stays_away_when_another_file_gets_its_text(library: Library, corpus: Path):
    write(corpus, "ship.md", SHIP)
    write(corpus, "king.md", KING)
    library.sync(corpus)
    library.remove(held(library)["corpus:ship.md"].id)
    write(corpus, "king.md", SHIP)
    library.sync(corpus)
    assert (set(held(library)), len(library.followed.removed())) == ({"corpus:king.md"}, 1)


def test_a_folder_called_like_an_archive_is_no_part_of_it(library: Library, corpus: Path):
    archive = write(corpus, "a.zip", zipped(ship=SHIP))
    write(corpus, "a.zip!/king.md", KING)
    library.sync(corpus)
    archive.unlink()
    assert [document.key for document in library.sync(corpus).removed] == ["corpus:a.zip!/ship.txt"]
    assert set(held(library)) == {"corpus:a.zip!/king.md"}


def test_a_link_that_leads_nowhere_keeps_no_other_file_away(library: Library, corpus: Path):
    write(corpus, "link.md", KING)
    library.sync(corpus)
    (corpus / "link.md").unlink()
    (corpus / "link.md").symlink_to("x" * 300)
    write(corpus, "ship.md", SHIP)
    assert [document.key for document in library.sync(corpus).added] == ["corpus:ship.md"]
    assert set(held(library)) == {"corpus:link.md", "corpus:ship.md"}
    (corpus / "link.md").unlink()
    assert len(library.sync(corpus).removed) == 1


def test_an_upload_has_nothing_to_do_with_the_folders(library: Library, corpus: Path):
    library.add([NewDocument(KING, key="upload:king.md")])
    write(corpus, "king.md", KING)
    library.sync(corpus)
    (corpus / "king.md").unlink()
    library.sync(corpus)
    assert held(library).keys() == {"upload:king.md"}
