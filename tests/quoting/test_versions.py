"""Versions of one story in answers: the newest is quoted, and an older one is named as such where they differ."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from types import SimpleNamespace
from typing import cast

import pytest

from app_pages.chat.turn import finished_turn
from rag import Answer, Assistant, Library, LocalEmbeddings, NewDocument, Settings
from rag.conversations import Turn
from rag.conversations.kept_answers import answer_from_json, answer_to_json
from rag.service.engine import Engine
from tests.store.test_stories import FIRE

Ask = Callable[..., Answer]

OLD = FIRE.replace("Twelve people of the houses next door", "12 people of the houses next door")
NEW = OLD.replace("12 people", "15 people").replace("43 traders", "51 traders")
HURT = "How many people were taken to hospital after the fire in Hofbau?"
STALLS = "How many traders can put up their stalls in front of the station?"


def version(text: str, key: str, day: int, source: str = "Harbour Gazette") -> NewDocument:
    published = date(2024, 5, day)
    return NewDocument(text, title="The fire in Hofbau", key=key, source=source, published=published)


@pytest.fixture
def ask(settings: Settings, packaged: LocalEmbeddings) -> Ask:
    """Ask a library of these articles a question."""

    def ask(question: str, *documents: NewDocument) -> Answer:
        with Library.open(settings, packaged, follow=False) as library:
            library.add(documents)
            return Assistant(library, settings).ask(question)

    return ask


def quoted(answer: Answer) -> list[str]:
    return [citation.document.key for citation in answer.citations]


@pytest.mark.parametrize("is_reversed", [False, True])
def test_the_newest_version_comes_first_and_the_older_one_is_named_as_such(ask: Ask, is_reversed: bool):
    documents = [version(OLD, "old", 5), version(NEW, "new", 7)]
    answer = ask(HURT, *(reversed(documents) if is_reversed else documents))
    assert "15 people" in answer.sentences[0].text
    assert [(one.value, one.is_older) for one in answer.differing] == [("15", False), ("12", True)]


def test_an_older_version_does_not_repeat_what_the_newest_says(ask: Ask):
    answer = ask(
        STALLS, version(OLD, "old", 5), version(NEW, "new", 7), version(OLD, "copy", 6, "Zenda Times")
    )
    assert "51 traders" in answer.sentences[0].text
    assert [one.value for one in answer.differing] == ["51", "43"]
    cited = [citation for citation in answer.citations if "traders" in citation.quote]
    assert len(cited) == 2
    # The older version and its copy are one source.
    assert [copy.document.key for copy in cited[1].copies] == ["copy"]


def test_another_story_that_differs_is_no_older_version(ask: Ask):
    other = "9 people of the houses next door were taken to hospital with smoke in their lungs, and two dogs."
    answer = ask(HURT, version(NEW, "new", 7), version(other, "letter", 5, "Zenda Times"))
    assert [(one.value, one.is_older) for one in answer.differing] == [("15", False), ("9", False)]


def test_a_sentence_that_was_changed_otherwise_is_quoted_once(ask: Ask):
    changed = NEW.replace("is not known", "is not known for certain, but a cable is suspected")
    answer = ask("What caused the fire in Hofbau?", version(OLD, "old", 5), version(changed, "new", 7))
    assert [sentence.text for sentence in answer.sentences if "is not known" in sentence.text] == [
        sentence.text for sentence in answer.sentences if "a cable is suspected" in sentence.text
    ]
    assert "a cable is suspected" in answer.text


def test_what_only_an_older_version_says_is_quoted_from_it(ask: Ask):
    shorter = NEW.replace(" Mayor Clara Sapt promised that the hall would be built again.", "")
    answer = ask(
        "What did the mayor promise about the hall?", version(OLD, "old", 5), version(shorter, "new", 7)
    )
    assert quoted(answer)[0] == "old"
    assert "built again" in answer.sentences[0].text


def test_an_older_version_is_shown_with_its_day_and_kept_with_the_conversation(ask: Ask):
    answer = ask(HURT, version(OLD, "old", 5), version(NEW, "new", 7))
    assert answer_from_json(answer_to_json(answer)) == answer
    named = {citation.document.id: citation.document for citation in answer.citations}
    shared = cast(
        Engine,
        SimpleNamespace(settings=Settings(), document=lambda name, version: replace(named[name], text="")),
    )
    shown = finished_turn(Turn(1, HURT, answer, datetime(2026, 1, 1, tzinfo=UTC)), "c1", shared, named)
    assert [one["day"] for one in shown["differing"]] == ["7 May 2024", "5 May 2024, an older version"]
    assert "5 May 2024, an older version" in shown["copy"]
