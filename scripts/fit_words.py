"""Find the directions in which the words of a text differ most, for `rag/embedding/word_vectors.py`.

    PYTHONPATH=. python scripts/fit_words.py SET ...

A set is a file of SQuAD's JSON format. The vectors of all words of its paragraphs, as the packaged model
gives them in their context, are taken without their mean's being subtracted; the directions are the
first principal axes. The file shipped is made of XQuAD en and of the Reddit part of SQuADShifts, whose
addresses `scripts/fit_quoting.py` names: no question or answer of them is looked at.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from rag.embedding.local import LocalEmbeddings
from rag.embedding.word_vectors import BASIS_PATH, WIDTH
from rag.settings import Settings

EVERY = 4
"""One paragraph in so many is read."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("sets", type=Path, nargs="+")
    options = parser.parse_args()
    embedder = LocalEmbeddings.from_settings(Settings())
    scatter = np.zeros((embedder.dimensions, embedder.dimensions))
    for path in options.sets:
        data = json.loads(path.read_text("utf-8"))["data"]
        texts = [paragraph["context"] for article in data for paragraph in article["paragraphs"]]
        for text in texts[::EVERY]:
            vectors = embedder.embed_words(text)
            vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
            scatter += vectors.T @ vectors
    values, directions = np.linalg.eigh(scatter)
    kept = directions[:, ::-1][:, :WIDTH]
    # Which way an axis points is chance.
    kept *= np.sign(kept[np.abs(kept).argmax(axis=0), range(WIDTH)])
    np.save(BASIS_PATH, kept.astype(np.float16))
    print(f"{WIDTH} of {len(values)} axes hold {values[::-1][:WIDTH].sum() / values.sum():.0%}")


if __name__ == "__main__":
    main()
