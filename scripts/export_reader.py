"""Writes a trained reader as the product runs it: int8, in the graphs of `scripts/build_graph.py`.

    python -m scripts.export_reader CHECKPOINT

A matrix is quantised by columns, symmetrically (Jacob et al. 2018, arXiv:1712.05877, without zero points).
The table of words isn't written: training leaves it as it is, and the packaged embedding model has it. Needs
requirements-train.txt.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper
from safetensors.numpy import load_file

from scripts.build_graph import packaged_file, write_graphs

FOLDER = Path(__file__).parents[1] / "rag" / "reading" / "model"
HEADS = ("span", "answerable")
_LAYERS = 6
_MATRICES = (
    "attention.self.query",
    "attention.self.key",
    "attention.self.value",
    "attention.output.dense",
    "intermediate.dense",
    "output.dense",
)
_SHARED = ("words", "words.scale", "places", "places.scale")
"""What `rag/reading/reader.py` takes from the packaged model."""


def quantised(matrix: np.ndarray[Any, Any]) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Return a matrix (in, out) as int8 and the scale of each column."""
    scale = np.abs(matrix).max(axis=0) / 127
    return np.rint(matrix / scale).astype(np.int8), scale.astype(np.float32)


def tensors_of(trained: dict[str, np.ndarray[Any, Any]]) -> tuple[dict[str, np.ndarray[Any, Any]], list[str]]:
    """Return the reader's tensors under the names that `GraphBuilder` knows, and those of its matrices."""
    packaged = onnx.load(packaged_file()).graph.initializer
    tensors = {one.name: numpy_helper.to_array(one) for one in packaged if "embeddings" in one.name}
    tensors |= {f"inner.{n.removeprefix('encoder.')}": v for n, v in trained.items() if ".LayerNorm." in n}
    tensors |= {f"inner.{n.removeprefix('encoder.')}": v for n, v in trained.items() if n.endswith(".bias")}
    kinds = "embeddings.token_type_embeddings.weight"
    tensors[f"inner.{kinds}"] = trained[f"encoder.{kinds}"]
    matrices = [f"encoder.encoder.layer.{n}.{part}" for n in range(_LAYERS) for part in _MATRICES]
    for name in matrices:
        tensors[f"{name}_q"], tensors[f"{name}_scale"] = quantised(trained[f"{name}.weight"].T)
    for head in HEADS:
        tensors[f"{head}.weight"] = np.ascontiguousarray(trained[f"{head}.weight"].T)
        tensors[f"{head}.bias"] = trained[f"{head}.bias"]
    return tensors, matrices


def main() -> None:
    """Write graphs, weights and their hashes."""
    tensors, matrices = tensors_of(load_file(sys.argv[1]))
    FOLDER.mkdir(parents=True, exist_ok=True)
    given = write_graphs(tensors, matrices, FOLDER, HEADS)
    own = {
        name: np.concatenate([tensors[s].reshape(w.shape or tensors[s].shape) for s in w.sources], axis=-1)
        for name, w in given.items()
        if name not in _SHARED
    }
    np.savez(FOLDER / "weights.npz", **own)  # type: ignore[arg-type]
    names = ("int8.onnx", "uint8.onnx", "weights.npz")
    hashes = {name: hashlib.sha256((FOLDER / name).read_bytes()).hexdigest() for name in names}
    (FOLDER / "hashes.json").write_text(json.dumps(hashes, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
