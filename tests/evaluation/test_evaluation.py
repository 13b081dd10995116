"""Evaluating: measures worked out by hand, questions asked of a library, runs kept and compared."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rag import Library, LoadError, NewDocument, Progress, Settings
from rag.cli.commands import main
from rag.evaluation.evaluation import Wanted, ask_all, contains, match, sample, worst
from rag.evaluation.measures import Outcome, compare, measure, paired
from rag.evaluation.question_files import Case
from rag.evaluation.runs import find_run

LIGHTHOUSE = NewDocument(
    "The lighthouse of Port Ellery was built in 1871 by the engineer Agnes Thorburn. Its lamp can be seen from"
    " a distance of 31 kilometres.",
    title="The lighthouse of Port Ellery",
    key="corpus:sea/lighthouse.md",
)
BREAD = NewDocument("The king eats bread every morning at seven.", title="The king's_bread", key="bread")
BUILT = "Who built the lighthouse of Port Ellery?"
FAR = "From what distance can the lamp of the lighthouse be seen?"
WHALES = "How many whales swim in the Caspian Sea?"


def outcome(number: int = 0, **fields: Any) -> Outcome:
    known: dict[str, Any] = {"is_answerable": True, "answered": True}
    return Outcome(id=str(number), question=f"Question {number}?", **(known | fields))


class TestMeasures:
    def test_ranks_of_articles(self):
        found = measure([outcome(ranks=ranks) for ranks in ((1,), (3,), (None,), (2, None), ())])
        discount = 1 / math.log2(3)
        assert {name: found[name].value for name in list(found)[:5]} == pytest.approx(
            {
                "recall@1": 1 / 4,
                "recall@4": (1 + 1 + 0 + 1 / 2) / 4,
                "recall@10": (1 + 1 + 0 + 1 / 2) / 4,
                "ndcg@10": (1 + 1 / math.log2(4) + 0 + discount / (1 + discount)) / 4,
                "mrr@10": (1 + 1 / 3 + 0 + 1 / 2) / 4,
            }
        )
        assert found["mrr@10"].questions == 4

    def test_answers_and_their_first_sentences(self):
        found = measure(
            [
                outcome(contained=True, contained_first=True),
                outcome(contained=True, contained_first=False),
                outcome(answered=False, contained=False, contained_first=False),
                outcome(),  # no answer is known
                outcome(is_answerable=False),
            ]
        )
        assert (found["answered"].value, found["answered"].questions) == (3 / 4, 4)
        assert (found["contained"].value, found["contained"].questions) == (2 / 3, 3)
        assert found["contained_first"].value == 1 / 3

    def test_precision_and_recall_of_declining(self):
        right = [outcome(is_answerable=False, answered=False)] * 3
        found = measure([*right, outcome(is_answerable=False), outcome(answered=False), outcome()])
        assert (found["declined_precision"].value, found["declined_precision"].questions) == (3 / 4, 4)
        assert (found["declined_recall"].value, found["declined_recall"].questions) == (3 / 4, 4)

    def test_what_no_question_tells_has_no_value(self):
        found = measure([outcome(answered=False)])
        assert {name for name, one in found.items() if one.value is not None} == {
            "answered",
            "p50_ms",
            "p95_ms",
        }

    def test_milliseconds(self):
        found = measure([outcome(seconds=n / 1000) for n in range(101)])
        assert (found["p50_ms"].value, found["p95_ms"].value) == pytest.approx((50, 95))


@pytest.mark.parametrize(
    ("text", "answers", "holds"),
    [
        ("It was the Broncos, of Denver.", ("Denver", "Carolina"), True),
        ("It was “the Broncos”.", ("broncos",), True),
        ("In 18710 it stood.", ("1871",), False),
        ("Unable.", ("able",), False),
    ],
)
def test_an_answer_is_held_as_whole_words(text: str, answers: tuple[str, ...], holds: bool):
    assert contains(text, answers) is holds


class TestCompare:
    def run(self, contained: Sequence[bool]) -> list[Outcome]:
        return [outcome(n, contained=c, contained_first=c) for n, c in enumerate(contained)]

    def test_a_run_against_itself(self):
        run = [*self.run([True, False] * 20), outcome(41, is_answerable=False, answered=False, ranks=())]
        differences = compare(paired(run, run))
        assert {(d.change, d.low, d.high, d.is_clear) for d in differences.values()} == {
            (0.0, 0.0, 0.0, False)
        }
        assert {"contained", "declined_recall", "declined_precision", "p95_ms"} <= differences.keys()

    def test_a_clear_gain_with_the_interval_of_pairs(self):
        # 20 of 100 questions gained and none lost: 0.2 ± 1.96 √(0.2 × 0.8 / 100), where independent
        # samples would give ± 0.133.
        before, now = self.run([True] * 50 + [False] * 50), self.run([True] * 70 + [False] * 30)
        found = compare(paired(before, now))["contained"]
        assert (found.before, found.now, found.is_clear) == (0.5, 0.7, True)
        assert found.change == pytest.approx(0.2)
        assert (found.low, found.high) == pytest.approx((0.122, 0.278), abs=0.015)
        back = compare(paired(now, before))["contained"]
        assert (back.low, back.high) == pytest.approx((-found.high, -found.low))

    def test_a_gain_that_may_be_chance(self):
        before, now = self.run([True, True, False, False, True]), self.run([True, True, True, True, False])
        found = compare(paired(before, now))["contained"]
        assert found.change == pytest.approx(0.2)
        assert found.low < 0 < found.high
        assert not found.is_clear

    def test_it_says_the_same_every_time(self):
        pairs = paired(self.run([True, False, False]), self.run([True, True, False]))
        assert compare(pairs) == compare(pairs)
        assert compare([]) == {}

    def test_a_measure_that_one_run_lacks_is_not_compared(self):
        before = [replace(one, contained=None, contained_first=None) for one in self.run([True])]
        assert "contained" not in compare(paired(before, self.run([True])))

    def test_precision_counts_what_either_run_declined(self):
        declined = outcome(0, is_answerable=False, answered=False)
        found = compare(paired([declined, outcome(1)], [declined, outcome(1, answered=False)]))
        assert (found["declined_precision"].before, found["declined_precision"].now) == (1.0, 0.5)

    def test_questions_are_paired_by_their_text(self):
        one, two, three = outcome(1), outcome(2), outcome(3)
        assert paired([three, one], [one, two, three]) == [(one, one), (three, three)]
        assert paired([one], [replace(one, is_answerable=False)]) == []
        # Asked twice: in order, or not at all.
        first, second = replace(one, seconds=1.0), replace(one, seconds=2.0)
        assert paired([first, second], [first, second]) == [(first, first), (second, second)]
        assert paired([first, second], [second]) == []


class TestMatch:
    @pytest.mark.parametrize(
        "name",
        [
            "corpus:sea/lighthouse.md",
            "sea/lighthouse.md",
            "lighthouse.md",
            "lighthouse",
            "THE lighthouse_of Port Ellery",
        ],
    )
    def test_a_document_goes_by_each_of_its_names(self, library: Library, name: str):
        [added] = library.add([LIGHTHOUSE]).added
        library.add([BREAD])
        for one in (name, added.id):
            [wanted] = match([Case(BUILT, documents=(one,))], library.documents()).asked
            assert wanted.documents == (frozenset({added.id}),)

    def test_documents_that_are_not_held_are_told(self, library: Library):
        library.add([BREAD])
        half, none = Case("A?", documents=("bread", "gone.md")), Case("B?", documents=("gone.md",))
        free = Case("C?", answers=("x",))
        matched = match([half, none, free], library.documents())
        assert [(one.case, len(one.documents)) for one in matched.asked] == [(half, 1), (free, 0)]
        assert (matched.left_out, matched.not_held) == ([none], ["gone.md"])

    def test_of_documents_with_one_title_any_will_do(self, library: Library):
        parts = [
            NewDocument(text, title="Ships", key=text) for text in ("A ship.", "The king.", "A ship, a king.")
        ]
        library.add(parts)
        [wanted] = match([Case("Where is the king?", documents=("Ships",))], library.documents()).asked
        [result] = ask_all(library, library.settings, [wanted])
        assert result.outcome.ranks == (1,)


def test_a_sample_is_even():
    wanted = [Wanted(Case(f"{n}?")) for n in range(10)]
    assert [one.case.question for one in sample(wanted, 4)] == ["0?", "2?", "5?", "7?"]
    assert sample(wanted, 10) == sample(wanted, 99) == wanted


def test_questions_are_asked_and_judged(library: Library, settings: Settings):
    library.add([LIGHTHOUSE, BREAD])
    cases = [
        Case(BUILT, ("Agnes Thorburn",), ("lighthouse.md",)),
        Case(BUILT, ("31 kilometres",), ("bread",)),
        Case(WHALES, is_answerable=False),
        Case(WHALES, ("no answer",)),  # which stands in the sentence that declines
    ]
    told: list[Progress] = []
    results = ask_all(library, settings, match(cases, library.documents()).asked, told.append)
    right, other, declined, unanswered = [result.outcome for result in results]
    assert (right.answered, right.contained, right.contained_first, right.ranks) == (True, True, True, (1,))
    assert (other.answered, other.contained_first, other.ranks) == (True, False, (2,))
    assert (declined.answered, declined.contained, declined.ranks) == (False, None, ())
    assert (unanswered.answered, unanswered.contained) == (False, False)
    assert [one.is_wrong for one in (right, declined, unanswered)] == [False, False, True]
    assert all(one.seconds > 0 for one in (right, other, declined, unanswered))
    assert [(progress.done, progress.total) for progress in told] == [(n, 4) for n in range(5)]


def test_the_worst_are_those_that_were_surest(library: Library, settings: Settings):
    library.add([LIGHTHOUSE])
    [result] = ask_all(library, settings, [Wanted(Case(BUILT, ("Noah",)))])
    wrong = [replace(result, answer=replace(result.answer, confidence=c)) for c in (0.6, 0.05, 0.9)]
    fine = replace(result, outcome=replace(result.outcome, contained=True))
    assert [one.answer.confidence for one in worst([*wrong, fine], 2)] == [0.05, 0.9]


# ------------------------------------------------------------------------------ the command line

ROWS = [
    {"question": BUILT, "answer": "Agnes Thorburn", "document": "lighthouse.md"},
    {"question": FAR, "answer": "31 leagues", "document": "lighthouse.md"},
    {"question": WHALES, "answer": "none"},
]


class TestCommand:
    @pytest.fixture(autouse=True)
    def folder(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> Path:
        """The working folder, with a library of one article and a file of questions."""
        monkeypatch.chdir(tmp_path)
        (tmp_path / "lighthouse.md").write_text(f"# {LIGHTHOUSE.title}\n\n{LIGHTHOUSE.text}", "utf-8")
        main(["add", "lighthouse.md"])
        self.write(tmp_path, *ROWS)
        capsys.readouterr()
        return tmp_path

    @pytest.fixture(autouse=True)
    def captured(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.capsys = capsys

    def write(self, folder: Path, *rows: dict[str, Any]) -> None:
        (folder / "mine.jsonl").write_text("\n".join(map(json.dumps, rows)), "utf-8")

    def run(self, *arguments: str) -> tuple[int, str, str]:
        code = main(["evaluate", "mine.jsonl", *arguments])
        printed = self.capsys.readouterr()
        return code, printed.out, printed.err

    def run_json(self, *arguments: str) -> Any:
        return json.loads(self.run(*arguments, "--json")[1])

    def kept(self, folder: Path) -> list[Path]:
        return sorted((folder / "data" / "evaluations").glob("*"))

    def test_the_report(self, folder: Path):
        code, out, err = self.run()
        assert (code, err) == (0, "")
        words = " ".join(out.split())
        assert "mine.jsonl: 3 questions, 2 with an answer in the collection and 1 without" in words
        assert "recall@1 1.000 of 2 " in words
        assert "answered 1.000 of 2 answer holds it 0.500 of 2 first sentence holds it 0.500 of 2" in words
        assert "declining, precision 1.000 of 1 declined declining, recall 1.000 of 1" in words
        assert f"Went wrong {FAR} expected: 31 leagues answered: " in words
        assert "Its lamp can be seen" in words
        [run] = self.kept(folder)
        assert out.endswith(f"Kept as {run.relative_to(folder)}\n")

    def test_as_json(self, folder: Path):
        value = self.run_json()
        assert {
            name: value[name] for name in ("file", "questions", "answerable", "unanswerable", "wrong")
        } == {
            "file": "mine.jsonl",
            "questions": 3,
            "answerable": 2,
            "unanswerable": 1,
            "wrong": 1,
        }
        assert value["measures"]["contained"] == {"value": 0.5, "questions": 2}
        assert [row["question"] for row in value["worst"]] == [FAR]
        assert value["comparison"] is None
        assert [path.stem for path in self.kept(folder)] == [value["run"]]

    def test_a_kept_run_holds_no_text_of_an_article_and_no_answer(self, folder: Path):
        self.run()
        [path] = self.kept(folder)
        text = path.read_text("utf-8")
        for row in ROWS:
            assert row["question"] in text
        for secret in ("Thorburn", "engineer", "kilometres", "leagues", "lighthouse.md"):
            assert secret not in text
        _, run = find_run(folder / "data", path.stem, "")
        assert (run.file, run.passage_words, run.documents, run.passages) == ("mine.jsonl", 150, 1, 1)
        assert [one.ranks for one in run.outcomes] == [(1,), (1,), ()]

    def test_compared_with_the_last_run(self, folder: Path):
        first = self.run_json()["run"]
        self.write(folder, *ROWS[1:], {"question": "Where is Port Ellery?", "answer": "none"})
        value = self.run_json("--compare", "last")["comparison"]
        assert (value["run"], value["questions"]) == (first, 2)
        assert value["differences"]["contained"] == {
            "before": 0.0,
            "now": 0.0,
            "change": 0.0,
            "interval": [0.0, 0.0],
        }
        for name in (first, f"data/evaluations/{first}.json"):
            code, out, _ = self.run("--compare", name)
            assert code == 0
            assert f"Compared with {first} on 2 questions" in out

    def test_a_clear_gain_is_called_better(self, folder: Path):
        wrong = [{"question": FAR + "?" * n, "answer": "leagues"} for n in range(9)]
        self.write(folder, *wrong)
        self.run()
        self.write(folder, *[row | {"answer": "kilometres"} for row in wrong])
        rows = [" ".join(row.split()) for row in self.run("--compare", "last")[1].splitlines()]
        assert "answer holds it 0.000 1.000 +1.000 +1.000 to +1.000 better" in rows
        assert "answered 1.000 1.000 +0.000 +0.000 to +0.000" in rows
        self.write(folder, *wrong)
        assert " -1.000 to -1.000 worse" in " ".join(self.run("--compare", "last")[1].split())

    def test_last_is_the_last_on_the_same_file(self, folder: Path):
        first = self.run_json()["run"]
        (folder / "mine.jsonl").rename(folder / "not-mine.jsonl")
        main(["evaluate", "not-mine.jsonl"])
        (folder / "not-mine.jsonl").rename(folder / "mine.jsonl")
        self.capsys.readouterr()
        assert self.run_json("--compare", "last")["comparison"]["run"] == first

    @pytest.mark.parametrize(
        ("name", "what"),
        [
            ("last", "No run on mine.jsonl is kept yet"),
            ("monday", "There is no run monday in data/evaluations: evaluate without --compare first."),
            ("mine.jsonl", "mine.jsonl is no run that this Footnote kept"),
        ],
    )
    def test_a_run_that_is_not_there(self, folder: Path, name: str, what: str):
        code, out, err = self.run("--compare", name)
        assert (code, out) == (1, "")
        assert err.startswith(what)
        assert self.kept(folder) == []

    def test_a_run_on_other_questions(self, folder: Path):
        self.run()
        self.write(folder, {"question": "Another?", "answer": "none"})
        code, out, err = self.run("--compare", "last")
        assert (code, out) == (1, "")
        assert "shares no question with this file" in err
        assert len(self.kept(folder)) == 1

    def test_a_bad_line_asks_nothing(self, folder: Path):
        self.write(folder, *ROWS, {"question": "Why?"})
        code, out, err = self.run()
        assert (code, out) == (1, "")
        assert err.startswith('mine.jsonl, line 4, has neither "answer" nor "document": write it as {')
        assert err.count("\n") == 1
        assert self.kept(folder) == []

    def test_articles_that_are_not_held_are_a_warning(self, folder: Path):
        gone = {"question": "Who baked it?", "document": "bakery.md"}
        self.write(folder, *ROWS, gone)
        code, _, err = self.run()
        assert code == 0
        assert err == (
            "The library doesn't hold 1 article that the questions name (bakery.md): add or"
            " rename it; 1 question was left out.\n"
        )
        value = self.run_json()
        assert (value["questions"], value["left_out"], value["not_held"]) == (3, 1, ["bakery.md"])
        self.write(folder, gone, ROWS[2])
        code, out, err = self.run()
        assert (code, out) == (1, "")
        assert err.startswith(
            "The library holds none of the articles that mine.jsonl names, such as bakery.md: add"
        )

    def test_an_empty_library(self, folder: Path, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setenv("FOOTNOTE_DATA_DIR", "elsewhere")
        code, out, err = self.run()
        assert (code, out) == (1, "")
        assert err == "The library is empty: add articles with `python -m rag add PATH`.\n"

    def test_a_limit(self, folder: Path):
        assert self.run_json("--limit", "2")["questions"] == 2
        for limit in ("0", "-1", "many"):
            with pytest.raises(SystemExit) as stopped:
                main(["evaluate", "mine.jsonl", "--limit", limit])
            assert stopped.value.code == 2

    def test_a_folder_that_cannot_be_written(self, folder: Path):
        (folder / "data" / "evaluations").write_text("in the way", "utf-8")
        code, out, err = self.run()
        assert (code, out) == (1, "")
        assert err.startswith("The run can't be kept in data/evaluations (")


def test_a_run_of_another_version_is_not_read(tmp_path: Path):
    path = tmp_path / "old.json"
    path.write_text('{"format": "footnote-evaluation", "version": 2}', "utf-8")
    with pytest.raises(LoadError, match=r"is no run that this Footnote kept: choose another"):
        find_run(tmp_path, str(path), "mine.jsonl")
