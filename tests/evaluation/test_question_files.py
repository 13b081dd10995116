"""Files of questions: what is read of each form, and the sentence for what can't be."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from rag import LoadError, load_file
from rag.evaluation.question_files import Case, normalise_answer, read_questions
from tests.conftest import ROOT

MOST = 100


def lines(folder: Path, *rows: Any, name: str = "mine.jsonl") -> Path:
    path = folder / name
    path.write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows), "utf-8")
    return path


def squad(folder: Path, *qas: dict[str, Any], title: str = "Super_Bowl_50") -> Path:
    path = folder / "squad.json"
    data = [{"title": title, "paragraphs": [{"context": "...", "qas": list(qas)}]}]
    path.write_text(json.dumps({"version": "v2.0", "data": data}), "utf-8")
    return path


def beir(folder: Path, judgements: str) -> Path:
    (folder / "beir" / "qrels").mkdir(parents=True)
    lines(folder / "beir", {"_id": "q1", "text": "Why?"}, {"_id": "q2", "text": "How?"}, name="queries.jsonl")
    (folder / "beir" / "qrels" / "test.tsv").write_text(judgements, "utf-8")
    return folder / "beir"


class TestJsonLines:
    def test_what_is_known_of_each_question(self, tmp_path: Path):
        path = lines(
            tmp_path,
            {"question": "Who built it?", "answer": "Thorburn", "document": "bridge.md"},
            {"question": "Why?", "document": "bridge.md", "answer": ""},
            "",
            {"question": "When\nwas  it?", "answer": "2024", "note": "mine"},
        )
        assert read_questions(path, MOST) == [
            Case("Who built it?", ("Thorburn",), ("bridge.md",)),
            Case("Why?", (), ("bridge.md",)),
            Case("When was it?", ("2024",)),
        ]

    @pytest.mark.parametrize(
        "rest",
        [
            {"answer": "none"},
            {"answer": "None", "document": ""},
            {"answer": None},
            {"document": "none"},
            {"answer": "none", "document": "none"},
        ],
    )
    def test_a_question_without_an_answer(self, tmp_path: Path, rest: dict[str, Any]):
        path = lines(tmp_path, {"question": "Why?"} | rest)
        assert read_questions(path, MOST) == [Case("Why?", is_answerable=False)]

    @pytest.mark.parametrize(
        ("row", "what"),
        [
            ("no JSON", "is no JSON: "),
            ("[1]", "is no JSON object: "),
            ("[" * 100_000, "is no JSON: "),
            ({"answer": "x"}, "has no question: "),
            ({"question": " \u200b", "answer": "x"}, "has no question: "),
            ({"question": ["Why?"], "answer": "x"}, 'has a "question" that is no text: '),
            ({"question": "Why?", "answer": 5}, 'has a "answer" that is no text: '),
            ({"question": "Why?"}, 'has neither "answer" nor "document": '),
            ({"question": "Why?", "answer": "", "document": ""}, 'has neither "answer" nor "document": '),
            ({"question": "Why?", "answer": "The –"}, "in which no word can be compared: "),
            ({"question": "Why?", "answer": "none", "document": "x.md"}, 'says "none" too: '),
            ({"question": "Why?", "answer": "x", "document": "none"}, 'says "none" too: '),
            (
                {"question": "w" * (MOST + 1), "answer": "x"},
                "a question of 101 characters, and 100 are allowed: ",
            ),
        ],
    )
    def test_a_bad_line_is_named(self, tmp_path: Path, row: Any, what: str):
        path = lines(tmp_path, {"question": "Why?", "answer": "x"}, "", row)
        with pytest.raises(LoadError) as caught:
            read_questions(path, MOST)
        assert caught.value.reason.startswith(f"{path}, line 3, ")
        assert what in caught.value.reason
        assert caught.value.path == str(path)

    def test_a_line_that_is_not_utf_8_is_named(self, tmp_path: Path):
        path = tmp_path / "mine.jsonl"
        path.write_bytes(b'{"question": "Why?", "answer": "x"}\n{"question": "Caf\xe9?"}')
        with pytest.raises(LoadError, match=r"line 2, is not in UTF-8: save"):
            read_questions(path, MOST)

    def test_line_ends_and_marks_that_editors_make(self, tmp_path: Path):
        path = tmp_path / "mine.jsonl"
        row = '{"question": "Why\u2028not?", "answer": "x"}\r\n'
        path.write_bytes(b"\xef\xbb\xbf" + 2 * row.encode())
        assert read_questions(path, MOST) == 2 * [Case("Why not?", ("x",))]

    @pytest.mark.parametrize("text", ["", "\n \n"])
    def test_an_empty_file(self, tmp_path: Path, text: str):
        with pytest.raises(LoadError, match="holds no question: write lines such as"):
            read_questions(lines(tmp_path, text), MOST)

    def test_a_file_that_is_not_there(self, tmp_path: Path):
        with pytest.raises(LoadError, match=r"missing\.jsonl does not exist: check the path\."):
            read_questions(tmp_path / "missing.jsonl", MOST)


class TestSquad:
    def test_answers_and_the_title_of_the_article(self, tmp_path: Path):
        texts = [{"text": "Denver Broncos"}, {"text": "Denver Broncos"}, {"text": "the"}, {"text": "Broncos"}]
        path = squad(tmp_path, {"question": "Who won?", "answers": texts})
        assert read_questions(path, MOST) == [
            Case("Who won?", ("Denver Broncos", "Broncos"), ("Super_Bowl_50",))
        ]

    def test_an_impossible_question_has_no_answer(self, tmp_path: Path):
        row = {"question": "Who lost?", "is_impossible": True, "plausible_answers": [{"text": "Carolina"}]}
        possible = {"question": "Who won?", "is_impossible": False, "answers": [{"text": "Denver"}]}
        assert read_questions(squad(tmp_path, row, possible), MOST) == [
            Case("Who lost?", is_answerable=False),
            Case("Who won?", ("Denver",), ("Super_Bowl_50",)),
        ]

    @pytest.mark.parametrize(
        ("text", "what"),
        [
            (
                '{"question": "Why?"}\n{"question": "How?"}',
                "line 2, is no JSON: .*q.jsonl if it has one object",
            ),
            ('{"question": "Why?"}', 'has no list "data": .*JSON Lines in a .jsonl file'),
            (
                '{"data": [{"title": "A", "paragraphs": []}, {"title": "B"}]}',
                'article 2, has no list "paragraphs"',
            ),
            ('{"data": [{"paragraphs": [{"qas": [{"id": "1"}]}]}]}', "article 1, has no question"),
            ("[" * 100_000, "is no JSON that can be read"),
        ],
    )
    def test_another_form_is_one_sentence(self, tmp_path: Path, text: str, what: str):
        path = tmp_path / "q.json"
        path.write_text(text, "utf-8")
        with pytest.raises(LoadError, match=what):
            read_questions(path, MOST)


class TestBeir:
    def test_the_documents_judged_relevant(self, tmp_path: Path):
        head = "query-id\tcorpus-id\tscore\n"
        folder = beir(tmp_path, head + "q1\td1\t1\nq1\td2\t0\nq1\td3\t2\nq2\td1\t0\nq3\td1\t1\n")
        (folder / "qrels" / "train.tsv").write_text(head + "q1\td9\t1\n", "utf-8")
        assert read_questions(folder, MOST) == [Case("Why?", (), ("d1", "d3", "d9"))]

    def test_a_bad_judgement_is_named(self, tmp_path: Path):
        folder = beir(tmp_path, "query-id\tcorpus-id\tscore\nq1 d1 1\n")
        with pytest.raises(
            LoadError, match=r"test\.tsv, line 2, is not query id, document id and a whole number"
        ):
            read_questions(folder, MOST)

    def test_another_folder(self, tmp_path: Path):
        with pytest.raises(LoadError, match=r"has no queries\.jsonl with qrels/\*\.tsv"):
            read_questions(tmp_path, MOST)


@pytest.mark.parametrize(
    ("text", "normalised"),
    [
        ("The Planck constant.", "planck constant"),
        ("“Le Grand K”", "le grand k"),
        ("A  theatre, an anthem", "theatre anthem"),
        ("$1.5 billion", "15 billion"),
        ("–", ""),
    ],
)
def test_answers_are_compared_by_their_words(text: str, normalised: str):
    assert normalise_answer(text) == normalised


def test_the_questions_of_the_samples_are_answered_where_they_say():
    path = ROOT / "corpus" / "questions.jsonl"
    cases = read_questions(path, 2_000)
    assert sum(not case.is_answerable for case in cases) >= 10
    assert len({case.question for case in cases}) == len(cases)
    texts = {p.name: load_file(p).documents[0].text for p in path.parent.iterdir() if p != path}
    named = set()
    for case in cases:
        if case.is_answerable:
            [document], [answer] = case.documents, case.answers
            named.add(document)
            # A row is read with its header's labels between the cells.
            plain = re.sub(r" \| ", " ", texts[document])
            assert f" {normalise_answer(answer)} " in f" {normalise_answer(plain)} ", case.question
    assert named == set(texts)
