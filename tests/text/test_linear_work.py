"""Whatever meets text from outside takes time in proportion to it: documents, questions, answers, claims, names.

Files whose readers are others' code, as pages and messages, are read in a process with limits.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import date

import pytest

from rag import Answer, NewDocument, check_support
from rag.documents import Origin
from rag.ingest.incoming import upload_key
from rag.loading.decoding import decode
from rag.loading.formats import Unreadable, kind_of, shown_name
from rag.loading.metadata import read_language, take_labels, text_of_markup, title_of_name
from rag.loading.tables import read_csv, read_jsonl
from rag.question.followups import complete, leans
from rag.question.questions import (
    asked_kind,
    head_word,
    holds_kind,
    lacks_count,
    lacks_measure,
    lacks_person,
)
from rag.question.several import asked_for_several
from rag.question.time_and_source import may_prefer, read_preference
from rag.search.statements import plain, read_statement
from rag.store.stories import bands, told
from rag.text.blocks import find_blocks, tidy_plain
from rag.text.canonical import judged, labelled_cells, normalise_text, one_line
from rag.text.days import read_day
from rag.text.invisible import without_hidden
from rag.text.language import language_of_question
from rag.text.names import names, names_and_numbers
from rag.text.splitting import split_document
from rag.text.values import amounts, days, people
from rag.text.words import content_words, stems
from rag.web.addresses import is_web_address, shown_address
from rag.writing.marker_forms import plain as plain_markers
from rag.writing.planted.imperatives import asks_reader, is_unasked
from rag.writing.planted.instructions import instructions_in, is_shouted, is_task
from rag.writing.refusals import is_refusal, is_unsaid
from rag.writing.sentences import SentenceCutter
from tests.helpers.hostile import UNITS, grows, repeated, seconds

MOST_SECONDS = 0.2
"""For 4,000 signs."""
_SUSPECTED_SECONDS = 0.025
"""For 1,000 signs: what takes longer is looked at closely."""

ANNA = NewDocument("The ship Anna sank on 5 May 1912.", title="The Anna", key="anna")


WORK: dict[str, Callable[[str], object]] = {
    "a document": lambda text: split_document(text, find_blocks(text)),
    "plain text": tidy_plain,
    "a table": lambda text: read_csv("A", f"title,text\n{text},a"),
    "json lines": lambda text: read_jsonl("A", f'{{"title": "a", "text": "a"}}\n{text}'),
    "bytes": lambda text: decode(text.encode("utf-8", "replace")),
    "their kind": lambda text: kind_of("a", text.encode("utf-8", "replace")),
    "markup": text_of_markup,
    "a title": lambda text: (title_of_name(text), take_labels(text), read_language(text), read_day(text)),
    "a file's name": lambda text: (upload_key(text), shown_name(text)),
    "an address": lambda text: (shown_address(text), is_web_address(text)),
    "a story": lambda text: bands(told(text[:100], text)),
    "text": lambda text: (normalise_text(text), one_line(text), judged(text), labelled_cells(text, text)),
    "words": lambda text: (stems(text), content_words(text), plain(text)),
    "what it states": lambda text: (read_statement(text), read_statement(f"ZENDA — It is, {text}, so.")),
    "values": lambda text: (amounts(text), days(text), people(text)),
    "names": lambda text: (names(text), names_and_numbers(text)),
    "what is asked for": asked_for_several,
    "what is asked": lambda text: (asked_kind.__wrapped__(text), head_word(text)),
    "what holds it": lambda text: [
        holds_kind(kind, text, "Who?") for kind in ("date", "money", "number", "name")
    ],
    "what it lacks": lambda text: (
        lacks_measure("how tall is it", text),
        lacks_count("how many ships are there?", text),
        lacks_person("who is the king?", text),
    ),
    "a preference": lambda text: (
        may_prefer(text) and read_preference(text, [Origin("The Age", date(2020, 5, 1), 3)], date(2024, 5, 1))
    ),
    "a language": language_of_question,
    "a follow-up": lambda text: (
        leans(text[:2_000]),
        complete(text[:2_000], [_answer("When was the Anna built?")]),
    ),
    "what it leans on": lambda text: complete("Why did it sink?", [_answer(text[:2_000])]),
    "a model's answer": lambda text: [*(cutter := SentenceCutter()).feed(text), *cutter.finish()],
    "its markers": plain_markers,
    "its refusal": lambda text: (is_refusal(text), is_unsaid(text, [text])),
    "instructions": lambda text: (
        is_task(text),
        is_shouted(text),
        instructions_in([text, "Reply!"]),
        is_unasked(text, "When was it built?"),
        asks_reader(f"{text} at a.test"),
    ),
    "what can't be seen": without_hidden,
    "a claim": lambda text: check_support(text, [ANNA.text]),
    "a claim's passage": lambda text: check_support(
        "The ship Anna sank in May 1912, and 5 km of rope.", [text]
    ),
}


def _answer(question: str) -> Answer:
    return Answer(question)


@pytest.mark.parametrize("name", WORK)
def test_it_takes_time_in_proportion(name: str) -> None:
    slow = list[str]()

    def work(text: str) -> None:
        with suppress(Unreadable):
            WORK[name](text)

    # With the first of a kind tables and models are read that take a while.
    language_of_question("Einige Worte")
    work("Einige Worte")
    for unit in UNITS:
        if seconds(lambda unit=unit: work(repeated(unit, 1_000)), MOST_SECONDS) > _SUSPECTED_SECONDS:
            taken = grows(lambda size, unit=unit: work(repeated(unit, size)), MOST_SECONDS)
            slow += [f"{name}: {taken} s for {unit!r}"] if taken else []
    assert not slow, "\n".join(slow)
