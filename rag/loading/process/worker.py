"""Files that could break a parser are read in a process of their own, with limits on time and memory.

Run as ``python -m rag.loading.process.worker`` it answers one request after the other: a line of JSON with
what is to be done, the name and the size, then the bytes, get what `rag/loading/process/answers.py`
describes. Before the first one it gives up what it doesn't need (`rag/loading/process/sandbox.py`): a file
that takes it over finds little to do.
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
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any, Generic, Literal, TypeVar

from rag.documents import IsCancelled, Loaded, NewDocument, heed
from rag.errors import LoadError
from rag.loading.feed_entries import Feed, read_feed
from rag.loading.formats import File
from rag.loading.process.answers import BadAnswer, read_answer, read_entries, write_answer, write_entries
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
Read = TypeVar("Read")


@dataclass(frozen=True, slots=True)
class _Request(Generic[Read]):
    """What the process is asked for; ``answer`` reads what it gives back, and whether it wants to end."""

    task: Task
    name: str
    data: bytes
    facts: Mapping[str, object]
    answer: Callable[[IO[bytes]], tuple[Read, bool]]

    def packed(self) -> bytes:
        """Return it as it is sent."""
        head = {"task": self.task, "name": self.name, "size": len(self.data), **self.facts}
        return json.dumps(head).encode() + b"\n" + self.data


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

    def read(self, file: File, cancelled: IsCancelled | None = None) -> Loaded:
        """Return what a file holds; that it took too long or broke its parser is a failure.

        Raises
        ------
        Cancelled
            The file was no longer wanted while it was read, or while it waited for another.
        """
        facts = {"key": file.key, "max_bytes": file.max_bytes, "charset": file.charset}
        request = _Request("file", file.name, file.data, facts, partial(read_answer, key=file.key))
        try:
            return self._ask(request, cancelled)
        except LoadError as error:
            return Loaded(failed=[error])

    def structured(self, name: str, text: str, key: str, cancelled: IsCancelled | None = None) -> NewDocument:
        """Return a text with the structure that is found in it.

        Raises
        ------
        LoadError
            It took too long, or broke off.
        Cancelled
        """
        data = text.encode("utf-8", "surrogatepass")
        request = _Request("text", name, data, {"key": key}, partial(read_answer, key=key))
        loaded = self._ask(request, cancelled)
        for error in loaded.failed:
            raise error
        [document] = loaded.documents
        return document

    def read_feed(self, name: str, url: str, data: bytes, headers: Mapping[str, str]) -> Feed:
        """Return a feed's entries, as `rag.loading.feed_entries.read_feed` does.

        Raises
        ------
        LoadError
            It can't be read.
        """
        facts = {"url": url, "headers": dict(headers)}
        feed = self._ask(_Request("feed", name, data, facts, partial(read_entries, url=url)))
        if isinstance(feed, LoadError):
            raise feed
        return feed

    def close(self) -> None:
        """End the process; the next file begins another."""
        with self._lock:
            self._stop()

    def kill(self) -> None:
        """End the process without waiting for the file that it reads."""
        if (process := self._process) is not None:
            process.kill()

    def _ask(self, request: _Request[Read], cancelled: IsCancelled | None = None) -> Read:
        while not self._lock.acquire(timeout=_LOOK_SECONDS):
            heed(cancelled)
        try:
            if self._idle is not None:
                self._idle.cancel()
            return self._answer(request, cancelled)
        finally:
            self._idle = threading.Timer(_IDLE_SECONDS, self.close)
            self._idle.daemon = True
            self._idle.start()
            self._lock.release()

    def _answer(self, request: _Request[Read], cancelled: IsCancelled | None) -> Read:
        process = self._running()
        over, late, ended = threading.Event(), threading.Event(), threading.Event()
        end = time.monotonic() + self._seconds

        def watch() -> None:
            while not over.wait(min(_LOOK_SECONDS, self._seconds)):
                if time.monotonic() > end:
                    late.set()
                if late.is_set() or (cancelled is not None and cancelled()):
                    ended.set()
                    process.kill()
                    return

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        found: tuple[Read, bool] | None = None
        try:
            found = _exchange(process, request)
        finally:
            over.set()
            watcher.join()
            # Also where an interruption has left this: the next file would be given what is still to come.
            if found is None or found[1] or ended.is_set():
                self._stop()
        if found is not None:
            return found[0]
        if not late.is_set():
            heed(cancelled)
        if late.is_set():
            why = f"took more than {self._seconds:.0f} seconds to read: split it, or add its text as .txt"
        else:
            why = "broke off while it was read: it is damaged or too large, so save it again or split it"
        raise LoadError(request.name, f"{request.name} {why}.")

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
            self._process.wait()
            for pipe in (self._process.stdin, self._process.stdout):
                if pipe is not None:
                    with suppress(OSError):  # what was still to be written
                        pipe.close()
        self._process = None
        if self._folder is not None:
            self._folder.cleanup()
        self._folder = None


def _exchange(process: subprocess.Popen[bytes], request: _Request[Read]) -> tuple[Read, bool] | None:
    """Send a request and return its answer, None if that isn't whole or not one to this."""
    assert process.stdin is not None  # both are pipes
    assert process.stdout is not None
    try:
        process.stdin.write(request.packed())
        process.stdin.flush()
        return request.answer(process.stdout)
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


def read_apart(file: File, cancelled: IsCancelled | None = None) -> Loaded:
    """Read a file in the worker that this process keeps, as `Worker.read` does."""
    return _worker.read(file, cancelled)


def read_feed_apart(name: str, url: str, data: bytes, headers: Mapping[str, str]) -> Feed:
    """Read a feed in the worker, as `Worker.read_feed` does."""
    return _worker.read_feed(name, url, data, headers)


def structured_apart(document: NewDocument, cancelled: IsCancelled | None = None) -> NewDocument:
    """Return a document as `rag.text.blocks.structured` does, by the worker, which can be ended.

    Raises
    ------
    LoadError
    Cancelled
    """
    name = document.title or document.key or "The text"
    found = _worker.structured(name, document.text, document.key, cancelled)
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
        request = json.loads(line)
        data = requests.read(request.pop("size"))
        try:
            _carry_out(request.pop("task"), request, data, answers)
        except LoadError as error:
            write_answer(answers, Loaded(failed=[error]), grown=_has_grown())
        except MemoryError:
            name = request["name"]
            reason = f"{name} needs more than {MEMORY_BYTES / 1024**3:.0f} GB of memory to read: split it."
            write_answer(answers, Loaded(failed=[LoadError(name, reason)]), grown=True)


def _carry_out(task: Task, request: Mapping[str, Any], data: bytes, answers: IO[bytes]) -> None:
    from rag.loading.dispatch import read_any

    if task == "feed":
        feed = read_feed(data=data, **request)
        write_entries(answers, feed, grown=_has_grown())
    elif task == "text":
        text = data.decode("utf-8", "surrogatepass")
        write_answer(answers, Loaded([structured(NewDocument(text, key=request["key"]))]), grown=_has_grown())
    else:
        write_answer(answers, read_any(File(data=data, **request)), grown=_has_grown())


def _has_grown() -> bool:
    return _peak_bytes() > _GROWN_BYTES


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
