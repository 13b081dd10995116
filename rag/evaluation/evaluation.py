"""Evaluation: a library is asked questions whose answers are known, and each answer is judged."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from rag.answers import Answer
from rag.assistant import Assistant
from rag.documents import Document, Progress, ReportProgress, short_hash
from rag.errors import LoadError
from rag.evaluation.measures import DEPTH, Outcome
from rag.evaluation.question_files import Case, normalise_answer
from rag.keys import CORPUS_PREFIX, FILE_PREFIX, FOLDER_PREFIX
from rag.library import Library
from rag.service.naming import count
from rag.settings import Settings
from rag.text.canonical import one_line

RANKED_PASSAGES = 50
"""Passages that are ranked to get at ten articles; an article has several among them."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A question to ask, with the ids of the documents that answer it.

    Each set stands for one document to be found; it has several ids where documents share a name, and
    any of them will do.
    """

    case: Case
    documents: tuple[frozenset[str], ...] = ()


@dataclass(frozen=True, slots=True)
class Matched:
    """Questions as they go with a library.

    Left out are the questions none of whose documents is held, since no answer can be expected;
    ``not_held`` are the names of all documents that aren't.
    """

    asked: list[Wanted]
    left_out: list[Case]
    not_held: list[str]


@dataclass(frozen=True, slots=True)
class Result:
    """An outcome with the case and the answer that it comes from."""

    case: Case
    answer: Answer
    outcome: Outcome


def match(cases: Iterable[Case], documents: Iterable[Document]) -> Matched:
    """Find the documents that the cases name, by title, key, file name or id.

    Case and underscores (which stand for spaces in SQuAD's titles) make no difference.
    """
    held: dict[str, set[str]] = {}
    for document in documents:
        for name in _names(document):
            held.setdefault(_plain(name), set()).add(document.id)
    matched = Matched([], [], [])
    not_held: dict[str, None] = {}
    for case in cases:
        found = [frozenset(held.get(_plain(name), ())) for name in case.documents]
        not_held |= {name: None for name, ids in zip(case.documents, found, strict=True) if not ids}
        wanted = Wanted(case, tuple(dict.fromkeys(ids for ids in found if ids)))
        if case.documents and not wanted.documents:
            matched.left_out.append(case)
        else:
            matched.asked.append(wanted)
    matched.not_held.extend(not_held)
    return matched


def _names(document: Document) -> set[str]:
    names = {document.id, document.key, document.title}
    if document.key.startswith((CORPUS_PREFIX, FOLDER_PREFIX, FILE_PREFIX)):
        path = PurePosixPath(document.key.split(":", 1)[1])
        names |= {str(path), path.name, path.stem}
    return names


def _plain(name: str) -> str:
    return one_line(name.replace("_", " ")).casefold()


def check_held(file: str, matched: Matched) -> None:
    """Raise LoadError where the library holds none of the articles that a file of questions names."""
    if matched.left_out and not any(wanted.case.is_answerable for wanted in matched.asked):
        raise LoadError(
            file,
            f"The library holds none of the articles that {file} names, such as {matched.not_held[0]}:"
            " add them, or name them by title, key, file name or id.",
        )


def not_held(matched: Matched) -> str:
    """Return a sentence on the documents that the questions name and the library doesn't hold, or ""."""
    names, left_out = matched.not_held, len(matched.left_out)
    if not names:
        return ""
    shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    return (
        f"The library doesn't hold {count(len(names), 'article')} that the questions name ({shown}): add or"
        f" rename {'it' if len(names) == 1 else 'them'}; {count(left_out, 'question')}"
        f" {'was' if left_out == 1 else 'were'} left out."
    )


def expected(case: Case) -> str:
    """Return in words what should be answered."""
    if not case.is_answerable:
        return "no answer"
    return " or ".join(case.answers) or f"an answer from {' or '.join(case.documents) or 'the collection'}"


def sample(wanted: Sequence[Wanted], limit: int) -> list[Wanted]:
    """Return so many questions, evenly spread, and the same ones every time."""
    if limit >= len(wanted):
        return list(wanted)
    return [wanted[n * len(wanted) // limit] for n in range(limit)]


def ask_all(
    library: Library, settings: Settings, wanted: Sequence[Wanted], progress: ReportProgress | None = None
) -> list[Result]:
    """Ask each question and judge the answer made of quotes, in order."""
    assistant = Assistant(library, settings)
    if wanted:
        assistant.ask(wanted[0].case.question, mode="quote")  # the first question of a process takes longer
    results = []
    for n, one in enumerate(wanted):
        if progress:
            progress(Progress(n, len(wanted), one.case.question))
        # Quotes, also where a model is set: theirs are the figures that can be compared.
        answer = assistant.ask(one.case.question, mode="quote")
        ranking = _ranking(library, one.case.question) if one.documents else []
        results.append(Result(one.case, answer, judge(one, answer, ranking)))
    if progress:
        progress(Progress(len(wanted), len(wanted), ""))
    return results


def _ranking(library: Library, question: str) -> list[str]:
    """Return the ids of the first documents; a document's place is that of its first passage."""
    hits = library.search(question, RANKED_PASSAGES)
    return list(dict.fromkeys(hit.document.id for hit in hits))[:DEPTH]


def judge(wanted: Wanted, answer: Answer, ranking: Sequence[str]) -> Outcome:
    """Compare an answer, and a ranking of documents, with what is known."""
    case = wanted.case
    places = {document: place for place, document in enumerate(ranking, 1)}
    return Outcome(
        id=short_hash("question", case.question),
        question=case.question,
        is_answerable=case.is_answerable,
        answered=not answer.abstained,
        contained=contains(_said(answer), case.answers) if case.answers else None,
        contained_first=contains(_said(answer, 1), case.answers) if case.answers else None,
        ranks=tuple(
            min((places[document] for document in ids if document in places), default=None)
            for ids in wanted.documents
        ),
        seconds=round(answer.seconds, 6),
        confidence=round(answer.confidence, 4) if answer.mode == "quote" else None,
    )


def _said(answer: Answer, most: int | None = None) -> str:
    """Return the first sentences; an answer that declines has none, though its text says so."""
    return " ".join(sentence.text for sentence in answer.sentences[:most])


def contains(text: str, answers: Iterable[str]) -> bool:
    """Whether a text holds one of the answers as whole words, both normalised as SQuAD does."""
    words = f" {normalise_answer(text)} "
    return any(f" {normalise_answer(answer)} " in words for answer in answers)


def worst(results: Iterable[Result], most: int) -> list[Result]:
    """Return the wrong outcomes, those first about which the library was surest."""
    wrong = [result for result in results if result.outcome.is_wrong]
    return sorted(wrong, key=lambda result: -abs(result.answer.confidence - 0.5))[:most]
