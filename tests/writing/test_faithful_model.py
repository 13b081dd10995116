"""A faithful model must not be refused: true paraphrases of the sample articles are shown as written answers."""

from __future__ import annotations

import html
import json
import re
from collections import defaultdict
from pathlib import Path

from rag import Assistant, Library, LocalEmbeddings, Settings
from tests.conftest import ROOT
from tests.helpers.scripted_model import Act, Connection, model_server, says
from tests.test_assistant import assert_footnotes_hold

PARAPHRASES = ROOT / "tests" / "data" / "paraphrases.jsonl"
CORRUPTED = ROOT / "tests" / "data" / "corrupted_claims.jsonl"
_PASSAGE = re.compile(r'<passage number="(\d+)".*?>(.*?)</passage>', re.DOTALL)


def claims(path: Path) -> dict[str, list[tuple[str, list[str]]]]:
    """Return the claims with what they were made from, by question."""
    found = defaultdict[str, list[tuple[str, list[str]]]](list)
    for line in path.read_text("utf-8").splitlines():
        row = json.loads(line)
        found[row["question"]].append((row["claim"], row["passages"]))
    return found


def cites(told: list[tuple[str, list[str]]]) -> Act:
    """Write each claim with the numbers of the passages in the prompt that hold what it was made from."""

    def act(connection: Connection) -> None:
        prompt = connection.server.prompts[-1]
        passages = {number: html.unescape(text) for number, text in _PASSAGE.findall(prompt)}
        sentences = []
        for claim, sources in told:
            wanted = {word for source in sources for word in source.split()}
            best = max(passages, key=lambda number: len(wanted & set(passages[number].split())))
            sentences.append(f"{claim} [{best}]")
        says(" ".join(sentences))(connection)

    return act


def shares(library: Library, path: Path) -> tuple[float, float]:
    """Return the share of sentences that were shown, and of the answers that stay written."""
    shown = written = total = 0
    told_by_question = claims(path)
    with model_server() as server:
        settings = Settings(
            data_dir=library.settings.data_dir, openai_base_url=server.url, openai_model="scripted"
        )
        assistant = Assistant(library, settings)
        for question, told in told_by_question.items():
            server.script(cites(told))
            answer = assistant.ask(question)
            assert_footnotes_hold(library, answer)
            total += len(told)
            if answer.mode == "generate":
                written += 1
                shown += len(answer.sentences)
    return shown / total, written / len(told_by_question)


def test_true_paraphrases_are_shown_and_corrupted_ones_mostly_not(tmp_path: Path, packaged: LocalEmbeddings):
    with Library.open(Settings(data_dir=tmp_path), packaged, follow=False) as library:
        library.sync(ROOT / "corpus")
        shown, written = shares(library, PARAPHRASES)
        assert shown >= 0.85
        assert written >= 0.80
        corrupted, _ = shares(library, CORRUPTED)
        assert corrupted <= 0.1
