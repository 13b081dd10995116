"""The engine that all visitors of one server share, and pages that are drawn again while it works."""

from __future__ import annotations

import atexit
import threading
from collections.abc import Callable
from contextlib import nullcontext

import streamlit as st

from rag.service import Engine


class _Shared:
    """The one engine of this process.

    Not in Streamlit's cache: any visitor may clear that, and with it would close the engine for all.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._engine: Engine | None = None

    @property
    def is_open(self) -> bool:
        """Whether it has been opened."""
        return self._engine is not None

    def get(self) -> Engine:
        """Return it, opened at the first call; what fails is tried again at the next."""
        with self._lock:
            if self._engine is None:
                self._engine = Engine.open()
            return self._engine

    def close(self) -> None:
        """Close it, if it is open; the next call of `get` opens another."""
        with self._lock:
            engine, self._engine = self._engine, None
        if engine is not None:
            engine.close()


_shared = _Shared()
close_engine = _shared.close
atexit.register(close_engine)


def engine() -> Engine:
    """Return the one engine of this server; what fails is tried again at the next page view."""
    with nullcontext() if _shared.is_open else st.spinner("Opening the library"):
        return _shared.get()


@st.fragment(run_every=0.25)
def watch(draw: Callable[[], None], finished: Callable[[], bool]) -> None:
    """Draw again and again until something has finished, then the whole page once more."""
    over = finished()
    draw()
    if over:
        st.rerun()
