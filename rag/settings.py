"""Settings: built once at a front, frozen, and passed in."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)

from rag.errors import SettingsError
from rag.text.invisible import without_hidden

PREFIX = "FOOTNOTE_"
ENDPOINT_PREFIX = "openai_"
"""Begins the fields that are read from variables of other programs too, such as OPENAI_API_KEY."""
_HOST = re.compile(r"(?:[\w.-]{1,250}|\[[0-9a-f:.]{2,45}\])(?::[0-9]{1,5})?")
OPENAI_URL = "https://api.openai.com/v1"
"""Where OpenAI itself is, which an empty address stands for."""
LOOPBACK = ("localhost", "127.0.0.1", "::1")
"""What a computer calls itself: there no other reaches it."""
_PROVIDERS_MODEL = re.compile(r"[a-z][a-z_]{1,40}:\S{1,200}")
NO_ENDPOINT = (
    "Written answers need a model: set OPENAI_API_KEY, or OPENAI_BASE_URL for a server of your own, or "
    "FOOTNOTE_CHAT_MODEL for another provider, or ask for quotes"
)


class Settings(BaseModel):
    """Where things are and how large they may be.

    A plain model rather than pydantic-settings: that reads the environment whenever settings are
    made and passes over unknown names, and here only `from_env` may read and none may be unknown.
    """

    # What is wrong with one setting is told without the values of the others: one is a key.
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    data_dir: Path = Path("data")
    """The library: catalog, vector index, conversations and uploads."""
    corpus_dir: Path = Path("corpus")
    """The folder of articles that the app follows."""
    folders: tuple[Path, ...] = ()
    """Further folders that it follows; in the environment separated as in PATH."""
    hosts: tuple[str, ...] = ()
    """Names under which browsers reach the app, besides this computer's own; with spaces between."""
    answer_mode: Literal["auto", "quote", "generate"] = "auto"
    """How answers are made; "auto" has a model write them if an endpoint is set, and quotes otherwise."""
    openai_api_key: SecretStr = SecretStr("")
    """The key of an OpenAI-compatible endpoint; servers of one's own mostly need none."""
    openai_base_url: str = ""
    """Its address, such as http://127.0.0.1:11434/v1; empty for OpenAI itself."""
    openai_model: str = "gpt-5.4-mini"
    """The model that writes."""
    chat_model: str = ""
    """A model of another provider instead, as LangChain names it, such as anthropic:claude-sonnet-4-5."""
    check: Literal["rules", "model"] = "rules"
    """Who checks written sentences: rules, or rules and then the model, which can only take some away."""
    model_context_tokens: int = Field(8_000, ge=1_000)
    """The most that is sent at once, together with the longest answer."""
    model_answer_tokens: int = Field(1_000, ge=50)
    """The longest answer."""
    model_first_token_seconds: float = Field(60.0, gt=0, le=3_600)
    """How long a model may think before it writes."""
    model_between_tokens_seconds: float = Field(20.0, gt=0, le=3_600)
    """How long it may pause while it writes."""
    question_seconds: float = Field(3.0, gt=0, le=3_600)
    """How long finding and quoting may take for a question; then the answer is the best until then."""
    model_total_seconds: float = Field(180.0, gt=0, le=3_600)
    """How long everything may take that a model does for one answer."""
    web_high_ports: bool = False
    """Whether web addresses with a port above 1024 are read; else only those with 80 and 443."""
    tracing: bool = False
    """Whether LangSmith's variables of the environment count: they send questions, passages and answers."""
    embedding_model: str = ""
    """The embedding model of an OpenAI-compatible endpoint; empty for the packaged one, or `model_dir`'s."""
    embedding_base_url: str = ""
    """Where the embedding model is, if elsewhere than the model that writes."""
    embedding_api_key: SecretStr = SecretStr("")
    """The key for it; `openai_api_key` is shown to no other server than its own."""
    embedding_query_prefix: str = ""
    """What is put before a question that is embedded, for a model that was trained with that."""
    embedding_passage_prefix: str = ""
    """What is put before a passage or sentence."""
    model_dir: Path | None = None
    """A folder with `model.onnx` and `tokenizer.json` instead of the packaged model."""
    chroma_url: str = ""
    """A Chroma server that several apps share, such as http://127.0.0.1:8000; empty for a folder of ours."""
    passage_words: int = Field(150, ge=40, le=400)
    max_question_characters: int = Field(2_000, ge=100)
    max_upload_bytes: int = Field(25 * 1024 * 1024, ge=1024)

    @property
    def has_endpoint(self) -> bool:
        """Whether there is a model to write answers: a key, an address or a provider's model is set."""
        return bool(self.openai_api_key.get_secret_value() or self.openai_base_url or self.chat_model)

    @field_validator("folders", mode="before")
    @classmethod
    def _folders(cls, folders: object) -> object:
        if isinstance(folders, str):
            parts = [part.strip() for part in folders.split(os.pathsep)]
            # A shell leaves "~" as it is within quotation marks.
            return tuple(os.path.expanduser(part) for part in parts if part)  # noqa: PTH111  # any user's
        return folders

    @field_validator("hosts", mode="before")
    @classmethod
    def _hosts(cls, hosts: object) -> object:
        return tuple(hosts.replace(",", " ").lower().split()) if isinstance(hosts, str) else hosts

    @field_validator("hosts")
    @classmethod
    def _host_names(cls, hosts: tuple[str, ...]) -> tuple[str, ...]:
        if not all(map(_HOST.fullmatch, hosts)):
            raise ValueError("it must be names of hosts, such as footnote.example.org, or with a port")
        return hosts

    @model_validator(mode="after")
    def _folders_apart(self) -> Settings:
        places = [path.absolute().resolve() for path in (self.corpus_dir, *self.folders)]
        for at, (place, path) in enumerate(zip(places[1:], self.folders, strict=True), 1):
            if place.is_relative_to(self.data_dir.absolute().resolve()):
                raise ValueError(f"{PREFIX}FOLDERS names {path}, which lies in the data folder: name another")
            for other in places[:at]:
                if place.is_relative_to(other) or other.is_relative_to(place):
                    raise ValueError(
                        f"{PREFIX}FOLDERS names {path}, and it or what it lies in is followed already: name"
                        " each folder once, and none within another"
                    )
        return self

    @field_validator("openai_api_key", "embedding_api_key")
    @classmethod
    def _key(cls, key: SecretStr) -> SecretStr:
        text = key.get_secret_value().strip()
        # Anything else would be refused as a header, in an error that quotes it.
        if not (text.isascii() and text.isprintable() and " " not in text):
            raise ValueError("it must be one word of letters, digits and signs")
        return SecretStr(text)

    @field_validator("openai_base_url", "embedding_base_url")
    @classmethod
    def _endpoint_url(cls, url: str) -> str:
        if url and not _is_address(url):
            raise ValueError("it must be the address of an endpoint, such as http://127.0.0.1:11434/v1")
        return url.rstrip("/")

    @field_validator("openai_model", "embedding_model")
    @classmethod
    def _model_name(cls, name: str) -> str:
        if not name.strip() or len(name) > 200 or not _is_seen(name):
            raise ValueError("it must be the name of a model")
        return name.strip()

    @field_validator("chat_model")
    @classmethod
    def _providers_model(cls, name: str) -> str:
        if name and not (_PROVIDERS_MODEL.fullmatch(name) and _is_seen(name)):
            raise ValueError("it must be a provider and its model, such as anthropic:claude-sonnet-4-5")
        return name

    @field_validator("embedding_query_prefix", "embedding_passage_prefix")
    @classmethod
    def _prefix(cls, prefix: str) -> str:
        if len(prefix) > 500 or not _is_seen(prefix.replace("\n", "")):
            raise ValueError("it must be a few words, such as search_query: with a space behind it")
        return prefix

    @model_validator(mode="after")
    def _can_embed(self) -> Settings:
        if self.embedding_model and self.model_dir:
            raise ValueError(
                f"{PREFIX}EMBEDDING_MODEL and {PREFIX}MODEL_DIR name two embedding models: unset one of them"
            )
        if self.embedding_base_url and not self.embedding_model:
            raise ValueError(
                f"{PREFIX}EMBEDDING_BASE_URL names a server and {PREFIX}EMBEDDING_MODEL no model on it: set"
                " the model, or unset the address"
            )
        if (self.embedding_query_prefix or self.embedding_passage_prefix) and not self.embedding_model:
            raise ValueError(
                f"{PREFIX}EMBEDDING_QUERY_PREFIX and {PREFIX}EMBEDDING_PASSAGE_PREFIX are for a model that"
                f" {PREFIX}EMBEDDING_MODEL names: set the model, or unset them"
            )
        keys = self.openai_api_key.get_secret_value(), self.embedding_api_key.get_secret_value()
        if self.embedding_model and not (any(keys) or self.embedding_base_url or self.openai_base_url):
            raise ValueError(
                f"{PREFIX}EMBEDDING_MODEL needs an endpoint: set OPENAI_API_KEY, or"
                f" {PREFIX}EMBEDDING_BASE_URL for a server of your own"
            )
        return self

    @model_validator(mode="after")
    def _can_write(self) -> Settings:
        if self.answer_mode == "generate" and not self.has_endpoint:
            raise ValueError(NO_ENDPOINT)
        if 2 * self.model_answer_tokens > self.model_context_tokens:
            raise ValueError(
                f"{PREFIX}MODEL_ANSWER_TOKENS can be at most half of {PREFIX}MODEL_CONTEXT_TOKENS, which hold"
                " the passages too: lower the one or raise the other"
            )
        return self

    @field_validator("chroma_url")
    @classmethod
    def _server_url(cls, url: str) -> str:
        if url and not _is_address(url):
            raise ValueError("it must be the address of a Chroma server, such as http://127.0.0.1:8000")
        return url.rstrip("/")

    def check_folders(self) -> None:
        """Check that the further folders are there, as they should be where they are read once.

        The app follows what is there, and tells on the page Library what is missing until it is back.

        Raises
        ------
        SettingsError
        """
        for path in self.folders:
            if not path.is_dir():
                raise SettingsError(
                    f"{PREFIX}FOLDERS names {path}, which is no folder here: make it, connect its drive, or"
                    " leave it out."
                )

    @classmethod
    def from_env(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """Read the settings from variables named ``FOOTNOTE_`` and a field's name, and three of ``OPENAI_``.

        Parameters
        ----------
        environment
            Where to read; the process's own environment if left out.

        Raises
        ------
        SettingsError
            A variable has an unknown name, or a value that can't be used.
        """
        read = os.environ if environment is None else environment
        known = variables()
        for name in sorted(read):
            if name.startswith(PREFIX) and read[name] and name not in known:
                names = ", ".join(sorted(known))
                raise SettingsError(f"{name} is no setting; the settings are {names}.")
        values = {field: read[name] for name, field in known.items() if read.get(name)}
        try:
            return cls(**values)  # type: ignore[arg-type]  # pydantic parses the strings
        except ValidationError as error:
            first = error.errors(include_input=False)[0]
            message = first["msg"].removeprefix("Value error, ")
            if not first["loc"]:
                raise SettingsError(f"{message}.") from error
            raise SettingsError(f"{_variable(str(first['loc'][0]))} can't be used: {message}.") from error


def variables() -> dict[str, str]:
    """Return the names of all variables with the fields that they set."""
    return {_variable(field): field for field in Settings.model_fields}


def is_on_this_computer(url: str) -> bool:
    """Whether an endpoint's address is one of this computer, for which no proxy is asked."""
    return urlsplit(url).hostname in LOOPBACK


def _variable(field: str) -> str:
    return field.upper() if field.startswith(ENDPOINT_PREFIX) else PREFIX + field.upper()


def _is_seen(text: str) -> bool:
    """Whether a text is on one line and all of it can be seen."""
    return text.isprintable() and without_hidden(text) == text


def _is_address(url: str) -> bool:
    """Whether this is an address over HTTP, without a password or a query."""
    try:
        parts = urlsplit(url)
        is_url = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number
        return False
    return is_url and not ("@" in parts.netloc or parts.query or parts.fragment)
