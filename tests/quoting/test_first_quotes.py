"""What the first quote of an answer holds, on the sample articles."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from rag import Assistant

QUESTIONS = Path(__file__).parents[1] / "data" / "first_quotes.jsonl"
ON_SAMPLES: list[dict[str, Any]] = [json.loads(line) for line in QUESTIONS.read_text("utf-8").splitlines()]


@pytest.mark.parametrize(
    "row", [row for row in ON_SAMPLES if not row.get("wrong")], ids=lambda row: row["question"]
)
def test_the_first_quote_on_the_samples_has_what_is_asked(samples: Assistant, row: dict[str, Any]):
    answer = samples.ask(row["question"])
    if row["first"] == "none":
        assert answer.abstained
    else:
        first = re.sub(r"\s+", " ", answer.sentences[0].text)
        assert any(words.lower() in first.lower() for words in row["first"])
