"""How well questions are answered, and declined, that no rule was made on (`tests/data/unseen/README.md`).

    PYTHONPATH=. python scripts/unseen.py [--only SET ...] [--show]

A fresh library of the articles in `tests/data/unseen/articles` is asked every question of the sets there,
offline; the set "newcomer" is asked of these and those in `tests/data/newcomer`, and "newcomer-seen", its
other half, may be looked at. A set's line, and that of each kind of question in the set "questions", has

    right             the answer holds what the set accepts: its first quote, in the set "questions" its text
    wrong             it was answered with something else
    wrongly declined  it has an answer and got none
    rightly declined  the articles don't say, and neither does the answer
    wrongly answered  the articles don't say, and it got an answer
    answers           a digest of all answers of the set: as long as it stays, a change has changed none

The figures judge as long as nobody who changes rules reads the questions: `--show` prints them with their
answers, and is for whoever writes them.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from rag import Answer, Assistant, Library, NewDocument, Settings, load_file

UNSEEN = Path(__file__).parent.parent / "tests" / "data" / "unseen"
SETS = ("plain", "conversations", "questions", "newcomer", "newcomer-seen")
ANSWERABLE = ("right", "wrong", "wrongly declined")
UNANSWERABLE = ("rightly declined", "wrongly answered")


@dataclass(frozen=True)
class Asked:
    """A question with those before it in its conversation, and what its answer has to hold.

    ``every`` and ``some`` are both empty where the articles don't say.
    """

    turns: tuple[str, ...]
    every: tuple[str, ...]
    some: tuple[str, ...]
    whole: bool
    """Whether the answer's text is judged, and not its first quote alone."""
    articles: tuple[str, ...]
    kind: str

    @property
    def is_answerable(self) -> bool:
        return bool(self.every or self.some)

    def verdict(self, answer: Answer) -> str:
        if not self.is_answerable:
            return "rightly declined" if answer.abstained else "wrongly answered"
        if answer.abstained:
            return "wrongly declined"
        text = answer.text if self.whole else answer.sentences[0].text
        is_right = all(holds(text, one) for one in self.every) and (
            not self.some or any(holds(text, one) for one in self.some)
        )
        return "right" if is_right else "wrong"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=SETS, default=SETS, metavar="SET", help=", ".join(SETS))
    parser.add_argument("--show", action="store_true", help="print questions and answers, too")
    options = parser.parse_args()
    for names in (SETS[:3], SETS[3:]):
        if chosen := [name for name in names if name in options.only]:
            folders = [UNSEEN / "articles", *([UNSEEN.parent / "newcomer"] if names == SETS[3:] else [])]
            ask_sets(chosen, folders, is_shown=options.show)
    return 0


def ask_sets(names: list[str], folders: list[Path], *, is_shown: bool) -> None:
    """Ask the questions of some sets of the articles in some folders, and print the figures."""
    paths = [path for folder in folders for path in sorted(folder.glob("*.md"))]
    articles = {path.name: load_file(path).documents[0] for path in paths}
    sets = {name: read_set(name) for name in names}
    for name, questions in sets.items():
        check(name, questions, articles)
    with tempfile.TemporaryDirectory() as folder:
        # A busy machine must not cut an answer short.
        settings = Settings(data_dir=Path(folder), answer_mode="quote", question_seconds=600)
        with Library.open(settings) as library:
            library.add(list(articles.values()))
            assistant = Assistant(library, settings)
            for name, questions in sets.items():
                answered = [(question, ask(assistant, question)) for question in questions]
                if is_shown:
                    show(answered)
                print(line(name, answered))
                for kind in dict.fromkeys(question.kind for question in questions if question.kind):
                    print(line(f"  {kind}", [pair for pair in answered if pair[0].kind == kind]))


def read_set(name: str) -> list[Asked]:
    path = UNSEEN.parent / "newcomer.jsonl" if name == "newcomer-seen" else UNSEEN / f"{name}.jsonl"
    rows = [json.loads(row) for row in path.read_text("utf-8").splitlines()]
    is_whole = name == "questions"
    return [
        Asked(
            turns=tuple(row["turns"]) if "turns" in row else (row["question"],),
            every=tuple(row["answer"] or ()) if is_whole else (),
            some=tuple(row.get("any", ()) if is_whole else row["answer"] or ()),
            whole=is_whole,
            articles=(row["document"],) if isinstance(row["document"], str) else tuple(row["document"]),
            kind=row.get("kind", ""),
        )
        for row in rows
    ]


def check(name: str, questions: list[Asked], articles: dict[str, NewDocument]) -> None:
    """Exit where an accepted answer doesn't stand in its articles: nothing could be right then."""
    for number, question in enumerate(questions, start=1):
        text = " ".join(articles[one].text for one in question.articles)
        is_there = [holds(text, one) for one in question.some]
        if not all(holds(text, one) for one in question.every) or (is_there and not any(is_there)):
            raise SystemExit(f"{name}, line {number}: what is accepted doesn't stand in the articles")


def ask(assistant: Assistant, question: Asked) -> Answer:
    """Return the answer to the last turn of a conversation."""
    history: list[Answer] = []
    for turn in question.turns:
        history.append(assistant.ask(turn, history))
    return history[-1]


def holds(text: str, words: str) -> bool:
    """Whether `text` holds `words` as whole words, case, punctuation and spacing aside."""

    def plain(string: str) -> str:
        return " " + " ".join(re.findall(r"[^\W_]+", string.lower())) + " "

    return plain(words) in plain(text)


def line(name: str, answered: list[tuple[Asked, Answer]]) -> str:
    """Return the figures of a set."""
    counts = Counter(question.verdict(answer) for question, answer in answered)
    parts = []
    for verdicts in (ANSWERABLE, UNANSWERABLE):
        total = sum(counts[verdict] for verdict in verdicts)
        parts += [
            f"{verdict} {counts[verdict]}/{total} ({counts[verdict] / total:.3f})" for verdict in verdicts
        ]
    digest = hashlib.sha256("\n".join(answer.text for _, answer in answered).encode()).hexdigest()[:8]
    return f"{name}: {', '.join(parts)}, answers {digest}"


def show(answered: list[tuple[Asked, Answer]]) -> None:
    for number, (question, answer) in enumerate(answered, start=1):
        print(f"{number}. {' / '.join(question.turns)}")
        print(f"   {question.verdict(answer)}; asked as: {answer.question}")
        print(f"   {answer.text}\n")


if __name__ == "__main__":
    sys.exit(main())
