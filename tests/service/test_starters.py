"""The questions to start with: made of sentences that can stand alone, kept where they are answered."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from rag import Answer, Citation, Document, Library, NewDocument, QuestionError, Sentence
from rag.conversations import Conversations
from rag.service.engine import Engine
from rag.service.starters import (
    WANTED,
    questions_of,
    starter_questions,
    titles_of,
    what_is,
    when_did,
    when_was,
)
from rag.service.work import Work


@pytest.mark.parametrize(
    ("make", "sentence", "question"),
    [
        (when_was, "The loan agreement for the S-400 was signed in Ankara on 29 December 2017.",
         "When was the loan agreement for the S-400 signed?"),
        (when_did, "Türkiye signed the letter of the F-16 sale in June 2024.",
         "When did Türkiye sign the letter of the F-16 sale?"),
        (what_is, "The S-400 Triumf is a mobile missile system of the Russian army.",
         "What is the S-400 Triumf?"),
    ],
)  # fmt: skip
def test_a_sentence_turns_into_the_question_that_it_answers(make, sentence: str, question: str):
    assert make(sentence) == question


@pytest.mark.parametrize(
    "sentence",
    [
        "It was signed in Ankara on 29 December 2017.",
        "The agreement was signed in Ankara on 29 December 2017.",
        "The loan agreement for the S-400 was signed in Ankara.",
        "The second ship of Ankara was launched on 29 December 2017.",
        "He signed the letter of the F-16 sale in June 2024.",
        "The result of the Ankara talks is a treaty of two hundred pages.",
        "",
    ],
)
def test_a_sentence_that_leans_on_others_gives_no_question(sentence: str):
    assert [make(sentence) for make in (when_was, when_did, what_is)] == ["", "", ""]


def article(library: Library, number: int, **values: object) -> Document:
    text = f"The lighthouse of Port Ellery {number} was built in stone on 5 March 18{number:02}."
    new = NewDocument(text, title=f"Lighthouse {number}", key=f"k{number}", language="en")
    (added,) = library.add([replace(new, **values)]).added
    return library.document(added.id)


def test_other_languages_and_texts_without_such_sentences_offer_their_title(library: Library):
    german = article(library, 1, language="de")
    assert questions_of(german) == []
    assert titles_of(german) == ["Lighthouse 1"]
    assert titles_of(replace(german, title="")) == []


class Answers:
    """An assistant that answers each question from the document whose number it names."""

    def __init__(self, library: Library, unknown: str = "-") -> None:
        self.documents = {d.title.split()[-1]: d for d in library.documents()}
        self.unknown = unknown
        self.asked: list[str] = []

    def ask(self, question: str, mode: str) -> Answer:
        self.asked.append(question)
        if self.unknown in question:
            raise QuestionError("The question can't be asked.")
        held = next(d for number, d in self.documents.items() if f" {number}" in question)
        citation = Citation(1, held, held.version, 0, 3, "The")
        return Answer(question, (Sentence("The", "quote", (citation,)),))


def test_four_questions_of_different_articles_with_the_publishers_taking_turns(library: Library):
    for number in range(10, 16):
        article(library, number, source="Courier", published=date(2020, 1, number))
    article(library, 16, source="Gazette", published=date(2019, 1, 1))
    questions = starter_questions(library, Answers(library))
    assert questions == [
        f"When was the lighthouse of Port Ellery {number} built?" for number in (15, 16, 14, 13)
    ]
    assert len(questions) == WANTED
    assert questions == starter_questions(library, Answers(library))


def test_a_question_that_fails_or_leads_elsewhere_is_not_offered(library: Library):
    for number in (10, 11, 12):
        article(library, number)
    assistant = Answers(library, unknown=" 11")
    assistant.documents["12"] = assistant.documents["10"]
    assert starter_questions(library, assistant) == ["When was the lighthouse of Port Ellery 10 built?"]


def test_an_empty_library_has_no_questions(library: Library):
    assert starter_questions(library, Answers(library)) == []


def test_a_question_leaves_with_the_article_that_answers_it(library: Library):
    for number in (10, 11):
        article(library, number)
    conversations = Conversations.open(library.settings)
    indexing = Work(lambda _: library.sync(library.settings.corpus_dir))
    engine = Engine(library.settings, library, Answers(library), conversations, indexing, was_empty=False)
    starters = engine.starters()
    assert starters.wait(10)
    assert len(starters.result) == 2
    library.remove(library.documents()[0].id)
    starters = engine.starters()
    assert starters.wait(10)
    assert len(starters.result) == 1
    conversations.close()
