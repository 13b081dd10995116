"""Catalogs of older versions: they are brought to the newest one, step by step, and answer questions."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from rag import Assistant, CatalogError, Library, LocalEmbeddings, Settings
from rag.store.catalog import SCHEMA_VERSION, Catalog
from rag.store.migrations import MIGRATIONS, migrate
from rag.upkeep.doctor import examine
from tests.conftest import ROOT, BagOfWords

KEPT = sorted((ROOT / "tests" / "data").glob("catalog-*.sql"))


def restore(dump: Path, settings: Settings) -> None:
    """Make a catalog of what a version of Footnote wrote, as SQL text."""
    settings.data_dir.mkdir()
    with closing(sqlite3.connect(settings.data_dir / "catalog.sqlite3")) as connection:
        connection.executescript(dump.read_text("utf-8"))


def test_a_catalog_of_each_version_is_kept():
    assert [path.stem for path in KEPT] == [f"catalog-{n}" for n in range(1, SCHEMA_VERSION + 1)]


@pytest.mark.parametrize("dump", KEPT, ids=lambda path: path.stem)
def test_a_kept_catalog_is_opened_searched_and_answered_from(
    dump: Path, settings: Settings, packaged: LocalEmbeddings
):
    restore(dump, settings)
    with Library.open(settings, packaged, follow=False) as library:
        assert {d.title for d in library.documents()} == {"The lighthouse of Port Ellery", "Bread"}
        hits = library.search("When was the lighthouse built?")
        assert hits[0].document.title == "The lighthouse of Port Ellery"
        answer = Assistant(library, settings).ask("When was the lighthouse of Port Ellery built?")
        assert "1871" in answer.text
        [citation] = answer.citations[:1]
        document = library.document(citation.document.id)
        assert document.text[citation.start : citation.end] == citation.quote
        assert [tombstone.key for tombstone in library.followed.removed()] == ["corpus:removed.md"]
        library.embedding.complete()
    assert [finding for finding in examine(settings, packaged, everything=True) if finding.wrong] == []


def test_what_an_older_version_added_is_completed_once(settings: Settings, packaged: LocalEmbeddings):
    restore(KEPT[0], settings)
    question = "Who constructed the lighthouse?"
    with Library.open(settings, packaged, follow=False) as library:
        before = library.search(question)
        assert library.embedding.complete() == 2
        assert library.embedding.complete() == 0
        assert [hit.score for hit in library.search(question)] == pytest.approx(
            [h.score for h in before], rel=0.05
        )


def catalog(settings: Settings) -> sqlite3.Connection:
    Library.open(settings, BagOfWords(), follow=False).close()
    return sqlite3.connect(settings.data_dir / "catalog.sqlite3", isolation_level=None)


def version(connection: sqlite3.Connection) -> int:
    return connection.execute("PRAGMA user_version").fetchone()[0]


STEPS = {
    1: ["ALTER TABLE documents ADD COLUMN section TEXT", "INSERT INTO meta VALUES ('step', 'one')"],
    2: ["UPDATE meta SET value = 'two' WHERE name = 'step'"],
}


def test_steps_are_taken_in_order(settings: Settings):
    with closing(catalog(settings)) as connection:
        connection.execute("PRAGMA user_version = 1")
        migrate(connection, Path("a"), 3, STEPS)
        assert version(connection) == 3
        assert connection.execute("SELECT value FROM meta WHERE name = 'step'").fetchone() == ("two",)
        assert connection.execute("PRAGMA foreign_keys").fetchone() == (1,)


@pytest.mark.parametrize(
    "statement",
    ["UPDATE unknown SET a = 1", "INSERT INTO vectors VALUES (99, x'00')"],
    ids=["an error", "a row that belongs to nothing"],
)
def test_a_step_that_fails_leaves_the_version_before_it(settings: Settings, statement: str):
    with closing(catalog(settings)) as connection:
        connection.execute("PRAGMA user_version = 1")
        with pytest.raises((sqlite3.Error, CatalogError)):
            migrate(connection, Path("a"), 3, STEPS | {2: [*STEPS[2], statement]})
        assert version(connection) == 2
        assert connection.execute("SELECT value FROM meta WHERE name = 'step'").fetchone() == ("one",)


def test_a_version_with_no_way_from_it_is_one_clear_sentence(settings: Settings):
    with closing(catalog(settings)) as connection:
        connection.execute("PRAGMA user_version = -1")
    with pytest.raises(CatalogError, match=r"catalog\.sqlite3 has the schema -1, .* choose a new folder"):
        Library.open(settings, BagOfWords(), follow=False)


def test_opening_an_older_catalog_takes_the_steps(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    catalog(settings).close()
    monkeypatch.setattr("rag.store.catalog.SCHEMA_VERSION", SCHEMA_VERSION + 1)
    monkeypatch.setattr("rag.store.catalog.MIGRATIONS", {**MIGRATIONS, SCHEMA_VERSION: STEPS[1]})
    path = settings.data_dir / "catalog.sqlite3"
    for _ in range(2):  # the second time there is nothing to do
        Catalog(path).close()
        with closing(sqlite3.connect(path)) as connection:
            assert version(connection) == SCHEMA_VERSION + 1
