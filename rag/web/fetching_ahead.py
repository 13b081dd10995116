"""Addresses fetched a few at a time while their results are taken one by one, in order."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Generic, TypeVar
from urllib.parse import urlsplit

from rag.documents import IsCancelled, heed

_AT_ONCE = 4
_AHEAD = 12
"""So many are fetched before the first of them is taken: what comes in must not pile up."""
_LOOK_SECONDS = 0.1

Found = TypeVar("Found")


class FetchingAhead(Generic[Found]):
    """Fetches what several servers have at once, from each server one thing after the other.

    A context manager: at its end nothing further is begun. What is under way then comes to its own end
    within the limits of `rag.web.fetching`, and is dropped.

    Parameters
    ----------
    tasks
        The address of each, and what fetches it.
    """

    def __init__(self, tasks: Sequence[tuple[str, Callable[[], Found]]]) -> None:
        self._fetch = [fetch for _, fetch in tasks]
        self._hosts = [_host(address) for address, _ in tasks]
        self._results = [Future[Found]() for _ in tasks]
        self._waiting = list(range(len(tasks)))
        self._busy = set[str]()
        self._taken = 0
        self._change = threading.Condition()
        self._threads = 0

    def __enter__(self) -> FetchingAhead[Found]:
        return self

    def __exit__(self, *error: object) -> None:
        with self._change:
            self._waiting.clear()
            self._change.notify_all()

    def take(self, index: int, cancelled: IsCancelled | None = None) -> Found:
        """Return what the task of this number fetched, or raise what it raised; they are taken in order.

        Raises
        ------
        Cancelled
            It was no longer wanted while it was waited for.
        """
        with self._change:
            self._taken = max(self._taken, index)
            self._change.notify_all()
            while self._threads < min(_AT_ONCE, len(self._fetch)):
                # Daemons: at the end of the app nobody waits for a slow server.
                threading.Thread(target=self._run, name="fetching", daemon=True).start()
                self._threads += 1
        result = self._results[index]
        while True:
            try:
                return result.result(_LOOK_SECONDS)
            except TimeoutError:
                if result.done():
                    raise
                heed(cancelled)

    def _run(self) -> None:
        while (index := self._next()) is not None:
            try:
                self._results[index].set_result(self._fetch[index]())
            except BaseException as error:  # noqa: BLE001  # raised where it is taken
                self._results[index].set_exception(error)
            with self._change:
                self._busy.discard(self._hosts[index])
                self._change.notify_all()

    def _next(self) -> int | None:
        """Return the first task whose server isn't busy, once there is one; None when all have begun."""
        with self._change:
            while self._waiting:
                near = (index for index in self._waiting if index < self._taken + _AHEAD)
                index = next((index for index in near if self._hosts[index] not in self._busy), None)
                if index is not None:
                    self._waiting.remove(index)
                    self._busy.add(self._hosts[index])
                    return index
                self._change.wait()
            return None


def _host(address: str) -> str:
    try:
        return (urlsplit(address.strip()).hostname or "").lower().rstrip(".")
    except ValueError:  # no address: said where it is fetched
        return ""
