"""How a step of the chain is run: plainly, or so that LangChain's callbacks can follow it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from langchain_core.runnables import RunnableConfig

Given = TypeVar("Given")
Made = TypeVar("Made")


class Trace(Protocol):
    """Runs steps; ``config`` carries the callbacks, if any, to a model."""

    @property
    def config(self) -> RunnableConfig | None:
        """LangChain's configuration of the run."""

    def step(self, name: str, function: Callable[[Given], Made], given: Given) -> Made:
        """Return what a function makes of something, as a step with a name."""


class Untraced:
    """Runs steps as they are, without LangChain, which takes a third of a second to import."""

    config: Any = None

    def step(self, name: str, function: Callable[[Given], Made], given: Given) -> Made:
        """Return what a function makes of something."""
        return function(given)


def traced_if(tracing: bool) -> AbstractContextManager[None]:
    """Return a block in which LangSmith's variables of the environment count only where `tracing` says so.

    They may be meant for other programs, and would send questions and passages outside. A tracer that a
    caller gives as a callback goes on working.
    """
    if tracing:
        return nullcontext()
    from langsmith import get_tracing_context, tracing_context

    return tracing_context(**{**get_tracing_context(), "enabled": False})
