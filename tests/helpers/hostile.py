"""All patterns of the code with the methods by which it calls them, and repetitive texts to try anything on."""

from __future__ import annotations

import ast
import ctypes
import gc
import importlib
import itertools
import pkgutil
import random
import re
import re._constants as op
import re._parser as parser
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

PACKAGES = ("rag", "app_pages")
_RUN = ("__main__", "script")
"""Modules that are run and not imported; they hold no pattern."""
METHODS = ("match", "fullmatch", "finditer")
_ALSO = {
    "search": "finditer",
    "findall": "finditer",
    "sub": "finditer",
    "subn": "finditer",
    "split": "finditer",
}
"""Going through all matches takes the steps of these too."""
_FLAGS_AT = {"compile": 1, "split": 3, "sub": 4, "subn": 4}

SIGNS = [
    *"a1A_ \n\t.,;:!?'\"’“”«»()[]{}<>|/\\@#$%&*+-=~^`…–—·•0é中。İıאا",
    *"\u0301\u200d\xad\x00\u2028\U0001d49c\U0001f600ﬁẞが",
]
PAIRS = [
    *(
        "a ",
        "A ",
        "1 ",
        " \n",
        "'a",
        "a'",
        "a' ",
        "A'b ",
        "O'Neil ",
        '"a" ',
        "“a” ",
        "a. ",
        "A.",
        "A. ",
        ". ",
        "... ",
    ),
    *(
        "?! ",
        "a, ",
        "a; ",
        "a: ",
        "1,",
        "1,000 ",
        "1.",
        "1. ",
        "1.1",
        "$1",
        "$1 ",
        "%20",
        "1% ",
        "-a",
        "a-",
        "A-",
        "- ",
    ),
    *(
        "_a",
        "(a) ",
        "((",
        "()",
        "[1]",
        "[1] ",
        "[a](b) ",
        "{a}",
        "<a>",
        "</",
        "<a ",
        "&amp;",
        "a/",
        "//",
        "://",
        "www.",
    ),
    *(
        "a@b.c ",
        " | ",
        "a | ",
        "# ",
        "**a** ",
        "__a__ ",
        "```\n",
        "- a\n",
        "1) ",
        "\n\n",
        "Aa ",
        "Aa Bb ",
        "Aa, ",
        "aA",
    ),
    *(
        "the ",
        "The ",
        "of the ",
        "and ",
        "said ",
        "was ",
        "who is ",
        "1st ",
        "2010 ",
        "May ",
        "12 May 2010 ",
        "10-",
    ),
    *(
        "10:",
        "2010-",
        "a–",
        " – ",
        "e\u0301",
        "ａ",
        "中。",
        "é ",
        "a\u200d",
        "İ ",
        "\x1b[",
        "Ω ",
        "я ",
        "l'a ",
        "n't ",
    ),
    *(
        "aaaaaaaa ",
        "Aaaaaa-",
        "0123456789",
        "ab1",
        "A1 ",
        "\r\n",
        "a\t",
        "\\a",
        "=20",
        "+/a9",
        "a=b&",
        ".a",
        ",a ",
        "5 km. ",
    ),
]
UNITS = [*SIGNS, *PAIRS]
"""What documents, questions and answers may be made of to make something slow."""
_OWN = 70
"""Units made of a pattern's own letters and words."""
_TAILS = ("", "\n!\x00", "\x01x")
_SEED = 13
_FEW = 60
"""Repetitions that take no time to speak of."""


@dataclass(frozen=True)
class Used:
    """A pattern, where it stands, and by which of `METHODS` it is called."""

    name: str
    pattern: re.Pattern[Any]
    methods: tuple[str, ...]


def repeated(unit: str, characters: int) -> str:
    """Return a text of so many characters that is nothing but one unit."""
    return (unit * (characters // len(unit) + 1))[:characters]


# ------------------------------------------------------------------------------------- patterns


def modules() -> Iterator[ModuleType]:
    """All modules of the code."""
    for name in PACKAGES:
        package = importlib.import_module(name)
        for one in pkgutil.walk_packages(package.__path__, f"{name}."):
            if one.name.rpartition(".")[2] not in _RUN:
                yield importlib.import_module(one.name)


def patterns() -> list[Used]:
    """Return all patterns that the modules hold or write where they use them, each once."""
    called, written = dict[int, set[str]](), list[Used]()
    everything = list(modules())
    for module in everything:
        for call in _calls(module):
            owner = vars(module).get(call.func.value.id)  # type: ignore[attr-defined]
            if isinstance(owner, re.Pattern):
                called.setdefault(id(owner), set()).add(_ALSO.get(call.func.attr, call.func.attr))  # type: ignore[attr-defined]
            written += _written(module, call)
    found = dict[tuple[object, int], Used]()
    for module in everything:
        for name, value in vars(module).items():
            if not isinstance(value, type) or value.__module__ == module.__name__:
                for place, pattern in _inside(value, f"{module.__name__}.{name}"):
                    methods = called.get(id(pattern), set()) & {*METHODS} or METHODS
                    found[pattern.pattern, pattern.flags] = Used(place, pattern, tuple(sorted(methods)))
    for one in written:
        found.setdefault((one.pattern.pattern, one.pattern.flags), one)
    return list(found.values())


def _calls(module: ModuleType) -> Iterator[ast.Call]:
    """Yield the calls of the form `name.method(...)`."""
    for node in ast.walk(ast.parse(Path(str(module.__file__)).read_text("utf-8"))):
        is_method = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        if is_method and isinstance(node.func.value, ast.Name):
            yield node


def _inside(value: object, place: str) -> Iterator[tuple[str, re.Pattern[Any]]]:
    """Yield the patterns in a value: itself, or in the tuples, mappings and classes that it is made of."""
    parts: Iterable[tuple[object, object]] = ()
    if isinstance(value, re.Pattern):
        yield place, value
    elif isinstance(value, dict):
        parts = enumerate(itertools.chain(value.keys(), value.values()))
    elif isinstance(value, tuple | list | set | frozenset):
        parts = enumerate(value)
    # A structure of C may hold pointers to its own kind.
    elif isinstance(value, type) and not issubclass(value, ctypes.Structure):
        parts = ((name, one) for name, one in vars(value).items() if not name.startswith("__"))
    for name, one in parts:
        yield from _inside(one, f"{place}[{name}]")


def _written(module: ModuleType, call: ast.Call) -> Iterator[Used]:
    """Yield the pattern of `re.sub("...", ...)`; one that is made of a function's variables isn't known here."""
    method, owner = call.func.attr, call.func.value.id  # type: ignore[attr-defined]
    if owner != "re" or method not in (*METHODS, *_ALSO, "compile"):
        return
    flags = [one.value for one in call.keywords if one.arg == "flags"]
    flags = flags or call.args[_FLAGS_AT.get(method, 2) :][:1]
    try:
        text, *given = (eval(ast.unparse(one), vars(module)) for one in (call.args[0], *flags))
    except NameError:
        return
    methods = METHODS if method == "compile" else (_ALSO.get(method, method),)
    yield Used(f"{module.__name__}:{call.lineno}", re.compile(text, *given), methods)


# ---------------------------------------------------------------------------- texts for a pattern


def texts_for(pattern: re.Pattern[Any]) -> Iterator[Callable[[int], str]]:
    """Yield what makes a text of a length: of general units, and of the pattern's own letters and words."""
    words, signs = _alphabet(pattern)
    chosen = random.Random(_SEED)
    own = [*words, *signs, *(f"{sign} " for sign in signs), *(f"a{sign}" for sign in signs)]
    own += [f"{word} {chosen.choice(['', 'a ', chosen.choice(words) + ' '])}" for word in words]
    units = dict.fromkeys([*UNITS, *chosen.sample(own, min(_OWN, len(own)))])
    frames = itertools.cycle((with_head, tail) for with_head in (False, True) for tail in _TAILS)
    for unit, word, (with_head, tail) in zip(units, itertools.cycle(words or [""]), frames, strict=False):
        head = word + unit[-1] if with_head else ""
        yield lambda size, unit=unit, head=head, tail=tail: head + repeated(unit, size) + tail


def may_be_slow(pattern: re.Pattern[Any]) -> bool:
    """Whether anything in a pattern is repeated so often, or within what is repeated, that it takes time."""
    return any(most > _FEW for most in _repeats(_parsed(pattern)))


def _repeats(items: Any) -> Iterator[int]:
    """Yield how often each part that is repeated can be, all in all."""
    for code, value in items:
        parts = value[1] if code is op.BRANCH else value if isinstance(value, tuple) else [value]
        inner = [one for part in parts if isinstance(part, parser.SubPattern) for one in _repeats(part)]
        is_repeat = code in (op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT)
        yield (int(value[1]) if is_repeat else 1) * max(inner, default=1)


def _parsed(pattern: re.Pattern[Any]) -> Any:
    text = pattern.pattern
    return parser.parse(
        text.decode("latin-1") if isinstance(text, bytes) else text, pattern.flags & ~re.LOCALE
    )


def _alphabet(pattern: re.Pattern[Any]) -> tuple[list[str], list[str]]:
    """Return the words that a pattern spells out, and the signs that it names where there is a choice."""
    words, signs = dict[str, None](), dict[str, None]()
    _walk(_parsed(pattern), words, signs)
    return list(words)[:60], list(signs)[:60]


def _walk(items: Any, words: dict[str, None], signs: dict[str, None]) -> None:
    run = ""
    for code, value in [*items, (None, None)]:
        if code is op.LITERAL:
            run += chr(value)
            continue
        if run:
            words[run], run = None, ""
        if code is op.IN:
            for kind, one in value:
                ends = [one] if kind is op.LITERAL else one if kind is op.RANGE else []
                signs.update(dict.fromkeys(map(chr, ends)))
        elif code is op.NOT_LITERAL:
            signs[chr(value)] = None
        elif code is op.BRANCH:
            for one in value[1]:
                _walk(one, words, signs)
        else:
            for part in value if isinstance(value, tuple) else [value]:
                if isinstance(part, parser.SubPattern):
                    _walk(part, words, signs)


# ----------------------------------------------------------------------------------------- time


class TooSlow(Exception):
    """Something was broken off."""


def seconds(work: Callable[[], object], most: float) -> float:
    """Return how long work takes on the processor; ``most`` where it was broken off after so long.

    A search of a pattern looks for signals, so that an alarm ends it. For the main thread only. Nothing is
    collected meanwhile: what rings within a collection is told as a fault of its own.
    """

    def ring(number: int, frame: FrameType | None) -> None:
        raise TooSlow

    before = signal.signal(signal.SIGPROF, ring)
    gc.disable()
    began = time.thread_time()
    signal.setitimer(signal.ITIMER_PROF, 1.5 * most)
    try:
        work()
    except TooSlow:
        return most
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
        gc.enable()
    return time.thread_time() - began


def grows(work: Callable[[int], object], most: float) -> list[float]:
    """Return the seconds for 2,000, 4,000 and 8,000 characters if they grow more than linearly; else nothing.

    So do they if 4,000 take longer than ``most``. What is so once only isn't so.
    """
    taken = list[float]()
    for _ in range(3):
        taken.clear()
        for characters in (2_000, 4_000, 8_000):
            if not taken or taken[-1] < most:
                taken.append(seconds(lambda n=characters: work(n), most))
        if len(taken) == 3 and taken[2] <= 8 * max(taken[0], 0.0005) and taken[1] < most:
            return []
    return taken
