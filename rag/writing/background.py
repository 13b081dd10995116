"""An asynchronous iterator in a thread of its own, so that it can be waited for only so long, and stopped."""

from __future__ import annotations

import asyncio
import contextvars
import queue
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Generic, TypeVar

T = TypeVar("T")
_PATIENCE_SECONDS = 1.0


class Nothing(Exception):  # no error
    """Nothing has come yet."""


class Background(Generic[T]):
    """Runs what ``make`` returns in an event loop of its own, beginning at once.

    Parameters
    ----------
    make
        Called in the loop, so that what it opens belongs there.
    """

    def __init__(self, make: Callable[[], AsyncIterator[T]]) -> None:
        self._make = make
        self._loop = asyncio.new_event_loop()
        self._task: asyncio.Task[None] | None = None
        self._events = queue.SimpleQueue[tuple[T | None, Exception | None]]()
        self._is_closed = threading.Event()
        # With the context, by which LangChain knows the run that a model is asked in.
        run = contextvars.copy_context().run
        self._thread = threading.Thread(target=run, args=(self._run,), daemon=True)
        self._thread.start()

    def next(self, timeout_seconds: float) -> T:
        """Return what comes next.

        Raises
        ------
        Nothing
            Nothing has come within this time.
        StopIteration
            It has ended.
        Exception
            What it raised.
        """
        try:
            item, error = self._events.get(timeout=timeout_seconds)
        except queue.Empty:
            raise Nothing from None
        if error:
            raise error
        assert item is not None
        return item

    def close(self) -> None:
        """Stop it, wherever it is; what it holds open is closed before this returns, or soon after."""
        self._is_closed.set()
        with suppress(RuntimeError):  # the loop has ended meanwhile
            self._loop.call_soon_threadsafe(self._cancel)
        self._thread.join(_PATIENCE_SECONDS)

    def _cancel(self) -> None:
        if self._task:
            self._task.cancel()

    def _run(self) -> None:
        try:
            self._task = self._loop.create_task(self._pass_on())
            with suppress(asyncio.CancelledError):
                self._loop.run_until_complete(self._task)
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        finally:
            self._loop.close()

    async def _pass_on(self) -> None:
        iterator = self._make()
        try:
            async for item in iterator:
                self._events.put((item, None))
                if self._is_closed.is_set():
                    return
            self._events.put((None, StopIteration()))
        except Exception as error:  # noqa: BLE001  # carried to the thread that waits for it
            self._events.put((None, error))
        finally:
            # At once, and not when the garbage collector comes by.
            if close := getattr(iterator, "aclose", None):
                await close()
