"""Adding what somebody names: files, folders, addresses of the web, and feeds."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path

from rag.documents import AddReport, Loaded, ReportProgress
from rag.errors import LoadError
from rag.ingest.folder import QUESTIONS_FILE, followed_folders, key_of
from rag.ingest.jobs import Contents, Job
from rag.keys import file_key
from rag.library import Library
from rag.loading.files import Bounds
from rag.loading.formats import SUPPORTED, TAKEN, shown_name
from rag.loading.loaders import load_file
from rag.service.web import address_key
from rag.settings import Settings
from rag.web.addresses import is_web_address
from rag.web.fetching_ahead import FetchingAhead


@dataclass(frozen=True, slots=True)
class _Source:
    """A file, or what is at an address: what reads it, and the key of what it has brought before."""

    name: str
    load: Callable[[], Loaded]
    key: str
    address: str = ""


def add_named(
    library: Library,
    named: Sequence[str],
    feeds: Sequence[str] = (),
    *,
    latest: int | None = None,
    progress: ReportProgress | None = None,
) -> AddReport:
    """Add files, all readable files of folders, articles at addresses, and the articles of feeds.

    What a file, table or archive of one of these names has brought before and doesn't hold any more leaves.

    Parameters
    ----------
    latest
        Only so many articles of each feed, the newest; all if left out.

    Raises
    ------
    LoadError
        Nothing was named that can be read.
    """
    settings = library.settings
    sources = [source for one in named for source in _sources(settings, one)]
    unread = list[LoadError]()
    for url in feeds:
        try:
            sources.extend(_entries(settings, url, latest))
        except LoadError as error:
            unread.append(error)
    if not sources and not unread:
        raise LoadError(str(named[:1]), f"No file there can be read: {TAKEN} can.")
    fetches = [(source.address, source.load) for source in sources if source.address]
    with FetchingAhead(fetches) as ahead:
        report = library.ingest(_jobs(sources, ahead), len(sources), progress)
    report.failed[:0] = unread
    return report


def _jobs(sources: Sequence[_Source], ahead: FetchingAhead[Loaded]) -> Iterator[Job]:
    """Yield the jobs of adding these in order; of the web they take what was fetched ahead."""
    numbers = count()
    for source in sources:
        load = partial(ahead.take, next(numbers)) if source.address else source.load
        yield Job(source.name, partial(_read, load, source.key))


def _read(load: Callable[[], Loaded], key: str) -> Contents:
    try:
        return Contents.of(load(), key)
    except LoadError as error:
        return Contents(failed=[error])


def _sources(settings: Settings, named: str) -> list[_Source]:
    if is_web_address(named):
        from rag.web.pages import load_url

        return [_Source(named, partial(load_url, named, settings), address_key(named), named)]
    path = Path(named)
    if not path.is_dir():
        return [_file(settings, path, None)]
    # Who names a folder means what is in it, and not what somebody has put a link to there.
    bounds = Bounds([path, *(folder.path for folder in followed_folders(settings))], [settings.data_dir])
    return [_file(settings, inner, bounds) for inner in _files(path, settings.data_dir)]


def _file(settings: Settings, path: Path, bounds: Bounds | None) -> _Source:
    key = key_of(followed_folders(settings), path) or file_key(path)
    load = partial(load_file, path, settings.max_upload_bytes, key, bounds=bounds)
    # What it has brought as a file of no followed folder leaves too.
    return _Source(shown_name(path.name), load, file_key(path))


def _files(folder: Path, leave: Path) -> list[Path]:
    """Return what can be read in a folder and its folders, but for what lies in the one to `leave`."""
    left, files = leave.resolve(), list[Path]()
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if Path(place, name).resolve() != left]
        files += [Path(place, name) for name in names if not name.startswith(".")]
    return sorted(p for p in files if p.suffix.lower() in SUPPORTED and p.name.lower() != QUESTIONS_FILE)


def _entries(settings: Settings, url: str, latest: int | None) -> list[_Source]:
    from rag.web.feeds import load_entry, load_feed

    feed = load_feed(url, settings)
    return [
        _Source(entry.title, partial(load_entry, feed, entry, settings), entry.url, entry.url)
        for entry in feed.entries[:latest]
    ]
