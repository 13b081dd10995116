"""The reader: a small model that reads a passage with a question in mind.

It is the packaged all-MiniLM-L6-v2, trained further to mark the words of a passage that answer a question and
to tell whether any do (`scripts/train_reader.py`; `model/README.md` is its model card). Its table of words is
the packaged model's own, so that file is opened for it too.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rag.deadline import NO_DEADLINE, Deadline
from rag.embedding import fused
from rag.embedding.local import cores, packaged_model, packaged_tokenizer
from rag.errors import EmbeddingError
from rag.store.stored_passage import StoredPassage

if TYPE_CHECKING:
    from onnxruntime import InferenceSession
    from tokenizers import Tokenizer

LANGUAGES = frozenset({"en"})
"""What it was trained on, as ISO 639-1 codes."""
MAX_TOKENS = 256
"""Question, what stands above the passage, and passage; a longer passage is read in parts."""

_FOLDER = Path(__file__).with_name("model")
_QUESTION_TOKENS = 96
_HEAD_CHARACTERS = 300
_MOST_PARTS = 4
_LONGEST_SPAN = 40
"""Tokens of the words that answer; hardly an answer in the training data has more."""
_KEPT = 1_000
"""Passages whose reading is kept for the same question: about 1 MB."""
_IMPOSSIBLE = -1e4


@dataclass(frozen=True, slots=True)
class AnswerSpan:
    """The words of a sentence that answer best: where they stand in the document, and their log-odds.

    These are those of the best first and last word against there being none.
    """

    score: float
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Read:
    """A passage as it was read for a question.

    ``answerable`` are the log-odds that the passage answers, ``spans`` the best words of each sentence, None
    of one that wasn't reached.
    """

    answerable: float
    spans: tuple[AnswerSpan | None, ...]

    @property
    def best(self) -> float:
        """The log-odds of its best words."""
        return max((span.score for span in self.spans if span), default=_IMPOSSIBLE)


class Reader:
    """Reads passages for questions, one at a time on each core. It may be called from several threads."""

    def __init__(self) -> None:
        self._opening = threading.Lock()
        self._opened: _Model | None = None
        self._keeping = threading.Lock()
        self._kept: OrderedDict[tuple[str, str], Read] = OrderedDict()

    def read(
        self, question: str, passages: Sequence[StoredPassage], deadline: Deadline = NO_DEADLINE
    ) -> dict[str, Read]:
        """Read passages for a question, by their ids; those that there is no time for are left out.

        Raises
        ------
        EmbeddingError
            A file of the model is missing or not the one expected.
        """
        kept = {stored.passage.id: self._kept.get((question, _known_as(stored))) for stored in passages}
        done = {name: read for name, read in kept.items() if read}
        wanted = [stored for stored in passages if stored.passage.id not in done]
        if not wanted:
            return done
        reading, step = self._reading(question), cores()
        for first in deadline.within(range(0, len(wanted), step)):
            some = wanted[first : first + step]
            for stored, read in zip(some, self._model.threads.map(reading, some), strict=True):
                done[stored.passage.id] = read
                self._keep((question, _known_as(stored)), read)
        return done

    def _reading(self, question: str) -> Callable[[StoredPassage], Read]:
        asked = self._model.tokenizer.encode(question).ids[1:-1][:_QUESTION_TOKENS]
        return partial(self._read, asked)

    def _read(self, asked: list[int], stored: StoredPassage) -> Read:
        head = _head(stored)
        text = stored.judged_text
        encoding = self._model.tokenizer.encode(f"{head}\n{text}" if head else text)
        ids = encoding.ids[1:-1]
        offsets = np.array(encoding.offsets[1:-1], np.int64).reshape(-1, 2) - (len(head) + 1 if head else 0)
        begin, end = encoding.ids[0], encoding.ids[-1]
        room = MAX_TOKENS - len(asked) - 3
        spans: list[AnswerSpan | None] = [None] * len(stored.sentences)
        answerable = _IMPOSSIBLE
        for first in _parts(len(ids), room):
            part = ids[first : first + room]
            tokens = [begin, *asked, end, *part, end]
            kinds = [0] * (len(asked) + 2) + [1] * (len(part) + 1)
            feed = {"input_ids": np.array([tokens], np.int64), "token_type_ids": np.array([kinds], np.int64)}
            scores, has_answer = self._model.session.run(None, feed)
            answerable = max(answerable, float(has_answer[0, 0, 0]))
            words = scores[0, len(asked) + 2 : -1] - scores[0, 0]
            places = offsets[first : first + room]
            for number, span in enumerate(_best_spans(words, places, stored)):
                known = spans[number]
                if span and (known is None or span.score > known.score):
                    spans[number] = span
        return Read(answerable, tuple(spans))

    def _keep(self, known_as: tuple[str, str], read: Read) -> None:
        with self._keeping:
            self._kept[known_as] = read
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)

    @property
    def _model(self) -> _Model:
        with self._opening:
            if self._opened is None:
                self._opened = _open()
            return self._opened


class _Model(NamedTuple):
    session: InferenceSession
    tokenizer: Tokenizer
    threads: ThreadPoolExecutor


def _open() -> _Model:
    import onnxruntime

    _check_files()
    is_signed = fused.multiplies_signed()
    weights = dict(fused.packaged_weights(packaged_model(), is_signed=is_signed))
    with np.load(_FOLDER / "weights.npz") as own:
        weights |= {
            name: fused.as_weight(own[name], is_unsigned=own[name].dtype == np.int8 and not is_signed)
            for name in own.files
        }
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = fused.open_fused(_FOLDER, weights, options)
    return _Model(session, packaged_tokenizer(), ThreadPoolExecutor(cores(), "reading"))


@cache
def shipped_reader() -> Reader:
    """Return the reader that comes with Footnote; it is opened when something is read."""
    return Reader()


def _known_as(stored: StoredPassage) -> str:
    return f"{stored.passage.id} {stored.document.version}"


def _head(stored: StoredPassage) -> str:
    """Return what stands above a passage: title, publisher and day, heading, and the header of its table."""
    document = stored.document
    day = document.published.isoformat() if document.published else ""
    source = ", ".join(filter(None, [document.source, day]))
    above = "\n".join(filter(None, [document.title, source, stored.passage.heading, stored.header]))
    return above[:_HEAD_CHARACTERS]


def _parts(tokens: int, room: int) -> list[int]:
    """Return where the parts begin in which so many tokens are read; each has half of the one before."""
    if tokens <= room:
        return [0]
    return [*range(0, tokens - room, room // 2), tokens - room][:_MOST_PARTS]


def _best_spans(
    words: NDArray[np.float32], places: NDArray[np.int64], stored: StoredPassage
) -> list[AnswerSpan | None]:
    """Return the best span within each sentence; ``words`` are each token's scores as first and last."""
    found = list[AnswerSpan | None]()
    offset = stored.passage.start
    for sentence in stored.sentences:
        first = int(np.searchsorted(places[:, 0], sentence.start - offset))
        last = int(np.searchsorted(places[:, 1], sentence.end - offset, side="right"))
        if last <= first:
            found.append(None)
            continue
        begins, ends = words[first:last, 0], words[first:last, 1]
        both = begins[:, None] + ends[None, :]
        rows, columns = np.ogrid[: last - first, : last - first]
        both[(columns < rows) | (columns >= rows + _LONGEST_SPAN)] = _IMPOSSIBLE
        row, column = divmod(int(both.argmax()), last - first)
        start, end = places[first + row, 0] + offset, places[first + column, 1] + offset
        found.append(AnswerSpan(float(both[row, column]), int(start), int(end)))
    return found


def _check_files() -> None:
    for name, expected in json.loads((_FOLDER / "hashes.json").read_text("utf-8")).items():
        path = _FOLDER / name
        if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != expected:
            raise EmbeddingError(f"{path} is missing or not the file expected: install Footnote anew.")
