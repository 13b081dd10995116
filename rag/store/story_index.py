"""Which documents of the catalog tell the same, found when one is added (`rag/store/stories.py`)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rag.documents import Document, IsCancelled, heed, short_hash
from rag.store.rows import Writer
from rag.store.stories import MOST_CHARACTERS, Told, are_one_story, bands, told

_MOST_IN_BAND = 50
"""Documents of a band that are looked at, the latest: thousands of reports may have one form."""
_MOST_COMPARED = 8


class StoryIndex(Writer):
    """Finds out which documents tell the same, in one transaction."""

    def tell(self, document: Document, cancelled: IsCancelled | None = None) -> str:
        """Note what a document tells, and return it: the story of one that tells the same, or its own.

        Raises
        ------
        Cancelled
        """
        number = self.value("SELECT number FROM documents WHERE id = ?", [document.id])
        for table in ("stories", "bands"):
            self.execute(f"DELETE FROM {table} WHERE document = ?", [number])
        story, in_bands = self._same_text(number), tuple[int, ...]()
        if len(document.text) <= MOST_CHARACTERS:
            mine = told(document.title, document.text)
            heed(cancelled)
            in_bands = bands(mine)
            story = story or self._same_story(mine, in_bands, cancelled)
        story = story or short_hash("story", document.id, document.version)
        self.insert("stories", {"document": number, "story": story})
        for band in in_bands:
            self.insert("bands", {"band": band, "document": number})
        return story

    def _same_text(self, number: int | None) -> str | None:
        return self.value(
            "SELECT s.story FROM documents d JOIN stories s ON s.document = d.number"
            " WHERE d.text_hash = (SELECT text_hash FROM documents WHERE number = ?1)"
            " AND d.number != ?1 ORDER BY d.number LIMIT 1",
            [number],
        )

    def _same_story(self, mine: Told, in_bands: Sequence[int], cancelled: IsCancelled | None) -> str | None:
        """Return the story of a document that tells the same, of those that share the most bands."""
        query = "SELECT document FROM bands WHERE band = ? ORDER BY document DESC LIMIT ?"
        shared = Counter[int]()
        for band in in_bands:
            shared.update(self.column(query, [band, _MOST_IN_BAND]))
        for number in sorted(shared, key=lambda number: (-shared[number], number))[:_MOST_COMPARED]:
            rows = self.select(
                "SELECT d.title, d.text, s.story FROM documents d JOIN stories s ON s.document = d.number"
                " WHERE d.number = ?",
                [number],
            )
            heed(cancelled)
            for title, text, story in rows:
                if are_one_story(mine, told(title, text)):
                    return str(story)
        return None
