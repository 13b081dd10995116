"""Changing the embedding model: everything is embedded anew, nothing is mixed, and nothing is lost."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from rag import Assistant, CatalogError, EmbeddingError, Library, NewDocument, Progress, Settings
from rag.cli.commands import main
from rag.embedding.local import PassageVectors, Vector
from rag.embedding.word_vectors import NO_WORDS, WordVectors
from rag.search.finding import NOT_YET
from rag.store.catalog import Catalog
from rag.store.chroma_follower import IN_ORDER, NOT_EMBEDDED
from rag.upkeep.doctor import examine
from rag.upkeep.exporting import export_library, import_library
from rag.upkeep.indexing import wait_for_index
from tests.conftest import BagOfWords
from tests.helpers.embedding_server import embedding_server, gives_vectors, refuses

ARTICLES = [
    NewDocument(f"The {thing} has the number {n}. The harbour is near.", title=thing.title(), key=thing)
    for n, thing in enumerate(("ship", "radar", "bread", "king"))
]
QUESTION = "Which number has the bread?"


class Wider(BagOfWords):
    """Another model: its vectors are longer by one number, which is always 0.6."""

    name = "wider"
    dimensions = BagOfWords.dimensions + 1

    def __init__(self) -> None:
        self.embedded: list[str] = []

    def embed_question(self, text: str) -> Vector:
        return np.append(0.8 * super().embed_question(text), 0.6).astype(np.float32)

    def embed_question_words(self, text: str) -> tuple[Vector, WordVectors]:
        return self.embed_question(text), NO_WORDS

    def embed_passage(self, text: str, spans: Sequence[tuple[int, int]]) -> PassageVectors:
        self.embedded.append(text.split("\n")[0])
        return super().embed_passage(text, spans)


@pytest.fixture(autouse=True)
def _held(settings: Settings) -> None:
    with Library.open(settings, BagOfWords(), follow=False) as library:
        library.add(ARTICLES)


def changed(settings: Settings, embedder: BagOfWords | None = None, *, follow: bool = False) -> Library:
    return Library.open(settings, embedder or Wider(), follow=follow, reembed=True)


def stop_at(done: int):
    def stop(now: Progress) -> None:
        if now.done == done:
            raise KeyboardInterrupt

    return stop


def keys(library: Library) -> set[str]:
    return {document.key for document in library.documents()}


def ask(library: Library, settings: Settings):
    return Assistant(library, settings).ask(QUESTION)


def test_until_it_is_embedded_anew_questions_are_answered_by_words(settings: Settings):
    with changed(settings) as library:
        assert library.embedding.left() == 4
        answer = ask(library, settings)
        assert answer.text == "The bread has the number 2."
        assert answer.remark == f"Searched by words alone. {NOT_YET}"
        assert library.embedding.complete() == 4
        answer = ask(library, settings)
        assert (answer.text, answer.remark) == ("The bread has the number 2.", "")
        assert library.embedding.left() == library.embedding.complete() == 0
    wrong = [finding for finding in examine(settings, Wider(), everything=True) if finding.wrong]
    assert wrong == []


def test_progress_tells_each_article(settings: Settings):
    told = list[Progress]()
    with changed(settings) as library:
        library.embedding.complete(told.append)
    assert [(now.done, now.total, now.what) for now in told] == [
        *((n, 4, article.title) for n, article in enumerate(ARTICLES)),
        (4, 4, ""),
    ]


def test_what_was_interrupted_goes_on_where_it_was(settings: Settings):
    with changed(settings) as library, pytest.raises(KeyboardInterrupt):
        library.embedding.complete(stop_at(2))
    embedder = Wider()
    with Library.open(settings, embedder, follow=False) as library:
        assert keys(library) == {article.key for article in ARTICLES}
        assert library.embedding.left() == 2
        assert ask(library, settings).text == "The bread has the number 2."
        assert NOT_YET in ask(library, settings).remark
        assert library.embedding.complete() == 2
        assert embedder.embedded == ["Bread", "King"]
        assert not ask(library, settings).remark


def test_changing_back_in_the_middle_mixes_nothing(settings: Settings):
    with changed(settings) as library, pytest.raises(KeyboardInterrupt):
        library.embedding.complete(stop_at(2))
    with changed(settings, BagOfWords()) as library:
        assert library.embedding.left() == 4
        assert library.embedding.complete() == 4
        assert not ask(library, settings).remark
    assert not [finding for finding in examine(settings, BagOfWords(), everything=True) if finding.wrong]


def test_what_is_added_updated_and_removed_meanwhile_is_so(settings: Settings):
    with changed(settings) as library:
        [ship, *_] = library.add([NewDocument("The ship has a new number.", key="ship")]).updated
        library.add([NewDocument("The captain has no number.", title="Captain", key="captain")])
        library.remove(next(d.id for d in library.documents() if d.key == "king"))
        assert library.embedding.left() == 2
        assert library.embedding.complete() == 2
        assert keys(library) == {"ship", "radar", "bread", "captain"}
        assert library.document(ship.id).text == "The ship has a new number."


def test_what_is_renamed_meanwhile_is_embedded_too(settings: Settings):
    with changed(settings) as library:
        files = library.settings.corpus_dir
        files.mkdir()
        (files / "boat.md").write_text("The ship is in the harbour.")
        library.embedding.complete()
        library.sync(files)

    with changed(settings, BagOfWords()) as library:

        def rename(now: Progress) -> None:
            if now.what == "Boat" and (files / "boat.md").exists():
                (files / "boat.md").rename(files / "vessel.md")
                assert len(library.sync(files).renamed) == 1

        library.embedding.complete(rename)
        assert library.embedding.left() == 0
        assert "corpus:vessel.md" in keys(library)
        assert "corpus:boat.md" not in keys(library)


def test_what_was_removed_on_purpose_stays_away(settings: Settings, tmp_path: Path):
    folder = tmp_path / "articles"
    folder.mkdir()
    for name in ("one", "two"):
        (folder / f"{name}.md").write_text("# Copies\n\nThe king has two radars.\n")
    with Library.open(settings, BagOfWords(), follow=False) as library:
        first, _ = library.sync(folder).added
        library.remove(first.id)
    with changed(settings) as library:
        library.embedding.complete()
        assert len(library.followed.removed()) == 1
        library.sync(folder)
        assert first.key not in keys(library)


def test_chroma_is_made_anew(settings: Settings):
    with Library.open(settings, BagOfWords()) as library:
        wait_for_index(library)
    with changed(settings, follow=True) as library:
        with pytest.raises(CatalogError, match=NOT_EMBEDDED):
            wait_for_index(library)
        assert library.status().index == NOT_EMBEDDED
        library.embedding.complete()
        wait_for_index(library)
        assert library.status().index == IN_ORDER
        assert [hit.document.key for hit in library.search("bread", limit=1)] == ["bread"]


def test_a_model_that_fails_costs_nothing_that_is_held(settings: Settings):
    with embedding_server() as server:
        endpoint = {"embedding_model": "bag", "embedding_base_url": server.url}
        remote = settings.model_copy(update=endpoint)
        server.act = refuses(401)
        with Library.open(remote, follow=False, reembed=True) as library:
            with pytest.raises(EmbeddingError, match="refuses the key"):
                library.embedding.complete()
            assert ask(library, remote).text == "The bread has the number 2."
    with Library.open(settings, BagOfWords(), follow=False) as library:
        assert not ask(library, settings).remark


def test_a_model_that_fails_in_the_middle_says_how_much_is_left(settings: Settings):
    with embedding_server() as server:

        def act(connection):
            (refuses(400) if any("radar" in text for text in connection.texts) else gives_vectors)(connection)

        server.act = act
        remote = settings.model_copy(update={"embedding_model": "bag", "embedding_base_url": server.url})
        with Library.open(remote, follow=False, reembed=True) as library:
            with pytest.raises(EmbeddingError, match=r"^1 of 4 articles could not be embedded anew"):
                library.embedding.complete()
            assert library.embedding.left() == 1
            server.act = gives_vectors
            assert library.embedding.complete() == 1


def test_a_process_with_the_former_model_goes_on_by_words_and_adds_nothing(settings: Settings):
    with Library.open(settings, BagOfWords(), follow=False) as old, changed(settings) as new:
        assert not ask(old, settings).remark
        new.embedding.complete()
        answer = ask(old, settings)
        assert answer.text == "The bread has the number 2."
        assert answer.remark
        [failure] = old.add([NewDocument("The captain has no number.", key="captain")]).failed
        assert "embedded with wider by now, and bag-of-words is set here" in failure.reason
        with pytest.raises(EmbeddingError, match="embedded with wider by now"):
            old.embedding.complete()
        assert keys(new) == {article.key for article in ARTICLES}
        assert not ask(new, settings).remark


def test_an_unfinished_library_is_exported_and_imported(settings: Settings, tmp_path: Path):
    with changed(settings) as library:
        with pytest.raises(KeyboardInterrupt):
            library.embedding.complete(stop_at(2))
        export_library(library, tmp_path / "library.gz")
    with Library.open(Settings(data_dir=tmp_path / "other"), Wider(), follow=False) as other:
        assert len(import_library(other, tmp_path / "library.gz").added) == 4
        assert other.embedding.left() == 0


def test_the_command_line_says_what_to_do_and_does_it(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    with embedding_server() as server:
        monkeypatch.setenv("FOOTNOTE_DATA_DIR", str(settings.data_dir))
        monkeypatch.setenv("FOOTNOTE_EMBEDDING_MODEL", "bag")
        monkeypatch.setenv("FOOTNOTE_EMBEDDING_BASE_URL", server.url)
        assert main(["ask", QUESTION]) == 1
        assert "run `python -m rag reembed` to embed everything with it" in capsys.readouterr().err
        server.act = refuses(401)
        assert main(["reembed"]) == 1
        assert "refuses the key: check FOOTNOTE_EMBEDDING_API_KEY." in capsys.readouterr().err
        server.act = gives_vectors
        assert main(["reembed"]) == 0
        assert capsys.readouterr().out == (
            f"The library is embedded with openai:bag@{server.host}: embedded 4 documents.\n"
        )
        assert main(["reembed"]) == 0
        assert "nothing was left to embed" in capsys.readouterr().out
        assert main(["ask", QUESTION]) == 0
        assert capsys.readouterr().err == ""


def test_the_command_line_says_that_a_change_is_unfinished(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    with embedding_server() as server:
        remote = settings.model_copy(update={"embedding_model": "bag", "embedding_base_url": server.url})
        with Library.open(remote, follow=False, reembed=True) as library, pytest.raises(KeyboardInterrupt):
            library.embedding.complete(stop_at(2))
        monkeypatch.setenv("FOOTNOTE_DATA_DIR", str(settings.data_dir))
        monkeypatch.setenv("FOOTNOTE_EMBEDDING_MODEL", "bag")
        monkeypatch.setenv("FOOTNOTE_EMBEDDING_BASE_URL", server.url)
        assert main(["ask", QUESTION]) == 0
        shown = capsys.readouterr()
        assert "The bread has the number 2." in shown.out
        assert "2 documents have still to be embedded" in shown.err
        assert "run `python -m rag reembed`" in shown.err


def test_vectors_are_blank_until_they_are_made(settings: Settings):
    with changed(settings) as library, pytest.raises(KeyboardInterrupt):
        library.embedding.complete(stop_at(2))
    catalog = Catalog(settings.data_dir / "catalog.sqlite3")
    with catalog.reading() as view:
        rows = view.passages.vectors_added(0)
    catalog.close()
    lengths = np.linalg.norm(rows.matrix, axis=1)
    assert rows.matrix.shape == (4, Wider.dimensions)
    assert sorted(lengths.round(3)) == [0, 0, 1, 1]
