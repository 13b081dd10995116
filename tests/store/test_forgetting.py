"""Forgetting: the files of the data folder are searched for the text of what was removed."""

from __future__ import annotations

import os
import random
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from rag import (
    Answer,
    Assistant,
    CatalogError,
    Citation,
    Hit,
    Library,
    NewDocument,
    Passage,
    Sentence,
    Settings,
)
from rag.conversations import Conversations, Turn
from rag.conversations.kept_answers import blanked
from rag.documents import short_hash
from rag.errors import Cancelled
from rag.service.engine import Engine
from rag.service.work import Work
from rag.store.backup import make_backup, wipe_backup
from rag.store.catalog import Catalog, backup_of
from tests.conftest import BagOfWords, child, line

WORDS = ["".join(random.Random(n).choices("abcdefghiklmnoprstuvzşğéß", k=4 + n % 9)) for n in range(2000)]


def article(name: str, words: int = 400, key: str = "") -> NewDocument:
    """Return an article whose text and metadata are like no other's, with a heading in each part."""
    chance = random.Random(name)

    def text(count: int, between: str = " ") -> str:
        return between.join(chance.choices(WORDS, k=count))

    parts = [f"# {text(9)}\n\n{'. '.join(text(14) for _ in range(8))}." for _ in range(-(-words // 120))]
    return NewDocument(
        "\n\n".join(parts),
        title=text(9),
        key=key or f"upload:{text(9, '-')}",
        source=text(9),
        url=f"https://{text(9, '/')}",
        author=text(9),
    )


def left(settings: Settings, document: NewDocument, *names: str) -> list[str]:
    """Return runs of 41 characters of a document that are in any file of the data folder."""
    data = b"\n".join(path.read_bytes() for path in settings.data_dir.rglob("*") if path.is_file())
    names = names or ("text", "title", "key", "source", "url", "author")
    values = [getattr(document, name) for name in names]
    assert any(len(value) > 40 for value in values)
    return [run for value in values for run in _runs(value, data)]


def _runs(value: str, data: bytes) -> Iterator[str]:
    """Yield the runs of 41 characters that are in the data; each holds 21 that begin at a 20th."""
    for at in range(0, len(value) - 20, 20):
        if value[at : at + 21].encode() in data:
            for start in range(max(0, at - 20), min(at, len(value) - 41) + 1):
                if value[start : start + 41].encode() in data:
                    yield value[start : start + 41]


def open_library(settings: Settings) -> Library:
    return Library.open(settings, BagOfWords(), follow=False)


def id_of(document: NewDocument) -> str:
    return short_hash("document", document.key)


def cite(library: Library, *document_ids: str) -> Answer:
    """Return an answer with a sentence of each document, and a passage that is near."""
    sentences, hits = [], []
    for number, document_id in enumerate(document_ids, 1):
        held = library.document(document_id)
        bare = replace(held, text="", blocks=())
        quote = held.text[:300]
        citation = Citation(number, bare, held.version, 0, 300, quote)
        sentences.append(Sentence(quote, "quote", (citation,)))
        hits.append(Hit(bare, Passage("p", held.id, 300, 900, held.text[300:900], held.blocks[0].kind), 0.5))
    return Answer("Which?", tuple(sentences), related=tuple(hits))


@pytest.fixture
def conversations(settings: Settings) -> Iterator[Conversations]:
    conversations = Conversations.open(settings)
    yield conversations
    conversations.close()


TUG, FERRY = article("tug"), article("ferry", 3000)


def test_when_remove_returns_no_file_holds_the_text(settings: Settings, library: Library):
    library.add([FERRY, TUG])
    assert left(settings, TUG)
    library.remove(id_of(TUG))
    assert left(settings, TUG) == []
    assert len(left(settings, FERRY)) > 100
    assert library.catalog.owed() == ""


def test_when_an_update_returns_no_file_holds_the_text_before(settings: Settings, library: Library):
    library.add([FERRY, TUG])
    library.add([replace(article("another"), key=TUG.key)])
    assert left(settings, TUG, "text", "title", "source", "url", "author") == []


def test_files_that_change_and_go_leave_nothing(settings: Settings, library: Library):
    settings.corpus_dir.mkdir()
    for name, document in (("tug", TUG), ("ferry", FERRY), ("third", article("third"))):
        (settings.corpus_dir / f"{name}.txt").write_text(document.text, "utf-8")
    library.sync(settings.corpus_dir)
    (settings.corpus_dir / "tug.txt").unlink()
    (settings.corpus_dir / "ferry.txt").write_text("The ferry is gone.", "utf-8")
    library.sync(settings.corpus_dir)
    assert left(settings, TUG, "text") == left(settings, FERRY, "text") == []
    [third] = [document for document in library.documents() if document.key == "corpus:third.txt"]
    library.remove(third.id)
    assert left(settings, article("third"), "text") == []
    assert [one.key for one in library.followed.removed()] == [third.key]


def test_files_that_are_renamed_fail_tell_the_same_and_go_leave_not_even_their_names(
    settings: Settings, library: Library
):
    corpus = settings.corpus_dir
    corpus.mkdir()
    names = {what: f"{article(what).key.partition(':')[2]}.txt" for what in ("old", "new", "copy", "failing")}
    assert all(len(name) > 45 for name in names.values())
    (corpus / names["old"]).write_text(TUG.text, "utf-8")
    (corpus / names["copy"]).write_text(TUG.text + " And more.", "utf-8")
    (corpus / names["failing"]).write_bytes(b"\x89PNG\r\n\x1a\n" * 10)
    assert len(library.sync(corpus).failed) == 1
    assert [len(story.documents) for story in library.stories()] == [2]
    (corpus / names["old"]).rename(corpus / names["new"])
    assert len(library.sync(corpus).renamed) == 1
    for name in (names["new"], names["copy"], names["failing"]):
        (corpus / name).unlink()
    library.sync(corpus)
    assert (library.documents(), library.followed.failures()) == ([], [])
    assert left(settings, TUG, "text") == []
    for name in names.values():
        assert left(settings, NewDocument("", key=name), "key") == []


def test_a_failing_file_that_goes_leaves_not_even_its_name(settings: Settings, library: Library):
    corpus = settings.corpus_dir
    corpus.mkdir()
    name = f"{article('failing').key.partition(':')[2]}.txt"
    (corpus / name).write_bytes(b"\x89PNG\r\n\x1a\n" * 10)
    library.sync(corpus)
    assert left(settings, NewDocument("", key=name), "key")
    (corpus / name).unlink()
    library.sync(corpus)
    assert left(settings, NewDocument("", key=name), "key") == []


def test_chroma_holds_no_text_to_forget(settings: Settings):
    with Library.open(settings, BagOfWords()) as library:
        library.add([FERRY, TUG])
        assert library.index.wait(30)
        assert (settings.data_dir / "chroma").is_dir()
        chroma = settings.model_copy(update={"data_dir": settings.data_dir / "chroma"})
        assert left(chroma, TUG) == []
        library.remove(id_of(TUG))
        assert left(settings, TUG) == []


def test_the_copy_of_the_catalog_forgets_what_is_removed_and_keeps_the_rest(
    settings: Settings, library: Library
):
    third = article("third")
    library.add([FERRY, TUG, third])
    make_backup(library.catalog)
    copy = backup_of(library.catalog.path)
    alone = settings.model_copy(update={"data_dir": copy.parent})
    assert left(alone, TUG)
    library.remove(id_of(TUG))
    library.add([replace(article("another"), key=third.key)])
    assert left(settings, TUG) == []
    assert left(settings, third, "text", "title", "source", "url", "author") == []
    assert len(left(alone, FERRY)) > 100
    with closing(sqlite3.connect(copy)) as connection:
        assert connection.execute("SELECT id FROM documents").fetchall() == [(id_of(FERRY),)]
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_a_copy_forgets_the_names_of_files_that_are_renamed_fail_and_go(settings: Settings, library: Library):
    corpus = settings.corpus_dir
    corpus.mkdir()
    names = [f"{article(what).key.partition(':')[2]}.txt" for what in ("old", "new", "failing")]
    old, new, failing = (corpus / name for name in names)
    old.write_text(FERRY.text, "utf-8")
    failing.write_bytes(b"\x89PNG\r\n\x1a\n" * 10)
    library.sync(corpus)
    make_backup(library.catalog)
    old.rename(new)
    failing.unlink()
    library.sync(corpus)
    copy = settings.model_copy(update={"data_dir": backup_of(library.catalog.path).parent})
    assert len(left(copy, FERRY, "text")) > 100
    for name in (names[0], names[2]):
        assert left(settings, NewDocument("", key=name), "key") == []


@pytest.mark.parametrize("how", ["damaged", "unfinished"])
def test_a_copy_that_cannot_be_wiped_is_deleted(settings: Settings, library: Library, how: str):
    library.add([FERRY, TUG])
    make_backup(library.catalog)
    copy = backup_of(library.catalog.path)
    if how == "damaged":
        copy.write_bytes(copy.read_bytes()[4096:])
    else:
        copy.with_name(copy.name + ".new-journal").write_bytes(copy.read_bytes())
        copy.rename(copy.with_name(copy.name + ".new"))
    library.remove(id_of(TUG))
    assert list(copy.parent.iterdir()) == []
    assert left(settings, TUG) == []


@pytest.mark.parametrize("index", ["sqlite_autoindex_documents_1", "sqlite_autoindex_documents_2"])
@pytest.mark.parametrize("how", ["no page", "an empty page"])
def test_a_damaged_catalog_takes_nothing_from_the_copy(
    settings: Settings, library: Library, index: str, how: str
):
    library.add([FERRY, TUG])
    make_backup(library.catalog)
    library.catalog.wipe(1.0)
    copy, path = backup_of(library.catalog.path), library.catalog.path
    before = copy.read_bytes()
    with library.catalog.reading() as view:
        [(root,)] = view.select("SELECT rootpage FROM sqlite_master WHERE name = ?", [index])
    with path.open("rb+") as file:
        file.seek((root - 1) * 4096 + (3 if how == "an empty page" else 0))
        file.write(bytes(2))
    with (
        closing(Catalog(path)) as damaged,
        pytest.raises(CatalogError, match=r"is damaged|contradicts itself"),
    ):
        wipe_backup(damaged)
    assert copy.read_bytes() == before


def test_a_copy_that_cannot_be_deleted_keeps_no_conversation_from_being_wiped(
    settings: Settings, library: Library, conversations: Conversations
):
    library.add([FERRY, TUG])
    conversation = conversations.create()
    conversations.append(conversation, "What of the tug?", cite(library, id_of(TUG)))
    in_the_way = backup_of(library.catalog.path)
    in_the_way.mkdir(parents=True)  # a folder is neither wiped nor deleted as a file
    library.remove(id_of(TUG))
    assert library.catalog.owed()
    [turn] = conversations.turns(conversation)
    assert turn.answer.citations[0].quote == ""
    in_the_way.rmdir()


class RemovingEvent(threading.Event):
    """Lets something happen in the midst of copying."""

    def __init__(self, happen: Callable[[], object]) -> None:
        super().__init__()
        self.happen = happen

    def is_set(self) -> bool:
        self.happen()
        return False


def test_a_copy_that_is_wiped_while_it_is_made_is_given_up(library: Library):
    library.add([FERRY, TUG])
    catalog = library.catalog
    with pytest.raises(Cancelled):
        make_backup(catalog, RemovingEvent(lambda: wipe_backup(catalog)))
    assert list(backup_of(catalog.path).parent.iterdir()) == []


def test_a_copy_follows_files_that_take_one_anothers_names(settings: Settings, library: Library):
    third = article("third")
    library.add([FERRY, TUG, third])
    make_backup(library.catalog)
    with library.catalog.writing() as writer:
        for document_id, key in (
            (id_of(third), "elsewhere"),
            (id_of(FERRY), third.key),
            (id_of(TUG), FERRY.key),
        ):
            writer.rename(document_id, key)
    wipe_backup(library.catalog)
    with closing(sqlite3.connect(backup_of(library.catalog.path))) as copy:
        keys = dict(copy.execute("SELECT id, key FROM documents").fetchall())
    assert keys == {id_of(third): "elsewhere", id_of(FERRY): third.key, id_of(TUG): FERRY.key}


def copy_slowly(settings: Settings) -> None:
    with closing(Catalog(settings.data_dir / "catalog.sqlite3")) as catalog:
        paused = PausedEvent()
        make_backup(catalog, paused)
    print("made", flush=True)
    sys.stdin.read()


class PausedEvent(threading.Event):
    """Waits at the first look, in the midst of copying, for a line of input."""

    asked = False

    def is_set(self) -> bool:
        if not self.asked:
            self.asked = True
            print("copying", flush=True)
            sys.stdin.readline()
        return False


def test_what_is_removed_while_a_copy_is_made_does_not_stay_in_it(settings: Settings, library: Library):
    library.add([FERRY, TUG])
    with child(copy_slowly, settings) as process:
        assert line(process) == "copying"
        library.remove(id_of(TUG))
        assert library.catalog.owed(), "the copying is in the way"
        assert process.stdin
        process.stdin.write("\n")
        process.stdin.flush()
        assert line(process) == "made"
        end = time.monotonic() + 30
        while library.catalog.owed() and time.monotonic() < end:
            time.sleep(0.1)
    assert backup_of(library.catalog.path).exists()
    assert left(settings, TUG) == []


def test_a_copy_is_made_when_nothing_is_added_and_the_last_is_a_day_old(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("rag.store.backup._LOOK_SECONDS", 0.1)
    copy = backup_of(settings.data_dir / "catalog.sqlite3")
    with Library.open(settings, BagOfWords()) as library:
        library.add([TUG])
        until(copy.exists)
        made = copy.stat().st_mtime
        time.sleep(0.5)
        assert copy.stat().st_mtime == made
        os.utime(copy, (made - 100_000, made - 100_000))
        until(lambda: copy.stat().st_mtime >= made)
    assert list(copy.parent.iterdir()) == [copy]


def test_what_is_in_the_way_of_a_copy_does_not_end_the_copying(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr("rag.store.backup._LOOK_SECONDS", 0.05)
    in_the_way = settings.data_dir / "backup.lock"
    in_the_way.mkdir(parents=True)
    with Library.open(settings, BagOfWords()) as library:
        library.add([TUG])
        until(lambda: "backup.lock" in caplog.text)
        in_the_way.rmdir()
        until(backup_of(library.catalog.path).exists)


def until(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_whatever_is_added_updated_and_removed_nothing_is_left(settings: Settings, library: Library):
    chance = random.Random(1)
    held: dict[str, NewDocument] = {}
    gone = []
    for number in range(60):
        document = article(f"{number}", chance.choice([10, 200, 900]))
        if held and chance.random() < 0.6:
            before = held.pop(chance.choice(sorted(held)))
            gone.append(replace(before, key=""))
            if chance.random() < 0.5:
                library.remove(id_of(before))
                continue
            document = replace(document, key=before.key)
        library.add([document])
        held[document.key] = document
    assert len(gone) > 20
    for document in gone:
        assert left(settings, document, "text", "title", "source", "url", "author") == []


def test_adding_what_is_new_owes_nothing_and_a_batch_wipes_once(settings: Settings, library: Library):
    library.add([TUG])
    library.add([FERRY])
    with library.catalog.reading() as view:
        [(segments,)] = view.select("SELECT count(DISTINCT segid) FROM words_idx")
    assert segments > 1, "nothing was merged"
    with library.batch():
        library.add([replace(article("another"), key=TUG.key)])
        library.remove(id_of(FERRY))
        assert library.catalog.owed()
        assert left(settings, FERRY)
    assert library.catalog.owed() == ""
    assert left(settings, FERRY) == left(settings, TUG, "text") == []


def hold_a_moment(settings: Settings) -> None:
    """Read the catalog, and hold that moment until told to let go."""
    with Catalog(settings.data_dir / "catalog.sqlite3").reading() as view:
        print(view.counts()[0], flush=True)
        sys.stdin.readline()
    print("let go", flush=True)
    sys.stdin.read()


def test_a_reader_in_another_process_only_delays_the_wiping(settings: Settings, library: Library):
    library.add([FERRY, TUG])
    with child(hold_a_moment, settings) as process:
        assert line(process) == "2"
        library.remove(id_of(TUG))
        assert [document.key for document in library.documents()] == [FERRY.key]
        assert {hit.document.key for hit in library.search(TUG.text[:200])} == {FERRY.key}
        assert left(settings, TUG), "the reader may still ask for it"
        assert library.catalog.owed()
        assert process.stdin
        process.stdin.write("\n")
        process.stdin.flush()
        assert line(process) == "let go"
        end = time.monotonic() + 30
        while library.catalog.owed() and time.monotonic() < end:
            time.sleep(0.1)
        assert left(settings, TUG) == []


def remove_and_stop_before_the_wiping(settings: Settings) -> None:
    with Catalog(settings.data_dir / "catalog.sqlite3").writing() as writer:
        writer.remove(id_of(TUG), bury=False)
    print("removed", flush=True)
    sys.stdin.read()


def test_a_kill_before_the_wiping_is_made_good_at_the_next_opening(
    settings: Settings, conversations: Conversations
):
    with open_library(settings) as library:
        library.add([FERRY, TUG])
        conversation = conversations.create()
        conversations.append(conversation, "What of the tug?", cite(library, id_of(TUG)))
    with child(remove_and_stop_before_the_wiping, settings) as process:
        assert line(process) == "removed"
        process.kill()
        process.wait()
    assert left(settings, TUG, "text")
    with open_library(settings) as library:
        assert left(settings, TUG, "text", "title", "source", "url", "author") == []
        assert library.catalog.owed() == ""
    [turn] = conversations.turns(conversation)
    assert (turn.question, turn.answer.citations[0].quote) == ("What of the tug?", "")


def remove_tug(settings: Settings) -> None:
    with open_library(settings) as library:
        library.remove(id_of(TUG))


@pytest.mark.parametrize("how", ["removed", "updated and removed", "removed by another process"])
def test_conversations_keep_the_question_and_lose_the_quote(
    settings: Settings, library: Library, conversations: Conversations, how: str
):
    library.add([FERRY, TUG])
    conversation = conversations.create()
    answer = cite(library, id_of(FERRY), id_of(TUG))
    conversations.append(conversation, "What of the tug?", answer)
    only_ferry = conversations.append(conversation, "And the ferry?", cite(library, id_of(FERRY)))
    if how == "updated and removed":
        library.add([replace(article("another"), key=TUG.key)])
    if how != "removed by another process":
        library.remove(id_of(TUG))
    else:
        with child(remove_tug, settings) as process:
            assert process.wait(60) == 0
    assert left(settings, TUG, "text", "title", "source", "url", "author") == []
    turn, second = conversations.turns(conversation)
    assert second == only_ferry
    assert turn.question == "What of the tug?"
    assert turn.answer.text == answer.sentences[0].text
    assert [(c.number, c.quote) for c in turn.answer.citations] == [(1, answer.citations[0].quote), (2, "")]
    gone = turn.answer.citations[1]
    assert (gone.document.title, gone.start, gone.end) == (f"{TUG.title[:39].rstrip()}…", 0, 300)
    assert turn.answer.sentences[1].text == ""
    assert [hit.document.key for hit in turn.answer.related] == [FERRY.key]
    assert conversations.cited() == {(id_of(FERRY), library.document(id_of(FERRY)).version)}


def test_conversations_keep_what_they_quoted_from_an_article_that_has_changed(
    settings: Settings, library: Library, conversations: Conversations
):
    library.add([FERRY, TUG])
    conversation = conversations.create()
    turn = conversations.append(conversation, "What of the tug?", cite(library, id_of(TUG)))
    library.add([replace(article("another"), key=TUG.key)])
    library.forget_quotes(conversations)
    assert conversations.turns(conversation) == [turn]
    # And nothing else of the text before is left.
    kept = TUG.text[:900]
    assert {run for run in left(settings, TUG, "text") if run not in kept} == set()


def test_a_sentence_made_of_two_documents_goes_with_either(library: Library):
    library.add([FERRY, TUG])
    answer = cite(library, id_of(FERRY), id_of(TUG))
    written = replace(answer, sentences=(Sentence("Both.", "written", answer.citations),))
    after = blanked(written, {(id_of(TUG), library.document(id_of(TUG)).version)})
    assert (after.text, after.sentences[0].text) == ("", "")
    assert [citation.quote for citation in after.citations] == [answer.citations[0].quote, ""]
    assert blanked(written, set()) == written


def engine(library: Library, conversations: Conversations) -> Engine:
    nothing = Work(lambda report: library.sync(library.settings.corpus_dir))
    assistant = Assistant(library, library.settings)
    return Engine(library.settings, library, assistant, conversations, nothing, was_empty=False)


def test_an_answer_that_comes_after_the_removal_is_blanked_as_it_is_stored(
    settings: Settings, library: Library, conversations: Conversations
):
    library.add([TUG])
    answer = cite(library, id_of(TUG))
    library.remove(id_of(TUG))
    conversation = conversations.create()
    turn: Turn = engine(library, conversations).store(conversation, "What of it?", answer)
    assert (turn.question, turn.answer.citations[0].quote) == ("What of it?", "")
    assert conversations.turns(conversation) == [turn]
    assert left(settings, TUG, "text") == []


def test_a_damaged_file_of_conversations_keeps_no_text_in_the_catalog(settings: Settings, library: Library):
    library.add([TUG])
    path: Path = settings.data_dir / "conversations.sqlite3"
    path.write_bytes(b"no database" * 1000)
    library.remove(id_of(TUG))
    assert left(settings, TUG) == []
    assert library.catalog.owed(), "it is tried again"
    path.unlink()
    library.add([FERRY])
    assert library.catalog.owed() == ""


def test_the_word_index_stays_in_order_however_often_something_changes(library: Library):
    rng = random.Random(0)
    words = ["".join(rng.choice("abcdefghij") for _ in range(7)) for _ in range(3_000)]

    def text(number: int) -> str:
        return " ".join(rng.choice(words) for _ in range(80)) + f" number{number}."

    library.add(NewDocument(text(n), key=f"report-{n}") for n in range(40))
    levels = []
    for number in range(40, 150):
        library.add([NewDocument(text(number), key="report-0")])
        with library.catalog.writing() as writer:
            levels.append(writer.words.levels())
    assert max(levels) > 50, "it grows"
    assert max(levels) < 120, "and is brought back in time"
    assert library.search("number149")[0].document.key == "report-0"
    assert "number148" not in library.search("number148")[0].passage.text
