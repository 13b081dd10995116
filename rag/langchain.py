"""The library, the assistant and the embedding model as LangChain wants them, and the chain to an answer.

Apart from the rest, and imported only where it is asked for: LangChain takes a third of a second to
import, which a start without it is spared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from itertools import chain
from typing import TYPE_CHECKING, Any, cast

from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document as LangChainDocument
from langchain_core.embeddings import Embeddings
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import Runnable, RunnableConfig, RunnableGenerator

from rag.answers import Answer
from rag.documents import Hit
from rag.embedding.local import Embedder
from rag.errors import SettingsError
from rag.settings import Settings
from rag.writing.job import Job, Shown
from rag.writing.model import Model, ProvidersModel

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

    from rag.writing.generating import Writer


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
        with _traced_if(self.library.settings.tracing):
            return super().invoke(input, config, **kwargs)

    async def ainvoke(
        self, input: str, config: RunnableConfig | None = None, **kwargs: Any
    ) -> list[LangChainDocument]:
        """Return the passages for a question."""
        with _traced_if(self.library.settings.tracing):
            return await super().ainvoke(input, config, **kwargs)

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun
    ) -> list[LangChainDocument]:
        return [_langchain_document(hit) for hit in self.library.search(query, self.limit, self.filters)]


class AnsweringChain(Runnable[str, Answer]):
    """The chain from a question to its answer: retrieve | quote | prompt | model | check.

    Streamed, it gives what `Assistant.stream` does. A question goes through it as a `Job`, to which each step
    adds what it makes; what is shown goes past the steps behind.

    Parameters
    ----------
    begin
        Makes the job of a question.
    retrieve, quote
        Work on a job and give what is shown; where that is the answer, nothing comes behind.
    writer
        Has the model write; without it the chain ends with the quotes.
    tracing
        Whether LangSmith's variables of the environment count.
    """

    def __init__(
        self,
        begin: Callable[[str], Job],
        retrieve: Callable[[Job], Iterator[Shown]],
        quote: Callable[[Job], Iterator[Shown]],
        writer: Writer | None,
        *,
        tracing: bool,
    ) -> None:
        self._begin = begin
        self._tracing = tracing
        steps = _step(retrieve, "retrieve") | _step(quote, "quote")
        if writer:
            # The template and the chat model are traced themselves, by their names.
            prompt, model = _step(writer.prompt), _Step(writer.write)
            check = _Step(RunnableGenerator(writer.check, name="check").transform)
            steps = steps | prompt | model | check
        self._steps = steps.with_config(run_name="footnote")

    def invoke(self, input: str, config: RunnableConfig | None = None, **kwargs: Any) -> Answer:
        """Return the answer."""
        *_, answer = self.stream(input, config)
        return cast(Answer, answer)

    def stream(self, input: str, config: RunnableConfig | None = None, **kwargs: Any) -> Iterator[Any]:
        """Give the steps to the answer, and last the answer."""
        job = self._begin(input)
        shown = self._steps.stream(job, config)
        try:
            # A run's tracers are chosen at its beginning.
            with _traced_if(self._tracing):
                first = next(shown)
            yield first
            # Not by "yield from": it would close the steps, which wait for the model, before the job.
            for item in shown:  # noqa: UP028
                yield item
        finally:
            job.close()


class _Step(Runnable[Any, Any]):
    """A step of a chain that streams: what is shown already goes past it, the rest of the stream into it."""

    def __init__(self, work: Callable[[Iterator[Any], RunnableConfig | None], Iterator[Any]]) -> None:
        self._work = work

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        """Return the last that comes of something."""
        *_, last = self.transform(iter([input]), config)
        return last

    def transform(
        self, input: Iterator[Any], config: RunnableConfig | None = None, **kwargs: Any
    ) -> Iterator[Any]:
        """Give what comes of a stream."""
        for item in input:
            if isinstance(item, Shown):
                yield item
            else:
                yield from self._work(chain([item], input), config)


def _step(work: Callable[[Job], Iterator[Shown]], name: str = "") -> Runnable[Any, Any]:
    """Return a step that works on a job, and gives that on unless the answer came of it.

    It is traced if it has a name.
    """

    def run(jobs: Iterator[Job], config: RunnableConfig | None = None) -> Iterator[Shown | Job]:
        [job] = jobs
        item = None
        for item in work(job):
            yield item
        if not isinstance(item, Answer):
            yield job

    return _Step(RunnableGenerator(run, name=name).transform if name else run)


def model_for(settings: Settings, chat_model: BaseChatModel | None) -> Model:
    """Return the model that writes: the one given, the provider's that the settings name, or an endpoint's.

    Raises
    ------
    SettingsError
        The provider is unknown, its package isn't installed, or it can't be used so.
    """
    if chat_model is None and settings.chat_model:
        chat_model = _chat_model(settings)
    if chat_model is not None:
        return ProvidersModel(settings, chat_model)
    # Its client takes a second to import.
    from rag.writing.endpoint import Endpoint

    return Endpoint(settings)


def _chat_model(settings: Settings) -> BaseChatModel:
    # Another third of a second, for few.
    from langchain.chat_models import init_chat_model

    named = f"FOOTNOTE_CHAT_MODEL names {settings.chat_model}"
    try:
        return init_chat_model(settings.chat_model, max_tokens=settings.model_answer_tokens, max_retries=0)
    except ImportError as error:
        package = (getattr(error.__cause__, "name", "") or "its package").split(".")[0].replace("_", "-")
        raise SettingsError(f"{named}, for which a package is missing: pip install {package}.") from error
    except Exception as error:  # noqa: BLE001  # each provider has its own
        # Without the cause: it may hold a key.
        raise SettingsError(
            f"{named}, which LangChain can't make ready ({type(error).__name__}): check its name and the"
            " provider's key."
        ) from None


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


def _traced_if(tracing: bool) -> AbstractContextManager[None]:
    """Return a block in which LangSmith's variables of the environment count only where `tracing` says so.

    They may be meant for other programs, and would send questions and passages outside. A tracer that a
    caller gives as a callback goes on working.
    """
    if tracing:
        return nullcontext()
    from langsmith import get_tracing_context, tracing_context

    return tracing_context(**{**get_tracing_context(), "enabled": False})
