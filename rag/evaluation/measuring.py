"""A file of questions, asked of a library in one go: it is read, its questions are asked, the run is kept."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from rag.documents import ReportProgress
from rag.errors import LoadError
from rag.evaluation.evaluation import ask_all, check_held, expected, match, not_held, sample
from rag.evaluation.question_files import Case, read_questions
from rag.evaluation.runs import Run, keep_run, run_now, runs_on
from rag.library import Library
from rag.service.adding import Upload
from rag.service.naming import count, size
from rag.settings import Settings
from rag.text.canonical import one_line

MOST_ASKED = 500
"""Questions of a file that are asked, evenly spread: half a minute to a minute."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A run as it is shown: what was expected by question, and sentences on what was left out."""

    run: Run
    expected: dict[str, str]
    notes: tuple[str, ...] = ()


def measure_library(
    library: Library, settings: Settings, name: str, cases: Sequence[Case], report: ReportProgress
) -> Measured:
    """Ask a file's questions and keep the run.

    Raises
    ------
    LoadError
        The library holds none of the articles that the questions name.
    """
    matched = match(cases, library.documents())
    check_held(name, matched)
    asked = sample(matched.asked, MOST_ASKED)
    results = ask_all(library, settings, asked, report)
    outcomes = tuple(result.outcome for result in results)
    run = run_now(library, settings, name, len(matched.left_out), outcomes)
    keep_run(settings.data_dir, run)
    notes = [not_held(matched)]
    if len(asked) < len(matched.asked):
        notes.append(f"{count(len(asked), 'question')} of {len(matched.asked):,} were asked, evenly spread.")
    return Measured(run, _expected(cases), tuple(note for note in notes if note))


def last_measured(settings: Settings, file: Path) -> Measured | None:
    """Return the latest kept run on a file, with what the file says is expected."""
    runs = runs_on(settings.data_dir, file.name)
    if not runs:
        return None
    return Measured(runs[-1], _expected(read_questions(file, settings.max_question_characters)))


def _expected(cases: Sequence[Case]) -> dict[str, str]:
    return {case.question: expected(case) for case in cases}


def read_upload(upload: Upload, settings: Settings) -> list[Case]:
    """Read an uploaded file of questions.

    Raises
    ------
    LoadError
        It is too large, or can't be read; the sentence names the file as the user knows it.
    """
    name, data = plain_name(upload.name), upload.data
    if upload.refusal:
        raise LoadError(name, upload.refusal)
    if len(data) > settings.max_upload_bytes:
        most = size(settings.max_upload_bytes)
        raise LoadError(name, f"{name} has {size(len(data))}, and {most} are allowed: split it.")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(data)
        try:
            return read_questions(path, settings.max_question_characters)
        except LoadError as error:
            # The folder is ours, and gone by the time that somebody reads of it.
            raise LoadError(name, str(error).replace(f"{folder}/", "")) from error


def plain_name(name: str) -> str:
    """Return the last part of a file's name, short enough for any file system."""
    last = PurePath(one_line(name.replace("\\", "/").replace("\0", ""))).name
    path = PurePath(last if last.strip(". ") else "questions.jsonl")
    return f"{path.stem[:60]}{path.suffix[:10]}"
