"""What is added by hand goes on in order, is cancelled as a whole, and survives the end of the server."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator, Sequence

import pytest

from rag import Library, Settings
from rag.embedding.local import PassageVectors
from rag.service.adding import Upload
from rag.service.intake import Intake
from tests.conftest import BagOfWords, child, line
from tests.helpers.gated import PATIENCE_SECONDS, Gated, keys, outcomes, until, waiting_files


@pytest.fixture
def intake(gated: Library) -> Iterator[Intake]:
    intake = Intake(gated)
    yield intake
    intake.close()


def ship(number: int) -> Upload:
    return Upload(f"ship {number}.txt", f"The ship has the number {number}.".encode())


GATE = Upload("gate.txt", b"The ship is at the gate.")


def test_what_was_dropped_later_waits_until_the_earlier_is_done(
    intake: Intake, gated: Library, embedder: Gated
):
    first = intake.drop([GATE, ship(1)])
    second = intake.drop([ship(2)])
    assert embedder.reached.wait(PATIENCE_SECONDS)
    assert (first.is_begun, second.is_begun) == (True, False)
    assert [adding.name for adding in intake.under_way] == ["2 files", "ship 2.txt"]
    assert keys(gated) == []
    embedder.gate.set()
    assert second.work.wait(PATIENCE_SECONDS)
    assert intake.under_way == []
    assert outcomes(first) == [("gate.txt", "added"), ("ship 1.txt", "added")]
    assert outcomes(second) == [("ship 2.txt", "added")]
    assert waiting_files(gated.settings) == []


def test_results_stay_until_they_are_dismissed(intake: Intake):
    adding = intake.drop([ship(1)])
    assert adding.work.wait(PATIENCE_SECONDS)
    assert intake.done == [adding]
    intake.dismiss([result.id for result in adding.results])
    assert intake.done == []


def test_cancelling_keeps_what_is_done_and_stops_what_waits(intake: Intake, gated: Library, embedder: Gated):
    first = intake.drop([ship(1), ship(2), GATE, ship(3), ship(4)])
    second = intake.drop([ship(5)])
    assert embedder.reached.wait(PATIENCE_SECONDS)
    intake.cancel(first.id)
    intake.cancel(second.id)
    assert second.work.done, "what has not begun needs not wait for its turn"
    embedder.gate.set()
    assert first.work.wait(PATIENCE_SECONDS)
    assert keys(gated) == ["upload:ship 1.txt", "upload:ship 2.txt"]
    assert first.results[0].text == "Stopped: 2 of 5 added."
    assert second.results[0].text == "Stopped: 0 of 1 added."
    assert waiting_files(gated.settings) == []
    third = intake.drop([ship(6)])
    assert third.work.wait(PATIENCE_SECONDS)
    assert outcomes(third) == [("ship 6.txt", "added")]


def test_what_asks_waits_on_disk_until_it_is_chosen_for_and_is_chosen_for_once(
    intake: Intake, gated: Library
):
    intake.drop([Upload("ship.txt", b"The ship is in the harbour.")])
    adding = intake.drop([Upload("ship.txt", b"The ship has sailed.")])
    assert adding.work.wait(PATIENCE_SECONDS)
    (asks,) = adding.results
    assert asks.state == "asks"
    assert len(waiting_files(gated.settings)) == 1
    intake.choose(asks, replace=False)
    intake.choose(asks, replace=False)
    until(lambda: not intake.under_way)
    assert keys(gated) == ["upload:ship.txt", "upload:ship.txt (2)"]
    assert waiting_files(gated.settings) == []


def test_what_asks_stays_until_it_is_chosen_for_or_left_out(intake: Intake, gated: Library):
    intake.drop([Upload("ship.txt", b"The ship is in the harbour.")])
    adding = intake.drop([Upload("ship.txt", b"The ship has sailed."), ship(1)])
    assert adding.work.wait(PATIENCE_SECONDS)
    intake.dismiss([result.id for one in intake.done for result in one.results])
    (asks,) = [result for one in intake.done for result in one.results]
    assert asks.state == "asks"
    intake.leave(asks)
    assert waiting_files(gated.settings) == []
    assert keys(gated) == ["upload:ship 1.txt", "upload:ship.txt"]


def test_a_choice_that_was_open_is_asked_again_after_a_restart(gated: Library):
    first = Intake(gated)
    first.drop([Upload("ship.txt", b"The ship is in the harbour.")])
    first.drop([Upload("ship.txt", b"The ship has sailed.")])
    until(lambda: not first.under_way)
    first.close()
    second = Intake(gated)
    until(lambda: len(second.done) == 1)
    (asks,) = second.done[0].results
    assert asks.state == "asks"
    second.choose(asks, replace=True)
    until(lambda: not second.under_way)
    assert [gated.document(d.id).text for d in gated.documents()] == ["The ship has sailed."]
    second.close()


def test_a_row_removed_while_its_table_is_added_stays_away_and_is_in_no_waiting_file(
    intake: Intake, gated: Library, embedder: Gated
):
    rows = [f"The ship {n} has a lantern." for n in range(20)] + ["The gate is shut.", "The king eats bread."]
    adding = intake.drop([Upload("ships.csv", "\n".join(["text", *rows]).encode())])
    assert embedder.reached.wait(PATIENCE_SECONDS)
    until(lambda: len(gated.documents()) > 0)
    removed = gated.documents()[0]
    gated.remove(removed.id)
    assert waiting_files(gated.settings) == []
    embedder.gate.set()
    assert adding.work.wait(PATIENCE_SECONDS)
    assert len(gated.documents()) == 21
    assert removed.key not in keys(gated)


def test_a_file_too_large_is_refused_and_the_others_are_added(settings: Settings):
    small = settings.model_copy(update={"max_upload_bytes": 1024})
    with Library.open(small, BagOfWords(), follow=False) as library:
        intake = Intake(library)
        adding = intake.drop([Upload("long.txt", b"word " * 1_000), ship(1)])
        assert adding.work.wait(PATIENCE_SECONDS)
        assert outcomes(adding) == [("long.txt", "failed"), ("ship 1.txt", "added")]
        intake.close()


def test_the_end_of_the_server_leaves_the_rest_to_the_next_start(
    intake: Intake, gated: Library, embedder: Gated
):
    intake.drop([ship(1), GATE, ship(2)])
    assert embedder.reached.wait(PATIENCE_SECONDS)
    threading.Timer(0.2, embedder.gate.set).start()
    intake.close()
    assert keys(gated) in (["upload:ship 1.txt"], ["upload:gate.txt", "upload:ship 1.txt"])
    again = Intake(gated)
    until(lambda: not again.under_way)
    assert keys(gated) == ["upload:gate.txt", "upload:ship 1.txt", "upload:ship 2.txt"]
    assert waiting_files(gated.settings) == []
    again.close()


def add_until_killed(settings: Settings) -> None:
    """Add files, and say what is embedded, slowly enough to be killed anywhere."""

    class Telling(BagOfWords):
        def embed_passage(self, text: str, spans: Sequence[tuple[int, int]]) -> PassageVectors:
            print("embedded", flush=True)
            time.sleep(0.01)
            return super().embed_passage(text, spans)

    library = Library.open(settings, Telling(), follow=False)
    intake = Intake(library)
    if not intake.under_way:
        intake.drop([ship(number) for number in range(30)])
    until(lambda: not intake.under_way)
    intake.close()
    library.close()


def test_a_kill_at_any_moment_neither_loses_nor_repeats(settings: Settings):
    embedded = 0
    # None of the files twice: that would be taken for the reason.
    for lines in (3, 8, 4):
        with child(add_until_killed, settings) as process:
            for _ in range(lines):
                assert line(process) == "embedded"
            os.kill(process.pid, signal.SIGKILL)
            assert process.stdout
            embedded += lines + process.stdout.read().count("embedded")
    with child(add_until_killed, settings) as process:
        assert process.stdout
        embedded += process.stdout.read().count("embedded")
        assert process.wait(PATIENCE_SECONDS) == 0
    with Library.open(settings, BagOfWords(), follow=False) as library:
        assert len(keys(library)) == 30
        assert waiting_files(settings) == []
    assert embedded <= 30 + 3, "only what was at work when it was killed is embedded again"


class Deadly(BagOfWords):
    """An embedder that ends the process at what is deadly, as a fault of a library in C does."""

    def embed_passage(self, text: str, spans: Sequence[tuple[int, int]]) -> PassageVectors:
        if "deadly" in text:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().embed_passage(text, spans)


def add_and_die(settings: Settings) -> None:
    with Library.open(settings, Deadly(), follow=False) as library:
        intake = Intake(library)
        if not intake.under_way:
            intake.drop([Upload("deadly.txt", b"The deadly ship."), ship(1)])
        until(lambda: not intake.under_way)
        print("went on")


def test_what_ended_the_app_twice_is_left_out_and_the_others_are_added(settings: Settings):
    for _ in range(2):
        with child(add_and_die, settings) as process:
            assert process.wait(PATIENCE_SECONDS) == -signal.SIGKILL
        assert len(waiting_files(settings)) == 2
    with Library.open(settings, Deadly(), follow=False) as library:
        intake = Intake(library)
        until(lambda: not intake.under_way)
        [drop] = intake.done
        assert sorted(outcomes(drop)) == [("deadly.txt", "failed"), ("ship 1.txt", "added")]
        assert "ended twice while this was added" in drop.results[0].text
        assert waiting_files(settings) == []
        intake.close()


def test_a_server_that_is_closed_while_it_adds_again_and_again_gives_nothing_up(settings: Settings):
    for _ in range(4):
        embedder = Gated()
        with Library.open(settings, embedder, follow=False) as library:
            intake = Intake(library)
            if not intake.under_way:
                intake.drop([GATE])
            assert embedder.reached.wait(PATIENCE_SECONDS)
            threading.Timer(0.3, embedder.gate.set).start()
            intake.close()
    assert len(waiting_files(settings)) == 1
