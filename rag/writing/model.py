"""A chat model of LangChain's: messages in, text piece by piece out, every failure one plain line.

A call runs in the background, so that the limits hold whatever the model does (an endpoint that sends a space
every second never times out by itself) and that stopping ends it at once. Nothing that a provider says is put
into an error or a log, and no text of it passes with the key in it: it may repeat that.
"""

from __future__ import annotations

import re
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Generator, Sequence
from dataclasses import dataclass

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage, BaseMessageChunk
from langchain_core.runnables import RunnableConfig
from pydantic import SecretStr

from rag.answers import Stage
from rag.errors import ModelError
from rag.settings import Settings
from rag.writing.background import Background, Nothing
from rag.writing.hushing import Hush, own_words
from rag.writing.job import Limits

_TICK_SECONDS = 0.1
_CHARACTERS_A_TOKEN = 8
"""More than any tokenizer makes: a model that goes on behind this doesn't keep to its limit."""
_TOO_LONG = re.compile(
    r"context[ _-](?:length|size|window|limit)|exceeds? (?:the )?(?:available |maximum |model'?s? )*context"
    r"|(?:prompt|input|request)[^.]{0,40} (?:is )?too long|too many (?:input )?tokens"
    r"|maximum[ a-z]{0,60} tokens",
    re.IGNORECASE,
)
"""What servers say of a request that doesn't fit; a "context deadline" is something else."""
_REASONS = ("finish_reason", "stop_reason", "done_reason")
"""Where providers say why a model has ended."""
_CUT = ("length", "max_tokens")
_FILTERED = ("content_filter", "safety", "refusal")


@dataclass(slots=True)
class Reply:
    """How a call went: ``text`` is all that came, ``is_cut`` says that it was stopped at a limit.

    ``is_filtered`` says that the provider's content filter stopped it.
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
        if reason := next(filter(None, map(chunk.response_metadata.get, _REASONS)), ""):
            self.is_ended = True
            self.is_cut = self.is_cut or str(reason).lower() in _CUT
            self.is_filtered = self.is_filtered or str(reason).lower() in _FILTERED
        if len(self.text) >= most_characters:
            self.is_cut = self.is_ended = True
        return piece


class Stopped(Exception):  # no error: somebody pressed a button
    """The user has stopped the model."""


class TooLong(ModelError):
    """What was sent is more than the model takes."""


class Model(ABC):
    """A chat model within its limits.

    Parameters
    ----------
    name, at
        Its name for the user, and what it is in a sentence.
    key
        What nothing that it says may hold.
    """

    def __init__(self, settings: Settings, *, name: str, at: str, key: str) -> None:
        self.name = name
        self.at = at
        self._settings = settings
        self._key = key

    def own_words(self, text: str) -> str:
        """Return what the model says that no source bears as it may be shown, without the key."""
        return own_words(text, self._key)

    def stream(
        self, messages: Sequence[BaseMessage], limits: Limits, config: RunnableConfig | None = None
    ) -> Generator[str | Stage | Reply, None, None]:
        """Send messages and give the text piece by piece, and last how it went.

        Parameters
        ----------
        config
            The run that it is a part of, if that isn't the one that goes on.

        Raises
        ------
        ModelError
            The model failed, or took too long.
        Stopped
        """
        reply, started = Reply(), time.monotonic()
        most_characters = _CHARACTERS_A_TOKEN * self._settings.model_answer_tokens
        hush = Hush(self._key, "\n".join(str(message.content) for message in messages))
        heard = started
        call = Background(lambda: self._chunks(messages, {**(config or {}), "run_name": "model"}))
        try:
            while True:
                if limits.is_stopped():
                    raise Stopped
                try:
                    chunk = call.next(_TICK_SECONDS)
                except Nothing:
                    self._check_time(heard, limits, has_begun=bool(reply.text))
                    continue
                except StopIteration:
                    break
                except Exception as error:  # noqa: BLE001  # whatever a client makes of what it was sent
                    # Without the cause: it may hold what the provider has said, the key among it.
                    raise self._translated(error, has_begun=bool(reply.text)) from None
                # Half of a sign, as a surrogate is, could not be sent back to be repaired.
                piece = hush.feed(str(chunk.text).encode("utf-8", "replace").decode())
                if piece := reply.take(chunk, piece, time.monotonic() - started, most_characters):
                    yield piece
                if len(reply.text) >= most_characters:
                    break
                # What is done with a piece is no pause of the model's.
                heard = time.monotonic()
                # What comes steadily, with text in it or not, is stopped too.
                self._check_time(heard, limits, has_begun=bool(reply.text))
        finally:
            call.close()
        self._check_end(reply)
        if not reply.is_cut:  # where it was, half of the key may be left
            rest = hush.finish()
            reply.text += rest
            yield rest
        yield reply

    def ask(self, messages: Sequence[BaseMessage], limits: Limits) -> Reply:
        """Send messages and return the whole reply; raises what `stream` does."""
        *_, reply = self.stream(messages, limits)
        assert isinstance(reply, Reply)
        return reply

    @abstractmethod
    def _chunks(
        self, messages: Sequence[BaseMessage], config: RunnableConfig
    ) -> AsyncIterator[BaseMessageChunk]:
        """Return what the chat model gives."""

    @abstractmethod
    def _translated(self, error: Exception, *, has_begun: bool) -> ModelError:
        """Return one plain line for what the chat model raised."""

    # ------------------------------------------------------------------------------ what goes wrong

    def _check_time(self, heard: float, limits: Limits, *, has_begun: bool) -> None:
        settings, now = self._settings, time.monotonic()
        if now >= limits.until:
            took = settings.model_total_seconds
            raise ModelError(f"The model took longer than {took:g} s.", retryable=True)
        if not has_begun and now - heard > settings.model_first_token_seconds:
            waited = settings.model_first_token_seconds
            raise ModelError(f"The {self.at} wrote nothing within {waited:g} s.", retryable=True)
        if has_begun and now - heard > settings.model_between_tokens_seconds:
            waited = settings.model_between_tokens_seconds
            raise ModelError(
                f"The {self.at} stopped in the middle and wrote nothing for {waited:g} s.", retryable=True
            )

    def _check_end(self, reply: Reply) -> None:
        if reply.is_filtered:
            raise self._filtered()

    def _too_long(self) -> ModelError:
        return TooLong(
            f"The passages are too long for the model “{self.name}”: lower FOOTNOTE_MODEL_CONTEXT_TOKENS."
        )

    def _filtered(self) -> ModelError:
        return ModelError(f"The content filter of the {self.at} stopped the answer.")

    def _cut_short(self) -> ModelError:
        return ModelError(f"The connection to the {self.at} broke off in the middle.", retryable=True)


class ProvidersModel(Model):
    """A chat model of any provider, asked as LangChain knows it."""

    def __init__(self, settings: Settings, chat_model: BaseChatModel) -> None:
        names = (getattr(chat_model, field, "") for field in ("model_name", "model"))
        name = next((name for name in names if name and isinstance(name, str)), chat_model.get_name())
        secrets = (value for value in vars(chat_model).values() if isinstance(value, SecretStr))
        key = next((secret.get_secret_value() for secret in secrets), "")
        super().__init__(settings, name=name, at=f"model “{name}”", key=key)
        self._chat_model = chat_model

    async def _chunks(
        self, messages: Sequence[BaseMessage], config: RunnableConfig
    ) -> AsyncIterator[BaseMessageChunk]:
        # Not by `astream`: its client may be bound to another event loop, that of a call before.
        for chunk in self._chat_model.stream(list(messages), config):
            yield chunk

    def _translated(self, error: Exception, *, has_begun: bool) -> ModelError:
        # Most providers' clients name the status of HTTP so.
        status = getattr(error, "status_code", None)
        if status in (401, 403):
            return ModelError(f"The provider of the {self.at} refused the key: check it.")
        if status == 413 or is_too_long(error):
            return self._too_long()
        if has_begun:
            return self._cut_short()
        what = status if isinstance(status, int) else type(error).__name__
        return ModelError(f"The {self.at} failed ({what}): ask again in a while.", retryable=True)


def is_too_long(error: Exception) -> bool:
    """Whether an error says that a request doesn't fit into the model's context."""
    return "context_" in str(getattr(error, "code", "") or "") or bool(_TOO_LONG.search(str(error)[:2_000]))
