"""The app as it is, except that it may fetch from this computer: for browser tests of the web."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

from streamlit.starlette import App

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from app_pages import library, web  # noqa: E402  # found only now
from rag.fetching import Network  # noqa: E402

anywhere = Network(is_allowed=lambda address: True)
library.add_addresses = partial(web.add_addresses, network=anywhere)
library.add_entries = partial(web.add_entries, network=anywhere)
app = App(str(ROOT / "app_pages" / "script.py"))
