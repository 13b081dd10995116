"""An OpenAI-compatible endpoint: messages in, text piece by piece out, every failure one plain line.

A call runs in the background, so that the limits hold whatever the endpoint does (one that sends a space
every second never times out by itself) and that stopping closes the connection at once. Nothing that an
endpoint says is put into an error or a log, and no text of it passes with the key in it: it may repeat that.
"""

from __future__ import annotations

import re
import time
import warnings
from collections.abc import AsyncIterator, Callable, Generator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx2
import openai
from langchain_core.messages import AIMessage, BaseMessageChunk, HumanMessage, SystemMessage
from langchain_core.runnables import RunnableConfig
from langchain_openai import ChatOpenAI
from pydantic import SecretStr

from rag.documents import Stage
from rag.embedding.http_limits import Allowance, BoundedStream
from rag.errors import ModelError
from rag.settings import OPENAI_URL, Settings, is_on_this_computer
from rag.writing.background import Background, Nothing
from rag.writing.hushing import Hush, own_words
from rag.writing.prompts import Message
from rag.writing.tracing import traced_if

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
_CHARACTERS_A_TOKEN = 8
"""More than any tokenizer makes: an endpoint that goes on behind this doesn't keep to its limit."""
_MOST_BYTES = 20 * 1024 * 1024
_UNPACKED = "identity"
"""Packed, the most bytes could be a thousand times as many in memory."""
_TOO_LONG = re.compile(
    r"context[ _-](?:length|size|window|limit)|exceeds? (?:the )?(?:available |maximum |model'?s? )*context"
    r"|(?:prompt|input|request)[^.]{0,40} (?:is )?too long|too many (?:input )?tokens"
    r"|maximum[ a-z]{0,60} tokens",
    re.IGNORECASE,
)
"""What servers say of a request that doesn't fit; a "context deadline" is something else."""
# What isn't of the expected type is quoted in a warning, into the log: it may be the key.
warnings.filterwarnings("ignore", message="Pydantic serializer warnings", category=UserWarning)
_MESSAGES = {"system": SystemMessage, "user": HumanMessage, "assistant": AIMessage}


@dataclass(slots=True)
class Reply:
    """How a call went: ``text`` is all that came, ``is_cut`` says that it was stopped at a limit.

    ``is_filtered`` says that the endpoint's content filter stopped it.
    """

    text: str = ""
    is_cut: bool = False
    is_ended: bool = False
    is_filtered: bool = False
    prompt_tokens: int = 0
    completion_tokens: int = 0
    seconds_to_first_token: float = 0.0

    def take(self, chunk: BaseMessageChunk, piece: str, seconds: float, most_characters: int) -> str:
        """Add a chunk that came after so many seconds, and return its text, as far as there is room."""
        # One chunk may be as long as a thousand answers.
        piece = piece[: most_characters - len(self.text)]
        if piece and not self.text:
            self.seconds_to_first_token = seconds
        self.text += piece
        if usage := getattr(chunk, "usage_metadata", None):
            self.prompt_tokens = max(self.prompt_tokens, usage["input_tokens"])
            self.completion_tokens = max(self.completion_tokens, usage["output_tokens"])
        if reason := chunk.response_metadata.get("finish_reason"):
            self.is_ended = True
            self.is_cut = self.is_cut or reason == "length"
            self.is_filtered = self.is_filtered or reason == "content_filter"
        if len(self.text) >= most_characters:
            self.is_cut = self.is_ended = True
        return piece


@dataclass(frozen=True, slots=True)
class Limits:
    """When a model is given up: a moment of `time.monotonic`, or when the user stops it."""

    until: float
    is_stopped: Callable[[], bool] = lambda: False

    @property
    def is_over(self) -> bool:
        """Whether it is given up by now."""
        return time.monotonic() >= self.until or self.is_stopped()


class Stopped(Exception):  # no error: somebody pressed a button
    """The user has stopped the model."""


class Endpoint:
    """The endpoint of the settings."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._url = settings.openai_base_url or OPENAI_URL
        self._host = urlsplit(self._url).netloc
        self.model = settings.openai_model
        self._key = settings.openai_api_key.get_secret_value()
        self._is_openai = f".{urlsplit(self._url).hostname}".endswith(_OPENAI_HOSTS)

    def own_words(self, text: str) -> str:
        """Return what the model says that no source bears as it may be shown, without the key."""
        return own_words(text, self._key)

    def stream(
        self, messages: Sequence[Message], limits: Limits, config: RunnableConfig | None = None
    ) -> Generator[str | Stage, None, Reply]:
        """Send messages and give the text piece by piece; an empty piece says that nothing has come yet.

        Where the endpoint is busy and says for how long, that is waited for once, if it is short; where it
        wants its parameters by other names, it is asked again with those.

        Raises
        ------
        ModelError
            The endpoint failed, or took too long.
        Stopped
        """
        is_openai = self._is_openai
        try:
            return (yield from self._once(messages, limits, config))
        except _Busy as busy:
            seconds = busy.seconds
            if time.monotonic() + seconds >= limits.until:
                raise
        except _OtherWay:
            self._is_openai = not is_openai
            return (yield from self._once(messages, limits, config))
        yield Stage(f"Waiting {seconds:.0f} s, because the model's endpoint is busy")
        ready = time.monotonic() + seconds
        while time.monotonic() < ready:
            if limits.is_stopped():
                raise Stopped
            time.sleep(_TICK_SECONDS)
            yield ""
        return (yield from self._once(messages, limits, config))

    def ask(self, messages: Sequence[Message], limits: Limits, config: RunnableConfig | None = None) -> Reply:
        """Send messages and return the whole reply; raises what `stream` does."""
        steps = self.stream(messages, limits, config)
        while True:
            try:
                next(steps)
            except StopIteration as end:
                reply: Reply = end.value
                return reply

    def _once(
        self, messages: Sequence[Message], limits: Limits, config: RunnableConfig | None
    ) -> Generator[str | Stage, None, Reply]:
        reply, started = Reply(), time.monotonic()
        most_characters = _CHARACTERS_A_TOKEN * self._settings.model_answer_tokens
        hush = Hush(self._key, "\n".join(message.text for message in messages))
        heard = started
        call = Background(lambda: self._chunks(messages, config))
        try:
            while True:
                if limits.is_stopped():
                    raise Stopped
                try:
                    chunk = call.next(_TICK_SECONDS)
                except Nothing:
                    self._check_time(heard, limits, has_begun=bool(reply.text))
                    yield ""
                    continue
                except StopIteration:
                    break
                except Exception as error:  # noqa: BLE001  # whatever a client makes of what it was sent
                    # Without the cause: it may hold what the endpoint has said, the key among it.
                    raise self._translated(error, has_begun=bool(reply.text)) from None
                # Half of a sign, as a surrogate is, could not be sent back to be repaired.
                piece = hush.feed(str(chunk.text).encode("utf-8", "replace").decode())
                yield reply.take(chunk, piece, time.monotonic() - started, most_characters)
                if len(reply.text) >= most_characters:
                    break
                # What is done with a piece is no pause of the model's.
                heard = time.monotonic()
                # What comes steadily, with text in it or not, is stopped too.
                self._check_time(heard, limits, has_begun=bool(reply.text))
        finally:
            call.close()
        if not reply.is_ended:
            raise self._cut_short() if reply.text else self._unreadable()
        if reply.is_filtered:
            raise self._filtered()
        if not reply.is_cut:  # where it was, half of the key may be left
            rest = hush.finish()
            reply.text += rest
            yield rest
        return reply

    async def _chunks(
        self, messages: Sequence[Message], config: RunnableConfig | None
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
            sent = [_MESSAGES[message.role](message.text) for message in messages]
            stream = self._model(client).astream(sent, {**(config or {}), "run_name": "model"})
            with traced_if(settings.tracing):
                async with aclosing(stream):  # type: ignore[type-var]  # it is a generator
                    async for chunk in stream:
                        yield chunk

    def _model(self, client: httpx2.AsyncClient) -> ChatOpenAI:
        settings = self._settings
        limit: dict[str, Any] = {"extra_body": {"max_tokens": settings.model_answer_tokens}, "temperature": 0}
        if self._is_openai:
            limit = {"max_completion_tokens": settings.model_answer_tokens}
        return ChatOpenAI(
            model=self.model,
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

    def _check_time(self, heard: float, limits: Limits, *, has_begun: bool) -> None:
        settings, now = self._settings, time.monotonic()
        if now >= limits.until:
            took = settings.model_total_seconds
            raise ModelError(f"The model took longer than {took:g} s.", retryable=True)
        if not has_begun and now - heard > settings.model_first_token_seconds:
            waited = settings.model_first_token_seconds
            raise ModelError(f"The model at {self._host} wrote nothing within {waited:g} s.", retryable=True)
        if has_begun and now - heard > settings.model_between_tokens_seconds:
            waited = settings.model_between_tokens_seconds
            raise ModelError(
                f"The model at {self._host} stopped in the middle and wrote nothing for {waited:g} s.",
                retryable=True,
            )

    def _translated(self, error: Exception, *, has_begun: bool) -> ModelError:
        if isinstance(error, openai.APIStatusError):
            return self._refused(error)
        if isinstance(error, (openai.APITimeoutError, httpx2.TimeoutException)):
            return ModelError(f"The model's endpoint {self._host} did not answer in time.", retryable=True)
        if has_begun:
            return self._cut_short()
        if isinstance(error, openai.APIError) and _is_too_long(error):
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
                f"The model's endpoint {self._host} has no model “{self.model}”: check OPENAI_MODEL and"
                " OPENAI_BASE_URL."
            )
        if status == 413 or _is_too_long(error):
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

    def _too_long(self) -> ModelError:
        return TooLong(
            f"The passages are too long for the model “{self.model}”: lower FOOTNOTE_MODEL_CONTEXT_TOKENS."
        )

    def _filtered(self) -> ModelError:
        return ModelError(f"The content filter of the model's endpoint {self._host} stopped the answer.")

    def _cut_short(self) -> ModelError:
        return ModelError(
            f"The connection to the model's endpoint {self._host} broke off in the middle.", retryable=True
        )

    def _unreadable(self) -> ModelError:
        return ModelError(
            f"What the model's endpoint {self._host} answered can't be read: check OPENAI_BASE_URL,"
            " which mostly ends in /v1."
        )


class TooLong(ModelError):
    """What was sent is more than the model takes."""


class _OtherWay(ModelError):
    """The endpoint takes its parameters by other names."""


class _Busy(ModelError):
    """The endpoint is busy and says for how many seconds, few enough to wait for."""

    def __init__(self, message: str, seconds: float) -> None:
        super().__init__(message, retryable=True)
        self.seconds = seconds


def _is_too_long(error: openai.APIError) -> bool:
    return "context_" in str(error.code or "") or bool(_TOO_LONG.search(str(error)[:2_000]))


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
