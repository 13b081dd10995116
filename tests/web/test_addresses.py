"""Which addresses are read: those of the public web, in one form each."""

from __future__ import annotations

import fcntl
import socket
import struct
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from rag import LoadError
from rag.web.addresses import is_public, resolve, shown_address, web_address
from rag.web.fetching import PUBLIC, fetch
from tests.helpers.network_of_its_own import SENT, said_outside

PRIVATE = """
0.0.0.0 10.1.2.3 100.64.0.1 127.0.0.1 127.255.0.1 169.254.169.254 172.16.0.1 172.31.255.255 192.0.0.8
192.0.2.1 192.88.99.1 192.168.1.1 198.18.0.1 198.51.100.1 203.0.113.7 224.0.0.1 240.0.0.1 255.255.255.255
:: ::1 ::127.0.0.1 ::ffff:127.0.0.1 ::ffff:8.8.8.8 64:ff9b::7f00:1 64:ff9b::10.0.0.1 64:ff9b:1::8.8.8.8
100::1 2001::1 2001:db8::1 2002:7f00:1::1 2002:808:808::1 3fff::1 5f00::1 fc00::1 fd12::1 fe80::1
fe80::1%eth0 fec0::1 ff02::1 localhost 168.63.129.16 64:ff9b::a83f:8110
""".split()


@pytest.mark.parametrize("address", PRIVATE)
def test_what_is_not_the_public_internet_is_not_public(address: str):
    assert not is_public(address)


@pytest.mark.parametrize("address", ["1.1.1.1", "93.184.215.14", "2606:4700::1111", "64:ff9b::808:808"])
def test_the_public_internet_is(address: str):
    assert is_public(address)


@pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "0177.0.0.1", "127.1", "localhost", "0"])
def test_other_spellings_of_this_computer_resolve_to_what_is_refused(host: str):
    assert not any(map(is_public, resolve(host, 5)))


@pytest.mark.parametrize("host", ["no-such-name.invalid", "a" * 70, ".."])
def test_a_name_that_is_none_is_an_error_of_the_system(host: str):
    with pytest.raises(OSError):  # noqa: PT011  # which one depends on the system
        resolve(host, 5)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (" https://Example.ORG:443/a?b=c#part \n", "https://example.org/a?b=c"),
        ("http://example.org./", "http://example.org/"),
        ("https://bücher.example/ü", "https://xn--bcher-kva.example/%C3%BC"),
        ("http://example.org", "http://example.org"),
    ],
)
def test_an_address_has_one_form(given: str, kept: str):
    assert str(web_address(given)) == kept


@pytest.mark.parametrize(
    "given",
    [
        *("", "example.org/a", "ftp://example.org/", "file:///etc/passwd", "javascript:alert(1)", "http://"),
        *("http://./", "http://exa\0mple.org/", "gopher://x/", "http://[::1", "https://" + "a/" * 5_000),
    ],
)
def test_what_is_no_address_is_refused_in_one_sentence(given: str):
    with pytest.raises(LoadError, match=r"must begin with http:// or https://\.$"):
        web_address(given)


def test_a_password_is_refused_and_not_repeated():
    with pytest.raises(LoadError) as caught:
        web_address("https://me:secret@example.org/a")
    assert "leave it out" in caught.value.reason
    assert "secret" not in caught.value.reason + caught.value.path


def neighbours() -> None:
    """Be in two public networks, as a server is, and fetch from this computer, its neighbours and beyond."""
    with socket.socket() as any_socket:
        for request, address in ((0x8916, "93.184.215.14"), (0x891C, "255.255.255.0")):
            place = struct.pack("=HH4s8x", socket.AF_INET, 0, socket.inet_aton(address))
            fcntl.ioctl(any_socket, request, struct.pack("16s16s8x", b"lo:1", place))
    with socket.socket(socket.AF_INET6) as any_socket:
        address = socket.inet_pton(socket.AF_INET6, "2606:4700::14")
        fcntl.ioctl(any_socket, 0x8916, struct.pack("=16sIi", address, 64, socket.if_nametoindex("lo")))
    with socket.create_server(("", 80)):
        for host in (
            "93.184.215.14",
            "93.184.215.77",
            "[2606:4700::14]",
            "[2606:4700::77]",
            "[64:ff9b::5db8:d70e]",
        ):
            with pytest.raises(LoadError, match="leads to an address that is not on the public internet"):
                fetch(f"http://{host}/")
        with pytest.raises(LoadError, match=r"took longer|can't be reached"):
            fetch("http://93.184.216.1/", replace(PUBLIC, timeout_seconds=0.5))


def test_the_networks_that_this_computer_is_in_are_not_read_though_they_are_public(tmp_path: Path):
    command = (sys.executable, "-c", "from tests.web.test_addresses import neighbours; neighbours()")
    assert said_outside(command, tmp_path) == [f"{SENT}93.184.216.1"]


def test_a_long_address_is_shown_short():
    assert len(shown_address("https://example.org/" + "a" * 900)) == 120
