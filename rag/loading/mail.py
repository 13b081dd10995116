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
from rag.errors import LoadError
from rag.loading.archive import Member
from rag.loading.decoding import encoding_of_the_web
from rag.loading.html.article import read_html
from rag.text.blocks import tidy_plain
from rag.text.canonical import normalise_text, one_line


@dataclass(frozen=True, slots=True)
class Mail:
    """A message; ``document`` is None where it has attachments and no text."""

    document: NewDocument | None
    attachments: list[Member] = field(default_factory=list)


def read_eml(name: str, data: bytes) -> Mail:
    """Return a message as it was sent or saved by a mail program."""
    message = message_from_bytes(data, policy=policy.default)
    plain, html, attachments = _bodies(message)
    return _mail(
        name,
        plain,
        html,
        attachments,
        subject=str(message.get("Subject", "")),
        sender=str(message.get("From", "")),
        day=_day(str(message.get("Date", ""))),
    )


def _bodies(message: Message) -> tuple[str, str, list[Member]]:
    plain, html = list[str](), list[str]()
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
        elif kind in ("text/plain", "text/html"):
            (plain if kind == "text/plain" else html).append(_content(part))
    return "\n\n".join(plain), "\n".join(html), attachments


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


def read_msg(name: str, data: bytes) -> Mail:
    """Return a message as Outlook saves it."""
    # Imported here and not in every process: only the worker reads them.
    from oxmsg import Message as Outlook

    message: Any = Outlook.load(BytesIO(data))
    sent = message.sent_date
    attachments = [Member(a.file_name or "attachment", a.file_bytes or b"") for a in message.attachments]
    return _mail(
        name,
        message.body or "",
        message.html_body or "",
        attachments,
        subject=_decoded(message.subject or ""),
        sender=_decoded(message.sender or ""),
        day=sent.date() if sent else None,
    )


def _decoded(value: str) -> str:
    """Undo the encoding of a header that a mail program has left: "=?UTF-8?B?...?="."""
    try:
        return str(make_header(decode_header(value)))
    except (LookupError, ValueError):
        return value


def _mail(
    name: str,
    plain: str,
    html: str,
    attachments: list[Member],
    *,
    subject: str,
    sender: str,
    day: date | None,
) -> Mail:
    title = one_line(subject)
    # "Ada Lovelace <ada@example.org>" is shown as the name.
    author = one_line(re.sub(r"(?<!\s)\s*+<[^<>]*+>", "", sender)).strip("\"' ") or one_line(sender).strip(
        "<>"
    )
    document = _from_html(name, html) if html.strip() and not plain.strip() else None
    if document is None:
        text, blocks = tidy_plain(normalise_text(plain))
        document = NewDocument(text=text, blocks=blocks)
    if not any(map(str.isalnum, document.text)):
        if not attachments:
            raise LoadError(name, f"{name} is a message without text: choose one that has some.")
        return Mail(None, attachments)
    kind = "message/rfc822" if name.lower().endswith(".eml") else "application/vnd.ms-outlook"
    return Mail(
        replace(document, title=title, author=author, published=day, source="", url="", media_type=kind),
        attachments,
    )


def _from_html(name: str, html: str) -> NewDocument | None:
    try:
        return read_html(name, html)
    except LoadError:
        # Short messages are no articles: their words will do.
        from lxml import etree

        root = etree.HTML(html)
        if root is None:
            return None
        for gone in list(root.iter("script", "style", "head")):
            gone.getparent().remove(gone)
        text, blocks = tidy_plain(normalise_text("\n".join(root.itertext())))
        return NewDocument(text=text, blocks=blocks)
