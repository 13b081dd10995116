"""From text to vectors, with an OpenAI-compatible endpoint instead of the packaged model."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import lru_cache, partial
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

import numpy as np

from rag.deadline import in_time
from rag.embedding.local import Embedder, LocalEmbeddings, PassageVectors, Vector, Vectors
from rag.embedding.word_vectors import NO_WORDS, WordVectors
from rag.errors import EmbeddingError
from rag.settings import OPENAI_URL, Settings, is_on_this_computer

if TYPE_CHECKING:
    from openai import OpenAI

MOST_CHARACTERS = 8_000
"""Of one text: what lies beyond is left out. OpenAI's models read 8,191 tokens, in some scripts as many as
characters."""
SHORTER = (1_000, 250)
"""Characters to which texts are cut and sent once more if a server, as llama.cpp's, refuses them instead of
leaving out what is too much for the model. The first is about what the packaged one reads; the second fits
into 512 tokens, the least that models read, in nearly any script."""
_MOST_TEXTS = 128
"""In one call: the passages and sentences of an article of about 3,000 words."""
_MOST_CALL_CHARACTERS = 100_000
"""In one call, of which OpenAI takes 300,000 tokens."""
_REST_SECONDS = 15.0
"""After a failure that the next call would share nothing is asked for so long: of a hundred documents not
each waits for an endpoint that is down."""
_QUESTIONS_KEPT = 200
_NONE = "-"
"""Stands for a text of nothing but spaces, which OpenAI refuses."""


class _Patience(NamedTuple):
    """How long an answer may take, how long the endpoint may put us off, and how often it is asked again."""

    seconds: float
    wait_seconds: float
    retries: int


_QUESTION = _Patience(10.0, 1.0, 1)
_PASSAGES = _Patience(90.0, 30.0, 2)
"""A server on a slow machine needs a good part of that for a batch."""


def embedder_of(settings: Settings) -> Embedder:
    """Return the embedding model that the settings name, or the packaged one.

    Raises
    ------
    EmbeddingError
        A model on this machine is missing or can't be used.
    """
    if settings.embedding_model:
        return EndpointEmbeddings(settings)
    return LocalEmbeddings.from_settings(settings)


def told(embedder: Embedder) -> str:
    """Return what a reader should know of a model other than the packaged one, "" for that."""
    if embedder.has_words:
        return ""
    name = embedder.label if isinstance(embedder, EndpointEmbeddings) else embedder.name
    return f"embedded with {name}, sentences chosen by their words"


class EndpointEmbeddings:
    """An embedding model behind an OpenAI-compatible endpoint.

    A passage and its sentences are embedded each by itself, in batches: an endpoint gives one vector a
    text, so a sentence hasn't seen what stands around it, and words have no vectors.
    """

    languages: frozenset[str] = frozenset()
    has_words = False

    def __init__(self, settings: Settings) -> None:
        self._model = settings.embedding_model
        written_at = settings.openai_base_url or OPENAI_URL
        self._base_url = settings.embedding_base_url or written_at
        key, self._key_variable = settings.embedding_api_key, "FOOTNOTE_EMBEDDING_API_KEY"
        if not key.get_secret_value() and self._base_url == written_at:
            key, self._key_variable = settings.openai_api_key, "OPENAI_API_KEY"
        self._key = key
        # What the model wants before a question and before a passage, such as "query: " and "passage: ".
        prefixes = settings.embedding_query_prefix, settings.embedding_passage_prefix
        self._before_question, self._before_passage = prefixes
        host = urlsplit(self._base_url).netloc
        self.name = f"openai:{self._model}@{host}"
        if any(prefixes):  # vectors made with others can't be compared
            self.name += " with " + " and ".join(map(json.dumps, prefixes))
        self.label = f"{self._model} at {host}"
        self._subject = f"The embedding model {self.label}"
        self._dimensions = 0
        self._clients: dict[_Patience, OpenAI] = {}
        self._vector_of: Callable[[str], Vector] = lru_cache(_QUESTIONS_KEPT)(self._embed_one)
        self._mutex = threading.Lock()
        self._troubles: dict[_Patience, tuple[float, str]] = {}

    @property
    def sent_to(self) -> str:
        """The server that texts are sent to, "" if that is this computer."""
        return "" if is_on_this_computer(self._base_url) else urlsplit(self._base_url).netloc

    @property
    def dimensions(self) -> int:
        """The length of a vector, which the first answer tells.

        Raises
        ------
        EmbeddingError
            It isn't known yet, and the endpoint failed.
        """
        return self._dimensions or len(self.embed_question("dimensions"))

    def embed_question(self, text: str) -> Vector:
        """Embed a question.

        Raises
        ------
        EmbeddingError
            The endpoint failed.
        """
        return self._vector_of(self._before_question + _sent(text))

    def _embed_one(self, question: str) -> Vector:
        vector: Vector = self._embed([question], _QUESTION)[0]
        return vector

    def embed_question_words(self, text: str) -> tuple[Vector, WordVectors]:
        """Embed a question; its words have no vectors."""
        return self.embed_question(text), NO_WORDS

    def embed_passage(self, text: str, spans: Sequence[tuple[int, int]]) -> PassageVectors:
        """Embed a passage and its sentences in one call."""
        [vectors] = self.embed_passages([(text, spans)])
        return vectors

    def embed_passages(
        self, passages: Sequence[tuple[str, Sequence[tuple[int, int]]]]
    ) -> list[PassageVectors]:
        """Embed passages and their sentences in as few calls as there may be.

        Raises
        ------
        EmbeddingError
            The endpoint failed.
        """
        parts = [[_sent(text), *(_sent(text[a:b]) for a, b in spans)] for text, spans in passages]
        rows = dict[str, Vector]()
        for batch in _batches(list(dict.fromkeys(text for part in parts for text in part))):
            vectors = self._embed([self._before_passage + text for text in batch], _PASSAGES)
            rows.update(zip(batch, vectors, strict=True))
        made = list[PassageVectors]()
        for whole, *sentences in parts:
            matrix = np.array([rows[text] for text in sentences], np.float32)
            made.append(PassageVectors(rows[whole], matrix.reshape(len(sentences), len(rows[whole]))))
        return made

    def _embed(self, texts: list[str], patience: _Patience) -> Vectors:
        for most in SHORTER:
            try:
                return self._asked(texts, patience)
            except _Refused:
                if max(map(len, texts)) <= most:
                    raise
                texts = [text[:most] for text in texts]
        return self._asked(texts, patience)

    def _asked(self, texts: list[str], patience: _Patience) -> Vectors:
        until, sentence = self._troubles.get(patience, (0.0, ""))
        if time.monotonic() < until:
            raise _Down(sentence)
        try:
            vectors = np.array(self._in_time(texts, patience), np.float32)
        except Exception as error:  # noqa: BLE001  # whatever the libraries make of what they were sent
            failure = self._translated(error)
            if isinstance(failure, _Down):
                self._troubles[patience] = time.monotonic() + _REST_SECONDS, str(failure)
            # Without the cause: it may hold what the endpoint has said, the key among it.
            raise failure from None
        return self._checked(vectors, len(texts))

    def _in_time(self, texts: list[str], patience: _Patience) -> list[list[float]]:
        """Return the vectors of texts.

        The client's own limit begins anew with each line of headers, of which a server may send ever more.

        Raises
        ------
        TimeoutError
        """
        client = self._client(patience)
        most_seconds = (patience.retries + 1) * (patience.seconds + patience.wait_seconds)
        # Not every server knows base64.
        ask = partial(client.embeddings.create, model=self._model, input=texts, encoding_format="float")
        try:
            return [one.embedding for one in in_time(ask, most_seconds).data]
        except TimeoutError:
            with self._mutex:
                self._clients.pop(patience, None)
            with suppress(Exception):  # what it does while it is closed
                client.close()
            raise

    def _client(self, patience: _Patience) -> OpenAI:
        with self._mutex:
            if patience not in self._clients:
                from openai import OpenAI

                from rag.embedding.http_limits import limited_client

                client = limited_client(self._base_url, patience.seconds, patience.wait_seconds)
                self._clients[patience] = OpenAI(
                    base_url=self._base_url,
                    # The client wants one, and servers of one's own don't look at it.
                    api_key=self._key.get_secret_value() or "none",
                    organization="",
                    max_retries=patience.retries,
                    http_client=client,
                    # None, its default, would stand for no end of waiting, whatever the client has.
                    timeout=client.timeout,
                )
            return self._clients[patience]

    def _checked(self, vectors: Vectors, asked: int) -> Vectors:
        """Return vectors normalised.

        Raises
        ------
        EmbeddingError
            They are not as many or as long as they should be, or hold no direction.
        """
        if len(vectors) != asked:
            raise EmbeddingError(
                f"{self._subject} gave {len(vectors)} vectors for {asked} texts: choose another server."
            )
        lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
        if vectors.ndim != 2 or not np.isfinite(lengths).all() or not (lengths > 0).all():
            raise EmbeddingError(f"{self._subject} gave vectors without a direction: choose another model.")
        with self._mutex:
            self._dimensions = self._dimensions or vectors.shape[1]
        if vectors.shape[1] != self._dimensions:
            raise EmbeddingError(
                f"{self._subject} gave vectors of {vectors.shape[1]} numbers, and before of"
                f" {self._dimensions}: another model answers by its name, so start Footnote anew."
            )
        normalised: Vectors = (vectors / lengths).astype(np.float32)
        return normalised

    def _translated(self, error: Exception) -> EmbeddingError:
        import openai

        match error:
            case openai.APITimeoutError() | TimeoutError():
                return _Down(f"{self._subject} doesn't answer in time: try again when it is less busy.")
            case openai.APIConnectionError():
                return _Down(f"{self._subject} can't be reached: start it, or check its address.")
            case openai.AuthenticationError() | openai.PermissionDeniedError():
                return _Down(f"{self._subject} refuses the key: check {self._key_variable}.")
            case openai.NotFoundError():
                return _Down(
                    f"{self._subject} isn't there (404): check FOOTNOTE_EMBEDDING_MODEL, and that the address"
                    " is that of an OpenAI-compatible endpoint, which mostly ends in /v1."
                )
            case openai.RateLimitError():
                return _Down(
                    f"{self._subject} takes no more for now (429): try again later, or see to its limits and"
                    " its credit."
                )
            case openai.APIStatusError(status_code=status) if status < 400:
                return _Down(
                    f"{self._subject} points to another address ({status}), and no text is sent there: set"
                    " FOOTNOTE_EMBEDDING_BASE_URL to where it really is."
                )
            case openai.APIStatusError(status_code=status) if status <= 500:  # llama.cpp says 500
                return _Refused(
                    f"{self._subject} refused a text ({status}): try again later, and if it always does,"
                    " choose another model."
                )
            case openai.APIStatusError(status_code=status):
                return _Down(f"{self._subject} failed ({status}): try again later.")
        return EmbeddingError(f"{self._subject} answered something else than vectors: check its address.")


class _Refused(EmbeddingError):
    """The endpoint wouldn't embed these texts, most often because one is too long for the model."""


class _Down(EmbeddingError):
    """The endpoint failed, as it would at the next texts."""


def _sent(text: str) -> str:
    return text[:MOST_CHARACTERS].strip() or _NONE


def _batches(texts: Sequence[str]) -> Iterator[list[str]]:
    batch, characters = list[str](), 0
    for text in texts:
        if batch and (len(batch) == _MOST_TEXTS or characters + len(text) > _MOST_CALL_CHARACTERS):
            yield batch
            batch, characters = [], 0
        batch.append(text)
        characters += len(text)
    if batch:
        yield batch
