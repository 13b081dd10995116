"""Cutting what a model writes into sentences with their markers, however it arrives."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.writing.sentences import Draft, SentenceCutter, is_said


def cut(text: str, size: int = 10_000, *, is_cut: bool = False) -> list[Draft]:
    cutter = SentenceCutter()
    drafts = [
        draft for start in range(0, len(text), size) for draft in cutter.feed(text[start : start + size])
    ]
    return [*drafts, *cutter.finish(is_cut=is_cut)]


def told(text: str) -> list[tuple[str, tuple[int, ...]]]:
    return [(draft.text, draft.numbers) for draft in cut(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The king died [1]. The queen lived [2].", [("The king died.", (1,)), ("The queen lived.", (2,))]),
        ("The king died. [1] The queen lived.[2]", [("The king died.", (1,)), ("The queen lived.", (2,))]),
        ("The king died [1, 2]. So it is [1][3].", [("The king died.", (1, 2)), ("So it is.", (1, 3))]),
        ("The king died [2-4] at home [3].", [("The king died at home.", (2, 3, 4))]),
        ("The king died [9].", [("The king died.", (9,))]),
        ("[1] The king died.", [("The king died.", (1,))]),
        ("The king died【2†source】.", [("The king died.", (2,))]),
        (
            "The king died [Passage 2]. It was so (passages 1 and 3).",
            [("The king died.", (2,)), ("It was so.", (1, 3))],
        ),
        ("The king died", [("The king died", ())]),
        ("The king died in [1066] there.", [("The king died in [1066] there.", ())]),
        ("See [the page](https://example.org/a) there [1].", [("See the page there.", (1,))]),
        ("It is Zenda&#x27;s &amp; <passage number='2'>ours [1].", [("It is Zenda's & ours.", (1,))]),
        ("The answer to this question is: It died [1].", [("It died.", (1,))]),
        ("Based on the provided passages, the king died [1].", [("The king died.", (1,))]),
        ("The king died [[1]]. It was so \\[2\\].", [("The king died.", (1,)), ("It was so.", (2,))]),
        ("The king died [Source: 1]. It was so [doc 2].", [("The king died.", (1,)), ("It was so.", (2,))]),
        ("The king died [1](https://example.org/a).", [("The king died.", (1,))]),
        ("**Death**: The king of Zenda died at home [1].", [("The king of Zenda died at home.", (1,))]),
    ],
)
def test_markers_go_with_their_sentence(text: str, expected: list[tuple[str, tuple[int, ...]]]):
    assert told(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The king died.¹ The queen lived.² ³", [("The king died.", (1,)), ("The queen lived.", (2, 3))]),
        ("The king died¹². It was in 1871¹.", [("The king died.", (12,)), ("It was in 1871.", (1,))]),
        (
            "The king died<sup>1</sup>. So it<sup>[2]</sup> is.",
            [("The king died.", (1,)), ("So it is.", (2,))],
        ),
        ("The king died.<sup>1,2</sup> So it is.", [("The king died.", (1, 2)), ("So it is.", ())]),
        ("The king died [P1]. It was so [passage 2].", [("The king died.", (1,)), ("It was so.", (2,))]),
        ("The king died (source 1, passage 2).", [("The king died.", (1, 2))]),
        ("The king died — [1]. So it is ([2], [3]).", [("The king died.", (1,)), ("So it is.", (2, 3))]),
        ("[1]: The king died.", [("The king died.", (1,))]),
        ("-5 degrees were measured [1].", [("-5 degrees were measured.", (1,))]),
        ("The king died [1, Gazette].", [("The king died.", (1,))]),
        ("The king died [2: The Gazette, 2004].", [("The king died.", (2,))]),
        ("According to [1], the king died.", [("The king died.", (1,))]),
        ("According to passage [1] and [3], the king died.", [("The king died.", (1, 3))]),
        ("According to [1] the king died.", [("The king died.", (1,))]),
        ("As stated in passage 2, the king died.", [("The king died.", (2,))]),
        ("It was so. As [2] says, the king died.", [("It was so.", ()), ("The king died.", (2,))]),
        (
            "[1] states that the king died. [2] says the queen lived.",
            [("The king died.", (1,)), ("The queen lived.", (2,))],
        ),
    ],
)
def test_other_forms_of_markers_are_read_and_never_shown(
    text: str, expected: list[tuple[str, tuple[int, ...]]]
):
    assert told(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "It covers 12 km², 5 m³ and 3 m² of 10⁵.",
        "The isotope is ¹⁴C, the ion Ca²⁺ and the law E = mc².",
        "Two medals went to Zenda (2) and one to Marnow (1).",
        "Most medals went to Norway (3).",
        "The gas is called H2 (1).",
        "It opened in the year of the king (2004).",
        "They had to (1) bake, (2) eat and (3) sleep.",
        "It is forbidden by section (1).",
        "He had two (2).",
        "It was given to the [12-year-old] boy.",
        "gold medals (3)",
    ],
)
def test_numbers_of_the_text_itself_are_no_markers(text: str):
    assert told(text) == [(text, ())]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Dr. Smith paid 1.5 million, e.g. in the U.S. army [1]. He left.", 2),
        ("Am 3. Januar kam er [1]. Er ging am 4. Mai.", 2),
        ("On 5 March 2024 it opened at 9.30 a.m. sharp [1].", 1),
        ("“It is so.” He said it. Really?", 3),
        ("王様は死んだ[1]。女王は生きた[2]。", 2),
    ],
)
def test_abbreviations_and_numbers_end_no_sentence(text: str, expected: int):
    assert len(cut(text)) == expected


def test_lists_are_sentences_and_headings_code_and_rules_are_not():
    text = (
        "# The answer\n\n**Summary:**\n\nThree ships were bought [1]:\n\n- **Speed:** 40 km/h [1]\n"
        "* The *second* one is `slow` [2]\n2. A third without an end\n\n---\n```python\nprint('The king died [1].')\n```\n"
        "| Ship | Year |\n|---|---|\n| Anna | 1871 [1] |\n"
    )
    assert told(text) == [
        ("Three ships were bought:", (1,)),
        ("Speed: 40 km/h", (1,)),
        ("The second one is slow", (2,)),
        ("A third without an end", ()),
        ("Ship, Year", ()),
        ("Anna, 1871", (1,)),
    ]
    assert [draft.is_lead for draft in cut(text)] == [True, False, False, False, False, False]
    assert [draft.is_item for draft in cut(text)] == [False, True, True, True, False, False]


@pytest.mark.parametrize("size", [1, 4, 1_000])
def test_the_sentences_of_an_item_are_counted(size: int):
    text = (
        "They are:\n- The king. He died [1]. He was old [1].\n- The queen of Zenda [2]\n> So it is. It was.\n"
    )
    assert [(draft.text, draft.is_item, draft.item_sentence) for draft in cut(text, size)] == [
        ("They are:", False, 0),
        ("The king.", False, 1),
        ("He died.", False, 2),
        ("He was old.", False, 3),
        ("The queen of Zenda", True, 0),
        ("So it is.", False, 0),
        ("It was.", False, 0),
    ]


IMAGE = "http://evil.test/x.png?q=Who+built+it"


@pytest.mark.parametrize(
    "written",
    [
        "The king died ![the castle](http://evil.test/x.png) [1].",
        f"The king died. ![Visit us. It is free.]({IMAGE} 'a title. Here.') [1]",
        "![a [1] b](http://evil.test/(x).png) The king died [1].",
        "The king died [1]. ![castle]",
        f"[![castle]({IMAGE})]({IMAGE}) The king died [1].",
        f"The [king](<{IMAGE} a> 'His page. All.') died [1].",
        "The king <img src=http://evil.test/x.png alt='of all'>died [1].",
        "The <a href='http://evil.test'>king</a> <b>died</b> [1].",
        "<div class='a'><p>The king died [1].</p></div>",
        "The king &lt;img src=http://evil.test/x.png&gt;died [1].",
        "<evil-tag onclick='a()'>The king died</evil-tag> [1].",
        "The king ~~lived~~ died [1].",
        "> ```\n> rm -rf evil.test\n> ```\nThe king died [1].",
    ],
)
@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_of_pictures_links_tags_and_code_only_the_words_are_left(written: str, size: int):
    assert [(draft.text, draft.numbers) for draft in cut(written, size)] == [("The king died.", (1,))]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("He won![1] It is so.", ["He won!", "It is so."]),
        ("It is 3 < 5 and 7 > 6 [1].", ["It is 3 < 5 and 7 > 6."]),
        ("The type is List<Number> here [1].", ["The type is List<Number> here."]),
        ("It is so that a<b and c>d [1].", ["It is so that a<b and c>d."]),
        ("It was [sic] so [1].", ["It was [sic] so."]),
        ("It is told at <https://a.test/b> [1].", ["It is told at https://a.test/b."]),
    ],
)
@pytest.mark.parametrize("size", [1, 10_000])
def test_what_only_looks_like_a_tag_or_a_link_stays(text: str, expected: list[str], size: int):
    assert [draft.text for draft in cut(text, size)] == expected


TEXTS = [
    "The bridge was opened in 1871 [1]. It cost 40 crowns.[2] Dr. Smith came, e.g. in May [1, 3]. End",
    "Am 3. Januar kam er [1]. Er ging. The U.S. bought it [1][2]. Then it left [Passage 2].",
    "# Head. Line\n- **A:** b [1]. C d e.\n```\nno [1].\n```\n1. One more [2]\n| a | b |\n[1] So it is. It was.",
    "The king died.¹ The queen lived<sup>2</sup>. So it is (3). It was Rudolf (1). As [2] says, it was. He went.",
    "According to [1], the king died. [2] says that the queen lived, as [3] says. (4) It is so. It was (see [1]).",
    "<think>The king. [1]</think>\nThe king died [1]. The queen lived.",
]


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("size", [1, 2, 3, 5, 8, 13])
def test_the_pieces_in_which_a_text_comes_make_no_difference(text: str, size: int):
    assert cut(text, size) == cut(text)


@given(
    st.text(st.sampled_from("ab AB.?! [12]()\n*-#`|<think>/„“「。\u200b1¹²"), max_size=120), st.integers(1, 9)
)
def test_whatever_a_model_writes_no_marker_is_left_and_nothing_fails(text: str, size: int):
    for draft in cut(text, size):
        assert draft.text.strip()
        assert "\n" not in draft.text
        assert "[1]" not in draft.text


def test_a_sentence_is_given_as_soon_as_the_next_has_begun():
    cutter = SentenceCutter()
    assert list(cutter.feed("The king died [1]. The")) == []
    assert list(cutter.feed(" queen")) == [Draft("The king died.", (1,))]


def test_what_is_thought_aloud_is_no_answer():
    assert told("<think>The king died [1]. Or not?</think>\n\nThe queen lived [2].") == [
        ("The queen lived.", (2,))
    ]
    assert told("<think>The king died [1].") == []


def test_half_a_sentence_is_dropped_where_the_text_was_cut():
    assert [draft.text for draft in cut("The king died [1]. The queen liv", is_cut=True)] == [
        "The king died."
    ]
    assert [draft.text for draft in cut("The king died. [1]", is_cut=True)] == ["The king died."]


@pytest.mark.parametrize("size", [100, 200_000])
def test_a_line_without_end_is_one_sentence_too_long(size: int):
    first, *others = cut("word " * 40_000 + "\nThe king died [1].", size)
    assert first.is_too_long
    assert len(first.text) < 400
    assert others == [Draft("The king died.", (1,))]


@pytest.mark.parametrize(
    "text", ["[1] ", "according to [1] and ", "as per passage 1 ", "¹ ", "(1, ", "[1, a", "1,"]
)
def test_a_line_of_nothing_but_markers_takes_no_time(text: str):
    started = time.monotonic()
    cut(text * (1_900 // len(text)), 50)
    assert time.monotonic() - started < 2


def test_a_sentence_is_known_again_whatever_its_quotes_and_end():
    assert is_said(' "the collection has NO answer."', "The collection has no answer.")
    assert not is_said("The collection has an answer.", "The collection has no answer.")
