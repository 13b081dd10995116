"""Settings: read once, complete, and wrong ones named."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from rag import Settings, SettingsError


def test_the_environment_is_read_by_from_env_alone(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("FOOTNOTE_DATA_DIR", "elsewhere")
    monkeypatch.setenv("FOOTNOTE_PASSAGE_WORDS", "200")
    monkeypatch.setenv("FOOTNOTE_MODEL_DIR", "")
    assert Settings.from_env() == Settings(data_dir=Path("elsewhere"), passage_words=200)
    assert Settings().data_dir == Path("data")


def test_an_unknown_name_is_an_error_that_lists_the_known_ones():
    with pytest.raises(SettingsError, match=r"FOOTNOTE_DATADIR is no setting; .*FOOTNOTE_DATA_DIR"):
        Settings.from_env({"FOOTNOTE_DATADIR": "data"})


@pytest.mark.parametrize(
    ("name", "value"),
    [("PASSAGE_WORDS", "many"), ("PASSAGE_WORDS", "5"), ("ANSWER_MODE", "guess"), ("MAX_UPLOAD_BYTES", "-1")],
)
def test_a_wrong_value_is_an_error_that_names_its_variable(name: str, value: str):
    with pytest.raises(SettingsError, match=f"^FOOTNOTE_{name} can't be used: .*\\.$"):
        Settings.from_env({f"FOOTNOTE_{name}": value, "HOME": "/"})


def test_settings_do_not_change():
    with pytest.raises(ValidationError, match="frozen"):
        Settings().passage_words = 100  # type: ignore[misc]  # that is the test


@pytest.mark.parametrize(
    "url", ["chroma:8000", "ftp://host", "http://", "http://host:port", "http://a:b@host"]
)
def test_a_chroma_url_is_an_address_over_http(url: str):
    with pytest.raises(SettingsError, match=r"^FOOTNOTE_CHROMA_URL can't be used: it must be the address"):
        Settings.from_env({"FOOTNOTE_CHROMA_URL": url})
    assert Settings(chroma_url="http://127.0.0.1:8000/").chroma_url == "http://127.0.0.1:8000"
