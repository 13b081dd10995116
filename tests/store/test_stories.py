"""Documents that tell the same are one story, and those that only share a form are not."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import date

import pytest

from rag import Document, Library, NewDocument, Settings
from rag.store.stories import BANDS, MOST_CHARACTERS, are_one_story, bands, told
from rag.upkeep.doctor import examine
from rag.upkeep.exporting import export_library, import_library
from tests.conftest import BagOfWords

FIRE = (
    "A fire destroyed the old market hall of Hofbau in the night to Sunday. The fire brigade was called at ten past"
    " two and fought the flames with 90 men until the morning, but could not keep the roof from falling in. Twelve"
    " people of the houses next door were taken to hospital with smoke in their lungs.\n\n"
    "What caused the fire is not known. The hall of 1889, an iron building with coloured glass, had been restored"
    " only two years ago for 7 million crowns. Emil Detchard, the chief of the fire brigade, said that the ruin would"
    " have to cool before investigators could begin their work.\n\n"
    "The market moves to the square in front of the station, where 43 traders can put up their stalls from Tuesday"
    " on. Mayor Clara Sapt promised that the hall would be built again. It had 112 stalls and was known for its fish."
)
WEATHER = (
    "Weather for {} and the coast, {}. The day begins with fog on the river and dry in the hills. Temperatures reach"
    " {} degrees on the coast and {} degrees inland, after {} degrees in the night. The wind blows from the west at {}"
    " kilometres an hour. Farmers should expect ground frost in the valleys. The office of meteorology issues its next"
    " report at noon and answers questions by telephone on weekdays."
)
WEEKS = (WEATHER.format("Zenda", "3 May", 14, 19, 6, 20), WEATHER.format("Zenda", "10 May", 17, 22, 9, 35))
UPDATE = FIRE.replace("Twelve people", "Fifteen people").replace("43 traders", "51 traders") + (
    "\n\nOn Monday the police said that a cable in the cellar had been damaged by workmen."
)
ONE_STORY = {
    "other title, dateline and lead": f"HOFBAU (Example Wire) — The town mourns. {FIRE.partition('. ')[2]}",
    "an update": UPDATE,
    "an end of its own": f"{FIRE}\n\nSign up for our morning letter and have the news of the day in your box at six.",
    "the first half": FIRE[: len(FIRE) // 2],
    "misread letters": FIRE.replace("fire", "fjre").replace("crowns", "crowus").replace("stalls", "stal1s"),
    "capitals": FIRE.upper(),
    "other quotes and lines": FIRE.replace(",", " ,").replace("\n\n", " ").replace(" of ", "\nof "),
}
TWO_STORIES = {
    "another week's report": WEEKS,
    "a collection that has it too": (FIRE, "\n\n".join([WEEKS[0], WEEKS[1] * 3, FIRE, UPDATE.upper()[:600]])),
    "another fire": (
        FIRE,
        FIRE.replace("Hofbau", "Zenda").replace("Emil Detchard", "Ivo Helsing").replace("Clara Sapt", "Nora Bauer")
        .replace("90", "40").replace("1889", "1902").replace("7 million", "3 million").replace("Sunday", "Friday"),
    ),
    "one end": tuple(
        f"{part} All rights reserved. We believe that good reporting takes time: consider a subscription, which"
        " costs less than a loaf of bread a week."
        for part in FIRE.split("\n\n")[:2]
    ),
}  # fmt: skip


@pytest.mark.parametrize("text", ONE_STORY.values(), ids=ONE_STORY)
def test_the_same_told_otherwise_is_one_story(text: str):
    one, other = told("Fire in Hofbau", FIRE), told("What we know", text)
    assert are_one_story(one, other)
    assert are_one_story(other, one)
    assert set(bands(one)) & set(bands(other))


@pytest.mark.parametrize("pair", TWO_STORIES.values(), ids=TWO_STORIES)
def test_what_shares_only_its_form_is_two_stories(pair: tuple[str, str]):
    assert not are_one_story(told("The report", pair[0]), told("The report", pair[1]))


def test_short_texts_are_the_same_only_as_a_whole():
    one = "The ferry line to Zenda is closed for the winter."
    assert are_one_story(told("", one), told("", one.upper()))
    assert not are_one_story(told("", one), told("", f"{one} Buses go instead."))


def test_bands_are_the_same_on_every_machine():
    # Catalogs keep them, and files of a library move between machines.
    assert bands(told("", "one two three four five"))[:2] == (9173230856582157181, 3247448899794217398)
    assert len(set(bands(told("", FIRE)))) == BANDS


def article(text: str, key: str, day: date | None = None) -> NewDocument:
    return NewDocument(text, title=f"Title of {key}", key=key, source="Harbour Gazette", published=day)


def keys(library: Library) -> list[list[str]]:
    return [[document.key for document in story.documents] for story in library.stories()]


def held(library: Library, key: str) -> Document:
    return next(document for document in library.documents() if document.key == key)


def test_a_library_tells_copies_and_versions_the_newest_first(library: Library):
    library.add(
        [
            article(FIRE, "first", date(2024, 5, 5)),
            article(UPDATE, "update", date(2024, 5, 6)),
            article(WEEKS[0], "week 18"),
            article(WEEKS[0], "copy of week 18", date(2024, 5, 3)),
            article(WEEKS[1], "week 19"),
        ]
    )
    assert keys(library) == [["update", "first"], ["copy of week 18", "week 18"]]
    assert [story.are_copies for story in library.stories()] == [False, True]
    assert held(library, "first").story == held(library, "update").story != held(library, "week 19").story


def test_removing_one_leaves_the_others(library: Library):
    library.add([article(FIRE, "a"), article(UPDATE, "b"), article(FIRE.upper(), "c")])
    library.remove(held(library, "a").id)
    assert [sorted(story) for story in keys(library)] == [["b", "c"]]
    library.remove(held(library, "b").id)
    assert keys(library) == []
    library.add([article(FIRE, "a")])
    assert [sorted(story) for story in keys(library)] == [["a", "c"]]


def test_an_article_that_becomes_another_leaves_its_story(library: Library):
    library.add([article(FIRE, "a"), article(FIRE, "b")])
    before = held(library, "a").id
    library.add([article(WEEKS[0], "a")])
    assert (held(library, "a").id, keys(library)) == (before, [])
    library.add([article(WEEKS[1], "b"), article(FIRE, "c"), article(UPDATE, "a")])
    assert [sorted(story) for story in keys(library)] == [["a", "c"]]


def test_copies_are_found_behind_many_reports_of_one_form(library: Library):
    weeks = [
        article(WEATHER.format("Zenda", f"{number} May", number, number + 3, number, 2 * number), f"{number}")
        for number in range(100, 160)
    ]
    library.add([*weeks, replace(weeks[20], key="copy")])
    assert [sorted(story) for story in keys(library)] == [["120", "copy"]]


def test_books_are_the_same_only_as_a_whole(library: Library):
    book = "\n\n".join(f"{FIRE} It was fire {number}." for number in range(MOST_CHARACTERS // len(FIRE) + 1))
    library.add([article(book, "a"), article(f"{book} The end.", "b"), article(book, "copy")])
    assert [sorted(story) for story in keys(library)] == [["a", "copy"]]


def forget_stories(settings: Settings) -> None:
    """Make a library one of an older Footnote, which knew of no stories."""
    with closing(sqlite3.connect(settings.data_dir / "catalog.sqlite3")) as connection, connection:
        connection.execute("DELETE FROM stories")
        connection.execute("DELETE FROM bands")


def test_older_libraries_are_completed_once(library: Library, settings: Settings):
    library.add([article(FIRE, "a"), article(UPDATE, "b"), article(WEEKS[0], "c")])
    forget_stories(settings)
    assert keys(library) == []
    assert {hit.document.story for hit in library.search("Who is the mayor?")} == {""}
    told_of = []
    library.embedding.complete(told_of.append)
    assert [sorted(story) for story in keys(library)] == [["a", "b"]]
    # What was read before knows of it too.
    assert {hit.document.story != "" for hit in library.search("Who is the mayor?")} == {True}
    assert [progress.done for progress in told_of] == [0, 1, 2]
    library.embedding.complete(told_of.append)
    assert len(told_of) == 3


def test_the_doctor_completes_too(library: Library, settings: Settings):
    library.add([article(FIRE, "a"), article(UPDATE, "b")])
    library.close()
    forget_stories(settings)
    [mended] = [finding for finding in examine(settings, BagOfWords()) if finding.wrong]
    assert (mended.check, mended.is_in_order) == ("copies", True)
    assert [finding for finding in examine(settings, BagOfWords()) if finding.wrong] == []


def test_an_imported_library_has_the_same_stories(library: Library, tmp_path):
    library.add([article(FIRE, "a"), article(UPDATE, "b"), article(WEEKS[0], "c")])
    export_library(library, tmp_path / "file")
    with Library.open(Settings(data_dir=tmp_path / "other"), BagOfWords(), follow=False) as other:
        import_library(other, tmp_path / "file")
        assert [sorted(story) for story in keys(other)] == [["a", "b"]]
