"""Messages (EML, Outlook's MSG) -> a document and its attachments."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.message import Message
from email.utils import parsedate_to_datetime
from io import BytesIO
from typing import Any

from rag.documents import NewDocument
from rag.loading.archive import Member
from rag.loading.decoding import encoding_of_the_web
from rag.loading.formats import Unreadable
from rag.loading.html.article import read_html
from rag.text.blocks import tidy_plain
from rag.text.canonical import normalise_text, one_line


@dataclass(frozen=True, slots=True)
class Mail:
    """A message; ``document`` is None where it has attachments and no text."""

    document: NewDocument | None
    attachments: list[Member] = field(default_factory=list)


def read_eml(data: bytes) -> Mail:
    """Return a message as it was sent or saved by a mail program."""
    message = message_from_bytes(data, policy=policy.default)
    bodies = {"text/plain": list[str](), "text/html": list[str]()}
    attachments = list[Member]()
    for part in _leaves(message):
        kind, name = part.get_content_type(), part.get_filename()
        if kind == "message/rfc822":
            # A message that was sent along; what is in it is its own.
            inner = part.get_payload()
            if isinstance(inner, list) and inner and isinstance(inner[0], Message):
                attachments.append(Member(name or "message.eml", inner[0].as_bytes()))
        elif name or part.get_content_disposition() == "attachment":
            content = part.get_payload(decode=True)
            attachments.append(Member(name or "attachment", content if isinstance(content, bytes) else b""))
        elif kind in bodies:
            bodies[kind].append(_content(part))
    subject, sender, day = (str(message.get(header, "")) for header in ("Subject", "From", "Date"))
    about = _about(subject, sender, _day(day), "message/rfc822")
    return _mail(about, "\n\n".join(bodies["text/plain"]), "\n".join(bodies["text/html"]), attachments)


def _leaves(message: Message) -> Iterator[Message]:
    parts = message.get_payload()
    if isinstance(parts, list) and message.get_content_type() != "message/rfc822":
        for part in parts:
            if isinstance(part, Message):
                yield from _leaves(part)
    else:
        yield message


def _content(part: Message) -> str:
    content = part.get_payload(decode=True)
    encoding = encoding_of_the_web(part.get_content_charset() or "") or "utf-8"
    return content.decode(encoding, "replace") if isinstance(content, bytes) else ""


def _day(value: str) -> date | None:
    try:
        return parsedate_to_datetime(value).date()
    except (TypeError, ValueError):
        return None


def read_msg(data: bytes) -> Mail:
    """Return a message as Outlook saves it."""
    # Imported here and not in every process: only the worker reads them.
    from oxmsg import Message as Outlook

    message: Any = Outlook.load(BytesIO(data))
    day = message.sent_date.date() if message.sent_date else None
    subject, sender = _decoded(message.subject or ""), _decoded(message.sender or "")
    attachments = [Member(a.file_name or "attachment", a.file_bytes or b"") for a in message.attachments]
    about = _about(subject, sender, day, "application/vnd.ms-outlook")
    return _mail(about, message.body or "", message.html_body or "", attachments)


def _decoded(value: str) -> str:
    """Undo the encoding of a header that a mail program has left: "=?UTF-8?B?...?="."""
    try:
        return str(make_header(decode_header(value)))
    except (LookupError, ValueError):
        return value


def _about(subject: str, sender: str, day: date | None, media_type: str) -> NewDocument:
    # "Ada Lovelace <ada@example.org>" is shown as the name.
    name = one_line(re.sub(r"(?<!\s)\s*+<[^<>]*+>", "", sender)).strip("\"' ")
    author = name or one_line(sender).strip("<>")
    return NewDocument("", one_line(subject), published=day, author=author, media_type=media_type)


def _mail(about: NewDocument, plain: str, html: str, attachments: list[Member]) -> Mail:
    found = _from_html(html) if html.strip() and not plain.strip() else _from_plain(plain)
    if any(map(str.isalnum, found.text)):
        document = replace(about, text=found.text, blocks=found.blocks, language=found.language)
        return Mail(document, attachments)
    if not attachments:
        raise Unreadable("is a message without text: choose one that has some")
    return Mail(None, attachments)


def _from_html(html: str) -> NewDocument:
    try:
        return read_html(html)
    except Unreadable:
        # Short messages are no articles: their words will do.
        from lxml import etree

        root = etree.HTML(html)
        if root is None:
            return NewDocument("")
        etree.strip_elements(root, "script", "style", "head", with_tail=False)
        return _from_plain("\n".join(root.itertext()))


def _from_plain(text: str) -> NewDocument:
    text, blocks = tidy_plain(normalise_text(text))
    return NewDocument(text, blocks=blocks)
