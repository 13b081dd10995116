"""The chat page: questions, answers and their footnotes."""

from __future__ import annotations

from functools import partial
from typing import Any, Unpack

import streamlit as st

from app_pages.chat.chosen import move_chosen
from app_pages.chat.limits import limit, limits, limits_chosen, limits_view
from app_pages.chat.turn import finished_turn, pending_turn
from app_pages.chat.writing import choose_mode, has_choice, mode_of
from app_pages.component import say, show
from app_pages.engine import engine, watch, watch_indexing
from app_pages.events import Event
from app_pages.links import conversation_link
from app_pages.wording import collection, day
from rag import Filters, Turn
from rag.service import Asking, Engine, How, count

_PATIENCE_SECONDS = 0.2
FORGOTTEN = "This conversation is no longer here: it was deleted, or the link is not complete."
EMPTY = "The library is empty."


def page() -> None:
    """Show the conversation that the address names, and ask for the next question."""
    shared = engine()
    conversation_id = st.query_params.get("c", "")
    above = st.container()
    with st.container(key="ask"):
        filters = _choices(shared, conversation_id)
        typed = st.chat_input(_invitation(shared, filters), key="question")
    if typed and typed.strip():
        # A second question may come before the browser has got the address of a new conversation.
        conversation_id = conversation_id or st.session_state.get("conversation", "")
        conversation_id = _ask(shared, conversation_id, typed)
    st.session_state["conversation"] = conversation_id
    with above:
        _conversation(shared, conversation_id)


def _choices(shared: Engine, conversation_id: str) -> Filters:
    """Show what the next questions are limited to and how they are answered, and let both be chosen."""
    filters, mode = limits(conversation_id), mode_of(conversation_id, shared.settings)
    documents = {} if shared.filling else shared.documents()
    has_limits, has_modes = len(documents) > 1 or bool(filters), has_choice(shared.settings)
    if not (has_limits or has_modes):
        return filters
    event = show(
        "options",
        key="options",
        limits=limits_view(filters, documents) if has_limits else None,
        mode=mode if has_modes else "",
    )
    if event.do == "limit":
        limit(conversation_id, limits_chosen(event))
        st.rerun()
    if event.do == "mode":
        choose_mode(conversation_id, "generate" if event.text("mode") == "generate" else "quote")
        st.rerun()
    return filters


def _invitation(shared: Engine, filters: Filters) -> str:
    if filters:
        return "Ask within these limits"
    documents = 0 if shared.filling else shared.library.status().documents
    return f"Ask about {count(documents, 'article')}" if documents else "Ask a question"


def _ask(
    shared: Engine, conversation_id: str, question: str, *, everything: bool = False, **how: Unpack[How]
) -> str:
    how["filters"] = Filters() if everything else limits(conversation_id)
    how["mode"] = how.get("mode") or mode_of(conversation_id, shared.settings)
    if not conversation_id or not shared.conversations.exists(conversation_id):
        old, conversation_id = conversation_id, shared.conversations.create()
        move_chosen(old, conversation_id)
    # Streamlit may stop this script at any call of its own: the question is under way before the first.
    asking = shared.ask(conversation_id, question, **how)
    st.session_state["conversation"] = conversation_id
    st.query_params["c"] = conversation_id
    # Most answers are quicker than a second drawing of the page would be.
    asking.wait(_PATIENCE_SECONDS)
    st.session_state["fresh"] = f"{conversation_id}/{asking.number}"
    return conversation_id


def ask_anew(shared: Engine, question: str) -> str:
    """Ask a question in a conversation of its own, from another page, and return its id."""
    conversation_id = shared.conversations.create()
    asking = shared.ask(conversation_id, question)
    st.session_state["fresh"] = f"{conversation_id}/{asking.number}"
    return conversation_id


def _conversation(shared: Engine, conversation_id: str) -> None:
    turns, asking = shared.conversation(conversation_id) if conversation_id else ([], [])
    _bar(shared, conversation_id, begun=bool(turns or asking))
    _indexing(shared)
    if turns or asking:
        _turns(shared, conversation_id, turns, asking)
        show("keeper", key=f"keeper-{conversation_id}", conversation=conversation_id)
    elif conversation_id and not shared.conversations.exists(conversation_id):
        say(FORGOTTEN, key="forgotten", tone="plain")
    else:
        _welcome(shared)


def _turns(shared: Engine, conversation_id: str, turns: list[Turn], asking: list[Asking]) -> None:
    documents = shared.documents()
    every = [*turns, *asking]

    def draw(one: Turn | Asking) -> None:
        # It may have been answered since the turns were read: then nothing else would show its answer.
        turn = one if isinstance(one, Turn) else one.turn
        if turn:
            data = finished_turn(turn, conversation_id, shared, documents)
        elif isinstance(one, Asking):
            data = pending_turn(one, conversation_id)
        _turn(shared, conversation_id, one.number, data, is_last=one.number == every[-1].number)

    for one in every:
        if isinstance(one, Asking) and not one.done:
            watch(partial(draw, one), partial(one.wait, 0))
        else:
            # Where `watch` draws the question under way: its view stays the same one when it is answered.
            with st.container():
                draw(one)


def _turn(shared: Engine, conversation_id: str, number: int, data: dict[str, Any], *, is_last: bool) -> None:
    name = f"{conversation_id}/{number}"
    event = show(
        "turn",
        key=f"turn-{name}",
        number=number,
        last=is_last,
        fresh=name if st.session_state.get("fresh") == name else "",
        struck=bool(st.session_state.get("struck")),
        sent=shared.sent(conversation_id, number) if st.query_params.get("debug") == "1" else (),
        **data,
    )
    _react(shared, conversation_id, event)


def _bar(shared: Engine, conversation_id: str, *, begun: bool) -> None:
    earlier = [
        {
            "id": conversation.id,
            "title": conversation.title,
            "when": day(conversation.changed.date()),
            "href": conversation_link(conversation.id),
            "current": conversation.id == conversation_id,
        }
        for conversation in shared.conversations.list()
    ]
    if begun or earlier:
        _react(shared, conversation_id, show("bar", key="bar", begun=begun, earlier=earlier))


def _indexing(shared: Engine) -> None:
    if not shared.indexing.done:
        watch_indexing(shared)
    elif shared.indexing.error:
        say(shared.indexing.error, key="indexing-failed", tone="alert")


def _welcome(shared: Engine) -> None:
    if shared.filling:
        return
    documents = list(shared.documents().values())
    if not documents:
        # Files may come into the folder while the page is open.
        watch(_draw_empty, lambda: bool(shared.documents()))
        return
    starters = shared.starters()

    def draw() -> None:
        event = show(
            "welcome",
            key="welcome",
            line=collection(documents),
            empty=False,
            starters=starters.result or [],
            room=0 if starters.done else 4,
        )
        _react(shared, "", event)

    if starters.done:
        draw()
    else:
        watch(draw, lambda: starters.done)


def _draw_empty() -> None:
    show("welcome", key="welcome", line=EMPTY, empty=True, starters=[], room=0)


def _react(shared: Engine, conversation_id: str, event: Event) -> None:
    """Do what was pressed in a view, and draw the page anew."""
    if event.do == "ask" and event.text("question").strip():
        _ask(
            shared,
            conversation_id,
            event.text("question"),
            alone=event.is_on("alone"),
            prefer=not event.is_on("plain"),
            everything=event.is_on("everything"),
            mode="generate" if event.is_on("anew") else None,
        )
    elif event.do == "stop":
        shared.stop(conversation_id, event.number("number"))
    elif event.do == "strike":
        st.session_state["struck"] = event.is_on("on")
    elif event.do == "forget":
        shared.forget(event.text("id"))
        if event.text("id") == conversation_id:
            st.query_params.clear()
    else:
        return
    st.rerun()
