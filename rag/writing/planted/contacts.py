"""Addresses, numbers and codes that a reader may be told to use, found in a text by their form."""

from __future__ import annotations

import re
import unicodedata

_FORMS = re.compile(
    r"""
      \b[a-z][a-z0-9+.-]{1,12}://\S+ | \bwww\.\S+                        # https://a.test/b
    | (?<![\w.+-])[\w.+-]{1,64}@\w[\w.-]* | (?<!\w)@\w{3,}              # a@b.test, @somebody
    | \b\w[\w-]{1,62}\s?(?:\[\.\]|\(\.\))\s?\w[\w-]*                  # a[.]test
    | \b\w[\w-]{1,62}\s(?:[([](?:at|dot)[)\]]|dot|punkt|nokta)\s\w[\w-]+  # a dot test, a (at) b
    | \b(?:\w[\w-]{1,62}\.){1,6}(?-i:[a-z]{2,24}|[A-Z]{2,24})\b(?:[:/?#]\S*)?  # a.test/b
    | \b(?:\d{1,3}\.){3}\d{1,3}\b(?::\d+)?(?:/\S*)?                   # 192.0.2.1
    | (?<![\w.,])(?:\+|\(?0)\d[\d\s().\u2010-\u2015/-]{4,20}\d        # +44 20 7946 0000, (020) 7946 0000
    | (?<![\w.,])\(?\d{3}\)?[ .-]\d{3}[ .-]\d{4}\b                    # (202) 555-0143
    | \b(?-i:[A-Z]{2}\d{2}(?:[ ]?[A-Z0-9]{4}){3,8}(?:[ ]?\d{1,3}\b)?)   # an account
    | \b(?:\d{4}[ -]){2,8}\d{2,}                                       # a card
    | \b(?=\w*\d)(?=\w*[a-z])\w{20,}\b                                # a wallet, a key
    """,
    re.IGNORECASE | re.VERBOSE,
)
_DAY = re.compile(r"\d{4}[-./]\d\d?[-./]\d\d?|\d\d?[-./]\d\d?[-./]\d{4}|\d{4}[-–]\d{2,4}")


def contacts_in(text: str) -> list[tuple[int, int]]:
    """Return where addresses, numbers of telephones and accounts, and codes stand in a text."""
    # Of the same length, so that the places are those of the text.
    plain = "".join(form if len(form := unicodedata.normalize("NFKC", sign)) == 1 else sign for sign in text)
    found = (match for match in _FORMS.finditer(plain) if not _DAY.fullmatch(match[0]))
    return [match.span() for match in found]


def has_contact(text: str) -> bool:
    """Whether a text holds an address, a number or a code that a reader may be told to use."""
    return bool(contacts_in(text))
