"""Adding what somebody names: files, folders, addresses of the web, and feeds."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from rag.documents import AddReport, ReportProgress
from rag.errors import LoadError
from rag.ingest.folder import QUESTIONS_FILE, followed_folders, key_of
from rag.ingest.jobs import Contents, Job
from rag.keys import file_key
from rag.library import Library
from rag.loading.files import Bounds
from rag.loading.formats import SUPPORTED, TAKEN, shown_name
from rag.loading.loaders import load_file
from rag.service.adding import Reads
from rag.service.web import Page, reads_of
from rag.settings import Settings
from rag.web.addresses import is_web_address


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
    found = [one for name in named for one in _found(settings, name)]
    unread = list[LoadError]()
    for url in feeds:
        try:
            found.extend(_entries(settings, url, latest))
        except LoadError as error:
            unread.append(error)
    if not found and not unread:
        raise LoadError(str(named[:1]), f"No file there can be read: {TAKEN} can.")
    with reads_of([one for one in found if isinstance(one, Page)]) as reads:
        fetched = iter(reads)
        jobs = (one if isinstance(one, Job) else _job(one, next(fetched)) for one in found)
        report = library.ingest(jobs, len(found), progress)
    report.failed[:0] = unread
    return report


def _job(page: Page, read: Reads) -> Job:
    return Job(page.name, partial(_contents, lambda: read(None).contents))


def _contents(read: Callable[[], Contents]) -> Contents:
    try:
        return read()
    except LoadError as error:
        return Contents(failed=[error])


def _found(settings: Settings, named: str) -> list[Page | Job]:
    """Return what is at an address, or the files of a name, which are read when their turn comes."""
    if is_web_address(named):
        from rag.web.pages import load_url

        return [Page(named, named, partial(load_url, named, settings))]
    path = Path(named)
    if not path.is_dir():
        return [_file(settings, path, None)]
    # Who names a folder means what is in it, and not what somebody has put a link to there.
    bounds = Bounds([path, *(folder.path for folder in followed_folders(settings))], [settings.data_dir])
    return [_file(settings, inner, bounds) for inner in _files(path, settings.data_dir)]


def _file(settings: Settings, path: Path, bounds: Bounds | None) -> Job:
    key = key_of(followed_folders(settings), path) or file_key(path)
    load = partial(load_file, path, settings.max_upload_bytes, key, bounds=bounds)
    # What it has brought as a file of no followed folder leaves too.
    return Job(shown_name(path.name), partial(_contents, lambda: Contents.of(load(), file_key(path))))


def _files(folder: Path, leave: Path) -> list[Path]:
    """Return what can be read in a folder and its folders, but for what lies in the one to `leave`."""
    left, files = leave.resolve(), list[Path]()
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if Path(place, name).resolve() != left]
        files += [Path(place, name) for name in names if not name.startswith(".")]
    return sorted(p for p in files if p.suffix.lower() in SUPPORTED and p.name.lower() != QUESTIONS_FILE)


def _entries(settings: Settings, url: str, latest: int | None) -> list[Page]:
    from rag.web.feeds import load_entry, load_feed

    feed = load_feed(url, settings)
    return [
        Page(entry.title, entry.url, partial(load_entry, feed, entry, settings))
        for entry in feed.entries[:latest]
    ]
