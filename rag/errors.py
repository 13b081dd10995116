"""What can go wrong, as one tree.

    FootnoteError              str(error) is one sentence for the user: what happened, what to do
    ├─ SettingsError           a setting has an unknown name or a value that can't be used
    ├─ LoadError (.retryable)  a file or text could not be read or added
    ├─ CatalogError            the library's database can't be opened, read or written
    ├─ DocumentNotFound        no document has this id
    ├─ EmbeddingError          the embedding model is missing, not the one expected, or failed
    ├─ VectorIndexError        Chroma failed; the library goes on with exact search
    ├─ QuestionError           a question that can't be asked as it is
    ├─ PromptError             a prompt file is missing or has wrong placeholders
    ├─ ModelError (.retryable) the language model's endpoint failed
    └─ Cancelled               what was under way was cancelled by whoever began it

Foreign errors are translated once, where they enter, with ``raise ... from``.
"""

from __future__ import annotations


class FootnoteError(Exception):
    """The root of the tree; its text is one sentence that can be shown as it is."""


class SettingsError(FootnoteError):
    """A setting has an unknown name or a value that can't be used."""


class LoadError(FootnoteError):
    """A file, upload or text could not be read or added.

    Parameters
    ----------
    path
        What the user called it: a path, a file's name, a title or a key.
    reason
        One sentence: what is wrong and what to do.
    keys
        The keys of what could not be read within a file; empty where that is all of it.
    retryable
        Whether the same may succeed later without a change of the file.
    """

    def __init__(
        self, path: str, reason: str, *, keys: tuple[str, ...] = (), retryable: bool = False
    ) -> None:
        super().__init__(reason)
        self.path = path
        self.keys = keys
        self.retryable = retryable

    @property
    def reason(self) -> str:
        """The sentence without the path."""
        return str(self)


class CatalogError(FootnoteError):
    """The library's database can't be opened, read or written."""


class DocumentNotFound(FootnoteError):
    """No document of the library has this id: it was removed, or never added."""


class EmbeddingError(FootnoteError):
    """The embedding model is missing, is not the one expected, or its endpoint failed."""


class VectorIndexError(FootnoteError):
    """Chroma failed; the library rebuilds it and searches exactly until then."""


class QuestionError(FootnoteError):
    """A question that can't be asked as it is: empty, or far too long."""


class PromptError(FootnoteError):
    """A prompt file is missing, or its placeholders are not those expected."""


class ModelError(FootnoteError):
    """The language model's endpoint failed.

    Parameters
    ----------
    message
        One sentence for the user.
    retryable
        Whether the same call may succeed later.
    """

    def __init__(self, message: str, *, retryable: bool = False) -> None:
        super().__init__(message)
        self.retryable = retryable


class Cancelled(FootnoteError):
    """What was under way was cancelled by whoever began it: no fault, and nothing of it is kept."""

    def __init__(self) -> None:
        super().__init__("This was cancelled: begin it again if it is wanted after all.")
