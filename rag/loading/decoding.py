"""Bytes -> characters, and what is no text at all."""

from __future__ import annotations

import codecs
import encodings
import re

from rag.loading.formats import Unreadable

# The longer mark first: UTF-32's begins with UTF-16's.
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

# Encodings that texts really have; among all that there are some English sentences with curly quotes are
# taken for Czech of the old Macintosh.
_LIKELY = (
    "windows-1250 windows-1251 windows-1252 windows-1253 windows-1254 windows-1255 windows-1256"
    " windows-1257 windows-1258 cp874 cp932 euc_jis_2004 gb18030 big5hkscs cp949 koi8-r koi8-u"
    " iso8859-2 iso8859-5 iso8859-7 iso8859-9"
).split()

# What a browser reads under these names (encoding.spec.whatwg.org): the Windows code pages, which
# have letters where the ISO ones have control characters.
_AS_BROWSERS_DO = {
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "tis-620": "cp874",
    "shift_jis": "cp932",
    "big5": "big5hkscs",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "euc_kr": "cp949",
    "utf-16": "utf-16-le",
}
# The encodings of that list, by the names that Python has for them.
_OF_THE_WEB = frozenset(
    "utf-8 utf-16-le utf-16-be cp866 koi8-r koi8-u mac-roman mac-cyrillic cp874 gb18030 big5hkscs euc_jp"
    " iso2022_jp cp932 cp949".split()
    + [f"iso8859-{part}" for part in (2, 3, 4, 5, 6, 7, 8, 10, 13, 14, 15, 16)]
    + [f"cp{page}" for page in range(1250, 1259)]
)
# Labels that Python has no name for.
_LABELS = {"windows-31j": "cp932", "windows-874": "cp874", "windows-949": "cp949"}
# Of Python's codecs the two that are none of the list and take hours for some megabytes.
_SLOW = ("punycode", "idna")

# How files begin that are no text and that no reader takes, and what to call them.
_MAGIC = (
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Microsoft Office document"),
    (b"\x89PNG\r\n", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"RIFF", "a sound, film or picture file"),
    (b"ID3", "an MP3 sound file"),
    (b"OggS", "an Ogg sound file"),
    (b"\x1f\x8b\x08", "a gzip archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ\x00", "an xz archive"),
    (b"SQLite format 3\x00", "an SQLite database"),
    (b"\x7fELF", "a program"),
    (b"MZ\x90\x00", "a program"),
)
_OPEN_DOCUMENT = b"mimetypeapplication/vnd.oasis.opendocument"

_CONTROLS = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f-\x84\x86-\x9f]")
# Not escape, by which ISO-2022-JP and colours of terminals begin.
_CONTROL_BYTES = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_PLAIN = re.compile("[\n\r -~\u3001-\u30ff\uac00-\ud7a3]")
_COMMON = re.compile(
    "[\n\r\t -~\u00a0-\u024f\u0370-\u1fff\u2010-\u203b\u3000-\u30ff\u4e00-\u9fff\uac00-\ud7a3\uff00-\uffef]"
)
_SAMPLE_BYTES = 200_000


def what_it_is(data: bytes) -> str:
    """Return what a file that is no text seems to be ("a PNG picture"), "" where nothing is recognised."""
    if data.startswith(b"PK\x03\x04"):
        return "an OpenDocument file" if _OPEN_DOCUMENT in data else "a ZIP archive"
    if data[4:8] == b"ftyp":
        return "a film or picture file"
    return next((name for mark, name in _MAGIC if data.startswith(mark)), "")


def decode(data: bytes, declared: str = "") -> str:
    """Return the characters of a file.

    Tried in turn: a byte order mark, UTF-16 without one, strict UTF-8, the encoding `declared` in
    the file, UTF-8 with a few damaged bytes (shown as U+FFFD), and the likeliest of the others.

    Raises
    ------
    Unreadable
        The bytes are no text, or nobody can tell in which encoding they are.
    """
    if found := what_it_is(data):
        raise Unreadable(f"seems to be {found} and not text: convert it to text first")
    text = _by_mark(data) or _by_escapes(data) or _unmarked_utf16(data)
    text = text or _strict(data, "utf-8")
    if text is None:
        text = (_declared(data, declared) if declared else None) or _damaged_utf8(data) or _guessed(data)
    if text is None:
        raise Unreadable("is no text, or in an unknown encoding: save it as UTF-8 and try again")
    if _is_binary(text):
        raise Unreadable("holds binary data and no text: choose a text, Markdown or HTML file")
    return text


def in_unicode(data: bytes, told: str) -> bytes:
    """Return a text in UTF-8 with its mark where a server has told its encoding rightly, else as it is.

    Parameters
    ----------
    told
        What the server calls the encoding, "" if nothing; a byte order mark is believed before it.
    """
    encoding = encoding_of_the_web(told)
    if not encoding or data.startswith(tuple(mark for mark, _ in _BYTE_ORDER_MARKS)):
        return data
    text = _strict(data, encoding)
    return data if text is None else codecs.BOM_UTF8 + text.encode()


def encoding_of_the_web(label: str) -> str:
    """Return Python's name for what browsers read under this label, "" if that is no encoding of the web."""
    label = label.strip().lower().removeprefix("x-")
    try:
        name = codecs.lookup(_LABELS.get(label, label)).name
    except (LookupError, ValueError):
        return ""
    name = _AS_BROWSERS_DO.get(name, name)
    return name if name in _OF_THE_WEB else ""


def forget_slow_codecs() -> None:
    """Let nothing in this process decode by a codec that takes hours: what reads mail and feeds takes any."""

    def search(name: str) -> codecs.CodecInfo | None:
        found = encodings.search_function(name)
        return None if found and found.name in _SLOW else found

    codecs.unregister(encodings.search_function)
    codecs.register(search)


def _by_mark(data: bytes) -> str | None:
    marked = (encoding for mark, encoding in _BYTE_ORDER_MARKS if data.startswith(mark))
    return next((_strict(data, encoding) for encoding in marked), None)


def _by_escapes(data: bytes) -> str | None:
    """Decode ISO-2022-JP, as old mail has it: all of its bytes are ASCII, and escapes tell the script."""
    return _strict(data, "iso2022_jp") if b"\x1b$" in data[:_SAMPLE_BYTES] else None


def _unmarked_utf16(data: bytes) -> str | None:
    """Decode UTF-16 without a mark, in the letters of any living language.

    Some of its bytes are ones that no text of another encoding has. Of the two orders of bytes it has the
    one in which nearly all are characters of these languages, and where both are, more are plain ones.
    """
    sample = data[: _SAMPLE_BYTES & ~1]
    if len(data) % 2 or len(_CONTROL_BYTES.findall(sample)) < 0.02 * len(sample):
        return None
    best, best_plain = "", -1
    for encoding in ("utf-16-le", "utf-16-be"):
        text = sample.decode(encoding, "replace")
        plain = len(_PLAIN.findall(text))
        if len(_COMMON.findall(text)) > 0.9 * len(text) > 0 and plain > best_plain:
            best, best_plain = encoding, plain
    return _strict(data, best) if best else None


def _strict(data: bytes, encoding: str) -> str | None:
    try:
        return data.decode(encoding)
    except UnicodeError:
        return None


def _declared(data: bytes, label: str) -> str | None:
    encoding = encoding_of_the_web(label)
    return data.decode(encoding, "replace") if encoding else None


def _damaged_utf8(data: bytes) -> str | None:
    """Decode UTF-8 that a few wrong bytes have slipped into, as where a file was cut or joined."""
    text = data.decode("utf-8", "replace")
    bad = text.count("\ufffd")
    good = sum(character > "\x7f" for character in text) - bad
    # Other encodings hardly ever look like UTF-8: its characters are runs of bytes that fit together.
    return text if good > 2 * bad else None


def _guessed(data: bytes) -> str | None:
    # Imported here since few files need it.
    from chardet import detect

    encoding = detect(data, include_encodings=_LIKELY)["encoding"]
    return _strict(data, encoding) if encoding else None


def _is_binary(text: str) -> bool:
    # One character in a hundred: texts have a stray control character, and no more.
    sample = text[:_SAMPLE_BYTES]
    return len(_CONTROLS.findall(sample)) > 0.01 * len(sample)
