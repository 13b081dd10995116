"""The same words in several articles are one source."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from app_pages.article.reading import cited
from app_pages.chat.turn import finished_turn
from rag import Answer, Assistant, Library, LocalEmbeddings, NewDocument, Settings
from rag.conversations import Turn
from rag.conversations.kept_answers import answer_from_json, answer_to_json, blanked
from rag.search.copies import set_apart
from rag.search.statements import is_same
from rag.service.engine import Engine

Ask = Callable[..., Answer]

WIRE = (
    "The ferry line between Zenda and Strelsau will be closed for the winter, the harbour office said on Monday."
    " Two ships of the line are to be repaired in the dry dock of Hentzau."
    " The repairs will cost 4.2 million crowns and are paid by the three towns together."
    " The line carried 310,000 passengers last year, most of them in the summer."
    " Mayor Rudolf Elphberg called the closing a hard but sensible step."
    " Buses will take passengers around the bay until the ships are back."
)
COST = "How much will the repairs of the ferry ships cost?"
SENTENCES = WIRE.replace(". ", ".|").split("|")
OTHER = (
    "The bakery of Zenda has won the prize for the best bread again. Its baker rises at two in the morning"
    " and uses flour from the mill at the river."
)


@pytest.fixture
def ask(settings: Settings, packaged: LocalEmbeddings) -> Ask:
    """Ask a library of these articles a question."""

    def ask(question: str, *documents: NewDocument) -> Answer:
        with Library.open(settings, packaged, follow=False) as library:
            library.add(documents)
            answer = Assistant(library, settings).ask(question)
            for citation in answer.citations:
                for place in (citation, *citation.copies):
                    text = library.document(place.document.id).text
                    assert text[place.start : place.end] == place.quote
                    assert place.number == citation.number
            return answer

    return ask


def paper(text: str, name: str, day: date | None = None, title: str = "Ferry line closed") -> NewDocument:
    return NewDocument(text, title=title, key=name, source=name, published=day)


def edited(*sentences: str) -> str:
    return " ".join(sentences)


TRUE_COPIES = {
    "the whole": WIRE,
    "the last paragraph dropped": edited(*SENTENCES[:-2]),
    "only its beginning": edited(*SENTENCES[:3]),
    "a dateline": f"ZENDA (Example Wire) — {WIRE}",
    "a sentence more": edited(*SENTENCES[:4], "The cranes of the dock are old.", *SENTENCES[4:]),
    "a new lead": edited("Travellers around the bay must be patient.", *SENTENCES),
    "an attribution dropped": WIRE.replace(", the harbour office said on Monday", ""),
    "paragraphs": "\n\n".join(SENTENCES),
    "typographic marks": WIRE.replace("-", "–").replace("4.2 million", "4.2 million"),
    "percent signs and capitals": WIRE.replace("Ferry", "FERRY").replace("harbour office", "Harbour Office"),
}
NO_COPIES = {
    "another cost": WIRE.replace("4.2 million", "5.1 million"),
    "another year's passengers": WIRE.replace("310,000", "280,000"),
    "another mayor": WIRE.replace("Rudolf Elphberg", "Flavia Tarlenheim"),
    "the opposite": WIRE.replace("will be closed", "will not be closed"),
    "the same subject": (
        "The ferries of the bay are out of service until spring. The two ships lie in Hentzau, where the"
        " repairs cost 4.2 million crowns. Three towns share the bill."
    ),
    "a sentence quoted": f"Our readers write about the ferry. {SENTENCES[2]} We think that is too much for"
    " two old ships, and that the towns had better build a bridge over the bay, as was planned long ago. A"
    " bridge needs no dry dock, no captain and no coal, and it is open on the coldest night of the winter.",
}


@pytest.mark.parametrize("text", TRUE_COPIES.values(), ids=TRUE_COPIES)
def test_a_story_in_two_papers_is_quoted_once_and_names_both(ask: Ask, text: str):
    answer = ask(
        COST,
        paper(text, "Strelsau Post", date(2023, 5, 3), title="Winter without ferries"),
        paper(WIRE, "Zenda Times", date(2023, 5, 2)),
        paper(OTHER, "Bakers' Weekly", title="Bread"),
    )
    first = answer.citations[0]
    assert "4.2 million" in first.quote
    assert first.document.source == "Zenda Times"
    assert [copy.document.source for copy in first.copies] == ["Strelsau Post"]
    assert {citation.document.source for citation in answer.citations} <= {"Zenda Times", "Bakers' Weekly"}


@pytest.mark.parametrize("text", NO_COPIES.values(), ids=NO_COPIES)
def test_articles_that_differ_in_what_they_say_are_two_sources(
    settings: Settings, packaged: LocalEmbeddings, text: str
):
    with Library.open(settings, packaged, follow=False) as library:
        library.add([paper(WIRE, "Zenda Times"), paper(text, "Strelsau Post")])
        found = set_apart(library.find(COST))
    assert not found.copies


@pytest.mark.parametrize(
    "otherwise", ["Nobody believes that {}", "If the towns agree, {}", "{}, which the harbour office denied"]
)
def test_what_is_stated_otherwise_is_no_place_of_the_same_words(ask: Ask, otherwise: str):
    cost = SENTENCES[2].rstrip(".").replace("The", "the", 1)
    answer = ask(COST, paper(WIRE, "Zenda Times"), paper(f"{otherwise.format(cost)}.", "Strelsau Post"))
    assert not any(citation.copies for citation in answer.citations)


def series(values: Sequence[str]) -> list[NewDocument]:
    return [
        paper(
            f"Consumer prices in Ruritania rose by {value} percent in {month} from a year before, the office of"
            " statistics said. The office asks 2,000 shops in twelve towns for their prices each month."
            " Food and fuel are weighed by what a household of four persons spends on them.",
            f"{month}", title="Inflation",
        )
        for month, value in zip(("May", "June", "July"), values, strict=False)
    ]  # fmt: skip


def test_the_same_report_with_the_figures_of_another_month_is_another_source(ask: Ask):
    answer = ask("By how much did prices rise in June in Ruritania?", *series(["61.5", "59.3", "58.0"]))
    assert "59.3" in answer.citations[0].quote
    assert not answer.citations[0].copies


def test_a_table_of_another_week_is_another_source(ask: Ask):
    table = "Town | Ships | Crews\n---|---|---\nZenda | 31 | 412\nStrelsau | {} | 530\nHentzau | 12 | 98"
    answer = ask(
        "How many ships has Zenda?",
        *(paper(table.format(n), f"week {n}", title="Ships in harbour") for n in (47, 48)),
    )
    assert not any(citation.copies for citation in answer.citations)


def test_the_footnote_goes_to_the_article_that_was_published_first(ask: Ask):
    days = {"third": None, "second": date(2023, 5, 4), "first": date(2023, 5, 2)}
    answer = ask(COST, *(paper(WIRE, name, day) for name, day in days.items()))
    first = answer.citations[0]
    assert [c.document.source for c in (first, *first.copies)] == ["first", "second", "third"]


def test_many_copies_leave_room_for_other_articles(ask: Ask):
    copies = [paper(WIRE, f"paper {number}") for number in range(30)]
    other = paper(
        "The repairs of the ferry ships will cost the towns dearly, a professor in Hentzau thinks.",
        "Hentzau Mail",
    )
    answer = ask("What does the professor in Hentzau think of the ferry?", *copies, other)
    assert answer.citations[0].document.source == "Hentzau Mail"
    answer = ask("How many passengers did the ferry line carry last year?", *copies, other)
    assert len(answer.citations[0].copies) == 29


def test_copies_do_not_lower_the_confidence(ask: Ask, settings: Settings):
    alone = ask(COST, paper(WIRE, "Zenda Times"), paper(OTHER, "Bakers' Weekly", title="Bread"))
    copied = ask(COST, *(paper(WIRE, f"paper {number}") for number in range(4)))
    assert copied.confidence == pytest.approx(alone.confidence, abs=0.05)
    assert copied.text == alone.text


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Inflation was 61.5 % in May.", "Inflation was 61.5 percent in May", True),
        ("Inflation was 61.5 % in May.", "Inflation was 59.3 % in June.", False),
        ("The plant will open in spring.", "ANKARA — The plant will open in spring.", True),
        ("The plant will open in spring.", "It is not true that the plant will open in spring.", False),
        ("The plant will open in spring.", "The plant will open in spring of 2025.", False),
        ("Exports rose sharply in the north.", "Exports fell sharply in the north.", False),
    ],
)
def test_sentences_are_the_same_by_their_words(one: str, other: str, same: bool):
    assert is_same(one, other) is same


@pytest.mark.parametrize(("half", "most_missed"), [("copies.jsonl", 0.1), ("unseen/copies.jsonl", 0.4)])
def test_a_copy_states_the_same_and_what_doubts_denies_reports_conditions_or_dates_it_does_not(
    half: str, most_missed: float
):
    # Of copies that nobody has looked at a third is missed: they are then quoted as two sources, which is true.
    lines = (Path(__file__).parents[1] / "data" / half).read_text("utf-8").splitlines()
    pairs = [json.loads(line) for line in lines]
    found = [(is_same(pair["first"], pair["second"]), pair["same"]) for pair in pairs]
    assert all(
        is_same(pair["second"], pair["first"]) is is_found
        for pair, (is_found, _) in zip(pairs, found, strict=True)
    )
    merged = found.count((True, False))
    assert not merged, f"{merged} of {len(pairs)} pairs are taken for copies that aren't"
    copies, missed = sum(same for _, same in found), found.count((False, True))
    assert copies >= 14
    assert len(pairs) - copies >= 14
    assert missed <= most_missed * copies, f"{missed} of {copies} copies are missed"


def versions(answer: Answer, *sources: str) -> set[tuple[str, str]]:
    places = [place for citation in answer.citations for place in (citation, *citation.copies)]
    return {(place.document.id, place.version) for place in places if place.document.source in sources}


def test_a_removed_copy_is_forgotten_and_a_removed_original_leaves_the_footnote_to_a_copy(ask: Ask):
    answer = ask(COST, *(paper(WIRE, name, date(2023, 5, day)) for day, name in enumerate("abc", 1)))
    [citation] = answer.citations[:1]
    assert [copy.document.source for copy in citation.copies] == ["b", "c"]
    without_copy = blanked(answer, versions(answer, "b")).citations[0]
    assert (without_copy.quote, [c.document.source for c in without_copy.copies]) == (citation.quote, ["c"])
    moved = blanked(answer, versions(answer, "a"))
    assert moved.text == answer.text
    assert moved.citations[0].document.source == "b"
    assert [copy.document.source for copy in moved.citations[0].copies] == ["c"]
    gone = blanked(answer, versions(answer, "a", "b", "c"))
    assert (gone.text, gone.citations[0].quote, gone.citations[0].copies) == ("", "", ())


def test_copies_are_kept_with_conversations_and_an_answer_from_before_them_is_read(ask: Ask):
    answer = ask(COST, paper(WIRE, "a"), paper(WIRE, "b"))
    assert answer_from_json(answer_to_json(answer)) == answer
    before = json.loads(answer_to_json(answer))
    del before["differing"]
    for sentence in before["sentences"]:
        for citation in sentence["citations"]:
            del citation["copies"]
    read = answer_from_json(json.dumps(before))
    assert (read.text, read.differing, read.citations[0].copies) == (answer.text, (), ())


def test_a_turn_counts_a_copied_story_once_and_links_its_copies(library: Library):
    library.add(
        [paper(WIRE, "Zenda Times", date(2023, 5, 2)), paper(WIRE, "Strelsau Post", title="No ferries")]
    )
    answer = Assistant(library, library.settings).ask(
        "Which line carried passengers in the summer last year?"
    )
    turn = Turn(1, COST, answer, datetime(2026, 1, 1, tzinfo=UTC))
    held = {document.id: document for document in library.documents()}
    shared = cast(
        Engine, SimpleNamespace(settings=Settings(), document=lambda name, version: library.document(name))
    )
    shown = finished_turn(turn, "c1", shared, held)
    assert "in 1 article ·" in shown["summary"]
    [copy] = shown["sources"][0]["copies"]
    assert (copy["name"], copy["href"].startswith("/article?d=")) == ("Strelsau Post", True)
    assert "also in No ferries, Strelsau Post" in shown["copy"]
    other = answer.citations[0].copies[0].document.id
    assert [place.number for _, place in cited([turn], other)] == [1]
