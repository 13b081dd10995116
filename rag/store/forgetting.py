"""Forgetting: what was removed or replaced leaves no text behind, in no file of the data folder.

Only conversations keep what they quoted from the text before an update, so that a footnote can still show
what it rested on; they lose it when the article is removed.

The catalog notes in the transaction of a removal that wiping is owed, so that a kill in between is
made good at the next opening. Chroma's files hold numbers only, and what else gets into them is blanked.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from rag.errors import CatalogError
from rag.store.backup import wipe_backup
from rag.store.catalog import Catalog

_PATIENCE_SECONDS = 2.0
_FIRST_RETRY_SECONDS = 1.0
_LAST_RETRY_SECONDS = 60.0

log = logging.getLogger(__name__)


class Forgetting:
    """Wipes what a catalog owes: at once, or where readers are in the way, as soon as they aren't.

    ``wipe_quotes`` wipes what was quoted elsewhere from what is no longer held, and returns whether all of
    it is gone.
    """

    def __init__(self, catalog: Catalog, wipe_quotes: Callable[[], bool]) -> None:
        self._catalog = catalog
        self._wipe_quotes = wipe_quotes
        self._mutex = threading.Lock()
        self._closing = threading.Event()
        self._later: threading.Thread | None = None

    def forget(self, patience_seconds: float = _PATIENCE_SECONDS) -> bool:
        """Wipe what is owed and return whether all is gone; what isn't is tried again in the background.

        What was removed is out of search already, so nothing that fails here fails the removal.
        """
        if self._try(patience_seconds):
            return True
        with self._mutex:
            if not self._closing.is_set() and not (self._later and self._later.is_alive()):
                self._later = threading.Thread(target=self._retry, name="forgetting", daemon=True)
                self._later.start()
        return False

    def close(self) -> None:
        """End the tries in the background, after a last one."""
        self._closing.set()
        if self._later is not None:
            self._later.join()
            self._try(0.0)

    def _try(self, patience_seconds: float) -> bool:
        try:
            owed = self._catalog.owed()
            if not owed:
                return True
            is_text_gone = self._catalog.wipe(patience_seconds)
            # After the text, which is what matters most. The conversations' file may be damaged, and the copy
            # in use elsewhere: neither keeps the other from being wiped.
            try:
                are_quotes_gone = self._wipe_quotes()
            finally:
                if is_text_gone:
                    wipe_backup(self._catalog)
            if not (are_quotes_gone and is_text_gone):
                return False
            self._catalog.settle(owed)
        except CatalogError as error:
            log.warning("What was removed is not wiped from the files yet: %s", error)
            return False
        return True

    def _retry(self) -> None:
        seconds = _FIRST_RETRY_SECONDS
        while not self._closing.wait(seconds):
            if self._try(0.0):
                return
            seconds = min(2 * seconds, _LAST_RETRY_SECONDS)
