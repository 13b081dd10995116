"""Files that hold several documents: tables, messages and archives."""

from __future__ import annotations

import json
import time
import zipfile
from datetime import date
from email.message import EmailMessage
from io import BytesIO
from pathlib import Path

from app_pages.wording import file_name
from rag import Library
from rag.documents import Loaded, NewDocument
from rag.loading.loaders import load_bytes
from rag.text.canonical import normalise_text

STORY = "The harbour bridge was opened in the spring, and the ferry goes on for another year."


def documents(name: str, data: bytes) -> list[NewDocument]:
    loaded = load_bytes(name, data, "upload:" + name)
    assert not loaded.failed, loaded.failed
    return loaded.documents


def failure(loaded: Loaded) -> str:
    assert not loaded.documents
    [error] = loaded.failed
    assert error.reason.endswith(".")
    return error.reason


def zipped(files: dict[str, bytes]) -> bytes:
    data = BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return data.getvalue()


class TestTables:
    def test_a_row_is_a_document_with_its_columns_mapped(self) -> None:
        rows = f'Headline,Body,Publisher,Link,Date,By\n"The bridge, at last","{STORY}",Gazette,https://example.org/a,5 March 2024,Ada\n'
        [document] = documents("news.csv", rows.encode())
        assert (document.title, document.text) == ("The bridge, at last", STORY)
        assert (document.source, document.url, document.author) == ("Gazette", "https://example.org/a", "Ada")
        assert document.published == date(2024, 3, 5)
        assert document.key.startswith("upload:news.csv!/row:")

    def test_without_a_text_the_columns_are_told(self) -> None:
        table = (
            "İlçe;Açıklama\nŞile;Karadeniz kıyısında bulunan ilçenin nüfusu yaz aylarında büyük ölçüde artıyor\n"
            "Çatalca;Ormanları ve köyleriyle bilinen ilçe İstanbul'un en geniş yüzölçümüne sahip\n"
        )
        first, second = documents("towns.csv", table.encode("cp1254"))
        assert first.title == "Towns: Şile"
        assert first.text.startswith("İlçe: Şile\n\nAçıklama: Karadeniz kıyısında bulunan")
        assert second.text.startswith("İlçe: Çatalca")

    def test_what_the_columns_tell_is_canonical_text_with_its_blocks(self) -> None:
        rows = [{"a b": " x\u00a0 y ", "c": "e\u0301|z", "d": [1, "two"], "e": None, "f": "\n", "": "-"}]
        [document] = documents("a.json", json.dumps(rows).encode())
        assert document.text == "a b: x y\n\nc: é|z\n\nd: 1, two\n\n: -"
        lines = document.text.split("\n\n")
        assert [document.text[block.start : block.end] for block in document.blocks] == lines
        assert normalise_text(document.text) == document.text

    def test_the_rows_of_a_table_without_texts_are_in_one_language(self) -> None:
        said = (
            "Karadeniz kıyısında bulunan ilçenin nüfusu yaz aylarında büyük ölçüde artıyor ve köyleri doluyor"
        )
        table = "\n".join(["İlçe;Açıklama", *(f"Şile {n};{said}" for n in range(3)), "Çatalca;bin"])
        assert [d.language for d in documents("towns.csv", table.encode())] == ["tr"] * 4

    def test_shift_jis_and_utf_16(self) -> None:
        for encoding in ("shift_jis", "utf-16"):
            [document] = documents("towns.csv", "名前,住所\n佐藤太郎,東京\n".encode(encoding))
            assert document.text == "名前: 佐藤太郎\n\n住所: 東京"

    def test_lines_of_json(self) -> None:
        lines = [{"title": "A", "text": STORY, "date": "2024-03-05"}, {"text": "Short.", "tags": ["x", "y"]}]
        first, second = documents("news.jsonl", "\n".join(map(json.dumps, lines)).encode())
        assert (first.title, first.published) == ("A", date(2024, 3, 5))
        assert (second.title, second.text) == ("News: Short.", "Short.")

    def test_a_row_keeps_its_key_and_title_whatever_stands_above_it(self) -> None:
        rows = ["Ferry,It stays free.", "Ferry,It stays free.", "Bridge,It was opened in the spring."]
        before = documents("towns.csv", "\n".join(["place,what", *rows]).encode())
        after = documents("towns.csv", "\n".join(["place,what", "King,He eats bread.", *rows]).encode())
        assert after[1:] == before
        assert len({document.key for document in after}) == 4

    def test_a_row_with_an_identifier_of_its_own_keeps_its_key_when_it_changes(self) -> None:
        def keys(*rows: dict[str, object]) -> list[str]:
            return [d.key for d in documents("news.jsonl", "\n".join(map(json.dumps, rows)).encode())]

        bridge = {"_id": 7, "url": "https://example.org/", "text": STORY}
        ferry = {"_id": 8, "url": "https://example.org/", "text": STORY}
        [first, second] = keys(bridge, ferry)
        assert keys({**bridge, "text": "It is closed."}, ferry) == [first, second]
        # One that two rows share names neither, and leaves the others alone.
        twins = keys(bridge, ferry, {**ferry, "text": "It is closed."})
        assert twins[0] == first
        assert len(set(twins)) == 3

    def test_what_is_no_table_says_where(self) -> None:
        assert "no JSON object on line 2" in failure(load_bytes("a.jsonl", b'{"text": "x"}\n[1]\n', "k"))
        assert "no rows" in failure(load_bytes("a.csv", b"title,text\n", "k"))

    def test_a_hundred_thousand_columns(self) -> None:
        began = time.monotonic()
        reason = failure(load_bytes("a.csv", b",".join([b"x"] * 100_000) + b"\n1\n", "k"))
        assert "100,000 columns" in reason
        assert time.monotonic() - began < 5

    def test_more_cells_than_are_read_says_what_to_do(self) -> None:
        data = ",".join(f"column {number}" for number in range(500)).encode() + b"\n" + b",\n" * 2
        assert documents("a.csv", data + b"x" + b"," * 499 + b"\n")
        reason = failure(load_bytes("a.csv", data + (b"," * 499 + b"\n") * 2_000, "k"))
        assert reason == "a.csv has more than 1,000,000 cells: leave out columns, or split it into parts."

    def test_days_in_words_with_a_time_and_a_column_of_days_that_holds_none(self) -> None:
        rows = [f"It is open,12 Ekim 2023 14:{row % 60:02}:{row // 60:02}" for row in range(3_000)]
        found = documents("a.csv", "\n".join(["text,date", *rows]).encode())
        assert {document.published for document in found} == {date(2023, 10, 12)}
        rows = [f"It is open,{row % 12 + 1}/03/{1000 + row}" for row in range(200)]
        found = documents("a.csv", "\n".join(["text,date", *rows, "It is open,12 Ekim 2023"]).encode())
        assert found[-1].published == date(2023, 10, 12)
        rows = [f"It is open,12 parts of number {row}" for row in range(3_000)]
        found = documents("a.csv", "\n".join(["text,date", *rows, "It is open,2024-03-05"]).encode())
        assert [document.published for document in found[-2:]] == [None, date(2024, 3, 5)]


class TestMessages:
    def message(self) -> EmailMessage:
        message = EmailMessage()
        message["From"] = "Ada Thorburn <ada@example.org>"
        message["To"], message["Subject"] = "desk@example.org", "The bridge – a note"
        message["Date"] = "Tue, 05 Mar 2024 10:00:00 +0100"
        message.set_content(STORY)
        return message

    def test_headers_are_metadata_and_attachments_documents(self) -> None:
        message = self.message()
        message.add_attachment("The ferry stays free.", filename="../../ferry.txt")
        message.add_attachment(b"\x89PNG\r\n\x1a\n", maintype="image", subtype="png", filename="logo.png")
        mail, attached = documents("note.eml", message.as_bytes())
        assert (mail.title, mail.author, mail.text) == ("The bridge – a note", "Ada Thorburn", STORY)
        assert mail.published == date(2024, 3, 5)
        assert (mail.key, attached.text) == ("upload:note.eml", "The ferry stays free.")

    def test_a_forwarded_message_is_a_document_of_its_own(self) -> None:
        message = EmailMessage()
        message["From"], message["Subject"], message["Date"] = (
            "b@example.org",
            "Fwd",
            "Wed, 06 Mar 2024 10:00:00 +0100",
        )
        message.set_content("See below, please.")
        message.add_attachment(self.message())
        outer, inner = documents("fwd.eml", message.as_bytes())
        assert (outer.text, inner.text, inner.title) == ("See below, please.", STORY, "The bridge – a note")

    def test_a_message_of_html_alone(self) -> None:
        message = self.message()
        message.set_content("<p>The ferry <b>stays</b> free.</p><script>gone()</script>", subtype="html")
        [mail] = documents("note.eml", message.as_bytes())
        assert mail.text == "The ferry stays free."


class TestArchives:
    def test_each_file_is_a_document_and_names_are_no_paths(self, tmp_path: Path) -> None:
        data = zipped({"../../evil.md": b"# Evil\n\nIt stays where it is.", "b/ferry.txt": STORY.encode()})
        evil, ferry = documents("news.zip", data)
        assert (evil.title, ferry.text) == ("Evil", STORY)
        assert ferry.key == "upload:news.zip!/b/ferry.txt"
        assert not list(tmp_path.parent.rglob("evil.md"))

    def test_what_cannot_be_read_is_named_and_the_rest_goes_in(self) -> None:
        loaded = load_bytes(
            "news.zip",
            zipped({"a.txt": STORY.encode(), "b.png": b"\x89PNG\r\n", "c.pdf": b"%PDF-1.4 x"}),
            "k",
        )
        assert [document.text for document in loaded.documents] == [STORY]
        assert sorted(error.reason for error in loaded.failed) == [
            "c.pdf seems to be a damaged PDF: open it in a PDF viewer and save it again.",
            "news.zip also holds what can't be read, and was left out: b.png.",
        ]

    def test_a_bomb_is_refused_within_a_second(self) -> None:
        load_bytes("a.zip", zipped({"a.txt": b"x"}), "k")  # the worker runs
        bomb = zipped({f"{n}.txt": bytes(20_000_000) for n in range(5)})
        began = time.monotonic()
        assert "too much" in failure(load_bytes("bomb.zip", bomb, "k"))
        assert time.monotonic() - began < 1

    def test_a_bomb_in_an_archive_and_archives_without_end(self) -> None:
        bomb = zipped({f"{n}.txt": bytes(20_000_000) for n in range(5)})
        assert "too much" in failure(load_bytes("a.zip", zipped({"bomb.zip": bomb}), "k"))
        data = STORY.encode()
        for name in ("a.txt", "b.zip", "c.zip", "d.zip"):
            data = zipped({name: data})
        assert "archive in an archive" in failure(load_bytes("e.zip", data, "k"))

    def test_too_many_files(self) -> None:
        reason = failure(load_bytes("a.zip", zipped({f"{n}.txt": b"x" for n in range(2_001)}), "k"))
        assert "2,001 files" in reason

    def test_an_empty_one(self) -> None:
        assert "no files" in failure(load_bytes("a.zip", zipped({"d/.hidden": b"x"}), "k"))


class TestInTheFolder:
    def test_rows_follow_their_file(self, library: Library, tmp_path: Path) -> None:
        folder = tmp_path / "corpus"
        folder.mkdir()
        file = folder / "news.csv"
        file.write_text(f"title,text\nA,{STORY}\nB,The ferry stays free.\n")
        assert len(library.sync(folder).added) == 2
        assert library.sync(folder).unchanged == []  # not even read
        [first, second] = sorted(library.documents(), key=lambda document: document.title)
        assert file_name(first) == "news.csv"

        library.remove(second.id)
        file.write_text(f"title,text\nA,{STORY}\nB,The ferry stays free.\nC,The king eats bread.\n")
        report = library.sync(folder)
        assert [document.title for document in report.added] == ["C"]
        library.followed.restore(second.key, folder)
        assert sorted(document.title for document in library.documents()) == ["A", "B", "C"]

        file.write_text(f"title,text\nA,{STORY}\n")
        library.sync(folder)
        assert [document.title for document in library.documents()] == ["A"]
        file.unlink()
        library.sync(folder)
        assert library.documents() == []

    def test_a_row_above_the_others_is_the_only_one_that_is_added(
        self, library: Library, tmp_path: Path
    ) -> None:
        folder = tmp_path / "corpus"
        folder.mkdir()
        file = folder / "towns.csv"
        file.write_text("place,what\nFerry,It stays free.\nBridge,It was opened.\n")
        library.sync(folder)
        file.write_text("place,what\nKing,He eats bread.\nFerry,It stays free.\nBridge,It was opened.\n")
        report = library.sync(folder)
        assert [document.title for document in report.added] == ["Towns: King"]
        assert (len(report.updated), len(library.documents())) == (0, 3)

    def test_rows_under_the_keys_of_an_older_footnote_leave_when_their_file_is_read_again(
        self, library: Library, tmp_path: Path
    ) -> None:
        folder = tmp_path / "corpus"
        folder.mkdir()
        (folder / "news.csv").write_text(f"title,text\nA,{STORY}\n")
        library.add([NewDocument(STORY, "A", "corpus:news.csv!/row 1")])
        library.sync(folder)
        [document] = library.documents()
        assert document.key.startswith("corpus:news.csv!/row:")


class TestNames:
    def test_a_name_of_any_length_is_shown_short_and_keeps_its_ending(self) -> None:
        long = "x" * 60_000
        loaded = load_bytes("a.zip", zipped({f"{long}.txt": STORY.encode(), f"{long}.bin": b"\0"}), "k")
        [document], [error] = loaded.documents, loaded.failed
        assert (document.text, len(document.title) < 300) == (STORY, True)
        assert document.key.endswith("x.txt")
        assert len(error.reason) < 500

    def test_nothing_invisible_of_a_name_comes_into_a_sentence(self) -> None:
        data = zipped({"a\u202egnp\n.txt": b"a" * 2_000, "b.txt": STORY.encode()})
        loaded = load_bytes("a.zip", data, "k", 1_500)
        assert [error.reason for error in loaded.failed] == [
            "agnp .txt in a.zip is 0.0 MB, more than is taken: split it."
        ]

    def test_messages_in_messages_beyond_the_third_are_named(self) -> None:
        inner = STORY.encode()
        for number in range(50):
            head = f"From: a@example.org\nTo: b@example.org\nSubject: News {number}\nMIME-Version: 1.0\n"
            text = f"--x\nContent-Type: text/plain\n\nThe message {number} tells of the bridge.\n".encode()
            sent = b"--x\nContent-Type: message/rfc822\n\n" + inner + b"\n--x--\n"
            boundary = f"x{number}"
            body = (text + sent).replace(b"--x\n", f"--{boundary}\n".encode(), 2)
            body = body[: -len(b"--x--\n")] + f"--{boundary}--\n".encode()
            inner = f"{head}Content-Type: multipart/mixed; boundary={boundary}\n\n".encode() + body
        loaded = load_bytes("a.eml", inner, "k")
        assert [document.title for document in loaded.documents] == [
            "News 49",
            "News 48",
            "News 47",
            "News 46",
        ]
        [error] = loaded.failed
        assert error.reason == (
            "message.eml lies so deep in other messages that what is attached to it was left out: save that, and"
            " add it."
        )


def test_json_is_told_in_a_time_that_goes_with_its_length_however_deep_it_is() -> None:
    for depth in (60, 400):
        deep = b'[{"text": "", "a": ' + b'{"b": ' * depth + b'"The ship"' + b"}" * depth + b"}]"
        begin = time.monotonic()
        loaded = load_bytes("deep.json", deep, "key")
        assert time.monotonic() - begin < 15
        assert "The ship" in loaded.documents[0].text
