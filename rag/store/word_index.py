"""The word index: the full-text table over title, heading and text of the passages."""

from __future__ import annotations

from rag.store.migrations import schema
from rag.store.rows import Writer

_MERGED_PAGES = 500
"""Pages merged in one transaction: 0.03 s, so that other writers come in between."""


class WordIndex(Writer):
    """Writes the word index and keeps it tight, in one transaction."""

    def add(self, passage: int, words: tuple[str, str, str]) -> None:
        """Index a passage by its number and what `indexed_words` returns of it."""
        self.execute("INSERT INTO words (rowid, title, heading, text) VALUES (?, ?, ?, ?)", [passage, *words])

    def merge(self, *, start: bool) -> bool:
        """Merge a step of it, which drops the words of removed rows; return whether more is left.

        "optimize" does the same at once, and keeps other writers out for as long as it takes.
        """
        before = self._connection.total_changes
        # The negative number starts merging all segments into one; https://sqlite.org/fts5.html#the_merge_command
        pages = -_MERGED_PAGES if start else _MERGED_PAGES
        self.execute("INSERT INTO words (words, rank) VALUES ('merge', ?)", [pages])
        return self._connection.total_changes - before >= 2

    def levels(self) -> int:
        """Return how many levels of segments it has.

        The structure record begins with four bytes and then this number, as one of SQLite's varints
        (https://sqlite.org/fileformat2.html#varint); two bytes of it are enough here.
        """
        [(record,)] = self.select("SELECT block FROM words_data WHERE id = 10")
        first, second = record[4], record[5]
        return int(first if first < 128 else (first & 127) << 7 | second & 127)

    def rebuild(self) -> None:
        """Make it anew from its own texts."""
        self.execute("INSERT INTO words (words) VALUES ('rebuild')")

    def rewrite(self) -> None:
        """Make it anew from the documents' texts."""
        for table in ("vocabulary", "words"):
            self.execute(f"DROP TABLE IF EXISTS {table}")
        for statement in schema():
            if "VIRTUAL TABLE" in statement:
                self.execute(statement)
        for number in self.column("SELECT number FROM documents ORDER BY number"):
            [(title, text)] = self.select("SELECT title, text FROM documents WHERE number = ?", [number])
            for passage, start, end, heading, header in self.select(
                "SELECT number, start, end, heading, header FROM passages WHERE document = ?", [number]
            ):
                self.add(passage, indexed_words(title, heading, header, text[start:end]))


def indexed_words(title: str, heading: str, header: str, text: str) -> tuple[str, str, str]:
    """Return title, heading and text of a passage as they are indexed, the table header before its rows."""
    return title, heading, "\n".join(filter(None, [header, text]))
