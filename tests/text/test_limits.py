"""A text that is too long is added as far as is taken, and a sentence says what was left out."""

from __future__ import annotations

import base64
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from rag import Library, LocalEmbeddings, NewDocument, Settings, load_bytes
from rag.cli.commands import main
from rag.documents import Block
from rag.loading.process.worker import _peak_bytes
from rag.text.blocks import structured
from rag.text.splitting import Piece, split_document
from rag.upkeep.exporting import export_library
from tests.conftest import child, line

SHIP = "The ship is in the harbour.\n\n"


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have little be too much, so that tests are quick."""
    monkeypatch.setattr("rag.text.limits.MOST_CHARACTERS", 3_000)
    monkeypatch.setattr("rag.ingest.preparing.MOST_CHARACTERS", 3_000)
    monkeypatch.setattr("rag.text.limits.MOST_BLOCKS", 50)


def check_told(library: Library, failed: list[str], kept: int) -> None:
    [document] = [library.document(one.id) for one in library.documents()]
    assert len(document.text) <= kept
    assert document.left_out > 0
    total = len(document.text) + document.left_out
    assert [f"Only the first {len(document.text):,} of {total:,} characters" in one for one in failed] == [
        True
    ]
    assert library.search("Where is the ship?")


@pytest.mark.usefixtures("few")
class TestBeyondTheLimits:
    @pytest.mark.parametrize("text", [SHIP * 60, SHIP.replace("\n", " ") * 200, "ship\n" * 400])
    def test_a_pasted_text(self, library: Library, text: str):
        report = library.add([NewDocument(text, title="Long")])
        assert len(report.added) == 1
        check_told(library, [error.reason for error in report.failed], 3_000)
        assert library.add([NewDocument(text, title="Long")]).failed, "told again, as it is still so"

    @pytest.mark.parametrize("name", ["long.txt", "long.md", "long.html"])
    def test_a_file_of_a_followed_folder(self, library: Library, settings: Settings, name: str):
        settings.corpus_dir.mkdir()
        text = SHIP * 14 if name.endswith(".md") else SHIP * 60
        if name.endswith(".html"):
            text = "<html><body>" + "".join(f"<p>{SHIP * 2}</p>" for _ in range(80)) + "</body></html>"
            library.settings = settings
        path = settings.corpus_dir / name
        path.write_text(text * 5)
        report = library.followed.sync()
        check_told(library, [failure.reason for failure in library.followed.failures()], 3_000)
        assert len(report.added) == 1
        path.write_text(SHIP)
        library.followed.sync()
        assert library.followed.failures() == []
        assert library.document(library.documents()[0].id).left_out == 0

    def test_it_is_kept_with_the_article_and_leaves_with_it(self, library: Library, tmp_path: Path):
        [document] = library.add([NewDocument(SHIP * 60, key="long")]).added
        left_out = document.left_out
        assert library.embedding.embed_again(document.id).left_out == left_out > 0
        export_library(library, tmp_path / "all.gz")
        library.remove(document.id)
        with library.catalog.reading() as view:
            assert not [name for (name,) in view.select("SELECT name FROM meta") if "left out" in name]


def test_too_many_passages(library: Library, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("rag.ingest.passages.MOST_WORDS_IN_PASSAGES", 3 * 150)
    text = "".join(f"# Part {number}\n\n{SHIP}" for number in range(10))
    report = library.add([NewDocument(text, title="Parts")])
    [document] = report.added
    assert document.passages == 3
    check_told(library, [error.reason for error in report.failed], 200)
    assert library.add([NewDocument(text, title="Parts")]).unchanged


def test_the_command_line_says_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("rag.ingest.passages.MOST_WORDS_IN_PASSAGES", 2 * 150)
    Path("parts.md").write_text("".join(f"# Part {number}\n\n{SHIP}" for number in range(5)))
    assert main(["add", "parts.md"]) == 1
    printed = capsys.readouterr()
    assert printed.out.startswith("added")
    assert "Only the first " in printed.err


def memory_of_reading(settings: Settings) -> None:
    loaded = load_bytes("a.txt", b"a\n" * 12_000_000, "key")
    assert loaded.documents or loaded.failed
    # Not getrusage, whose figure begins with that of the process which has started this one.
    print(_peak_bytes() // 1024**2)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere memory is counted otherwise")
def test_24_megabytes_of_a_letter_a_line_do_no_harm(settings: Settings):
    with child(memory_of_reading, settings) as process:
        assert int(line(process)) < 700, "megabytes of the app's process"


def seconds(work: Callable[[], object]) -> float:
    begin = time.thread_time()
    work()
    return time.thread_time() - begin


def split(text: str, kind: str = "paragraph") -> list[Piece]:
    return split_document(text, [Block(kind, 0, len(text))])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "unit",
    ["a", "a ", "a\n", "a. ", "aa/", "| a ", "a | b\n", "- a\n", "# a\n\n", "N1: a\n", "1. a ", "aB9+"],
)
def test_structure_and_splitting_take_as_long_as_the_text_is(unit: str):
    def work(times: int) -> float:
        text = "".join(unit.replace("1", str(number)) for number in range(times))

        def both() -> None:
            document = structured(NewDocument(text))
            split_document(document.text, document.blocks)

        return seconds(both)

    work(1_000)
    short, long = work(6_000), work(24_000)
    assert long < 12 * max(short, 0.05)


def test_rows_under_a_long_table_take_as_long_as_there_are_of_them():
    def rows(count: int) -> float:
        text = "Name | Place\n" + "ship | harbour\n" * count
        blocks = [Block("table_header", 0, 12)]
        blocks += [Block("table_row", 13 + 15 * n, 27 + 15 * n) for n in range(count)]
        pieces = split_document(text, blocks)
        assert {piece.header for piece in pieces[1:]} == {"Name | Place"}
        return seconds(lambda: split_document(text, blocks))

    assert rows(20_000) < 12 * max(rows(5_000), 0.05)


@pytest.mark.parametrize("kind", ["paragraph", "list_item", "table_row", "code"])
def test_no_passage_is_larger_than_a_passage_whatever_is_in_it(kind: str):
    picture = base64.b64encode(random.Random(1).randbytes(60_000)).decode()
    for text in (picture, "a " * 40_000, ("b" * 99 + " ") * 1_000, "c" * 101 + " d" * 5_000):
        pieces = split(text, kind)
        most = 26_000 if kind in ("paragraph", "list_item") else 101_000
        assert max(piece.end - piece.start for piece in pieces) <= most
        joined = "".join(text[s.start : s.end] for piece in pieces for s in piece.sentences)
        assert joined.replace(" ", "") == text.replace(" ", "")


def test_a_text_without_blanks_is_embedded_in_linear_time(packaged: LocalEmbeddings):
    def embed(characters: int) -> float:
        picture = base64.b64encode(random.Random(1).randbytes(characters)).decode()[:characters]
        return seconds(lambda: packaged.embed_passage(picture, [(0, characters)]))

    embed(1_000)
    short, long = embed(2_000), embed(8_000)
    assert long < 8 * max(short, 0.05)
