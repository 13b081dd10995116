"""Kept evaluations: one JSON file a run under ``data_dir/evaluations/``, to compare later ones with.

The library promises that what is removed is in no file of its folder. So a run holds the questions as
they were asked and what became of them, and no text of an article nor any expected answer.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from rag.errors import CatalogError, LoadError
from rag.evaluation.measures import Outcome
from rag.library import Library
from rag.settings import Settings
from rag.text.canonical import one_line

LAST = "last"
"""What stands for the latest run on a file of the same name."""


@dataclass(frozen=True, slots=True)
class Run:
    """An evaluation with the settings that matter; ``file`` is the name of the file of questions."""

    file: str
    at: datetime
    embedder: str
    passage_words: int
    answer_mode: str
    documents: int
    passages: int
    left_out: int
    outcomes: tuple[Outcome, ...]
    format: Literal["footnote-evaluation"] = "footnote-evaluation"
    version: Literal[1] = 1


_RUN = TypeAdapter(Run)


def run_now(
    library: Library, settings: Settings, file: str, left_out: int, outcomes: tuple[Outcome, ...]
) -> Run:
    """Return a run that has just ended."""
    status = library.status()
    return Run(
        file=file,
        at=datetime.now(UTC),
        embedder=library.embedder.name,
        passage_words=settings.passage_words,
        answer_mode=settings.answer_mode,
        documents=status.documents,
        passages=status.passages,
        left_out=left_out,
        outcomes=outcomes,
    )


def keep_run(data_dir: Path, run: Run) -> Path:
    """Write a run, named by its time (UTC) and its file, and return where it is.

    Raises
    ------
    CatalogError
        The folder can't be written.
    """
    path = (
        _folder(data_dir) / f"{run.at:%Y%m%dT%H%M%S}.{run.at.microsecond // 1000:03d}Z-{_stem(run.file)}.json"
    )
    part = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(_RUN.dump_json(run, indent=1))
        part.replace(path)
    except OSError as error:
        raise CatalogError(
            f"The run can't be kept in {path.parent} ({error.strerror}): check its rights and the disk."
        ) from error
    return path


def find_run(data_dir: Path, name: str, file: str) -> tuple[str, Run]:
    """Return the name of a kept run, and the run.

    Parameters
    ----------
    name
        Its path, its name in the folder of runs, with or without ".json", or "last".
    file
        The name of the file that is being evaluated; "last" is the latest run on it.

    Raises
    ------
    LoadError
        There is no such run, or it can't be read.
    """
    path = _latest(data_dir, file) if name == LAST else _path(data_dir, name)
    try:
        return path.stem, _RUN.validate_json(path.read_bytes())
    except OSError as error:
        raise LoadError(
            name, f"The run {one_line(name)} can't be read ({error.strerror}): check its name."
        ) from error
    except ValidationError as error:
        raise LoadError(
            name, f"{one_line(name)} is no run that this Footnote kept: choose another, or last."
        ) from error


def runs_on(data_dir: Path, file: str) -> list[Run]:
    """Return the kept runs on a file of this name, oldest first, without those that can't be read."""
    runs = []
    for path in _kept_on(data_dir, file):
        with suppress(OSError, ValidationError):
            runs.append(_RUN.validate_json(path.read_bytes()))
    return runs


def _latest(data_dir: Path, file: str) -> Path:
    kept = _kept_on(data_dir, file)
    if not kept:
        raise LoadError(file, f"No run on {file} is kept yet: evaluate it without --compare first.")
    return kept[-1]


def _kept_on(data_dir: Path, file: str) -> list[Path]:
    # The time at the beginning has one length, so that names are in the order of time.
    kept = sorted(_folder(data_dir).glob("*.json"))
    return [path for path in kept if path.stem.partition("Z-")[2] == _stem(file)]


def _path(data_dir: Path, name: str) -> Path:
    kept = _folder(data_dir)
    choices = (Path(name), kept / name, kept / f"{name}.json")
    for path in choices:
        if path.is_file():
            return path
    names = sorted((path.stem for path in kept.glob("*.json")), reverse=True)
    latest = f"the latest is {names[0]}" if names else "evaluate without --compare first"
    raise LoadError(name, f"There is no run {one_line(name)} in {kept}: {latest}.")


def _folder(data_dir: Path) -> Path:
    return data_dir / "evaluations"


def _stem(file: str) -> str:
    """Return a file's name without its extension, of what may stand in any file's name."""
    return re.sub(r"[^\w-]+", "-", Path(file).stem).strip("-")[:60] or "questions"
