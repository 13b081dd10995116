from __future__ import annotations

import threading

import pytest

from rag import Progress, QuestionError
from rag.service.work import UNEXPECTED, Work, sentence_for


def test_an_error_that_was_foreseen_is_its_own_sentence(caplog: pytest.LogCaptureFixture):
    assert sentence_for(QuestionError("The question is empty.")) == "The question is empty."
    assert caplog.records == []
    assert sentence_for(ValueError("secret detail")) == UNEXPECTED
    assert "secret detail" in caplog.text


def test_work_reports_how_far_it_is_and_keeps_its_result():
    step = threading.Event()

    def count_up(report) -> int:
        report(Progress(1, 2, "one"))
        step.wait(10)
        return 42

    work = Work(count_up)
    while work.progress.done == 0:
        work.wait(0.01)
    assert (work.progress.what, work.done, work.result) == ("one", False, None)
    step.set()
    assert work.wait(10)
    assert (work.result, work.error) == (42, "")


def test_work_that_fails_keeps_a_sentence():
    work = Work(lambda report: 1 / 0)
    assert work.wait(10)
    assert (work.result, work.error) == (None, UNEXPECTED)
