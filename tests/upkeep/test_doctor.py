"""The doctor: what is wrong is found and mended, and what a damaged catalog still holds is saved."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from rag import Answer, CatalogError, Citation, EmbeddingError, Library, NewDocument, Sentence, Settings
from rag.cli.commands import main
from rag.conversations import Conversations
from rag.store.backup import make_backup
from rag.store.catalog import backup_of
from rag.store.chroma_follower import POOR
from rag.store.process_lock import ProcessLock
from rag.upkeep.doctor import Finding, examine
from rag.upkeep.indexing import wait_for_index
from tests.conftest import BagOfWords

EMBEDDER = BagOfWords()
CHECKS = "file schema rows names texts counts passages vectors words copies changes index".split()


def article(name: str, sentences: int = 60) -> NewDocument:
    text = " ".join(f"The {name} of the harbour has radar number {n}." for n in range(sentences))
    return NewDocument(text, title=f"The {name}", key=f"corpus:{name}.txt", source="Courier")


def catalog_of(settings: Settings) -> Path:
    return settings.data_dir / "catalog.sqlite3"


def open_library(settings: Settings) -> Library:
    return Library.open(settings, EMBEDDER, follow=False)


@pytest.fixture
def held(settings: Settings) -> dict[str, str]:
    """The texts of a library of some articles with a copy, one of which was removed, by key."""
    names = [f"ship{n}" for n in range(12)]
    with open_library(settings) as library:
        library.add([article(name, 20 + 40 * n) for n, name in enumerate(names)])
        library.add([article("removed")])
        make_backup(library.catalog)
        [removed] = [d for d in library.documents() if d.title == "The removed"]
        library.remove(removed.id)
    return {f"corpus:{name}.txt": article(name, 20 + 40 * n).text for n, name in enumerate(names)}


def texts(settings: Settings) -> dict[str, str]:
    with open_library(settings) as library:
        return {d.key: library.document(d.id).text for d in library.documents()}


def findings(settings: Settings, *, everything: bool = True) -> dict[str, Finding]:
    return {f.check: f for f in examine(settings, EMBEDDER, everything=everything)}


def wrong(settings: Settings) -> dict[str, Finding]:
    return {check: finding for check, finding in findings(settings).items() if finding.wrong}


@contextmanager
def without_chroma(settings: Settings) -> Iterator[None]:
    """Keep the vector index as the app does, which saves the doctor the time to make it."""
    lock = ProcessLock(settings.data_dir / "chroma.lock")
    assert lock.acquire()
    yield
    lock.release()


def change(settings: Settings, *statements: str) -> None:
    with closing(sqlite3.connect(catalog_of(settings))) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def test_a_library_in_order(settings: Settings, held: dict[str, str]):
    before = catalog_of(settings).read_bytes()
    found = findings(settings)
    assert list(found) == CHECKS
    assert all(finding.is_in_order and not finding.wrong for finding in found.values())
    assert catalog_of(settings).read_bytes() == before


def test_a_library_that_is_not_there_yet(settings: Settings):
    assert wrong(settings) == {}


SHIP = "(SELECT id FROM documents WHERE key = 'corpus:ship3.txt')"
FIRST = "(SELECT min(number) FROM passages)"
NAN = "x'" + "0000c07f" * EMBEDDER.dimensions + "'"
OTHER = "x'" + "0000803f" + "00000000" * (EMBEDDER.dimensions - 1) + "'"


@pytest.mark.parametrize(
    ("check", "statement"),
    [
        ("schema", "DROP TABLE files"),
        ("schema", "DROP INDEX passages_fingerprint"),
        ("rows", "INSERT INTO vectors VALUES (99999, x'00')"),
        ("counts", "UPDATE documents SET words = 7 WHERE number = 2"),
        ("counts", "UPDATE documents SET characters = 7 WHERE number = 2"),
        ("counts", "UPDATE documents SET passages = 7 WHERE number = 2"),
        ("passages", f"UPDATE passages SET end = end - 5 WHERE number = {FIRST}"),
        ("passages", f"UPDATE passages SET heading = 'Other' WHERE number = {FIRST}"),
        ("passages", f"DELETE FROM passages WHERE number = {FIRST}"),
        ("passages", f"UPDATE sentences SET spans = '[[0,5,\"quote\"]]' WHERE passage = {FIRST}"),
        ("passages", f"DELETE FROM sentences WHERE passage = {FIRST}"),
        ("vectors", f"DELETE FROM vectors WHERE passage = {FIRST}"),
        ("vectors", f"UPDATE vectors SET vector = x'00' WHERE passage = {FIRST}"),
        ("vectors", f"UPDATE vectors SET vector = {NAN} WHERE passage = {FIRST}"),
        ("vectors", f"UPDATE vectors SET vector = {OTHER} WHERE passage = {FIRST}"),
        ("vectors", f"UPDATE sentences SET vectors = x'00' WHERE passage = {FIRST}"),
        ("words", f"DELETE FROM words WHERE rowid = {FIRST}"),
        ("words", f"UPDATE words SET text = 'other' WHERE rowid = {FIRST}"),
        ("words", "INSERT INTO words (rowid, title, heading, text) VALUES (99999, 'a', 'b', 'c')"),
        ("words", "DELETE FROM words_data WHERE id > 10"),
        ("words", f"UPDATE words_content SET c2 = 'other' WHERE id = {FIRST}"),
        ("names", "INSERT INTO names VALUES ('corpus:ship3.txt', '0123456789abcdef', '2026-01-01')"),
        ("names", f"INSERT INTO names VALUES ('corpus:x', {SHIP}, '2026-01-01')"),
        ("copies", "DELETE FROM bands"),
        ("changes", "DELETE FROM changes WHERE number = 1"),
        ("changes", "INSERT INTO changes (passage, added) VALUES ('gone', 1)"),
    ],
)
def test_what_follows_from_the_texts_is_mended(
    settings: Settings, held: dict[str, str], check: str, statement: str
):
    change(settings, statement)
    with without_chroma(settings):
        finding = wrong(settings)[check]
        assert finding.is_mended
        assert finding.done
        assert wrong(settings) == {}
    assert texts(settings) == held
    with open_library(settings) as library:
        assert [tombstone.key for tombstone in library.followed.removed()] == ["corpus:removed.txt"]
        assert library.search("ship11 radar")


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ("UPDATE documents SET text = replace(text, 'radar', 'sonar')", "its text isn't what was added"),
        ("UPDATE documents SET author = 'Somebody'", "its metadata isn't what was added"),
        ("UPDATE documents SET id = 'other'", "its id isn't that of its key"),
        ("UPDATE documents SET blocks = '[[\"code\",5,2,0,null]]'", "its blocks don't fit its text"),
        ("UPDATE documents SET blocks = '[[\"code\"'", "its blocks or dates can't be read"),
    ],
)
def test_a_text_that_is_not_what_was_added_stays_wrong(
    settings: Settings, held: dict[str, str], statement: str, what: str
):
    change(settings, f"{statement} WHERE key = 'corpus:ship3.txt'")
    for _ in range(2):
        with without_chroma(settings):
            finding = findings(settings)["texts"]
        assert f"The ship3: {what}" in finding.wrong
        assert not finding.is_in_order


def test_a_renamed_document_whose_id_is_lost_keeps_it(settings: Settings):
    settings.corpus_dir.mkdir()
    path = settings.corpus_dir / "ship.txt"
    path.write_text(article("ship").text)
    with open_library(settings) as library:
        [ship] = library.sync(settings.corpus_dir).added
        path.rename(settings.corpus_dir / "vessel.txt")
        library.sync(settings.corpus_dir)
    change(settings, "DELETE FROM names")
    with without_chroma(settings):
        assert wrong(settings)["names"].is_mended
        assert wrong(settings) == {}
    with open_library(settings) as library:
        (settings.corpus_dir / "vessel.txt").write_text(article("ship", 61).text)
        [updated] = library.sync(settings.corpus_dir).updated
    assert updated.id == ship.id


def test_an_index_that_misses_an_entry_is_made_anew(settings: Settings, held: dict[str, str]):
    change(
        settings,
        "DROP INDEX documents_text_hash",
        "CREATE INDEX documents_text_hash ON documents (text_hash) WHERE 0",
    )
    change(
        settings,
        "PRAGMA writable_schema = ON",
        "UPDATE sqlite_master SET sql = 'CREATE INDEX documents_text_hash ON documents (text_hash)'"
        " WHERE name = 'documents_text_hash'",
    )
    finding = wrong(settings)["file"]
    assert finding.done == "its indexes were made anew"
    assert wrong(settings) == {}
    assert texts(settings) == held


def test_an_index_that_misses_passages_is_told_of_and_not_waited_for(
    settings: Settings, held: dict[str, str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("rag.store.chroma._PROBES_FOUND", 1.1)  # more than any index finds
    finding = findings(settings)["index"]
    assert finding.wrong == (POOR,)
    assert not finding.is_in_order


def damage(path: Path, start: int, content: bytes) -> None:
    with path.open("rb+") as file:
        file.seek(start)
        file.write(content)


def cut(path: Path, part: float) -> None:
    size = int(path.stat().st_size * part)
    with path.open("rb+") as file:
        file.truncate(size)


WAYS: dict[str, Callable[[Path], None]] = {
    "a garbage header": lambda path: damage(path, 0, b"\xa5" * 100),
    "a zeroed header": lambda path: damage(path, 0, bytes(100)),
    "a zeroed first page": lambda path: damage(path, 0, bytes(4096)),
    "zeroed pages": lambda path: damage(path, 8 * 4096, bytes(5 * 4096)),
    "garbage pages": lambda path: damage(path, 20 * 4096, b"\x0d\xff\x00\x7f" * 4096),
    "cut by half": lambda path: cut(path, 0.5),
    "cut within a page": lambda path: cut(path, 0.77),
    "cut to a few bytes": lambda path: cut(path, 0.0001),
    "no database": lambda path: path.write_bytes(b"no database " * 1000) and None,
}


def use(settings: Settings) -> None:
    """Do with a library what people do."""
    with open_library(settings) as library:
        for document in library.documents():
            library.document(document.id)
        library.search("Which ship has radar 7 in the harbour?")
        library.add([article("new")])
        library.followed.removed()
        library.status()


@pytest.mark.parametrize("way", WAYS)
def test_the_copy_of_a_damaged_catalog_is_put_back(settings: Settings, held: dict[str, str], way: str):
    path = catalog_of(settings)
    with open_library(settings) as library:
        library.add([article("latest")])
    WAYS[way](path)
    damaged = path.read_bytes()
    finding = findings(settings)["file"]
    assert finding.done.startswith("put back the copy of ")
    [kept] = settings.data_dir.glob("catalog.sqlite3.damaged-*Z")
    assert kept.name in finding.done
    assert kept.read_bytes() == damaged
    found = texts(settings)
    # What came after the copy is there, or it is said that it is lost.
    is_told = "The latest" in finding.done or "added after the copy is lost" in finding.done
    assert found == held if is_told else held | {"corpus:latest.txt": article("latest").text}
    assert finding.is_in_order != is_told
    assert wrong(settings) == {}
    with open_library(settings) as library:
        assert [tombstone.key for tombstone in library.followed.removed()] == ["corpus:removed.txt"]
        assert library.search("ship radar")
    assert sorted(p.name for p in settings.data_dir.glob(".*")) == []


@pytest.mark.parametrize("way", WAYS)
def test_without_a_copy_what_can_be_read_is_saved(settings: Settings, held: dict[str, str], way: str):
    backup_of(catalog_of(settings)).unlink()
    WAYS[way](catalog_of(settings))
    finding = findings(settings)["file"]
    saved = texts(settings)
    assert saved.items() <= held.items()
    assert f"saved {len(saved)} document" in finding.done
    assert not finding.is_in_order or saved == held
    assert wrong(settings) == {}


@pytest.mark.parametrize("way", [way for way in WAYS if way not in ("zeroed pages", "garbage pages")])
def test_a_damaged_catalog_is_one_sentence_that_names_the_file(
    settings: Settings, held: dict[str, str], way: str
):
    WAYS[way](catalog_of(settings))
    with pytest.raises(CatalogError, match=r"catalog\.sqlite3 is damaged: .* `python -m rag doctor`\."):
        use(settings)


def test_whichever_page_is_lost_no_other_error_comes_and_the_rest_is_saved(
    settings: Settings, held: dict[str, str]
):
    path = catalog_of(settings)
    whole = path.read_bytes()
    pages = len(whole) // 4096
    told = 0
    for page in range(0, pages, max(1, pages // 40)):
        path.write_bytes(whole)
        damage(path, page * 4096, bytes(4096))
        try:
            use(settings)
        except CatalogError as error:
            assert str(path) in str(error)  # noqa: PT017  # not every lost page is met
            told += 1
    assert told > 5


def test_the_damaged_catalog_is_kept_until_something_is_removed(settings: Settings, held: dict[str, str]):
    damage(catalog_of(settings), 0, bytes(4096))
    findings(settings)
    assert list(settings.data_dir.glob("catalog.sqlite3.damaged-*"))
    with open_library(settings) as library:
        library.add([NewDocument("The king eats bread.", key="king")])
        assert list(settings.data_dir.glob("catalog.sqlite3.damaged-*"))
        library.remove(library.documents()[0].id)
    assert not list(settings.data_dir.glob("catalog.sqlite3.damaged-*"))


def test_a_catalog_cut_to_nothing_is_not_taken_for_a_new_one(settings: Settings):
    with Library.open(settings, BagOfWords()) as library:
        library.add([NewDocument("The king eats bread.", key="king")])
        wait_for_index(library)
    os.truncate(catalog_of(settings), 0)
    with pytest.raises(CatalogError, match=r"catalog\.sqlite3 is damaged"):
        open_library(settings)
    assert "saved 0 documents" in findings(settings)["file"].done
    with open_library(settings) as library:
        assert library.documents() == []


def test_an_emptied_catalog_that_has_a_copy_is_not_taken_for_a_new_one(
    settings: Settings, held: dict[str, str]
):
    os.truncate(catalog_of(settings), 0)
    with pytest.raises(CatalogError, match=r"catalog\.sqlite3 is damaged"):
        open_library(settings)
    findings(settings)
    assert texts(settings) == held


def test_a_missing_catalog_that_has_a_copy_is_not_taken_for_a_new_one(
    settings: Settings, held: dict[str, str]
):
    path = catalog_of(settings)
    before = backup_of(path).read_bytes()
    path.unlink()
    with pytest.raises(CatalogError, match=r"catalog\.sqlite3 is missing: .* `python -m rag doctor`"):
        open_library(settings)
    assert not path.exists()
    assert backup_of(path).read_bytes() == before
    finding = findings(settings)["file"]
    assert finding.wrong == ("it is missing",)
    assert finding.done.startswith("put back the copy of ")
    assert finding.done.endswith("; what was added after the copy is lost")
    assert "kept" not in finding.done
    assert list(settings.data_dir.glob("*damaged*")) == []
    assert texts(settings) == held


def test_a_copy_that_cannot_be_put_back_is_left_where_the_catalog_is_missing(
    settings: Settings, held: dict[str, str]
):
    copy = backup_of(catalog_of(settings))
    with closing(sqlite3.connect(copy)) as connection:
        connection.execute("PRAGMA user_version = 99")
    before = copy.read_bytes()
    catalog_of(settings).unlink()
    with pytest.raises(CatalogError, match=r"copy .* is of a newer Footnote: update Footnote"):
        findings(settings)
    assert not catalog_of(settings).exists()
    assert copy.read_bytes() == before


@pytest.mark.parametrize("what", ["the whole folder", "the catalog and its copy"])
def test_who_has_deleted_a_library_begins_a_new_one(settings: Settings, held: dict[str, str], what: str):
    shutil.rmtree(settings.data_dir if what == "the whole folder" else backup_of(catalog_of(settings)).parent)
    catalog_of(settings).unlink(missing_ok=True)
    assert texts(settings) == {}
    assert wrong(settings) == {}


@pytest.mark.parametrize("highest", [None, 2**62])
def test_a_damaged_catalog_that_never_held_a_document(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, highest: int | None
):
    monkeypatch.setattr("rag.upkeep.damaged_catalog._MOST_NUMBERS", 1000)
    open_library(settings).close()
    if highest:
        change(settings, f"INSERT INTO sqlite_sequence VALUES ('documents', {highest})")
    damage(catalog_of(settings), 0, bytes(100))
    assert "saved 0 documents" in findings(settings)["file"].done
    assert texts(settings) == {}


@pytest.mark.parametrize("how", ["of a newer Footnote", "can't be read now"])
def test_a_copy_that_may_be_whole_is_waited_for_and_not_left_behind(
    settings: Settings, held: dict[str, str], how: str, monkeypatch: pytest.MonkeyPatch
):
    copy = backup_of(catalog_of(settings))
    with monkeypatch.context() as meanwhile, closing(sqlite3.connect(copy)) as connection:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if how == "of a newer Footnote":
            connection.execute("PRAGMA user_version = 99")
        else:
            meanwhile.setattr("rag.upkeep.catalog_recovery.file_faults", locked)
        catalog_of(settings).write_bytes(bytes(10_000))
        with pytest.raises(CatalogError, match=f"{how}.*nothing was changed"):
            findings(settings)
        connection.execute(f"PRAGMA user_version = {version}")
    findings(settings)
    assert texts(settings) == held


def test_a_copy_that_holds_nothing_does_not_keep_the_rest_from_being_saved(
    settings: Settings, held: dict[str, str]
):
    os.truncate(backup_of(catalog_of(settings)), 0)
    damage(catalog_of(settings), 0, bytes(100))
    assert findings(settings)["file"].done.startswith(f"saved {len(held)} documents into a new catalog")
    assert texts(settings) == held


def locked(path: Path) -> list[str]:
    raise sqlite3.OperationalError("database is locked")


def test_what_a_killed_recovery_has_left_is_wiped(settings: Settings, held: dict[str, str]):
    left = settings.data_dir / ".recovered"
    left.mkdir()
    (left / "damaged.sqlite3").write_bytes(catalog_of(settings).read_bytes())
    with open_library(settings) as library:
        library.remove(library.documents()[0].id)
    assert not left.exists()


def test_what_is_removed_meanwhile_leaves_a_recovery_its_folder(settings: Settings, held: dict[str, str]):
    workshop = settings.data_dir / ".recovered"
    workshop.mkdir()
    with open_library(settings) as library, ProcessLock(workshop / "lock").tried():
        library.remove(library.documents()[0].id)
        assert workshop.exists()
    with open_library(settings) as library:
        library.remove(library.documents()[0].id)
    assert not workshop.exists()


def test_what_is_only_in_the_damaged_file_and_its_log_is_saved_with_its_vectors(
    settings: Settings, held: dict[str, str]
):
    embedded = list[str]()

    class Counting(BagOfWords):
        def embed_passage(self, text, spans):
            embedded.append(text)
            return super().embed_passage(text, spans)

    path = catalog_of(settings)
    with open_library(settings) as library:
        library.add([article("latest")])
        library.remove(library.documents()[-1].id)
        library.add([article("in the log")])
        log, main_file = path.with_name(path.name + "-wal").read_bytes(), path.read_bytes()
        expected = {d.key: d.added for d in library.documents()}
        with library.catalog.reading() as view:
            [(root,)] = view.select("SELECT rootpage FROM sqlite_master WHERE name = 'failures'")
    # As a killed process leaves them: nothing of the log is in the file yet.
    path.write_bytes(main_file)
    path.with_name(path.name + "-wal").write_bytes(log)
    damage(path, (root - 1) * 4096, bytes(4096))
    list(zip(examine(settings, Counting()), range(1), strict=False))  # the first finding alone
    assert len(embedded) == 1, "one is embedded to prove the others"
    with open_library(settings) as library:
        assert {d.key: d.added for d in library.documents()} == expected


def test_what_cannot_be_embedded_now_is_not_said_to_be_saved(settings: Settings, held: dict[str, str]):
    class Failing(BagOfWords):
        def embed_passage(self, text, spans):
            raise EmbeddingError("The endpoint is away: start it.")

    path = catalog_of(settings)
    with open_library(settings) as library:
        library.add([article("latest")])
    damage(path, 0, bytes(100))
    before = path.read_bytes()
    with pytest.raises(
        CatalogError, match=r"The latest can't be saved .* The endpoint is away: start it\. Then"
    ):
        list(examine(settings, Failing()))
    assert path.read_bytes() == before
    assert not (settings.data_dir / ".recovered").exists()
    assert findings(settings)["file"].is_in_order
    assert texts(settings).keys() == held.keys() | {"corpus:latest.txt"}


def test_a_removed_document_does_not_come_back(settings: Settings, held: dict[str, str]):
    with open_library(settings) as library:
        [ship] = [d for d in library.documents() if d.title == "The ship7"]
        library.remove(ship.id)
    damage(catalog_of(settings), 0, bytes(4096))
    findings(settings)
    assert set(texts(settings)) == held.keys() - {"corpus:ship7.txt"}


def test_what_was_removed_stays_away_though_its_text_is_saved_under_another_key(
    settings: Settings, held: dict[str, str]
):
    with open_library(settings) as library:
        library.add([replace(article("later"), key="upload:later"), article("later")])
        [file] = [d for d in library.documents() if d.key == "corpus:later.txt"]
        library.remove(file.id)
    damage(catalog_of(settings), 0, bytes(100))
    assert findings(settings)["file"].is_in_order
    with open_library(settings) as library:
        assert "upload:later" in {document.key for document in library.documents()}
        removed = {tombstone.key for tombstone in library.followed.removed()}
    assert removed == {"corpus:removed.txt", "corpus:later.txt"}


def test_what_was_removed_on_purpose_stays_away_though_no_index_tells_what_is_held(
    settings: Settings, held: dict[str, str]
):
    copy = backup_of(catalog_of(settings))
    before = copy.read_bytes()
    with open_library(settings) as library:
        [ship] = [d for d in library.documents() if d.title == "The ship7"]
        library.remove(ship.id)
        with library.catalog.reading() as view:
            query = "SELECT rootpage FROM sqlite_master WHERE name = 'sqlite_autoindex_documents_2'"
            [(root,)] = view.select(query)
    copy.write_bytes(before)  # as a kill before its wiping leaves it
    damage(catalog_of(settings), 0, bytes(100))
    damage(catalog_of(settings), (root - 1) * 4096, bytes(4096))
    findings(settings)
    assert set(texts(settings)) == held.keys() - {"corpus:ship7.txt"}


def test_wiping_that_was_owed_is_made_good_after_a_recovery(settings: Settings, held: dict[str, str]):
    conversations = Conversations.open(settings)
    conversation = conversations.create()
    with open_library(settings) as library:
        [ship] = [d for d in library.documents() if d.title == "The ship7"]
        quote = library.document(ship.id).text[:40]
        citation = Citation(1, ship, ship.version, 0, 40, quote)
        answer = Answer("Which?", (Sentence(quote, "quote", (citation,)),))
        conversations.append(conversation, "Which?", answer)
        library.add([replace(article("latest"), left_out=99)])
        with library.catalog.writing() as writer:  # as a kill before the wiping leaves it
            writer.remove(ship.id, bury=True)
    damage(catalog_of(settings), 0, bytes(100))
    findings(settings)
    with open_library(settings) as library:
        assert library.catalog.owed() == ""
        [latest] = [d for d in library.documents() if d.title == "The latest"]
        assert library.document(latest.id).left_out == 99
    [turn] = conversations.turns(conversation)
    conversations.close()
    assert [citation.quote for citation in turn.answer.citations] == [""]
    with closing(sqlite3.connect(backup_of(catalog_of(settings)))) as copy:
        assert copy.execute("SELECT key FROM documents WHERE title = 'The ship7'").fetchall() == []


def test_while_the_app_has_a_damaged_catalog_open_it_is_left_alone(settings: Settings, held: dict[str, str]):
    damage(catalog_of(settings), 0, bytes(100))
    before = catalog_of(settings).read_bytes()
    lock = ProcessLock(settings.data_dir / "chroma.lock")
    assert lock.acquire()
    with pytest.raises(CatalogError, match=r"another process has it open: close the app, .* doctor` again"):
        findings(settings)
    lock.release()
    assert catalog_of(settings).read_bytes() == before
    assert list(settings.data_dir.glob("*damaged*")) == []


def test_a_newer_catalog_is_left_alone(settings: Settings, held: dict[str, str]):
    change(settings, "PRAGMA user_version = 99")
    with pytest.raises(CatalogError, match=r"newer Footnote .*: update Footnote"):
        findings(settings)
    assert list(settings.data_dir.glob("*damaged*")) == []


def test_the_command_says_what_was_wrong_and_what_was_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ship.txt").write_text("The ship has a radar.", "utf-8")
    main(["add", "ship.txt"])
    settings = Settings()
    with Library.open(settings, follow=False) as library:
        make_backup(library.catalog)
    change(settings, "UPDATE documents SET words = 7")
    capsys.readouterr()
    assert main(["doctor"]) == 0
    assert capsys.readouterr().out.splitlines()[4:8] == [
        "texts     in order",
        "counts    mended: counted anew",
        "          - Ship",
        "passages  in order",
    ]
    damage(catalog_of(settings), 0, bytes(100))
    assert main(["list"]) == 1
    assert "is damaged: put a copy of it back, or save what can be read" in capsys.readouterr().err
    assert main(["doctor", "--all", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["is_in_order"]
    assert report["checks"][0]["done"].startswith("put back the copy of ")
    change(settings, "UPDATE documents SET text = 'The ship has a sonar.'")
    assert main(["doctor"]) == 1
    assert "texts     wrong: add them again, or remove them" in capsys.readouterr().out


def test_the_commands_move_a_library(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ship.txt").write_text("The ship has a radar.", "utf-8")
    main(["add", "ship.txt"])
    assert main(["export", "library.gz"]) == 0
    monkeypatch.setenv("FOOTNOTE_DATA_DIR", "other")
    capsys.readouterr()
    assert main(["import", "library.gz"]) == 0
    assert capsys.readouterr().out.startswith("added ")
    assert main(["import", "library.gz", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["unchanged"]) == 1
    assert main(["import", "ship.txt"]) == 1
    assert capsys.readouterr().err == (
        "ship.txt is no exported library, or is damaged: export it again, or use another copy.\n"
    )
