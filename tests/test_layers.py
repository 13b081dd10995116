"""The house: which room of the code may import which, and how large a room may be."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NOUNS = frozenset({"answers", "deadline", "documents", "errors", "keys", "periods", "telemetry"})
"""Modules of `rag` itself on which everything stands; the others of them stand where they are named."""
ORDER = (
    *("nouns", "text", "settings", "embedding", "loading", "web", "store", "ingest", "question", "search"),
    *(
        "reading",
        "quoting",
        "support",
        "writing",
        "conversations",
        "library",
        "assistant",
        "service",
        "langchain",
    ),
    *("upkeep", "evaluation", "cli"),
)
"""Each room imports what stands before it; lazy imports and those for types count too."""
PUBLIC = frozenset({"rag", "rag.service", "rag.evaluation"})
"""What the pages may import."""
CALLED = frozenset({"rag/assistant.py", "rag/library.py", "rag/embedding/local.py"})
"""What `rag.langchain` wraps, and is imported by only where that is asked for."""
MOST_LINES = {"loading": 2000, "store": 2000, "writing": 2000}
MODULES = sorted((ROOT / "rag").rglob("*.py")) + sorted((ROOT / "app_pages").rglob("*.py"))


def imports(path: Path) -> Iterator[str]:
    """The modules that a file imports, wherever in it; of `from rag.x import y` also `rag.x.y`."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: imports are written out"
            is_package = (ROOT / str(node.module).replace(".", "/")).is_dir()
            yield from (
                f"{node.module}.{name.name}" if is_package else str(node.module) for name in node.names
            )


def room(module: str) -> str:
    """The room of a module of `rag`."""
    name = module.split(".")[1]
    return "nouns" if name in NOUNS else name


def named(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


def code_lines(path: Path) -> int:
    """The lines of a file without blanks, comments and docstrings."""
    source = path.read_text("utf-8")
    told = {
        line
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
        for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }
    silent = {
        tokenize.COMMENT,
        tokenize.NL,
        tokenize.NEWLINE,
        tokenize.INDENT,
        tokenize.DEDENT,
        tokenize.ENDMARKER,
    }
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    spoken = {
        line
        for token in tokens
        if token.type not in silent
        for line in range(token.start[0], token.end[0] + 1)
    }
    return len(spoken - told)


@pytest.mark.parametrize("path", [path for path in MODULES if path.is_relative_to(ROOT / "rag")], ids=named)
def test_a_room_imports_its_own_modules_and_lower_rooms(path: Path):
    if path.parent == ROOT / "rag" and path.stem in ("__init__", "__main__"):
        return  # the door: it shows what lies behind it
    here = room(named(path))
    above = set(ORDER[ORDER.index(here) + 1 :])
    wrong = {
        name
        for name in imports(path)
        if name.startswith("rag.") and name != "rag.telemetry" and room(name) in above
        if not (name.startswith("rag.langchain") and str(path.relative_to(ROOT)) in CALLED)
    }
    assert not wrong


@pytest.mark.parametrize("path", [path for path in MODULES if path.is_relative_to(ROOT / "rag")], ids=named)
def test_nothing_in_the_engine_imports_the_pages_or_streamlit(path: Path):
    assert not {name for name in imports(path) if re.match(r"(?:app_pages|app|streamlit)\b", name)}


@pytest.mark.parametrize(
    "path", [path for path in MODULES if path.is_relative_to(ROOT / "app_pages")], ids=named
)
def test_the_pages_import_public_names_only(path: Path):
    inner = {name for name in imports(path) if name.startswith("rag.")}
    assert not {name for name in inner if name.rpartition(".")[0] not in PUBLIC or name in PUBLIC - {name}}


@pytest.mark.parametrize("folder", sorted({path.parent for path in MODULES}), ids=named)
def test_a_room_can_be_looked_over(folder: Path):
    modules = list(folder.glob("*.py"))
    assert len([path for path in folder.iterdir() if path.is_file()]) <= 15
    assert sum(map(code_lines, modules)) <= MOST_LINES.get(folder.name, 1500)


def test_a_class_or_a_call_can_be_looked_over():
    large, wide = list[str](), list[str]()
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ClassDef) and (node.end_lineno or 0) - node.lineno >= 250:
                large.append(f"{named(path)}.{node.name}")
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                own = [
                    a.arg for a in (*node.args.posonlyargs, *node.args.args) if a.arg not in ("self", "cls")
                ]
                if len(own) > 6:
                    wide.append(f"{named(path)}.{node.name}")
    assert (large, wide) == ([], [])


def test_the_account_of_the_rooms_names_them_all_and_what_is_there():
    account = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    told = dict(re.findall(r"^\| `(rag/[\w/]+)` \| (.+) \|$", account, re.MULTILINE))
    rooms = {str(path.parent.relative_to(ROOT)): path for path in MODULES if path.name == "__init__.py"}
    first = {
        room: (ast.get_docstring(ast.parse(path.read_text("utf-8"))) or "").partition("\n")[0]
        for room, path in rooms.items()
        if room.startswith("rag/")
    }
    assert told == first
    paths = re.findall(r"`((?:rag|app_pages)/[\w/.]+)`", account)
    assert [path for path in paths if not (ROOT / path).exists()] == []
