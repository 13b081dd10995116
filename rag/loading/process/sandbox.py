"""What a process that reads files from outside gives up before it reads the first one.

Each layer is used where the system has it, and holds where another one isn't there:

- Limits (POSIX): memory, short files and few of them open, no further process.
- System calls (Linux on x86-64 and ARM64, by seccomp): no network, no further process or program, no
  signal or look into another process, and no change of anybody's rights to a file.
- Files (Linux from 5.13 on, by Landlock): nothing is read but Python and its packages, and nothing written
  but files without a name in a folder of its own, which are gone with it.

No layer needs a right; a container may forbid the last two. macOS and Windows have only what is above them.
"""

from __future__ import annotations

import ctypes
import os
import platform
import site
import struct
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_OPEN_FILES = 32
_LONGEST_FILE_BYTES = 128 * 1024**2
"""The tables that tell languages apart are unpacked into a file of 68 MB."""
_NO_NEW_PRIVILEGES, _GET_SECCOMP, _SET_SECCOMP, _FILTER = 38, 21, 22, 2
_EPERM, _ENOSYS = 1, 38
_ALLOW, _REFUSE, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_LOAD, _EQUAL, _AT_LEAST, _ANY_OF, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16
"""Where these stand in what a filter is shown: linux/seccomp.h."""
_CLONE_THREAD = 0x10000
_X32 = 0x40000000

# Numbers of system calls: those of Linux's asm/unistd_64.h and asm-generic/unistd.h.
_ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_CLONE = {"x86_64": 56, "aarch64": 220}
_PRLIMIT = {"x86_64": 302, "aarch64": 261}
_CLONE3 = 435
_NEW_CALLS = (424, 425, 426, 427, 428, 429, 430, 431, 432, 433, 434, 438, 440, 442, 447, 448, 452)
"""The same on both: signals and looks by pidfd, io_uring, the newer calls to mount, fchmodat2."""
_REFUSED = {
    "x86_64": (
        *(41, 42, 43, 44, 49, 50, 53),  # socket, connect, accept, sendto, bind, listen, socketpair
        *(57, 58, 59, 322),  # fork, vfork, execve, execveat
        *(62, 200, 234, 129, 297),  # kill, tkill, tgkill, rt_sigqueueinfo, rt_tgsigqueueinfo
        *(101, 310, 311, 312),  # ptrace, process_vm_readv, process_vm_writev, kcmp
        *(141, 142, 144, 203, 251),  # setpriority, sched_setparam, -scheduler and -affinity, ioprio_set
        *(90, 91, 92, 93, 94, 260, 268),  # chmod, fchmod, chown, fchown, lchown, fchownat, fchmodat
        *(188, 189, 190, 197, 198, 199),  # setxattr and removexattr with their kin
        *(132, 235, 261, 280),  # utime, utimes, futimesat, utimensat
        *(155, 161, 165, 166),  # pivot_root, chroot, mount, umount2
        *(272, 308, 303, 304),  # unshare, setns, name_to_handle_at, open_by_handle_at
        *(29, 64, 68, 240, 319),  # shmget, semget, msgget, mq_open, memfd_create
        *(248, 249, 250, 298, 321, 323),  # add_key, request_key, keyctl, perf_event_open, bpf, userfaultfd
    ),
    "aarch64": (
        *(198, 199, 200, 201, 202, 203, 206),
        *(221, 281),
        *(129, 130, 131, 138, 240),
        *(117, 270, 271, 272),
        *(140, 118, 119, 122, 30),
        *(52, 53, 54, 55),
        *(5, 6, 7, 14, 15, 16),
        *(88,),
        *(41, 51, 40, 39, 97, 268, 264, 265),
        *(194, 190, 186, 180, 279),
        *(217, 218, 219, 241, 280, 282),
    ),
}

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_WRITE_FILE, _READ_FILE, _READ_FOLDER, _REMOVE_FILE, _MAKE_FILE = 1 << 1, 1 << 2, 1 << 3, 1 << 5, 1 << 8
_FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15}
"""By Landlock's version how many rights to files it knows; from the fifth on there are 16."""
_PARTS_OF_PYTHON = ("bin", "lib", "lib64", "pyvenv.cfg", "share")
_SYSTEM = (
    *("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/usr/share/zoneinfo", "/nix/store"),
    *("/etc/ld.so.cache", "/etc/localtime", "/etc/timezone", "/dev/null", "/dev/urandom", "/proc/self"),
)


def lacking() -> list[str]:
    """Return what can't be taken from the process that reads files on this system, in words."""
    found = list[str]()
    if os.name == "nt":
        found.append("limits on memory, files and processes")
    if not _has_seccomp():
        found.append("a ban on the network and on further processes")
    if _landlock_version() < 1:
        found.append("a ban on reading and writing other files")
    return found


def limit_memory(memory_bytes: int) -> None:
    """Have this process get no more memory than this."""
    with suppress(ImportError):  # Windows has none
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def confine(package: Path, own: Path) -> None:
    """Give up for good what reading files doesn't need; what the system has no way for stays.

    Parameters
    ----------
    package
        The folder of our own modules, which may have to be read still.
    own
        An empty folder for files that are needed in passing.
    """
    # Which is not to be found out by writing to one after the other.
    tempfile.tempdir = str(own)
    _limit()
    if sys.platform == "linux":
        with suppress(OSError):
            _call("prctl", _NO_NEW_PRIVILEGES, 1, 0, 0, 0)
        # Files first: the filter refuses nothing that this needs, but may be there where this isn't.
        with suppress(OSError):
            _confine_files([*_readable(package)], own)
        if _has_seccomp():
            with suppress(OSError):
                _confine_calls(platform.machine())


def _limit() -> None:
    with suppress(ImportError):
        import resource

        limits = {
            "RLIMIT_FSIZE": _LONGEST_FILE_BYTES,
            "RLIMIT_NOFILE": _OPEN_FILES,
            "RLIMIT_NPROC": 0,
            "RLIMIT_MEMLOCK": 0,
        }
        for name, most in limits.items():
            if hasattr(resource, name):
                with suppress(OSError, ValueError):
                    resource.setrlimit(getattr(resource, name), (most, most))


# ---------------------------------------------------------------------------------------- system calls


def _has_seccomp() -> bool:
    if sys.platform != "linux" or platform.machine() not in _ARCHITECTURES:
        return False
    try:
        return _call("prctl", _GET_SECCOMP, 0, 0, 0, 0) >= 0
    except OSError:
        return False


def _confine_calls(machine: str) -> None:
    program = b"".join(_program(machine))
    kept = ctypes.create_string_buffer(program, len(program))
    # struct sock_fprog: the number of instructions of eight bytes, and where they are.
    described = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(kept))
    _call("prctl", _SET_SECCOMP, _FILTER, ctypes.c_char_p(described), 0, 0)


def _program(machine: str) -> Iterator[bytes]:
    """Yield the instructions of the filter (https://docs.kernel.org/userspace-api/seccomp_filter.html).

    Each is: what to do, how many to pass over if so, and if not, and with which number.
    """

    def step(code: int, number: int, if_so: int = 0, if_not: int = 0) -> bytes:
        return struct.pack("HBBI", code, if_so, if_not, number)

    yield step(_LOAD, _ARCHITECTURE)
    yield step(_EQUAL, _ARCHITECTURES[machine], if_so=1)
    yield step(_RETURN, _KILL)
    yield step(_LOAD, _NUMBER)
    if machine == "x86_64":
        yield step(_AT_LEAST, _X32, if_not=1)
        yield step(_RETURN, _REFUSE | _EPERM)
    for number in (*_REFUSED[machine], *_NEW_CALLS):
        yield step(_EQUAL, number, if_not=1)
        yield step(_RETURN, _REFUSE | _EPERM)
    # Its flags lie in memory, where no filter looks; without it the older call is used.
    yield step(_EQUAL, _CLONE3, if_not=1)
    yield step(_RETURN, _REFUSE | _ENOSYS)
    yield step(_EQUAL, _CLONE[machine], if_not=3)
    yield step(_LOAD, _FIRST_ARGUMENT)
    yield step(_ANY_OF, _CLONE_THREAD, if_so=1)
    yield step(_RETURN, _REFUSE | _EPERM)
    yield step(_LOAD, _NUMBER)
    # Limits are one's own where the process is 0.
    yield step(_EQUAL, _PRLIMIT[machine], if_not=3)
    yield step(_LOAD, _FIRST_ARGUMENT)
    yield step(_EQUAL, 0, if_so=1)
    yield step(_RETURN, _REFUSE | _EPERM)
    yield step(_RETURN, _ALLOW)


# ----------------------------------------------------------------------------------------------- files


def _landlock_version() -> int:
    if sys.platform != "linux":
        return 0
    try:
        return _call("syscall", _CREATE_RULESET, None, 0, 1)
    except OSError:
        return 0


def _confine_files(readable: list[Path], own: Path) -> None:
    """Allow these to be read and nothing else (https://docs.kernel.org/userspace-api/landlock.html)."""
    version = _landlock_version()
    if version < 1:
        return
    # All rights to files, both to TCP, and of others' signals and abstract sockets, as far as it knows them.
    rights = struct.pack("QQQ", (1 << _FILE_RIGHTS.get(version, 16)) - 1, 0b11, 0b11)
    size = 8 if version < 4 else 16 if version < 6 else 24
    ruleset = _call("syscall", _CREATE_RULESET, ctypes.c_char_p(rights), size, 0)
    try:
        for path in readable:
            with suppress(FileNotFoundError, PermissionError):
                folder = _READ_FOLDER if path.is_dir() else 0
                _allow(ruleset, path, _READ_FILE | folder)
        # Files with a name would fill the disk until somebody looks.
        named = 0 if _has_unnamed_files(own) else _MAKE_FILE | _REMOVE_FILE
        _allow(ruleset, own, _READ_FOLDER | _READ_FILE | _WRITE_FILE | named)
        _call("syscall", _RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)


def _has_unnamed_files(folder: Path) -> bool:
    try:
        os.close(os.open(folder, os.O_TMPFILE | os.O_RDWR))
    except OSError:
        return False
    return True


def _allow(ruleset: int, path: Path, rights: int) -> None:
    descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        beneath = struct.pack("=Qi", rights, descriptor)
        _call("syscall", _ADD_RULE, ruleset, 1, ctypes.c_char_p(beneath), 0)
    finally:
        os.close(descriptor)


def _readable(package: Path) -> Iterator[Path]:
    """Yield where Python, its packages and what they need of the system lie.

    Never a folder that ours lies in: beside it is the library.
    """
    yield package
    yield from map(Path, _SYSTEM)
    for prefix in {sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix}:
        yield from (Path(prefix, part) for part in _PARTS_OF_PYTHON)
    for folder in {*sys.path, *site.getsitepackages()}:
        if folder and not package.is_relative_to(os.path.realpath(folder)):
            yield Path(folder)


def _call(function: str, *arguments: object) -> int:
    """Call a function of the C library.

    Raises
    ------
    OSError
    """
    library = ctypes.CDLL(None, use_errno=True)
    called = getattr(library, function)
    called.restype = ctypes.c_long
    found: int = called(*(ctypes.c_long(a) if isinstance(a, int) else a for a in arguments))
    if found < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return found
