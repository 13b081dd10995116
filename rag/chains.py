"""The library, the assistant and the embedding model as LangChain wants them.

Apart from the rest, and imported only where it is asked for: LangChain takes a third of a second to
import, which a start without it is spared.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document as LangChainDocument
from langchain_core.embeddings import Embeddings
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import Runnable, RunnableLambda

from rag.documents import Answer, Hit
from rag.embeddings import Embedder

Found = TypeVar("Found")


class LangChainEmbeddings(Embeddings):
    """An embedding model as LangChain's chains and vector stores want it."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Embed several texts."""
        return [self._embedder.embed_passage(text, ())[0].tolist() for text in texts]

    def embed_query(self, text: str) -> list[float]:
        """Embed a question."""
        values: list[float] = self._embedder.embed_question(text).tolist()
        return values


class LibraryRetriever(BaseRetriever):
    """A library as LangChain's chains want it."""

    library: Any
    limit: int = 10
    filters: Any = None

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun
    ) -> list[LangChainDocument]:
        return [_langchain_document(hit) for hit in self.library.search(query, self.limit, self.filters)]


def answering_chain(
    retrieve: Callable[[str], Found], answer: Callable[[Found], Answer]
) -> Runnable[str, Answer]:
    """Return the chain from a question to its answer, in two steps that callbacks can trace."""
    steps = RunnableLambda(retrieve, name="retrieve") | RunnableLambda(answer, name="quote")
    return steps.with_config(run_name="footnote")


def _langchain_document(hit: Hit) -> LangChainDocument:
    document, passage = hit.document, hit.passage
    metadata = {
        "document_id": document.id,
        "version": document.version,
        "start": passage.start,
        "end": passage.end,
        "title": document.title,
        "source": document.source,
        "url": document.url,
        "published": document.published.isoformat() if document.published else None,
        "score": hit.score,
    }
    return LangChainDocument(id=passage.id, page_content=passage.text, metadata=metadata)
