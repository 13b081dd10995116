"""Addresses and names that were forged to reach this computer or its network: nobody knocks anywhere.

All is tried in a network namespace where every port 80 and 443 of this computer listens, and where what is sent to
any other address is seen.
"""

from __future__ import annotations

import re
import select
import socket
import sys
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from rag import LoadError
from rag.web.fetching import PUBLIC, Network, fetch
from tests.helpers.network_of_its_own import SENT, said_outside

INSIDE = ("127.0.0.1", "10.0.0.1", "169.254.169.254", "192.168.1.1", "0.0.0.0")
FULL_WIDTH = str.maketrans("0123456789abcdefx.", "０１２３４５６７８９ａｂｃｄｅｆｘ．")
ROUND = str.maketrans("0123456789", "⓪①②③④⑤⑥⑦⑧⑨")
SINGLE = """
http://0/ http://0x0/ http://00/ http://127.1/ http://127.0.1/ http://127.255.255.254/ http://0177.1/ http://0x7f.1/
http://[::]/ http://[::1]/ http://[0:0:0:0:0:0:0:1]/ http://[0000:0000:0000:0000:0000:0000:0000:0001]/
http://[::1%25lo]/ http://[::1%lo]/ http://[fe80::1%25eth0]/ http://[fe80::1]/ http://[fec0::1]/ http://[fc00::1]/
http://[fd00:ec2::254]/ http://[fd00::2]/ http://[ff02::1]/ http://[100::1]/ http://[2001:db8::1]/ http://[5f00::1]/
http://[::ffff:0:127.0.0.1]/ http://[::ffff:0:7f00:1]/ http://[64:ff9b:1::7f00:1]/ http://[2001::7f00:1]/
http://[fe80::5efe:127.0.0.1]/ http://[2001:10::1]/ http://[2001:20::1]/ http://[3fff::1]/ http://[::ffff:8.8.8.8]/
http://100.64.0.1/ http://168.63.129.16/ http://192.0.0.192/ http://100.100.100.200/ http://198.18.0.1/
http://192.0.2.2/ http://198.51.100.7/ http://203.0.113.7/ http://224.0.0.1/ http://239.255.255.250/
http://240.0.0.1/ http://255.255.255.255/ http://172.16.0.1/ http://172.31.255.255/ http://192.88.99.1/
http://localhost/ http://LOCALHOST/ http://localhost./ http://localhost.localdomain/ http://ip6-localhost/
http://ｌｏｃａｌｈｏｓｔ/ http://LOCALHO%53T/ http://127.0.0.1.nip.test/ http://metadata.google.internal/ http://metadata/
http://example.org@127.0.0.1/ http://example.org:80@127.0.0.1/ http://example.org%40127.0.0.1/
http://127.0.0.1#@example.org/ http://127.0.0.1?@example.org/ http://127.0.0.1\\@example.org/
http://example.org\\@127.0.0.1/ http:\\\\127.0.0.1/ http:127.0.0.1 http:/127.0.0.1 http:///127.0.0.1/ //127.0.0.1/
https://127.0.0.1/ https://localhost/ https://[::1]/ http://127.0.0.1:443/ http://127.0.0.1:00080/ http://[::1]:80/
http://127.0.0.1:0/ http://127.0.0.1:65616/ http://127.0.0.1:-80/ http://127.0.0.1:80:80/ http://[127.0.0.1]/
file:///etc/passwd file://localhost/etc/passwd ftp://127.0.0.1/ gopher://127.0.0.1:80/_GET dict://127.0.0.1/
ldap://127.0.0.1/ jar:http://127.0.0.1/ data:text/html,a javascript:alert(1) unix:///var/run/docker.sock
ws://127.0.0.1/ blob:http://127.0.0.1/a view-source:http://127.0.0.1/ http+unix://%2Frun%2Fa.sock/ about:blank
""".split()
NAMES = {
    "one private": ["10.0.0.1"],
    "loopback": ["127.0.0.1"],
    "this host": ["0.0.0.0"],
    "metadata": ["169.254.169.254"],
    "public and private": ["93.184.215.14", "10.0.0.1"],
    "private and public": ["192.168.1.1", "93.184.215.14"],
    "public and loopback over IPv6": ["2606:4700::1111", "::1"],
    "mapped": ["::ffff:127.0.0.1"],
    "compatible": ["::127.0.0.1"],
    "translated": ["::ffff:0:127.0.0.1"],
    "NAT64": ["64:ff9b::7f00:1"],
    "NAT64 to metadata": ["64:ff9b::a9fe:a9fe"],
    "local NAT64": ["64:ff9b:1::a00:1"],
    "6to4": ["2002:7f00:1::1"],
    "Teredo": ["2001:0:4136:e378:8000:63bf:80ff:fffe"],
    "unique local": ["fd12:3456::1"],
    "link-local with its zone": ["fe80::1%lo"],
    "site-local": ["fec0::1"],
    "multicast": ["224.0.0.251"],
    "multicast over IPv6": ["ff02::fb"],
    "broadcast": ["255.255.255.255"],
    "carrier": ["100.64.1.1"],
    "benchmark": ["198.19.255.1"],
    "documentation": ["192.0.2.2"],
    "protocol assignments": ["192.0.0.170"],
    "Azure's host": ["168.63.129.16"],
    "Oracle's metadata": ["192.0.0.192"],
    "Alibaba's metadata": ["100.100.100.200"],
    "Amazon's over IPv6": ["fd00:ec2::254"],
    "a name for an address": ["localhost"],
    "no address": [""],
    "Debian's own name": ["127.0.1.1"],
    "an octal": ["0177.0.0.1"],
}


def forged() -> list[str]:
    """Return addresses that mean one inside, each written in many ways."""
    return list(
        dict.fromkeys([*SINGLE, *(f"http://{host}/" for inside in INSIDE for host in written(inside))])
    )


def written(inside: str) -> list[str]:
    number, parts = int(IPv4Address(inside)), [int(part) for part in inside.split(".")]
    high, low = f"{number >> 16:x}", f"{number & 0xFFFF:x}"
    a, b, c, d = parts
    return [
        inside, f"{inside}.", str(number), hex(number), f"0{number:o}", f"{number + 2**32}",
        ".".join(map(hex, parts)), ".".join(f"0{part:o}" for part in parts), ".".join(f"{p:03}" for p in parts),
        ".".join(f"0x{part:08x}" for part in parts), f"{a}.{b}.{c << 8 | d}", f"{a}.{b << 16 | c << 8 | d}",
        f"0x{a:x}.{b}.0{c:o}.{d}", ".".join(str(part + 256) for part in parts), inside.translate(FULL_WIDTH),
        inside.translate(ROUND), inside.replace(".", "。"), inside.replace(".", "｡"), inside.replace(".", "%2e"),
        "".join(f"%{ord(sign):02x}" for sign in inside), f"\u200b{inside}", f"{inside[:-1]}\u00ad{inside[-1]}",
        f"[::ffff:{inside}]", f"[::ffff:{high}:{low}]", f"[0:0:0:0:0:ffff:{high}:{low}]", f"[::{inside}]",
        f"[64:ff9b::{inside}]", f"[64:ff9b::{high}:{low}]", f"[2002:{high}:{low}::1]",
        f"user:word@{inside}", f"{inside}:80", f"{inside}\t", f"\n{inside}", f"{inside}%00.example.org",
    ]  # fmt: skip


def knock_everywhere() -> None:
    with ExitStack() as stack:
        doors = [
            stack.enter_context(socket.create_server((host, port), family=family))
            for host, family in (("0.0.0.0", socket.AF_INET), ("::", socket.AF_INET6))
            for port in (80, 443)
        ]
        network = replace(PUBLIC, timeout_seconds=1)
        for address in forged():
            assert_not_tried(address, network)
        for addresses in NAMES.values():
            assert_not_tried("http://forged.test/", replace(network, resolve=partial(given, addresses)))
        assert select.select(doors, [], [], 0)[0] == []


def given(addresses: list[str], host: str, timeout_seconds: float) -> list[str]:
    return addresses


def assert_not_tried(address: str, network: Network) -> None:
    with pytest.raises(LoadError) as caught:
        fetch(address, network)
    assert not re.search(
        "can't be reached|took longer|no proper answer|no certificate", caught.value.reason
    ), address


def test_forged_addresses_and_names_reach_nobody(tmp_path: Path):
    assert len(forged()) > 165
    assert len(NAMES) >= 33
    command = (
        sys.executable,
        "-c",
        "from tests.web.test_forged_addresses import knock_everywhere; knock_everywhere()",
    )
    assert not [said for said in said_outside(command, tmp_path) if said.startswith(SENT)]
