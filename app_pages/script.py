"""What Streamlit runs for each page: set-up, navigation, and the one place that catches what goes wrong.

It is started by app.py, which guards it, and never by itself.
"""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from app_pages.article import page as article
from app_pages.chat import page as chat
from app_pages.component import global_style, say, show
from app_pages.library import page as library
from app_pages.links import conversation_link
from app_pages.quality import page as quality
from app_pages.server.guard import is_open_to_others
from rag.service import sentence_for

OPEN = "Open to the network: whoever reaches this page sees, asks, adds and deletes everything."
_MARK = Path(__file__).parent / "static" / "mark.svg"


def main() -> None:
    """Run the page that the address names; a failure is one sentence, and the log has the rest."""
    st.set_page_config(page_title="Footnote", page_icon=str(_MARK), layout="centered")
    global_style()
    pages = [
        st.Page(chat.page, title="Chat", url_path="chat", default=True),
        st.Page(library.page, title="Library", url_path="library"),
        st.Page(quality.page, title="Quality", url_path="quality"),
        st.Page(article.page, title="Article", url_path="article"),
    ]
    page = st.navigation(pages, position="hidden")
    _header(page.title)
    if is_open_to_others(st.get_option("server.address")):
        say(OPEN, key="open")
    try:
        page.run()
    except Exception as error:  # noqa: BLE001  # the front: logged, and one sentence for the user
        say(sentence_for(error), key="failure", tone="alert")


def _header(current: str) -> None:
    """Show the menu; "Chat" leads to the conversation that one was last in."""
    conversation = st.query_params.get("c") or st.session_state.get("conversation", "")
    places = {"Chat": conversation_link(conversation), "Library": "/library", "Quality": "/quality"}
    shown = [{"title": name, "href": href, "current": name == current} for name, href in places.items()]
    with st.container(key="header"):
        show("header", key="menu", pages=shown)


main()
