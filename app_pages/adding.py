"""Adding uploads and pasted texts to the library, with a result for each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

from app_pages.wording import count, size
from app_pages.work import sentence_for
from rag import AddReport, Document, Library, LoadError, NewDocument, Progress, load_bytes
from rag.documents import ReportProgress
from rag.feeds import Feed
from rag.folder import INNER
from rag.library import part_of

UPDATED = "Updated: the new version takes the place of the old."
UNCHANGED = "Unchanged: it is in the library already."
OTHER_CONTENT = "An article of this name with other content is in the library."
NO_TEXT = "There is no text to add; paste some first."

State = Literal["added", "updated", "unchanged", "failed", "asks"]


@dataclass(frozen=True)
class Upload:
    """A file as it was dropped."""

    name: str
    data: bytes


@dataclass(frozen=True)
class Result:
    """What became of one file or address.

    ``waiting`` holds a document that is kept until the user has chosen, ``feed`` a feed whose articles
    are to be chosen from.
    """

    name: str
    state: State
    text: str
    waiting: NewDocument | None = None
    feed: Feed | None = None


def add_uploads(
    library: Library, uploads: Sequence[Upload], max_bytes: int, report: ReportProgress
) -> list[Result]:
    """Add files one by one, so that one that fails leaves the others alone."""
    results: list[Result] = []
    with library.batch():
        for done, upload in enumerate(uploads):
            report(Progress(done, len(uploads), upload.name))
            tell_part = partial(_tell_part, report, done, len(uploads), upload.name)
            add = partial(_add_upload, library, upload, max_bytes, part_of(tell_part))
            results.extend(guarded(upload.name, add))
    report(Progress(len(uploads), len(uploads), ""))
    return results


def _tell_part(report: ReportProgress, done: int, total: int, what: str, part: float) -> None:
    report(Progress(done, total, what, part))


def add_text(library: Library, title: str, text: str, report: ReportProgress | None = None) -> list[Result]:
    """Add a pasted text under its own content's identity."""
    name = title.strip() or "Pasted text"
    if not text.strip():
        return [Result(name, "failed", NO_TEXT)]
    document = NewDocument(text=text, title=title.strip(), key="")
    return guarded(name, lambda: add_document(library, name, document, report))


def replace_document(library: Library, result: Result, report: ReportProgress | None = None) -> list[Result]:
    """Add what waited under the key it came with: it takes the place of the document there."""
    document = _waiting(result)
    return guarded(result.name, lambda: add_document(library, result.name, document, report))


def keep_both(library: Library, result: Result, report: ReportProgress | None = None) -> list[Result]:
    """Add what waited under a key of its own, "upload:name (2)"."""
    waiting = _waiting(result)
    taken = {held.key for held in library.documents()}
    number = next(n for n in range(2, len(taken) + 3) if f"{waiting.key} ({n})" not in taken)
    name, document = f"{result.name} ({number})", replace(waiting, key=f"{waiting.key} ({number})")
    return guarded(name, lambda: add_document(library, name, document, report))


def restore(library: Library, key: str, name: str) -> list[Result]:
    """Add a file of a followed folder back that was removed."""
    return guarded(name, lambda: _results(name, library.restore(key)))


def failure(name: str, error: LoadError) -> Result:
    """Return what to show for a file that can't be read; its name stands before the text anyway."""
    return Result(name, "failed", error.reason.removeprefix(f"{error.path} "))


def _add_upload(library: Library, upload: Upload, max_bytes: int, report: ReportProgress) -> list[Result]:
    if len(upload.data) > max_bytes:
        text = f"The file has {size(len(upload.data))}; {size(max_bytes)} is the most that is taken."
        return [Result(upload.name, "failed", text)]
    loaded = load_bytes(upload.name, upload.data, f"upload:{upload.name}", max_bytes)
    results = [_failure_within(upload.name, error) for error in loaded.failed]
    if any(INNER in document.key for document in loaded.documents):
        return [*_add_all(library, upload.name, loaded.documents, report), *results]
    for document in loaded.documents:
        if _is_other_content(library, document):
            results.append(Result(upload.name, "asks", OTHER_CONTENT, waiting=document))
        else:
            results.extend(add_document(library, upload.name, document, report))
    return results


def _failure_within(name: str, error: LoadError) -> Result:
    """Return what to show for an upload, or for a file within it, which is named too."""
    return failure(name if error.path == name else f"{name} › {error.path}", error)


def _add_all(
    library: Library, name: str, documents: list[NewDocument], report: ReportProgress | None
) -> list[Result]:
    """Add what an archive, a message or a table holds, with one line for all of it."""
    added = library.add(documents, report)
    words = sum(document.words for document in (*added.added, *added.updated))
    parts = [
        f"{count(len(added.added), 'article')} added" if added.added else "",
        f"{len(added.updated):,} updated" if added.updated else "",
        f"{len(added.unchanged):,} unchanged" if added.unchanged else "",
        f"{words:,} words" if words else "",
    ]
    state: State = "added" if added.added else "updated" if added.updated else "unchanged"
    told = ", ".join(filter(None, parts))
    results = [Result(name, state, f"{told[:1].upper()}{told[1:]}.")] if told else []
    return [*results, *(failure(f"{name} › {error.path}", error) for error in added.failed)]


def _is_other_content(library: Library, document: NewDocument) -> bool:
    held = next((held for held in library.documents() if held.key == document.key), None)
    return held is not None and library.document(held.id).text != document.text


def add_document(
    library: Library, name: str, document: NewDocument, report: ReportProgress | None = None
) -> list[Result]:
    """Add one document, and return what became of it under the name that the user knows."""
    return _results(name, library.add([document], report))


def _results(name: str, report: AddReport) -> list[Result]:
    return [
        *(Result(name, "added", _added(document)) for document in report.added),
        *(Result(name, "updated", UPDATED) for _ in report.updated),
        *(Result(name, "unchanged", UNCHANGED) for _ in report.unchanged),
        *(failure(name, error) for error in report.failed),
    ]


def _added(document: Document) -> str:
    return f"Added, {document.words:,} words."


def _waiting(result: Result) -> NewDocument:
    if result.waiting is None:
        raise ValueError("nothing waits for a choice here")
    return result.waiting


def guarded(name: str, add: Callable[[], list[Result]]) -> list[Result]:
    """Add, and return a sentence as the result where that fails in a way that nobody foresaw."""
    try:
        return add()
    except Exception as error:  # noqa: BLE001  # logged, and one sentence for the user
        return [Result(name, "failed", sentence_for(error))]
