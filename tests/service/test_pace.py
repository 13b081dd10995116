"""Rate and time left: said once they are known, rounded, and steady."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from itertools import groupby, pairwise

import pytest

from rag import Progress
from rag.documents import ReportProgress
from rag.service.pace import Pace
from rag.service.work import Work


def paces(total: int, times: Iterable[float], done_at: Callable[[float], float]) -> list[Pace]:
    """Return the pace after each report of work that is so far at so many seconds."""
    pace, found = Pace(0.0, 0.0), list[Pace]()
    for seconds in times:
        done = min(float(total), done_at(seconds))
        pace = pace.after(seconds, Progress(int(done), total, "", done % 1))
        found.append(pace)
    return found


@pytest.mark.parametrize(
    ("total", "per_second", "seconds", "words"),
    [
        (300, 40 / 60, 12, "40 files a minute · about 7 minutes left"),
        (300, 40 / 60, 4, ""),
        (300, 40 / 60, 430, "40 files a minute · less than a minute left"),
        (12, 1.0, 8, "60 files a minute · a few seconds left"),
        (1, 0.004, 60, "about 3 minutes left"),
        (5_000, 1.0, 60, "60 files a minute · about an hour and a half left"),
        (90_000, 10.0, 60, "600 files a minute · about 2 hours left"),
        (30, 1 / 65, 600, "1 file a minute · about 25 minutes left"),
    ],
)
def test_the_words_at_an_even_pace(total: int, per_second: float, seconds: int, words: str):
    times = [second / 2 for second in range(1, 2 * seconds + 1)]
    assert paces(total, times, lambda at: at * per_second)[-1].in_words() == words


def test_nothing_is_said_of_a_few_files_before_some_are_done():
    assert paces(300, range(1, 60), lambda at: at / 100)[-1].in_words() == ""


def test_the_words_of_files_of_uneven_length_hardly_change():
    chance = random.Random(6)
    ends = [0.0]
    while len(ends) < 301:
        ends.append(ends[-1] + chance.choice([0.2, 0.4, 0.5, 1.0, 5.0]))
    found = paces(300, ends[1:], lambda at: sum(end <= at for end in ends[1:]))
    left = [pace.shown_minutes for pace in found if pace.shown_minutes]
    changes = [minutes for minutes, _ in groupby(left)]
    longer = sum(after > before for before, after in pairwise(changes))
    assert len(changes) <= 20
    assert longer <= 3, "it goes up again only a few times, though files take from 0.2 to 5 seconds"
    rates = [rate for rate, _ in groupby(pace.shown_rate for pace in found if pace.shown_rate)]
    assert len(rates) <= 10


def test_two_neighbours_are_not_shown_in_turn():
    """At an even pace each number of minutes is said once."""
    found = paces(300, [second / 4 for second in range(1, 4 * 400)], lambda at: int(at * 0.75))
    left = [minutes for minutes, _ in groupby(pace.shown_minutes for pace in found if pace.shown_minutes)]
    assert left == sorted(left, reverse=True)
    assert len({pace.shown_rate for pace in found}) <= 3


def test_a_pause_makes_the_time_left_longer():
    found = paces(100, range(1, 300), lambda at: at if at < 30 else 30)
    assert found[40].shown_minutes > found[28].shown_minutes


def test_work_never_goes_back_and_begins_anew_only_after_its_end():
    told = [
        (0, 3, 0.0),
        (1, 3, 0.5),
        (1, 3, 0.2),
        (0, 3, 0.9),
        (2, 3, 0.0),
        (3, 3, 0.0),
        (1, 2, 0.0),
        (0, 5, 0.5),
    ]
    seen = list[tuple[int, int, float]]()

    def function(report: ReportProgress) -> None:
        for done, total, part in told:
            report(Progress(done, total, "", part))
            seen.append((work.progress.done, work.progress.total, work.progress.part))

    work = Work(function, begin=False)
    work.run()
    assert work.done
    assert work.error == ""
    kept = [(0, 3, 0.0), (1, 3, 0.5), (1, 3, 0.5), (1, 3, 0.5), (2, 3, 0.0), (3, 3, 0.0)]
    assert seen == [*kept, (1, 2, 0.0), (0, 5, 0.5)]
