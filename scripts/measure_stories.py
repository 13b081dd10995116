"""Measure how well `rag/store/stories.py` tells which articles are one story, on pairs made for it.

    PYTHONPATH=. python scripts/measure_stories.py SQUAD.json [SQUAD.json ...] [--translations A.json B.json]
        [--reports N] [--wrong]

Articles are made of the paragraphs of files in SQuAD's format, the sample articles and
`scripts/long_articles.json`. `scripts/story_pairs.json` has the forms from which reports are made, the same
events told independently, and what stands around articles. Half of all this is what the thresholds were
chosen by; the other half judges.
"""

from __future__ import annotations

import argparse
import calendar
import json
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import combinations, pairwise
from pathlib import Path

from rag import load_bytes
from rag.loading.loaders import load_file
from rag.store.stories import Told, are_one_story, bands, told

ROOT = Path(__file__).parent.parent
TEXTS = json.loads((ROOT / "scripts" / "story_pairs.json").read_text("utf-8"))
MONTHS = tuple(calendar.month_name)[1:]


@dataclass(frozen=True)
class Article:
    """A title and a text."""

    title: str
    text: str


Pair = tuple[Article, Article]
Change = Callable[[Article, random.Random], Article]

# ------------------------------------------------------------------------------------ one story


def _other_head(article: Article, rng: random.Random) -> Article:
    """Another headline, a dateline, and a first sentence of its own for that of the wire."""
    rest = re.split(r"(?<=[.!?])\s", article.text, maxsplit=1)[-1]
    lead = f"{rng.choice(TEXTS['towns']).upper()} (Example Wire) — Many have had this on their minds lately."
    return Article(f"What you need to know, by {rng.choice(TEXTS['names'])}", f"{lead} {rest}")


def _updated(article: Article, rng: random.Random) -> Article:
    """A paragraph more, and a quarter of the figures changed."""

    def change(match: re.Match[str]) -> str:
        return str(int(match[0]) + rng.randint(1, 9)) if rng.random() < 0.25 else match[0]

    text = re.sub(r"\b\d{1,3}\b", change, article.text)
    paragraphs = text.split("\n\n")
    paragraphs.insert(rng.randint(0, len(paragraphs)), TEXTS["paragraph"])
    return Article(f"{article.title} (update)", "\n\n".join(paragraphs))


def _as_page(article: Article, rng: random.Random) -> Article:
    """The same as a page of the web, read as one."""
    paragraphs = "".join(f"<p>{one}</p>" for one in article.text.split("\n\n"))
    page = (
        f"<html><head><title>{article.title} | Harbour Gazette</title></head><body><nav><a href='/'>Home</a>"
        f"<a href='/sea'>Sea</a></nav><article><h1>{article.title}</h1>{paragraphs}</article>"
        "<footer>All rights reserved.</footer></body></html>"
    )
    loaded = load_bytes("page.html", page.encode(), "page", 10**7).documents
    return Article(loaded[0].title, loaded[0].text) if loaded else article


def _with_footer(article: Article, rng: random.Random) -> Article:
    return Article(article.title, f"{article.text}\n\n{TEXTS['footers'][1]}")


def _first_half(article: Article, rng: random.Random) -> Article:
    return Article(article.title, article.text[: len(article.text) // 2].rpartition(" ")[0])


def _scanned(article: Article, rng: random.Random) -> Article:
    """One letter in a hundred misread, and lines broken."""
    text = "".join(
        rng.choice("ilcoe1") if letter.isalpha() and rng.random() < 0.01 else letter
        for letter in article.text
    )
    words = text.split()
    lines = [" ".join(words[at : at + 11]) for at in range(0, len(words), 11)]
    return Article("", "\n".join(lines))


def _in_capitals(article: Article, rng: random.Random) -> Article:
    text = article.text.replace('"', "“").replace("'", "’").replace(" - ", " — ")
    return Article(article.title.upper(), text.upper() if rng.random() < 0.5 else text.lower())


ONE_STORY: dict[str, Change] = {
    "another headline, dateline and lead": _other_head,
    "updated: a paragraph more, figures changed": _updated,
    "a page of the web and its text": _as_page,
    "with a footer": _with_footer,
    "the first half": _first_half,
    "scanned, one letter in 100 wrong": _scanned,
    "in capitals or small letters, other quotes": _in_capitals,
    "updated, with another headline and lead": lambda a, rng: _other_head(_updated(a, rng), rng),
    "another headline and lead, with a footer": lambda a, rng: _with_footer(_other_head(a, rng), rng),
}

# ----------------------------------------------------------------------------------- two stories


def two_stories(
    articles: list[Article], short: list[Article], forms: dict[str, str], tellings: list[list[str]],
    reports_a_form: int, rng: random.Random,
) -> Iterator[tuple[str, Pair]]:  # fmt: skip
    """Yield pairs that are easily taken for one story, with their kind."""
    for name, form in forms.items():
        reports = [Article(f"{name} {rng.randint(1, 99)}", report(form, rng)) for _ in range(reports_a_form)]
        yield from ((f"one form, other figures: {name}", pair) for pair in combinations(reports, 2))
    for event in tellings:
        told_by = [Article("", text) for text in event]
        yield from (("one event, told independently", pair) for pair in combinations(told_by, 2))
    for one, other in pairwise(short):
        ends = [Article(a.title, f"{a.text}\n\n{TEXTS['footers'][0]}") for a in (one, other)]
        yield "short, with one footer", (ends[0], ends[1])
        begins = [
            Article("Morning letter", f"{TEXTS['beginning']}\n\n{a.text}\n\n{TEXTS['footers'][1]}")
            for a in (one, other)
        ]
        yield "short, with one beginning and one end", (begins[0], begins[1])
    for one, other in pairwise(articles):
        yield "long, of one subject or neighbours", (one, other)
        others = rng.sample([article for article in articles if article is not one], 3)
        briefing = Article("Briefing", "\n\n".join(a.text for a in (*others, one)))
        yield "a briefing and one of its articles", (briefing, one)
    rows = [Article("", report(TEXTS["row"], rng)) for _ in range(60)]
    yield from (("rows of one table", pair) for pair in combinations(rows, 2))


def report(form: str, rng: random.Random) -> str:
    """Fill the places of a form: {n} is a number, {word} one of some nouns, {way} a direction."""

    def fill(match: re.Match[str]) -> str:
        if match[1] == "n":
            return str(rng.choice((rng.randint(2, 30), rng.randint(10, 99), rng.randint(100, 900))))
        if match[1] == "day":
            return f"{rng.randint(1, 28)} {rng.choice(MONTHS)}"
        return str(rng.choice(MONTHS if match[1] == "month" else TEXTS[f"{match[1]}s"]))

    return re.sub(r"\{(\w+)\}", fill, form)


# -------------------------------------------------------------------------------------- measuring


def paragraphs_of(path: Path) -> list[list[str]]:
    """Return the paragraphs of each article of a file in SQuAD's format."""
    articles = json.loads(path.read_text("utf-8"))["data"]
    return [[paragraph["context"] for paragraph in article["paragraphs"]] for article in articles]


def _grouped(paths: list[Path]) -> tuple[list[Article], list[Article]]:
    """Return articles of five paragraphs, in the order of the files, and paragraphs of 80 to 200 words."""
    long, short = list[Article](), list[Article]()
    for number, paragraphs in enumerate(part for path in paths for part in paragraphs_of(path)):
        for at in range(0, min(len(paragraphs), 400) - 4, 5):
            long.append(Article(f"Article {number}.{at}", "\n\n".join(paragraphs[at : at + 5])))
        fitting = [one for one in paragraphs[:400] if 80 <= len(one.split()) <= 200]
        short += [Article(f"Note {number}.{at}", text) for at, text in enumerate(fitting)]
    return long, short


def _samples() -> list[Article]:
    loaded = (load_file(path) for path in sorted((ROOT / "corpus").iterdir()) if path.suffix != ".jsonl")
    return [Article(one.title, one.text) for part in loaded for one in part.documents]


def is_found(one: Article, other: Article) -> tuple[bool, bool]:
    """Whether two articles share a band, and whether they are then taken for one story."""
    (first, in_bands), (second, others) = _read(one), _read(other)
    meets = not in_bands.isdisjoint(others)
    return meets, meets and are_one_story(first, second)


@cache
def _read(article: Article) -> tuple[Told, frozenset[int]]:
    text = told(article.title, article.text)
    return text, frozenset(bands(text))


def measure(name: str, pairs: list[tuple[str, Pair]], expected: bool, show_wrong: bool) -> None:
    """Print how many of the pairs of each kind meet in a band, and are taken for one story."""
    counts: dict[str, list[int]] = {}
    for kind, pair in pairs:
        meets, same = is_found(*pair)
        for label in (kind, "all"):
            counts.setdefault(label, [0, 0, 0])
            counts[label] = [a + b for a, b in zip(counts[label], (1, meets, same), strict=True)]
        if show_wrong and same != expected:
            print(kind, *(f"{one.title}: {one.text[:300]!r}" for one in pair), sep="\n    ")
    print(f"\n{name}: pairs, that meet, taken for one story")
    for kind, (total, meets, same) in counts.items():
        print(f"  {kind:55s} {total:6,d} {meets:6,d} {same:6,d}  {same / total:.4f}")


def main() -> None:
    """Measure both halves."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--translations", nargs="*", type=Path, default=[])
    parser.add_argument("--reports", type=int, default=40, help="reports made from each form (40)")
    parser.add_argument("--wrong", action="store_true", help="print the pairs that are judged wrongly")
    options = parser.parse_args()
    long, short = _grouped([*options.files, ROOT / "scripts" / "long_articles.json"])
    long += _samples()
    translated = [["\n\n".join(one) for one in paragraphs_of(path)] for path in options.translations]
    for half, (name, forms) in enumerate((("Chosen by", "chosen_by"), ("Judged by", "judged_by"))):
        rng = random.Random(half)
        articles, notes = long[half::2], short[half::2]
        same = [(kind, (a, change(a, rng))) for a in articles for kind, change in ONE_STORY.items()]
        brief = [(kind, (a, change(a, rng))) for a in notes[::4] for kind, change in ONE_STORY.items()]
        tellings = TEXTS["tellings"][half::2]
        two = list(two_stories(articles, notes, TEXTS[forms], tellings, options.reports, rng))
        for texts in list(zip(*translated, strict=True))[half::2]:
            versions = [Article("", text) for text in texts]
            two += [("translations", pair) for pair in combinations(versions, 2)]
        measure(f"{name}, one story", same, True, options.wrong)
        measure(f"{name}, one story of 80 to 200 words", brief, True, options.wrong)
        measure(f"{name}, two stories", two, False, options.wrong)


if __name__ == "__main__":
    main()
