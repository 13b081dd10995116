"""Pairs of a question and a passage, with the words that answer or none: what the reader is trained on.

    python scripts/reading_pairs.py FOLDER      how many pairs of which kind a folder of public sets gives

`FOLDER` holds the public sets as `*.jsonl.gz`; the project's own are in `scripts/reading/` and
`scripts/long_articles.json`. Passages are cut as the library cuts them, title, publisher, day and heading
before them. For each question that has an answer there is one that has none, of the kinds in `_negatives`.
"""

from __future__ import annotations

import gzip
import json
import random
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rag.text.blocks import find_blocks
from rag.text.splitting import split_document, split_sentences
from rag.text.words import stems

SHARES = {"qamr": 0.1, "qasrl_gold": 0.1, "made_none": 0.6, "selqa_sentence": 0.0, "thquad_2020": 0.0}
"""How much of a public set is taken: short or templated questions would outweigh the others."""
_DEVELOPMENT = 25
"""One of so many articles is held out for choosing between runs."""
_OWN = Path(__file__).with_name("reading")
_LONG = Path(__file__).with_name("long_articles.json")


@dataclass(frozen=True)
class Pair:
    """A question, what stands before the passage, the passage, and the places that answer, if any."""

    question: str
    context: str
    passage: str
    answers: tuple[tuple[int, int], ...]
    source: str
    kind: str = ""
    article: str = ""

    @property
    def is_held_out(self) -> bool:
        """Whether the pair belongs to an article that is never trained on."""
        return random.Random(self.article or self.passage[:200]).randrange(_DEVELOPMENT) == 0


CLAIM_SHARES = {
    "mnli_dev": 0.5,
    "med": 0.3,
    "breaking_nli": 0.15,
    "fever_dev_rte": 0.6,
    "attribution_dev": 0.0,
}
"""How much of a set of claims is taken; of the last none, since judging claims is measured on it."""


@dataclass(frozen=True)
class Claim:
    """A claim, a passage, and whether the passage bears the claim."""

    claim: str
    passage: str
    is_borne: bool
    source: str

    @property
    def is_held_out(self) -> bool:
        """Whether its passage is never trained on."""
        return random.Random(self.passage[:200]).randrange(_DEVELOPMENT) == 0


def read_claims(folders: Sequence[Path], seed: int = 0) -> list[Claim]:
    """Return the English claims of some folders, in no order."""
    chosen = random.Random(seed)
    claims = list[Claim]()
    for path in sorted(path for folder in folders for path in folder.glob("*.jsonl*")):
        name = path.name.partition(".")[0]
        opened = gzip.open if path.suffix == ".gz" else open
        with opened(path, "rt", encoding="utf-8") as lines:
            for row in map(json.loads, lines):
                if row.get("language", "en") == "en" and chosen.random() < CLAIM_SHARES.get(name, 1):
                    passage = row.get("passage") or "\n".join(row["passages"])
                    is_borne = row["label"] == "borne" if "label" in row else row["supported"]
                    claims.append(Claim(row["claim"], passage, is_borne, name))
    chosen.shuffle(claims)
    return claims


def read_pairs(folder: Path, seed: int = 0) -> list[Pair]:
    """Return all pairs, those without an answer made of them too, in no order."""
    chosen = random.Random(seed)
    pairs = list[Pair]()
    for path in sorted(folder.glob("*.jsonl.gz")):
        name = path.name.removesuffix(".jsonl.gz")
        rows = [row for row in _public(path, name) if chosen.random() < SHARES.get(name, 1)]
        pairs += rows
        if name != "made_none":
            pairs += _negatives(rows, chosen)
    for path in sorted(_OWN.glob("*.jsonl")):
        rows = list(_own(path))
        pairs += rows
        pairs += _negatives(rows, chosen, neighbours=False)
    rows = list(_long())
    pairs += rows + list(_negatives(rows, chosen))
    chosen.shuffle(pairs)
    return pairs


def _public(path: Path, name: str) -> Iterator[Pair]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            if row["language"] == "en":
                places = tuple((one["start"], one["start"] + len(one["text"])) for one in row["answers"])
                title = row["title"] if "omments" not in row["title"] and "eview" not in row["title"] else ""
                yield Pair(row["question"], title, row["passage"], places, name, "", title)


def _own(path: Path) -> Iterator[Pair]:
    """Yield the pairs of the project's own articles: the passage that answers, and others of the article."""
    for line in path.read_text("utf-8").splitlines():
        article = json.loads(line)
        text = article["text"]
        passages = [(one.start, one.end, one.heading) for one in split_document(text, find_blocks(text))]
        source = ", ".join(filter(None, [article["publisher"], article["day"]]))
        for question in article["questions"]:
            places = _places(text, question)
            for start, end, heading in passages:
                context = "\n".join(filter(None, [article["title"], source, heading]))
                inside = tuple((a - start, b - start) for a, b in places if start <= a and b <= end)
                pair = Pair(question["question"], context, text[start:end], inside, "own", question["kind"])
                yield replace(pair, article=article["title"])


def _places(text: str, question: dict[str, object]) -> list[tuple[int, int]]:
    sentence = str(question.get("sentence", ""))
    at = text.find(sentence) if sentence else 0
    answers: Sequence[str] = question["answers"]  # type: ignore[assignment]
    starts = [text.find(answer, max(at, 0)) for answer in answers]
    return [(start, start + len(answer)) for start, answer in zip(starts, answers, strict=True) if start >= 0]


def _long() -> Iterator[Pair]:
    for article in json.loads(_LONG.read_text("utf-8"))["data"]:
        for paragraph in article["paragraphs"]:
            for asked in paragraph["qas"]:
                places = tuple(
                    (one["answer_start"], one["answer_start"] + len(one["text"])) for one in asked["answers"]
                )
                passage, title = paragraph["context"], article["title"]
                yield Pair(asked["question"], title, passage, places, "long", "", title)


# --------------------------------------------------------------------------------- without an answer


def _negatives(rows: Sequence[Pair], chosen: random.Random, *, neighbours: bool = True) -> Iterator[Pair]:
    """Yield a pair without an answer for about each that has one, of a kind chosen at random."""
    by_article = defaultdict[str, list[Pair]](list)
    for row in rows:
        by_article[row.article].append(row)
    ways: list[Callable[[Pair, Sequence[Pair], random.Random], Pair | None]] = [_without_sentence, _exchanged]
    ways += [_neighbour, _neighbour] if neighbours else []
    for row in rows:
        if row.answers:
            way = chosen.choice(ways)
            made = way(row, by_article[row.article], chosen)
            if made:
                yield made


def _without_sentence(row: Pair, others: Sequence[Pair], chosen: random.Random) -> Pair | None:
    """Return a pair whose passage lacks the sentences that answer, where anything is left."""
    kept = [
        row.passage[first:last]
        for first, last in split_sentences(row.passage)
        if not any(first < end and start < last for start, end in row.answers)
    ]
    answers = {row.passage[start:end].casefold() for start, end in row.answers}
    left = " ".join(kept)
    if len(left) < 60 or any(answer in left.casefold() for answer in answers):
        return None
    return replace(row, passage=left, answers=(), kind="without its sentence")


_NAME = re.compile(r"(?<=\w )(?:[A-Z][\w'’-]+)(?: [A-Z][\w'’-]+)*")
_NUMBER = re.compile(r"\b\d{4}\b|\b\d+(?:[.,]\d+)*\b")


def _exchanged(row: Pair, others: Sequence[Pair], chosen: random.Random) -> Pair | None:
    """Return a pair whose question names another person, place, year or number than it did."""
    for pattern in (_NAME, _NUMBER):
        hit = pattern.search(row.question)
        if hit is None or hit[0].casefold() not in row.passage.casefold():
            continue
        pool = [
            one
            for other in chosen.sample(others, min(len(others), 6))
            for one in pattern.findall(f"{other.question} {other.passage}")
        ]
        pool = [one for one in pool if one.split()[0].casefold() not in row.question.casefold()]
        pool = [
            one for one in pool if one.casefold() not in {row.passage[a:b].casefold() for a, b in row.answers}
        ]
        if pool:
            question = row.question[: hit.start()] + chosen.choice(pool) + row.question[hit.end() :]
            return replace(row, question=question, answers=(), kind="exchanged")
    return None


def _neighbour(row: Pair, others: Sequence[Pair], chosen: random.Random) -> Pair | None:
    """Return a pair with the passage of the same article that shares most words with the question."""
    answers = {row.passage[start:end].casefold() for start, end in row.answers}
    asked = set(stems(row.question))
    passages = {
        one.passage for one in chosen.sample(others, min(len(others), 40)) if one.passage != row.passage
    }
    passages = {one for one in passages if not any(answer in one.casefold() for answer in answers)}
    if not passages:
        return None
    nearest = max(sorted(passages), key=lambda one: len(asked & set(stems(one))))
    return replace(row, passage=nearest, answers=(), kind="neighbour")


if __name__ == "__main__":
    counted = Counter(
        (pair.source, pair.kind or bool(pair.answers)) for pair in read_pairs(Path(sys.argv[1]))
    )
    for (source, kind), number in sorted(counted.items(), key=str):
        print(f"{source:24} {kind!s:24} {number}")
