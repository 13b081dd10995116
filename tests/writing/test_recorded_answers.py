"""Answers in the forms in which models write them: what is borne is shown, what is invented is not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rag import Assistant, Library, LocalEmbeddings, NewDocument, Settings
from tests.helpers.scripted_model import model_server, says

DATA = Path(__file__).parents[1] / "data"


# Where most of an answer is left out the quotes stand instead, and none of its sentences counts as shown.
@pytest.mark.parametrize(
    ("path", "least_shown", "most_invented"),
    [("written.jsonl", 0.5, 0.0), ("unseen/written.jsonl", 0.65, 0.05)],
)
def test_of_an_answer_what_is_borne_is_shown(
    tmp_path: Path, packaged: LocalEmbeddings, path: str, least_shown: float, most_invented: float
):
    rows = [json.loads(line) for line in (DATA / path).read_text("utf-8").splitlines()]
    borne = shown = invented = slipped = 0
    with model_server() as server:
        for number, (title, passage) in enumerate(dict.fromkeys((r["title"], r["passage"]) for r in rows)):
            settings = Settings(
                data_dir=tmp_path / str(number), openai_base_url=server.url, openai_model="scripted"
            )
            with Library.open(settings, packaged, follow=False) as library:
                library.add([NewDocument(passage, title=title, key="article")])
                assistant = Assistant(library, settings)
                for row in (row for row in rows if row["passage"] == passage):
                    server.script(says(row["answer"]))
                    answer = assistant.ask(row["question"])
                    texts = [one.text for one in answer.sentences if one.kind == "written"]
                    borne, invented = borne + len(row["shown"]), invented + len(row["hidden"])
                    shown += sum(text in texts for text in row["shown"])
                    slipped += sum(text in texts for text in row["hidden"])
    told = f"shown {shown} of {borne} that are borne, {slipped} of {invented} that are not"
    assert shown >= least_shown * borne, told
    assert slipped <= most_invented * invented, told
