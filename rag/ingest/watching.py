"""Watching folders: when to look at them again, and which of their files are at rest."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from rag.ingest.folder import Folder, Listing, is_article
from rag.keys import Stamp

_STEP_MILLISECONDS = 200
"""After so long without another change the changes are told, and so often is looked whether to end."""
_TOGETHER_MILLISECONDS = 1_000
"""Changes are told after so long at the latest, however many there are."""

Places = dict[Path, tuple[int, int]]
"""Folders that are there, with device and inode: one that was replaced has to be watched anew."""

log = logging.getLogger(__name__)


class Rest:
    """Knows which files have changed, come or gone so lately that somebody may still be at work on them.

    It goes by what it sees and by its own clock: that of a network drive may be wrong. Only at the first look
    a file's time has to do, or a start would wait for nothing.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._seen: dict[str, tuple[Stamp | None, float]] | None = None

    def restless(self, listing: Listing, now: float) -> set[str]:
        """Return the keys of the files that are not at rest; ``now`` is in seconds of a steady clock."""
        before, first = self._seen or {}, self._seen is None
        seen = dict[str, tuple[Stamp | None, float]]()
        for key, file in listing.files.items():
            stamp, since = before.get(key, (None, now))
            if first:
                since = now - max(0.0, time.time() - file.stamp[1] / 1e9)
            elif stamp != file.stamp:
                since = now
            seen[key] = file.stamp, since
        for key, (stamp, since) in before.items():
            if key in seen or not listing.covers(key):
                continue
            since = now if stamp is not None else since
            if now - since < self._seconds:
                # Some programs save a file by putting another in its place.
                seen[key] = None, since
        self._seen = seen
        return {key for key, (_, since) in seen.items() if now - since < self._seconds}


def places_of(folders: Sequence[Folder]) -> Places:
    """Return those of the folders that are there."""
    places = Places()
    for folder in folders:
        try:
            status = folder.path.stat()
        except OSError:
            continue
        if folder.path.is_dir():
            places[folder.path] = status.st_dev, status.st_ino
    return places


def happenings(
    places: Collection[Path], leave: Sequence[Path], closing: threading.Event, seconds: float
) -> Iterator[bool]:
    """Yield whether anything has happened in these folders that may matter, at least every so many seconds.

    Where the system can't watch them, it is always said that something may have happened, less often.

    Parameters
    ----------
    leave
        What happens in these folders doesn't matter.
    closing
        When it is set, this ends.
    """
    from watchfiles import watch

    if places:
        try:
            if link := _linked_folder(places):
                raise OSError(f"{link} is a link to a folder, and all that lies there would be watched")
            for changes in watch(
                *places,
                watch_filter=None,
                debounce=_TOGETHER_MILLISECONDS,
                step=_STEP_MILLISECONDS,
                stop_event=closing,
                rust_timeout=round(1000 * seconds),
                yield_on_timeout=True,
                raise_interrupt=False,
                ignore_permission_denied=True,
            ):
                yield any(_matters(Path(path), places, leave) for _, path in changes)
        except (OSError, RuntimeError) as error:
            log.warning("The folders can't be watched (%s) and are compared every few seconds.", error)
            while not closing.wait(_UNWATCHED_SECONDS):
                yield True
    while not closing.wait(seconds):
        yield False


_UNWATCHED_SECONDS = 4.0


def _linked_folder(places: Collection[Path]) -> Path | None:
    """Return a link to a folder that lies in these, None if there is none.

    The watching follows it, if only to the root of the disk, while the listing does not.
    """
    for place in places:
        for folder, names, _ in os.walk(place):
            for name in names:
                if (path := Path(folder, name)).is_symlink():
                    return path
    return None


def _matters(path: Path, places: Collection[Path], leave: Sequence[Path]) -> bool:
    if any(path.is_relative_to(os.path.abspath(folder)) for folder in leave):  # noqa: PTH100  # as told
        return False
    for place in places:
        if path.is_relative_to(place) or path.is_relative_to(place.absolute()):
            inside = path.relative_to(place if path.is_relative_to(place) else place.absolute()).parts
            return not any(part.startswith(".") for part in inside) and is_article(path.name)
    return True
