import json
import time
from pathlib import Path

import pytest

from rag import Support, check_support
from rag.support.alignment import edits
from rag.support.check import bearing
from rag.support.claims import Line, read_claim, read_passages
from rag.support.meanings import relation
from rag.text.words import stem

DATA = Path(__file__).parents[1] / "data"
AKKUYU = (
    "Akkuyu is the first nuclear power plant of Türkiye and lies in the province of Mersin. The Akkuyu plant"
    " will have four VVER-1200 reactors with a total capacity of 4,800 megawatts. The Russian state"
    " corporation Rosatom builds, owns and will operate the Akkuyu plant."
)


def rows(name: str) -> list[dict]:
    return [json.loads(line) for line in (DATA / name).read_text("utf-8").splitlines()]


def test_faithful_paraphrases_are_supported():
    found = [check_support(row["claim"], row["passages"]) for row in rows("paraphrases.jsonl")]
    assert len(found) == 60
    assert sum(support.supported for support in found) >= 0.85 * 60


def test_one_small_thing_changed_is_not_supported_and_named():
    wrong = rows("corrupted_claims.jsonl")
    found = [(row, check_support(row["claim"], row["passages"])) for row in wrong]
    caught = [(row, support) for row, support in found if not support.supported]
    assert len(found) == 60
    assert len(caught) >= 0.85 * 60
    assert sum(row["named"].lower() in support.reason.lower() for row, support in caught) >= 0.85 * len(
        caught
    )


def test_a_sentence_as_it_stands_is_supported():
    for sentence in read_passages([AKKUYU]):
        assert check_support(sentence.text, [AKKUYU]).supported
    assert check_support(AKKUYU, [AKKUYU]).supported


@pytest.mark.parametrize(
    ("claim", "said", "reason"),
    [
        ("The company sold 15 ships.", "The company sold 13 ships.", "13"),
        ("Smith sold the company.", "Jones sold the company.", "Smith"),
        ("The bank will raise its rate in May.", "The bank may raise its rate in May.", "may"),
        ("The mayor didn't sign the contract.", "The mayor signed the contract.", "didn't"),
        ("All members signed the treaty.", "Most members signed the treaty.", "Most"),
        ("Sales decreased in the third quarter.", "Sales increased in the third quarter.", "increased"),
        ("Russia sold Turkey the missiles.", "Turkey sold Russia the missiles.", "Turkey"),
        ("The bridge was opened on 3 May 2018.", "The bridge was opened on 3 May 2019.", "2019"),
        ("The temperature fell to 31 °C.", "The temperature fell to −31 °C.", "−31"),
        ("Growth was 2.5%.", "Growth was -2.5%.", "-2.5"),
        (
            "The Harbour Safety Office closed the pier.",
            "The Harbour Safety Board closed the pier.",
            "Harbour Safety Board",
        ),
        (
            "The Ministry of Finance paid for it.",
            "The Ministry of Defence paid for it.",
            "Ministry of Defence",
        ),
    ],
)
def test_the_reason_names_what_failed(claim, said, reason):
    support = check_support(claim, [said])
    assert not support.supported
    assert reason in support.reason


@pytest.mark.parametrize(
    ("claim", "said"),
    [
        ("The city has about 1.2 million people.", "The city has 1,204,000 people."),
        ("The work cost $2.5bn.", "The work cost 2.5 billion dollars."),
        ("The work cost $5m.", "The work cost 5 million dollars."),
        ("The talks of 2010 - 2012 failed.", "The talks of 2010 to 2012 failed."),
        ("The share rose by 5%.", "The share rose by 5 per cent."),
        ("The law was passed on March 3, 2020.", "The law was passed on 3 March 2020."),
        ("Three people purchased the house.", "Three people bought the house."),
        (
            "In shops and kitchens nothing changed, since the new units fit the old ones.",
            "Nothing changed for shops and kitchens, because the new units were made to fit the old ones.",
        ),
        (
            "The last glacial began some 74,000 years ago and ended with the Pleistocene, about 11,600 years before"
            " present.",
            "The last glacial went from ~74,000 (BP = Before Present) to the end of the Pleistocene (~11,600 BP).",
        ),
    ],
)
def test_the_same_said_otherwise_is_supported(claim, said):
    assert check_support(claim, [said]).supported


def test_a_name_that_stands_in_the_passages_is_no_other_name():
    said = "The Harbour Safety Board closed the pier. The Harbour Safety Office runs the pier."
    assert check_support("The Harbour Safety Office runs the pier.", [said]).supported


def test_markers_of_footnotes_are_no_part_of_a_claim():
    sentence = "The Akkuyu plant will have four VVER-1200 reactors."
    assert check_support(f"{sentence} [1][2]", [AKKUYU]) == check_support(sentence, [AKKUYU])


@pytest.mark.parametrize("claim", ["", "   ", "[1]", "...", "It is."])
def test_nothing_to_check_is_not_supported(claim):
    assert not check_support(claim, [AKKUYU]).supported


@pytest.mark.parametrize("passages", [[], [""], ["\n", " "]])
def test_without_passages_nothing_is_supported(passages):
    support = check_support("The plant has four reactors.", passages)
    assert support == Support(False, 0.0, "It cites no passage.")


def test_a_text_far_too_long_for_a_claim_says_so_at_once():
    text = "The lamp is bright. " * 5_000
    assert "too long" in check_support(text, [text]).reason
    assert bearing(text, [text]) == ()


@pytest.mark.parametrize("filling", ["a" * 1_000, "Tower of " * 100 + "x" * 600, "a-b-" * 150, "5 km, " * 30])
def test_what_is_too_long_to_be_judged_is_not_borne_by_its_beginning(filling: str):
    said = f"The Akkuyu plant has four reactors and {filling}"
    support = check_support(f"{said} and it was closed in 1990.", [f"{said}."])
    assert (support.supported, "too long" in support.reason) == (False, True)


def test_any_text_is_read():
    odd = [
        "\x00\ufffd",
        "İ" * 500,
        "1" * 400,
        "a" * 3000,
        "。" * 50,
        "“” — …",
        "٣٤٥ ۱۲",
        "$" * 99,
        "not " * 300,
    ]
    for claim in odd:
        for passage in odd:
            support = check_support(claim, [passage])
            assert 0 <= support.score <= 1
            assert support.reason.endswith(".")


def test_very_long_passages_take_bounded_time():
    passages = [" ".join(f"{AKKUYU} Sentence {i} is about {i * 7} ships." for i in range(400))]
    assert len(passages[0]) > 100_000
    start = time.perf_counter()
    check_support("The Akkuyu plant will have five reactors. It lies in Mersin.", passages)
    assert time.perf_counter() - start < 3


def test_other_languages_are_checked_by_words_numbers_and_names():
    turkish = (
        "Türkiye NATO'ya 18 Şubat 1952'de katıldı. İzmir'de ilk NATO karargâhı 8 Eylül 1952'de açılmıştır."
    )
    assert check_support("Türkiye NATO'ya 18 Şubat 1952'de katıldı.", [turkish]).supported
    assert not check_support("Türkiye NATO'ya 18 Şubat 1959'da katıldı.", [turkish]).supported
    german = "Der Reaktor in Mersin wird von Rosatom gebaut. Er soll 4.800 Megawatt leisten."
    assert check_support("Der Reaktor wird von Rosatom gebaut.", [german]).supported
    assert not check_support("Der Reaktor wird von Siemens gebaut.", [german]).supported


def test_what_bears_a_claim_is_a_sentence_of_a_passage():
    passages = ["Ships need ports.", AKKUYU]
    (place,) = bearing("Rosatom will operate the Akkuyu plant.", passages)
    assert place.passage == 1
    assert AKKUYU[place.start : place.end].startswith("The Russian state corporation Rosatom")
    assert AKKUYU[place.start : place.end].endswith("the Akkuyu plant.")


def test_a_claim_borne_by_two_passages_names_both():
    smallpox = "Edward Jenner carried out his first vaccination on 14 May 1796."
    places = bearing(
        "Rosatom will operate the Akkuyu plant. Jenner carried out his first vaccination in 1796.",
        [AKKUYU, smallpox],
    )
    assert {place.passage for place in places} == {0, 1}


def test_nothing_bears_what_the_passages_do_not_speak_of():
    assert bearing("Giraffes sleep.", [AKKUYU]) == ()
    assert bearing("", [AKKUYU]) == ()


def test_the_same_claim_gives_the_same_answer():
    claim = "Rosatom owns four reactors in Mersin."
    assert check_support(claim, [AKKUYU]) == check_support(claim, [AKKUYU])


def test_words_are_related_by_meaning():
    assert relation(stem("bought"), stem("purchased")) == "same"
    assert relation(stem("increase"), stem("decrease")) == "opposite"
    assert relation(stem("unlikely"), stem("likely")) == "opposite"
    assert relation(stem("ship"), stem("justice")) == "none"


def test_an_edit_is_what_stands_in_the_place_of_something_else():
    claim, sentence = (
        Line(t, 0, 0, len(t)) for t in ("Sales fell by five per cent.", "Sales rose by five per cent.")
    )
    (edit,), closeness = edits(claim, sentence)
    assert [word.text for word in edit.mine] == ["fell"]
    assert [word.text for word in edit.theirs] == ["rose"]
    assert closeness == pytest.approx(5 / 6)


def test_sentences_keep_their_places():
    text = "First one.\n\nSecond one\ngoes on. Third."
    assert [text[line.start : line.end] for line in read_passages([text])] == [
        "First one.", "Second one\ngoes on.", "Third.",
    ]  # fmt: skip
    assert [line.text for line in read_claim("One is here [1]. Two is there.[2]")] == [
        "One is here.",
        "Two is there.",
    ]
