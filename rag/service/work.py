"""Work that goes on in a thread while pages come and go, and says how far it is."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Generic, TypeVar

from rag.documents import Progress, ReportProgress
from rag.errors import FootnoteError
from rag.service.pace import Pace

UNEXPECTED = "Something went wrong on our side; the server's log has the details. Please try again."

Result = TypeVar("Result")
log = logging.getLogger(__name__)


class Work(Generic[Result]):
    """A function running in a thread of its own.

    Streamlit stops a script wherever it is when somebody clicks elsewhere; adding documents must not
    be stopped like that, so it runs here and the pages only look at it.

    Parameters
    ----------
    function
        What to do; it is given a function to report progress with.
    begin
        Whether it begins at once; otherwise `run` does it, in the thread that calls it.

    Attributes
    ----------
    progress
        What was reported last; it doesn't go back before it has reached its total.
    pace
        How fast it goes.
    result
        What the function returned; None until then, and after a failure.
    error
        The sentence for the user where it failed, otherwise empty.
    """

    def __init__(self, function: Callable[[ReportProgress], Result], *, begin: bool = True) -> None:
        self.progress = Progress(0, 0, "")
        self.pace = Pace(time.monotonic(), time.monotonic())
        self.result: Result | None = None
        self.error = ""
        self._done = threading.Event()
        self._function = function
        if begin:
            threading.Thread(target=self.run, daemon=True).start()

    @property
    def done(self) -> bool:
        """Whether the function has returned or failed."""
        return self._done.is_set()

    def wait(self, timeout_seconds: float | None = None) -> bool:
        """Wait for the end, at most so long, and return whether it has come."""
        return self._done.wait(timeout_seconds)

    def run(self) -> None:
        """Do it."""
        try:
            self.result = self._function(self._report)
        except Exception as error:  # noqa: BLE001  # logged, and one sentence for the user
            self.error = sentence_for(error)
        finally:
            self._done.set()

    def _report(self, progress: Progress) -> None:
        now, before = time.monotonic(), self.progress
        if before.done >= before.total or progress.total != before.total:  # another piece of work begins
            self.pace = Pace(now, now)
        elif (progress.done, progress.part) < (before.done, before.part):
            progress = replace(progress, done=before.done, part=before.part)
        self.progress, self.pace = progress, self.pace.after(now, progress)


def sentence_for(error: Exception) -> str:
    """Return what to tell the user about an error; one that nobody foresaw is logged."""
    if isinstance(error, FootnoteError):
        return str(error)
    log.error("unexpected error", exc_info=error)
    return UNEXPECTED
