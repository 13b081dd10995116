"""What a front needs around library, assistant and conversations.

Folders are followed, what is handed over is added, questions are answered in the background. A front imports
its names from here, and no inner module; each is loaded when it is first asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rag.ingest.folder import name_in as name_in
    from rag.keys import is_followed as is_followed
    from rag.loading.formats import TAKEN as TAKEN
    from rag.service.adding import Result as Result
    from rag.service.adding import Upload as Upload
    from rag.service.adding import restore as restore
    from rag.service.adding import summary as summary
    from rag.service.adding import too_large as too_large
    from rag.service.asking import Asking as Asking
    from rag.service.engine import Engine as Engine
    from rag.service.following import FollowingState as FollowingState
    from rag.service.intake import Adding as Adding
    from rag.service.mentions import unmentioned as unmentioned
    from rag.service.mentions import unsaid as unsaid
    from rag.service.naming import count as count
    from rag.service.naming import file_name as file_name
    from rag.service.naming import size as size
    from rag.service.pace import Pace as Pace
    from rag.service.work import UNEXPECTED as UNEXPECTED
    from rag.service.work import Work as Work
    from rag.service.work import sentence_for as sentence_for
    from rag.settings import LOOPBACK as LOOPBACK
    from rag.text.limits import told_left_out as told_left_out

_NAMES = {
    "rag.ingest.folder": "name_in",
    "rag.keys": "is_followed",
    "rag.loading.formats": "TAKEN",
    "rag.service.adding": "Result Upload restore summary too_large",
    "rag.service.asking": "Asking",
    "rag.service.engine": "Engine",
    "rag.service.following": "FollowingState",
    "rag.service.intake": "Adding",
    "rag.service.mentions": "unmentioned unsaid",
    "rag.service.naming": "count file_name size",
    "rag.service.pace": "Pace",
    "rag.service.work": "UNEXPECTED Work sentence_for",
    "rag.text.limits": "told_left_out",
    "rag.settings": "LOOPBACK",
}


def __getattr__(name: str) -> object:
    for module, names in _NAMES.items():
        if name in names.split():
            return getattr(import_module(module), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
