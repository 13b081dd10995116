"""Titles, names and texts by whatever way they come: nothing in them that can't be seen, and no script harmed."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from app_pages.wording import file_name, title
from rag import Block, Document, Library, LocalEmbeddings, NewDocument, Settings
from rag.ingest.folder import name_in
from rag.service import adding
from rag.service.adding import Read, Result, Upload, read_text, read_upload
from rag.text.invisible import without_hidden

HIDDEN = "\u202e\u2066\u200b\u200f\U000e0056\U000e0069\ufeff\u2060\u3164\ufe0f\U000e0150"
PERSIAN = "نامه‌ای از تهران"
FAMILY = "👨‍👩‍👧 at home"
TEXT = f"The ferry{HIDDEN} Anna sank off Marnow in 1950. {PERSIAN}"


@pytest.fixture
def library(tmp_path: Path, packaged: LocalEmbeddings) -> Library:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    return Library.open(Settings(data_dir=tmp_path / "data", corpus_dir=corpus), packaged, follow=False)


def added(library: Library, read: Read) -> list[Result]:
    return adding.add(library, read.name, lambda _: read, lambda _: None, None)


def dropped(library: Library, name: str, data: bytes) -> list[Result]:
    return added(library, read_upload(library, Upload(name, data), 10_000))


def by_paste(library: Library, name: str) -> None:
    [result] = added(library, read_text(name, TEXT))
    assert without_hidden(result.name) == result.name


def by_drop(library: Library, name: str) -> None:
    [result] = dropped(library, f"{name}.txt", TEXT.encode())
    assert without_hidden(result.name) == result.name


def by_folder(library: Library, name: str) -> None:
    (library.settings.corpus_dir / f"{name}.txt").write_text(TEXT, "utf-8")
    library.sync(library.settings.corpus_dir)


def by_program(library: Library, name: str) -> None:
    library.add([NewDocument(TEXT, title=name, source=name, author=name, url=f"https://a.test/{name}")])


def by_program_with_blocks(library: Library, name: str) -> None:
    blocks = (Block("paragraph", 0, len(TEXT)),)
    library.add([NewDocument(TEXT, title=name, blocks=blocks)])


def by_table(library: Library, name: str) -> None:
    row = {"title": name, "text": TEXT, "source": name, "author": name}
    dropped(library, "a.json", json.dumps([row]).encode())


def by_page(library: Library, name: str) -> None:
    page = (
        f"<html><head><title>{name}</title><meta name=author content='{name}'></head>"
        f"<body><h1>{name}</h1><p>{TEXT}</p></body></html>"
    )
    dropped(library, "a.html", page.encode())


def shown(document: Document, library: Library) -> list[str]:
    names = [title(document), file_name(document), name_in(library.followed.folders, document.key)]
    return [*names, document.source, document.author, document.url, document.text]


@pytest.mark.parametrize(
    "name", [f"{HIDDEN}The{HIDDEN} report{HIDDEN}", f"{PERSIAN}{HIDDEN}", f"{FAMILY}\u202e"]
)
@pytest.mark.parametrize(
    "add", [by_paste, by_drop, by_folder, by_program, by_program_with_blocks, by_table, by_page]
)
def test_nothing_that_cannot_be_seen_is_in_a_title_a_name_or_a_text(
    library: Library, add: Callable[[Library, str], None], name: str
):
    with library:
        add(library, name)
        [held] = library.documents()
        document = library.document(held.id)
        seen = next(text for text in ("The report", PERSIAN, FAMILY) if text in without_hidden(name))
        assert title(document) == seen
        assert "The ferry Anna sank off Marnow in 1950. " in document.text
        if add is not by_page:  # trafilatura drops joiners of the text itself
            assert PERSIAN in document.text
        for text in shown(document, library):
            assert without_hidden(text) == text


def test_two_files_whose_names_look_the_same_are_one(library: Library):
    with library:
        by_drop(library, "report")
        [asks] = dropped(library, "rep\u200bort.txt", b"Something else of the ferry.")
        assert (asks.name, asks.state) == ("report.txt", "asks")


@pytest.mark.parametrize(
    "text", ["\u202e" * 200_000, "م\u200c" * 100_000, "a\u200d" * 100_000, "🙂\ufe0f" * 100_000]
)
def test_it_takes_no_longer_than_the_text(text: str):
    begun = time.thread_time()
    without_hidden(text)
    assert time.thread_time() - begun < 1.5
