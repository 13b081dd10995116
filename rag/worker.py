"""Files that could break a parser are read in a process of their own, with limits on time and memory.

Run as ``python -m rag.worker`` it answers one request after the other: a line of JSON with the name, the
key and the sizes, then the bytes, get one line of JSON with the documents and failures. JSON and not
pickle, since what comes back from a parser that a file has taken over must be able to do nothing.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import fields, replace
from datetime import date
from itertools import starmap
from pathlib import Path
from typing import IO, Any

from rag.documents import Block, IsCancelled, Loaded, NewDocument, heed
from rag.errors import LoadError

SECONDS = 30.0
MEMORY_BYTES = 1024**3
_IDLE_SECONDS = 60.0
_LOOK_SECONDS = 0.1
"""So often is looked whether the file that is read is still wanted."""
_FILES = 500
_GROWN_BYTES = 512 * 1024**2
"""A worker is replaced after so many files or so much memory, which parsers keep."""
_SECRET = re.compile("^(?:OPENAI|FOOTNOTE)_|KEY|TOKEN|SECRET|PASSW|CREDENTIAL", re.IGNORECASE)
_FIELDS = [field.name for field in fields(NewDocument)]


class Worker:
    """A process that reads files, begun when it is needed and again after it broke; one file at a time."""

    def __init__(self, seconds: float = SECONDS, memory_bytes: int = MEMORY_BYTES) -> None:
        self._seconds = seconds
        self._memory_bytes = memory_bytes
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._files = 0
        self._idle: threading.Timer | None = None

    def read(
        self,
        name: str,
        data: bytes,
        key: str,
        max_bytes: int,
        cancelled: IsCancelled | None = None,
        told: Mapping[str, str] | None = None,
        charset: str = "",
        *,
        is_file: bool = True,
    ) -> Loaded:
        """Return what a file holds; that it took too long or broke its parser is a failure.

        With ``told``, the headers that a feed came with, it is read as a feed; ``charset`` is what a server
        calls the encoding of a text. What is no file is a text whose structure is to be found.

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
            request = {
                "name": name,
                "key": key,
                "max_bytes": max_bytes,
                "size": len(data),
                "told": told,
                "charset": charset,
                "is_file": is_file,
            }
            return self._ask(name, json.dumps(request).encode() + b"\n" + data, cancelled)
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

    def _ask(self, name: str, request: bytes, cancelled: IsCancelled | None) -> Loaded:
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
        answer = b""
        try:
            answer = _exchange(process, request)
        finally:
            over.set()
            watcher.join()
            # Also where an interruption has left this: the next file would be given what is still to come.
            if not answer.endswith(b"\n") or ended.is_set():
                self._stop()
        if answer.endswith(b"\n"):
            found = json.loads(answer)
            if found["grown"]:
                self._stop()
            return _loaded(found)
        if not late.is_set():
            heed(cancelled)
        if late.is_set():
            why = f"took more than {self._seconds:.0f} seconds to read: split it, or add its text as .txt"
        else:
            why = "broke off while it was read: it is damaged or too large, so save it again or split it"
        return Loaded(failed=[LoadError(name, f"{name} {why}.")])

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None or self._files >= _FILES:
            self._stop()
            root = str(Path(__file__).parents[1])
            # One thread for arithmetic: each reserves memory, and nothing here needs it.
            threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
            path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH", "")]))
            self._process = subprocess.Popen(
                [sys.executable, "-m", "rag.worker", str(self._memory_bytes)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={**_harmless(os.environ), **threads, "PYTHONPATH": path},
                cwd=root,
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


def _exchange(process: subprocess.Popen[bytes], request: bytes) -> bytes:
    """Send a request and return its answer, which ends with a newline if it is whole."""
    assert process.stdin is not None  # both are pipes
    assert process.stdout is not None
    try:
        process.stdin.write(request)
        process.stdin.flush()
        return process.stdout.readline()
    except OSError:
        return b""


def _harmless(environment: Mapping[str, str]) -> dict[str, str]:
    """Return an environment without secrets: a file that takes over its parser finds none."""
    return {name: value for name, value in environment.items() if not _SECRET.search(name)}


_worker = Worker()
atexit.register(_worker.kill)


def read_apart(
    name: str,
    data: bytes,
    key: str,
    max_bytes: int,
    cancelled: IsCancelled | None = None,
    told: Mapping[str, str] | None = None,
    charset: str = "",
) -> Loaded:
    """Read a file, or a feed with what was told of it, in the worker that this process keeps."""
    return _worker.read(name, data, key, max_bytes, cancelled, told, charset)


def structured_apart(document: NewDocument, cancelled: IsCancelled | None = None) -> NewDocument:
    """Return a document as `rag.blocks.structured` does, by the worker, which can be ended.

    Raises
    ------
    LoadError
    Cancelled
    """
    name = document.title or document.key or "The text"
    text = document.text.encode("utf-8", "surrogatepass")
    loaded = _worker.read(name, text, document.key, len(text), cancelled, is_file=False)
    for error in loaded.failed:
        raise error
    [found] = loaded.documents
    left_out = document.left_out + found.left_out
    return replace(document, text=found.text, blocks=found.blocks, left_out=left_out)


# -------------------------------------------------------------------------------- what is passed


def _answer(loaded: Loaded) -> bytes:
    documents = [
        {**{name: getattr(d, name) for name in _FIELDS},
         "published": d.published.isoformat() if d.published else None,
         "blocks": [value for b in d.blocks for value in (b.kind, b.start, b.end, b.level, b.page)]}
        for d in loaded.documents
    ]  # fmt: skip
    failed = [[error.path, error.reason, error.keys] for error in loaded.failed]
    answer = {"documents": documents, "failed": failed, "grown": _peak_bytes() > _GROWN_BYTES}
    return json.dumps(answer).encode() + b"\n"


def _peak_bytes() -> int:
    """Return the most memory that this process has had; 0 where that can't be told."""
    # Not getrusage: on Linux its figure begins with that of the process which has started this one.
    try:
        status = Path("/proc/self/status").read_text("ascii", "replace")
    except OSError:  # macOS and Windows have none: there a worker ends after so many files
        return 0
    peak = re.search(r"^VmHWM:\s*(\d+) kB", status, re.MULTILINE)
    return 1024 * int(peak[1]) if peak else 0


def _loaded(answer: dict[str, Any]) -> Loaded:
    return Loaded(
        [
            NewDocument(
                **{
                    **found,
                    "published": date.fromisoformat(found["published"]) if found["published"] else None,
                    "blocks": tuple(starmap(Block, zip(*[iter(found["blocks"])] * 5, strict=True))),
                }
            )
            for found in answer["documents"]
        ],
        [LoadError(path, reason, keys=tuple(keys)) for path, reason, keys in answer["failed"]],
    )


# ---------------------------------------------------------------------------------- the process


def _limit_memory(memory_bytes: int) -> None:
    try:
        import resource
    except ImportError:  # Windows has none
        return
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def serve(requests: IO[bytes], answers: IO[bytes]) -> None:
    """Answer requests until there are no more."""
    from rag.blocks import structured
    from rag.decoding import forget_slow_codecs
    from rag.load_any import read_any

    forget_slow_codecs()
    while line := requests.readline():
        request = json.loads(line)
        data = requests.read(request["size"])
        name = request["name"]
        try:
            if request["told"] is not None:
                from rag.feeds import read_feed

                loaded = read_feed(name, data, request["told"])
            elif not request["is_file"]:
                text = data.decode("utf-8", "surrogatepass")
                loaded = Loaded([structured(NewDocument(text, key=request["key"]))])
            else:
                loaded = read_any(name, data, request["key"], request["max_bytes"], request["charset"])
            answer = _answer(loaded)
        except MemoryError:
            reason = f"{name} needs more than {MEMORY_BYTES / 1024**3:.0f} GB of memory to read: split it."
            answer = _answer(Loaded(failed=[LoadError(name, reason)]))
        answers.write(answer)
        answers.flush()


if __name__ == "__main__":
    # What a library prints must not get between the answers.
    own = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    _limit_memory(int(sys.argv[1]))
    # Documents are many small objects that stay: looking through them for garbage again and again would take
    # half of the time of a large table.
    gc.set_threshold(100_000, 50, 50)
    serve(sys.stdin.buffer, own)
