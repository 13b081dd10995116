"""The component that shows everything that comes from documents and users.

Streamlit reads Markdown in most of its texts and labels; here each piece of text becomes a text node
of the browser, so that nothing in it can turn into markup. Its links change the page within the
same session (see `static/dom.js`), which Streamlit's own links in running text can't do.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

from app_pages.events import Event
from rag import Progress

_STATIC = Path(__file__).parent / "static"
# One module for the browser: helpers first, then the views, then the entry that chooses one.
_VIEWS = (f"views/{path.name}" for path in sorted((_STATIC / "views").glob("*.js")))
_SCRIPTS = ("dom.js", "scroll.js", "header.js", *_VIEWS, "main.js")


def _read(*names: str) -> str:
    return "\n".join((_STATIC / name).read_text("utf-8") for name in names)


_mount = st.components.v2.component(
    "footnote",
    js=_read(*_SCRIPTS),
    css=_read("views.css"),
)


def show(view: str, key: str, **data: Any) -> Event:
    """Show a view and return what the user has just done in it.

    Parameters
    ----------
    view
        The name of a function in the `views` of the scripts.
    key
        What tells this place on the page from others; the same key keeps its state.
    data
        What the view shows, as it can be written in JSON.
    """
    # Streamlit keeps what happens in a view under its key, beside what pages keep for themselves.
    # Two underscores in a row are Streamlit's own mark, and one in 200 conversations' ids has them.
    name = f"view-{key}".replace("_", "-")
    result = _mount(key=name, data={"view": view, **data}, on_event_change=lambda: None)
    return Event.of(result.event)


def show_progress(progress: Progress, key: str, text: str, pace: str = "") -> None:
    """Show how far a piece of work is, with a bar and the name of what is at work.

    As "Adding, 3 of 12 · 40 files a minute · less than a minute left"; `pace` is what follows the numbers.
    """
    show("progress", key, **progress_line(progress, text, pace))


def progress_line(progress: Progress, text: str, pace: str) -> dict[str, Any]:
    """Return what a view shows of how far a piece of work is."""
    counted = f", {progress.done} of {progress.total}" if progress.total > 1 else ""
    what = f"{progress.what}, {progress.part:.0%}" if progress.part else progress.what
    return {
        "text": " · ".join(filter(None, [f"{text}{counted}", pace])),
        "what": what,
        "done": progress.done + progress.part,
        "total": progress.total,
    }


def say(text: str, key: str, *, tone: str = "quiet") -> None:
    """Show one line of plain text; `tone` is "quiet", "plain" or "alert"."""
    show("line", key, text=text, tone=tone)


def global_style() -> None:
    """Set what the theme has no setting for: the width of the column, and where the question stands."""
    st.html(f"<style>{_read('page.css')}</style>")
