"""Web addresses: their one form, and which addresses of the network are public."""

from __future__ import annotations

import re
import socket
from functools import partial
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import TYPE_CHECKING

from rag.deadline import in_time
from rag.errors import LoadError
from rag.text.canonical import one_line
from rag.web.interfaces import IPNetwork, own_networks

if TYPE_CHECKING:
    from httpx2 import URL

_SHOWN_CHARACTERS = 120
_LONGEST = 4_000
_RELAY = IPv6Network("64:ff9b::/96")
"""An IPv6-only network's way to IPv4 (NAT64, RFC 6052): the last 32 bits are the address reached."""
_UNICAST = IPv6Network("2000::/3")
_NOT_PUBLIC: tuple[IPNetwork, ...] = (
    # 192.88.99/24 leads into 6to4; some Pythons take parts of 192.0.0/24 for global; under the last address
    # a machine of Azure's reaches the host it runs on.
    *map(IPv4Network, ("192.0.0.0/24", "192.88.99.0/24", "168.63.129.16/32")),
    # Tunnels that lead to another address than they name (Teredo, 6to4), and examples.
    *map(IPv6Network, ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")),
)


def web_address(text: str) -> URL:
    """Return the address of a page in its one form: no fragment, no dot at the end of the host.

    Raises
    ------
    LoadError
        It is no address of the web, or holds a user name or password.
    """
    # Here, as the command line asks only whether something is an address.
    from httpx2 import URL, InvalidURL

    name = shown_address(text)
    try:
        url = URL(text.strip()) if len(text) <= _LONGEST else None
    except (InvalidURL, UnicodeError, ValueError):
        url = None
    if url is None or url.scheme not in ("http", "https") or not url.host.strip("."):
        raise LoadError(
            name, f"{name} is no web address that can be read: it must begin with http:// or https://."
        )
    if url.userinfo:
        raise LoadError(
            name, f"{name} holds a user name or password: leave it out, or save the page and add the file."
        )
    return url.copy_with(host=url.host.rstrip("."), fragment=None)


def is_web_address(text: str) -> bool:
    """Whether a user's text is meant as an address of the web, not as a path."""
    return re.match(r"\s*[a-z][a-z0-9+.-]+://", text, re.IGNORECASE) is not None


def shown_address(text: str) -> str:
    """Return an address as it may stand in a sentence: on one line, not too long, without a password."""
    line = re.sub(r"//[^/?#]*@", "//", one_line(text)) or "The address"
    return line if len(line) <= _SHOWN_CHARACTERS else line[: _SHOWN_CHARACTERS - 1] + "…"


def is_public(address: str) -> bool:
    """Whether an address of the network ("93.184.215.14") is one of the public internet."""
    found = _reached(address)
    # Not "is not private": carrier-grade NAT (100.64/10) is neither global nor private.
    if found is None or not found.is_global or any(found in network for network in _NOT_PUBLIC):
        return False
    if isinstance(found, IPv4Address):
        return not (found.is_multicast or found.is_reserved)
    # All that embeds an IPv4 address (::ffff:127.0.0.1) lies outside, but for 6to4 and Teredo.
    return found in _UNICAST


def is_elsewhere(address: str) -> bool:
    """Whether an address is public and of no network that this computer is in.

    One's own may be public too: a server's, and those of all devices at home with IPv6.
    """
    return is_public(address) and not any(_reached(address) in network for network in own_networks())


def _reached(address: str) -> IPv4Address | IPv6Address | None:
    """Return the address that is reached in the end, None if this is none."""
    try:
        found = ip_address(address)
    except ValueError:  # "fe80::1%eth0" is none of the public internet in any case
        return None
    return IPv4Address(int(found) & 0xFFFFFFFF) if found in _RELAY else found


def resolve(host: str, timeout_seconds: float) -> list[str]:
    """Return the addresses of a host, as the system's resolver gives them.

    Raises
    ------
    OSError
        The host has none, or they weren't found in time.
    """
    # The resolver knows no time limit.
    return in_time(partial(_look_up, host), timeout_seconds)


def _look_up(host: str) -> list[str]:
    try:
        places = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except UnicodeError as error:
        raise OSError("no such name") from error
    return list(dict.fromkeys(str(place[4][0]) for place in places))
