"""Killed, filled and crowded: `scripts/torture.py` in a short form; by hand it goes on for longer."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from rag import Library, NewDocument, Settings
from scripts.torture import KILLS, HashedWords, ask_and_write, full_disk, kills, open_library, report
from tests.conftest import child, line


@pytest.mark.slow
def test_killed_during_an_update_a_rebuild_and_an_import_nothing_is_lost():
    assert kills(KILLS, 1, random.Random()) == 3


@pytest.mark.slow
def test_a_full_disk_loses_nothing_and_room_heals_it():
    what = full_disk(megabytes=6)
    if what.startswith("left out"):
        pytest.skip(what)
    assert "all there" in what


def test_twenty_askers_and_a_writer_see_no_error_and_no_wrong_citation(tmp_path: Path):
    with open_library(tmp_path) as library:
        crowd = ask_and_write(library, seconds=5, start=40)
    assert crowd.wrong == []
    assert crowd.asked > 20
    assert crowd.citations > 20
    assert crowd.written > 45


def write_and_tell(settings: Settings) -> None:
    """Add and remove as the command line does, beside whoever has the library open."""
    with Library.open(settings, HashedWords(), follow=False) as library:
        for number in range(1_000, 1_020):
            [document] = library.add([report(number)]).added
            print("added", number, flush=True)
            if number % 2:
                library.remove(document.id)
                print("removed", number, flush=True)
        print("done", flush=True)


def test_what_another_process_adds_or_removes_counts_as_soon_as_it_returned(settings: Settings):
    with Library.open(settings, HashedWords()) as library:
        library.add([NewDocument("The harbour is closed.", key="harbour")])
        with child(write_and_tell, settings) as process:
            while (said := line(process)) != "done":
                what, number = said.split()
                if what == "added" and int(number) % 2:
                    continue  # it may be gone already
                hits = library.search(f"zq{int(number):06d}x0")
                assert (f"report-{number}" in [hit.document.key for hit in hits]) == (what == "added")

        library.index.notify()
        assert library.index.wait(20)
        assert library.status().index == "in order"
