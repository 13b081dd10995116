"""SQLite's file format, read page by page: what is left of a damaged file, without SQLite.

A page that holds rows is read by itself, so it doesn't matter what became of the pages that lead to
it, or of the file's header. The format: https://sqlite.org/fileformat2.html
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

Value = int | float | str | bytes | None

_MAGIC = b"SQLite format 3\0"
_WAL_MAGIC = (0x377F0682, 0x377F0683)
_USUAL_PAGE = 4096
_TABLE_LEAF, _INDEX_LEAF, _INDEX_INTERIOR = 0x0D, 0x0A, 0x02
"""The kinds of pages that hold rows; tables WITHOUT ROWID are kept as indexes."""
_INTEGER_BYTES = (0, 1, 2, 3, 4, 6, 8)


@dataclass(frozen=True, slots=True)
class Row:
    """A row of whatever table or index.

    ``number`` is its rowid (0 where it has none), ``place`` what `PageFile.row` takes to read it
    again. Of a row that is not ``whole`` the last values are missing.
    """

    number: int
    values: tuple[Value, ...]
    whole: bool
    place: tuple[int, int]


class PageFile:
    """The pages of a database file, with those that its write-ahead log has for it.

    A context manager; nothing is written.
    """

    def __init__(self, path: Path, log: Path) -> None:
        self._file = path.open("rb")
        self._log = log.open("rb") if log.is_file() else None
        self._page_bytes = _page_bytes(_read(self._file, 0, 100), _read(self._log, 0, 32))
        self._logged, logged_pages = _committed(self._log, self._page_bytes)
        self.pages = max(logged_pages, -(-path.stat().st_size // self._page_bytes))

    def __enter__(self) -> PageFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        if self._log is not None:
            self._log.close()

    def rows(self) -> Iterator[Row]:
        """All rows that can be read, in the order of the file; those of indexes among them."""
        for number in range(1, self.pages + 1):
            page = self._page(number)
            start = 100 if number == 1 else 0
            if len(page) < start + 12 or page[start] not in (_TABLE_LEAF, _INDEX_LEAF, _INDEX_INTERIOR):
                continue
            header = 12 if page[start] == _INDEX_INTERIOR else 8
            cells = int.from_bytes(page[start + 3 : start + 5], "big")
            for cell in range(min(cells, len(page) // 4)):
                at = start + header + 2 * cell
                row = self.row((number, int.from_bytes(page[at : at + 2], "big")))
                if row is not None:
                    yield row

    def row(self, place: tuple[int, int]) -> Row | None:
        """The row at a place, or None where there is none."""
        number, at = place
        page = self._page(number)
        kind = page[100 if number == 1 else 0]
        try:
            at += 4 if kind == _INDEX_INTERIOR else 0
            size, at = _varint(page, at)
            rowid, at = _varint(page, at) if kind == _TABLE_LEAF else (0, at)
            values, whole = _record(self._payload(page, kind, at, size), size)
        except (IndexError, ValueError, struct.error):
            return None
        return Row(rowid, values, whole, place) if values else None

    def _payload(self, page: bytes, kind: int, at: int, size: int) -> bytes:
        """Return the bytes of a row, as far as the pages that it runs over to can be read."""
        usable = self._page_bytes
        most = usable - 35 if kind == _TABLE_LEAF else (usable - 12) * 64 // 255 - 23
        if size <= most:
            return page[at : at + size]
        least = (usable - 12) * 32 // 255 - 23
        local = least + (size - least) % (usable - 4)
        local = local if local <= most else least
        parts, missing = [page[at : at + local]], size - local
        following = int.from_bytes(page[at + local : at + local + 4], "big")
        while missing > 0 and 1 < following <= self.pages:
            beyond = self._page(following)
            parts.append(beyond[4 : 4 + missing])
            missing -= usable - 4
            following = int.from_bytes(beyond[:4], "big")
        return b"".join(parts)

    def _page(self, number: int) -> bytes:
        start = self._logged.get(number)
        if start is not None:
            return _read(self._log, start, self._page_bytes)
        return _read(self._file, (number - 1) * self._page_bytes, self._page_bytes)


def _read(file: BinaryIO | None, start: int, length: int) -> bytes:
    """Return what can be read there; a disk may fail at one place and not at others."""
    if file is None:
        return b""
    try:
        file.seek(start)
        return file.read(length)
    except OSError:
        return b""


def _page_bytes(header: bytes, log_header: bytes) -> int:
    for size in (
        int.from_bytes(header[16:18], "big") if header.startswith(_MAGIC) else 0,
        int.from_bytes(log_header[8:12], "big"),
    ):
        if 512 <= size <= 32768 and size & (size - 1) == 0:
            return size
    return _USUAL_PAGE


def _committed(log: BinaryIO | None, page_bytes: int) -> tuple[dict[int, int], int]:
    """Return where a log has the newest committed state of each page, and how many pages there are."""
    pages, pending, count = dict[int, int](), dict[int, int](), 0
    header, at = _read(log, 0, 32), 32
    if int.from_bytes(header[:4], "big") not in _WAL_MAGIC:
        return pages, count
    # A frame of other salts is left over from before the log was begun again.
    while len(frame := _read(log, at, 24)) == 24 and frame[8:16] == header[16:24]:
        number, size = struct.unpack(">II", frame[:8])
        pending[number] = at + 24
        if size:
            pages |= pending
            pending, count = {}, size
        at += 24 + page_bytes
    return pages, count


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for position in range(at, at + 8):
        value = value << 7 | data[position] & 0x7F
        if data[position] < 0x80:
            return value, position + 1
    return value << 8 | data[at + 8], at + 9


def _record(payload: bytes, size: int) -> tuple[tuple[Value, ...], bool]:
    """Decode a row's values as far as its bytes go.

    Raises
    ------
    ValueError, IndexError
        This is no row.
    """
    header, at = _varint(payload, 0)
    types = []
    while at < header:
        kind, at = _varint(payload, at)
        types.append(kind)
    if at != header or header + sum(map(_length, types)) != size:
        raise ValueError("The lengths don't fit.")
    values = list[Value]()
    for kind in types:
        end = at + _length(kind)
        if end > len(payload):
            break
        values.append(_value(kind, payload[at:end]))
        at = end
    return tuple(values), len(values) == len(types)


def _length(kind: int) -> int:
    if kind >= 12:
        return (kind - 12) // 2
    if kind in (10, 11):
        raise ValueError("Reserved.")
    return _INTEGER_BYTES[kind] if kind < 7 else 8 * (kind == 7)


def _value(kind: int, data: bytes) -> Value:
    if kind == 0:
        return None
    if kind in (8, 9):
        return kind - 8
    if kind == 7:
        return float(struct.unpack(">d", data)[0])
    if kind < 7:
        return int.from_bytes(data, "big", signed=True)
    return data.decode("utf-8") if kind % 2 else data
