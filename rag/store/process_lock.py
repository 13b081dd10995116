"""A lock between processes, which ends with the process that holds it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


class ProcessLock:
    """A file that one process at a time holds, and one holder of a process."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[str] | None = None

    def acquire(self) -> bool:
        """Hold the lock if nobody else does; return whether it is held."""
        if self._file is None:
            file = self._path.open("w")
            try:
                import fcntl

                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except ImportError:  # Windows: one process at a time is not enforced there
                pass
            except OSError:
                file.close()
                return False
            self._file = file
        return True

    @contextmanager
    def tried(self) -> Iterator[bool]:
        """Hold the lock for a while if nobody else does, and tell whether it is held."""
        is_held = self.acquire()
        try:
            yield is_held
        finally:
            if is_held:
                self.release()

    def release(self) -> None:
        """Give the lock up."""
        if self._file is not None:
            self._file.close()
            self._file = None
