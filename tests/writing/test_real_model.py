"""The whole path with a real model that invents most of what it says: nothing is shown that isn't borne."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from rag import Answer, Assistant, Library, LocalEmbeddings, Sentence, Stage, check_support
from tests.test_assistant import BREAD, LIGHTHOUSE, assert_footnotes_hold

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))
from real_model import MODEL, missing_packages, real_model, settings_for

QUESTIONS = ["Who built the lighthouse of Port Ellery?", "What do the bakers of Zenda bake?"]


@pytest.mark.slow
def test_a_real_models_sentences_are_shown_only_where_the_sources_bear_them(
    tmp_path: Path, packaged: LocalEmbeddings
):
    if missing := missing_packages():
        assert not os.environ.get("CI"), f"missing: {missing}"
        pytest.skip(f"The real model is not asked: {', '.join(missing)} (requirements-model.txt) is missing.")
    with real_model() as url:
        settings = settings_for(url, tmp_path)
        with Library.open(settings, packaged, follow=False) as library:
            library.add([LIGHTHOUSE, BREAD])
            for question in QUESTIONS:
                *steps, answer = Assistant(library, settings).stream(question)
                assert isinstance(answer, Answer)
                assert Stage(f"Writing with {MODEL}") in steps
                assert answer.sentences
                assert_footnotes_hold(library, answer)
                assert answer.writing.usage
                assert answer.writing.usage.completion_tokens > 0
                for sentence in answer.sentences:
                    assert isinstance(sentence, Sentence)
                    if sentence.kind == "written":
                        texts = [library.document(c.document.id).text for c in sentence.citations]
                        assert check_support(sentence.text, texts).supported
