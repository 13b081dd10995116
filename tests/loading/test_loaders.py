"""Files in several formats and encodings become documents, or one sentence each."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import zipfile
from datetime import date
from io import BytesIO
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.documents import NewDocument
from rag.loading.formats import TAKEN
from rag.loading.loaders import load_bytes, load_file
from rag.loading.metadata import take_labels, title_of_name
from rag.text.canonical import cells, normalise_text
from rag.text.days import read_day

SENTENCES = (
    "The two ministers met in the capital on Monday and spoke about the new railway for several hours. "
    "They agreed that the work should begin before the end of the year, if both parliaments find the money. "
)

PAGE = f"""<!DOCTYPE html>
<html lang="en-GB"><head><meta charset="utf-8"><title>A common railway | The Strelsau Courier</title>
<meta name="author" content="Rudolf Rassendyll"><link rel="canonical" href="https://example.org/railway">
<script type="application/ld+json">{{"@context": "https://schema.org", "@type": "NewsArticle",
"headline": "A common railway", "datePublished": "2023-10-12",
"publisher": {{"@type": "Organization", "name": "The Strelsau Courier"}}}}</script></head>
<body><nav><ul><li><a href="/">Home</a></li><li><a href="/news">News</a></li></ul></nav>
<article><h1>A common railway</h1><p>{SENTENCES}On <time datetime="2023-10-09">9 October 2023</time> the plan was
published in <a href="/plan">both countries</a>.</p>
<h2>What was agreed</h2><ul><li>One gauge for all tracks:<ul><li>the wide one in the plains</li></ul></li>
<li>Shared stations &amp; bridges</li></ul>
<table><thead><tr><td>Bridge</td><td>Year</td></tr></thead>
<tbody><tr><td>Danube</td><td>2025</td></tr><tr><td></td><td>2026</td></tr></tbody></table>
<p>{SENTENCES}</p><pre><code>north()
    south()</code></pre><blockquote><p>It was a good day for all of us, the king said.</p></blockquote></article>
<footer>All rights reserved</footer></body></html>"""

MARKDOWN = """\
---
title: "A common railway: the plan"
source: The Strelsau Courier
author: [Rudolf Rassendyll, Fritz von Tarlenheim]
published: 2023-10-12
url: https://example.org/railway
language: en
tags: [a, b]
---
# A common railway: the plan

First *paragraph* with a [link](https://example.org), `code`, ![a picture](x.png)
and <b>HTML</b>.

## What was agreed

1. One gauge
   - the *wide* one

   More about the gauge.
2. Shared stations

> Quoted words.

| Bridge | Year |
| --- | ---: |
| Danube | 2025 |
|  | 2026 |

```python
north()
    south()
```
"""


def load(name: str, content: str | bytes) -> NewDocument:
    """Return the one document that this file holds."""
    data = content.encode() if isinstance(content, str) else content
    loaded = load_bytes(name, data, "key")
    assert not loaded.failed, loaded.failed
    [document] = loaded.documents
    assert document.key == "key"
    assert document.text == normalise_text(document.text)
    return document


def failure(name: str, content: str | bytes) -> str:
    """Return the one sentence that this file fails with."""
    data = content.encode() if isinstance(content, str) else content
    loaded = load_bytes(name, data, "key")
    assert not loaded.documents
    [error] = loaded.failed
    assert error.path == name
    assert error.reason.startswith(("The front matter of " + name, name))
    assert error.reason.endswith(".")
    assert "\n" not in error.reason
    return error.reason


def outline(document: NewDocument) -> list[tuple[str, str]]:
    return [(block.kind, document.text[block.start : block.end]) for block in document.blocks]


class TestMarkdown:
    def test_front_matter(self) -> None:
        document = load("a.md", MARKDOWN)
        assert document.title == "A common railway: the plan"
        assert document.source == "The Strelsau Courier"
        assert document.author == "Rudolf Rassendyll, Fritz von Tarlenheim"
        assert document.published == date(2023, 10, 12)
        assert document.url == "https://example.org/railway"
        assert (document.language, document.media_type) == ("en", "text/markdown")

    def test_blocks(self) -> None:
        assert outline(load("a.markdown", MARKDOWN)) == [
            ("paragraph", "First paragraph with a link, code, a picture and HTML."),
            ("heading", "What was agreed"),
            ("list_item", "One gauge"),
            ("list_item", "the wide one"),
            ("paragraph", "More about the gauge."),
            ("list_item", "Shared stations"),
            ("paragraph", "Quoted words."),
            ("table_header", "Bridge | Year"),
            ("table_row", "Danube | 2025"),
            ("table_row", "| 2026"),
            ("code", "north()\n    south()"),
        ]

    def test_the_first_heading_is_the_title_where_none_is_given(self) -> None:
        document = load("some-file.md", "# One *title*\n\nText.\n\n## Two\n\nMore.")
        assert (document.title, document.text) == ("One title", "Text.\n\nTwo\n\nMore.")
        assert [block.level for block in document.blocks] == [0, 2, 0]

    def test_deep_lists_are_kept(self) -> None:
        text = "\n".join("  " * depth + f"- item {depth}" for depth in range(15))
        assert len(load("a.md", text).blocks) == 15

    def test_html_leaves_its_text_and_scripts_nothing(self) -> None:
        document = load(
            "a.md", "Text.\n\n<div>kept &amp; shown</div>\n\n<script>gone()</script>\n\n<!-- gone -->"
        )
        assert document.text == "Text.\n\nkept & shown"

    def test_a_bad_date_is_passed_over(self) -> None:
        document = load("a.md", "---\ntitle: T\npublished: soon\nurl: {a: 1}\n---\nText.")
        assert (document.title, document.published, document.url) == ("T", None, "")

    def test_bad_yaml_is_refused_with_its_line(self) -> None:
        assert "line 3" in failure("a.md", "---\nsource: S\ntitle: a: b: c\n---\nText.")

    def test_empty_front_matter_and_rules(self) -> None:
        assert load("a.md", "---\n---\nText.").text == "Text."
        assert load("a.md", "---\n\nOne sentence.\n\n---\n\nText.").text == "One sentence.\n\nText."

    def test_yaml_that_grows_without_end_is_harmless(self) -> None:
        bomb = "a: &a [x, x]\n" + "".join(
            f"{b}: &{b} [*{a}, *{a}]\n" for a, b in pairwise("abcdefghijklmnop")
        )
        assert load("a.md", f"---\n{bomb}title: *p\n---\nText.").title == "A"

    def test_yaml_that_takes_itself_in_again_and_again_is_harmless(self) -> None:
        bomb = "a: &a {x: 1}\n" + "".join(
            f"{b}: &{b} {{<<: [{', '.join([f'*{a}'] * 9)}]}}\n" for a, b in pairwise("abcdefghi")
        )
        begin = time.monotonic()
        assert load("a.md", f"---\n{bomb}title: Ships\n---\nText.").title == "Ships"
        assert time.monotonic() - begin < 2

    @given(st.text(alphabet="#*-|>[]()`~_!<>/ab1. \n:\\&", max_size=200))
    @settings(max_examples=50, deadline=None)
    def test_any_text_is_a_document_or_a_sentence(self, text: str) -> None:
        loaded = load_bytes("a.md", text.encode(), "key")
        for document in loaded.documents:
            assert [b for b in document.blocks if not document.text[b.start : b.end].strip()] == []
            assert document.text == normalise_text(document.text)
        assert len(loaded.documents) + len(loaded.failed) == 1


class TestText:
    def test_a_pasted_article_takes_its_title_from_the_second_line(self) -> None:
        document = load("railway.txt", f"{SENTENCES}\nTwo Countries Discuss a Common Railway\n{SENTENCES}")
        assert document.title == "Two Countries Discuss a Common Railway"
        assert [kind for kind, _ in outline(document)] == ["paragraph", "heading", "paragraph"]
        assert document.language == "en"

    @pytest.mark.parametrize(
        "head", ["A Title\n=======\n\n", "# A Title\n\n", "A Title\n\n", "A Title\n-------\n"]
    )
    def test_a_title_on_the_first_line_is_not_repeated(self, head: str) -> None:
        document = load("a.txt", head + SENTENCES)
        assert (document.title, document.text) == ("A Title", SENTENCES.strip())

    def test_labels_under_the_title(self) -> None:
        labels = (
            "Source: The Strelsau Courier: news\nAuthor: R. R.\nPublished: 12 October 2023\nLanguage: en\n\n"
        )
        document = load("a.text", "A Title\n=======\n\n" + labels + "Short text.")
        assert (document.title, document.text) == ("A Title", "Short text.")
        assert (document.source, document.author) == ("The Strelsau Courier: news", "R. R.")
        assert (document.published, document.language) == (date(2023, 10, 12), "en")

    def test_a_lone_label_is_text(self) -> None:
        assert take_labels("Source: me\n\nText.") == ({}, "Source: me\n\nText.")

    def test_otherwise_the_file_s_name_is_the_title(self) -> None:
        assert load("common-railway_2023.txt", "Just a sentence.").title == "Common railway 2023"
        assert title_of_name("C:\\files\\turkey-us-defence-talks.txt") == "Turkey us defence talks"
        assert title_of_name("report v1.2 final.md") == "Report v1.2 final"

    def test_a_text_that_is_only_a_heading_keeps_it(self) -> None:
        assert load("a.txt", "# Heading").text == "Heading"

    @pytest.mark.parametrize(
        ("text", "encoding"),
        [
            ("He said “we won’t” – and left. It’s a question of €5.", "cp1252"),
            (
                "L’été dernier, le ministre a déclaré que les négociations étaient très avancées à Genève.",
                "cp1252",
            ),
            (
                "Şimdi işbirliği için yeni adımlar atılıyor ve yaptırımların kaldırılması bekleniyor.",
                "cp1254",
            ),
            (
                "Şimdi işbirliği için yeni adımlar atılıyor ve yaptırımların kaldırılması bekleniyor.",
                "iso8859-9",
            ),
            (
                "日本の防衛産業は、米国との協力を強化している。これは重要な変化であると専門家は述べた。",
                "shift_jis",
            ),
            ("Министр обороны заявил, что переговоры были продуктивными и будут продолжены.", "cp1251"),
            ("Министр обороны заявил, что переговоры были продуктивными и будут продолжены.", "utf-16-le"),
            ("Die Gespräche über Rüstungsgüter führten zu keinem Ergebnis, erklärte Frau Núñez.", "cp1252"),
            ("Ministr obrany řekl, že jednání byla plodná a budou pokračovat příští týden.", "cp1250"),
            ("Министр обороны заявил, что переговоры были продуктивными и будут продолжены.", "koi8_r"),
            ("Паром будет ходить ещё год, потому что", "cp1251"),
            ("港の橋は四年の工事の後、三月五日に開通した。", "euc_jp"),
            ("港の橋は四年の工事の後、三月五日に開通した。一年後に", "utf-16-le"),
            ("港口大桥经过四年施工，于三月五日通车。", "utf-16-be"),
            ("港口的大桥在春天开通", "gb18030"),
            ("다리는 사 년간의 공사 끝에 개통되었다", "cp949"),
            ("港の橋は四年の工事の後、三月五日に開通した。", "iso2022_jp"),
            ("다리는 사 년간의 공사 끝에 2024년 3월 5일 개통되었다. 가게", "utf-16-le"),
            ("Köprüde iki şerit ve yayalar için geniş yol", "cp1254"),
            ("März 2024 nach vier Jahren Bauzeit", "cp1252"),
            ("Café", "cp1252"),
            ("Naïve – “quoted” text, and İstanbul.", "utf-16"),
            ("Naïve – “quoted” text, and İstanbul.", "utf-16-le"),
            ("Naïve – “quoted” text, and İstanbul.", "utf-16-be"),
            ("Naïve – “quoted” text, and İstanbul.", "utf-32"),
            ("Naïve – “quoted” text, and İstanbul.", "utf-8-sig"),
            ("Naïve – “quoted” text, and İstanbul.", "utf-8"),
        ],
    )
    def test_encodings(self, text: str, encoding: str) -> None:
        assert load("a.txt", text.encode(encoding)).text == text

    def test_one_wrong_byte_does_not_spoil_the_rest(self) -> None:
        data = "Görüşmeler İstanbul’da sürüyor".encode() + b"\xfc."
        assert load("a.txt", data).text == "Görüşmeler İstanbul’da sürüyor\ufffd."


class TestHtml:
    def test_metadata(self) -> None:
        document = load("a.html", PAGE)
        assert document.title == "A common railway"
        assert (document.source, document.author) == ("The Strelsau Courier", "Rudolf Rassendyll")
        assert (document.published, document.url) == (date(2023, 10, 12), "https://example.org/railway")
        assert (document.language, document.media_type) == ("en", "text/html")

    def test_blocks(self) -> None:
        document = load("a.html", PAGE)
        first, *others = outline(document)
        assert first[0] == "paragraph"
        assert first[1].endswith("On 9 October 2023 the plan was published in both countries.")
        assert others == [
            ("heading", "What was agreed"),
            ("list_item", "One gauge for all tracks:"),
            ("list_item", "the wide one in the plains"),
            ("list_item", "Shared stations & bridges"),
            ("table_header", "Bridge | Year"),
            ("table_row", "Danube | 2025"),
            ("table_row", "| 2026"),
            ("paragraph", SENTENCES.strip()),
            ("code", "north()\n    south()"),
            ("paragraph", "It was a good day for all of us, the king said."),
        ]
        assert cells("| 2026") == ["", "2026"]

    @pytest.mark.parametrize("name", ["a.txt", "a.md", "a.htm", "a.xhtml"])
    def test_a_page_under_another_name(self, name: str) -> None:
        assert load(name, "\ufeff<!-- saved -->\n" + PAGE) == load("a.html", PAGE)

    @pytest.mark.parametrize("encoding", ["iso-8859-9", "windows-1254", "utf-8"])
    def test_the_declared_encoding(self, encoding: str) -> None:
        text = "Şimdi işbirliği için yeni adımlar atılıyor ve yaptırımların kaldırılması bekleniyor."
        page = (
            f"<html lang=tr><meta charset={encoding}><title>Görüşme</title><body><p>{text}</p></body></html>"
        )
        document = load("a.html", page.encode(encoding))
        assert (document.text, document.title, document.language) == (text, "Görüşme", "tr")

    def test_markup_in_text_is_text(self) -> None:
        page = f"<html><body><article><p>{SENTENCES}Write &lt;b&gt; for bold.</p></article></body></html>"
        assert load("a.html", page).text.endswith("Write <b> for bold.")

    @pytest.mark.parametrize(
        "page",
        [
            "<html><body></body></html>",
            "<html><body><nav><a href='/'>Home</a></nav></body></html>",
            "<html><head><script>var a = 1;</script></head><body><script>b()</script></body></html>",
        ],
    )
    def test_a_page_without_an_article(self, page: str) -> None:
        assert "no article text" in failure("a.html", page)

    def test_a_page_that_is_too_deep(self) -> None:
        page = f"<html><body>{'<div>' * 3000}<p>{SENTENCES}</p>{'</div>' * 3000}</body></html>"
        assert "deep" in failure("a.html", page)


class TestFailures:
    @pytest.mark.parametrize("name", ["a.txt", "a.md", "a.html"])
    def test_empty_files(self, name: str) -> None:
        assert "is empty" in failure(name, b"")
        assert "is empty" in failure(name, b" \n\t\r\n")

    @pytest.mark.parametrize("name", ["a.txt", "a.md"])
    def test_marks_without_text(self, name: str) -> None:
        assert "no text" in failure(name, "\ufeff---\n\n***\n\u200b")

    def test_binary_data(self) -> None:
        data = bytes(range(256)) * 40
        assert "text" in failure("a.txt", data)
        assert "text" in failure("a.html", data)
        assert "binary" in failure("a.md", b"abc\x01\x02\x00\x03" * 100)

    @pytest.mark.parametrize(
        ("data", "what"),
        [
            (b"\x89PNG\r\n\x1a\n", "a PNG picture"),
            (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 20, "an old Microsoft Office document"),
        ],
    )
    def test_other_formats_are_named(self, data: bytes, what: str) -> None:
        assert f"seems to be {what}" in failure("a.txt", data)
        assert f"seems to be {what}" in failure("a.bin", data)

    @pytest.mark.parametrize(
        ("data", "words"),
        [
            (b"%PDF-1.7\n...", "a damaged PDF"),
            (b"PK\x03\x04" + b"\x00" * 20 + b"readme", "damaged or cut off"),
        ],
    )
    def test_what_a_file_is_counts_and_not_its_name(self, data: bytes, words: str) -> None:
        assert words in failure("a.txt", data)
        assert words in failure("a.bin", data)

    def test_a_damaged_word_document_named_txt(self) -> None:
        file = BytesIO()
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("[Content_Types].xml", "<x/>")
            archive.writestr("word/document.xml", "<x/>")
        assert "damaged" in failure("a.txt", file.getvalue())

    @pytest.mark.parametrize("name", ["a.xyz", "noextension", ".txt.bak"])
    def test_unsupported_extensions_name_the_supported_ones(self, name: str) -> None:
        reason = failure(name, "text")
        assert TAKEN in reason

    def test_too_large(self) -> None:
        [error] = load_bytes("a.txt", b"x" * 3_000_000, "key", max_bytes=2_000_000).failed
        assert "2.9 MB" in error.reason
        assert "1.9 MB" in error.reason


class TestLoadFile:
    def test_key_and_title(self, tmp_path: Path) -> None:
        path = tmp_path / "common-railway.TXT"
        path.write_text("A sentence.")
        [document] = load_file(path).documents
        assert document.key == f"file:{path.as_posix()}"
        assert document.title == "Common railway"

    def test_what_is_no_file(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe.txt")
        for path, words in [
            (tmp_path, "is a folder"),
            (tmp_path / "missing.txt", "does not exist"),
            (tmp_path / "pipe.txt", "not a regular file"),
            (Path("a\0b\n.txt"), "ab .txt does not exist"),
        ]:
            [error] = load_file(path).failed
            assert words in error.reason

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
    def test_without_permission(self, tmp_path: Path) -> None:
        path = tmp_path / "a.txt"
        path.write_text("A sentence.")
        path.chmod(0)
        [error] = load_file(path).failed
        assert "may not be read" in error.reason

    def test_too_large_is_not_read(self, tmp_path: Path) -> None:
        path = tmp_path / "a.txt"
        path.write_bytes(b"x" * 1001)
        [error] = load_file(path, max_bytes=1000).failed
        assert "1,001 bytes" in error.reason
        assert load_file(path, max_bytes=1001).documents

    def test_a_name_that_is_not_unicode(self, tmp_path: Path) -> None:
        path = tmp_path / os.fsdecode(b"caf\xe9.txt")
        path.write_bytes(b"A sentence.")
        [document] = load_file(path).documents
        (document.key + document.title).encode("utf-8")


class TestReadDay:
    @pytest.mark.parametrize(
        "value",
        [
            *(
                "2023-10-12",
                "2023-10-12T08:00:00+03:00",
                "12 October 2023",
                "October 12, 2023",
                "Oct 12th, 2023",
            ),
            *("12.10.2023", "20231012", "2023/10/12", "12 Ekim 2023", "12. Oktober 2023", date(2023, 10, 12)),
        ],
    )
    def test_days(self, value: object) -> None:
        assert read_day(value) == date(2023, 10, 12)

    @pytest.mark.parametrize(
        "value", ["", "soon", "October 2023", "2023", 2023, "10/12/2023", "2023-13-01", None, ["x"]]
    )
    def test_what_names_no_day(self, value: object) -> None:
        assert read_day(value) is None


def test_a_start_is_spared_the_readers():
    script = (
        "import sys, rag; print([n for n in sys.modules if n.startswith('rag.load_') or n == 'lxml.etree'])"
    )
    root = Path(__file__).parents[2]
    loaded = subprocess.run([sys.executable, "-c", script], cwd=root, capture_output=True, check=True)
    assert loaded.stdout.split() == [b"[]"]
