"""The catalog: a document is wholly there or not there, whatever happens to whoever writes it."""

from __future__ import annotations

import os
import sqlite3
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from rag import CatalogError, DocumentNotFound, Library, NewDocument, Settings
from rag.documents import short_hash
from rag.store.catalog import Catalog
from rag.store.catalog_writer import EmbeddedPiece
from rag.text.blocks import find_blocks
from rag.text.splitting import split_document
from tests.conftest import BagOfWords, child, line

EMBEDDER = BagOfWords()


def article(name: str, sentences: int = 600) -> NewDocument:
    """Return an article of many passages, in each sentence of which its name stands."""
    text = " ".join(f"The {name} of the harbour has radar number {n}." for n in range(sentences))
    return NewDocument(text, title=name, key=name)


def open_library(settings: Settings) -> Library:
    return Library.open(settings, EMBEDDER, follow=False)


def add_and_stop_before_the_end(settings: Settings) -> None:
    """Write an article, and wait before the end of the transaction for what never comes."""
    document = article("tug", 700)
    document = replace(document, blocks=find_blocks(document.text))
    pieces = split_document(document.text, document.blocks)
    vectors = [EMBEDDER.embed_passage(document.text, [(s.start, s.end) for s in p.sentences]) for p in pieces]
    embedded = [EmbeddedPiece(p, f"{p.start}", made) for p, made in zip(pieces, vectors, strict=True)]
    with Catalog(settings.data_dir / "catalog.sqlite3").writing() as writer:
        writer.put(document, short_hash("document", document.key), "new", embedded)
        print("written", flush=True)
        sys.stdin.read()


def add_many(settings: Settings) -> None:
    with open_library(settings) as library:
        for number in range(10_000):
            library.add([article(f"ferry{number}")])
            print(f"ferry{number}", flush=True)


def texts(library: Library) -> dict[str, str]:
    return {document.key: library.document(document.id).text for document in library.documents()}


def contents(library: Library) -> dict[str, str]:
    """Return the text of each document by key, after checking that all of each is there."""
    database = sqlite3.connect(library.settings.data_dir / "catalog.sqlite3")
    assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    database.execute("INSERT INTO words (words) VALUES ('integrity-check')")
    counts = [
        database.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
        for table in ("passages", "vectors", "sentences", "words")
    ]
    database.close()
    documents = [library.document(document.id) for document in library.documents()]
    assert counts == [sum(document.passages for document in documents)] * 4
    for document in documents:
        assert len(document.text) == document.characters
        pieces = split_document(document.text, document.blocks, library.settings.passage_words)
        assert len(pieces) == document.passages
    return texts(library)


@pytest.mark.parametrize("held", [True, False], ids=["an update", "a new document"])
def test_killed_in_the_middle_of_a_write_nothing_of_it_is_there(settings: Settings, held: bool):
    before = article("tug" if held else "ferry")
    with open_library(settings) as library:
        library.add([before])
    with child(add_and_stop_before_the_end, settings) as process:
        assert line(process) == "written"
        with open_library(settings) as library:
            assert texts(library) == {before.key: before.text}
        process.kill()
        process.wait()
    with open_library(settings) as library:
        assert contents(library) == {before.key: before.text}
        library.add([article("tug", 700)])
        assert contents(library) == {before.key: before.text} | {"tug": article("tug", 700).text}


def test_an_error_in_the_middle_of_a_write_undoes_it(library: Library):
    [tug] = library.add([article("tug", 50)]).added
    catalog = Catalog(library.settings.data_dir / "catalog.sqlite3")

    def fail_after_removing() -> None:
        with catalog.writing() as writer:
            writer.remove(tug.id, bury=True)
            writer.remove("unknown", bury=True)

    with pytest.raises(DocumentNotFound):
        fail_after_removing()
    assert contents(library).keys() == {"tug"}
    catalog.close()


def test_two_processes_write_at_once_and_one_is_killed(settings: Settings):
    acknowledged = []
    with child(add_many, settings) as process, open_library(settings) as library:
        for number in range(10):
            acknowledged.append(line(process))
            library.add([article(f"yacht{number}")])
            acknowledged.append(f"yacht{number}")
        process.kill()
        process.wait()
        found = contents(library)
    assert set(acknowledged) <= found.keys()
    assert all(text == article(key).text for key, text in found.items())


def test_readers_see_an_update_as_one(library: Library):
    versions = [article("tug", 200), article("tug", 330)]
    library.add([versions[0]])
    seen, wrong = set[str](), list[str]()
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            hits = library.search("tug radar 7", limit=50)
            [version] = {hit.document.version for hit in hits}
            [document] = {hit.document for hit in hits}
            seen.add(version)
            text = next(v.text for v in versions if len(v.text) == document.characters)
            covered = "".join(hit.passage.text for hit in sorted(hits, key=lambda hit: hit.passage.start))
            if covered.replace(" ", "") != text.replace(" ", ""):
                wrong.append(version)

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(20):
        library.add([versions[(number + 1) % 2]])
    done.set()
    reader.join()
    assert len(seen) == 2
    assert wrong == []


def test_what_another_process_changes_or_removes_shows_in_the_next_search(settings: Settings):
    first = NewDocument("The harbour has a radar on its northern mole.", title="Harbour", key="harbour")
    with open_library(settings) as library, open_library(settings) as other:
        [added] = library.add([first]).added
        assert library.search("harbour radar")[0].document.title == "Harbour"
        other.add([replace(first, title="Port")])
        assert library.search("harbour radar")[0].document.title == "Port"
        other.remove(added.id)
        assert not library.search("harbour radar")


def test_two_libraries_of_one_process_add_the_same_at_once(settings: Settings):
    with open_library(settings) as one, open_library(settings) as other:
        names = [f"tug{number}" for number in range(10)]
        threads = [
            threading.Thread(target=library.add, args=([article(name, 50) for name in names],))
            for library in (one, other)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert contents(one) == contents(other) == {name: article(name, 50).text for name in names}


def test_what_is_removed_is_found_by_nothing(library: Library):
    [tug] = library.add([article("tug")]).added
    library.add([article("ferry")])
    library.remove(tug.id)
    assert contents(library).keys() == {"ferry"}
    assert {hit.document.key for hit in library.search("tug harbour radar", limit=50)} == {"ferry"}


def test_the_text_of_a_removed_document_is_wiped_from_the_file(settings: Settings):
    secret = "The zebrafinch sings at midnight in the harbour."
    with open_library(settings) as library:
        [document] = library.add([NewDocument(f"{secret} The ship has a radar. " * 100)]).added
        library.add([article("ferry")])
        library.remove(document.id)
    files = b"".join(path.read_bytes() for path in settings.data_dir.iterdir())
    assert b"The ferry of the harbour" in files
    assert secret.encode() not in files


def test_a_catalog_of_a_newer_version_is_left_alone(settings: Settings):
    open_library(settings).close()
    path = settings.data_dir / "catalog.sqlite3"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(CatalogError, match=r"newer Footnote .*: update Footnote"):
        open_library(settings)
    assert path.read_bytes() == before


def test_a_file_that_is_no_database_is_left_alone(settings: Settings):
    settings.data_dir.mkdir()
    path = settings.data_dir / "catalog.sqlite3"
    path.write_bytes(b"no database " * 1000)
    with pytest.raises(CatalogError, match="is damaged: put a copy of it back"):
        open_library(settings)
    assert path.read_bytes() == b"no database " * 1000


def test_a_damaged_catalog_is_one_clear_sentence(settings: Settings):
    with open_library(settings) as library:
        library.add([article("ferry")])
    path = settings.data_dir / "catalog.sqlite3"
    data = path.read_bytes()
    path.write_bytes(data[:4096] + b"\xff" * (len(data) - 4096))
    with pytest.raises(CatalogError, match="is damaged: put a copy of it back"):
        open_library(settings)


def test_a_folder_that_cannot_be_made_is_one_clear_sentence(tmp_path: Path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(CatalogError, match=r"can't be made .* choose another with FOOTNOTE_DATA_DIR"):
        open_library(Settings(data_dir=tmp_path / "file" / "data"))


def test_a_catalog_that_cannot_be_opened_is_one_clear_sentence(settings: Settings):
    (settings.data_dir / "catalog.sqlite3").mkdir(parents=True)
    with pytest.raises(CatalogError, match="can't be written: make it writable"):
        open_library(settings)


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is read-only for root")
def test_a_read_only_folder_is_one_clear_sentence(settings: Settings):
    settings.data_dir.mkdir(mode=0o500)
    with pytest.raises(CatalogError, match="can't be written: make it writable"):
        open_library(settings)


def test_a_library_of_another_embedding_model_is_not_mixed(settings: Settings, library: Library):
    library.add([article("ferry", 10)])
    other = BagOfWords()
    other.name = "another"
    with pytest.raises(CatalogError, match="vectors of the embedding model bag-of-words, and another is set"):
        Library.open(settings, other, follow=False)


def test_a_closed_library_says_so(library: Library):
    library.close()
    with pytest.raises(CatalogError, match="has been closed: open it again"):
        library.documents()
