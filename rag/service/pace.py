"""How fast a piece of work goes and how long it still takes, in words that don't flicker."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from rag.documents import Progress
from rag.service.naming import count

_SMOOTHED_SECONDS = 60.0
"""How far back the rate looks: files differ in length, and a single one must not turn it."""
_KNOWN_SECONDS = 5.0
_KNOWN_SHARE = 0.1
_KNOWN_THINGS = 5.0
"""A rate is said after so long, and after this share of the work or so many things, whichever is less."""
_SOONEST_SECONDS = 0.05
_FEW_SECONDS, _LESS_THAN_ONE = 0.1, 0.5
_MINUTES = (_FEW_SECONDS, _LESS_THAN_ONE, *range(1, 11), *range(15, 60, 5), 60, 90, *range(120, 1_500, 60))
"""What may be said of the time left."""


@dataclass(frozen=True, slots=True)
class Pace:
    """The pace of one piece of work, made anew by each report.

    ``began`` and ``at`` are times in seconds of one clock, ``done`` is how much was done at ``at``, and
    ``rate`` things a second, smoothed. ``shown_rate``, in things a minute, and ``shown_minutes`` are what
    the words say: they are kept until they are clearly wrong, so that they don't go to and fro between two
    neighbours. Both are 0 as long as nothing is known.
    """

    began: float
    at: float
    done: float = 0.0
    rate: float = 0.0
    shown_rate: int = 0
    shown_minutes: float = 0.0

    def after(self, seconds: float, progress: Progress) -> Pace:
        """Return the pace when `progress` is told at this time."""
        passed, done = seconds - self.at, progress.done + progress.part
        if passed < _SOONEST_SECONDS:
            return self
        # The mean of the whole time at first, and later mostly of the last minute.
        weight = max(1 - math.exp(-passed / _SMOOTHED_SECONDS), passed / (seconds - self.began))
        rate = self.rate + weight * (max(0.0, done - self.done) / passed - self.rate)
        return replace(self, at=seconds, done=max(done, self.done), rate=rate)._shown(progress.total)

    def in_words(self, thing: str = "file") -> str:
        """Return "40 files a minute · about 7 minutes left", or as much of it as is known."""
        parts = [f"{count(self.shown_rate, thing)} a minute"] if self.shown_rate else []
        return " · ".join([*parts, *filter(None, [_left(self.shown_minutes)])])

    def _shown(self, total: int) -> Pace:
        needed = min(_KNOWN_THINGS, _KNOWN_SHARE * total)
        if self.at - self.began < _KNOWN_SECONDS or not self.rate or self.done < needed or self.done >= total:
            return self
        minutes = (total - self.done) / self.rate / 60
        # Of a single thing the rate says nothing.
        shown_rate = _kept_rate(self.shown_rate, 60 * self.rate) if total > 1 else 0
        return replace(self, shown_rate=shown_rate, shown_minutes=_kept_minutes(self.shown_minutes, minutes))


def _kept_rate(shown: int, rate: float) -> int:
    """Return what is shown, or the rate rounded to a twentieth or so of its size if that is clearly off."""
    step = _step(rate)
    if shown and abs(rate - shown) <= max(step, 0.2 * shown):
        return shown
    return round(rate / step) * step


def _step(rate: float) -> int:
    """Return 1 below 10, 5 below 100, 50 below 1,000 and so on."""
    return 1 if rate < 10 else 5 * 10 ** (math.floor(math.log10(rate)) - 1)


def _kept_minutes(shown: float, minutes: float) -> float:
    """Return what is shown, or the nearest of `_MINUTES` if that is off; longer only if it is far off."""
    if shown and -0.75 * _gap(shown) <= minutes - shown <= 0.3 * shown + 0.5 * _gap(shown):
        return shown
    return float(min(_MINUTES, key=lambda one: abs(one - minutes)))


def _gap(minutes: float) -> float:
    """Return how far the next of `_MINUTES` is."""
    return float(min(abs(one - minutes) for one in _MINUTES if one != minutes))


def _left(minutes: float) -> str:
    if not minutes:
        return ""
    if minutes < 1:
        return "a few seconds left" if minutes == _FEW_SECONDS else "less than a minute left"
    if minutes < 60:
        return f"about {count(round(minutes), 'minute')} left"
    hours = {60: "an hour", 90: "an hour and a half"}
    return f"about {hours.get(round(minutes), f'{minutes / 60:.0f} hours')} left"
