"""Footnote's engine: documents in, answers with footnotes out.

The public names, in the order of the pipeline. Each is imported when it is first asked for (PEP 562), so that
the process that reads files has its memory for these, and the command line begins at once.
"""

from importlib import import_module
from typing import TYPE_CHECKING

import rag.telemetry  # noqa: F401  # first of all: what it switches off is read as others are imported

if TYPE_CHECKING:
    from rag.answers import NO_ANSWER as NO_ANSWER
    from rag.answers import Answer as Answer
    from rag.answers import AnswerMode as AnswerMode
    from rag.answers import Citation as Citation
    from rag.answers import Differing as Differing
    from rag.answers import Items as Items
    from rag.answers import KeptOut as KeptOut
    from rag.answers import LeftOut as LeftOut
    from rag.answers import Sentence as Sentence
    from rag.answers import Stage as Stage
    from rag.answers import Usage as Usage
    from rag.answers import Writing as Writing
    from rag.answers import gaps as gaps
    from rag.answers import kept_out_line as kept_out_line
    from rag.answers import left_out_line as left_out_line
    from rag.answers import remarks as remarks
    from rag.assistant import Assistant as Assistant
    from rag.conversations import Turn as Turn
    from rag.documents import AddReport as AddReport
    from rag.documents import Block as Block
    from rag.documents import Document as Document
    from rag.documents import Filters as Filters
    from rag.documents import Hit as Hit
    from rag.documents import Loaded as Loaded
    from rag.documents import NewDocument as NewDocument
    from rag.documents import Passage as Passage
    from rag.documents import Progress as Progress
    from rag.documents import Story as Story
    from rag.documents import told_together as told_together
    from rag.embedding.endpoint import EndpointEmbeddings as EndpointEmbeddings
    from rag.embedding.local import Embedder as Embedder
    from rag.embedding.local import LocalEmbeddings as LocalEmbeddings
    from rag.errors import Cancelled as Cancelled
    from rag.errors import CatalogError as CatalogError
    from rag.errors import DocumentNotFound as DocumentNotFound
    from rag.errors import EmbeddingError as EmbeddingError
    from rag.errors import FootnoteError as FootnoteError
    from rag.errors import LoadError as LoadError
    from rag.errors import ModelError as ModelError
    from rag.errors import PromptError as PromptError
    from rag.errors import QuestionError as QuestionError
    from rag.errors import SettingsError as SettingsError
    from rag.errors import VectorIndexError as VectorIndexError
    from rag.library import Library as Library
    from rag.library import LibraryStatus as LibraryStatus
    from rag.loading.loaders import load_bytes as load_bytes
    from rag.loading.loaders import load_file as load_file
    from rag.settings import Settings as Settings
    from rag.store.catalog_view import Failure as Failure
    from rag.store.catalog_view import Tombstone as Tombstone
    from rag.support.check import Support as Support
    from rag.support.check import check_support as check_support
    from rag.web.pages import load_url as load_url

_HOMES = {
    "errors": (
        "FootnoteError SettingsError LoadError CatalogError DocumentNotFound EmbeddingError VectorIndexError"
        " QuestionError PromptError ModelError Cancelled"
    ),
    "documents": (
        "Block NewDocument Document Story Passage Loaded AddReport Progress Filters Hit told_together"
    ),
    "answers": (
        "Stage Answer Sentence Citation Differing Items Writing LeftOut KeptOut Usage AnswerMode NO_ANSWER"
        " remarks gaps left_out_line kept_out_line"
    ),
    "settings": "Settings",
    "embedding.local": "Embedder LocalEmbeddings",
    "embedding.endpoint": "EndpointEmbeddings",
    "loading.loaders": "load_bytes load_file",
    "web.pages": "load_url",
    "store.catalog_view": "Failure Tombstone",
    "support.check": "Support check_support",
    "library": "Library LibraryStatus",
    "assistant": "Assistant",
    "conversations": "Turn",
}
"""The modules of the public names; the imports above tell the same to who reads and checks types."""
_HOME_OF = {name: f"rag.{module}" for module, names in _HOMES.items() for name in names.split()}

__all__ = list(_HOME_OF)


def __getattr__(name: str) -> object:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
