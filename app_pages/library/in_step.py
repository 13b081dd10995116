"""The part of the Library page that tells how the followed folders are, and what in them can't be read."""

from __future__ import annotations

import time
from pathlib import PurePosixPath
from typing import Any

import streamlit as st

from app_pages.component import say, show
from app_pages.events import Event
from app_pages.wording import day
from rag import Failure, Progress
from rag.service import Engine, FollowingState, Pace, count, name_in

_LOOK_SECONDS = 1.0
_ANEW_SECONDS = 10.0
"""While much is read the table is drawn anew so often, and once more when all is read."""
_MOST_SHOWN = 200
_BY_ITSELF = "What changes there is followed by itself."
_NOTHING = "What changes there is not followed until you go on."
_DRAWN, _DRAWN_AT, _ASKING = "drawn", "drawn-at", "asking"


def begin_drawing(shared: Engine) -> None:
    """Note what the page shows from here on, to see when it has to be drawn anew."""
    st.session_state[_DRAWN] = _version(shared)
    st.session_state[_DRAWN_AT] = time.monotonic()


def hold_still(*, is_asking: bool = True) -> None:
    """Don't draw the page anew while a dialog is open: that would close it."""
    st.session_state[_ASKING] = is_asking


@st.fragment(run_every=_LOOK_SECONDS)
def show_in_step(shared: Engine) -> None:
    """Show the folders and what failed in them, and draw the whole page anew when the library has changed."""
    state = shared.following.state
    event = show("following", key="following", **_line(shared, state), failures=_failures(shared))
    _react(shared, event)
    if shared.indexing.done and shared.indexing.error and (state.error or shared.library.embedding.left()):
        say(shared.indexing.error, key="indexing-failed", tone="alert")
    if _is_stale(shared, state):
        st.rerun()


def _version(shared: Engine) -> tuple[object, ...]:
    return shared.following.state.version, shared.indexing.done


def _is_stale(shared: Engine, state: FollowingState) -> bool:
    if st.session_state.get(_ASKING) or _version(shared) == st.session_state.get(_DRAWN):
        return False
    waited = time.monotonic() - st.session_state.get(_DRAWN_AT, 0.0)
    return state.progress is None or waited > _ANEW_SECONDS


def _line(shared: Engine, state: FollowingState) -> dict[str, Any]:
    progress, pace = _progress(shared, state)
    missing = [
        f"{name} is missing: its articles stay, and it is followed again when it is back."
        for name in state.missing
    ]
    error = [state.error] if state.error and state.error != shared.indexing.error else []
    return {
        "text": _reading(shared, progress, pace) if progress else followed_line(state),
        "done": progress.done + progress.part if progress else 0,
        "total": progress.total if progress else 0,
        "what": progress.what if progress else _what_follows(state),
        "button": "go on" if state.is_paused else "pause" if progress else "",
        "notes": [*missing, *error],
    }


def _progress(shared: Engine, state: FollowingState) -> tuple[Progress | None, Pace | None]:
    work = shared.indexing
    if not work.done:  # it goes on after reading, where everything is embedded anew
        return (work.progress, work.pace) if work.progress.total else (Progress(0, 0, ""), None)
    return state.progress, state.pace


def _reading(shared: Engine, progress: Progress, pace: Pace | None) -> str:
    doing = shared.doing if shared.embedding_anew.is_set() else "Reading"
    numbers = f" {progress.done} of {progress.total}" if progress.total else " the folders"
    return " · ".join(filter(None, [f"{doing}{numbers}", pace.in_words() if pace else ""]))


def followed_line(state: FollowingState) -> str:
    """Return which folders are followed, and how that goes: "Following corpus/ · in step"."""
    there = _there(state)
    if not there and not state.is_paused and not state.error:
        return "Following no folder just now"
    return f"Following {' and '.join(there) or 'no folder just now'} · {_how(state)}"


def _there(state: FollowingState) -> list[str]:
    return [name for name in state.folders if name not in state.missing]


def _how(state: FollowingState) -> str:
    if state.is_paused:
        return "paused"
    if state.error:
        return "not in step"
    if state.is_behind:
        return "looking for changes"
    if state.unrested:
        are = "is" if state.unrested == 1 else "are"
        return f"waiting for {count(state.unrested, 'file')} that {are} changing"
    return "in step"


def _what_follows(state: FollowingState) -> str:
    if state.is_paused:
        return _NOTHING
    return _BY_ITSELF if _there(state) else ""


def _failures(shared: Engine) -> list[dict[str, str]]:
    folders = shared.library.followed.folders
    return [
        {
            "file": one.file,
            "name": _name(name_in(folders, one.file), one),
            "reason": one.reason.removeprefix(f"{one.path} "),
            "tried": f"tried on {day(one.failed.date())}, {one.failed:%H:%M:%S} UTC",
        }
        for one in shared.library.followed.failures()[:_MOST_SHOWN]
    ]


def _name(file: str, failure: Failure) -> str:
    """Return "reports/a.zip › b.docx" for a file within another."""
    return file if failure.path == PurePosixPath(file).name else f"{file} › {failure.path}"


def _react(shared: Engine, event: Event) -> None:
    do = event.do
    if do == "pause":
        shared.following.pause()
    elif do == "go on":
        shared.following.go_on()
    elif do == "retry":
        shared.following.retry([event.text("file")])
    elif do == "retry all":
        shared.following.retry()
    else:
        return
    st.rerun(scope="fragment")
