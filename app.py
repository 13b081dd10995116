"""The server, which `streamlit run app.py` starts: Streamlit's own, behind what keeps others' pages out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import streamlit as st
from starlette.middleware import Middleware
from streamlit.starlette import App

from app_pages.component import say
from app_pages.engine import close_engine
from app_pages.server.guard import Guard, Names
from app_pages.server.logs import log_in_short
from app_pages.server.upload_limits import Uploads
from rag import FootnoteError, Settings, SettingsError
from rag.service import UNEXPECTED, sentence_for


def _settings() -> Settings:
    try:
        return Settings.from_env()
    except SettingsError:  # each page says what is wrong
        return Settings()


@asynccontextmanager
async def _closing(_: App) -> AsyncIterator[None]:
    """Close the library at the end; a signal ends the process before anything else would."""
    yield
    await asyncio.to_thread(close_engine)


def _tell(error: Exception) -> bool:
    """Say in one sentence that something went wrong outside of a page; Streamlit has logged it."""
    say(sentence_for(error) if isinstance(error, FootnoteError) else UNEXPECTED, key="failure", tone="alert")
    return True


log_in_short()
settings = _settings()
names = Names.of(settings.hosts, st.get_option("server.address"))
app = App(
    "app_pages/script.py",
    lifespan=_closing,
    on_script_error=_tell,
    middleware=[
        Middleware(Guard, names=names),
        Middleware(Uploads, most_bytes=settings.max_upload_bytes),
    ],
)
