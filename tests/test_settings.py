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


KEY = "sk-1234567890abcdef"


def test_the_endpoint_is_read_from_the_names_that_other_programs_use():
    settings = Settings.from_env(
        {
            "OPENAI_API_KEY": f" {KEY}\n",
            "OPENAI_BASE_URL": "http://127.0.0.1:11434/v1/",
            "OPENAI_MODEL": "llama",
            "FOOTNOTE_CHECK": "model",
            "FOOTNOTE_MODEL_CONTEXT_TOKENS": "4000",
            "OPENAI_ORG_ID": "is none of ours",
        }
    )
    assert settings.openai_api_key.get_secret_value() == KEY
    assert (settings.openai_base_url, settings.openai_model) == ("http://127.0.0.1:11434/v1", "llama")
    assert (settings.check, settings.model_context_tokens, settings.has_endpoint) == ("model", 4000, True)
    assert not Settings().has_endpoint
    assert Settings(openai_base_url="http://127.0.0.1:11434/v1").has_endpoint


def test_the_key_is_in_no_text_of_the_settings_and_no_error():
    settings = Settings.from_env({"OPENAI_API_KEY": KEY})
    assert KEY not in repr(settings) + str(settings) + settings.model_dump_json()
    for wrong in (
        {"OPENAI_API_KEY": f"{KEY} {KEY}"},
        {"FOOTNOTE_MODEL_ANSWER_TOKENS": "7999"},
        {"FOOTNOTE_CHECK": "x"},
    ):
        with pytest.raises(SettingsError) as raised:
            Settings.from_env({"OPENAI_API_KEY": KEY, **wrong})
        assert KEY not in f"{raised.value}{raised.value.__cause__}{raised.value.__cause__!r}"


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        (
            {"FOOTNOTE_ANSWER_MODE": "generate"},
            r"^Written answers need a model: set OPENAI_API_KEY, or OPENAI_BASE_URL",
        ),
        (
            {"OPENAI_BASE_URL": "localhost"},
            r"^OPENAI_BASE_URL can't be used: it must be the address of an endpoint",
        ),
        ({"OPENAI_BASE_URL": "http://a:b@host/v1"}, r"^OPENAI_BASE_URL can't be used"),
        ({"OPENAI_API_KEY": "schlüssel"}, r"^OPENAI_API_KEY can't be used: it must be one word"),
        (
            {"OPENAI_MODEL": "a\u3164\ufe0f"},
            r"^OPENAI_MODEL can't be used: it must be the name of a model\.$",
        ),
        ({"OPENAI_MODEL": " "}, r"^OPENAI_MODEL can't be used: it must be the name of a model\.$"),
        ({"FOOTNOTE_CHECK": "both"}, r"^FOOTNOTE_CHECK can't be used"),
        ({"FOOTNOTE_MODEL_CONTEXT_TOKENS": "10"}, r"^FOOTNOTE_MODEL_CONTEXT_TOKENS can't be used"),
        ({"FOOTNOTE_MODEL_TOTAL_SECONDS": "0"}, r"^FOOTNOTE_MODEL_TOTAL_SECONDS can't be used"),
        ({"FOOTNOTE_MODEL_ANSWER_TOKENS": "7000"}, r"^FOOTNOTE_MODEL_ANSWER_TOKENS can be at most half"),
        ({"FOOTNOTE_OPENAI_MODEL": "x"}, r"^FOOTNOTE_OPENAI_MODEL is no setting; .*OPENAI_MODEL"),
    ],
)
def test_a_wrong_setting_of_the_model_is_one_sentence(variables: dict[str, str], sentence: str):
    with pytest.raises(SettingsError, match=sentence) as raised:
        Settings.from_env(variables)
    assert str(raised.value).endswith(".")


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"FOOTNOTE_EMBEDDING_MODEL": "bag"}, "needs an endpoint: set OPENAI_API_KEY"),
        (
            {"FOOTNOTE_EMBEDDING_BASE_URL": "http://127.0.0.1/v1"},
            "names a server and FOOTNOTE_EMBEDDING_MODEL",
        ),
        (
            {"FOOTNOTE_EMBEDDING_MODEL": "bag", "OPENAI_API_KEY": "sk", "FOOTNOTE_MODEL_DIR": "m"},
            "name two embedding models: unset one of them",
        ),
        (
            {"FOOTNOTE_EMBEDDING_MODEL": "bag", "FOOTNOTE_EMBEDDING_BASE_URL": "127.0.0.1:11434"},
            "^FOOTNOTE_EMBEDDING_BASE_URL can't be used: it must be the address of an endpoint",
        ),
        ({"FOOTNOTE_EMBEDDING_QUERY_PREFIX": "query: "}, "set the model, or unset them"),
        (
            {"FOOTNOTE_EMBEDDING_PASSAGE_PREFIX": "\x00"},
            "^FOOTNOTE_EMBEDDING_PASSAGE_PREFIX can't be used: it must be a few words",
        ),
        ({"FOOTNOTE_EMBEDDING_API_KEY": "two words"}, "^FOOTNOTE_EMBEDDING_API_KEY can't be used"),
    ],
)
def test_an_embedding_model_without_what_it_needs_is_one_sentence(given: dict[str, str], sentence: str):
    with pytest.raises(SettingsError, match=sentence) as caught:
        Settings.from_env(given)
    assert str(caught.value).endswith(".")


def test_a_prefix_keeps_its_space():
    given = {
        "OPENAI_BASE_URL": "http://127.0.0.1/v1",
        "FOOTNOTE_EMBEDDING_MODEL": "nomic",
        "FOOTNOTE_EMBEDDING_QUERY_PREFIX": "search_query: ",
    }
    assert Settings.from_env(given).embedding_query_prefix == "search_query: "


def test_the_key_of_the_embedding_model_is_not_shown():
    settings = Settings(embedding_model="bag", embedding_api_key="sk-secret")
    assert "sk-secret" not in repr(settings) + settings.model_dump_json()


def test_a_further_folder_may_lie_in_the_home_folder():
    [folder] = Settings.from_env({"FOOTNOTE_FOLDERS": "~/press"}).folders
    assert folder == Path.home() / "press"
