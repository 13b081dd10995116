"""The library, the assistant and the embedding model as LangChain wants them.

Apart from the rest, and imported only where it is asked for: LangChain takes a third of a second to
import, which a start without it is spared.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, cast

from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document as LangChainDocument
from langchain_core.embeddings import Embeddings
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import Runnable, RunnableConfig, RunnableLambda

from rag.documents import Answer, Hit, Sentence, Stage
from rag.embedding.local import Embedder
from rag.writing.tracing import Given, Made, Trace, traced_if


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

    def invoke(
        self, input: str, config: RunnableConfig | None = None, **kwargs: Any
    ) -> list[LangChainDocument]:
        """Return the passages for a question."""
        with traced_if(self.library.settings.tracing):
            return super().invoke(input, config, **kwargs)

    async def ainvoke(
        self, input: str, config: RunnableConfig | None = None, **kwargs: Any
    ) -> list[LangChainDocument]:
        """Return the passages for a question."""
        with traced_if(self.library.settings.tracing):
            return await super().ainvoke(input, config, **kwargs)

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun
    ) -> list[LangChainDocument]:
        return [_langchain_document(hit) for hit in self.library.search(query, self.limit, self.filters)]


class Traced:
    """Runs the steps of a chain so that callbacks see them, each by its name."""

    def __init__(self, config: RunnableConfig) -> None:
        self.config = config

    def step(self, name: str, function: Callable[[Given], Made], given: Given) -> Made:
        """Return what a function makes of something, as a run of its own."""
        return RunnableLambda(function, name=name).invoke(given, self.config)


class _AnsweringChain(RunnableLambda[str, Answer]):
    """The chain, traced by what a caller asks for, and by the environment only where a setting says so.

    A run's tracers are chosen at its beginning, so of a stream only the first step is taken within the block.
    """

    def __init__(self, function: Callable[[str], Answer], tracing: bool) -> None:
        super().__init__(function, name="footnote")
        self._tracing = tracing

    def invoke(self, input: str, config: RunnableConfig | None = None, **kwargs: Any) -> Answer:
        """Return the answer."""
        with traced_if(self._tracing):
            return super().invoke(input, config, **kwargs)

    async def ainvoke(self, input: str, config: RunnableConfig | None = None, **kwargs: Any) -> Answer:
        """Return the answer."""
        with traced_if(self._tracing):
            return await super().ainvoke(input, config, **kwargs)

    def transform(
        self, input: Iterator[str], config: RunnableConfig | None = None, **kwargs: Any
    ) -> Iterator[Answer]:
        """Give the steps to the answer."""
        steps = super().transform(input, config, **kwargs)
        with traced_if(self._tracing):
            first = next(steps, None)
        if first is not None:
            yield first
        yield from steps

    async def atransform(
        self, input: AsyncIterator[str], config: RunnableConfig | None = None, **kwargs: Any
    ) -> AsyncIterator[Answer]:
        """Give the steps to the answer."""
        steps = super().atransform(input, config, **kwargs)
        with traced_if(self._tracing):
            first = await anext(steps, None)
        if first is not None:
            yield first
        async for step in steps:
            yield step


def answering_chain(
    answer: Callable[[str, Trace], Iterator[Stage | Sentence | Answer]], *, tracing: bool
) -> Runnable[str, Answer]:
    """Return the chain from a question to its answer; streamed, it gives all that comes before it too."""

    def footnote(question: str, config: RunnableConfig) -> Iterator[Any]:
        yield from answer(question, Traced(config))

    # Invoked, a generator gives the sum of its steps, and of steps that don't add up the last: the answer.
    return _AnsweringChain(cast(Callable[[str], Answer], footnote), tracing)


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
