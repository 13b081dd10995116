"""Running the packaged model as int8: its own weights in a graph of fused operators.

The package's file holds int8 weights and casts them up before it multiplies. The graph in `minilm/`, written
by `scripts/build_graph.py`, multiplies them as they are. It has no weights of its own: they are given when it
is opened, from their places in the package's file. The reader (`rag/reading/`) is run in the same way.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from onnxruntime import InferenceSession, OrtValue, SessionOptions

FOLDER = Path(__file__).with_name("minilm")
_PROCESSOR = Path("/proc/cpuinfo")
_MIDDLE = 0x80
"""What turns an int8 weight into the uint8 one whose zero point is 128."""


def open_fused(folder: Path, weights: Mapping[str, OrtValue], options: SessionOptions) -> InferenceSession:
    """Open the graph in a folder that suits the processor, with its weights."""
    import onnxruntime

    options.add_external_initializers(list(weights), list(weights.values()))
    graph = folder / ("int8.onnx" if multiplies_signed() else "uint8.onnx")
    return onnxruntime.InferenceSession(graph.read_bytes(), options, providers=["CPUExecutionProvider"])


@cache
def packaged_weights(model: Path, *, is_signed: bool) -> Mapping[str, OrtValue]:
    """Return the weights of the packaged model, whose file is ``model``, for the graph in `FOLDER`.

    Its input is ``input_ids``, (1, tokens), int64, its output ``last_hidden_state``, (1, tokens, 384).
    """
    content = np.memmap(model, np.uint8, "r")
    given: dict[str, OrtValue] = {}
    for name, weight in json.loads((FOLDER / "weights.json").read_text("utf-8")).items():
        joined = np.concatenate([_tensor(content, *place) for place in weight["places"]], axis=-1)
        given[name] = as_weight(joined, is_unsigned=weight["is_quantized"] and not is_signed)
    return given


def as_weight(array: np.ndarray[Any, Any], *, is_unsigned: bool) -> OrtValue:
    """Return an array as ONNX Runtime takes it, an int8 one as the uint8 that means the same if asked for."""
    from onnxruntime import OrtValue

    value = array.view(np.uint8) ^ _MIDDLE if is_unsigned else array
    return OrtValue.ortvalue_from_numpy(np.ascontiguousarray(value))


def _tensor(content: np.ndarray[Any, Any], offset: int, dtype: str, shape: list[int]) -> np.ndarray[Any, Any]:
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    return content[offset : offset + size].view(dtype).reshape(shape)


def multiplies_signed(machine: str = platform.machine()) -> bool:
    """Whether this processor multiplies int8 with uint8 exactly: x86 without VNNI may overflow in between."""
    if machine.lower() not in ("x86_64", "amd64", "i386", "i686"):
        return True
    try:
        return "vnni" in _PROCESSOR.read_text("utf-8")
    except OSError:
        # Not Linux; uint8 is right everywhere, and a little slower.
        return False
