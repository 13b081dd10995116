"""The Quality page: a file of questions is asked, its figures are shown, and the wrong ones lead on."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from app_pages.engine import close_engine
from app_pages.quality import figures
from app_pages.quality import page as quality
from rag import Library, LoadError, NewDocument, Settings
from rag.evaluation.measures import Outcome
from rag.evaluation.measuring import measure_library, plain_name, read_upload
from rag.evaluation.runs import keep_run, runs_on
from rag.service.adding import Upload

ROOT = Path(__file__).parents[2]
LIGHTHOUSE = """# The lighthouse of Port Ellery

The lighthouse of Port Ellery was built in 1871 by the engineer Agnes Thorburn. Its lamp can be seen from a
distance of 31 kilometres.
"""
BUILT = "Who built the lighthouse of Port Ellery?"
FAR = "From what distance can the lamp of the lighthouse be seen?"
WHALES = "How many whales swim in the Caspian Sea?"
ROWS = [
    {"question": BUILT, "answer": "Agnes Thorburn", "document": "lighthouse.md"},
    {"question": FAR, "answer": "31 leagues", "document": "lighthouse.md"},
    {"question": WHALES, "answer": "none"},
]


def outcome(number: int = 0, **fields: Any) -> Outcome:
    known: dict[str, Any] = {"is_answerable": True, "answered": True}
    return Outcome(id=str(number), question=f"Question {number}?", **(known | fields))


def lines(*rows: dict[str, Any]) -> bytes:
    return "\n".join(map(json.dumps, rows)).encode()


class TestFigures:
    def test_recall_by_depth(self):
        found = figures.recall_by_depth([outcome(ranks=ranks) for ranks in ((1,), (3,), (None,), (2, None))])
        assert found == [1 / 4, 1.5 / 4, 2.5 / 4, *[2.5 / 4] * 7]
        assert figures.recall_by_depth([outcome()]) == []

    def test_the_bins_of_confidence(self):
        outcomes = [
            outcome(confidence=0.1, is_answerable=False),
            outcome(confidence=0.9),
            outcome(confidence=1.0, is_answerable=False),
            outcome(confidence=None),
        ]
        low, high = figures.reliability(outcomes)
        assert (low.low, low.questions, low.confidence, low.answerable) == (0.0, 1, 0.1, 0.0)
        assert (high.low, high.high, high.questions, high.answerable) == (0.8, 1.0, 2, 0.5)
        assert high.confidence == pytest.approx(0.95)

    def test_every_answer_is_in_one_bar(self):
        bars = figures.latency([outcome(seconds=s) for s in (0.003, 0.0049, 0.005, 0.047, 0.0002)])
        assert [(bar.low, bar.high, bar.answers) for bar in bars if bar.answers] == [
            (0, 1, 1),
            (3, 5, 2),
            (5, 7, 1),
            (30, 50, 1),
        ]
        assert all(one.high == other.low for one, other in pairwise(bars))
        assert figures.latency([]) == []

    def test_what_went_wrong_the_surest_first(self):
        wrong = figures.went_wrong(
            [
                outcome(1, answered=False, confidence=0.3),
                outcome(2, contained=True, confidence=0.9),
                outcome(3, is_answerable=False, confidence=0.99),
                outcome(4, contained=False, confidence=0.6),
            ]
        )
        assert [(one.id, happened) for one, happened in wrong] == [
            ("3", figures.INVENTED),
            ("1", figures.DECLINED),
            ("4", figures.MISSED),
        ]

    def test_the_sentence(self):
        right, wrong = outcome(contained=True), outcome(contained=False)
        declined = outcome(is_answerable=False, answered=False)
        assert (
            figures.summary([right, right, wrong, declined])
            == "Of 3 questions with an answer, 2 were answered rightly; of 1 without one, 1 was declined."
        )
        assert figures.summary([declined]) == "Of 1 without one, 1 was declined."


def test_runs_are_kept_with_the_confidence_and_older_ones_still_load(library: Library, settings: Settings):
    library.add([NewDocument(LIGHTHOUSE, key="corpus:lighthouse.md")])
    cases = read_upload(Upload("mine.jsonl", lines(*ROWS)), settings)
    measured = measure_library(library, settings, "mine.jsonl", cases, lambda progress: None)
    assert all(0 < one.confidence < 1 for one in measured.run.outcomes)
    assert measured.expected == {BUILT: "Agnes Thorburn", FAR: "31 leagues", WHALES: "no answer"}
    assert runs_on(settings.data_dir, "mine.jsonl") == [measured.run]
    [path] = (settings.data_dir / "evaluations").iterdir()
    old = json.loads(path.read_text("utf-8"))
    for one in old["outcomes"]:
        del one["confidence"]
    path.write_text(json.dumps(old), "utf-8")
    path.with_name("20200101T000000.000Z-mine.json").write_text("no run", "utf-8")
    [run] = runs_on(settings.data_dir, "mine.jsonl")
    assert run.outcomes == tuple(replace(one, confidence=None) for one in measured.run.outcomes)
    assert figures.reliability(run.outcomes) == []


@pytest.mark.parametrize(
    ("name", "data", "sentence"),
    [
        ("mine.jsonl", b"{", "mine.jsonl, line 1, is no JSON: write one object a line"),
        ("../../mine.json", b"{}", 'mine.json has no list "data": use a file'),
        ("..", b"", "questions.jsonl holds no question"),
        ("big.jsonl", b" " * 2048, "big.jsonl has 2.0 KB, and 1.0 KB are allowed"),
    ],
)
def test_a_file_that_cannot_be_asked_is_a_sentence_with_its_name(
    settings: Settings, name: str, data: bytes, sentence: str
):
    with pytest.raises(LoadError) as raised:
        read_upload(Upload(name, data), settings.model_copy(update={"max_upload_bytes": 1024}))
    assert str(raised.value).startswith(sentence)


def test_a_long_name_is_cut_and_keeps_its_ending():
    assert plain_name("a" * 300 + ".json") == "a" * 60 + ".json"


def test_the_chat_starts_without_altair():
    script = "import sys, app_pages.quality.page; sys.exit('altair' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=False).returncode == 0


class TestPage:
    @pytest.fixture
    def corpus(self, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
        settings.corpus_dir.mkdir(parents=True)
        monkeypatch.setenv("FOOTNOTE_DATA_DIR", str(settings.data_dir))
        monkeypatch.setenv("FOOTNOTE_CORPUS_DIR", str(settings.corpus_dir))
        close_engine()
        yield settings.corpus_dir
        close_engine()

    def open(self) -> AppTest:
        """The page, once the articles are read."""
        from app_pages.engine import engine

        engine().indexing.wait(60)
        return AppTest.from_function(_quality, default_timeout=60).run()

    def views(self, app: AppTest) -> list[dict[str, Any]]:
        assert not app.exception
        return [json.loads(one.proto.json) for one in app.get("bidi_component")]

    def texts(self, app: AppTest) -> list[str]:
        return [view["text"] for view in self.views(app) if "text" in view]

    def ask(self, app: AppTest) -> AppTest:
        app.button[0].click().run()
        app.session_state["measuring"].wait(60)
        return app.run()

    def test_an_empty_library_says_so_and_offers_nothing(self, corpus: Path):
        app = self.open()
        assert quality.EMPTY in self.texts(app)
        assert len(app.button) == 0

    def test_questions_are_asked_and_the_figures_shown(self, corpus: Path, settings: Settings):
        (corpus / "lighthouse.md").write_text(LIGHTHOUSE, "utf-8")
        (corpus / "questions.jsonl").write_bytes(lines(*ROWS))
        app = self.open()
        assert not app.get("vega_lite_chart")
        app = self.ask(app)
        assert (
            "Of 2 questions with an answer, 1 was answered rightly; of 1 without one, 1 was declined."
            in self.texts(app)
        )
        views = self.views(app)
        measures = next(view["rows"] for view in views if view["view"] == "figures")
        assert ["The right article is found first", "100 %", "2"] in measures
        assert ["The quotes hold the expected answer", "50 %", "2"] in measures
        [wrong] = [view["rows"] for view in views if view["view"] == "wrong"]
        assert wrong == [{"question": FAR, "expected": "31 leagues", "happened": figures.MISSED}]
        assert len(app.get("vega_lite_chart")) == 3
        [run] = runs_on(settings.data_dir, "questions.jsonl")
        assert len(run.outcomes) == 3

        # Another visit finds the last run; a second run gives a chart over time.
        app = self.open()
        assert len(app.get("vega_lite_chart")) == 3
        keep_run(settings.data_dir, replace(run, at=run.at + timedelta(days=1)))
        assert len(self.open().get("vega_lite_chart")) == 4

    def test_questions_that_cannot_be_asked_are_one_sentence(self, corpus: Path):
        (corpus / "lighthouse.md").write_text(LIGHTHOUSE, "utf-8")
        (corpus / "questions.jsonl").write_bytes(lines({"question": "Who?", "document": "gone.md"}))
        app = self.ask(self.open())
        [alert] = [view["text"] for view in self.views(app) if view.get("tone") == "alert"]
        assert alert.startswith("The library holds none of the articles that questions.jsonl names")

    def test_a_file_of_questions_that_cannot_be_read_is_one_sentence(self, corpus: Path):
        (corpus / "lighthouse.md").write_text(LIGHTHOUSE, "utf-8")
        (corpus / "questions.jsonl").write_text("{", "utf-8")
        app = self.ask(self.open())
        [alert] = [view["text"] for view in self.views(app) if view.get("tone") == "alert"]
        assert "questions.jsonl, line 1, is no JSON" in alert


def _quality() -> None:
    from app_pages.quality import page as quality

    quality.page()
