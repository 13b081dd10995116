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
    LeftOut,
    Loaded,
    NewDocument,
    Passage,
    Progress,
    Sentence,
    Stage,
    Usage,
)
from rag.embeddings import Embedder, LocalEmbeddings
from rag.endpoint_embeddings import EndpointEmbeddings
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
from rag.support import Support, check_support

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
    "EndpointEmbeddings",
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
    "Support",
    "Tombstone",
    "Usage",
    "VectorIndexError",
    "check_support",
    "load_bytes",
    "load_file",
    "load_url",
]
