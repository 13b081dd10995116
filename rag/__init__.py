"""Footnote's engine: documents in, answers with footnotes out.

The public names, in the order of the pipeline.
"""

from typing import TYPE_CHECKING

import rag.silence  # noqa: F401  # first of all: what it switches off is read as others are imported
from rag.assistant import Assistant
from rag.documents import (
    AddReport,
    Answer,
    Block,
    Citation,
    Differing,
    Document,
    Filters,
    Hit,
    LeftOut,
    Loaded,
    NewDocument,
    Passage,
    Progress,
    Sentence,
    Stage,
    Story,
    Usage,
)
from rag.embedding.endpoint import EndpointEmbeddings
from rag.embedding.local import Embedder, LocalEmbeddings
from rag.errors import (
    Cancelled,
    CatalogError,
    DocumentNotFound,
    EmbeddingError,
    FootnoteError,
    LoadError,
    ModelError,
    PromptError,
    QuestionError,
    SettingsError,
    VectorIndexError,
)
from rag.library import Library, LibraryStatus
from rag.loading.loaders import load_bytes, load_file
from rag.settings import Settings
from rag.store.catalog_view import Failure, Tombstone
from rag.support.check import Support, check_support

# isort: split
# What fronts need besides.
from rag.conversations import Turn
from rag.documents import NO_ANSWER, AnswerMode, KeptOut, kept_out_line, remarks, told_together

if TYPE_CHECKING:
    from rag.web.pages import load_url

__all__ = [
    "AddReport",
    "Answer",
    "Assistant",
    "Block",
    "Cancelled",
    "CatalogError",
    "Citation",
    "Differing",
    "Document",
    "DocumentNotFound",
    "Embedder",
    "EmbeddingError",
    "EndpointEmbeddings",
    "Failure",
    "Filters",
    "FootnoteError",
    "Hit",
    "LeftOut",
    "Library",
    "LibraryStatus",
    "LoadError",
    "Loaded",
    "LocalEmbeddings",
    "ModelError",
    "NewDocument",
    "Passage",
    "Progress",
    "PromptError",
    "QuestionError",
    "Sentence",
    "Settings",
    "SettingsError",
    "Stage",
    "Story",
    "Support",
    "Tombstone",
    "Usage",
    "VectorIndexError",
    "check_support",
    "load_bytes",
    "load_file",
    "load_url",
]
__all__ += ["NO_ANSWER", "AnswerMode", "KeptOut", "Turn", "kept_out_line", "remarks", "told_together"]


def __getattr__(name: str) -> object:
    # Imported where it is asked for: the HTTP client takes a tenth of a second, which a start is spared.
    if name == "load_url":
        from rag.web.pages import load_url

        return load_url
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
