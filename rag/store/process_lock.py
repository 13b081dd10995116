"""A lock between processes, which ends with the process that holds it."""

from __future__ import annotations

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
            if not _try_lock(file):
                file.close()
                return False
            self._file = file
        return True

    def release(self) -> None:
        """Give the lock up."""
        if self._file is not None:
            self._file.close()
            self._file = None


def _try_lock(file: IO[str]) -> bool:
    try:
        import fcntl
    except ImportError:  # Windows: one process at a time is not enforced there
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
