"""The followed folders and their files."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path

from rag.keys import CORPUS_PREFIX, FOLDER_PREFIX, Stamp, storable
from rag.loading.files import Bounds, stamp_in
from rag.settings import Settings
from rag.text.canonical import one_line

QUESTIONS_FILE = "questions.jsonl"
"""Questions to evaluate with, which may lie among the articles they are about, and are no article."""

_NO_ARTICLES = (
    *("~$*", "*~", "*.tmp", "*.part", "*.crdownload", "thumbs.db", "desktop.ini"),
    QUESTIONS_FILE,
)
"""How files are called that programs make beside an article while it is open or on its way, and questions."""


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder that the library follows; ``prefix`` begins the keys of its files."""

    path: Path
    prefix: str = CORPUS_PREFIX

    def key(self, path: Path) -> str:
        """Return the key of a file in this folder."""
        return self.prefix + storable(path.relative_to(self.path).as_posix())


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file as it is in a folder now; ``place`` is its path, as text since a list may hold many."""

    place: str
    stamp: Stamp

    @property
    def path(self) -> Path:
        """The path."""
        return Path(self.place)


@dataclass(frozen=True, slots=True)
class Listing:
    """The files that are to be read as articles, by key, and what could not be looked into.

    ``missing`` are folders that are not there, ``unlisted`` the beginnings of the keys of what lies in them
    and in folders that may not be looked into, and the keys of files of which nothing can be told: nobody
    knows what is gone from there. ``bounds`` is where the links among the files may lead.
    """

    files: dict[str, FoundFile] = field(default_factory=dict)
    missing: list[Folder] = field(default_factory=list)
    unlisted: list[str] = field(default_factory=list)
    bounds: Bounds = field(default_factory=partial(Bounds, ()))

    def covers(self, key: str) -> bool:
        """Whether a file with this key would be in the list if it were there."""
        return not key.startswith(tuple(self.unlisted))


def further_folder(path: Path) -> Folder:
    """Return a folder beside the corpus; its keys name the place, whatever other folders are followed."""
    absolute = Path(os.path.abspath(path))  # noqa: PTH100  # without "..", and links as they are named
    return Folder(absolute, storable(f"{FOLDER_PREFIX}{absolute.as_posix().rstrip('/')}/"))


def followed_folders(settings: Settings) -> list[Folder]:
    """Return the folders that a library of these settings follows, the corpus first."""
    return [Folder(settings.corpus_dir), *map(further_folder, settings.folders)]


def name_in(folders: Sequence[Folder], key: str) -> str:
    """Return what to call a file of a followed folder: its path in the corpus, or in the folder so called."""
    for folder in folders:
        if key.startswith(folder.prefix):
            name = key.removeprefix(folder.prefix)
            return one_line(name if folder.prefix == CORPUS_PREFIX else f"{folder.path.name}/{name}")
    # Of a folder that is followed no longer.
    return one_line(key.partition(":")[2])


def key_of(folders: Sequence[Folder], path: Path) -> str:
    """Return the key of a file that may lie in a followed folder; nothing if it doesn't."""
    absolute = path.absolute()
    for folder in folders:
        if absolute.is_relative_to(folder.path.absolute()):
            return Folder(folder.path.absolute(), folder.prefix).key(absolute)
    return ""


def list_folders(
    folders: Sequence[Folder], leave: Collection[Path] = (), linked: Sequence[Folder] = ()
) -> Listing:
    """Look through folders, but for those to ``leave``; a folder that is missing is no error.

    Links may lead into these folders and into those that are ``linked``.
    """
    listing = Listing(bounds=Bounds([folder.path for folder in (*folders, *linked)], list(leave)))
    passed_over = {os.path.abspath(path) for path in leave}  # noqa: PTH100  # as strings
    for folder in folders:
        if not folder.path.is_dir():
            listing.missing.append(folder)
            listing.unlisted.append(folder.prefix)
            continue
        _list(str(folder.path), folder.prefix, listing, passed_over)
    return listing


def _list(place: str, prefix: str, listing: Listing, leave: Collection[str]) -> None:
    """Note the articles in a folder, whose keys begin with `prefix`, and in those within it."""
    # No recursion: folders may lie in each other deeper than Python calls functions.
    waiting = [(place, prefix)]
    while waiting:
        place, prefix = waiting.pop()
        try:
            with os.scandir(place) as found:
                entries = sorted(found, key=lambda entry: entry.name)
        except FileNotFoundError:  # it has just gone
            continue
        except OSError:
            listing.unlisted.append(prefix)
            continue
        inner = list[tuple[str, str]]()
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.is_dir(follow_symlinks=False):
                if os.path.abspath(entry.path) not in leave:  # noqa: PTH100  # as strings
                    inner.append((entry.path, f"{prefix}{storable(entry.name)}/"))
            elif is_article(entry.name):
                _note(entry, prefix + storable(entry.name), listing)
        waiting.extend(reversed(inner))


def _note(entry: os.DirEntry[str], key: str, listing: Listing) -> None:
    """Note a file, or what a link leads to: that may be nothing, a circle, or where nobody may look.

    What is no file, as a pipe, or leads where it may not, is noted too: reading it tells why it isn't read.
    """
    try:
        if not entry.is_dir():
            entry.stat()  # whether it is there
            is_out = entry.is_symlink() and listing.bounds.root_of(os.path.realpath(entry.path)) is None
            listing.files[key] = FoundFile(entry.path, stamp_in(entry.stat(follow_symlinks=not is_out)))
    except FileNotFoundError:
        return
    except OSError as error:
        if error.errno != errno.ELOOP:
            listing.unlisted.append(key)


def is_article(name: str) -> bool:
    """Whether a file of this name in a followed folder is to be read."""
    return not any(fnmatchcase(name.lower(), pattern) for pattern in _NO_ARTICLES)


def files_below(folder: Path) -> list[Path]:
    """Return all files in a folder and its folders, but for hidden ones, in order."""
    paths = list[Path]()
    for name, folders, names in os.walk(folder):  # which passes over folders that have just gone
        folders[:] = [part for part in folders if not part.startswith(".")]
        paths.extend(Path(name, part) for part in names if not part.startswith("."))
    # Not by the method of a path, which fails at a link to a name that is too long.
    return sorted(path for path in paths if os.path.isfile(path))  # noqa: PTH113


def make_private(folder: Path) -> None:
    """Let nobody else look into a folder, nor at what lies in it; what belongs to others stays as it is."""
    paths = [str(folder)]
    for place, folders, names in os.walk(folder):
        paths += [os.path.join(place, name) for name in (*folders, *names)]  # noqa: PTH118  # as strings
    for path in paths:
        with suppress(OSError):
            mode = os.lstat(path).st_mode
            if mode & 0o077 and not stat.S_ISLNK(mode):
                os.chmod(path, stat.S_IMODE(mode) & ~0o077)  # noqa: PTH101  # as strings


def stamp(path: Path) -> Stamp | None:
    """Return what tells that a file has changed, None where it has gone or can't be looked at."""
    try:
        return stamp_in(path.stat())
    except OSError:
        return None


def device_of(path: Path) -> str:
    """Return what names the disk that a folder is on, nothing if it isn't there."""
    try:
        return str(path.stat().st_dev)
    except OSError:
        return ""


def size_in_bytes(path: Path) -> int:
    """Return a file's size, 0 where it has just gone."""
    try:
        return path.stat().st_size
    except FileNotFoundError:  # Chroma's files come and go
        return 0
