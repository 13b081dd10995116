"""The log: one line for what came over a socket and Streamlit can't read, and the trace of faults of ours."""

from __future__ import annotations

import logging
import traceback
from pathlib import Path

import streamlit

_STREAMLIT = Path(streamlit.__file__).parent
_OURS = Path(__file__).parents[1]
_READING = (
    "streamlit.error_util",
    "streamlit.components.v2.bidi_component.serialization",
    "streamlit.runtime.app_session",
    "streamlit.web.server.starlette.starlette_websocket",
    "rag.service.work",
)
"""The loggers that tell what went wrong while a page was read or drawn."""


def log_in_short() -> None:
    """Tell in one line what was raised within Streamlit; anybody may send what makes it stumble."""
    for name in _READING:
        logger = logging.getLogger(name)
        if not any(isinstance(one, _InShort) for one in logger.filters):
            logger.addFilter(_InShort())


class _InShort(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        """Leave out the traceback of what comes from outside, but for where in it we were."""
        error = record.exc_info[1] if isinstance(record.exc_info, tuple) else None
        frames = traceback.extract_tb(error.__traceback__) if error else []
        if frames and _is_within_streamlit(frames[-1].filename):
            ours = [frame for frame in frames if Path(frame.filename).is_relative_to(_OURS)]
            where = f" at {Path(ours[-1].filename).name}:{ours[-1].lineno}" if ours else ""
            record.msg = f"{record.getMessage()}: {type(error).__name__}{where}"
            record.args, record.exc_info, record.exc_text = (), None, None
        return True


def _is_within_streamlit(file: str) -> bool:
    path = Path(file)
    return path.is_relative_to(_STREAMLIT) or path.parent.name in ("json", "protobuf")
