"""The quality page: ask questions whose answers are known, and look at how well it went."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from app_pages.chat import page as chat
from app_pages.component import say, show, show_progress
from app_pages.engine import engine, watch, watch_indexing
from app_pages.quality import figures
from app_pages.quality.figures import percent
from app_pages.server.upload_limits import refusal_of
from app_pages.wording import day
from rag.evaluation import (
    Measured,
    Run,
    last_measured,
    measure,
    measure_library,
    plain_name,
    read_questions,
    read_upload,
    runs_on,
)
from rag.service import Engine, Upload, Work, count

PURPOSE = (
    "See how well this library answers: ask it questions whose answers you know, and look at what went wrong."
)
SAMPLE, OWN = "The questions that came with the articles", "A file of my own"
EMPTY = "The library is empty: add articles on the Library page, then measure how well they are found."
READING = "The articles are still being read; questions can be asked as soon as that is done."
TAKES = (
    "JSON Lines, one question a line with its answer, or a SQuAD file (.json). Kept on this computer are "
    "the questions and how they went, not the expected answers."
)
NOTHING_WRONG = "No question went wrong."
_SAMPLE_FILE = "questions.jsonl"
_WRONG_AT_ONCE = 50


def page() -> None:
    """Show the page from the choice of questions to those that went wrong."""
    shared = engine()
    st.title("Quality", anchor=False)
    say(PURPOSE, key="purpose", tone="plain")
    if not _is_ready(shared):
        return
    work: Work[Measured] | None = st.session_state.get("measuring")
    sample = _sample(shared)
    _choice(shared, sample, asking=work is not None and not work.done)
    if work and not work.done:
        watch(lambda: show_progress(work.progress, "measuring", "Asking"), lambda: work.done)
        return
    if work and work.error:
        say(work.error, key="measuring-failed", tone="alert")
    measured = work.result if work else last_measured(shared.settings, sample) if sample else None
    if measured:
        _result(shared, measured)


def _is_ready(shared: Engine) -> bool:
    if not shared.indexing.done:
        say(READING, key="reading", tone="plain")
        watch_indexing(shared)
        return False
    if not shared.library.status().documents:
        say(EMPTY, key="empty", tone="plain")
        return False
    return True


def _sample(shared: Engine) -> Path | None:
    path = shared.settings.corpus_dir / _SAMPLE_FILE
    return path if path.is_file() else None


# ----------------------------------------------------------------------------------- asking


def _choice(shared: Engine, sample: Path | None, *, asking: bool) -> None:
    """Let a file be chosen, and begin to ask when the button is pressed."""
    own = sample is None or _source(asking=asking) == OWN
    upload = None
    if own:
        upload = st.file_uploader("A file of questions", key="questions", label_visibility="collapsed")
        say(TAKES, key="takes-questions")
    if not st.button("Ask the questions", type="primary", disabled=asking or (own and not upload)):
        return
    library, settings = shared.library, shared.settings
    if upload:
        file = Upload(upload.name, upload.getvalue(), refusal_of(upload.getvalue()))
        name = plain_name(file.name)
        _start(lambda report: measure_library(library, settings, name, read_upload(file, settings), report))
    elif sample:
        name, most = sample.name, settings.max_question_characters
        _start(lambda report: measure_library(library, settings, name, read_questions(sample, most), report))


def _source(*, asking: bool) -> str:
    # Streamlit forgets a widget while another page is shown.
    kept = st.session_state.get("questions-from", SAMPLE)
    st.session_state.setdefault("questions-from-radio", kept)
    chosen = st.radio("Questions", [SAMPLE, OWN], key="questions-from-radio", disabled=asking)
    st.session_state["questions-from"] = chosen
    return str(chosen)


def _start(function: Callable[[Any], Measured]) -> None:
    st.session_state["measuring"] = Work(function)
    st.rerun()


# ----------------------------------------------------------------------------------- the result


def _result(shared: Engine, measured: Measured) -> None:
    run = measured.run
    outcomes = run.outcomes
    say(figures.summary(outcomes), key="summary", tone="lead")
    say(
        f"{run.file} · {count(len(outcomes), 'question')} · {count(run.documents, 'article')} · "
        f"{day(run.at.date())}, {run.at:%H:%M} UTC",
        key="about-run",
    )
    for number, note in enumerate(measured.notes):
        say(note, key=f"note-{number}")
    _figures("measures", ["Measure", "Value", "Questions"], figures.measure_rows(outcomes))
    _charts(run, runs_on(shared.settings.data_dir, run.file))
    _wrong(shared, measured)


def _figures(key: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    show("figures", key=f"figures-{key}", head=list(head), rows=[list(row) for row in rows])


def _charts(run: Run, runs: Sequence[Run]) -> None:
    # Here, and not above: the chat is the first page, and shall not wait for Altair.
    from app_pages.quality import charts

    left, right = st.columns(2, gap="medium")
    found = figures.recall_by_depth(run.outcomes)
    if found:
        with left:
            _chart(
                "recall",
                f"The right article comes first {percent(found[0])} of the time",
                charts.recall_chart(found),
                ["First articles", "Right ones among them"],
                [[str(n), percent(value)] for n, value in enumerate(found, 1)],
            )
    bins = figures.reliability(run.outcomes)
    if bins:
        with right:
            _chart(
                "reliability",
                "Its confidence: exact on the dashed line, declined below 50 %",
                charts.reliability_chart(bins),
                ["Confidence", "Questions", "Have an answer"],
                [
                    [
                        f"{100 * one.low:.0f} to {percent(one.high)}",
                        str(one.questions),
                        percent(one.answerable),
                    ]
                    for one in bins
                ],
            )
    bars = figures.latency(run.outcomes)
    if bars:
        half = figures.value_text("p50_ms", measure(run.outcomes)["p50_ms"])
        _chart(
            "latency",
            f"Half of the answers took at most {half}",
            charts.latency_chart(bars),
            ["Milliseconds", "Answers"],
            [[f"{bar.low:,g} to {bar.high:,g}", str(bar.answers)] for bar in bars],
        )
    if len(runs) > 1:
        _chart(
            "runs",
            f"{len(runs)} runs on {run.file} over time",
            charts.runs_chart(runs),
            ["Run, UTC", *(label.capitalize() for label in figures.OVER_TIME.values())],
            [_run_row(one) for one in reversed(runs)],
        )


def _chart(key: str, title: str, chart: Any, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    show("caption", key=f"caption-{key}", text=title)
    st.altair_chart(chart, theme="streamlit", width="stretch", key=f"chart-{key}", alt=title)
    with st.expander("The figures"):
        _figures(key, head, rows)


def _run_row(run: Run) -> list[str]:
    found = measure(run.outcomes)
    cells = [
        figures.value_text(name, found[name]) if name in found and found[name].value is not None else ""
        for name in figures.OVER_TIME
    ]
    return [f"{run.at:%Y-%m-%d %H:%M}", *cells]


def _wrong(shared: Engine, measured: Measured) -> None:
    wrong = figures.went_wrong(measured.run.outcomes)
    st.subheader("Questions that went wrong", anchor=False)
    if not wrong:
        say(NOTHING_WRONG, key="nothing-wrong", tone="plain")
        return
    rows = [
        {
            "question": outcome.question,
            "expected": measured.expected.get(outcome.question, ""),
            "happened": happened,
        }
        for outcome, happened in wrong[:_WRONG_AT_ONCE]
    ]
    event = show("wrong", key="wrong", rows=rows)
    if len(wrong) > len(rows):
        say(f"The {len(rows)} of {len(wrong)} about which the library was surest.", key="more-wrong")
    if event.do == "ask" and event.text("question").strip():
        _ask_in_chat(shared, event.text("question"))


def _ask_in_chat(shared: Engine, question: str) -> None:
    conversation_id = chat.ask_anew(shared, question)
    st.switch_page(
        st.Page(chat.page, title="Chat", url_path="chat", default=True), query_params={"c": conversation_id}
    )
