"""Make `rag/support/word_meanings.txt.gz`, the words that mean the same and the opposite, of WordNet's files.

    PYTHONPATH=. python scripts/make_meanings.py /usr/share/wordnet

The folder is that of Debian's package ``wordnet-base`` (WordNet 3.0). Of it are kept single words that
WordNet's own texts use or that are the first sense of a word, their commonest senses, and of each sense
the one above it and those opposed to it; and of verbs where their senses begin and their irregular forms.
"""

from __future__ import annotations

import argparse
import gzip
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from rag.support.meanings import MEANINGS_PATH
from rag.text.words import stem

PARTS = {"noun": "n", "verb": "v", "adj": "a", "adv": "r"}
SENSES = {"noun": 3, "verb": 5, "adj": 4, "adv": 2}
"""Senses kept of a word, the commonest first; with more of them all words mean nearly the same."""
NOTICE = """\
# Made of WordNet 3.0. Copyright 2006 by Princeton University. All rights reserved.
# Permission to use, copy, modify and distribute this software and database and its documentation for
# any purpose and without fee or royalty is hereby granted, provided that you agree to comply with the
# following copyright notice and statements, including the disclaimer, and that the same appear on ALL
# copies of the software, database and documentation, including modifications that you make for internal
# use or for distribution. THIS SOFTWARE AND DATABASE IS PROVIDED "AS IS" AND PRINCETON UNIVERSITY MAKES NO
# REPRESENTATIONS OR WARRANTIES, EXPRESS OR IMPLIED. BY WAY OF EXAMPLE, BUT NOT LIMITATION, PRINCETON
# UNIVERSITY MAKES NO REPRESENTATIONS OR WARRANTIES OF MERCHANTABILITY OR FITNESS FOR ANY PARTICULAR PURPOSE
# OR THAT THE USE OF THE LICENSED SOFTWARE, DATABASE OR DOCUMENTATION WILL NOT INFRINGE ANY THIRD PARTY
# PATENTS, COPYRIGHTS, TRADEMARKS OR OTHER RIGHTS. The name of Princeton University or Princeton may not be
# used in advertising or publicity pertaining to distribution of the software and/or database. Title to
# copyright in this software, database and any associated documentation shall at all times remain with
# Princeton University and LICENSEE agrees to preserve same.
"""


@dataclass
class Synset:
    """What WordNet says of one sense; all ids are ``part + offset``."""

    words: list[str]
    above: list[str] = field(default_factory=list)
    similar: list[str] = field(default_factory=list)
    opposed: set[str] = field(default_factory=set)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    synsets = {key: synset for part in PARTS for key, synset in read_synsets(folder, part)}
    senses = defaultdict[str, dict[str, int]](dict)
    for part in PARTS:
        for word, keys in read_senses(folder, part):
            for key in keys:
                senses[stem(word)].setdefault(key, 1)
        for inflected, word in read_exceptions(folder, part):
            for key in list(senses.get(stem(word), {})):
                if key[0] == PARTS[part]:
                    senses[stem(inflected)].setdefault(key, 1)
    kept = sorted({key for keys in senses.values() for key in keys})
    numbers = {key: number for number, key in enumerate(kept)}
    lines = [NOTICE.rstrip()]
    for key in kept:
        above = [numbers[a] for a in synsets[key].above + synsets[key].similar if a in numbers]
        heads = [key, *synsets[key].similar]
        opposed = {o for head in heads if head in synsets for o in synsets[head].opposed}
        # What is like the opposite of a word is opposed to it as well: "minor" to "significant".
        opposed |= {s for o in opposed for s in synsets[o].similar} if key[0] == "a" else set()
        against = sorted(numbers[o] for o in opposed if o in numbers)
        lines.append(f"{' '.join(map(str, above))}|{' '.join(map(str, against))}")
    lines.append("")
    lines += [
        f"{word} {' '.join(str(numbers[k]) for k in keys)}" for word, keys in sorted(senses.items()) if keys
    ]
    lines += ["", str(next(numbers[key] for key in kept if key.startswith("v")))]
    lines.append(" ".join(sorted({inflected for inflected, _ in read_exceptions(folder, "verb")})))
    MEANINGS_PATH.write_bytes(gzip.compress(("\n".join(lines) + "\n").encode(), 9, mtime=0))
    print(f"{len(kept)} senses of {len(senses)} words, {MEANINGS_PATH.stat().st_size} bytes")


def read_synsets(folder: Path, part: str) -> Iterator[tuple[str, Synset]]:
    for line in (folder / f"data.{part}").read_text("utf-8").splitlines():
        if line.startswith(" "):
            continue
        fields = line.split("|")[0].split()
        count = int(fields[3], 16)
        words = [fields[4 + 2 * i].split("(")[0] for i in range(count)]
        at = 4 + 2 * count
        synset = Synset(words)
        for i in range(int(fields[at])):
            symbol, offset, of = fields[at + 1 + 4 * i : at + 4 + 4 * i]
            key = of.replace("s", "a") + offset
            if symbol in ("@", "@i"):
                synset.above.append(key)
            elif symbol == "&":
                synset.similar.append(key)
            elif symbol == "!":
                synset.opposed.add(key)
        yield PARTS[part] + fields[0], synset


def read_senses(folder: Path, part: str) -> Iterator[tuple[str, list[str]]]:
    for line in (folder / f"index.{part}").read_text("utf-8").splitlines():
        fields = line.split()
        if line.startswith(" ") or not fields[0].isalpha():
            continue
        pointers = int(fields[3])
        tagged = int(fields[5 + pointers])
        offsets = fields[6 + pointers :]
        count = min(SENSES[part], max(tagged, 1))
        # A noun that none of WordNet's texts uses is a rare one: "abaya".
        if tagged or part != "noun":
            yield fields[0], [PARTS[part] + offset for offset in offsets[:count]]


def read_exceptions(folder: Path, part: str) -> Iterator[tuple[str, str]]:
    for line in (folder / f"{part}.exc").read_text("utf-8").splitlines():
        inflected, word, *_ = line.split()
        if inflected.isalpha() and word.isalpha():
            yield inflected, word


if __name__ == "__main__":
    main()
