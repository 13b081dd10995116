"""Adding from the web: what is at addresses, several of them fetched at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from rag.documents import IsCancelled, Loaded
from rag.errors import LoadError
from rag.ingest.jobs import Contents
from rag.keys import INNER
from rag.service.adding import Read, Reads, Result, failure
from rag.service.naming import count
from rag.web.addresses import web_address
from rag.web.feeds import Feed
from rag.web.fetching_ahead import FetchingAhead

NO_ADDRESS = "There is no address to add; paste one that begins with https:// first."


@dataclass(frozen=True, slots=True)
class Page:
    """What is at an address: its name as it is told, and what reads it."""

    name: str
    url: str
    load: Callable[[], Loaded | Feed]


@contextmanager
def reads_of(pages: Sequence[Page]) -> Iterator[list[Reads]]:
    """Give what reads the articles at addresses, each in its turn; a feed waits for a choice."""
    with FetchingAhead([(page.url, page.load) for page in pages]) as ahead:
        yield [partial(_read, page, partial(ahead.take, index)) for index, page in enumerate(pages)]


def _read(
    page: Page, fetched: Callable[[IsCancelled | None], Loaded | Feed], cancelled: IsCancelled | None
) -> Read:
    found = fetched(cancelled)
    if isinstance(found, Feed):
        text = f"A feed with {count(len(found.entries), 'article')}: choose from them below."
        return Read(page.name, results=[Result(found.title or found.url, "asks", text, feed=found)])
    name = page.name
    if len(found.documents) == 1 and INNER not in found.documents[0].key:
        name = found.documents[0].title or name
    failures = [failure(page.name, error) for error in found.failed]
    return Read(name, Contents.of(found, address_key(page.url)), failures)


def address_key(url: str) -> str:
    """Return the key under which what is at an address comes into the library; empty for no address."""
    try:
        return str(web_address(url))
    except LoadError:
        return ""
