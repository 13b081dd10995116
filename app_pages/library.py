"""The library page: add articles, look through them, remove them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import PurePath
from typing import Any

import streamlit as st

from app_pages.adding import (
    Result,
    Upload,
    add_text,
    add_uploads,
    failure,
    keep_both,
    replace_document,
    restore,
)
from app_pages.component import say, show, show_progress
from app_pages.engine import Engine, engine, watch
from app_pages.places import article_link
from app_pages.web import add_addresses, add_entries, entry_line
from app_pages.wording import count, day, file_name, kind, short_day, size, title
from app_pages.work import Work, sentence_for
from app_pages.writing import has_choice
from rag import AddReport, Document, DocumentNotFound, EndpointEmbeddings, FootnoteError, Story
from rag.documents import told_together
from rag.formats import TAKEN

_FORGOTTEN = "No answer will quote it any more, and what conversations quoted from it is removed from them."
NO_MODEL = (
    "Answers are made of quotes. A language model can write them, each sentence checked: see the README."
)
STAY = "They stay on this computer."
MOSTLY_STAY = "They stay on this computer, but for the passages that a model is sent to write an answer from."
TAKES = f"Choose or drop files: {TAKEN}"


def page() -> None:
    """Show the library from adding to the line at the bottom."""
    shared = engine()
    _collect()
    st.title("Library", anchor=False)
    _drop_area(shared)
    _web_area(shared)
    _paste_area(shared)
    _progress()
    _results(shared)
    _feeds(shared)
    _collection_reading(shared)
    _table(shared)
    _removed(shared)
    _status(shared)


def _drop_area(shared: Engine) -> None:
    # A new key empties the area: what was dropped is on its way and must not be added once more.
    turn = st.session_state.setdefault("uploads", 0)
    files = st.file_uploader(
        "Add articles", accept_multiple_files=True, key=f"uploads-{turn}", label_visibility="collapsed"
    )
    most = size(shared.settings.max_upload_bytes)
    say(f"{TAKES}, up to {most} each. {_where(shared)}", key="takes")
    if files:
        uploads = [Upload(file.name, file.getvalue()) for file in files]
        limit = shared.settings.max_upload_bytes
        st.session_state["uploads"] = turn + 1
        _start(Work(lambda report: add_uploads(shared.library, uploads, limit, report)))


def _where(shared: Engine) -> str:
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
            _start(Work(lambda report: add_addresses(shared.library, pasted, report)))


def _paste_area(shared: Engine) -> None:
    # A new key empties the form, as soon as what it held is in the library and not before.
    turn = st.session_state.setdefault("pastes", 0)
    with st.expander("Paste a text"), st.form("paste", border=False):
        name = st.text_input("Title", key=f"paste-title-{turn}")
        text = st.text_area("Text", height=200, key=f"paste-text-{turn}")
        if st.form_submit_button("Add this text"):
            work = Work(lambda report: add_text(shared.library, name, text, report))
            st.session_state["pasting"] = work
            _start(work)


def _start(work: Work[list[Result]], kept: Sequence[Result] = ()) -> None:
    """Let work go on while its progress is shown; of the earlier results only some are kept."""
    st.session_state["adding"] = [*st.session_state.get("adding", []), work]
    st.session_state["results"] = list(kept)
    st.rerun()


def _progress() -> None:
    adding: list[Work[list[Result]]] = st.session_state.get("adding", [])
    # One that has ended meanwhile too: it draws the page once more, which collects it.
    for number, work in enumerate(adding):
        watch(partial(_draw_progress, work, f"adding-{number}"), partial(getattr, work, "done"))


def _collect() -> None:
    """Move what has been added since the last drawing to the results."""
    adding: list[Work[list[Result]]] = st.session_state.get("adding", [])
    for work in [work for work in adding if work.done]:
        results = work.result or [Result("", "failed", work.error)]
        st.session_state["results"] = [*st.session_state["results"], *results]
        adding.remove(work)
        if work is st.session_state.get("pasting") and all(one.state != "failed" for one in results):
            st.session_state["pastes"] += 1


def _draw_progress(work: Work[Any], key: str, text: str = "Adding") -> None:
    show_progress(work.progress, key, text)


def _results(shared: Engine) -> None:
    results: list[Result] = st.session_state.get("results", [])
    if not results:
        return
    event = show("results", key="results", results=[_line(*item) for item in enumerate(results)])
    choose = {"replace": replace_document, "both": keep_both}.get(event.get("do", ""))
    if choose:
        chosen = results[int(event["id"])]
        kept = [result for result in results if result is not chosen]
        _start(Work(lambda report: choose(shared.library, chosen, report)), kept)


def _feeds(shared: Engine) -> None:
    """Show the feeds that wait for a choice of their articles."""
    results: list[Result] = st.session_state.get("results", [])
    for number, result in enumerate(results):
        if result.feed is None:
            continue
        feed, rest = result.feed, [one for one in results if one is not result]
        entries = [entry_line(*item) for item in enumerate(feed.entries)]
        event = show("entries", key=f"feed-{number}", title=result.name, entries=entries)
        if event.get("do") == "take":
            chosen = [feed.entries[int(index)] for index in event["ids"]]
            _start(Work(partial(add_entries, shared.library, feed, chosen)), rest)
        elif event.get("do") == "leave":
            st.session_state["results"] = rest
            st.rerun()


def _line(index: int, result: Result) -> dict[str, Any]:
    line = {"id": index, "name": result.name, "state": result.state, "text": result.text}
    return {**line, "choices": _choices(result)}


def _choices(result: Result) -> list[dict[str, str]]:
    if result.waiting is None:
        return []
    return [{"do": "replace", "label": "replace it"}, {"do": "both", "label": "keep both"}]


def _collection_reading(shared: Engine) -> None:
    """Say how far the folder of articles is read at the start, and what could not be read in it."""
    work: Work[AddReport] = shared.indexing
    if not work.done:
        watch(lambda: _draw_progress(work, "indexing", shared.doing), lambda: work.done)
    elif work.error:
        say(work.error, key="indexing-failed", tone="alert")
    elif work.result and work.result.failed:
        unread = [failure(PurePath(error.path).name, error) for error in work.result.failed]
        show("results", key="unread", results=[_line(*item) for item in enumerate(unread)])


def _table(shared: Engine) -> None:
    documents = shared.library.documents()
    if not documents and shared.filling:
        return
    if not documents:
        say("The library is empty. Add articles above.", key="empty", tone="plain")
        return
    event = show("table", key="documents", groups=_groups(documents, shared.library.stories()))
    if event.get("do") == "remove":
        _ask_to_remove(str(event["id"]))


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


@st.dialog("Remove this article?")
def _ask_to_remove(document_id: str) -> None:
    shared = engine()
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
    if document.key.startswith("corpus:"):
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
    st.session_state["results"] = [result]


def _removed(shared: Engine) -> None:
    buried = shared.library.removed()
    if not buried:
        return
    items = [
        {
            "key": one.key,
            "title": one.title,
            "about": f"{one.key.removeprefix('corpus:')}, removed {day(one.removed.date())}",
        }
        for one in buried
    ]
    event = show("removed", key="removed", items=items)
    if event.get("do") == "restore":
        key = str(event["key"])
        name = next((one.title for one in buried if one.key == key), "")
        _start(Work(lambda _: restore(shared.library, key, name, shared.settings.corpus_dir)))


def _status(shared: Engine) -> None:
    status = shared.library.status()
    parts = [count(status.documents, "article"), count(status.passages, "passage")]
    parts.append(f"{size(status.bytes_on_disk)} on disk")
    if status.changed:
        parts.append(f"last change {day(status.changed.date())}, {status.changed:%H:%M} UTC")
    if status.embedder:
        parts.append(status.embedder)
    say(" · ".join([*parts, status.index]), key="status")
    if not shared.settings.has_endpoint:
        say(NO_MODEL, key="no-model")
