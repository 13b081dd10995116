"""Until when a question is to be answered: so many seconds, or until somebody stops it.

Whatever a document or a question holds, the work on it is done in units that are small each, and the time is
looked at between them: a thread can't be ended from outside, nor can a single search of a pattern.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import TypeVar

Unit = TypeVar("Unit")


class DeadlineExceeded(Exception):  # no error: what there is until then is the answer
    """No time is left, or somebody pressed a button."""


class Deadline:
    """A moment at which work ends, and whether it has ended any.

    Parameters
    ----------
    seconds
        How long from now.
    is_stopped
        Whether somebody doesn't want to wait any longer.

    Attributes
    ----------
    has_cut
        Whether anything was left off because of it.
    """

    def __init__(self, seconds: float = math.inf, is_stopped: Callable[[], bool] = lambda: False) -> None:
        self._until = time.monotonic() + seconds
        self.is_stopped = is_stopped
        self.has_cut = False

    @property
    def is_over(self) -> bool:
        """Whether it is time to end."""
        return time.monotonic() >= self._until or self.is_stopped()

    def check(self) -> None:
        """Go on if there is time.

        Raises
        ------
        DeadlineExceeded
        """
        if self.is_over:
            self.has_cut = True
            raise DeadlineExceeded

    def within(self, units: Iterable[Unit]) -> Iterator[Unit]:
        """Give one unit of work after the other as long as there is time: for work that is of use in part."""
        for unit in units:
            if self.is_over:
                self.has_cut = True
                return
            yield unit

    def each(self, units: Iterable[Unit]) -> Iterator[Unit]:
        """Give one unit of work after the other: for work that is of use only as a whole.

        Raises
        ------
        DeadlineExceeded
        """
        for unit in units:
            self.check()
            yield unit

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Don't count the time of what has limits of its own, as an embedding model behind a network."""
        began = time.monotonic()
        try:
            yield
        finally:
            self._until += time.monotonic() - began


def in_time(call: Callable[[], Unit], seconds: float) -> Unit:
    """Return what a call gives that knows no end of its own, or raise what it raises.

    It runs in a daemon thread, which is left to itself when the time is over.

    Raises
    ------
    TimeoutError
    """
    result = Future[Unit]()

    def run() -> None:
        try:
            result.set_result(call())
        except BaseException as error:  # noqa: BLE001  # raised where it is waited for
            result.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return result.result(seconds)


NO_DEADLINE = Deadline()
"""All the time in the world."""
