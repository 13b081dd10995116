"""Footnote's engine: documents in, answers with footnotes out.

The public names, in the order of the pipeline.
"""

from rag.assistant import Assistant
from rag.catalog_view import Tombstone
from rag.documents import (
    AddReport,
    Answer,
    Block,
    Citation,
    Differing,
    Document,
    Filters,
    Hit,
    Loaded,
    NewDocument,
    Passage,
    Progress,
    Sentence,
    Stage,
)
from rag.embeddings import Embedder, LocalEmbeddings
from rag.errors import (
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
from rag.load_url import load_url
from rag.loaders import load_bytes, load_file
from rag.settings import Settings

__all__ = [
    "AddReport",
    "Answer",
    "Assistant",
    "Block",
    "CatalogError",
    "Citation",
    "Differing",
    "Document",
    "DocumentNotFound",
    "Embedder",
    "EmbeddingError",
    "Filters",
    "FootnoteError",
    "Hit",
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
    "Tombstone",
    "VectorIndexError",
    "load_bytes",
    "load_file",
    "load_url",
]
