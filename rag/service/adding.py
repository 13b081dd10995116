"""Adding uploads and pasted texts to the library, with a result for each."""

from __future__ import annotations

import itertools
import secrets
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Literal

from rag.documents import AddReport, Document, IsCancelled, NewDocument, Progress, ReportProgress
from rag.errors import Cancelled, LoadError
from rag.ingest.incoming import Kept, upload_key
from rag.ingest.jobs import Contents, Job
from rag.keys import INNER
from rag.library import Library
from rag.loading.loaders import load_bytes
from rag.service.naming import count, size
from rag.service.work import sentence_for
from rag.store.catalog_view import CatalogView
from rag.store.catalog_writer import text_hash
from rag.text.canonical import one_line
from rag.web.feeds import Feed

UPDATED = "Updated: the new version takes the place of the old."
UNCHANGED = "Unchanged: it is in the library already."
OTHER_CONTENT = "An article of this name with other content is in the library."
NO_TEXT = "There is no text to add; paste some first."

State = Literal["added", "updated", "unchanged", "failed", "asks", "stopped"]


@dataclass(frozen=True)
class Upload:
    """A file as it was dropped, by its name as it is seen, or why it was let go on its way.

    Two files whose names look the same are one.
    """

    name: str
    data: bytes
    refusal: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", one_line(self.name))


@dataclass(frozen=True)
class Result:
    """What became of one file or address.

    ``waiting`` is what a file holds that waits until the user has chosen, ``kept`` the file itself on disk.
    ``feed`` is a feed whose articles are to be chosen from, and ``id`` names the result in a page.
    """

    name: str
    state: State
    text: str
    waiting: Contents | None = None
    feed: Feed | None = None
    kept: Kept | None = None
    id: str = field(default_factory=partial(secrets.token_hex, 8), compare=False)


_SUMMED = 6
"""So many results are summed up: fewer are seen at once."""
_IN_WORDS: dict[State, str] = {
    "asks": "to be decided",
    "failed": "could not be added",
    "added": "added",
    "updated": "updated",
    "unchanged": "unchanged",
}


@dataclass(frozen=True)
class Read:
    """What reading something gave: what is to be added, under which name, and what is known already."""

    name: str
    contents: Contents = field(default_factory=Contents)
    results: Sequence[Result] = ()


Reads = Callable[[IsCancelled | None], Read]
"""Reads what is to be added."""
Add = Callable[[ReportProgress, IsCancelled | None], Iterable[Result]]
"""Adds something, and gives what becomes of each of its parts as soon as that is known."""


def one_by_one(
    library: Library,
    steps: Sequence[tuple[str, Add]],
    report: ReportProgress,
    cancelled: IsCancelled | None,
) -> Iterator[Result]:
    """Add several things, each with its name, and give what becomes of each, until it is cancelled."""
    with library.batch():
        for done, (name, add) in enumerate(steps):
            if cancelled is not None and cancelled():
                return
            whole = Progress(done, len(steps), name)
            report(whole)
            yield from add(partial(_tell_part, report, whole), cancelled)
    report(Progress(len(steps), len(steps), ""))


def _tell_part(report: ReportProgress, whole: Progress, inner: Progress) -> None:
    """Tell how much of its documents is done as a part of what is added."""
    if (inner.done or inner.part) and inner.done < inner.total:
        report(replace(whole, part=(inner.done + inner.part) / inner.total))


def add(
    library: Library, name: str, reads: Reads, report: ReportProgress, cancelled: IsCancelled | None
) -> list[Result]:
    """Read something and add it, and return a sentence as the result where either fails."""
    try:
        read = reads(cancelled)
        added = _add_contents(library, read, report, cancelled) if read.contents.documents else []
        return [*added, *read.results]
    except Cancelled:
        return []
    except LoadError as error:
        return [failure(name, error)]
    except Exception as error:  # noqa: BLE001  # logged, and one sentence for the user
        return [Result(name, "failed", sentence_for(error))]


def read_text(title: str, text: str) -> Read:
    """Return a pasted text, which is added under its own content's identity."""
    title = one_line(title)
    name = title or "Pasted text"
    if not text.strip():
        return Read(name, results=[Result(name, "failed", NO_TEXT)])
    return Read(name, Contents([NewDocument(text=text, title=title)]))


def read_chosen(library: Library, result: Result, _: IsCancelled | None = None, *, beside: bool) -> Read:
    """Return what waited for a choice: it takes the place of all that its name brought before, or none.

    Beside that its keys are its own, "upload:name (2)".
    """
    contents, key = result.waiting, upload_key(result.name)
    if contents is None:
        raise ValueError("nothing waits for a choice here")
    if not beside:
        return Read(result.name, contents)
    with library.catalog.reading() as view:
        number = next(number for number in itertools.count(2) if not view.keys_within(f"{key} ({number})"))
    own = [replace(one, key=f"{key} ({number}){one.key.removeprefix(key)}") for one in contents.documents]
    return Read(f"{result.name} ({number})", Contents(own))


def restore(library: Library, key: str, name: str) -> list[Result]:
    """Add a file of a followed folder back that was removed."""
    return _results(name, library.followed.restore(key))


def summary(results: Sequence[Result]) -> str:
    """Return what became of many files in one line: "9 could not be added · 31 added"."""
    if len(results) < _SUMMED:
        return ""
    states = Counter(result.state for result in results)
    return " · ".join(f"{states[state]:,} {words}" for state, words in _IN_WORDS.items() if states[state])


def failure(name: str, error: LoadError) -> Result:
    """Return what to show for a file that can't be read; its name stands before the text anyway."""
    return Result(name, "failed", error.reason.removeprefix(f"{error.path} "))


def read_upload(
    library: Library, upload: Upload, max_bytes: int, cancelled: IsCancelled | None = None
) -> Read:
    """Return a file with all that it holds, or ask once where its name has brought something else before."""
    name, key = upload.name, upload_key(upload.name)
    if len(upload.data) > max_bytes:
        return Read(name, results=[too_large(name, len(upload.data), max_bytes)])
    loaded = load_bytes(name, upload.data, key, max_bytes, cancelled)
    contents = Contents.of(loaded, key)
    failures = [_failure_within(name, error) for error in loaded.failed]
    with library.catalog.reading() as view:
        changed = [new for new in loaded.documents if _is_changed(view, new)]
        gone = contents.leaving(view.keys_within(key), loaded.failed) if loaded.documents else []
    if changed or gone:
        text = _other_content(len(loaded.documents), len(changed), len(gone))
        return Read(name, results=[Result(name, "asks", text, waiting=contents), *failures])
    return Read(name, contents, failures)


def too_large(name: str, size_bytes: int, max_bytes: int) -> Result:
    """Return what to show for a file larger than what is taken."""
    return Result(
        name, "failed", f"The file has {size(size_bytes)}; {size(max_bytes)} is the most that is taken."
    )


def _is_changed(view: CatalogView, new: NewDocument) -> bool:
    """Whether a document is held with another text."""
    held, kept = view.text_hash(new.key), view.kept_characters(new.key)
    return held not in (None, text_hash(new.text[:kept]))


def _other_content(documents: int, changed: int, gone: int) -> str:
    if documents == 1 and not gone:
        return OTHER_CONTENT
    differ = f"{count(changed, 'article')} {'differs' if changed == 1 else 'differ'}" if changed else ""
    number = f"{gone:,}" if changed else count(gone, "article")
    missing = f"{number} {'is' if gone == 1 else 'are'} gone" if gone else ""
    told = " and ".join(filter(None, [differ, missing]))
    return f"A file of this name is in the library; in this one {told}."


def _failure_within(name: str, error: LoadError) -> Result:
    """Return what to show for an upload, or for a file within it, which is named too."""
    return failure(name if error.path == name else f"{name} › {error.path}", error)


def _add_contents(
    library: Library, read: Read, report: ReportProgress, cancelled: IsCancelled | None
) -> list[Result]:
    """Add what a text, file or address holds, and return what became of it under the name that is known.

    What could not be read of it is told by whoever has read it.
    """
    name, contents = read.name, read.contents
    added = library.ingest([Job(name, lambda: contents)], 1, report, cancelled)
    added = replace(added, failed=[error for error in added.failed if error not in contents.failed])
    documents = contents.documents
    if len(documents) == 1 and not added.removed and INNER not in documents[0].key:
        return _results(name, added)
    cut = _cut(added)
    failures = [
        replace(
            failure(f"{name} › {error.path}", error),
            state="added" if set(error.keys) & cut.keys() else "failed",
        )
        for error in added.failed
    ]
    if added.cancelled:
        done = len(added.added) + len(added.updated) + len(added.unchanged)
        told = f"Stopped: {done:,} of {count(len(documents), 'article')} added."
        return [Result(name, "stopped", told), *failures]
    words = sum(document.words for document in (*added.added, *added.updated))
    parts = [
        f"{count(len(added.added), 'article')} added" if added.added else "",
        f"{len(added.updated):,} updated" if added.updated else "",
        f"{len(added.unchanged):,} unchanged" if added.unchanged else "",
        f"{len(added.removed):,} removed" if added.removed else "",
        f"{words:,} words" if words else "",
    ]
    is_update = added.updated or added.removed
    state: State = "added" if added.added else "updated" if is_update else "unchanged"
    told = ", ".join(filter(None, parts))
    results = [Result(name, state, f"{told[:1].upper()}{told[1:]}.")] if told else []
    return [*results, *failures]


def _results(name: str, report: AddReport) -> list[Result]:
    cut = _cut(report)

    def line(state: State, document: Document, told: str) -> Result:
        return Result(name, state, " ".join(filter(None, [told, cut.get(document.key, "")])))

    return [
        *(line("added", document, _added(document)) for document in report.added),
        *(line("updated", document, UPDATED) for document in report.updated),
        *(line("unchanged", document, UNCHANGED) for document in report.unchanged),
        *(failure(name, error) for error in report.failed if cut.keys().isdisjoint(error.keys)),
    ]


def _cut(report: AddReport) -> dict[str, str]:
    """Return what is said of the documents that were added but for their end, by their keys."""
    held = {document.key for document in (*report.added, *report.updated, *report.unchanged)}
    return {key: error.reason for error in report.failed for key in error.keys if key in held}


def _added(document: Document) -> str:
    return f"Added, {document.words:,} words."
