"""Files that wait to be added: whole, in order, under no name of theirs, and gone when they should be."""

from __future__ import annotations

from pathlib import Path

import pytest

from rag import Library, LoadError, NewDocument, Settings
from rag.ingest.incoming import Incoming
from tests.conftest import child, line


def texts_in(folder: Path) -> str:
    return " ".join(path.read_text("latin-1") for path in folder.rglob("*") if path.is_file())


def keep_and_wait(settings: Settings) -> None:
    incoming = Incoming(settings.data_dir)
    for name in ("ship.md", "../king.md"):
        incoming.keep(name, name.encode(), "one drop")
    print("kept", flush=True)
    input()


def test_what_a_killed_process_left_is_taken_up_in_order_and_once(settings: Settings):
    with child(keep_and_wait, settings) as process:
        assert line(process) == "kept"
        incoming = Incoming(settings.data_dir)
        assert incoming.left() == [], "it is the other's as long as that runs"
    found = incoming.left()
    assert [(kept.name, kept.drop, kept.read()) for kept in found] == [
        ("ship.md", "one drop", b"ship.md"),
        ("../king.md", "one drop", b"../king.md"),
    ]
    assert Incoming(settings.data_dir).left() == []
    incoming.close()


def test_what_was_cut_off_while_it_was_written_is_not_taken_up(settings: Settings):
    first = Incoming(settings.data_dir)
    kept = first.keep("ship.md", b"The ship is in the harbour.", "drop")
    (kept.path.parent / "00000000000000000001.data").write_bytes(b"The king")
    first.close()
    second = Incoming(settings.data_dir)
    assert [one.name for one in second.left()] == ["ship.md"]
    assert "king" not in texts_in(settings.data_dir)
    second.close()


@pytest.mark.parametrize(
    "name", ["../../evil.md", "/etc/passwd", "C:\\x.md", "a" * 400, "\ud800.md", "na\nme"]
)
def test_a_name_is_kept_and_never_becomes_a_path(settings: Settings, name: str):
    incoming = Incoming(settings.data_dir)
    kept = incoming.keep(name, b"text", "drop")
    assert kept.path.parent.parent == settings.data_dir / "incoming"
    assert kept.path.stem.isdecimal()
    incoming.close()
    assert [one.name for one in Incoming(settings.data_dir).left()] == [name]


def test_more_than_there_is_room_for_is_refused_in_one_sentence(settings: Settings):
    incoming = Incoming(settings.data_dir, most_bytes=10)
    first = incoming.keep("ship.md", b"123456", "drop")
    with pytest.raises(LoadError, match="add it again when that is done"):
        incoming.keep("king.md", b"123456", "drop")
    first.delete()
    assert incoming.keep("king.md", b"123456", "drop").read() == b"123456"


def test_a_folder_is_gone_when_nothing_waits_in_it(settings: Settings):
    incoming = Incoming(settings.data_dir)
    incoming.keep("ship.md", b"text", "drop").delete()
    incoming.close()
    assert list((settings.data_dir / "incoming").iterdir()) == []


def test_a_file_that_was_lost_from_the_disk_has_a_sentence(settings: Settings):
    kept = Incoming(settings.data_dir).keep("ship.md", b"text", "drop")
    kept.path.unlink()
    with pytest.raises(LoadError, match="add it again"):
        kept.read()


def test_removing_what_is_at_an_address_deletes_the_address_that_is_being_added(library: Library):
    incoming = Incoming(library.settings.data_dir)
    url = "https://quay.test/towns.csv"
    begun = incoming.keep(url, url.encode(), "drop", kind="address", key=url)
    begun.note(is_begun=True)
    waiting = incoming.keep(url, url.encode(), "drop", kind="address", key=url)
    library.add([NewDocument("The ship is in the harbour.", key=f"{url}!/1")])
    library.remove(library.documents()[0].id)
    assert (begun.path.exists(), waiting.path.exists()) == (False, True)
    incoming.close()
    assert [(kept.name, kept.kind, kept.key) for kept in Incoming(library.settings.data_dir).left()] == [
        (url, "address", url)
    ]


def test_removing_a_document_deletes_the_file_it_is_being_added_from(library: Library):
    incoming = Incoming(library.settings.data_dir)
    begun = incoming.keep("table.csv", b"The ship is in the harbour.", "drop")
    begun.note(is_begun=True)
    waiting = incoming.keep("table.csv", b"The king eats bread.", "drop")
    library.add(
        [
            NewDocument("The ship is in the harbour.", key="upload:table.csv!/1"),
            NewDocument("The ship has sailed.", key="upload:table.csv2"),
        ]
    )
    library.remove(next(d.id for d in library.documents() if d.key == "upload:table.csv2"))
    assert begun.path.exists()
    library.remove(library.documents()[0].id)
    assert waiting.path.exists(), "it is another file of this name"
    assert "in the harbour" not in texts_in(library.settings.data_dir)
