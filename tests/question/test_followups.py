"""Follow-ups: completed from the conversation where they lean on it, and never where they don't."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rag import (
    Answer,
    Assistant,
    Citation,
    Document,
    Library,
    LocalEmbeddings,
    NewDocument,
    Sentence,
    Settings,
    Stage,
)
from rag.answers import NO_ANSWER
from rag.question.followups import complete, leans

SAMPLE_QUESTIONS = Path(__file__).parents[2] / "scripts" / "sample_questions.jsonl"
# Each line: what is typed, and as what it is asked; the answers are declined, so questions alone count.
CONVERSATIONS = {
    "a purchase": [
        ("When did Turkey buy the S-400?", "When did Turkey buy the S-400?"),
        ("Why?", "Why did Turkey buy the S-400?"),
        ("What about Greece?", "Why did Greece buy the S-400?"),
        ("How much did it cost?", "How much did the S-400 cost?"),
        ("How much did Turkey pay for it?", "How much did Turkey pay for the S-400?"),
        ("Who said that?", "Who said that about the S-400?"),
        ("Tell me more", "Tell me more about the S-400?"),
    ],
    "a building": [
        ("Who built the lighthouse of Port Ellery?", "Who built the lighthouse of Port Ellery?"),
        ("When was that?", "When was the lighthouse of Port Ellery built?"),
        ("And how much did it cost?", "And how much did the lighthouse of Port Ellery cost?"),
        ("Who lives there?", "Who lives in Port Ellery?"),
    ],
    "what is counted": [
        ("How many reactors will Akkuyu have?", "How many reactors will Akkuyu have?"),
        ("Why?", "Why will Akkuyu have reactors?"),
        ("And Sinop?", "Why will Sinop have reactors?"),
        ("And the price?", "What is the price of Sinop?"),
    ],
    "members of an alliance": [
        ("When did Sweden join NATO?", "When did Sweden join NATO?"),
        ("And Finland?", "When did Finland join NATO?"),
        ("And why?", "Why did Finland join NATO?"),
        ("What about the EU?", "Why did Finland join the EU?"),
        ("When did it join?", "When did Finland join?"),
    ],
    "a plant and its people": [
        ("Who owns the Akkuyu nuclear plant?", "Who owns the Akkuyu nuclear plant?"),
        ("How many people work there?", "How many people work at the Akkuyu nuclear plant?"),
        ("Who is its director?", "Who is the Akkuyu nuclear plant’s director?"),
        ("When was it built?", "When was the Akkuyu nuclear plant built?"),
        ("By whom?", "By whom was the Akkuyu nuclear plant built?"),
    ],
    "years": [
        ("What happened in Zenda in 1912?", "What happened in Zenda in 1912?"),
        ("And in 1913?", "What happened in Zenda in 1913?"),
        ("Who was mayor then?", "Who was mayor in 1913?"),
        ("2023?", "Who was mayor in 2023?"),
    ],
    "a canal": [
        ("When was the Panama Canal opened?", "When was the Panama Canal opened?"),
        ("Where is it?", "Where is the Panama Canal?"),
        ("How long is it?", "How long is the Panama Canal?"),
        ("And the Suez Canal?", "How long is the Suez Canal?"),
        ("Why?", "Why: how long is the Suez Canal?"),
    ],
    "another topic in between": [
        ("Who developed the S-400?", "Who developed the S-400?"),
        ("When?", "When was the S-400 developed?"),
        ("When was Akira Yoshino born?", "When was Akira Yoshino born?"),
        ("Where does he live?", "Where does Akira Yoshino live?"),
        ("What is his job?", "What is Akira Yoshino’s job?"),
    ],
    "counted things are exchanged": [
        (
            "How many ships passed the Panama Canal in 2023?",
            "How many ships passed the Panama Canal in 2023?",
        ),
        ("And in 2024?", "How many ships passed the Panama Canal in 2024?"),
        ("Anything else?", "Anything else about the Panama Canal?"),
    ],
    "jets": [
        ("How many F-16s did Turkey ask for?", "How many F-16s did Turkey ask for?"),
        ("And the F-35?", "How many F-35 did Turkey ask for?"),
        ("Did they arrive?", "Did F-35 arrive?"),
        ("Where?", "Where did F-35 arrive?"),
    ],
    "a person's office": [
        ("Who is the chief executive of Baykar?", "Who is the chief executive of Baykar?"),
        ("How old is he?", "How old is the chief executive of Baykar?"),
        ("Where was he born?", "Where was the chief executive of Baykar born?"),
        ("What about Roketsan?", "Where was the chief executive of Roketsan born?"),
    ],
    "the topic was named some questions ago": [
        ("What is the wingspan of the Bayraktar TB2?", "What is the wingspan of the Bayraktar TB2?"),
        ("How many have been sold?", "How many have been sold?"),
        ("Which countries bought it?", "Which countries bought the Bayraktar TB2?"),
        ("What about the Akıncı?", "Which countries bought the Akıncı?"),
    ],
    "small letters, and no names": [
        ("How many people did smallpox kill in the 20th century?",) * 2,
        ("And in the 19th century?", "How many people did smallpox kill in the 19th century?"),
        ("what about the 18th century", "How many people did smallpox kill in the 18th century?"),
    ],
    "Turkish": [
        ("Türkiye ne zaman NATO'ya girdi?", "Türkiye ne zaman NATO'ya girdi?"),
        ("Neden?", "Neden: Türkiye ne zaman NATO'ya girdi?"),
        ("Nasıl?", "Nasıl: Türkiye ne zaman NATO'ya girdi?"),
    ],
    "German": [
        ("Wann wurde in Zenda die Brücke gebaut?", "Wann wurde in Zenda die Brücke gebaut?"),
        ("Und in Strelsau?", "Wann wurde in Strelsau die Brücke gebaut?"),
        ("Und warum?", "Warum: Wann wurde in Strelsau die Brücke gebaut?"),
    ],
    "other languages are left as they are": [
        ("When did Sweden join NATO?", "When did Sweden join NATO?"),
        ("Pourquoi ?", "Pourquoi ?"),
        ("¿Y Alemania?", "¿Y Alemania?"),
        ("Et en France ?", "Et en France ?"),
    ],
}
STANDALONE = [
    "Is it true that Turkey bought Russian missiles?",
    "Is it possible to visit the museum?",
    "How long does it take to boil an egg?",
    "What time is it in Ankara?",
    "Are there wind farms near the coast?",
    "How many reactors are there?",
    "Why is there a drought?",
    "Did Turkey say it would return the missiles?",
    "Did Sweden and Finland give up their neutrality?",
    "Who is the man that invented the telephone?",
    "Which ships that used the canal paid a fee?",
    "How many people said that the deal was good?",
    "Why do cats purr when they sleep?",
    "What does the company say about its profit?",
    "When did Goodenough get his prize?",
    "Did Marie Curie leave her notebooks to anybody?",
    "How old was the keeper when he died?",
    "When did they start building Akkuyu unit 3?",
    "Where did Turkey test its missiles?",
    "What happens to a battery if it gets too hot?",
    "Must I buy a new scale because the kilogram has changed and it is old?",
    "When and where was the treaty signed?",
    "How many nations put their names to the convention?",
    "Why did Turkey pay when it was asked to?",
    "Did the company think it was lucky?",
    "Will Sweden pay if the alliance needs it?",
    "Who else wanted the contract?",
    "Which of the two missiles is faster?",
    "And who invented the steam engine?",
    "But why did Sweden join NATO?",
    "Panama Canal",
    "NATO?",
    "S-400 delivery date",
    "Why did the keeper leave there being no oil?",
    "Is there a museum?",
    "Tell me more about the Panama Canal",
    "What about the reservoir on the Río Indio?",
    "Who said that the world would end in 2012?",
    "It takes how long to cross the canal?",
    "İncirlik üssünü her yıl kimler kullanıyor?",
    "Her yıl kaç gemi geçer?",
    "Wo kommt der Name her?",
    "Quand a-t-il été construit ?",
    "これはいつ建てられましたか？",
    "?",
    "",
]


def declined(question: str) -> Answer:
    return Answer(question, declined=NO_ANSWER)


def answered(question: str, quote: str, title: str) -> Answer:
    document = Document("d", "v", "k", title, "", "", None, "", "en", "", datetime.now(UTC), 9, 9, 1)
    citation = Citation(1, document, "v", 0, len(quote), quote)
    return Answer(question, (Sentence(quote, "quote", (citation,)),))


@pytest.mark.parametrize("name", CONVERSATIONS)
def test_a_conversation_is_completed_turn_by_turn(name: str):
    history: list[Answer] = []
    for typed, expected in CONVERSATIONS[name]:
        assert complete(typed, history) == expected
        history.append(declined(expected))


@pytest.mark.parametrize("question", STANDALONE)
def test_what_stands_alone_is_left_as_it_is(question: str):
    assert complete(question, [declined("When did Greece buy the Patriot missiles in 1999?")]) == question


@pytest.mark.parametrize("seed", range(3))
def test_of_questions_on_all_subjects_in_any_order_fewer_than_one_in_a_hundred_is_changed(seed: int):
    questions = [json.loads(line)["question"] for line in SAMPLE_QUESTIONS.read_text("utf-8").splitlines()]
    random.Random(seed).shuffle(questions)
    changed = [
        question
        for place, question in enumerate(questions)
        if complete(question, [declined(earlier) for earlier in questions[max(0, place - 6) : place]])
        != question
    ]
    assert len(questions) == 300
    assert len(changed) < 3


@pytest.mark.parametrize("name", CONVERSATIONS)
def test_what_was_completed_stands_alone_and_nothing_is_completed_from_nothing(name: str):
    last = declined("Who wrote the history of Brobdingnag?")
    for typed, expected in CONVERSATIONS[name]:
        assert complete(typed, []) == typed
        assert expected == typed or complete(expected, [last]) == expected


@given(st.text(), st.text())
@example("What about ?", "?")
@example("Why?", "?")
@example("When did it end? " * 100, "A " * 900)
def test_whatever_is_typed_is_a_question_still(question: str, earlier: str):
    for form in (question, f"What about {question}?", f"{question} it?", f"And {question}", "Why?", "Neden?"):
        assert complete(form, [declined(earlier)]).strip() or not form.strip()


def test_a_follow_up_asked_as_typed_is_not_leaned_on():
    history = [declined("When did Sweden join NATO?"), declined("Why?"), declined("And it?")]
    assert complete("And Finland?", history) == "When did Finland join NATO?"
    assert complete("Why?", [declined("Why?")]) == "Why?"


def test_she_is_who_the_answer_names_and_then_is_the_year_it_names():
    last = answered(
        "Who built the lighthouse of Port Ellery?",
        "The lighthouse of Port Ellery was built in 1871 by the engineer Agnes Thorburn.",
        "The lighthouse of Port Ellery",
    )
    assert complete("When was she born?", [last]) == "When was Agnes Thorburn born?"
    assert complete("Who was king then?", [last]) == "Who was king in 1871?"


def test_without_a_name_in_the_question_the_cited_title_is_the_topic():
    last = answered("When did the drought begin?", "It began in 2023.", "The Panama Canal drought")
    assert complete("How long did it last?", [last]) == "How long did the drought last?"
    last = answered("How bad are fires?", "They are bad.", "Safety of batteries " * 4)
    assert complete("Who put it out?", [last]) == "Who put Safety of batteries Safety of batteries out?"
    removed = replace(last, sentences=(replace(last.sentences[0], citations=()),))
    assert complete("Who put it out?", [removed]) == "Who put it out?"


LIGHTHOUSE = NewDocument(
    "The lighthouse of Port Ellery was built in 1871 by the engineer Agnes Thorburn. Its lamp can be seen from a"
    " distance of 31 kilometres. Agnes Thorburn was born in Zenda in 1834. The lighthouse of Port Ellery cost"
    " 9,000 crowns.",
    title="The lighthouse of Port Ellery",
    key="lighthouse",
)
GUILDS = NewDocument(
    "The guild of the bakers of Zenda was founded in 1604. The guild of the bakers of Strelsau was founded in"
    " 1688, because the town had burnt down. A loaf of rye bread costs three crowns in Zenda.",
    title="Guilds of bakers",
    key="guilds",
)


@pytest.fixture(scope="module")
def assistant(tmp_path_factory: pytest.TempPathFactory, packaged: LocalEmbeddings) -> Iterator[Assistant]:
    settings = Settings(data_dir=tmp_path_factory.mktemp("library"))
    with Library.open(settings, packaged, follow=False) as library:
        library.add([LIGHTHOUSE, GUILDS])
        yield Assistant(library, settings)


@pytest.mark.parametrize(
    "conversation",
    [
        [
            ("Who built the lighthouse of Port Ellery?", "Agnes Thorburn"),
            ("When was she born?", "in 1834"),
            ("How much did the lighthouse of Port Ellery cost?", "9,000 crowns"),
            ("When was it built?", "in 1871"),
        ],
        [
            ("When was the guild of the bakers of Zenda founded?", "in 1604"),
            ("And Strelsau?", "in 1688"),
            ("Why?", "because the town had burnt down"),
        ],
    ],
)
def test_follow_ups_are_answered_from_the_collection(
    assistant: Assistant, conversation: list[tuple[str, str]]
):
    history: list[Answer] = []
    for question, words in conversation:
        history.append(assistant.ask(question, history))
        assert words in history[-1].text, history[-1].question


def test_a_completed_question_is_said_first_and_can_be_asked_as_typed(assistant: Assistant):
    history = [assistant.ask("When was the guild of the bakers of Zenda founded?")]
    first, *_, answer = assistant.stream("And Strelsau?", history)
    completed = "When was the guild of the bakers of Strelsau founded?"
    assert first == Stage(f"Asked as: {completed}")
    assert isinstance(answer, Answer)
    assert answer.question == completed
    assert assistant.ask("And Strelsau?", history, complete=False).question == "And Strelsau?"


def test_a_completed_question_is_never_longer_than_is_allowed(assistant: Assistant):
    longest = f"When did Sweden {'really ' * 280}join NATO?"
    assert len(longest) < 2000
    assert assistant.ask("What about Finland?", [declined(longest)]).question != "What about Finland?"
    longest = f"When did Sweden join {'NATO ' * 395}?"
    assert len(longest) == 1997
    assert assistant.ask("What about Finland?", [declined(longest)]).question.startswith("When did Finland")
    assert assistant.ask("In Montenegro?", [declined(longest)]).question == "In Montenegro?"


@pytest.mark.parametrize(
    "question",
    ["And the price?", "But who paid?", "Was it cheaper?", "Und warum?", "More details, please", "Why so?"],
)
def test_what_may_lean_on_the_conversation_is_known(question: str):
    assert leans(question)


@pytest.mark.parametrize(
    "question",
    [
        "Who built the lighthouse of Port Ellery?",
        "When was NATO founded?",
        "When did Turkey buy the S-400 from Russia?",
        "How many reactors does the Akkuyu plant have?",
    ],
)
def test_what_stands_alone_does_not_lean(question: str):
    assert not leans(question)
