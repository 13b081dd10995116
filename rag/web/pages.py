"""Web addresses -> documents."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import replace
from datetime import date
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from rag.documents import Loaded, NewDocument
from rag.errors import LoadError
from rag.loading.formats import SUPPORTED, kind_of
from rag.loading.loaders import load_bytes
from rag.settings import Settings
from rag.text.days import past_day
from rag.web.addresses import shown_address, web_address
from rag.web.fetching import PUBLIC, Fetched, Network, fetch

# What servers call texts, and how these files' names end; other kinds say themselves what they are.
_EXTENSIONS = {
    "text/html": ".html",
    "application/xhtml+xml": ".html",
    "text/plain": ".txt",
    "message/rfc822": ".eml",
    "application/json": ".json",
    "text/json": ".json",
    "text/tab-separated-values": ".tsv",
    **dict.fromkeys(("text/markdown", "text/x-markdown"), ".md"),
    **dict.fromkeys(("text/csv", "text/x-csv", "application/csv"), ".csv"),
    **dict.fromkeys(("application/jsonl", "application/jsonlines", "application/ndjson"), ".jsonl"),
    **dict.fromkeys(("application/x-jsonlines", "application/x-ndjson"), ".jsonl"),
}
# Names that say nothing: the address's own ending tells more. CSV is often called Excel's.
_UNTOLD = (
    "",
    "application/octet-stream",
    "binary/octet-stream",
    "application/force-download",
    "application/vnd.ms-excel",
)
FEEDS = ("application/rss+xml", "application/atom+xml", "application/rdf+xml")
"""What servers call feeds."""
_DAY = re.compile(r"/(20\d\d|19\d\d)[/-](\d{1,2})[/-](\d{1,2})(?=[/-]|$)")


def load_url(
    url: str,
    settings: Settings,
    network: Network = PUBLIC,
    *,
    source: str = "",
    published: date | None = None,
) -> Loaded:
    """Read the article at an address of the web; the address is its key.

    Parameters
    ----------
    url
        Its scheme is http or https, its host one of the public internet.
    settings
        Content larger than ``max_upload_bytes`` is refused.
    network
        For tests, whose servers are on this computer.
    source, published
        Publisher and day, where the page itself names none.

    Raises
    ------
    LoadError
        Nothing could be read.
    """
    key = str(web_address(url))
    return read_fetched(key, fetch_within(key, settings, network), settings, source, published)


def fetch_within(url: str, settings: Settings, network: Network) -> Fetched:
    """Fetch an address, no more than an upload may have, from the ports that the settings allow."""
    most = min(network.max_bytes, settings.max_upload_bytes)
    high_ports = network.high_ports or settings.web_high_ports
    return fetch(url, replace(network, max_bytes=most, high_ports=high_ports))


def read_fetched(
    key: str, fetched: Fetched, settings: Settings, source: str = "", published: date | None = None
) -> Loaded:
    """Read what the address `key` gave, as `load_url` does."""
    shown = shown_address(key)
    name = _file_name(shown, fetched)
    loaded = load_bytes(name, fetched.data, key, settings.max_upload_bytes, charset=fetched.charset)
    failed = [LoadError(shown, _about(shown, name, error)) for error in loaded.failed]
    if not loaded.documents:
        raise failed[0] if failed else LoadError(shown, f"{shown} holds no text: check the address.")
    documents = [_completed(one, fetched.url, source, published, key) for one in loaded.documents]
    return Loaded(documents, failed)


def _about(shown: str, name: str, error: LoadError) -> str:
    return f"{shown}{error.reason.removeprefix(name)}" if error.reason.startswith(name) else error.reason


def _file_name(shown: str, fetched: Fetched) -> str:
    """Return what the content would be called as a file: its ending tells the loaders what it is."""
    path = PurePosixPath(unquote(urlsplit(fetched.url).path))
    told = "" if fetched.media_type in _UNTOLD else fetched.media_type
    ending = path.suffix.lower() if told in ("", "text/plain") else ""
    if ending not in SUPPORTED:
        ending = _EXTENSIONS.get(told or "text/html", "")
    if told in FEEDS:
        advice = "choose from its entries on the Library page, or with `python -m rag add --feed`"
        raise LoadError(shown, f"{shown} is a feed and no article: {advice}.")
    # What is in an archive is looked for by the worker alone.
    if not ending and not fetched.data.startswith(b"PK") and not kind_of("", fetched.data):
        kind = f"of the kind {told[:60]}, which can't be read"
        raise LoadError(shown, f"{shown} is {kind}: give the address of an article's page.")
    return (path.stem or "page") + ending if ending else path.name or "page"


def _completed(document: NewDocument, url: str, source: str, published: date | None, key: str) -> NewDocument:
    if document.key != key:
        url = _own_address(document) or url
    host = (urlsplit(url).hostname or "").removeprefix("www.")
    # Without a publisher's name the loader takes the host's, if the page gives its own address.
    named = "" if document.source and host.endswith(document.source.lower()) else document.source
    return replace(
        document,
        url=url,
        source=named or source or host,
        published=document.published or published or _day(url),
    )


def _own_address(document: NewDocument) -> str:
    """Return the address that a table's row or a file in an archive gives for itself, "" where it is none."""
    with suppress(LoadError):
        return str(web_address(document.url))
    return ""


def _day(url: str) -> date | None:
    """Return the day that an address names, as ".../2023/10/12/the-bridge"."""
    found = _DAY.search(urlsplit(url).path)
    return past_day("-".join(part.zfill(2) for part in found.groups())) if found else None
