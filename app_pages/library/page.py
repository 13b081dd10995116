"""The library page: add articles, look through them, remove them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from typing import Any

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from app_pages.chat.writing import has_choice
from app_pages.component import progress_line, say, show
from app_pages.engine import engine, watch
from app_pages.library.in_step import begin_drawing, hold_still, show_in_step
from app_pages.links import article_link
from app_pages.server.upload_limits import received
from app_pages.wording import day, file_name, kind, short_day, title
from rag import Document, DocumentNotFound, EndpointEmbeddings, FootnoteError, Progress, Story, told_together
from rag.service import (
    TAKEN,
    Adding,
    Engine,
    Result,
    count,
    is_followed,
    name_in,
    restore,
    sentence_for,
    size,
    summary,
)

_FORGOTTEN = "No answer will quote it any more, and what conversations quoted from it is removed from them."
NO_MODEL = (
    "Answers are made of quotes. A language model can write them, each sentence checked: see the README."
)
STAY = "They stay on this computer."
MOSTLY_STAY = "They stay on this computer, but for the passages that a model is sent to write an answer from."
_LEFT_SECONDS = 10.0
"""So long a place to drop files stays in the page after another has taken its place, the last one longer."""
_COUNT_SECONDS = 3.0
"""The figures at the bottom are counted again so often."""


def page() -> None:
    """Show the library from adding to the line at the bottom."""
    shared = engine()
    hold_still(is_asking=False)
    begin_drawing(shared)
    st.title("Library", anchor=False)
    _drop_area(shared)
    _web_area(shared)
    _paste_area(shared)
    _under_way(shared)
    _results(shared)
    _feeds(shared)
    show_in_step(shared)
    _table(shared)
    _removed(shared)
    _status(shared)
    _about_model(shared)


def _drop_area(shared: Engine) -> None:
    files = _dropped()
    if files:
        # At once: whatever is drawn next may be where Streamlit ends this run for another.
        shared.intake.drop(map(received, files))
        st.rerun()
    most = size(shared.settings.max_upload_bytes)
    say(f"{TAKEN}, up to {most} each. {_stay(shared)}", key="takes")


def _dropped() -> list[UploadedFile]:
    """Show where to drop files, and return those that have come.

    After a drop an empty area takes the place of the one before. That stays in the page for a while, unseen:
    what was dropped on it in the last moment, or is still on its way to the server, would be lost with it.
    """
    turn = st.session_state.setdefault("uploads", 0)
    left: dict[int, float] = st.session_state.setdefault("uploads-left", {})
    taken: set[str] = st.session_state.setdefault("uploads-taken", set())
    earlier = [number for number, when in left.items() if number > turn - 2 or _is_recent(when)]
    files = list[UploadedFile]()
    with st.container(key="drop"):
        # What is gone leaves its place empty: a browser that is sent areas in other places makes them anew.
        for number in range(turn + 1):
            if number == turn or number in earlier:
                files += _drop_area_of(number)
            else:
                st.empty()
    new = [file for file in files if file.file_id not in taken]
    if new:
        st.session_state["uploads"] = turn + 1
        st.session_state["uploads-left"] = {**{n: left[n] for n in earlier}, turn: time.monotonic()}
        st.session_state["uploads-taken"] = {file.file_id for file in files}
    return new


def _is_recent(when: float) -> bool:
    return time.monotonic() - when < _LEFT_SECONDS


def _drop_area_of(number: int) -> list[UploadedFile]:
    key = f"uploads-{number}"
    return st.file_uploader("Add articles", accept_multiple_files=True, key=key, label_visibility="collapsed")


def _stay(shared: Engine) -> str:
    embedder = shared.library.embedder
    if isinstance(embedder, EndpointEmbeddings) and embedder.sent_to:
        return f"Their text is sent to {embedder.sent_to}, to be embedded."
    return MOSTLY_STAY if has_choice(shared.settings) else STAY


def _web_area(shared: Engine) -> None:
    turn = st.session_state.setdefault("addresses", 0)
    with st.expander("Add from the web"), st.form("web", border=False):
        label = "Addresses of articles or feeds, one a line"
        pasted = st.text_area(label, height=100, key=f"addresses-{turn}", placeholder="https://")
        if st.form_submit_button("Add these addresses"):
            st.session_state["addresses"] = turn + 1
            shared.intake.fetch(pasted.split())
            st.rerun()


def _paste_area(shared: Engine) -> None:
    # A new key empties the form, as soon as what it held is in the library and not before.
    pasting: Adding | None = st.session_state.get("pasting")
    turn = st.session_state.setdefault("pastes", 0)
    if pasting and pasting.work.done:
        del st.session_state["pasting"]
        if all(one.state not in ("failed", "stopped") for one in pasting.results):
            turn = st.session_state["pastes"] = turn + 1
    with st.expander("Paste a text"), st.form("paste", border=False):
        name = st.text_input("Title", key=f"paste-title-{turn}")
        text = st.text_area("Text", height=200, key=f"paste-text-{turn}")
        if st.form_submit_button("Add this text"):
            st.session_state["pasting"] = shared.intake.paste(name, text)
            st.rerun()


def _under_way(shared: Engine) -> None:
    """Show what is being added, and draw the page once more when any of it has ended or some has come."""
    shown = [adding.id for adding in shared.intake.under_way]
    if shown:
        watch(
            partial(_draw_under_way, shared),
            lambda: [adding.id for adding in shared.intake.under_way] != shown,
        )


def _draw_under_way(shared: Engine) -> None:
    event = show("addings", key="addings", addings=[_block(adding) for adding in shared.intake.under_way])
    if event.do == "cancel":
        shared.intake.cancel(event.text("id"))


def _block(adding: Adding) -> dict[str, Any]:
    block = {"id": adding.id, "name": adding.name, "cancel": not adding.is_cancelled}
    block["waits"] = not adding.is_begun
    if not adding.is_begun:
        return {**block, **progress_line(Progress(0, adding.total, ""), f"Waiting: {adding.name}", "")}
    doing = "Stopping" if adding.is_cancelled else "Adding"
    line = progress_line(adding.work.progress, doing, adding.work.pace.in_words())
    failed = sum(result.state == "failed" for result in adding.results)
    note = f"{count(failed, 'file')} could not be added so far" if failed else ""
    return {**block, **line, "note": note}


def _results(shared: Engine) -> None:
    """Show what has become of what was added, until it is dismissed."""
    removed: list[Result] = st.session_state.get("removed", [])
    results = [*removed, *(result for adding in shared.intake.done for result in adding.results)]
    told = summary(results)
    if not results:
        return
    is_told = any(result.state != "asks" for result in results)
    event = show(
        "results", key="results", results=[_line(one) for one in results], told=told, dismiss=is_told
    )
    chosen = next((one for one in results if one.id == event.text("id")), None)
    if event.do == "dismiss":
        st.session_state["removed"] = []
        shared.intake.dismiss(event.texts("ids"))
        st.rerun()
    elif chosen and event.do == "leave":
        shared.intake.leave(chosen)
        st.rerun()
    elif chosen and chosen.waiting and event.do in ("replace", "both"):
        shared.intake.choose(chosen, replace=event.do == "replace")
        st.rerun()


def _feeds(shared: Engine) -> None:
    """Show the feeds that wait for a choice of their articles."""
    for result in [one for adding in shared.intake.done for one in adding.results if one.feed]:
        feed = result.feed
        assert feed is not None
        entries = [
            {"id": index, "name": entry.title, "note": short_day(entry.published)}
            for index, entry in enumerate(feed.entries)
        ]
        event = show("entries", key=f"feed-{result.id}", title=result.name, entries=entries)
        if event.do not in ("take", "leave"):
            continue
        chosen = [feed.entries[index] for index in event.numbers("ids") if 0 <= index < len(feed.entries)]
        if event.do == "take":
            shared.intake.take(result, chosen)
        else:
            shared.intake.leave(result)
        st.rerun()


def _line(result: Result) -> dict[str, Any]:
    line = {"id": result.id, "name": result.name, "state": result.state, "text": result.text}
    labels = {"replace": "replace it", "both": "keep both", "leave": "leave it out"} if result.waiting else {}
    return {**line, "choices": [{"do": do, "label": label} for do, label in labels.items()]}


def _table(shared: Engine) -> None:
    documents = shared.library.documents()
    if not documents and shared.filling:
        return
    if not documents:
        say(_empty(shared), key="empty", tone="plain")
        return
    event = show("table", key="documents", groups=_groups(documents, shared.library.stories()))
    if event.do == "remove":
        _ask_to_remove(event.text("id"))


def _empty(shared: Engine) -> str:
    state = shared.following.state
    there = [name for name in state.folders if name not in state.missing]
    folder = f", or put files into {there[0]}" if there else ""
    return f"The library is empty. Add articles above{folder}."


def _groups(documents: Sequence[Document], stories: Sequence[Story]) -> list[dict[str, Any]]:
    """Return the articles, those that tell the same as one group that names the others in a few words."""
    labels = {story.documents[0].id: _others(story) for story in stories}
    return [
        {"label": labels.get(group[0].id, ""), "rows": [_row(document) for document in group]}
        for group in told_together(documents, stories)
    ]


def _others(story: Story) -> str:
    number = len(story.documents)
    if not story.are_copies:
        return f"{number} versions"
    return "and 1 copy" if number == 2 else f"and {number - 1} copies"


def _row(document: Document) -> dict[str, Any]:
    shown = {
        "title": title(document),
        "source": document.source,
        "date": short_day(document.published),
        "kind": kind(document),
        "added": short_day(document.added.date()),
    }
    more = [day(document.published), file_name(document), document.author]
    return {
        **shown,
        "id": document.id,
        "href": article_link(document.id),
        "words": document.words,
        "date_order": document.published.toordinal() if document.published else 0,
        "added_order": document.added.timestamp(),
        "search": " ".join([*shown.values(), *more]).lower(),
    }


@st.dialog("Remove this article?", on_dismiss=partial(hold_still, is_asking=False))
def _ask_to_remove(document_id: str) -> None:
    shared = engine()
    hold_still()
    try:
        document = shared.library.document(document_id)
    except DocumentNotFound as error:
        say(str(error), key="remove-gone", tone="plain")
        return
    say(title(document), key="remove-title", tone="title")
    say(_consequence(document), key="remove-text", tone="plain")
    with st.container(horizontal=True):
        if st.button("Remove", type="primary"):
            _remove(shared, document)
            st.rerun()
        if st.button("Keep it"):
            st.rerun()


def _consequence(document: Document) -> str:
    if is_followed(document.key):
        return (
            f"{_FORGOTTEN} The file {file_name(document)} stays on disk, and the article does not come "
            "back by itself; you can add it back below the table."
        )
    return _FORGOTTEN


def _remove(shared: Engine, document: Document) -> None:
    try:
        shared.library.remove(document.id)
        result = Result(title(document), "unchanged", "Removed.")
    except FootnoteError as error:
        result = Result(title(document), "failed", sentence_for(error))
    st.session_state["removed"] = [result]


def _removed(shared: Engine) -> None:
    buried = shared.library.followed.removed()
    if not buried:
        return
    folders = shared.library.followed.folders
    items = [
        {
            "key": one.key,
            "title": one.title,
            "about": f"{name_in(folders, one.key)}, removed {day(one.removed.date())}",
        }
        for one in buried
    ]
    event = show("removed", key="removed", items=items)
    key = event.text("key")
    if event.do == "restore" and any(one.key == key for one in buried):
        name = next(one.title for one in buried if one.key == key)
        shared.intake.begin(name, 1, lambda *_: restore(shared.library, key, name))
        st.rerun()


@st.fragment(run_every=_COUNT_SECONDS)
def _status(shared: Engine) -> None:
    """Show the figures, time and again: the vector index follows some seconds after the articles."""
    status = shared.library.status()
    parts = [count(status.documents, "article"), count(status.passages, "passage")]
    parts.append(f"{size(status.bytes_on_disk)} on disk")
    if status.changed:
        parts.append(f"last change {day(status.changed.date())}, {status.changed:%H:%M} UTC")
    if status.embedder:
        parts.append(status.embedder)
    say(" · ".join([*parts, status.index]), key="status")


def _about_model(shared: Engine) -> None:
    if not shared.settings.has_endpoint:
        say(NO_MODEL, key="no-model")
