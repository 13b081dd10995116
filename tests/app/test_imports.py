from __future__ import annotations

import ast

import pytest

from tests.conftest import ROOT

PUBLIC = ("rag", "rag.service", "rag.evaluation")


@pytest.mark.parametrize("file", sorted((ROOT / "app_pages").glob("*.py")), ids=lambda file: file.name)
def test_the_app_draws_and_names_nothing_within_the_engine(file):
    tree = ast.parse(file.read_text("utf-8"))
    modules = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    modules |= {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    assert {name for name in modules if name.partition(".")[0] == "rag"} <= set(PUBLIC)
