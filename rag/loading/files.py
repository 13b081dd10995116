"""Files on disk are opened once: what is read is what was looked at, whatever takes its place."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from rag.errors import LoadError
from rag.keys import Stamp
from rag.loading.formats import shown_name

# A pipe that takes the place of a file must not be waited for, nor a terminal become this process's own.
_READ = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_BINARY", 0)
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
_FOLDER = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0)
_BY_STEPS = os.open in os.supports_dir_fd and os.stat in os.supports_dir_fd


def stamp_in(status: os.stat_result) -> Stamp:
    """Return what tells that a file has changed."""
    return status.st_size, status.st_mtime_ns


@dataclass(frozen=True, slots=True)
class Bounds:
    """Where links may lead: into these folders, but for what lies in those to ``leave``."""

    folders: Sequence[Path]
    leave: Sequence[Path] = ()
    _real: list[str] = field(default_factory=list, init=False, compare=False)
    _left: list[str] = field(default_factory=list, init=False, compare=False)

    def __post_init__(self) -> None:
        # As text: a folder may hold hundreds of thousands of files.
        self._real.extend(map(os.path.realpath, self.folders))
        self._left.extend(map(os.path.realpath, self.leave))

    def root_of(self, real: str) -> str | None:
        """Return which folder a place without links lies in, None where it is out of bounds."""
        if any(_is_below(real, left) for left in self._left):
            return None
        return next((root for root in self._real if _is_below(real, root)), None)


class OutOfBounds(LoadError):
    """A link leads out of the folders that may be read, or a file belongs to somebody else."""


@dataclass(frozen=True, slots=True)
class FileRead:
    """What was read of a file, and its stamp then; one more byte than asked for tells that it is larger."""

    data: bytes
    stamp: Stamp


def read_file(path: Path, max_bytes: int, bounds: Bounds | None = None) -> FileRead:
    """Read a file as far as `max_bytes` and one byte more; of a larger one nothing.

    Without bounds whoever calls has named the file and means what its name leads to.

    Raises
    ------
    LoadError
        It is no regular file, may not be read, or is out of bounds (`OutOfBounds`).
    """
    name = shown_name(str(path) if bounds is None else path.name)
    try:
        with _opened(path, name, bounds) as descriptor:
            status = os.fstat(descriptor)
            # Some of what the system tells of itself calls itself empty, and would never end.
            if not 0 < status.st_size <= max_bytes:
                return FileRead(b"", stamp_in(status))
            with open(descriptor, "rb", closefd=False) as file:
                return FileRead(file.read(max_bytes + 1), stamp_in(status))
    except (FileNotFoundError, ValueError) as error:  # a zero in its name is no value for one
        raise LoadError(name, f"{name} does not exist: check the path.") from error
    except PermissionError as error:
        reason = f"{name} may not be read: change its permissions and try again."
        raise LoadError(name, reason, retryable=True) from error
    except OSError as error:
        why = error.strerror or type(error).__name__
        reason = f"{name} could not be read ({why}): check the path and the disk."
        raise LoadError(name, reason, retryable=True) from error


@contextmanager
def _opened(path: Path, name: str, bounds: Bounds | None) -> Iterator[int]:
    if bounds is None:
        _check_kind(name, path.stat())
        descriptor = os.open(path, _READ)
    else:
        descriptor = _open_within(path, name, bounds)
    try:
        _check_kind(name, os.fstat(descriptor))
        yield descriptor
    finally:
        os.close(descriptor)


def _check_kind(name: str, status: os.stat_result) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise LoadError(name, f"{name} is a folder: choose the files in it.")
    # Pipes and devices would never end.
    if not stat.S_ISREG(status.st_mode):
        raise LoadError(name, f"{name} is not a regular file: choose a file that holds a document.")


def _open_within(path: Path, name: str, bounds: Bounds) -> int:
    """Open what a name leads to within bounds, folder by folder, so that no link can come in between."""
    real = os.path.realpath(path)
    root = bounds.root_of(real)
    if root is None:
        advice = "put the file itself there, or follow its folder too"
        raise OutOfBounds(name, f"{name} is a link that leads out of the folder: {advice}.")
    if not _BY_STEPS:  # Windows, where links need a right
        _check_kind(name, Path(real).stat())
        return os.open(real, _READ)
    *folders, last = Path(real).relative_to(root).parts
    folder = os.open(root, _FOLDER)
    try:
        for part in folders:
            inner = os.open(part, _FOLDER | _NO_LINK, dir_fd=folder)
            os.close(folder)
            folder = inner
        # To open a device may be to do something with it.
        _check_kind(name, os.stat(last, dir_fd=folder, follow_symlinks=False))
        descriptor = os.open(last, _READ | _NO_LINK, dir_fd=folder)
        try:
            _check_owner(name, os.fstat(descriptor), os.fstat(folder))
        except LoadError:
            os.close(descriptor)
            raise
        return descriptor
    finally:
        os.close(folder)


def _check_owner(name: str, status: os.stat_result, folder: os.stat_result) -> None:
    """Refuse a file with a second name whose owner isn't that of its folder: a link like any other.

    Most systems let nobody link what isn't his own; to whom both belong may have as many names as he likes.
    """
    if status.st_nlink > 1 and status.st_uid != folder.st_uid and stat.S_ISREG(status.st_mode):
        reason = f"{name} belongs to somebody else and has another name elsewhere: put a copy of it there."
        raise OutOfBounds(name, reason)


def _is_below(place: str, folder: str) -> bool:
    return place == folder or place.startswith(folder.rstrip(os.sep) + os.sep)
