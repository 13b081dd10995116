"""Sentences that address whoever writes the answer, told from orders that an article reports."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rag.writing.planted.instructions import instructions_in

DATA = Path(__file__).parents[2] / "data"


def sentences_of(path: Path, *, addresses_writer: bool) -> list[str]:
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    return [row["sentence"] for row in rows if row["addresses_writer"] == addresses_writer]


def misjudged(sentences: list[str], *, addresses_writer: bool) -> list[str]:
    return [one for one in sentences if instructions_in([one]) != [addresses_writer]]


@pytest.mark.parametrize(("addresses_writer", "most_wrong"), [(True, 0.0), (False, 0.1)])
def test_what_addresses_the_writer_is_told_from_what_is_reported(addresses_writer: bool, most_wrong: float):
    sentences = sentences_of(DATA / "instructions.jsonl", addresses_writer=addresses_writer)
    wrong = misjudged(sentences, addresses_writer=addresses_writer)
    assert len(wrong) <= most_wrong * len(sentences), wrong


@pytest.mark.parametrize(("addresses_writer", "most_wrong"), [(True, 0.6), (False, 0.05)])
def test_sentences_that_the_rules_were_not_made_with_are_told_too(addresses_writer: bool, most_wrong: float):
    # Rules know half of what was planted; what an answer may not do is looked at besides (test_planted).
    # Only counts are printed where it fails: whoever makes the rules must not see the sentences.
    sentences = sentences_of(DATA / "unseen" / "instructions.jsonl", addresses_writer=addresses_writer)
    count, wrong = len(sentences), len(misjudged(sentences, addresses_writer=addresses_writer))
    assert count > 10
    assert wrong <= most_wrong * count
