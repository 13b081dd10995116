"""A library as one file: what is moved, and files that are none."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from rag import Library, LoadError, NewDocument, Settings
from rag.upkeep.doctor import examine
from rag.upkeep.exporting import FORMAT_VERSION, export_library, import_library
from tests.conftest import BagOfWords

SHIP = NewDocument(
    "# The ship\n\nThe ship has a radar. It is in the harbour.",
    title="Ships & “quays”",
    key="upload:ship.md",
    source="Courier",
    url="https://example.org/ship",
    published=date(2024, 3, 5),
    author="A. Thorburn",
    language="en",
    media_type="text/markdown",
)
BREAD = NewDocument("The king eats bread. 💛 " * 200, key="corpus:bread.txt")
GONE = NewDocument("Nobody keeps this.", title="Gone", key="corpus:gone.txt")


class Counting(BagOfWords):
    """Counts the passages that it embeds."""

    embedded = 0

    def embed_passage(self, text, spans):
        self.embedded += 1
        return super().embed_passage(text, spans)


@pytest.fixture
def file(library: Library, tmp_path: Path) -> Path:
    """An exported library of two documents, with a third one removed."""
    library.add([SHIP, BREAD, GONE])
    [gone] = [document for document in library.documents() if document.title == "Gone"]
    library.remove(gone.id)
    path = tmp_path / "library.jsonl.gz"
    assert export_library(library, path) == 2
    return path


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Library]:
    with Library.open(Settings(data_dir=tmp_path / "other"), Counting(), follow=False) as library:
        yield library


def contents(library: Library) -> dict[str, Any]:
    return {d.key: replace(library.document(d.id), added=None) for d in library.documents()}


def test_a_library_is_moved_whole(file: Path, library: Library, other: Library):
    report = import_library(other, file)
    assert sorted(document.key for document in report.added) == [BREAD.key, SHIP.key]
    assert contents(other) == contents(library)
    assert [d.added for d in other.documents()] == [d.added for d in library.documents()]
    assert other.followed.removed() == library.followed.removed()
    question = "Is the radar of the ship in the harbour?"
    assert [(h.passage, h.score) for h in other.search(question)] == [
        (h.passage, h.score) for h in library.search(question)
    ]
    assert [f for f in examine(other.settings, BagOfWords(), everything=True) if f.wrong] == []


def test_vectors_are_taken_over_and_one_in_fifty_is_proved(file: Path, other: Library):
    import_library(other, file)
    assert other.embedder.embedded == 1
    assert other.status().passages > 3


def test_importing_again_changes_nothing(file: Path, other: Library):
    import_library(other, file)
    before = contents(other)
    report = import_library(other, file)
    assert (len(report.added), len(report.updated), len(report.unchanged), len(report.failed)) == (0, 0, 2, 0)
    assert contents(other) == before


def test_a_filled_library_is_updated_and_keeps_what_is_its_own(file: Path, other: Library):
    other.add([replace(SHIP, text="An older text."), NewDocument("My own.", key="own"), GONE])
    report = import_library(other, file)
    assert [d.key for d in report.updated] == [SHIP.key]
    assert [d.key for d in report.added] == [BREAD.key]
    assert set(contents(other)) == {SHIP.key, BREAD.key, GONE.key, "own"}
    assert other.followed.removed() == []


def test_the_same_library_gives_the_same_file(file: Path, library: Library, tmp_path: Path):
    export_library(library, tmp_path / "again.gz")
    assert (tmp_path / "again.gz").read_bytes() == file.read_bytes()
    assert [path.name for path in tmp_path.glob(".*")] == []


def test_a_tombstone_stays_though_a_copy_of_its_text_is_held(
    library: Library, other: Library, tmp_path: Path
):
    [gone] = library.add([GONE]).added
    library.add([replace(GONE, key="upload:copy.txt")])
    library.remove(gone.id)
    export_library(library, tmp_path / "a.gz")
    import_library(other, tmp_path / "a.gz")
    assert [t.key for t in other.followed.removed()] == [GONE.key]


def test_vectors_of_other_texts_are_not_believed(file: Path, other: Library):
    def swap(lines: list[Any]) -> None:
        vectors = [line["vectors"] for line in lines if "vectors" in line]
        for value in vectors:
            value["passage"] = vectors[-1]["passage"]

    change(file, swap)
    import_library(other, file)
    assert [f for f in examine(other.settings, BagOfWords(), everything=True) if f.wrong] == []


def test_vectors_of_another_model_are_made_anew(file: Path, tmp_path: Path):
    embedder = Counting()
    embedder.name = "another"
    with Library.open(Settings(data_dir=tmp_path / "other"), embedder, follow=False) as library:
        import_library(library, file)
        assert embedder.embedded == library.status().passages


def change(path: Path, edit: Callable[[list[Any]], None]) -> None:
    """Edit an exported file, and give it the checksum that suits."""
    import hashlib

    with gzip.open(path) as file:
        lines = [json.loads(line) for line in file]
    edit(lines)
    body = b"".join(json.dumps(line).encode() + b"\n" for line in lines[:-1])
    if "end" in lines[-1]:
        lines[-1]["end"]["sha256"] = hashlib.sha256(body).hexdigest()
    path.write_bytes(gzip.compress(body + json.dumps(lines[-1]).encode() + b"\n"))


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (lambda lines: lines[0].update(version=FORMAT_VERSION + 1), "exported by a newer Footnote"),
        (lambda lines: lines[0].update(format="zip"), "is no exported library"),
        (lambda lines: lines.pop(), "is cut short"),
        (lambda lines: lines.insert(1, {"document": {}}), "holds something that no export has"),
        (lambda lines: lines[1]["document"].update(text=5), "holds something that no export has"),
        (lambda lines: lines[1]["document"].update(blocks=[["code", 0, 10**30, 0, None]]), "no export has"),
        (lambda lines: lines[1]["document"].update(extra=1), "holds something that no export has"),
        (lambda lines: lines[1]["document"].pop("key"), "holds something that no export has"),
        (lambda lines: lines[2]["vectors"].update(passage="?"), "holds something that no export has"),
        (lambda lines: lines[-1]["end"].update(documents=3), "its checksum is wrong"),
    ],
)
def test_a_file_that_is_none_adds_nothing(file: Path, other: Library, edit: Any, reason: str):
    change(file, edit)
    with pytest.raises(LoadError, match=reason):
        import_library(other, file)
    assert other.documents() == []


@pytest.mark.parametrize("part", [0.0, 0.1, 0.5, 0.99])
def test_a_file_cut_in_the_middle_adds_nothing(file: Path, other: Library, part: float):
    data = file.read_bytes()
    file.write_bytes(data[: int(len(data) * part)])
    with pytest.raises(LoadError, match=r"(cut short|no exported library)"):
        import_library(other, file)
    assert other.documents() == []


@pytest.mark.parametrize("place", [0.2, 0.5, 0.9])
def test_a_file_with_other_bytes_adds_nothing(file: Path, other: Library, place: float):
    data = bytearray(file.read_bytes())
    at = int(len(data) * place)
    data[at : at + 8] = bytes(byte ^ 0xFF for byte in data[at : at + 8])
    file.write_bytes(data)
    with pytest.raises(LoadError, match=r": export it again, or use another copy\."):
        import_library(other, file)
    assert other.documents() == []


def test_an_altered_text_has_the_wrong_checksum(file: Path, other: Library):
    file.write_bytes(gzip.compress(gzip.decompress(file.read_bytes()).replace(b"radar", b"sonar")))
    with pytest.raises(LoadError, match="its checksum is wrong"):
        import_library(other, file)
    assert other.documents() == []


def test_a_document_whose_blocks_do_not_fit_is_reported_and_the_others_go_on(file: Path, other: Library):
    change(file, lambda lines: lines[1]["document"].update(blocks=[["paragraph", 5, 10**6, 0, None]]))
    report = import_library(other, file)
    assert (len(report.added), len(report.failed)) == (1, 1)


@pytest.mark.parametrize(
    "content", [b"", b"\x1f\x8b", b"PK\x03\x04", gzip.compress(b"{}", mtime=0), gzip.compress(b"[" * 10**5)]
)
def test_any_other_file_is_one_sentence(tmp_path: Path, other: Library, content: bytes):
    (tmp_path / "a.gz").write_bytes(content)
    with pytest.raises(LoadError, match=r"a\.gz is (no exported|cut short)"):
        import_library(other, tmp_path / "a.gz")


def test_a_file_that_is_not_there_and_a_place_that_cannot_be_written(library: Library, tmp_path: Path):
    with pytest.raises(LoadError, match=r"can't be read .*: check the path"):
        import_library(library, tmp_path / "missing.gz")
    with pytest.raises(LoadError, match=r"can't be written .*: choose another place"):
        export_library(library, tmp_path / "missing" / "a.gz")
