"""Library: the collection of documents, to add to, remove from and search."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from rag.blocks import find_blocks
from rag.catalog import Catalog, EmbeddedPiece, text_hash
from rag.catalog_view import Tombstone
from rag.conversations import Conversations
from rag.documents import (
    AddReport,
    Document,
    Filters,
    Hit,
    NewDocument,
    Progress,
    ReportProgress,
    content_hash,
    short_hash,
)
from rag.embeddings import Embedder, LocalEmbeddings
from rag.errors import CatalogError, LoadError
from rag.forgetting import Forgetting
from rag.loaders import load_file
from rag.retrieval import Candidate, Question, find, read_question
from rag.settings import Settings
from rag.splitting import Piece, split_document
from rag.text import normalise_text, one_line
from rag.vectors import ELSEWHERE, HELD_UP, VectorIndex

if TYPE_CHECKING:
    from langchain_core.retrievers import BaseRetriever

CORPUS_PREFIX = "corpus:"
_PATIENCE_SECONDS = 2.0
_PASSAGES_TOLD = 10
"""Progress is told after each so many passages, a quarter of a second."""
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class LibraryStatus:
    """Figures for the line at the bottom of the Library page."""

    documents: int
    passages: int
    bytes_on_disk: int
    changed: datetime | None
    index: str


@dataclass(frozen=True, slots=True)
class Found:
    """A question as it was read, and its best passages."""

    question: Question
    candidates: tuple[Candidate, ...]


class Library:
    """A collection of documents in one folder.

    Safe in several threads; several processes may open one folder. Use `Library.open`.
    """

    def __init__(self, settings: Settings, catalog: Catalog, embedder: Embedder, index: VectorIndex) -> None:
        self.settings = settings
        self.embedder = embedder
        self._catalog = catalog
        self._index = index
        self._forgetting = Forgetting(settings, catalog)
        self._batches = threading.local()

    @property
    def catalog(self) -> Catalog:
        """What the library keeps, for what looks after it."""
        return self._catalog

    @classmethod
    def open(cls, settings: Settings, embedder: Embedder | None = None, *, follow: bool = True) -> Library:
        """Open the library in ``settings.data_dir``, and make it if there is none.

        Parameters
        ----------
        embedder
            The embedding model; the packaged one if left out.
        follow
            Whether to keep Chroma in step, as the app does. Without it the search is exact.

        Raises
        ------
        CatalogError
            The folder can't be written, the catalog is damaged, of a newer Footnote, or holds
            vectors of another embedding model.
        EmbeddingError
            The embedding model is missing or is not the one expected.
        """
        embedder = embedder or LocalEmbeddings.from_settings(settings)
        catalog = Catalog(settings.data_dir / "catalog.sqlite3")
        try:
            _check_embedder(catalog, embedder.name)
        except BaseException:
            catalog.close()
            raise
        index = VectorIndex(
            settings.data_dir / "chroma",
            catalog,
            embedder.name,
            follow=follow,
            server_url=settings.chroma_url,
        )
        library = cls(settings, catalog, embedder, index)
        # What a process that was killed has left.
        library._forgetting.forget(patience_seconds=0.0)
        return library

    def close(self) -> None:
        """Close the library; what was acknowledged is kept, whether Chroma holds it yet or not."""
        if self._index.state not in HELD_UP:
            self._index.wait(_PATIENCE_SECONDS)
        self._index.close()
        self._forgetting.close()
        self._catalog.close()

    def __enter__(self) -> Library:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def add(self, documents: Iterable[NewDocument], progress: ReportProgress | None = None) -> AddReport:
        """Add documents, each as a whole: what a report names is on disk.

        A document with a known key replaces the one that has it; with nothing changed it is
        unchanged. One that can't be added is reported, and the others go on. What was replaced is
        wiped at the end.
        """
        report = AddReport()
        waiting = list(documents)
        with self.batch():
            for done, document in enumerate(waiting):
                name = document.title or document.key
                _tell(progress, done, len(waiting), name)
                try:
                    self._add_one(document, report, partial(_tell, progress, done, len(waiting), name))
                except LoadError as error:
                    report.failed.append(error)
        _tell(progress, len(waiting), len(waiting), "")
        return report

    def remove(self, document_id: str) -> None:
        """Remove a document; when this returns, no search finds it and no file holds its text.

        Where a reader is still in the way, in whatever process, its text is wiped from the files as
        soon as there is none. What conversations quoted from it is blanked. A file of a followed
        folder stays away until it is added again on purpose.

        Raises
        ------
        DocumentNotFound
        """
        with self.batch():
            with self._catalog.writing() as writer:
                # Only a file would come back by itself; an upload of the same text later is meant to.
                is_followed = writer.document(document_id).key.startswith(CORPUS_PREFIX)
                writer.remove(document_id, bury=is_followed)
            self._index.notify()

    @contextmanager
    def batch(self) -> Iterator[None]:
        """Wipe the text of what this thread removes and replaces once, at the end of the block."""
        self._batches.depth = getattr(self._batches, "depth", 0) + 1
        try:
            yield
        finally:
            self._batches.depth -= 1
            if not self._batches.depth:
                self._forgetting.forget()

    def forget_quotes(self, conversations: Conversations) -> bool:
        """Blank what conversations quote from versions that are no longer held; return whether any was.

        Whoever stores an answer calls this after it: a document may have been removed while the
        answer was made, and then nothing else would blank it.
        """
        return self._forgetting.forget_quotes(conversations)

    def documents(self) -> list[Document]:
        """All documents, without their texts, the newest first."""
        with self._catalog.reading() as view:
            return view.documents()

    def document(self, document_id: str) -> Document:
        """One document with its text and blocks.

        Raises
        ------
        DocumentNotFound
        """
        with self._catalog.reading() as view:
            return view.document(document_id)

    def search(self, question: str, limit: int = 10, filters: Filters | None = None) -> list[Hit]:
        """Find the passages that suit a question best, the best first."""
        found = self.find(question, limit, filters)
        return [Hit(c.stored.document, c.stored.passage, c.score) for c in found.candidates]

    def find(self, question: str, limit: int = 10, filters: Filters | None = None) -> Found:
        """Find passages as `search` does, with the scores and sentences that quoting needs."""
        # In the form that the texts have: an accent typed as a mark of its own would part a word.
        question = one_line(question)
        vector = self.embedder.embed_question(question)
        with self._catalog.reading() as view:
            read = read_question(question, vector, view, self.embedder.languages)
            return Found(read, tuple(find(view, self._index, read, limit, filters)))

    def as_retriever(self, limit: int = 10) -> BaseRetriever:
        """Return a LangChain retriever over this library.

        The metadata of what it finds holds ``document_id``, ``version``, ``start``, ``end``,
        ``title``, ``source``, ``url``, ``published`` and ``score`` (higher is better).
        """
        from rag.chains import LibraryRetriever

        return LibraryRetriever(library=self, limit=limit)

    def sync(self, folder: Path, progress: ReportProgress | None = None) -> AddReport:
        """Bring the library in step with a folder of files.

        New and changed files are added, those that are gone from the folder are removed, and those
        that were removed in the library stay away. A file whose size and time are as they were is
        not read. A folder that is missing changes nothing.
        """
        report = AddReport()
        if not folder.is_dir():
            return report
        paths = {corpus_key(folder, path): path for path in _files_below(folder)}
        with self._catalog.reading() as view:
            seen, held = view.seen_files(), set(view.keys(CORPUS_PREFIX))
            buried = {tombstone.key for tombstone in view.tombstones()}
        changed = {
            key: path
            for key, path in paths.items()
            if key not in buried and (key not in held or seen.get(key) != _stamp(path))
        }
        with self.batch():
            self._drop_missing(held - paths.keys())
            for done, (key, path) in enumerate(changed.items()):
                _tell(progress, done, len(changed), path.name)
                tell_part = partial(_tell, progress, done, len(changed), path.name)
                self._sync_file(key, path, report, tell_part)
        if changed:
            _tell(progress, len(changed), len(changed), "")
        return report

    def removed(self) -> list[Tombstone]:
        """Files of the followed folder that were removed in the library, the latest first."""
        with self._catalog.reading() as view:
            return [t for t in view.tombstones() if t.key.startswith(CORPUS_PREFIX)]

    def restore(self, key: str, folder: Path) -> AddReport:
        """Add a file of the followed folder again that was removed in the library."""
        report = AddReport()
        path = folder / key.removeprefix(CORPUS_PREFIX)
        if not path.is_file():
            with self._catalog.writing() as writer:
                writer.unbury(key)
            report.failed.append(LoadError(key, "The file is no longer in the folder: put it back first."))
            return report
        self._sync_file(key, path, report, on_purpose=True)
        return report

    def embed_again(self, document_id: str) -> Document:
        """Cut and embed a held document anew, whatever its passages and vectors are now.

        Raises
        ------
        DocumentNotFound
        """
        held = self.document(document_id)
        names = (field.name for field in fields(NewDocument))
        document = NewDocument(**{name: getattr(held, name) for name in names})
        pieces = self._embed(document, lambda part: None, reuse=False)
        with self._catalog.writing() as writer:
            if writer.version(held.key) == held.version:
                # Nothing is added on purpose here, so what was removed on purpose stays away.
                buried = writer.select("SELECT key, text_hash, title, removed FROM tombstones").fetchall()
                held = writer.put(document, held.id, held.version, pieces)
                for row in buried:
                    writer.execute("INSERT OR IGNORE INTO tombstones VALUES (?, ?, ?, ?)", row)
        self._index.notify()
        return held

    def status(self) -> LibraryStatus:
        """Count what the library holds."""
        with self._catalog.reading() as view:
            documents, passages = view.counts()
            changed = view.updated()
        size = sum(map(_size_in_bytes, _files_below(self.settings.data_dir)))
        return LibraryStatus(documents, passages, size, changed, self._index.state)

    def rebuild_index(self) -> None:
        """Make Chroma's index anew from the catalog and wait for it; nothing is embedded again."""
        self._index.rebuild()
        while not self._index.wait(1.0):
            if self._index.state == ELSEWHERE:
                raise CatalogError("Another process keeps the vector index: close the app and try again.")
            if self._index.state in HELD_UP:
                raise CatalogError(f"The vector index can't be made anew now: {self._index.state}.")

    def _add_one(self, document: NewDocument, report: AddReport, tell_part: Callable[[float], None]) -> None:
        prepared = _prepared(document)
        document_id = short_hash("document", prepared.key)
        version = content_hash(prepared)[:16]
        with self._catalog.reading() as view:
            before = view.version(prepared.key)
            is_buried = view.is_buried_key(prepared.key)
        if before == version and not is_buried:
            report.unchanged.append(self.document(document_id))
            return
        pieces = self._embed(prepared, tell_part)
        with self._catalog.writing() as writer:
            stored = writer.put(prepared, document_id, version, pieces)
        self._index.notify()
        (report.updated if before else report.added).append(stored)

    def _embed(
        self, document: NewDocument, tell_part: Callable[[float], None], *, reuse: bool = True
    ) -> list[EmbeddedPiece]:
        pieces = split_document(document.text, document.blocks, self.settings.passage_words)
        embedded: list[EmbeddedPiece] = []
        for piece in pieces:
            embedded.append(self._embed_piece(document, piece, reuse))
            if len(embedded) % _PASSAGES_TOLD == 0:
                tell_part(len(embedded) / len(pieces))
        return embedded

    def _embed_piece(self, document: NewDocument, piece: Piece, reuse: bool) -> EmbeddedPiece:
        """Embed a passage with its title and headings before it, unless its vectors are held."""
        text, spans = embedded_text(document.title, document.text, piece)
        fingerprint = passage_fingerprint(self.embedder.name, text, spans)
        held = None
        if reuse:
            with self._catalog.reading() as view:
                held = view.reusable(fingerprint)
        vector, sentence_vectors = held or self.embedder.embed_passage(text, spans)
        return EmbeddedPiece(piece, fingerprint, vector, sentence_vectors)

    def _drop_missing(self, keys: Iterable[str]) -> None:
        for key in keys:
            with self._catalog.writing() as writer:
                writer.remove(short_hash("document", key), bury=False)
                writer.forget_file(key)
        self._index.notify()

    def _sync_file(
        self,
        key: str,
        path: Path,
        report: AddReport,
        tell_part: Callable[[float], None] | None = None,
        *,
        on_purpose: bool = False,
    ) -> None:
        stamp = _stamp(path)
        loaded = load_file(path, self.settings.max_upload_bytes)
        report.failed.extend(loaded.failed)
        for document in loaded.documents:
            document = replace(document, key=key)
            with self._catalog.reading() as view:
                # What is held doesn't come back, whatever became of a copy of it.
                is_back = not on_purpose and view.version(key) is None
                if is_back and view.is_buried(key, text_hash(document.text)):
                    continue
            added = self.add([document], part_of(tell_part))
            for name in ("added", "updated", "unchanged", "failed"):
                getattr(report, name).extend(getattr(added, name))
        if loaded.documents and not loaded.failed:
            with self._catalog.writing() as writer:
                writer.see_file(key, *stamp)


def embedded_text(title: str, text: str, piece: Piece) -> tuple[str, list[tuple[int, int]]]:
    """Return what is embedded of a passage, title and headings first, and where its sentences lie in it."""
    context = "\n".join(filter(None, [title, piece.heading, piece.header]))
    offset = len(context) + 1 - piece.start
    spans = [(span.start + offset, span.end + offset) for span in piece.sentences]
    return f"{context}\n{text[piece.start : piece.end]}", spans


def passage_fingerprint(embedder: str, text: str, spans: Sequence[tuple[int, int]]) -> str:
    """Return what names the vectors of a passage: equal ones are embedded once."""
    return short_hash("passage", embedder, text, repr(list(spans)))


def corpus_key(folder: Path, path: Path) -> str:
    """Return the key of a file of the followed folder."""
    return CORPUS_PREFIX + path.relative_to(folder).as_posix()


def _prepared(document: NewDocument) -> NewDocument:
    """Return a document with normalised text, its blocks, and a key.

    Raises
    ------
    LoadError
        There is nothing to read in it, it can't be stored, or its blocks don't fit its text.
    """
    name = document.title or document.key or "The text"
    if not document.blocks:
        text = normalise_text(document.text)
        document = replace(document, text=text, blocks=find_blocks(text))
    strings = (document.text, document.title, document.key, document.source, document.url, document.author)
    if any(map(_UNSTORABLE.search, strings)):
        raise LoadError(
            one_line(name), "It holds characters that can't be stored: take NUL and surrogates out of it."
        )
    if not any(character.isalnum() for character in document.text):
        raise LoadError(name, "There is no text in it: add a document with words to read.")
    end = 0
    for block in document.blocks:
        if not end <= block.start < block.end <= len(document.text):
            raise LoadError(name, "Its blocks don't fit its text: leave them out to have them found.")
        end = block.end
    if not any(block.kind != "heading" for block in document.blocks):
        # A text of headings alone can still be read and quoted.
        document = replace(document, blocks=tuple(replace(b, kind="paragraph") for b in document.blocks))
    return document if document.key else replace(document, key=f"sha256:{content_hash(document)}")


def _check_embedder(catalog: Catalog, name: str) -> None:
    with catalog.reading() as view:
        held, passages = view.meta("embedder"), view.counts()[1]
    if held == name:
        return
    if held and passages:
        raise CatalogError(
            f"The library holds vectors of the embedding model {held}, and {name} is set: set the former"
            " again, or choose a new folder with FOOTNOTE_DATA_DIR and add the documents there."
        )
    with catalog.writing() as writer:
        writer.set_meta("embedder", name)


def part_of(tell_part: Callable[[float], None] | None) -> ReportProgress:
    """Return a function that tells how much of one document is done, for `Library.add` to call."""

    def tell(progress: Progress) -> None:
        if tell_part and progress.part:
            tell_part(progress.part)

    return tell


def _tell(progress: ReportProgress | None, done: int, total: int, what: str, part: float = 0.0) -> None:
    if progress is not None:
        progress(Progress(done, total, what, part))


def _files_below(folder: Path) -> list[Path]:
    paths = list[Path]()
    for name, folders, names in os.walk(folder):  # which passes over folders that have just gone
        folders[:] = [part for part in folders if not part.startswith(".")]
        paths.extend(Path(name, part) for part in names if not part.startswith("."))
    return sorted(path for path in paths if path.is_file())


def _size_in_bytes(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:  # Chroma's files come and go
        return 0


def _stamp(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns
