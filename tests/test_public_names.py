"""The public names: all are there, and none is loaded before somebody asks for it."""

from __future__ import annotations

import subprocess
import sys

import pytest

import rag
from tests.conftest import ROOT


def test_to_import_the_engine_loads_none_of_it():
    code = "import sys, rag; print(*sorted(name for name in sys.modules if name.startswith('rag')))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["rag", "rag.telemetry"]


@pytest.mark.parametrize("name", rag.__all__)
def test_each_public_name_is_there(name: str):
    assert getattr(rag, name) is not None
    assert name in dir(rag)


def test_no_other_name_is():
    with pytest.raises(AttributeError, match="no attribute 'Librarian'"):
        _ = rag.Librarian
