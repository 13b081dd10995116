"""Plain text: its normal form, and the blocks it has without any markup."""

from __future__ import annotations

import re
import time
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.documents import Block
from rag.text.blocks import find_blocks, tidy_plain
from rag.text.canonical import Part, build_text, cell_spans, cells, normalise_text

# In the form of an article that was pasted from a web page: no marks, no blank lines, slips.
ARTICLE = """\
In a sign of growing ties, Ruritania adn Graustark are said to be exploring a common railway after talks at a \
high level, which both sides called useful and which will go on in the spring of next year.
Ruritania and Graustark Discuss a Common Railway
Officials of both countries met for two days.According to one of them, the talks were about the gauge of the \
tracks,the price of the bridges and the language of the tickets. key points include:
- Gauge: Both countries would use the wider one.
- shared stations at the border
Area of Work | Possible Outcome |
---|---|
Bridges over the Danube | Three new ones |
Tickets | – |
To Conclude
the talks between the two neighbours are a beginning, and much depends on whether the parliaments agree to pay \
for the bridges before the winter."""

WRAPPED = """\
The first line of this paragraph goes on until it has no more room and
then it continues on the next line with more words until it ends.

Second heading
Another paragraph that is wrapped at the same width as the first one, so
that its lines belong together. The bridge was opened to the public on
5. May 2020 in the rain.

- An item of a list that is long enough to be wrapped onto a second line
  of its own
- a short item"""

# Anything, with what matters for structure more often than chance would have it.
texts = st.lists(
    st.one_of(
        st.text(max_size=30),
        st.sampled_from(
            [
                "\n",
                "\n\n",
                "- ",
                "# ",
                "1. ",
                " | ",
                "|",
                "---|---",
                "====",
                "---",
                "• ",
                "\ufeff",
                "\u00a0",
                "\u200d",
                "\u200c",
                "\ufe0f",
                "🙂",
                "م",
                "\u180b",
                "\u202e",
                "葛",
                "\U000e0100",
            ]
        ),
        st.sampled_from(
            ["A Short Heading", "a long line of words that goes on for some time and ends here. " * 2]
        ),
    ),
    max_size=20,
).map("".join)


def outline(text: str) -> list[tuple[str, str]]:
    """Return the kinds and contents of a text's blocks."""
    return [(block.kind, text[block.start : block.end]) for block in find_blocks(text)]


def alphanumeric(text: str) -> str:
    return "".join(filter(str.isalnum, text))


class TestNormaliseText:
    @given(texts)
    def test_twice_is_once(self, text: str) -> None:
        once = normalise_text(text)
        assert normalise_text(once) == once

    @given(texts)
    def test_the_result_can_be_stored_and_holds_nothing_invisible(self, text: str) -> None:
        normal = normalise_text(text)
        normal.encode("utf-8")
        assert unicodedata.is_normalized("NFC", normal)
        assert not re.search("[\x00-\x08\r\x0b\x0c\x7f-\x9f\u00a0\u200b\ufeff]|\n\n\n| \n", normal)

    @pytest.mark.parametrize(
        "text",
        [
            ARTICLE,
            WRAPPED,
            "Ordinary  text,\twith “quotes” – and\n  indented lines.",
            "می‌خواهم \u0915\u094d\u200d\u0937 👩‍🚀",
            "Türkiye’nin İstanbul’u",
            "نامه‌ای ه‍ ක්‍ෂ ക്‍ ᠮᠣᠩ᠋ᠭᠣᠯ 葛\U000e0100飾 ⠃⠀⠗ ᄀᅠ",
            "❤️‍🔥 👨‍👩‍👧 🏳️‍🌈 👩🏽‍🚀 1️⃣ ©️ ↔︎ ☺︎",
        ],
    )
    def test_ordinary_text_stays_as_it_is(self, text: str) -> None:
        assert normalise_text(text) == text

    @pytest.mark.parametrize(
        ("text", "normal"),
        [
            ("a\r\nb\rc\u2028d\x0ce", "a\nb\nc\nd\ne"),
            ("\ufeffa\u200bb\u00adc\x00d\ud800e\u202ef", "abcdef"),
            ("10\u00a0000\u202fkm\u3000x", "10 000 km x"),
            ("e\u0301", "é"),
            ("a  \t\n\n\n\nb\n \n \nc\n", "a\n\nb\n\nc"),
            ("a\U000e0041\U000e0042b", "ab"),
            ("a\u200db\u200cc \u200d\u200c d", "abc  d"),
            ("می\u200c\u200c\u200d\u200cخواهم", "می‌خواهم"),
            ("a\ufe0fb\ufe00c\U000e0101d\u3164e\u034ff\u2800g", "abcdefg"),
            ("🙂" + "".join(map(chr, range(0xE0100, 0xE01F0))) + "\ufe0f\ufe0f", "🙂\ufe0f"),
            ("👩\u200d\u200d🚀 🚀\u200d a", "👩\u200d🚀 🚀 a"),
            ("🏴\U000e0067\U000e0062\U000e007f", "🏴"),
            ("\u061ca\u2066b\u2069\u202bc\u2064", "abc"),
            (" \n\t ", ""),
        ],
    )
    def test_what_it_changes(self, text: str, normal: str) -> None:
        assert normalise_text(text) == normal


class TestCells:
    @pytest.mark.parametrize(
        ("row", "values"),
        [
            ("a | b |", ["a", "b"]),
            ("| a | b |", ["a", "b"]),
            ("a | b", ["a", "b"]),
            ("a |  | c", ["a", "", "c"]),
            ("a||c", ["a", "", "c"]),
            # The canonical form of a row whose first cell is empty.
            ("| b | c", ["", "b", "c"]),
            ("alone", ["alone"]),
        ],
    )
    def test_cells_as_they_stand(self, row: str, values: list[str]) -> None:
        assert cells(row) == values
        assert [row[start:end] for start, end in cell_spans(row)] == values

    @given(st.lists(st.text(alphabet="ab 1-", max_size=5), min_size=1, max_size=5))
    def test_a_canonical_row_keeps_its_columns(self, values: list[str]) -> None:
        text, blocks = build_text([Part("table_row", " | ".join(["first", *values, "last"]))])
        assert cells(text) == ["first", *(" ".join(value.split()) for value in values), "last"]
        assert len(blocks) == 1


class TestBuildText:
    def test_blocks_lie_where_their_text_is(self) -> None:
        parts = [
            Part("heading", " A  heading ", 1),
            Part("paragraph", "Two\nlines."),
            Part("paragraph", "  "),
            Part("list_item", "one"),
            Part("list_item", "two"),
            Part("table_header", "a | b"),
            Part("table_row", "| c"),
            Part("code", "  if x:\n      y\n"),
        ]
        text, blocks = build_text(parts)
        assert text == "A heading\n\nTwo lines.\n\none\ntwo\n\na | b\n| c\n\nif x:\n    y"
        assert blocks[0] == Block("heading", 0, 9, 1)
        assert [text[block.start : block.end] for block in blocks[1:]] == [
            *("Two lines.", "one", "two", "a | b", "| c", "if x:\n    y")
        ]


class TestFindBlocks:
    def test_a_pasted_article(self) -> None:
        assert [(kind, content[:40]) for kind, content in outline(ARTICLE)] == [
            ("paragraph", "In a sign of growing ties, Ruritania adn"),
            ("heading", "Ruritania and Graustark Discuss a Common"),
            ("paragraph", "Officials of both countries met for two "),
            ("list_item", "Gauge: Both countries would use the wide"),
            ("list_item", "shared stations at the border"),
            ("table_header", "Area of Work | Possible Outcome"),
            ("table_row", "Bridges over the Danube | Three new ones"),
            ("table_row", "Tickets | –"),
            ("heading", "To Conclude"),
            ("paragraph", "the talks between the two neighbours are"),
        ]

    def test_lines_wrapped_by_hand_are_one_paragraph(self) -> None:
        assert [(kind, content.count("\n")) for kind, content in outline(WRAPPED)] == [
            *(("paragraph", 1), ("heading", 0), ("paragraph", 2), ("list_item", 1), ("list_item", 0))
        ]

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("# One #\n### Three", [("heading", "One"), ("heading", "Three")]),
            ("Over\n====\nText.", [("heading", "Over"), ("paragraph", "Text.")]),
            ("Over\n----\nText.", [("heading", "Over"), ("paragraph", "Text.")]),
            ("One.\n\n---\n\nTwo.", [("paragraph", "One."), ("paragraph", "Two.")]),
            ("* a\n•b\n– c\n1. d\n2) e", [("list_item", letter) for letter in "abcde"]),
            ("-5 degrees and #hashtag", [("paragraph", "-5 degrees and #hashtag")]),
            (
                "| a | b |\n|:--|--:|\n| 1 | 2 |\n| | 3 |",
                [("table_header", "a | b"), ("table_row", "1 | 2"), ("table_row", "| 3")],
            ),
            ("a | b\n1 | 2", [("table_row", "a | b"), ("table_row", "1 | 2")]),
            ("Home | News | About", [("paragraph", "Home | News | About")]),
            ("1990. A year", [("paragraph", "1990. A year")]),
            ("", []),
            ("---\n***", []),
        ],
    )
    def test_marks(self, text: str, expected: list[tuple[str, str]]) -> None:
        assert outline(text) == expected

    def test_levels(self) -> None:
        levels = [block.level for block in find_blocks("### A\n\nB\n===\n\nC\n---\n\nText.")]
        assert levels == [3, 1, 2, 0]

    def test_a_title_above_byline_and_date(self) -> None:
        text = (
            "Two Countries Agree\n\nBy Rudolf Rassendyll\n\n12 October 2023\n\n"
            + "They agreed on many things. " * 4
        )
        assert [kind for kind, _ in outline(text)] == ["heading", "paragraph", "paragraph", "paragraph"]

    @pytest.mark.parametrize(
        "text",
        [
            "Shall I compare thee\nTo a summer day\nThou art more lovely\nRough winds do shake\nThe darling buds of May",
            "Ann: Hello there\nBen: Hello\nAnn: Will you come tomorrow, as we said last week at the station?\nBen: Yes",
            "Milk\nBread\nButter",
            "He came in\nhe sat down\nhe looked at her for a long time and then he said what he had come to say: nothing.",
        ],
    )
    def test_poems_chats_and_notes_are_not_all_headings(self, text: str) -> None:
        kinds = [kind for kind, _ in outline(text)]
        assert kinds.count("paragraph") >= len(text.split("\n")) - 1

    @given(texts)
    def test_blocks_are_in_order_within_the_text_and_have_content(self, text: str) -> None:
        end = 0
        for block in find_blocks(text):
            assert end <= block.start < block.end <= len(text)
            assert text[block.start : block.end].strip() == text[block.start : block.end]
            assert (block.level > 0) == (block.kind == "heading")
            end = block.end

    @given(texts.map(normalise_text))
    def test_no_letter_is_lost(self, text: str) -> None:
        inside = {i for block in find_blocks(text) for i in range(block.start, block.end)}
        outside = "".join(" " if i in inside else character for i, character in enumerate(text))
        # Only the numbers of list items stand outside.
        assert not alphanumeric(re.sub(r"(?m)^\s*\(?\d{1,3}[.)](?=\s)", "", outside))


class TestTidyPlain:
    def test_a_pasted_article(self) -> None:
        text, blocks = tidy_plain(ARTICLE)
        assert "\n\nGauge: Both countries would use the wider one.\nshared stations at the border\n\n" in text
        assert (
            "\n\nArea of Work | Possible Outcome\nBridges over the Danube | Three new ones\nTickets | –\n\n"
            in text
        )
        assert [text[block.start : block.end] for block in blocks] == [
            content for _, content in outline(ARTICLE)
        ]

    def test_wraps_are_undone(self) -> None:
        text, _ = tidy_plain(WRAPPED)
        assert text.startswith(
            "The first line of this paragraph goes on until it has no more room and then it continues"
        )
        assert "to the public on 5. May 2020 in the rain.\n\nAn item" in text
        assert text.endswith("onto a second line of its own\na short item")

    def test_a_hyphen_at_the_end_of_a_line_joins_and_chinese_needs_no_space(self) -> None:
        hyphened = (
            "The talks went on for two whole days in the capital of US-\nallied Ruritania and were useful."
        )
        assert "US-allied" in tidy_plain(hyphened)[0]
        chinese = "日本の防衛産業は米国との協力を強化しているが専門家はこれは重要な変\n化であると述べた。"
        assert "重要な変化である" in tidy_plain(chinese)[0]

    @given(texts)
    @settings(max_examples=200)
    def test_the_text_consists_of_its_blocks(self, text: str) -> None:
        tidy, blocks = tidy_plain(text)
        assert tidy == normalise_text(tidy)
        between, end = [], 0
        for block in blocks:
            between.append(tidy[end : block.start])
            assert end <= block.start < block.end <= len(tidy)
            assert "\n" not in tidy[block.start : block.end]
            end = block.end
        assert end == len(tidy)
        assert set(between) <= {"", "\n", "\n\n"}

    @given(texts)
    def test_no_letter_is_lost(self, text: str) -> None:
        normal = normalise_text(text)
        kept = "".join(normal[block.start : block.end] for block in find_blocks(normal))
        assert alphanumeric(tidy_plain(text)[0]) == alphanumeric(kept)


def test_letters_with_marks_without_end_are_composed_in_linear_time_and_others_stay():
    begin = time.thread_time()
    text = normalise_text("The a" + "\u0301\u0323" * 300_000 + " ship\n\nis there.")
    assert time.thread_time() - begin < 3
    assert len(text) < 70
    assert text.endswith(" ship\n\nis there.")
    for ordinary in ("q" + "\u0323" * 30, "—" * 100, "·•" * 50, "👩\u200d🚀" * 40, "x\u0301\u0323\u0301"):
        assert normalise_text(ordinary) == unicodedata.normalize("NFC", ordinary)
    assert normalise_text(text) == text
