"""Pasted texts, addresses and entries of feeds wait on disk: a kill or a visitor loses none of them."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from rag import Library, Settings
from rag.service.adding import NO_TEXT, Upload
from rag.service.intake import TOO_MANY, Intake
from rag.service.web import NO_ADDRESS
from rag.web.fetching import Network
from tests.conftest import BagOfWords, child, line
from tests.helpers.gated import Gated, keys, outcomes, until, waiting_files
from tests.helpers.web_server import Web, serve
from tests.web.test_pages import PAGE

FEED = """<rss version='2.0'><channel><title>Harbour Gazette</title>
<item><title>The bridge</title><link>{0}</link></item>
<item><title>The ferry</title><link>{1}</link></item></channel></rss>"""


@pytest.fixture
def web() -> Iterator[Web]:
    with serve() as web:
        yield web


def wait_at_the_gate(settings: Settings) -> None:
    """Hand over a text, and behind it all kinds of things that wait; stay there until killed."""
    embedder = Gated()
    library = Library.open(settings, embedder, follow=False)
    intake = Intake(library)
    intake.paste("Gate", "The ship is at the gate.")
    intake.paste("", "The king eats bread.")
    intake.paste(" Harbour ", "The harbour has a radar.")
    intake.fetch(["http://127.0.0.1/secret", "ftp://x", "ftp://x"])
    assert embedder.reached.wait(20)
    print("waits", flush=True)
    input()


def test_what_waited_when_the_server_was_killed_is_taken_up(settings: Settings):
    with child(wait_at_the_gate, settings) as process:
        assert line(process) == "waits"
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    with Library.open(settings, BagOfWords(), follow=False) as library:
        intake = Intake(library)
        until(lambda: not intake.under_way)
        assert [adding.name for adding in intake.done] == ["Gate", "Pasted text", "Harbour", "2 addresses"]
        assert sorted(one.title for one in library.documents()) == ["", "Gate", "Harbour"]
        told = outcomes(intake.done[-1])
        assert told == [("http://127.0.0.1/secret", "failed"), ("ftp://x", "failed")]
        assert waiting_files(settings) == []
        intake.close()


def test_the_end_of_the_server_leaves_texts_and_addresses_to_the_next_start(
    gated: Library,
    embedder: Gated,
    web: Web,
):
    web.page("/bridge", PAGE)
    first = Intake(gated, web.network)
    first.drop([Upload("gate.txt", b"The ship is at the gate.")])
    first.paste("King", "The king eats bread.")
    first.fetch([web.url("/bridge")])
    assert embedder.reached.wait(20)
    first._closing.set()
    embedder.gate.set()
    first.close()
    assert len(waiting_files(gated.settings)) >= 2
    second = Intake(gated, web.network)
    until(lambda: not second.under_way)
    assert sorted(document.title for document in gated.documents()) == ["Gate", "King", "The bridge"]
    assert waiting_files(gated.settings) == []
    second.close()


def test_a_feed_asks_again_after_a_restart_and_what_was_chosen_of_it_waits_too(
    gated: Library,
    embedder: Gated,
    web: Web,
):
    web.page("/bridge", PAGE)
    web.page("/ferry", PAGE.replace("bridge", "ferry"))
    web.page("/feed", FEED.format(web.url("/bridge"), web.url("/ferry")), "application/rss+xml")
    first = Intake(gated, web.network)
    asked = first.fetch([web.url("/feed")])
    assert asked.work.wait(20)
    assert [result.state for result in asked.results] == ["asks"]
    first.close()
    second = Intake(gated, web.network)
    until(lambda: bool(second.done))
    (asks,) = second.done[0].results
    assert asks.feed
    second.paste("Gate", "The ship is at the gate.")
    assert embedder.reached.wait(20)
    second.take(asks, asks.feed.entries[1:])
    second.take(asks, asks.feed.entries[1:])
    assert [adding.name for adding in second.under_way] == ["Gate", "Harbour Gazette"]
    second._closing.set()
    embedder.gate.set()
    second.close()
    third = Intake(gated, web.network)
    until(lambda: not third.under_way)
    assert {document.title: document.source for document in gated.documents()} == {
        "Gate": "",
        "The ferry": "Harbour Gazette",
    }
    assert waiting_files(gated.settings) == []
    third.close()


def test_what_can_not_be_taken_is_told_and_nothing_of_it_waits(gated: Library):
    intake = Intake(gated, Network(is_allowed=lambda address: False))
    for adding, result in (
        (intake.paste("", " \n"), ("Pasted text", NO_TEXT)),
        (
            intake.paste("Long", "ship " * 10**7),
            ("Long", "The file has 48 MB; 25 MB is the most that is taken."),
        ),
        (intake.fetch([]), ("From the web", NO_ADDRESS)),
    ):
        assert adding.work.wait(20)
        assert [(one.name, one.text) for one in adding.results] == [result]
    many = intake.fetch([f"ftp://{number}" for number in range(2_000)])
    assert [one.text for one in many.results if one.text == TOO_MANY] == [TOO_MANY]
    intake.cancel(many.id)
    until(lambda: not intake.under_way)
    assert waiting_files(gated.settings) == []
    assert keys(gated) == []
    intake.close()
