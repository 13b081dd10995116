"""What is added by hand, for the whole server: one thing after the other, in the order in which it came.

Three hundred files and a pasted address must not fight for the cores. It goes on whether a page is open or
not, and every page shows the same: whoever reaches the app may see and change all of the library anyway.
"""

from __future__ import annotations

import queue
import secrets
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial

from rag.documents import IsCancelled, ReportProgress
from rag.errors import LoadError
from rag.ingest.incoming import Incoming, Kept, Kind
from rag.library import Library
from rag.service.adding import (
    NO_TEXT,
    Add,
    Read,
    Reads,
    Result,
    Upload,
    add,
    one_by_one,
    read_chosen,
    too_large,
)
from rag.service.waiting import PASTED, in_bytes, name_of, reading
from rag.service.web import NO_ADDRESS, address_key
from rag.service.work import Work, sentence_for
from rag.text.canonical import one_line
from rag.web.feeds import Entry
from rag.web.fetching import PUBLIC, Network

TOO_MANY = "No more than 500 are taken at once: add this one and what follows it when these are done."
_MOST_AT_ONCE = 500
_PATIENCE_SECONDS = 10.0


class Adding:
    """Something that was begun by hand, such as the files that were dropped together.

    Attributes
    ----------
    id
        What names it in a page.
    name
        What it is called: "300 files", or an address.
    total
        How many files or addresses it has.
    work
        Its progress; done when all is done, or it was cancelled.
    results
        What has become of its parts so far.
    """

    def __init__(self, name: str, total: int, add: Add, results: Sequence[Result] = ()) -> None:
        self.id = secrets.token_hex(8)
        self.name = name
        self.total = total
        self.results = list(results)
        self._add = add
        self._turn = threading.Lock()
        self._cancelled = threading.Event()
        self.work = Work[None](self._run, begin=False)

    @property
    def is_begun(self) -> bool:
        """Whether its turn has come."""
        return self._turn.locked()

    def begin(self) -> None:
        """Do it, unless another thread does or has done it."""
        if self._turn.acquire(blocking=False):
            self.work.run()

    @property
    def is_cancelled(self) -> bool:
        """Whether it was cancelled; what is under way ends soon after."""
        return self._cancelled.is_set()

    def cancel(self) -> None:
        """Keep what is done, stop what is under way, and leave out the rest."""
        self._cancelled.set()

    def take(self, result: Result) -> bool:
        """Take a result away, as it has been chosen for; return whether it was there."""
        left = [one for one in self.results if one is not result]
        was_there = len(left) < len(self.results)
        self.results = left
        return was_there

    def dismiss(self, result_ids: Sequence[str]) -> None:
        """Forget these results, but for what asks."""
        self.results = [one for one in self.results if one.state == "asks" or one.id not in result_ids]

    def _run(self, report: ReportProgress) -> None:
        # What was added, and may be removed again, is not to be kept in memory.
        add = self._add
        del self._add
        try:
            for result in add(report, self._cancelled.is_set):
                self.results = [*self.results, result]
        except Exception as error:  # noqa: BLE001  # logged, and one sentence for the user
            self.results = [Result(self.name, "failed", sentence_for(error)), *self.results]
        if self.is_cancelled and len(self.results) < self.total:
            added = sum(one.state in ("added", "updated", "unchanged") for one in self.results)
            text = f"Stopped: {added} of {self.total} added."
            self.results = [Result(self.name, "stopped", text), *self.results]


class Intake:
    """Adds to a library what is handed over, in a thread of its own, and knows what became of it.

    Dropped files, pasted texts and addresses are on disk until they have been added, have failed, or were
    cancelled; what an earlier start of the server has left is taken up at once.
    """

    def __init__(self, library: Library, network: Network = PUBLIC) -> None:
        self._library = library
        self._network = network
        self._incoming = Incoming(library.settings.data_dir)
        self._addings: list[Adding] = []
        self._lock = threading.Lock()
        self._turns = queue.SimpleQueue[Adding | None]()
        self._closing = threading.Event()
        left = self._incoming.left()
        for drop in dict.fromkeys(kept.drop for kept in left):
            self._begin_kept([kept for kept in left if kept.drop == drop], [])
        self._thread = threading.Thread(target=self._run, name="intake", daemon=True)
        self._thread.start()

    @property
    def under_way(self) -> list[Adding]:
        """What is being added or waits, in the order in which it came."""
        return [adding for adding in self._addings if not adding.work.done]

    @property
    def done(self) -> list[Adding]:
        """What has been added since the start of the server and was not dismissed, in order."""
        return [adding for adding in self._addings if adding.work.done]

    def begin(self, name: str, total: int, add: Add, results: Sequence[Result] = ()) -> Adding:
        """Add something as soon as all that came before it is done; `results` are known already."""
        adding = Adding(name, total, add, results)
        with self._lock:
            self._addings = [*self._addings, adding]
            self._turns.put(adding)
        return adding

    def drop(self, uploads: Iterable[Upload]) -> Adding:
        """Write files to disk, one after the other as they are given, and add them in their turn."""
        return self._keep(((upload, "") for upload in uploads), "file")

    def paste(self, title: str, text: str) -> Adding:
        """Write a pasted text to disk, and add it in its turn."""
        title = one_line(title)
        if not text.strip():
            return self._begin_kept([], [Result(title or PASTED, "failed", NO_TEXT)])
        return self._keep([(Upload(title, text.encode(errors="replace")), "")], "text")

    def fetch(self, addresses: Sequence[str]) -> Adding:
        """Write addresses to disk, and add what is there in their turn."""
        urls = list(dict.fromkeys(addresses))
        if not urls:
            return self._begin_kept([], [Result("From the web", "failed", NO_ADDRESS)])
        return self._keep_some([(Upload(url, url.encode()), address_key(url)) for url in urls], "address")

    def take(self, result: Result, chosen: Sequence[Entry]) -> None:
        """Write the entries of a feed that were chosen to disk, and add them in their turn."""
        feed = result.feed
        if not (feed and chosen and self._take(result)):
            return  # it has been chosen from on another page
        entries = [(Upload(one.title, in_bytes(feed, one)), address_key(one.url)) for one in chosen]
        self._keep_some(entries, "entry")
        if result.kept:
            result.kept.delete()

    def choose(self, result: Result, *, replace: bool) -> None:
        """Add what waits for a choice, in the place of what is there or beside it."""
        if result.kept and self._take(result):  # otherwise it has been chosen for on another page
            reads = partial(read_chosen, self._library, result, beside=not replace)
            self.begin(result.name, 1, partial(self._add_one, result.kept, reads))

    def leave(self, result: Result) -> None:
        """Forget a result, and what waits in it."""
        if self._take(result) and result.kept:
            result.kept.delete()

    def cancel(self, adding_id: str) -> None:
        """Stop what is under way or waits, and keep what of it is done."""
        for adding in self.under_way:
            if adding.id == adding_id:
                adding.cancel()
                adding.begin()  # if it has not begun, it has little to do any more

    def dismiss(self, result_ids: Sequence[str]) -> None:
        """Forget these results, but for what still waits for a choice."""
        for adding in self.done:
            adding.dismiss(result_ids)
        self._forget_empty()

    def close(self) -> None:
        """Stop, so that the next start goes on with the files that are not added yet."""
        self._closing.set()
        for adding in self._addings:
            adding.cancel()
        self._turns.put(None)
        self._thread.join(_PATIENCE_SECONDS)
        self._incoming.close()

    def _run(self) -> None:
        while (adding := self._turns.get()) and not self._closing.is_set():
            adding.begin()

    def _take(self, result: Result) -> bool:
        was_there = any(adding.take(result) for adding in self.done)
        self._forget_empty()
        return was_there

    def _forget_empty(self) -> None:
        with self._lock:
            self._addings = [one for one in self._addings if not one.work.done or one.results]

    def _keep_some(self, parts: Sequence[tuple[Upload, str]], kind: Kind) -> Adding:
        refused = [Result(part.name, "failed", TOO_MANY) for part, _ in parts[_MOST_AT_ONCE:][:1]]
        return self._keep(parts[:_MOST_AT_ONCE], kind, refused)

    def _keep(
        self, parts: Iterable[tuple[Upload, str]], kind: Kind, refused: Sequence[Result] = ()
    ) -> Adding:
        """Write things to disk, each with the key of what it brings as far as that is known, and add them."""
        kept, failed, drop = list[Kept](), list[Result](), secrets.token_hex(8)
        for part, key in parts:
            try:
                most = self._library.settings.max_upload_bytes
                if len(part.data) > most:
                    raise LoadError(part.name, too_large(part.name, len(part.data), most).text)
                if part.refusal:
                    raise LoadError(part.name, part.refusal)
                kept.append(self._incoming.keep(part.name, part.data, drop, kind=kind, key=key))
            except LoadError as error:
                failed.append(Result(part.name or PASTED, "failed", error.reason))
        return self._begin_kept(kept, [*failed, *refused])

    def _begin_kept(self, kept: list[Kept], refused: list[Result]) -> Adding:
        total = len(kept) + len(refused)
        name = refused[0].name if refused and total == 1 else name_of(kept, total)
        return self.begin(name, total, partial(self._add_kept, kept), refused)

    def _add_kept(
        self, waiting: Sequence[Kept], report: ReportProgress, cancelled: IsCancelled | None
    ) -> Iterator[Result]:
        with reading(self._library, waiting, self._network) as reads:
            steps = [
                (kept.name or PASTED, partial(self._add_one, kept, read))
                for kept, read in zip(waiting, reads, strict=True)
            ]
            yield from one_by_one(self._library, steps, report, cancelled)
        if cancelled is not None and cancelled() and not self._closing.is_set():
            asked = {result.kept for adding in self._addings for result in adding.results}
            for kept in waiting:
                if kept not in asked:
                    kept.delete()

    def _add_one(
        self, kept: Kept, reads: Reads, report: ReportProgress, cancelled: IsCancelled | None
    ) -> list[Result]:
        def begin(cancelled: IsCancelled | None) -> Read:
            kept.begin()
            return reads(cancelled)

        results = add(self._library, kept.name or PASTED, begin, report, cancelled)
        if not any(result.state == "asks" for result in results):
            self._settle(kept)
            return results
        kept.note(is_begun=False)
        return [replace(one, kept=kept) if one.state == "asks" else one for one in results]

    def _settle(self, kept: Kept) -> None:
        """Delete a file that is done with, but for one that the closing server has cut short."""
        if self._closing.is_set():
            kept.note(is_begun=True)
        else:
            kept.delete()
