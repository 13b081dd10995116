"""Looking after a library: what doesn't fit together is found, and mended where that is possible.

Everything but the texts follows from the texts, so passages, vectors and words are made anew from
them. A text that isn't what was added can't be mended here.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rag.documents import Document, Progress, ReportProgress, short_hash
from rag.embedding.local import Embedder
from rag.errors import CatalogError, DocumentNotFound
from rag.library import Library
from rag.settings import Settings
from rag.store.catalog import Catalog
from rag.store.chroma_follower import ELSEWHERE, HELD_UP, IN_ORDER
from rag.store.migrations import schema
from rag.text.splitting import split_document
from rag.upkeep.catalog_recovery import Recovered, recover
from rag.upkeep.checks import (
    PASSAGES,
    bands_fit,
    counted,
    counts_fit,
    expected_schema,
    file_faults,
    found_schema,
    is_id_proved,
    passages_fit,
    schema_faults,
    text_faults,
    vectors_fit,
    words_faults,
    words_fit,
)

_SAMPLE = 48
"""About how many passages are embedded again to compare: a second and a half."""
_Faults = defaultdict[str, list[str]]
"""By check the documents with something wrong; and the ids of those to embed, to name and to compare anew."""
_LAST_CHANGES = "(SELECT passage, added, max(number) FROM changes GROUP BY passage)"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found: each thing ``wrong`` in a few words, and what was ``done`` about it."""

    check: str
    wrong: tuple[str, ...] = ()
    done: str = ""
    is_mended: bool = False

    @property
    def is_in_order(self) -> bool:
        """Whether nothing is wrong here now."""
        return not self.wrong or self.is_mended


def examine(
    settings: Settings,
    embedder: Embedder,
    *,
    everything: bool = False,
    progress: ReportProgress | None = None,
) -> Iterator[Finding]:
    """Check a library from its file to its index, and mend what can be mended.

    Parameters
    ----------
    everything
        Whether to embed all passages again to compare their vectors, and not a sample.

    Raises
    ------
    CatalogError
        Nothing can be checked: the folder can't be written, or the catalog is of another version,
        of another embedding model, or damaged while another process has it open.
    """
    yield _check_file(settings, embedder, progress)
    with closing(Catalog(settings.data_dir / "catalog.sqlite3")) as catalog:
        yield _check_schema(catalog)
        yield _check_rows(catalog)
    with Library.open(settings, embedder, follow=False) as library:
        faults = _Faults(list)
        every = 1 if everything else max(1, library.status().passages // _SAMPLE)
        for document, held_text_hash, rows in _walk(library, faults, progress):
            _check_document(library, document, held_text_hash, rows, faults, every)
        # Words first: a document is replaced by way of its words.
        words = _check_words(library.catalog, faults["words"])
        for document_id in faults["to embed"]:
            library.embedding.embed_again(document_id)
        yield _check_names(library.catalog, faults["to name"])
        yield _finding("texts", faults["texts"], "add them again, or remove them", is_mended=False)
        yield _finding("counts", faults["counts"], "counted anew")
        yield _finding("passages", faults["passages"], "cut and embedded anew")
        yield _finding("vectors", faults["vectors"], "embedded anew")
        yield words
        yield _check_stories(library, faults["to compare"])
        yield _check_changes(library.catalog)
    yield _check_index(settings, embedder)


def _finding(check: str, wrong: Sequence[str], done: str, *, is_mended: bool = True) -> Finding:
    return Finding(check, tuple(wrong), done, is_mended) if wrong else Finding(check)


def _check_file(settings: Settings, embedder: Embedder, progress: ReportProgress | None) -> Finding:
    path = settings.data_dir / "catalog.sqlite3"
    try:
        faults = file_faults(path)
    except sqlite3.Error as error:
        raise CatalogError(f"The catalog {path} can't be checked ({error}): try again.") from error
    if not faults:
        return Finding("file")
    if _is_mended_by_indexing(path):
        return _finding("file", faults, "its indexes were made anew")
    recovered = recover(settings, embedder, progress)
    is_mended = recovered.is_all_known and not recovered.lost
    return _finding("file", faults, _what_was_recovered(recovered), is_mended=is_mended)


def _what_was_recovered(recovered: Recovered) -> str:
    saved = f"{recovered.saved} document" + "s" * (recovered.saved != 1)
    parts = [f"saved {saved} into a new catalog"]
    if recovered.copy_made:
        day = f"{recovered.copy_made.astimezone():%Y-%m-%d %H:%M}"
        parts = [f"put back the copy of {day} with {recovered.copied} of the documents"]
        if recovered.saved:
            parts.append(f"saved {saved} that came later")
    if recovered.kept:
        parts[-1] += f" and kept the damaged one as {recovered.kept.name} until something is removed"
    if recovered.lost:
        parts.append(f"lost are {', '.join(recovered.lost)}")
    if not recovered.is_all_known:
        parts.append("what was added after the copy is lost" if recovered.copy_made else "others may be lost")
    return "; ".join(parts)


def _is_mended_by_indexing(path: Path) -> bool:
    # A file that is missing isn't made.
    uri = f"{path.absolute().as_uri()}?mode=rw"
    with suppress(sqlite3.Error), closing(sqlite3.connect(uri, timeout=60, uri=True)) as connection:
        connection.execute("REINDEX")
        connection.commit()
        return not file_faults(path)
    return False


def _check_schema(catalog: Catalog) -> Finding:
    expected = expected_schema()
    with catalog.writing() as writer:
        faults = schema_faults(expected, found_schema(writer))
        for statement in schema() if faults else ():
            # Only what is missing is made: what is there and differs may hold something.
            with suppress(sqlite3.Error):
                writer.execute(statement)
        left = schema_faults(expected, found_schema(writer))
    wrong = [f"{name} {what}" for name, what in faults.items()]
    done = "made anew" if not left else f"can't be mended: {', '.join(left)}"
    return _finding("schema", wrong, done, is_mended=not left)


def _check_rows(catalog: Catalog) -> Finding:
    """Check that each passage has its document, and each vector its passage."""
    with catalog.writing() as writer:
        orphans = writer.select("PRAGMA foreign_key_check")
        for table, number, *_ in orphans:
            writer.execute(f"DELETE FROM {table} WHERE rowid = ?", [number])
    return _finding("rows", counted((len(orphans), "belong to nothing")), "removed")


def _walk(
    library: Library, faults: _Faults, progress: ReportProgress | None
) -> Iterator[tuple[Document, str, list[tuple[Any, ...]]]]:
    """Yield each document with its text's hash and its rows of `PASSAGES`, each read at one moment."""
    with library.catalog.reading() as view:
        listed = view.select("SELECT number, id, title, key FROM documents ORDER BY number")
    for done, (number, document_id, title, key) in enumerate(listed):
        if progress is not None:
            progress(Progress(done, len(listed), title or key))
        with library.catalog.reading() as view:
            held_text_hash = view.value("SELECT text_hash FROM documents WHERE number = ?", [number])
            if held_text_hash is None:  # removed or replaced meanwhile
                continue
            try:
                document = view.document(document_id)
            except (ValueError, TypeError):
                faults["texts"].append(f"{title or key}: its blocks or dates can't be read")
                continue
            rows = view.select(PASSAGES, [number])
        yield document, held_text_hash, rows
    if progress is not None:
        progress(Progress(len(listed), len(listed), ""))


def _check_document(
    library: Library,
    document: Document,
    held_text_hash: str,
    rows: Sequence[tuple[Any, ...]],
    faults: _Faults,
    every: int,
) -> None:
    name, embedder = document.title or document.key, library.embedder
    with library.catalog.reading() as view:
        named, held_bands = view.named(document.key), view.bands(document.id)
    if (named or short_hash("document", document.key)) != document.id and is_id_proved(document, rows):
        faults["to name"].append(document.id)
        named = document.id
    if wrong_text := text_faults(document, held_text_hash, named):
        faults["texts"].extend(f"{name}: {fault}" for fault in wrong_text)
        return
    if document.story and not bands_fit(document, held_bands):
        faults["to compare"].append(document.id)
    if not words_fit(document, rows):
        faults["words"].append(name)
    pieces = split_document(document.text, document.blocks, library.settings.passage_words)
    if not passages_fit(document, pieces, rows, embedder.name):
        faults["passages"].append(name)
    elif not vectors_fit(document, pieces, rows, embedder, every):
        faults["vectors"].append(name)
    elif not counts_fit(document, len(rows)):
        faults["counts"].append(name)
    else:
        return
    faults["to embed"].append(document.id)


def _check_words(catalog: Catalog, wrong: Sequence[str]) -> Finding:
    with catalog.writing() as writer:
        faults = [*(f"{name}: not those of its text" for name in wrong), *words_faults(writer)]
    if not faults:
        return Finding("words")
    try:
        with catalog.writing() as writer:
            writer.words.rewrite()
    except CatalogError as error:
        return _finding("words", faults, str(error), is_mended=False)
    return _finding("words", faults, "written anew from the texts")


def _check_names(catalog: Catalog, unnamed: Sequence[str]) -> Finding:
    """Have each document found by its key under the id that it has had all along."""
    with catalog.writing() as writer:
        for document_id in unnamed:
            if key := writer.key(document_id):
                writer.name(key, document_id)
        stray = writer.execute(
            "DELETE FROM names WHERE id IN (SELECT id FROM documents)"
            " AND key != (SELECT key FROM documents WHERE id = names.id)"
        )
    wrong = counted((len(unnamed), "documents without their ids"), (stray, "ids of other documents"))
    return _finding("names", wrong, "named anew")


def _check_stories(library: Library, unfound: Sequence[str]) -> Finding:
    """Check that of each document it is known what tells the same, and that others find it."""
    with library.catalog.reading() as view:
        lacking = view.without_story()
    for document_id in (*lacking, *unfound):
        with suppress(DocumentNotFound), library.catalog.writing() as writer:
            writer.tell_story(document_id)
    wrong = counted(
        (len(lacking), "not yet compared with the others"), (len(unfound), "not found by the others")
    )
    return _finding("copies", wrong, "compared")


def _check_changes(catalog: Catalog) -> Finding:
    """Check that the log which Chroma follows leads to the passages that are held."""
    with catalog.writing() as writer:
        untold = writer.column(
            f"SELECT p.id FROM passages p LEFT JOIN {_LAST_CHANGES} c ON c.passage = p.id"
            " WHERE c.added IS NOT 1"
        )
        unheld = writer.column(
            f"SELECT c.passage FROM {_LAST_CHANGES} c LEFT JOIN passages p ON p.id = c.passage"
            " WHERE c.added AND p.id IS NULL"
        )
        for passages, added in ((untold, True), (unheld, False)):
            for passage in passages:
                writer.note_change(passage, added=added)
    wrong = counted((len(untold), "passages are not in it"), (len(unheld), "of its passages are gone"))
    return _finding("changes", wrong, "written anew")


def _check_index(settings: Settings, embedder: Embedder) -> Finding:
    """Have Chroma follow: at its opening it is compared with the catalog, and made anew if it differs."""
    with Library.open(settings, embedder) as library:
        while not library.index.wait(0.1) and library.index.state not in HELD_UP:
            pass
        state = library.index.state
    # Another process that keeps the index has compared it as well.
    return _finding("index", [] if state in (IN_ORDER, ELSEWHERE) else [state], "", is_mended=False)
