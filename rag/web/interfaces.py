"""The networks that this computer is in: those of the addresses of its own interfaces."""

from __future__ import annotations

import ctypes
import socket
import sys
from collections.abc import Iterator
from ipaddress import IPv4Network, IPv6Network, ip_network

IPNetwork = IPv4Network | IPv6Network

_SHORTEST_PREFIX = 8
"""A shorter one is a tunnel's, to everywhere."""
_MOST_USED_PREFIX = {socket.AF_INET: 24, socket.AF_INET6: 64}
_HAS_LENGTH = sys.platform == "darwin" or "bsd" in sys.platform
"""Whether a sockaddr begins with its length, in one byte, and then tells its family in another."""
_PLACES = {socket.AF_INET: (4, 8), socket.AF_INET6: (8, 24)}
"""Where an address stands within the system's sockaddr."""


class _Entry(ctypes.Structure):
    """The beginning of the system's struct ifaddrs."""


_Entry._fields_ = [
    ("next", ctypes.POINTER(_Entry)),
    ("name", ctypes.c_char_p),
    ("flags", ctypes.c_uint),
    ("address", ctypes.c_void_p),
    ("mask", ctypes.c_void_p),
]


def own_networks() -> list[IPNetwork]:
    """Return the networks whose addresses this computer reaches directly, without asking a router."""
    return list(_guessed()) if sys.platform == "win32" else _told_by_system()


def _told_by_system() -> list[IPNetwork]:
    library, first = ctypes.CDLL(None), ctypes.POINTER(_Entry)()
    if library.getifaddrs(ctypes.byref(first)):
        return []
    try:
        return list(_networks(first))
    finally:
        library.freeifaddrs(first)


def _networks(entry: ctypes._Pointer[_Entry]) -> Iterator[IPNetwork]:
    while entry:
        found = entry.contents
        family = _family(found.address)
        if family in _PLACES:
            address = _bytes(found.address, family)
            mask = _bytes(found.mask, family) if found.mask else b""
            yield ip_network(address)
            if (prefix := int.from_bytes(mask, "big").bit_count()) >= _SHORTEST_PREFIX:
                yield ip_network((address, prefix), strict=False)
        entry = found.next


def _family(place: int | None) -> int:
    if not place:
        return socket.AF_UNSPEC
    head = ctypes.string_at(place, 2)
    return head[1] if _HAS_LENGTH else int.from_bytes(head, sys.byteorder)


def _bytes(place: int, family: int) -> bytes:
    start, end = _PLACES[socket.AddressFamily(family)]
    # The zeros at the end of a mask may be left out.
    length = min(end, ctypes.string_at(place, 1)[0]) if _HAS_LENGTH else end
    return ctypes.string_at(place, length)[start:].ljust(end - start, b"\0")


def _guessed() -> Iterator[IPNetwork]:
    """Give the networks of the addresses under this computer's own name, as Windows knows them all.

    Their size isn't told, and is taken for the most usual one.
    """
    for family, _, _, _, (address, *_) in socket.getaddrinfo(socket.gethostname(), None):
        if family in _MOST_USED_PREFIX:
            yield ip_network((str(address).split("%")[0], _MOST_USED_PREFIX[family]), strict=False)
