"""What the README shows works as it stands there."""

from __future__ import annotations

import re
import shlex
from datetime import date
from pathlib import Path

import pytest

from rag.cli.commands import main
from rag.loading.loaders import load_bytes
from rag.settings import variables

README = (Path(__file__).parent.parent / "README.md").read_text("utf-8")


def test_the_python_example_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    [example] = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    exec(compile(example, "README.md", "exec"), {})
    assert capsys.readouterr().out == "The harbour bridge was opened on 5 March 2024. [1]\n"


def test_the_front_matter_is_read():
    [example] = re.findall(r"\n    ---\n.*?\n    ---\n", README, re.DOTALL)
    [document] = load_bytes(
        "a.md", re.sub("(?m)^    ", "", example).encode() + b"A sentence.", "key"
    ).documents
    assert (document.title, document.source) == ("The harbour bridge", "Harbour Gazette")
    assert (document.published, document.language) == (date(2024, 3, 5), "en")


def test_every_setting_is_in_the_table():
    assert set(re.findall(r"^\| `((?:FOOTNOTE|OPENAI)_\w+)`", README, re.MULTILINE)) == set(variables())


@pytest.mark.parametrize("name", re.findall(r"^    ((?:OPENAI|FOOTNOTE)_\w+)=", README, re.MULTILINE))
def test_every_line_of_an_endpoint_sets_a_setting(name: str):
    assert name in variables()


@pytest.mark.parametrize("line", re.findall(r"^    python -m rag (\w+)", README, re.MULTILINE))
def test_every_command_is_one(line: str, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as stopped:
        main([*shlex.split(line), "--help"])
    assert stopped.value.code == 0


def test_the_pictures_are_there():
    pictures = re.findall(r"!\[.+?\]\((.+?)\)", README)
    assert pictures
    assert all((Path(__file__).parent.parent / picture).is_file() for picture in pictures)
