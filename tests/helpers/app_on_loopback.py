"""The app as it is, except that it may fetch from this computer: for browser tests of the web."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

from streamlit.starlette import App

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from rag.service import engine  # noqa: E402  # found only now
from rag.service.intake import Intake  # noqa: E402
from rag.web.fetching import Network  # noqa: E402

anywhere = Network(is_allowed=lambda address: True)
engine.Intake = partial(Intake, network=anywhere)
app = App(str(ROOT / "app_pages" / "script.py"))
