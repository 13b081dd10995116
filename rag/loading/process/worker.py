"""Files that could break a parser are read in a process of their own, with limits on time and memory.

Run as ``python -m rag.loading.process.worker`` it answers one request after the other: a line of JSON with
what is to be done, how long the file is and what is known of it, then its bytes, get what
`rag/loading/process/answers.py` describes. Before the first one it gives up what it doesn't need
(`rag/loading/process/sandbox.py`): a file that takes it over finds little to do.
"""

from __future__ import annotations

import atexit
import gc
import json
import logging
import os
import re
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Literal

from rag.documents import IsCancelled, Loaded, NewDocument, heed
from rag.errors import LoadError
from rag.loading.feed_entries import read_feed
from rag.loading.formats import File
from rag.loading.process.answers import BadAnswer, read_answer, write_answer
from rag.loading.process.sandbox import confine, lacking, limit_memory
from rag.text.blocks import structured

SECONDS = 30.0
MEMORY_BYTES = 1024**3
_IDLE_SECONDS = 60.0
_LOOK_SECONDS = 0.1
"""So often is looked whether the file that is read is still wanted."""
_FILES = 500
_GROWN_BYTES = 512 * 1024**2
"""A worker is replaced after so many files or so much memory, which parsers keep."""
_KEPT = (
    *("LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE", "TZ", "TZDIR", "PYTHONHOME", "PYTHONUTF8"),
    *("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH"),
    *("SYSTEMROOT", "SYSTEMDRIVE", "WINDIR"),
)
"""What the worker is told of the environment: how to write, what time it is, and where libraries lie."""
_PACKAGE = Path(__file__).resolve().parents[2]

log = logging.getLogger(__name__)

Task = Literal["file", "feed", "text"]
"""To read a file or the entries of a feed, or to find the structure of a text."""


class Worker:
    """A process that reads files, begun when it is needed and again after it broke; one file at a time."""

    def __init__(self, seconds: float = SECONDS, memory_bytes: int = MEMORY_BYTES) -> None:
        self._seconds = seconds
        self._memory_bytes = memory_bytes
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._folder: TemporaryDirectory[str] | None = None
        self._files = 0
        self._idle: threading.Timer | None = None

    def read(self, file: File, cancelled: IsCancelled | None = None, task: Task = "file") -> Loaded:
        """Return what a file holds; that it took too long or broke its parser is a failure.

        Raises
        ------
        Cancelled
            The file was no longer wanted while it was read, or while it waited for another.
        """
        while not self._lock.acquire(timeout=_LOOK_SECONDS):
            heed(cancelled)
        try:
            if self._idle is not None:
                self._idle.cancel()
            return self._answer(task, file, cancelled)
        finally:
            self._idle = threading.Timer(_IDLE_SECONDS, self.close)
            self._idle.daemon = True
            self._idle.start()
            self._lock.release()

    def close(self) -> None:
        """End the process; the next file begins another."""
        with self._lock:
            self._stop()

    def kill(self) -> None:
        """End the process without waiting for the file that it reads."""
        if (process := self._process) is not None:
            process.kill()

    def _answer(self, task: Task, file: File, cancelled: IsCancelled | None) -> Loaded:
        process = self._running()
        over, ended = threading.Event(), threading.Event()
        end = time.monotonic() + self._seconds

        def watch() -> None:
            while not over.wait(min(_LOOK_SECONDS, self._seconds)):
                if time.monotonic() > end or (cancelled is not None and cancelled()):
                    ended.set()
                    process.kill()
                    return

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        found: tuple[Loaded, bool] | None = None
        try:
            found = _exchange(process, task, file)
        finally:
            over.set()
            watcher.join()
            # Also where an interruption has left this: the next file would be given what is still to come.
            if found is None or found[1] or ended.is_set():
                self._stop()
        if found is not None:
            return found[0]
        if ended.is_set() and time.monotonic() > end:
            why = f"took more than {self._seconds:.0f} seconds to read: split it, or add its text as .txt"
        else:
            heed(cancelled)
            why = "broke off while it was read: it is damaged or too large, so save it again or split it"
        return Loaded(failed=[LoadError(file.name, f"{file.name} {why}.")])

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None or self._files >= _FILES:
            self._stop()
            _tell_what_is_lacking()
            self._folder = TemporaryDirectory(prefix="footnote-", ignore_cleanup_errors=True)
            self._process = subprocess.Popen(
                # -P: nothing is imported from where it happens to be run.
                [sys.executable, "-P", "-m", "rag.loading.process.worker", str(self._memory_bytes)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=_environment(self._folder.name),
                cwd=self._folder.name,
            )
            self._files = 0
        self._files += 1
        return self._process

    def _stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            with suppress(OSError), self._process:  # what was still to be written
                pass  # its end is waited for, and its pipes are closed
        self._process = None
        if self._folder is not None:
            self._folder.cleanup()
        self._folder = None


def _exchange(process: subprocess.Popen[bytes], task: Task, file: File) -> tuple[Loaded, bool] | None:
    """Send a file and return what `read_answer` does, None if that isn't whole or not an answer to this."""
    assert process.stdin is not None  # both are pipes
    assert process.stdout is not None
    about = {"name": file.name, "key": file.key, "max_bytes": file.max_bytes, "charset": file.charset}
    try:
        process.stdin.write(json.dumps([task, len(file.data), about]).encode() + b"\n" + file.data)
        process.stdin.flush()
        return read_answer(process.stdout, file.key)
    except (OSError, BadAnswer):
        return None


def _environment(folder: str) -> dict[str, str]:
    """Return the few variables that Python needs: a file that takes over its parser finds nothing else."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    path = filter(None, [str(_PACKAGE.parent), os.environ.get("PYTHONPATH", "")])
    # One thread for arithmetic: each reserves memory, and nothing here needs it.
    threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    own = dict.fromkeys(("HOME", "USERPROFILE", "TMPDIR", "TEMP", "TMP"), folder)
    return {**kept, **threads, **own, "PYTHONPATH": os.pathsep.join(path)}


@cache
def _tell_what_is_lacking() -> None:
    if lacks := lacking():
        log.warning(
            "Files are read in a process of their own, which on this system does without %s.",
            " and ".join(lacks),
        )


_worker = Worker()
atexit.register(_worker.kill)


def read_apart(file: File, cancelled: IsCancelled | None = None, task: Task = "file") -> Loaded:
    """Read a file in the worker that this process keeps, as `Worker.read` does."""
    return _worker.read(file, cancelled, task)


def structured_apart(document: NewDocument, cancelled: IsCancelled | None = None) -> NewDocument:
    """Return a document as `rag.text.blocks.structured` does, by the worker, which can be ended.

    Raises
    ------
    LoadError
    Cancelled
    """
    name, data = document.title or document.key or "The text", document.text.encode("utf-8", "surrogatepass")
    loaded = read_apart(File(name, data, document.key, len(data)), cancelled, "text")
    for error in loaded.failed:
        raise error
    [found] = loaded.documents
    left_out = document.left_out + found.left_out
    return replace(document, text=found.text, blocks=found.blocks, left_out=left_out)


# ---------------------------------------------------------------------------------- the process


def _peak_bytes() -> int:
    """Return the most memory that this process has had; 0 where that can't be told."""
    # Not getrusage: on Linux its figure begins with that of the process which has started this one.
    try:
        status = Path("/proc/self/status").read_text("ascii", "replace")
    except OSError:  # macOS and Windows have none: there a worker ends after so many files
        return 0
    peak = re.search(r"^VmHWM:\s*(\d+) kB", status, re.MULTILINE)
    return 1024 * int(peak[1]) if peak else 0


def serve(requests: IO[bytes], answers: IO[bytes]) -> None:
    """Answer requests until there are no more."""
    from rag.loading.decoding import forget_slow_codecs

    forget_slow_codecs()
    while line := requests.readline():
        task, size, about = json.loads(line)
        file = File(data=requests.read(size), **about)
        try:
            loaded = _carried_out(task, file)
            write_answer(answers, loaded, grown=_peak_bytes() > _GROWN_BYTES)
        except MemoryError:
            why = f"needs more than {MEMORY_BYTES / 1024**3:.0f} GB of memory to read: split it"
            write_answer(answers, Loaded(failed=[LoadError(file.name, f"{file.name} {why}.")]), grown=True)


def _carried_out(task: Task, file: File) -> Loaded:
    from rag.loading.dispatch import read_any

    if task == "file":
        return read_any(file)
    if task == "feed":
        return read_feed(file)
    return Loaded([structured(NewDocument(file.data.decode("utf-8", "surrogatepass"), key=file.key))])


if __name__ == "__main__":
    # What a library prints must not get between the answers.
    own = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    limit_memory(int(sys.argv[1]))
    # Our own modules first, which may have to be compiled: from then on nothing can be written.
    import rag.loading.dispatch  # noqa: F401

    sys.dont_write_bytecode = True
    confine(_PACKAGE, Path.cwd())
    # Documents are many small objects that stay: looking through them for garbage again and again would take
    # half of the time of a large table.
    gc.set_threshold(100_000, 50, 50)
    serve(sys.stdin.buffer, own)
