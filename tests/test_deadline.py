"""A question ends in time, whatever is asked and whenever it is stopped, with the best answer until then."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from rag import Answer, Assistant, Library, NewDocument, Settings
from rag.answers import NO_ANSWER
from rag.deadline import Deadline, DeadlineExceeded
from rag.writing.job import NO_TIME, STOPPED
from tests.conftest import BagOfWords
from tests.helpers.hostile import repeated

ANNA = NewDocument(
    "The ship Anna sank in the harbour of Marnow on 5 May 1912. She had a radar.\n\nShip | Built\n---|---\n"
    "Anna | 1901\nBerta | 1907",
    title="The Anna",
    key="anna",
)
COPY = NewDocument(
    f"Marnow (own report). {ANNA.text}\n\nThe king was told on the same day.", title="Sunk", key="copy"
)
BERTA = NewDocument(
    "The ship Berta sank in the harbour of Marnow on 9 June 1915.", title="The Berta", key="berta"
)
ASKED = (
    "When did the ship Anna sink in the harbour of Marnow?",
    "What are the ships?",
    "What is the difference between the Anna and the Berta?",
    "Did the ship Anna sink?",
    "What is the Anna?",
)


class Known(BagOfWords):
    languages = frozenset({"en"})


class StoppedAt(threading.Event):
    """Is set from the n-th time on that somebody looks."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.left = number

    def is_set(self) -> bool:
        self.left -= 1
        return self.left < 0


@pytest.fixture
def asked(settings: Settings) -> Iterator[Assistant]:
    with Library.open(settings, Known(), follow=False) as library:
        library.add([ANNA, COPY, BERTA])
        yield Assistant(library, settings)


def test_a_deadline_gives_units_of_work_until_it_is_over():
    deadline = Deadline(60, StoppedAt(2).is_set)
    assert list(deadline.within("abcd")) == ["a", "b"]
    assert deadline.has_cut
    with pytest.raises(DeadlineExceeded):
        list(deadline.each("abcd"))
    assert list(Deadline().each("abcd")) == list(Deadline(60).within("abcd")) == [*"abcd"]
    waiting = Deadline(0.1)
    with waiting.paused():
        time.sleep(0.15)
    assert not waiting.is_over
    time.sleep(0.1)
    assert waiting.is_over


@pytest.mark.parametrize("question", ASKED)
def test_at_whatever_moment_a_question_is_stopped_its_answer_is_whole(asked: Assistant, question: str):
    whole, answers = asked.ask(question), list[Answer]()
    assert not whole.remark
    for number in range(1_000):
        answers.append(asked.ask(question, stop=StoppedAt(number)))
        if not answers[-1].remark:
            break
    assert (answers[0].text, answers[0].remark) == (NO_ANSWER, STOPPED)
    assert _said(answers[-1]) == _said(whole)
    assert all(answer.remark == STOPPED for answer in answers[:-1])
    texts = {
        document.id: asked._library.document(document.id).text for document in asked._library.documents()
    }
    for answer in answers:
        assert answer.abstained == (not answer.sentences)
        for citation in answer.citations:
            assert texts[citation.document.id][citation.start : citation.end] == citation.quote


def _said(answer: Answer) -> tuple[object, ...]:
    return answer.text, answer.sentences, answer.differing, answer.not_found


def test_a_question_without_time_is_answered_all_the_same(library: Library, settings: Settings):
    library.add([ANNA])
    hurried = Assistant(library, settings.model_copy(update={"question_seconds": 1e-9}))
    answer = hurried.ask(ASKED[0])
    assert (answer.text, answer.remark, answer.abstained) == (NO_ANSWER, NO_TIME, True)


def test_who_asks_an_ordinary_question_does_not_wait_for_a_hostile_one(settings: Settings):
    words = " ".join(
        f"The ship of Harbour{n}{repeated(chr(39), 300)} said on 5 May: 5 km. 5 km." for n in range(30)
    )
    with Library.open(settings, Known(), follow=False) as library:
        library.add([ANNA, *(NewDocument(f"{words} {n}", title=f"Who {n}", key=f"{n}") for n in range(5))])
        assistant = Assistant(library, settings)
        slow = threading.Thread(
            target=assistant.ask, args=("Who said that the ship of the harbour sank?",), daemon=True
        )
        slow.start()
        began = time.monotonic()
        assert assistant.ask(ASKED[0]).sentences
        assert time.monotonic() - began < 3
        slow.join(10)
        assert not slow.is_alive()


HOSTILE = [
    *"'a.(",
    *("A'b ", "A ", "$1", "%20", "5 km. ", "5 km and 6 km, ", "a-b. ", "中。", "Aa Bb said. ", "N'A'T'A' "),
]


@pytest.mark.parametrize("unit", HOSTILE)
def test_no_document_and_no_question_takes_three_seconds(settings: Settings, unit: str):
    patient = settings.model_copy(update={"question_seconds": 3_600})
    with Library.open(patient, Known(), follow=False) as library:
        library.add([ANNA, NewDocument(_hostile(unit), title=repeated(unit, 200), key="hostile")])
        assistant, before = Assistant(library, patient), list[Answer]()
        hostile = (f"How many ships {repeated(unit, 1_900)}?", f"What is {'A' * 30}?", "What is the NATA?")
        for question in (*ASKED[:3], "Who said that the ship sank?", *hostile):
            began = time.thread_time()
            before.append(assistant.ask(question, before[-2:]))
            assert time.thread_time() - began < 3, question


def _hostile(unit: str) -> str:
    passages = [
        f"The ship of harbour {n} said: {repeated(unit, 900)}. {repeated(unit, 300)}" for n in range(10)
    ]
    long = "".join(repeated(unit, 5_000).split())
    rows = [f"{repeated(unit, 40)} | {n}" for n in range(40)]
    items = [f"- {repeated(unit, 60)} {n}" for n in range(40)]
    return "\n\n".join(
        [
            *passages,
            f"Ship {long} radar.",
            long,
            "These are the ships:\n\n" + "\n".join(items),
            "Ship | Price\n---|---\n" + "\n".join(rows),
        ]
    )
