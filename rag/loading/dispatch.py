"""The content of a file of any kind -> its documents; files within files too."""

from __future__ import annotations

from dataclasses import dataclass, replace

from rag.documents import Loaded, NewDocument
from rag.errors import LoadError
from rag.keys import INNER
from rag.loading.archive import DEEPEST, MOST_BYTES, MOST_FILES, Member, members
from rag.loading.decoding import decode, in_unicode, what_it_is
from rag.loading.formats import TAKEN, Kind, kind_of, shown_name, what_it_needs
from rag.loading.html.pages import decode_html, read_html
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


def read_any(name: str, data: bytes, key: str, max_bytes: int, charset: str = "") -> Loaded:
    """Return the documents of a file; those within it have its key, `INNER` and a name of their own.

    ``charset`` is what a server calls the encoding of a text; the other kinds say in themselves how they are
    written.
    """
    loaded = Loaded()
    if charset and kind_of(name, data) in _IN_AN_ENCODING:
        data = in_unicode(data, charset)
    _read(name, data, key, max_bytes, loaded, _Budget(), 0)
    return loaded


def _read(
    name: str, data: bytes, key: str, max_bytes: int, loaded: Loaded, budget: _Budget, depth: int
) -> None:
    try:
        if not data.strip():
            raise LoadError(name, f"{name} is empty: choose a file with text in it.")
        kind = kind_of(name, data)
        if kind == "zip":
            if depth >= DEEPEST:
                raise LoadError(
                    name, f"{name} is an archive in an archive in an archive: unpack it and add its files."
                )
            _read_members(members(name, data, max_bytes), name, key, max_bytes, loaded, budget, depth)
        elif kind in _MAILS:
            mail = _MAILS[kind](name, data)
            _read_mail(mail, name, key, max_bytes, loaded, budget, depth)
        elif kind in _TABLES:
            rows = _TABLES[kind](name, normalise_lines(decode(name, data)))
            loaded.documents.extend(completed(row, name, f"{key}{INNER}{row.key}") for row in rows)
        elif kind == "workbook":
            found = read_workbook(name, data)
            for error in found.failed:
                error.keys = (f"{key}{INNER}{error.path}",)  # the sheet's
            loaded.failed.extend(found.failed)
            loaded.documents.extend(completed(d, name, f"{key}{INNER}{d.key}") for d in found.documents)
        else:
            loaded.documents.append(completed(read_document(name, data), name, key))
    except LoadError as error:
        loaded.failed.append(_within(error, key, depth))
    except MemoryError:
        raise
    # Parsers meet whatever there is, and fail in ways that they don't list.
    except Exception as error:  # noqa: BLE001  # one sentence, as for any file that can't be read
        reason = (
            f"{name} seems to be damaged ({type(error).__name__}): open it in its program and save it again."
        )
        loaded.failed.append(_within(LoadError(name, reason), key, depth))


def _within(error: LoadError, key: str, depth: int) -> LoadError:
    """Note in an error of a file within a file which one it is, so that the others are not taken for it."""
    if depth and not error.keys:
        error.keys = (key,)
    return error


def _read_members(
    found: object, name: str, key: str, max_bytes: int, loaded: Loaded, budget: _Budget, depth: int
) -> None:
    taken, before = set[str](), len(loaded.documents) + len(loaded.failed)
    passed_over = list[str]()
    for member in found:  # type: ignore[attr-defined]
        if isinstance(member, LoadError):
            member.keys = (f"{key}{INNER}{shown_name(member.path)}",)
            loaded.failed.append(member)
            continue
        budget.bytes -= len(member.data)
        budget.files -= 1
        if budget.bytes < 0 or budget.files < 0:
            raise LoadError(name, f"{name} unpacks to more than is taken: unpack it and add its files.")
        shown = inner = shown_name(member.name)
        if member.data and not kind_of(shown, member.data) and not what_it_needs(member.data):
            passed_over.append(shown)
            continue
        number = 2
        while inner in taken:
            inner, number = f"{shown} ({number})", number + 1
        taken.add(inner)
        _read(shown, member.data, f"{key}{INNER}{inner}", max_bytes, loaded, budget, depth + 1)
    if passed_over:
        keys = tuple(f"{key}{INNER}{shown}" for shown in passed_over)
        loaded.failed.append(LoadError(name, _passed_over(name, passed_over), keys=keys))
    if len(loaded.documents) + len(loaded.failed) == before:
        raise LoadError(name, f"{name} is an archive with no files in it: choose another.")


def _passed_over(name: str, files: list[str]) -> str:
    named = ", ".join(files[:_NAMED]) + (f" and {len(files) - _NAMED:,} more" if len(files) > _NAMED else "")
    return f"{name} also holds what can't be read, and was left out: {named}."


def _read_mail(
    mail: Mail, name: str, key: str, max_bytes: int, loaded: Loaded, budget: _Budget, depth: int
) -> None:
    if mail.document is not None:
        loaded.documents.append(completed(mail.document, name, key))
    readable: list[Member] = []
    for attachment in mail.attachments:
        # Pictures in a signature and the like are no news.
        if kind_of(attachment.name, attachment.data) and attachment.data.strip():
            readable.append(attachment)
    if readable and depth > DEEPEST:
        reason = (
            "lies so deep in other messages that what is attached to it was left out: save that, and add it"
        )
        raise LoadError(name, f"{name} {reason}.")
    if readable:
        _read_members(readable, name, key, max_bytes, loaded, budget, depth)
    elif mail.document is None:
        raise LoadError(name, f"{name} is a message without text, and with no attachment that can be read.")


def normalise_lines(text: str) -> str:
    """Return text with line ends as newlines, and else as it is."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def read_document(name: str, data: bytes) -> NewDocument:
    """Return the one document of a file that is no archive, message or table.

    Raises
    ------
    LoadError
    """
    kind = kind_of(name, data)
    if not kind:
        raise LoadError(name, _unreadable(name, data))
    if not data.strip():
        raise LoadError(name, f"{name} is empty: choose a file with text in it.")
    if kind in _BINARY:
        return _BINARY[kind](name, data)
    if kind == "html":
        return read_html(name, decode_html(name, data))
    if kind == "rtf":
        return _with_text(name, replace(read_text(_rtf_text(data)), media_type="application/rtf"))
    text = normalise_text(decode(name, data))
    return _with_text(name, read_markdown(name, text) if kind == "markdown" else read_text(text))


def _with_text(name: str, document: NewDocument) -> NewDocument:
    if not document.text:
        raise LoadError(
            name, f"{name} holds no text, only white space or marks: choose a file with text in it."
        )
    return document


def _unreadable(name: str, data: bytes) -> str:
    if known := what_it_needs(data):
        return f"{name} {known}."
    found = what_it_is(data)
    what = f"seems to be {found}, which" if found else "is of a kind that"
    return f"{name} {what} can't be read: {TAKEN} can."


def _rtf_text(data: bytes) -> str:
    # Imported here and not in every process: only the worker reads RTF.
    from striprtf.striprtf import rtf_to_text

    # RTF is ASCII, and says in itself how other characters are written.
    return normalise_text(str(rtf_to_text(data.decode("latin-1"), errors="replace")))  # type: ignore[no-untyped-call]


def read_text(text: str) -> NewDocument:
    """Return the document that plain text (normalised) holds."""
    part = first_part(text)
    labels, body = take_labels(part)
    document = describe(NewDocument(text="", media_type="text/plain"), labels)
    title, parts = take_title(document.title, plain_parts(body))
    canonical, blocks = build_text(parts)
    return replace(document, title=title, text=canonical, blocks=blocks, left_out=len(text) - len(part))


def completed(document: NewDocument, name: str, key: str) -> NewDocument:
    """Return a document within the limits with its key, and a title and language where it says none."""
    document = within_limits(document)
    return replace(
        document,
        key=key,
        title=document.title or title_of_name(name),
        language=document.language or detect_language(document.text),
    )
