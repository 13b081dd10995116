"""Settings: built once at a front, frozen, and passed in."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from rag.errors import SettingsError

PREFIX = "FOOTNOTE_"


class Settings(BaseModel):
    """Where things are and how large they may be.

    A plain model rather than pydantic-settings: that reads the environment whenever settings are
    made and passes over unknown names, and here only `from_env` may read and none may be unknown.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    data_dir: Path = Path("data")
    """The library: catalog, vector index, conversations and uploads."""
    corpus_dir: Path = Path("corpus")
    """The folder of articles that the app indexes at its start."""
    answer_mode: Literal["auto", "quote"] = "auto"
    """How answers are made; "auto" quotes, as long as no model can be set."""
    model_dir: Path | None = None
    """A folder with `model.onnx` and `tokenizer.json` instead of the packaged model."""
    chroma_url: str = ""
    """A Chroma server that several apps share, such as http://127.0.0.1:8000; empty for a folder of ours."""
    passage_words: int = Field(150, ge=40, le=400)
    max_question_characters: int = Field(2_000, ge=100)
    max_upload_bytes: int = Field(25 * 1024 * 1024, ge=1024)

    @field_validator("chroma_url")
    @classmethod
    def _server_url(cls, url: str) -> str:
        try:
            parts = urlsplit(url)
            is_url = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:  # a port that is no number
            is_url = False
        if url and (not is_url or "@" in parts.netloc or parts.query or parts.fragment):
            raise ValueError("it must be the address of a Chroma server, such as http://127.0.0.1:8000")
        return url.rstrip("/")

    @classmethod
    def from_env(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """Read the settings from variables named ``FOOTNOTE_`` and a field's name.

        Parameters
        ----------
        environment
            Where to read; the process's own environment if left out.

        Raises
        ------
        SettingsError
            A variable has an unknown name, or a value that can't be used.
        """
        variables = os.environ if environment is None else environment
        values = {
            name.removeprefix(PREFIX).lower(): value
            for name, value in variables.items()
            if name.startswith(PREFIX) and value
        }
        known = set(cls.model_fields)
        for name in sorted(values.keys() - known):
            names = ", ".join(PREFIX + field.upper() for field in sorted(known))
            raise SettingsError(f"{PREFIX}{name.upper()} is no setting; the settings are {names}.")
        try:
            return cls(**values)  # type: ignore[arg-type]  # pydantic parses the strings
        except ValidationError as error:
            first = error.errors()[0]
            name = PREFIX + str(first["loc"][0]).upper()
            raise SettingsError(
                f"{name} can't be used: {first['msg'].removeprefix('Value error, ')}."
            ) from error
