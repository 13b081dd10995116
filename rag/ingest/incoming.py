"""What was handed over, on disk until it is in the library: a restart loses none of it.

Files, pasted texts and addresses of the web are kept alike. Each is called by the time it came, never by
its own name, which stands beside it in a small JSON file. Each process keeps its own in a folder of its own,
locked as long as it runs; what an ended one has left is taken up by the next.
"""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, get_args

from rag.errors import LoadError
from rag.ingest.folder import size_in_bytes
from rag.keys import file_of
from rag.store.process_lock import ProcessLock

MOST_BYTES = 2 * 1024**3
"""What may wait at once: eighty files of the largest size that is taken."""
MOST_ATTEMPTS = 2
ENDED_THE_APP = (
    "The app ended twice while this was added, so it was left out: split it, or add its text as .txt."
)
Kind = Literal["file", "text", "address", "entry"]
"""What waits: a file, a pasted text, an address of the web, or an entry of a feed."""
_LOCK = ".lock"
_DATA, _NOTE = ".data", ".json"


def upload_key(name: str) -> str:
    """Return the key of a file that was handed over under this name."""
    return f"upload:{name}"


@dataclass(frozen=True, slots=True)
class Kept:
    """A file that waits on disk.

    ``drop`` names what it was handed over together with, ``kind`` what it holds, and ``key`` is the key of
    what it brings into the library, as far as that is known. ``attempts`` counts how often the process has
    ended while it was added, other than by being closed.
    """

    name: str
    drop: str
    path: Path
    kind: Kind = "file"
    key: str = ""
    attempts: int = 0

    def read(self) -> bytes:
        """Return its content.

        Raises
        ------
        LoadError
            It is no longer there.
        """
        try:
            return self.path.read_bytes()
        except OSError as error:
            reason = "The file is no longer kept on the server's disk: add it again."
            raise LoadError(self.name, reason) from error

    def write(self, data: bytes) -> None:
        """Write its content, and then the note that makes it whole."""
        try:
            self.path.write_bytes(data)
            self.note(is_begun=False)
        except OSError:
            self.delete()
            raise

    def begin(self) -> None:
        """Note that it is being added, which counts as an attempt until it is noted otherwise, or deleted.

        Raises
        ------
        LoadError
            That has ended the process before, again and again.
        """
        if self.attempts >= MOST_ATTEMPTS:
            raise LoadError(self.name, ENDED_THE_APP)
        replace(self, attempts=self.attempts + 1).note(is_begun=True)

    def note(self, *, is_begun: bool) -> None:
        """Note whether the file is being added, so that from now on its documents may be in the library."""
        names = ("name", "drop", "kind", "key", "attempts")
        note = {name: getattr(self, name) for name in names} | {"is_begun": is_begun}
        part = self.path.with_suffix(".part")
        part.write_text(json.dumps(note), "ascii")
        part.replace(self.path.with_suffix(_NOTE))

    def delete(self) -> None:
        """Delete it, its text first."""
        for path in (self.path, self.path.with_suffix(_NOTE)):
            path.unlink(missing_ok=True)


class Incoming:
    """The files that wait to be added to the library in a data folder.

    Parameters
    ----------
    most_bytes
        How much may wait at once.
    """

    def __init__(self, data_dir: Path, most_bytes: int = MOST_BYTES) -> None:
        self._root = _root(data_dir)
        self._most_bytes = most_bytes
        self._locks: dict[Path, ProcessLock] = {}
        self._own: Path | None = None
        self._last = 0
        self._mutex = threading.Lock()

    def left(self) -> list[Kept]:
        """Take up what processes that have ended have left, in the order in which it came."""
        found = list[Kept]()
        for folder in sorted(self._root.iterdir()) if self._root.is_dir() else []:
            if folder not in self._locks and self._hold(folder):
                found.extend(_whole(folder))
                self._tidy(folder)
        return sorted(found, key=lambda kept: kept.path.name)

    def keep(self, name: str, data: bytes, drop: str, *, kind: Kind = "file", key: str = "") -> Kept:
        """Write something to disk that is to be added.

        Raises
        ------
        LoadError
            There is no room for it.
        """
        try:
            with self._mutex:
                waiting = sum(size_in_bytes(path) for path in self._root.glob(f"*/*{_DATA}"))
                if waiting + len(data) > self._most_bytes:
                    raise LoadError(
                        name, "Too much waits to be added already: add it again when that is done."
                    )
                self._last = max(self._last + 1, time.time_ns())
                path = self._folder() / f"{self._last:020}{_DATA}"
                kept = Kept(name, drop, path, kind, key or (upload_key(name) if kind == "file" else ""))
                kept.write(data)
        except OSError as error:
            why = error.strerror or type(error).__name__
            reason = (
                f"It could not be written to the server's disk ({why}): free some space and add it again."
            )
            raise LoadError(name, reason) from error
        return kept

    def close(self) -> None:
        """Leave what still waits to the next process."""
        for folder in list(self._locks):
            self._tidy(folder)
        for lock in self._locks.values():
            lock.release()
        self._locks, self._own = {}, None

    def _folder(self) -> Path:
        while self._own is None or not self._own.is_dir():
            folder = self._root / secrets.token_hex(8)
            folder.mkdir(parents=True)
            # Another process that has just started may have taken it for one that is left.
            if self._hold(folder) and (folder / _LOCK).exists():
                self._own = folder
        return self._own

    def _hold(self, folder: Path) -> bool:
        lock = ProcessLock(folder / _LOCK)
        with suppress(OSError):  # it has just gone, or is no folder
            if lock.acquire():
                self._locks[folder] = lock
                return True
        return False

    def _tidy(self, folder: Path) -> None:
        """Remove a folder that is held, if nothing waits in it."""
        if any(folder.glob(f"*{_DATA}")):
            return
        with suppress(OSError):  # a file that is open can't be deleted on Windows
            for path in [*folder.glob("*"), folder / _LOCK]:
                path.unlink(missing_ok=True)
            folder.rmdir()
        self._locks.pop(folder).release()


def forget_incoming(data_dir: Path, key: str) -> None:
    """Delete the file that a document came from which has just been removed from the library.

    Otherwise the rest of a large file, or a restart between the adding and the deletion of its file,
    would keep the removed text. A file that only waits is another one of the same name, and stays.
    """
    for path in _root(data_dir).glob(f"*/*{_NOTE}"):
        note = _note(path)
        if note.get("is_begun") and file_of(key, (_kept(path.with_suffix(_DATA), note).key,)):
            Kept("", "", path.with_suffix(_DATA)).delete()


def _root(data_dir: Path) -> Path:
    return data_dir / "incoming"


def _whole(folder: Path) -> Iterator[Kept]:
    """Yield the files of a folder; what was cut off while it was written is deleted."""
    for path in list(folder.glob(f"*{_DATA}")):
        if note := _note(path.with_suffix(_NOTE)):
            yield _kept(path, note)
        else:
            path.unlink(missing_ok=True)


def _kept(path: Path, note: Mapping[str, object]) -> Kept:
    kind: Kind = next((kind for kind in get_args(Kind) if kind == note.get("kind")), "file")
    name, attempts = str(note.get("name", "")), note.get("attempts")
    # An older Footnote kept files only, and noted no key.
    key = str(note.get("key") or (upload_key(name) if kind == "file" else ""))
    attempts = attempts if isinstance(attempts, int) else 0
    return Kept(name, str(note.get("drop", "")), path, kind, key, attempts)


def _note(path: Path) -> dict[str, object]:
    try:
        note = json.loads(path.read_text("ascii"))
    except (OSError, ValueError):
        return {}
    return note if isinstance(note, dict) else {}
