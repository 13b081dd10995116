"""Following folders while the app runs: what changes in them is read in a thread of its own."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, replace
from functools import partial

from rag.documents import AddReport, Progress, ReportProgress
from rag.ingest.folder import Folder, Listing
from rag.ingest.watching import Rest, happenings, places_of
from rag.keys import CORPUS_PREFIX
from rag.library import Library
from rag.service.pace import Pace
from rag.service.work import Work, sentence_for
from rag.text.canonical import one_line

_REST_SECONDS = 1.0
_LOOK_SECONDS = 1.0
"""So often is looked whether there is something to do."""
_EVERY_SECONDS = 60.0
"""So often all files are compared, whether anything was told of them or not: network drives tell nothing."""
_TURN_SECONDS = 2.0
"""After so long of reading the folders are looked at again: what has gone meanwhile leaves first."""
_FIRST_SECONDS = 3.0
"""So long the first reading waits for files that are not at rest."""


@dataclass(frozen=True, slots=True)
class FollowingState:
    """How following goes, at one moment.

    ``progress`` and ``pace`` are those of reading, None while nothing is read. ``is_behind`` says that the
    folders have not been read to their end since following was paused, ``unrested`` counts files that are
    being written. ``version`` rises whenever the library or the list of failures may have changed.
    """

    folders: tuple[str, ...]
    missing: tuple[str, ...]
    progress: Progress | None
    pace: Pace | None
    is_paused: bool
    is_behind: bool
    error: str
    unrested: int
    version: int


class Following:
    """Keeps a library in step with its folders until it is closed.

    Files are read one after the other; after some seconds of it the folders are looked at again. What fails
    is tried again when something happens, and after a minute.

    A file that has changed, come or gone a moment ago is left for later: it may still be written.
    """

    def __init__(self, library: Library) -> None:
        self._library = library
        self._folders = library.followed.folders
        self._rest = Rest(_REST_SECONDS)
        self._listing = Listing()
        self._restless: set[str] = set()
        self._is_behind = False
        self._error = ""
        self._version = 0
        self._work: Work[AddReport] | None = None
        self._next = 0.0
        self._reading = threading.Lock()
        self._paused, self._closing, self._asked, self._begun = (threading.Event() for _ in range(4))
        self._thread: threading.Thread | None = None

    def start(self, first: Work[AddReport]) -> None:
        """Begin to follow as soon as the first reading, which calls `read_first`, is over."""
        self._work = first
        self._thread = threading.Thread(target=self._run, name="following", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End it; a file that is being read is left for the next time."""
        self._closing.set()
        self._begun.set()
        if self._thread is not None:
            self._thread.join()

    def pause(self) -> None:
        """Read nothing more, and follow nothing, until `go_on`; what has been read stays."""
        self._paused.set()
        self._is_behind = True
        self._version += 1

    def go_on(self) -> None:
        """Follow the folders again."""
        self._paused.clear()
        self._asked.set()

    def retry(self, files: list[str] | None = None) -> None:
        """Read files again that could not be read, by their keys; all if left out."""
        self._library.followed.retry(files)
        self._asked.set()

    @property
    def state(self) -> FollowingState:
        """How it goes."""
        work = self._work
        is_reading = work is not None and not work.done and 0 < work.progress.total > work.progress.done
        return FollowingState(
            folders=tuple(map(_name, self._folders)),
            missing=tuple(map(_name, self._listing.missing)),
            progress=work.progress if work and is_reading else None,
            pace=work.pace if work and is_reading else None,
            is_paused=self._paused.is_set(),
            is_behind=self._is_behind,
            error=self._error,
            unrested=len(self._restless),
            version=self._version,
        )

    def read_first(self, report: ReportProgress) -> AddReport:
        """Read what is to be read at the start, with files that come to rest within some seconds."""
        end = time.monotonic() + _FIRST_SECONDS
        try:
            done = self.read(report)
            while self._restless and time.monotonic() < end and not self._is_stopped():
                self._closing.wait(_LOOK_SECONDS)
                done = self.read(report)
        finally:
            self._begun.set()
        return done

    def read(self, report: ReportProgress) -> AddReport:
        """Bring the library in step, but for files that are being written just now."""
        begun = set[str]()
        while True:
            with self._reading:
                part = self._read_some(partial(_further, report, len(begun)), begun)
            if part.cancelled or not part.left or self._is_stopped():
                self._is_behind = self._is_behind and self._is_stopped()
                return part

    def _read_some(self, report: ReportProgress, begun: set[str]) -> AddReport:
        self._listing = self._library.followed.look_into(self._folders)
        self._restless = self._rest.restless(self._listing, time.monotonic())
        part = self._library.followed.sync(
            report,
            self._is_stopped,
            listing=self._listing,
            leave=self._restless,
            begun=begun,
            seconds=_TURN_SECONDS,
        )
        if any((part.added, part.updated, part.renamed, part.removed, part.failed)):
            self._version += 1
        return part

    def _is_stopped(self) -> bool:
        return self._paused.is_set() or self._closing.is_set()

    def _run(self) -> None:
        self._begun.wait()
        while not self._closing.is_set():
            try:
                self._watch()
            except Exception as error:  # noqa: BLE001  # logged, told on the page, and tried again
                self._error = sentence_for(error)
                self._closing.wait(_LOOK_SECONDS)

    def _watch(self) -> None:
        """Watch the folders that are there, until others are."""
        places = places_of(self._folders)
        self._asked.set()  # something may have happened before they were watched
        leave = [self._library.settings.data_dir]
        for happened in happenings(places, leave, self._closing, _LOOK_SECONDS):
            if self._is_due(happened):
                self._look()
            if self._closing.is_set() or places_of(self._folders) != places:
                return

    def _is_due(self, happened: bool) -> bool:
        if happened:
            self._asked.set()
        if self._paused.is_set():
            return False
        return self._asked.is_set() or bool(self._restless) or time.monotonic() >= self._next

    def _look(self) -> None:
        self._asked.clear()
        self._work = work = Work(self.read)
        work.wait()
        self._next = time.monotonic() + _EVERY_SECONDS
        if work.error != self._error:
            self._error, self._version = work.error, self._version + 1


def _further(report: ReportProgress, done: int, progress: Progress) -> None:
    """Tell progress of a part of the files as that of all; the end of a part is none of all."""
    if progress.what:
        report(replace(progress, done=done + progress.done, total=done + progress.total))


def _name(folder: Folder) -> str:
    path = str(folder.path) if folder.prefix != CORPUS_PREFIX else folder.path.name
    return f"{one_line(path).rstrip('/')}/"
