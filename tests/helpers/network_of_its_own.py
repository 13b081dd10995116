"""A network namespace in which nothing but this computer is reached, and all that is tried is written down.

A name server that knows no name stands where the system's own is, and what is sent to another address, a
server of the same kind among them, goes the way of the loopback and is seen there. Run as a program, this
file is what stands between ``unshare`` and the command that is watched.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

SENT = "sent to "
ROOT = Path(__file__).parents[2]
_UNSHARE = ("unshare", "--net", "--mount", "--pid", "--fork", "--kill-child")
_WAYS = ((*_UNSHARE, "--user", "--map-root-user"), _UNSHARE)
_SIOCADDRT, _SIOCSIFFLAGS = 0x890B, 0x8914
_UP = 1
_IP = 0x0800


def unshare() -> Sequence[str]:
    """Return how namespaces are made here, or skip the test where the system allows none to its user."""
    if shutil.which("unshare"):
        for way in _WAYS:
            if subprocess.run([*way, "true"], capture_output=True).returncode == 0:
                return way
    if os.environ.get("CI") and hasattr(os, "geteuid") and os.geteuid() == 0:
        pytest.fail("No network namespace can be made, and CI asks for the tests that need one.")
    pytest.skip("This system gives its user no network namespace, so what is said outside was not watched.")


def said_outside(command: Sequence[str], folder: Path, **environment: str) -> list[str]:
    """Run a command with a new home in a namespace of its own; return what it did outside.

    These are the names that it looked up, and with `SENT` before them the addresses that it sent something to.
    The environment is a new one: of a machine that tests, some packages know by its variables what it is.
    """
    home = folder / "home"
    home.mkdir(exist_ok=True)
    told = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "XDG_CACHE_HOME": str(home / ".cache"),
        "TMPDIR": str(folder),
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")]),
        **environment,
    }
    record = folder / "record.json"
    done = subprocess.run(
        [*unshare(), sys.executable, __file__, str(record), *command],
        cwd=ROOT, env=told, capture_output=True, text=True, timeout=180,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    found: list[str] = json.loads(record.read_text())
    return found


# ------------------------------------------------------------------------- within the namespace


def _lead_all_to_loopback() -> None:
    """Raise the loopback and make it the way to every address, so that what is sent can be seen."""
    name = ctypes.create_string_buffer(b"lo")
    anywhere = struct.pack("=H14x", socket.AF_INET)
    # The system's struct rtentry: where to, by which gateway, of which mask, and over which device.
    route = struct.pack(
        "L16s16s16sHhLPhPLLH",
        0,
        anywhere,
        anywhere,
        anywhere,
        _UP,
        0,
        0,
        0,
        0,
        ctypes.addressof(name),
        0,
        0,
        0,
    )
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", _UP))
        fcntl.ioctl(any_socket, _SIOCADDRT, route)


def _replace(path: str, content: str) -> None:
    """Put another content in the place of a file of the system, for this namespace alone."""
    if Path(path).exists():
        with tempfile.NamedTemporaryFile("w", delete=False) as file:
            file.write(content)
        subprocess.run(["mount", "--bind", file.name, path], check=True)


def _name_questions(found: list[str]) -> None:
    """Write down which names are asked for, and answer that there are none."""
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 53))

    def answer() -> None:
        while True:
            question, asker = server.recvfrom(4096)
            labels, at = list[str](), 12
            while length := question[at]:
                labels.append(question[at + 1 : at + 1 + length].decode("ascii", "replace"))
                at += 1 + length
            found.append(".".join(labels))
            # The question as it came, with the marks of an answer: there is no such name (RFC 1035, 4.1.1).
            server.sendto(
                question[:2] + b"\x81\x83" + question[4:6] + bytes(6) + question[12 : at + 5], asker
            )

    threading.Thread(target=answer, daemon=True).start()


def _packets_elsewhere(found: list[str]) -> None:
    """Write down to which other addresses something is sent."""
    every = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_IP))
    every.bind(("lo", _IP))

    def look() -> None:
        while True:
            packet = every.recv(65_535)
            address = socket.inet_ntoa(packet[16:20])
            if not address.startswith("127."):
                found.append(SENT + address)

    threading.Thread(target=look, daemon=True).start()


def main(record: str, *command: str) -> int:
    """Run a command and write down what it has looked up and sent elsewhere; return its exit code."""
    found = list[str]()
    _lead_all_to_loopback()
    _replace("/etc/resolv.conf", "nameserver 127.0.0.1\n")
    # Others than the name server would be asked over sockets that reach out of the namespace.
    _replace("/etc/nsswitch.conf", "hosts: files dns\n")
    _name_questions(found)
    _packets_elsewhere(found)
    code = subprocess.run(command).returncode
    Path(record).write_text(json.dumps(sorted(set(found))))
    return code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
