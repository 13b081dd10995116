"""The engine that all visitors of one server share, and pages that are drawn again while it works."""

from __future__ import annotations

import atexit
import threading
from collections.abc import Callable
from contextlib import nullcontext
from functools import cache

import streamlit as st

from app_pages.component import show_progress
from rag.service import Engine

_lock = threading.Lock()


@cache
def _opened() -> Engine:
    # Not in Streamlit's cache: any visitor may clear that, and with it would close the engine for all.
    return Engine.open()


def _is_open() -> bool:
    return bool(_opened.cache_info().currsize)


def engine() -> Engine:
    """Return the one engine of this server; what fails is tried again at the next page view."""
    with nullcontext() if _is_open() else st.spinner("Opening the library"), _lock:
        return _opened()


@atexit.register
def close_engine() -> None:
    """Close the engine, if it is open; the next page view opens another."""
    with _lock:
        if _is_open():
            _opened().close()
            _opened.cache_clear()


@st.fragment(run_every=0.25)
def watch(draw: Callable[[], None], finished: Callable[[], bool]) -> None:
    """Draw again and again until something has finished, then the whole page once more."""
    over = finished()
    draw()
    if over:
        st.rerun()


def watch_indexing(shared: Engine) -> None:
    """Show how far the reading of the articles is, until it is done."""

    def draw() -> None:
        work = shared.indexing
        show_progress(work.progress, "indexing", shared.doing, work.pace.in_words())

    watch(draw, lambda: shared.indexing.done)
