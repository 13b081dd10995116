"""Periods: days from one to another, and how they are called."""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

Unit = Literal["day", "week", "month", "year"]


@dataclass(frozen=True, slots=True)
class Period:
    """The days from ``since`` to ``until``, both included; None is open on that side."""

    since: date | None = None
    until: date | None = None

    @classmethod
    def around(cls, day: date, unit: Unit) -> Period:
        """The day, week (from Monday), month or year that a day is in."""
        if unit == "week":
            monday = day - timedelta(days=day.weekday())
            return cls(monday, monday + timedelta(days=6))
        if unit == "month":
            last = calendar.monthrange(day.year, day.month)[1]
            return cls(day.replace(day=1), day.replace(day=last))
        if unit == "year":
            return cls(date(day.year, 1, 1), date(day.year, 12, 31))
        return cls(day, day)

    def __contains__(self, day: date) -> bool:
        return (not self.since or day >= self.since) and (not self.until or day <= self.until)

    def __str__(self) -> str:
        """Its name: "October 2023", "2019 to 2021", "16 to 22 November 2026", "since 2020", "before 2020"."""
        since, until = self.since, self.until
        if since and until:
            return _from_to(since, until)
        if since:
            return f"since {_beginning(since)}"
        if not until:
            return "any time"
        following = until + timedelta(days=1)
        return f"before {following.year}" if _is_new_year(following) else f"until {_end(until)}"


def _from_to(since: date, until: date) -> str:
    if since == until:
        return _day(since)
    begins, ends = _beginning(since), _end(until)
    if begins == ends:
        return begins
    if begins == _day(since) or ends == _day(until):
        is_short = (since.year, since.month) == (until.year, until.month)
        return f"{since.day if is_short else _day(since)} to {_day(until)}"
    if begins == str(since.year) and ends != str(until.year):
        begins = f"{since:%B %Y}"
    if ends == str(until.year) and begins != str(since.year):
        ends = f"{until:%B %Y}"
    return begins if begins == ends else f"{begins} to {ends}"


def _beginning(day: date) -> str:
    return str(day.year) if _is_new_year(day) else f"{day:%B %Y}" if day.day == 1 else _day(day)


def _end(day: date) -> str:
    following = day + timedelta(days=1)
    return str(day.year) if _is_new_year(following) else f"{day:%B %Y}" if following.day == 1 else _day(day)


def _is_new_year(day: date) -> bool:
    return (day.month, day.day) == (1, 1)


def _day(day: date) -> str:
    return f"{day.day} {day:%B %Y}"
