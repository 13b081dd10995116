"""What a written sentence adds to what is borne is found and named; a faithful paraphrase adds nothing."""

from __future__ import annotations

import json
from itertools import cycle

from rag.writing.additions import addition
from tests.conftest import ROOT

ADDED = (
    ", which was welcomed by local residents",
    ", who later became a minister",
    ", making it easier for companies to invest",
    ", paving the way for new discoveries",
    ", a decision that surprised many observers",
    ", the headquarters of a bank",
    " and received several awards for this work",
    "; many scientists disagree with this view",
    " thanks to a large donation from a bank",
    " despite strong criticism from the opposition",
)


def paraphrases() -> list[tuple[str, list[str]]]:
    lines = (ROOT / "tests" / "data" / "paraphrases.jsonl").read_text("utf-8").splitlines()
    return [(row["claim"], row["passages"]) for row in map(json.loads, lines)]


def test_a_faithful_paraphrase_adds_nothing():
    found = [addition(claim, passages) for claim, passages in paraphrases()]
    assert len(found) == 60
    assert sum(not part for part in found) >= 0.95 * 60


def test_a_clause_from_nowhere_is_found():
    pairs = zip(paraphrases(), cycle(ADDED), strict=False)
    found = [addition(f"{claim[:-1]}{added}.", passages) for (claim, passages), added in pairs]
    assert sum(bool(part) for part in found) >= 0.9 * 60


def test_what_is_named_is_a_part_of_the_sentence():
    said = ["The pier of Marnow was built in 1871 by the engineer Agnes Thorburn."]
    claim = "Agnes Thorburn built the pier in 1871, which is a significant amount of money."
    assert addition(claim, said) == "significant amount of money"
    assert addition("Agnes Thorburn built the pier in 1871.", said) == ""
    assert addition("", said) == addition("It is.", said) == ""
    assert addition("Giraffes sleep while standing.", []) == "Giraffes sleep while standing"
