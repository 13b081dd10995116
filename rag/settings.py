"""Settings: built once at a front, frozen, and passed in."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

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
    passage_words: int = Field(150, ge=40, le=400)
    max_question_characters: int = Field(2_000, ge=100)
    max_upload_bytes: int = Field(25 * 1024 * 1024, ge=1024)

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
            raise SettingsError(f"{name} can't be used: {first['msg']}.") from error
