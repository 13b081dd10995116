"""The content of a file of any kind -> its documents; files within files too."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass, replace

from rag.documents import Loaded, NewDocument
from rag.errors import LoadError
from rag.keys import INNER
from rag.loading.archive import DEEPEST, MOST_BYTES, MOST_FILES, Member, members
from rag.loading.decoding import decode, in_unicode, what_it_is
from rag.loading.formats import TAKEN, File, Kind, Unreadable, kind_of, shown_name, what_it_needs
from rag.loading.html.article import decode_html, read_html
from rag.loading.mail import Mail, read_eml, read_msg
from rag.loading.markdown import read_markdown
from rag.loading.metadata import describe, detect_language, take_labels, take_title, title_of_name
from rag.loading.office.documents import read_docx, read_odt, read_pptx
from rag.loading.office.epub import read_epub
from rag.loading.office.sheets import read_workbook
from rag.loading.pdf.documents import read_pdf
from rag.loading.tables import read_csv, read_json, read_jsonl
from rag.text.blocks import plain_parts
from rag.text.canonical import build_text, normalise_text
from rag.text.limits import first_part, within_limits

_NAMED = 5
_BINARY = {"pdf": read_pdf, "docx": read_docx, "odt": read_odt, "pptx": read_pptx, "epub": read_epub}
_IN_AN_ENCODING: tuple[Kind, ...] = ("html", "markdown", "text", "csv", "json", "jsonl")
_TABLES = {"csv": read_csv, "json": read_json, "jsonl": read_jsonl}
_MAILS = {"eml": read_eml, "msg": read_msg}


@dataclass(slots=True)
class _Budget:
    """What may still be unpacked of one file, at all depths together."""

    bytes: int = MOST_BYTES
    files: int = MOST_FILES

    def take(self, member: File) -> None:
        """Note a file of an archive.

        Raises
        ------
        Unreadable
            It is one too many, or too large.
        """
        self.bytes -= len(member.data)
        self.files -= 1
        if self.bytes < 0 or self.files < 0:
            raise Unreadable("unpacks to more than is taken: unpack it and add its files")


def read_any(file: File) -> Loaded:
    """Return the documents of a file, and what could not be read of it."""
    if file.charset and file.kind in _IN_AN_ENCODING:
        file = replace(file, data=in_unicode(file.data, file.charset))
    results = list(_read(file, _Budget()))
    return Loaded(
        [result for result in results if isinstance(result, NewDocument)],
        [result for result in results if isinstance(result, LoadError)],
    )


def _read(file: File, budget: _Budget) -> Iterator[NewDocument | LoadError]:
    """Yield what a file holds in order, what could not be read of it as an error."""
    try:
        yield from _contents(file, budget)
    except Unreadable as error:
        yield _failure(file, str(error))
    except MemoryError:
        raise
    # Parsers meet whatever there is, and fail in ways that they don't list.
    except Exception as error:  # noqa: BLE001  # one sentence, as for any file that can't be read
        seems = f"seems to be damaged ({type(error).__name__}): open it in its program and save it again"
        yield _failure(file, seems)


def _failure(file: File, reason: str) -> LoadError:
    """Return an error of a file, with its key if it lies in another: the others there are not meant."""
    return LoadError(file.name, f"{file.name} {reason}.", keys=(file.key,) if file.depth else ())


def _contents(file: File, budget: _Budget) -> Iterator[NewDocument | LoadError]:
    if file.is_blank:
        raise Unreadable("is empty: choose a file with text in it")
    if file.kind == "zip":
        if file.depth >= DEEPEST:
            raise Unreadable("is an archive in an archive in an archive: unpack it and add its files")
        yield from _read_members(file, members(file.name, file.data, file.max_bytes), budget)
    elif file.kind in _MAILS:
        yield from _read_mail(file, _MAILS[file.kind](file.data), budget)
    elif file.kind in _TABLES:
        text = _with_newlines(decode(file.data))
        yield from _within(file, _TABLES[file.kind](title_of_name(file.name), text))
    elif file.kind == "workbook":
        yield from _within(file, read_workbook(file.name, file.data))
    else:
        yield _completed(_document(file), file.name, file.key)


def _within(file: File, found: Iterable[NewDocument | LoadError]) -> Iterator[NewDocument | LoadError]:
    """Yield what was found in a file, whose keys are names within it, under its key."""
    for result in found:
        if isinstance(result, LoadError):
            keys = tuple(f"{file.key}{INNER}{key}" for key in result.keys)
            yield LoadError(result.path, result.reason, keys=keys)
        else:
            yield _completed(result, file.name, f"{file.key}{INNER}{result.key}")


def _read_members(
    file: File, found: Iterable[Member | LoadError], budget: _Budget
) -> Iterator[NewDocument | LoadError]:
    taken, passed_over = set[str](), list[str]()
    member = None
    for member in found:
        if isinstance(member, LoadError):
            yield from _within(file, [member])
            continue
        inner = _member_file(file, member, taken)
        budget.take(inner)
        if inner.data and not inner.kind and not what_it_needs(inner.data):
            passed_over.append(inner.name)
        else:
            taken.add(inner.key)
            yield from _read(inner, budget)
    if passed_over:
        keys = tuple(f"{file.key}{INNER}{shown}" for shown in passed_over)
        yield LoadError(file.name, _passed_over(file.name, passed_over), keys=keys)
    if member is None:
        raise Unreadable("is an archive with no files in it: choose another")


def _member_file(outer: File, member: Member, taken: Container[str]) -> File:
    """Return a file within another, under a key that no other has."""
    name = shown_name(member.name)
    key = first = f"{outer.key}{INNER}{name}"
    number = 2
    while key in taken:
        key, number = f"{first} ({number})", number + 1
    return File(name, member.data, key, outer.max_bytes, depth=outer.depth + 1)


def _passed_over(name: str, files: list[str]) -> str:
    named = ", ".join(files[:_NAMED]) + (f" and {len(files) - _NAMED:,} more" if len(files) > _NAMED else "")
    return f"{name} also holds what can't be read, and was left out: {named}."


def _read_mail(file: File, mail: Mail, budget: _Budget) -> Iterator[NewDocument | LoadError]:
    if mail.document is not None:
        yield _completed(mail.document, file.name, file.key)
    # Pictures in a signature and the like are no news.
    readable = [a for a in mail.attachments if a.data.strip() and kind_of(a.name, a.data)]
    if readable and file.depth > DEEPEST:
        raise Unreadable(
            "lies so deep in other messages that what is attached to it was left out: save that, and add it"
        )
    if readable:
        yield from _read_members(file, readable, budget)
    elif mail.document is None:
        raise Unreadable("is a message without text, and with no attachment that can be read")


def _with_newlines(text: str) -> str:
    """Return text with line ends as newlines, and else as it is."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _document(file: File) -> NewDocument:
    """Return the one document of a file that is no archive, message or table.

    Raises
    ------
    Unreadable
    """
    data, kind = file.data, file.kind
    if not kind:
        raise Unreadable(_unknown(data))
    if kind in _BINARY:
        return _BINARY[kind](data)
    if kind == "html":
        return read_html(decode_html(data))
    if kind == "rtf":
        document = replace(_plain_text(_rtf_text(data)), media_type="application/rtf")
    else:
        text = normalise_text(decode(data))
        document = read_markdown(text) if kind == "markdown" else _plain_text(text)
    if not document.text:
        raise Unreadable("holds no text, only white space or marks: choose a file with text in it")
    return document


def _unknown(data: bytes) -> str:
    found = what_it_is(data)
    what = f"seems to be {found}, which" if found else "is of a kind that"
    return what_it_needs(data) or f"{what} can't be read: {TAKEN} can"


def _rtf_text(data: bytes) -> str:
    # Imported here and not in every process: only the worker reads RTF.
    from striprtf.striprtf import rtf_to_text

    # RTF is ASCII, and says in itself how other characters are written.
    return normalise_text(str(rtf_to_text(data.decode("latin-1"), errors="replace")))  # type: ignore[no-untyped-call]


def _plain_text(text: str) -> NewDocument:
    """Return the document that plain text (normalised) holds."""
    part = first_part(text)
    labels, body = take_labels(part)
    document = describe(NewDocument(text="", media_type="text/plain"), labels)
    title, parts = take_title(document.title, plain_parts(body))
    canonical, blocks = build_text(parts)
    return replace(document, title=title, text=canonical, blocks=blocks, left_out=len(text) - len(part))


def _completed(document: NewDocument, name: str, key: str) -> NewDocument:
    """Return a document within the limits with its key, and a title and language where it says none."""
    document = within_limits(document)
    return replace(
        document,
        key=key,
        title=document.title or title_of_name(name),
        language=document.language or detect_language(document.text),
    )
