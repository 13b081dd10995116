"""How a step of the chain is run: plainly, or so that LangChain's callbacks can follow it."""

from __future__ import annotations

from collections.abc import Callable
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
