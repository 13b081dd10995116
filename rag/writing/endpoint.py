"""An OpenAI-compatible endpoint, with what can be wrong with it told apart."""

from __future__ import annotations

import time
import warnings
from collections.abc import AsyncIterator, Generator, Sequence
from contextlib import aclosing
from typing import Any
from urllib.parse import urlsplit

import httpx2
import openai
from langchain_core.messages import BaseMessage, BaseMessageChunk
from langchain_core.runnables import RunnableConfig
from langchain_openai import ChatOpenAI
from pydantic import SecretStr

from rag.answers import Stage
from rag.embedding.http_limits import Allowance, BoundedStream
from rag.errors import ModelError
from rag.settings import OPENAI_URL, Settings, is_on_this_computer
from rag.writing.job import Limits
from rag.writing.model import Model, Reply, Stopped, is_too_long

_OPENAI_HOSTS = (
    ".openai.com",
    ".openai.azure.com",
    ".cognitiveservices.azure.com",
    ".services.ai.azure.com",
)
"""Where models that reason take no temperature, and where the longest answer has another name."""
_DIFFERENT = ("max_tokens", "max_completion_tokens", "temperature")
"""What the two ways to ask differ in; a gateway to such models wants their way too."""
_NO_KEY = "none"
"""What is sent where no key is set: the client wants one, and servers of one's own don't look at it."""
_MOST_WAITED_SECONDS = 10.0
"""A longer Retry-After isn't waited for."""
_CONNECT_SECONDS = 10.0
_TICK_SECONDS = 0.1
_MOST_BYTES = 20 * 1024 * 1024
_UNPACKED = "identity"
"""Packed, the most bytes could be a thousand times as many in memory."""
# What isn't of the expected type is quoted in a warning, into the log: it may be the key.
warnings.filterwarnings("ignore", message="Pydantic serializer warnings", category=UserWarning)


class Endpoint(Model):
    """The endpoint of the settings."""

    def __init__(self, settings: Settings) -> None:
        self._url = settings.openai_base_url or OPENAI_URL
        self._host = urlsplit(self._url).netloc
        self._is_openai = f".{urlsplit(self._url).hostname}".endswith(_OPENAI_HOSTS)
        key = settings.openai_api_key.get_secret_value()
        super().__init__(settings, name=settings.openai_model, at=f"model at {self._host}", key=key)

    def stream(
        self, messages: Sequence[BaseMessage], limits: Limits, config: RunnableConfig | None = None
    ) -> Generator[str | Stage | Reply, None, None]:
        """Send messages as `Model.stream` does.

        Where the endpoint is busy and says for how long, that is waited for once, if it is short; where it
        wants its parameters by other names, it is asked again with those.
        """
        is_openai = self._is_openai
        try:
            yield from super().stream(messages, limits, config)
            return
        except _Busy as busy:
            seconds = busy.seconds
            if time.monotonic() + seconds >= limits.until:
                raise
        except _OtherWay:
            self._is_openai = not is_openai
            yield from super().stream(messages, limits, config)
            return
        yield Stage(f"Waiting {seconds:.0f} s, because the model's endpoint is busy")
        ready = time.monotonic() + seconds
        while time.monotonic() < ready:
            if limits.is_stopped():
                raise Stopped
            time.sleep(_TICK_SECONDS)
        yield from super().stream(messages, limits, config)

    async def _chunks(
        self, messages: Sequence[BaseMessage], config: RunnableConfig
    ) -> AsyncIterator[BaseMessageChunk]:
        settings = self._settings
        longest_pause = max(settings.model_first_token_seconds, settings.model_between_tokens_seconds)
        timeout = httpx2.Timeout(longest_pause + 1, connect=_CONNECT_SECONDS)
        # A proxy of the environment is for what is elsewhere.
        is_elsewhere = not is_on_this_computer(self._url)
        async with httpx2.AsyncClient(
            timeout=timeout,
            headers={"Accept-Encoding": _UNPACKED},
            event_hooks={"response": [_bound]},
            trust_env=is_elsewhere,
            follow_redirects=False,
        ) as client:
            stream = self._client_model(client).astream(list(messages), config)
            async with aclosing(stream):  # type: ignore[type-var]  # it is a generator
                async for chunk in stream:
                    yield chunk

    def _client_model(self, client: httpx2.AsyncClient) -> ChatOpenAI:
        settings = self._settings
        limit: dict[str, Any] = {"extra_body": {"max_tokens": settings.model_answer_tokens}, "temperature": 0}
        if self._is_openai:
            limit = {"max_completion_tokens": settings.model_answer_tokens}
        return ChatOpenAI(
            model=self.name,
            api_key=SecretStr(self._key or _NO_KEY),
            base_url=self._url,
            organization="",
            # Of the environment, it could not be had together with a client of ours.
            openai_proxy="",
            http_async_client=client,
            max_retries=0,
            stream_usage=True,
            stream_chunk_timeout=None,
            use_responses_api=False,
            **limit,
        )

    # ------------------------------------------------------------------------------ what goes wrong

    def _check_end(self, reply: Reply) -> None:
        if not reply.is_ended:
            raise self._cut_short() if reply.text else self._unreadable()
        super()._check_end(reply)

    def _translated(self, error: Exception, *, has_begun: bool) -> ModelError:
        if isinstance(error, openai.APIStatusError):
            return self._refused(error)
        if isinstance(error, (openai.APITimeoutError, httpx2.TimeoutException)):
            return ModelError(f"The model's endpoint {self._host} did not answer in time.", retryable=True)
        if has_begun:
            return self._cut_short()
        if isinstance(error, openai.APIError) and is_too_long(error):
            return self._too_long()
        if isinstance(error, (openai.APIConnectionError, httpx2.TransportError)):
            where = "check OPENAI_BASE_URL and that it runs"
            return ModelError(f"The model's endpoint {self._host} can't be reached: {where}.", retryable=True)
        if isinstance(error, openai.APIError):
            return ModelError(
                f"The model's endpoint {self._host} reported an error instead of an answer: ask again in a"
                " while.",
                retryable=True,
            )
        return self._unreadable()

    def _refused(self, error: openai.APIStatusError) -> ModelError:
        status = error.status_code
        if status < 400:
            return ModelError(
                f"The model's endpoint {self._host} points to another address ({status}), and nothing is sent"
                " there: set OPENAI_BASE_URL to where it really is."
            )
        if status in (401, 403):
            return ModelError(f"The model's endpoint {self._host} refused the key: check OPENAI_API_KEY.")
        if status == 404:
            return ModelError(
                f"The model's endpoint {self._host} has no model “{self.name}”: check OPENAI_MODEL and"
                " OPENAI_BASE_URL."
            )
        if status == 413 or is_too_long(error):
            return self._too_long()
        if error.code == "content_filter":
            return self._filtered()
        if status == 429 and error.code == "insufficient_quota":
            return ModelError(f"The account at {self._host} has no credit left for the model.")
        if status in (429, 503):
            seconds = _retry_after(error.response.headers.get("retry-after"))
            line = f"The model's endpoint {self._host} is busy ({status}): ask again in a while."
            return ModelError(line, retryable=True) if seconds is None else _Busy(line, seconds)
        if status >= 500:
            return ModelError(
                f"The model's endpoint {self._host} failed ({status}): ask again in a while.", retryable=True
            )
        kind = _OtherWay if status == 400 and error.param in _DIFFERENT else ModelError
        return kind(
            f"The model's endpoint {self._host} did not accept the request ({status}): check OPENAI_MODEL and"
            " OPENAI_BASE_URL."
        )

    def _unreadable(self) -> ModelError:
        return ModelError(
            f"What the model's endpoint {self._host} answered can't be read: check OPENAI_BASE_URL,"
            " which mostly ends in /v1."
        )


class _OtherWay(ModelError):
    """The endpoint takes its parameters by other names."""


class _Busy(ModelError):
    """The endpoint is busy and says for how many seconds, few enough to wait for."""

    def __init__(self, message: str, seconds: float) -> None:
        super().__init__(message, retryable=True)
        self.seconds = seconds


async def _bound(response: httpx2.Response) -> None:
    """Break off an answer that fills the memory without ever becoming a chunk."""
    is_packed = response.headers.pop("content-encoding", _UNPACKED) != _UNPACKED
    response.stream = (_UnreadStream if is_packed else BoundedStream)(response.stream, Allowance(_MOST_BYTES))


class _UnreadStream(BoundedStream):
    """In place of what is packed, of which the status is enough."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        return
        yield b""


def _retry_after(header: str | None) -> float | None:
    """Return the seconds of a Retry-After if they are few; a date, which few send, isn't waited for."""
    try:
        seconds = float(header or "nan")
    except ValueError:
        return None
    return max(seconds, 0.0) if seconds <= _MOST_WAITED_SECONDS else None
