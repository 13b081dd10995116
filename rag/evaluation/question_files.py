"""Files of questions whose answers are known, to evaluate with.

Three forms are read:

- JSON Lines, one object a line: ``{"question": ..., "answer": ..., "document": ...}``. ``answer`` is
  text that the quoted sentences should hold, ``document`` the title, key, file name or id of the
  article that answers; one of the two is enough. ``"answer": "none"`` (or null), or
  ``"document": "none"``, says that the collection has no answer.
- A JSON file in the form of SQuAD 1.1 or 2.0 (Rajpurkar et al. 2016, arXiv:1606.05250; Rajpurkar,
  Jia and Liang 2018, arXiv:1806.03822); the article is that of the paragraph's title.
- A folder in the form of BEIR (Thakur et al. 2021, arXiv:2104.08663): ``queries.jsonl`` and
  ``qrels/*.tsv``, whose corpus ids are keys of documents.
"""

from __future__ import annotations

import json
import re
import string
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rag.errors import LoadError
from rag.text.canonical import one_line

NONE = "none"
"""What stands for the answer, or the document, where the collection has no answer."""
_EXAMPLE = '{"question": "When was the bridge opened?", "answer": "5 March 2024", "document": "bridge.md"}'
_ARTICLES = re.compile(r"\b(a|an|the)\b")


@dataclass(frozen=True, slots=True)
class Case:
    """A question, and what is known of its answer.

    An answer is right if it holds any of ``answers``; ``documents`` name those that answer, by title,
    key, file name or id. What isn't known is empty.
    """

    question: str
    answers: tuple[str, ...] = ()
    documents: tuple[str, ...] = ()
    is_answerable: bool = True


def read_questions(path: Path, most_characters: int) -> list[Case]:
    """Read all questions of a file or a BEIR folder, in order.

    Parameters
    ----------
    most_characters
        The longest question that may be asked.

    Raises
    ------
    LoadError
        It can't be read, is of another form, or something in it is wrong; the sentence says where.
    """
    if path.is_dir():
        cases = list(_read_beir(path, most_characters))
    elif path.suffix.lower() == ".json":
        cases = list(_read_squad(path, most_characters))
    else:
        cases = [_case(place, row, most_characters) for place, row in _rows(path)]
    if not cases:
        raise LoadError(str(path), f"{_shown(path)} holds no question: write lines such as {_EXAMPLE}.")
    return cases


def normalise_answer(text: str) -> str:
    """Return the words by which answers are compared, with one space between them.

    As SQuAD does (Rajpurkar et al. 2016): lower case, without punctuation and the articles a, an and
    the. Punctuation is that of all scripts, as in MLQA (Lewis et al. 2020, arXiv:1910.07475), since
    articles have typographic quotation marks.
    """
    kept = "".join(c for c in text.lower() if not _is_punctuation(c))
    return " ".join(_ARTICLES.sub(" ", kept).split())


def _is_punctuation(character: str) -> bool:
    return character in string.punctuation or unicodedata.category(character).startswith("P")


# ----------------------------------------------------------------------------------- JSON Lines


def _case(place: str, row: dict[str, Any], most_characters: int) -> Case:
    """Return the question of one line."""
    question = _question(place, row.get("question"), most_characters)
    # A null is a statement; an empty text is a field left open.
    answer = NONE if row.get("answer", "") is None else _text(place, "answer", row.get("answer"))
    document = _text(place, "document", row.get("document"))
    if NONE in (answer.lower(), document.lower()):
        if {answer.lower(), document.lower()} - {"", NONE}:
            raise _bad(
                place,
                'names an answer or a document and says "none" too',
                'leave out what does not hold, or write "document": "" beside "answer": "none"',
            )
        return Case(question, is_answerable=False)
    if not answer and not document:
        raise _bad(place, 'has neither "answer" nor "document"', f"write it as {_EXAMPLE}")
    if answer and not normalise_answer(answer):
        raise _bad(place, f'has the answer "{answer}", in which no word can be compared', "write it in words")
    return Case(question, (answer,) if answer else (), (document,) if document else ())


def _question(place: str, value: object, most_characters: int) -> str:
    question = _text(place, "question", value)
    if not question:
        raise _bad(place, "has no question", f"write it as {_EXAMPLE}")
    if len(question) > most_characters:
        raise _bad(
            place,
            f"has a question of {len(question):,} characters, and {most_characters:,} are allowed",
            "make it shorter",
        )
    return question


def _text(place: str, name: str, value: object) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise _bad(place, f'has a "{name}" that is no text', "put it in quotation marks")
    return one_line(value)


# ---------------------------------------------------------------------------------------- SQuAD


def _read_squad(path: Path, most_characters: int) -> Iterator[Case]:
    name = _shown(path)
    try:
        value = json.loads(_read(path))
    except json.JSONDecodeError as error:
        raise _bad(f"{name}, line {error.lineno},", "is no JSON", _how_to_mend(path)) from error
    except (ValueError, RecursionError) as error:
        raise _bad(name, "is no JSON that can be read", _how_to_mend(path)) from error
    for n, article in enumerate(_list(name, value, "data"), 1):
        place = f"{name}, article {n},"
        for paragraph in _list(place, article, "paragraphs"):
            title = _text(place, "title", article.get("title"))
            for row in _list(place, paragraph, "qas"):
                yield _squad_case(place, title, row, most_characters)


def _squad_case(place: str, title: str, row: object, most_characters: int) -> Case:
    if not isinstance(row, dict):
        raise _bad(place, "has a question that is no JSON object", "is it in SQuAD's form?")
    question = _question(place, row.get("question"), most_characters)
    if row.get("is_impossible"):
        return Case(question, is_answerable=False)
    found = _list(place, row, "answers") if "answers" in row else []
    texts = [_text(place, "text", answer.get("text")) for answer in found if isinstance(answer, dict)]
    answers = tuple(dict.fromkeys(text for text in texts if normalise_answer(text)))
    return Case(question, answers, (title,) if title else ())


def _list(place: str, value: object, name: str) -> list[Any]:
    if isinstance(value, dict) and isinstance(value.get(name), list):
        return list(value[name])
    raise _bad(place, f'has no list "{name}"', "use a file in SQuAD's form, or JSON Lines in a .jsonl file")


def _how_to_mend(path: Path) -> str:
    return f"mend it, or call the file {path.stem}.jsonl if it has one object a line"


# ----------------------------------------------------------------------------------------- BEIR


def _read_beir(folder: Path, most_characters: int) -> Iterator[Case]:
    tables = sorted((folder / "qrels").glob("*.tsv"))
    if not tables or not (folder / "queries.jsonl").is_file():
        raise _bad(
            _shown(folder),
            "has no queries.jsonl with qrels/*.tsv, as a BEIR folder has",
            "name a file of questions",
        )
    relevant: dict[str, dict[str, None]] = {}
    for table in tables:
        for query, document in _judgements(table):
            relevant.setdefault(query, {})[document] = None
    for place, row in _rows(folder / "queries.jsonl"):
        name = row.get("_id")
        if not isinstance(name, str):
            raise _bad(place, 'has no "_id"', "give each query the id by which qrels/ names it")
        if name in relevant:
            yield Case(_question(place, row.get("text"), most_characters), documents=tuple(relevant[name]))


def _judgements(table: Path) -> Iterator[tuple[str, str]]:
    """Yield query and document of each line whose score is above zero."""
    for n, line in _lines(table):
        cells = line.rstrip("\r").split("\t")
        is_number = len(cells) == 3 and re.fullmatch(r"-?\d{1,9}", cells[2].strip())
        if is_number:
            if int(cells[2]) > 0:
                yield cells[0], one_line(cells[1])
        elif n > 1:  # the first may be the head
            raise _bad(
                f"{_shown(table)}, line {n},",
                "is not query id, document id and a whole number",
                "separate three columns by tabs",
            )


# -------------------------------------------------------------------------------- lines of a file


def _rows(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the objects of a JSON Lines file, each with its place for a sentence."""
    for n, line in _lines(path):
        place = f"{_shown(path)}, line {n},"
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise _bad(place, "is no JSON", f"write one object a line, as {_EXAMPLE}") from error
        if not isinstance(row, dict):
            raise _bad(place, "is no JSON object", f"write it as {_EXAMPLE}")
        yield place, row


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the lines that aren't blank, with their numbers from 1."""
    for n, line in enumerate(_read(path).split("\n"), 1):  # JSON may hold other line ends in its strings
        if line.strip():
            yield n, line


def _read(path: Path) -> str:
    name = _shown(path)
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise _bad(name, "does not exist", "check the path") from error
    except OSError as error:
        raise _bad(name, f"could not be read ({error.strerror})", "check the path and its rights") from error
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise _bad(f"{name}, line {line},", "is not in UTF-8", "save the file as UTF-8") from error


def _shown(path: Path) -> str:
    return one_line(str(path)) or "The file"


def _bad(place: str, what: str, remedy: str) -> LoadError:
    return LoadError(place.split(", line ")[0], f"{place} {what}: {remedy}.")
