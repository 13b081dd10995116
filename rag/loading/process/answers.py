"""What the worker gives back, which is taken for nothing but data, and only for what was asked of it.

A file may have taken over what reads it. So an answer is a line of JSON of limited length, and after it the
texts and blocks as bytes of limited length: it can neither run anything, nor fill the memory, nor give a text
out for another document's.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields
from datetime import date
from typing import IO, Any, get_args

from rag.documents import Block, BlockKind, Loaded, NewDocument
from rag.errors import LoadError
from rag.keys import is_within
from rag.text.canonical import one_line

MOST_BYTES = 512 * 1024**2
"""Of texts and blocks; a worker has a gigabyte for these and for what they are made of."""
_MOST_LINE = 64 * 1024**2
"""What is told of 50,000 rows of a table of 25 MB, each with title, address and author."""
_REASON_CHARACTERS = 1_000
_KINDS: tuple[BlockKind, ...] = get_args(BlockKind)
_PLAIN = [field.name for field in fields(NewDocument) if field.name not in ("text", "blocks")]
_STRINGS = [name for name in _PLAIN if name not in ("published", "left_out")]


class BadAnswer(ValueError):
    """The worker gave something back that it wasn't asked for, or broke off."""


def write_answer(answers: IO[bytes], loaded: Loaded, *, grown: bool) -> None:
    """Write what was read of a file; ``grown`` tells that the worker wants to be replaced."""
    bodies = [(d.text.encode("utf-8", "surrogatepass"), _packed(d.blocks)) for d in loaded.documents]
    documents = [
        [*(_plain(getattr(document, name)) for name in _PLAIN), len(text), len(blocks)]
        for document, (text, blocks) in zip(loaded.documents, bodies, strict=True)
    ]
    failed = [[error.path, error.reason, error.keys] for error in loaded.failed]
    answers.write(json.dumps({"documents": documents, "failed": failed, "grown": grown}).encode() + b"\n")
    for text, blocks in bodies:
        answers.write(text)
        answers.write(blocks)
    answers.flush()


def read_answer(answers: IO[bytes], key: str) -> tuple[Loaded, bool]:
    """Read what was read of the file with this key, and whether the worker wants to be replaced.

    Raises
    ------
    BadAnswer
        It isn't whole, or isn't an answer to this.
    """
    line = answers.readline(_MOST_LINE)
    if not line.endswith(b"\n"):
        raise BadAnswer("it is cut off, or too long")
    try:
        told = json.loads(line)
        read = _Reader(answers)
        documents = [_document(described, key, read) for described in told["documents"]]
        failed = [_failure(*described, key=key) for described in told["failed"]]
        return Loaded(documents, failed), told["grown"] is True
    except (ValueError, TypeError, KeyError, IndexError, RecursionError, OverflowError) as error:
        raise BadAnswer(str(error)) from error


class _Reader:
    """Reads the bytes that an answer announces, as long as they aren't too many."""

    def __init__(self, answers: IO[bytes]) -> None:
        self._answers = answers
        self._left = MOST_BYTES

    def __call__(self, size: int) -> bytes:
        if not isinstance(size, int) or not 0 <= size <= self._left:
            raise BadAnswer("it is too long")
        self._left -= size
        data = self._answers.read(size)
        if len(data) < size:
            raise BadAnswer("it is cut off")
        return data


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, date) else value


def _packed(blocks: Sequence[Block]) -> bytes:
    numbers = ((_KINDS.index(b.kind), b.start, b.end, b.level, b.page or 0) for b in blocks)
    return array("i", (number for block in numbers for number in block)).tobytes()


def _document(described: Sequence[Any], key: str, read: Callable[[int], bytes]) -> NewDocument:
    *plain, text_size, blocks_size = described
    values = dict(zip(_PLAIN, plain, strict=True))
    for name in _STRINGS:
        _text(values[name])
    _check_key(values["key"], key)
    if type(values["left_out"]) is not int or values["left_out"] < 0:
        raise BadAnswer("it has something else where a number belongs")
    if values["published"] is not None:
        values["published"] = date.fromisoformat(_text(values["published"]))
    text = read(text_size).decode("utf-8", "surrogatepass")
    return NewDocument(**values, text=text, blocks=tuple(_blocks(read(blocks_size), len(text))))


def _blocks(packed: bytes, characters: int) -> Iterator[Block]:
    numbers = array("i")
    numbers.frombytes(packed)
    end = 0
    for kind, first, last, level, page in zip(*[iter(numbers)] * 5, strict=True):
        if not (0 <= kind < len(_KINDS) and end <= first <= last <= characters and level >= 0 <= page):
            raise BadAnswer("its blocks don't fit its text")
        end = last
        yield Block(_KINDS[kind], first, last, level, page or None)


def _failure(path: object, reason: object, keys: object, *, key: str) -> LoadError:
    if not isinstance(keys, list):
        raise BadAnswer("it has something else where keys belong")
    for inner in keys:
        _check_key(inner, key)
    shown, line = (one_line(_text(value)[:_REASON_CHARACTERS]) for value in (path, reason))
    return LoadError(shown, line, keys=tuple(keys))


def _check_key(found: object, key: str) -> None:
    if not is_within(_text(found), key):
        raise BadAnswer("it is about another document")


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise BadAnswer("it has something else where a text belongs")
    return value
