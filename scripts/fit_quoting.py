"""Fit the two models of `rag/quoting/deciding.py`: which sentence answers, and whether any does.

    PYTHONPATH=. python scripts/fit_quoting.py [--read SET ...] [--words SET ...] [--limit N] [--write]

``--read`` are sets in a language that the reader knows: they fit the weights of what it has read. ``--words``
are sets in any language: they fit the weights without the reader. All sets of one kind count alike, and the
first one sets the threshold. A set is

- the folder of questions that the reader was trained with (``scripts/reading``): its articles make one
  library, and the questions that the articles don't answer are those that can't be answered. Few of its pairs
  were seen twice in training, and those of every 25th article never: these are told apart in the figures;
- a file of SQuAD's JSON format: every second paragraph of every article makes a library, and then the
  others make another; each time the questions on what is left out are those that can't be answered;
- a JSONL file of questions on the sample collection, with "question", and "answer" as the collection words
  it, or "none".

Of a file in SQuAD's format a further kind of question is made up: one with one of its words exchanged for a
word of another question on the same article ("Who is the defence minister?" where the text speaks of defence
companies), since people also ask for what is one word off.

The weights that are shipped are fitted by

    --read scripts/reading scripts/long_articles.json scripts/sample_questions.jsonl
    --words xquad.en.json xquad.tr.json xquad.de.json (github.com/google-deepmind/xquad)

Those of the reader were fitted on 901 questions of the first set and 300 of the second, one half of its
paragraphs and none with an exchanged word, and their threshold was set to -0.3 by hand, with XQuAD's and a
newcomer's questions in sight (docs/quality.md); the next fit will be this script's.

The figures printed are from five-fold cross-validation over articles (over paragraphs where a set is
one article): no question is judged by weights that saw its article. With ``--write`` the weights
fitted on everything are written to ``rag/quoting/quoting_weights.json``.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import tempfile
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from rag.documents import NewDocument
from rag.library import Library
from rag.quoting.deciding import WEIGHTS_PATH, choose
from rag.quoting.evidence import (
    ANSWER_FEATURES,
    IN_SIGHT,
    READERS,
    SEMANTIC,
    SENTENCE_FEATURES,
    Weighed,
    weigh_answer,
    weigh_sentences,
)
from rag.reading.passages import read_passages
from rag.reading.reader import Read
from rag.search.finding import Found
from rag.settings import Settings
from rag.text.words import content_words, stem, stems

FOLDS = 5
ANSWERED = 0.943
"""Share of the first set's answerable questions to be answered; the threshold follows from it."""
SENTENCE = frozenset(
    "span span_lead answerable passage_lead coverage context_coverage length is_row is_item"
    " is_question".split()
)
ANSWER = frozenset(ANSWER_FEATURES)
"""The features that count for what the reader has read."""
SHARES = {"answerable": 1.0, "left out": 0.7, "exchanged": 0.1}
"""What each kind of question counts in fitting the decision."""
Array = NDArray[np.float64]
Kind = Literal["answerable", "left out", "exchanged"]
Question = TypeVar("Question")


@dataclass
class Case:
    """A question asked of one library, and which of the sentences in sight answer it."""

    fold: int
    group: int
    found: Found
    reads: Mapping[str, Read]
    weighed: list[Weighed]
    answers: list[str]
    kind: Kind

    @property
    def can_be_answered(self) -> bool:
        """Whether the library of this case holds the answer."""
        return self.kind == "answerable"

    def answer_features(self, ranked: Sequence[Weighed], scores: Sequence[float]) -> tuple[float, ...]:
        """Return what tells whether the library of this case answers."""
        return weigh_answer(self.found.question, self.found.candidates, self.reads, ranked, scores)

    @property
    def labels(self) -> list[bool]:
        """Of each sentence in sight, whether it holds an accepted answer."""
        return [contains(w.text, self.answers) for w in self.weighed]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--read", type=Path, nargs="+", default=[])
    parser.add_argument("--words", type=Path, nargs="+", default=[])
    parser.add_argument("--limit", type=int, help="take so many questions of a set")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    weights = json.loads(WEIGHTS_PATH.read_text("utf-8"))
    if options.read:
        cases = read_sets(options.read, options.limit, IN_SIGHT)
        weights["read"] = fit_all(cases, options.read, SENTENCE, ANSWER)
        weights["read_by_words"] = fit_all(cases, options.read, SENTENCE, ANSWER - SEMANTIC)
    if options.words:
        cases = read_sets(options.words, options.limit, 0)
        by_words = SENTENCE_FEATURES.keys() - READERS, ANSWER_FEATURES.keys() - READERS - SEMANTIC
        weights["lexical"] = fit_all(cases, options.words, *by_words)
    if options.write:
        WEIGHTS_PATH.write_text(json.dumps(weights, indent=2) + "\n", "utf-8")


def read_sets(paths: Sequence[Path], limit: int | None, most: int) -> list[Case]:
    return [case for group, path in enumerate(paths) for case in read_set(path, Asker(group, most, limit))]


def fit_all(
    cases: Sequence[Case], paths: Sequence[Path], sentence: AbstractSet[str], answer: AbstractSet[str]
) -> dict[str, object]:
    print(f"\n{', '.join(p.name for p in paths)}: {len(cases)} questions, {len(answer)} numbers decide")
    sentence_mask, answer_mask = mask(SENTENCE_FEATURES, sentence), mask(ANSWER_FEATURES, answer)
    judged: list[tuple[Case, float, list[Weighed], list[float]]] = []
    for fold in range(FOLDS):
        train = [case for case in cases if case.fold != fold]
        sentence_model = fit_sentences(train, sentence_mask)
        answer_model = fit_answers(train, sentence_model, answer_mask)
        for case in (case for case in cases if case.fold == fold):
            ranked, scores = rank(case, sentence_model)
            value = -99.0
            if ranked:
                row = case.answer_features(ranked, scores)
                value = float(np.dot(row, answer_model[:-1]) + answer_model[-1])
            judged.append((case, value, ranked, scores))
    first = [value for case, value, *_ in judged if case.can_be_answered and case.group == 0]
    threshold = float(np.quantile(first, 1 - ANSWERED))
    for group, path in enumerate(paths):
        report(path.name, [j for j in judged if j[0].group == group], threshold)
    sentence_model = fit_sentences(cases, sentence_mask)
    answer_model = fit_answers(cases, sentence_model, answer_mask)
    return {
        "sentence": named(SENTENCE_FEATURES, sentence_model),
        "answer": named(ANSWER_FEATURES, answer_model),
        "threshold": round(threshold, 4),
    }


@dataclass
class Asker:
    """Asks the questions of one set, of which so many passages are read."""

    group: int
    most: int
    limit: int | None

    def ask(self, library: Library, question: str, answers: list[str], kind: Kind, article: str) -> Case:
        """Return the case of a question; those on one article share a fold."""
        found = library.find(question)
        reads = read_passages(found, self.most)
        weighed = weigh_sentences(found.question, found.candidates, reads)
        fold = zlib.crc32(article.encode()) % FOLDS
        return Case(fold, self.group, found, reads, weighed, answers, kind)

    def some(self, questions: list[Question]) -> list[Question]:
        """Return as many of the questions as are taken."""
        few = self.limit is not None and self.limit < len(questions)
        return random.Random(0).sample(questions, self.limit or 0) if few else questions


def read_set(path: Path, asker: Asker) -> list[Case]:
    if path.is_dir():
        return read_articles(path, asker)
    return read_sample(path, asker) if path.suffix == ".jsonl" else read_cases(path, asker)


def read_articles(folder: Path, asker: Asker) -> list[Case]:
    documents: list[NewDocument] = []
    questions: list[tuple[str, list[str], str]] = []
    for path in sorted(folder.glob("*.jsonl")):
        for line in path.read_text("utf-8").splitlines():
            article = json.loads(line)
            day = date.fromisoformat(article["day"]) if article["day"] else None
            title = article["title"]
            documents.append(
                NewDocument(article["text"], title, source=article["publisher"], published=day, key=title)
            )
            questions += [(asked["question"], asked["answers"], title) for asked in article["questions"]]
    with opened() as library:
        library.add(documents)
        return [
            asker.ask(library, question, answers, "answerable" if answers else "left out", title)
            for question, answers, title in asker.some(questions)
        ]


def read_sample(path: Path, asker: Asker) -> list[Case]:
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    questions = [
        # Those without an answer go by their beginnings.
        (
            row["question"],
            [] if row["answer"] == "none" else [row["answer"]],
            row["document"] or row["question"][:12],
        )
        for row in rows
    ]
    with opened() as library:
        library.sync(library.settings.corpus_dir)
        return [
            asker.ask(library, question, answers, "answerable" if answers else "left out", article)
            for question, answers, article in asker.some(questions)
        ]


def read_cases(path: Path, asker: Asker) -> list[Case]:
    documents, questions = read_squad(path)
    cases: list[Case] = []
    others: dict[str, list[str]] = {}
    for text, _, title, _ in questions:
        others.setdefault(title, []).extend(content_words(text))
    questions = asker.some(questions)
    for half in (0, 1):
        kept = {d.key: d for i, d in enumerate(documents) if i % 2 == half}
        rest: dict[str, str] = {}
        for document in kept.values():
            rest[document.title] = rest.get(document.title, "") + "\n" + document.text
        with opened() as library:
            library.add(kept.values())
            for text, key, title, answers in questions:
                asked: list[tuple[Kind, str]]
                if key in kept:
                    asked = [("answerable", text), *exchanged(text, kept[key].text, others[title])]
                elif contains(rest.get(title, ""), answers):
                    continue
                else:
                    asked = [("left out", text)]
                article = title if len(rest) > 1 else key
                cases += [asker.ask(library, question, answers, kind, article) for kind, question in asked]
    return cases


@contextmanager
def opened() -> Iterator[Library]:
    """Give an empty library."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Library.open(Settings(data_dir=Path(folder)), follow=False) as library,
    ):
        yield library


def exchanged(question: str, text: str, others: Sequence[str]) -> list[tuple[Kind, str]]:
    """Return the question with one word that the text holds exchanged for one that it doesn't hold."""
    rng = random.Random(question)
    held = set(stems(text))
    spoken = [
        m for m in re.finditer(r"[^\W_]{3,}", question) if content_words(m[0]) and stems(m[0])[0] in held
    ]
    strangers = [word for word in others if len(word) > 2 and stem(word) not in held]
    if not spoken or not strangers:
        return []
    word, stranger = rng.choice(spoken), rng.choice(strangers)
    if word[0][0].isupper():
        stranger = stranger.title()
    return [("exchanged", question[: word.start()] + stranger + question[word.end() :])]


def read_squad(path: Path) -> tuple[list[NewDocument], list[tuple[str, str, str, list[str]]]]:
    documents, questions = [], []
    for article in json.loads(path.read_text("utf-8"))["data"]:
        title = article.get("title", "").replace("_", " ")
        for paragraph in article["paragraphs"]:
            key = f"paragraph-{len(documents)}"
            documents.append(NewDocument(text=paragraph["context"], title=title, key=key))
            questions += [
                (qa["question"], key, title, [a["text"] for a in qa["answers"]]) for qa in paragraph["qas"]
            ]
    return documents, questions


def contains(text: str, answers: Sequence[str]) -> bool:
    def plain(s: str) -> str:
        return " " + " ".join(re.findall(r"[^\W_]+", s.lower())) + " "

    return any(plain(a) in plain(text) for a in answers if plain(a).strip())


def mask(names: Iterable[str], kept: AbstractSet[str]) -> Array:
    return np.array([float(name in kept) for name in names] + [1.0])


def fit_sentences(cases: Sequence[Case], keep: Array) -> Array:
    rows, labels, weights = [], [], []
    sizes = Counter(case.group for case in cases)
    for case in cases:
        found = case.labels
        if not case.can_be_answered or not any(found):
            continue
        rows += [w.features for w in case.weighed]
        labels += found
        weights += [1 / len(found) / sizes[case.group]] * len(found)
    return fit_logistic(np.array(rows), np.array(labels, float), np.array(weights), keep)


def fit_answers(cases: Sequence[Case], sentence_model: Array, keep: Array) -> Array:
    rows, labels, groups = [], [], []
    for case in cases:
        ranked, scores = rank(case, sentence_model)
        if ranked:
            rows.append(case.answer_features(ranked, scores))
            labels.append(case.can_be_answered)
            groups.append((case.group, case.kind))
    # Every set counts alike, and within it what can be answered as much as what can't.
    sizes = Counter(groups)
    weights = np.array([SHARES[kind] / sizes[group, kind] for group, kind in groups])
    return fit_logistic(np.array(rows), np.array(labels, float), weights, keep)


def rank(case: Case, model: Array) -> tuple[list[Weighed], list[float]]:
    if not case.weighed:
        return [], []
    scores = np.array([w.features for w in case.weighed]) @ model[:-1] + model[-1]
    order = np.argsort(-scores, kind="stable")
    return [case.weighed[i] for i in order], [float(scores[i]) for i in order]


def fit_logistic(rows: Array, labels: Array, weights: Array, keep: Array, ridge: float = 3e-4) -> Array:
    """Return weights and bias by Newton's method; ``keep`` is 0 where a weight has to be 0."""
    x = np.hstack([rows, np.ones((len(rows), 1))]) * keep
    weights = weights / weights.sum()
    penalty = np.diag([ridge] * (x.shape[1] - 1) + [1e-9]) + np.diag((keep == 0) * 1.0)
    beta = np.zeros(x.shape[1])
    for _ in range(30):
        p = 1 / (1 + np.exp(-np.clip(x @ beta, -30, 30)))
        gradient = x.T @ (weights * (p - labels)) + penalty @ beta
        hessian = (x * (weights * p * (1 - p))[:, None]).T @ x + penalty
        step = np.linalg.solve(hessian, gradient)
        beta -= step
        if np.abs(step).max() < 1e-8:
            break
    return beta * keep


def report(
    name: str, judged: Sequence[tuple[Case, float, list[Weighed], list[float]]], threshold: float
) -> None:
    can = [j for j in judged if j[0].can_be_answered]
    cannot = [j for j in judged if j[0].kind == "left out"]
    exchanged = [j[1] < threshold for j in judged if j[0].kind == "exchanged"]
    answered = [j for j in can if j[1] >= threshold]
    texts = [
        [w.text for w in choose(ranked, scores, case.found.question.stems)]
        for case, _, ranked, scores in answered
    ]
    first = sum(contains(t[0], j[0].answers) for j, t in zip(answered, texts, strict=True))
    held = sum(contains(" ".join(t), j[0].answers) for j, t in zip(answered, texts, strict=True))
    length = np.mean([len(" ".join(t).split()) for t in texts])
    positive, negative = (np.array([j[1] for j in group]) for group in (can, cannot))
    auc = np.mean(positive[:, None] > negative[None, :])
    rejected = np.mean(negative < threshold)
    print(
        f"  {name}: contained@1 {first / len(can):.3f} contained {held / len(can):.3f}"
        f" answered {len(answered) / len(can):.3f} rejected {rejected:.3f}"
        f" exchanged rejected {np.mean(exchanged or [np.nan]):.3f} auc {auc:.3f} words {length:.1f}"
    )


def named(features: object, model: Array) -> dict[str, float]:
    names = [*features, "bias"]  # type: ignore[misc]
    return {name: round(float(value), 4) for name, value in zip(names, model, strict=True)}


if __name__ == "__main__":
    main()
