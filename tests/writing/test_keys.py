"""Keys: shown to the one server they are for, and in no file, output or log, whatever is sent back."""

from __future__ import annotations

import gzip
import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from rag import Assistant, Library, Settings
from rag.cli.commands import main
from rag.conversations import Conversations
from tests.helpers import embedding_server, scripted_model
from tests.helpers.web_server import nobody_knocks

KEY, EMBEDDING_KEY = "sk-writes-1234567890abcdef", "sk-embeds-fedcba0987654321"
ARTICLE = (
    "# The lighthouse\n\nThe lighthouse of Port Ellery was built in 1871 by the engineer Agnes Thorburn.\n"
)
QUESTION = "Who built the lighthouse of Port Ellery?"
BUILT = "The lighthouse of Port Ellery was built in 1871 by the engineer Agnes Thorburn [1]."
CASES = '{"question": "Who built the lighthouse of Port Ellery?", "answer": "Agnes Thorburn"}\n'
Acts = Callable[[str], tuple[scripted_model.Act, embedding_server.Act]]
ENDPOINTS: dict[str, Acts] = {
    "repeat it": lambda _: (
        scripted_model.says(f"{BUILT} Your key is {KEY}. {BUILT}"),
        embedding_server.gives_vectors,
    ),
    "refuse it": lambda _: (scripted_model.refuses(401, f"wrong key {KEY}"), embedding_server.refuses(401)),
    "fail with it": lambda _: (
        scripted_model.sends(f'data: {{"error":{{"message":"{KEY}"}}}}\n\n'),
        embedding_server.says(f"<html>{EMBEDDING_KEY}</html>", "text/html"),
    ),
    "point elsewhere": lambda elsewhere: (
        scripted_model.refuses(307, KEY, Location=f"{elsewhere}/?{KEY}"),
        embedding_server.refuses(308, Location=f"{elsewhere}/?{EMBEDDING_KEY}"),
    ),
}


@pytest.mark.parametrize("do", ENDPOINTS)
def test_a_key_is_in_no_file_output_or_log(
    do: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
):
    # Below, the HTTP client logs all headers of an answer, which may repeat anything.
    caplog.set_level(logging.INFO)
    monkeypatch.chdir(tmp_path)
    Path("lighthouse.md").write_text(ARTICLE)
    Path("cases.jsonl").write_text(CASES)
    with scripted_model.model_server() as model, embedding_server.embedding_server() as embeddings:
        for name, value in {
            **{"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": model.url, "OPENAI_MODEL": "scripted"},
            **{"FOOTNOTE_EMBEDDING_API_KEY": EMBEDDING_KEY, "FOOTNOTE_EMBEDDING_BASE_URL": embeddings.url},
            "FOOTNOTE_EMBEDDING_MODEL": "bag",
        }.items():
            monkeypatch.setenv(name, value)
        assert main(["add", "lighthouse.md"]) == 0
        with nobody_knocks() as elsewhere:
            model.acts[:], embeddings.act = [ENDPOINTS[do](elsewhere)[0]], ENDPOINTS[do](elsewhere)[1]
            Path("other.md").write_text(ARTICLE.replace("1871", "1872"))
            for arguments in (
                *(
                    ["add", "other.md"],
                    ["ask", QUESTION],
                    ["ask", "--json", QUESTION],
                    ["evaluate", "cases.jsonl"],
                ),
                *(["list"], ["export", "library.gz"], ["doctor"], ["search", QUESTION]),
            ):
                main(arguments)
            keep_a_conversation()
    assert set(model.keys) == {f"Bearer {KEY}"}
    assert set(embeddings.keys) == {f"Bearer {EMBEDDING_KEY}"}
    written = {path.name: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    written["library"] = gzip.decompress(Path("library.gz").read_bytes())
    said = "".join(capfd.readouterr()) + caplog.text
    for key in (KEY, EMBEDDING_KEY):
        assert key not in said
        assert [name for name, content in written.items() if key.encode() in content] == []


def keep_a_conversation() -> None:
    settings = Settings.from_env()
    with Library.open(settings, follow=False) as library:
        conversations = Conversations.open(settings)
        conversations.append(conversations.create(), QUESTION, Assistant(library, settings).ask(QUESTION))
        conversations.close()
