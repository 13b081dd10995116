"""What is to be added: jobs that are read when their turn comes, and what reading one gives."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from rag.documents import Loaded, NewDocument
from rag.errors import LoadError
from rag.keys import is_within
from rag.store.catalog_view import SeenFile


@dataclass(frozen=True, slots=True)
class Contents:
    """What a text, a file or an address holds.

    Attributes
    ----------
    documents, failed
        What is to be added, and what could not be read.
    file
        The key of the file or address that all of it is of: what that has brought before and doesn't hold
        any more leaves. Empty where nothing is to leave.
    inside
        The keys of all that the file holds, whether it is to be added or not.
    seen
        The file of a followed folder as it was read, which is noted when all of it is held.
    is_refused
        Nobody may look at what the file holds, so that nothing which it has brought before stays.
    """

    documents: Sequence[NewDocument] = ()
    failed: Sequence[LoadError] = ()
    file: str = ""
    inside: frozenset[str] = frozenset()
    seen: SeenFile | None = None
    is_refused: bool = False

    @classmethod
    def of(cls, loaded: Loaded, file: str = "") -> Contents:
        """Return what was loaded; of a file that holds nothing readable nothing leaves."""
        inside = frozenset(document.key for document in loaded.documents)
        return cls(loaded.documents, loaded.failed, file if inside else "", inside)

    def leaving(self, held: Iterable[str], failed: Sequence[LoadError]) -> list[str]:
        """Return which of the documents that the file has brought before it doesn't hold any more, by key.

        What failed in it may still be there, and stays. But what a link that is refused led to before is no
        more in the folder than what it leads to now.
        """
        unread = [] if self.is_refused else [key for error in failed for key in error.keys or (self.file,)]
        return [
            key for key in held if key not in self.inside and not any(is_within(key, one) for one in unread)
        ]


@dataclass(frozen=True, slots=True)
class Job:
    """Something that is read when its turn comes, and added.

    ``name`` is what progress calls it. Where nobody has asked for it, as for a file that has changed, what is
    removed on purpose stays away, also while it is read.
    """

    name: str
    read: Callable[[], Contents]
    is_asked_for: bool = True
