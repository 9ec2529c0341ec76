"""What a program of unknown intent may do: limits and walls, put up inside its own process.

Runs in the child alone, beside `child.py`, without the rest of the package. Each wall that
the system lacks is left out; `confine` says which stand.
"""

from __future__ import annotations

import ctypes
import os
import platform
import resource
import stat
import struct
import sys
from collections.abc import Callable
from typing import Any

_CLONE_NEWUSER, _CLONE_NEWNET, _CLONE_NEWIPC = 0x10000000, 0x40000000, 0x08000000
_NO_NEW_PRIVS, _SET_SECCOMP, _FILTER_MODE = 38, 22, 2
_LANDLOCK_CREATE, _LANDLOCK_ADD, _LANDLOCK_RESTRICT = 444, 445, 446
_READ = 0b1101  # execute, read a file, list a folder
_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15}  # file rights by version of Landlock, as bits from 0
_SHARED = ("/usr/lib", "/usr/share/zoneinfo", "/lib", "/lib64", "/etc/ld.so.cache", "/dev/null")

# x86-64. New processes and programs; signals and other processes' memory; sockets; rights,
# owners and times of files, which Landlock does not guard; the machine itself; and io_uring,
# which would do all of that unseen.
_DENIED = (
    *(56, 57, 58, 435, 59, 322),
    *(62, 200, 234, 129, 297, 424, 101, 310, 311, 440),
    *(41, 42, 43, 44, 46, 49, 50, 53, 288, 307),
    *(90, 91, 268, 452, 92, 93, 94, 260, 188, 189, 190, 132, 235, 261, 280),
    *(155, 159, 160, 161, 163, 164, 165, 166, 167, 168, 169, 170, 171, 175, 176, 179, 227),
    *(246, 248, 249, 250, 272, 298, 302, 304, 308, 313, 321, 323, 29, 64, 68, 240),
    *(425, 426, 427),
)
_X86_64 = 0xC000003E

_FORBIDDEN = (
    *("subprocess.Popen", "os.system", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn"),
    *("os.kill", "os.killpg", "os.chmod", "os.chown", "os.utime", "os.setxattr", "os.symlink"),
    *("os.link", "os.truncate", "pty.spawn", "signal.pthread_kill", "ctypes.dlopen"),
    *("ctypes.dlsym", "ctypes.call_function", "ctypes.cdata", "ctypes.string_at"),
    *("resource.setrlimit", "resource.prlimit", "syslog.syslog", "webbrowser.open"),
)
_CHANGING = ("os.remove", "os.rename", "os.rmdir", "os.mkdir", "shutil.rmtree")
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def confine(folder: str, *, cpu_seconds: int, memory: int, file_bytes: int) -> list[str]:
    """Put up every wall there is; they cannot be taken down again.

    Args:
        folder: The one place where files may be written; the working folder.
        cpu_seconds: Of processor time, after which the kernel kills.
        memory: Bytes of address space.
        file_bytes: Largest file.

    Returns:
        Names of the walls that stand: "limits", "audit", and where the system has them
        "namespaces", "landlock", "seccomp".

    Source: PEP 578 (audit hooks); Landlock and seccomp as the Linux kernel documents them.
    """
    standing = ["limits", "audit"]
    libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
    if libc is not None and _namespaces(libc):
        standing.append("namespaces")
    if libc is not None and _landlock(libc, folder):
        standing.append("landlock")
    _limits(cpu_seconds, memory, file_bytes)
    if libc is not None and _seccomp(libc):  # last: it refuses what the others need
        standing.append("seccomp")
    for name in [name for name in sys.modules if name.partition(".")[0] in ("ctypes", "_ctypes")]:
        del sys.modules[name]
    return standing


def _limits(cpu_seconds: int, memory: int, file_bytes: int) -> None:
    wanted = {
        "RLIMIT_CPU": cpu_seconds, "RLIMIT_AS": memory, "RLIMIT_DATA": memory,
        "RLIMIT_FSIZE": file_bytes, "RLIMIT_NPROC": 0, "RLIMIT_NOFILE": 32, "RLIMIT_CORE": 0,
    }  # fmt: skip
    for name, value in wanted.items():
        kind = getattr(resource, name, None)
        if kind is None:
            continue
        hard = resource.getrlimit(kind)[1]
        least = value if hard == resource.RLIM_INFINITY else min(value, hard)
        try:
            resource.setrlimit(kind, (least, least))
        except (OSError, ValueError):  # a system that knows the limit by name only
            continue


def _namespaces(libc: Any) -> bool:
    """Leave the machine's network behind, and root's powers with it."""
    alone = _CLONE_NEWNET | _CLONE_NEWIPC
    done: bool = libc.unshare(_CLONE_NEWUSER | alone) == 0 or libc.unshare(alone) == 0
    return done


def _landlock(libc: Any, folder: str) -> bool:
    """Let it write in its folder alone, and read that and what Python itself needs."""
    version = libc.syscall(_LANDLOCK_CREATE, None, ctypes.c_size_t(0), ctypes.c_uint32(1))
    if version < 1:
        return False
    every = (1 << _RIGHTS.get(version, 16)) - 1
    rules = struct.pack("QQ", every, 0b11)  # files; TCP, from the fourth version on
    size = 16 if version >= 4 else 8
    ruleset = libc.syscall(_LANDLOCK_CREATE, rules, ctypes.c_size_t(size), ctypes.c_uint32(0))
    if ruleset < 0:
        return False
    allowed = dict.fromkeys((*_SHARED, sys.base_prefix, sys.base_exec_prefix), _READ)
    allowed[folder] = every
    for path, rights in allowed.items():
        try:
            handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except OSError:
            continue
        if not stat.S_ISDIR(os.fstat(handle).st_mode):
            rights &= 0b101
        rule = struct.pack("=Qi", rights, handle)
        libc.syscall(_LANDLOCK_ADD, ruleset, ctypes.c_int(1), rule, ctypes.c_uint32(0))
        os.close(handle)
    libc.prctl(_NO_NEW_PRIVS, 1, 0, 0, 0)
    done: int = libc.syscall(_LANDLOCK_RESTRICT, ruleset, ctypes.c_uint32(0))
    os.close(ruleset)
    return done == 0


class _Filter(ctypes.Structure):
    _fields_ = [("count", ctypes.c_ushort), ("code", ctypes.c_void_p)]


def _seccomp(libc: Any) -> bool:
    """Refuse the system calls in `_DENIED`; a call of another architecture kills."""
    if platform.machine() != "x86_64" or sys.maxsize < 2**32:
        return False

    def step(code: int, value: int, yes: int = 0, no: int = 0) -> bytes:
        return struct.pack("=HBBI", code, yes, no, value)

    load, equal, atleast, give = 0x20, 0x15, 0x35, 0x06
    kill, refuse, allow = 0x80000000, 0x00050000 | 1, 0x7FFF0000
    left = len(_DENIED)
    steps = [step(load, 4), step(equal, _X86_64, 1, 0), step(give, kill), step(load, 0)]
    steps.append(step(atleast, 0x40000000, left + 1, 0))
    steps += [step(equal, number, left - i, 0) for i, number in enumerate(_DENIED)]
    steps += [step(give, allow), step(give, refuse)]
    code = ctypes.create_string_buffer(b"".join(steps))
    program = _Filter(len(steps), ctypes.cast(code, ctypes.c_void_p))
    libc.prctl(_NO_NEW_PRIVS, 1, 0, 0, 0)
    done: int = libc.prctl(_SET_SECCOMP, _FILTER_MODE, ctypes.byref(program), 0, 0)
    return done == 0


def watch(folder: str) -> Callable[[], None]:
    """Hook Python's own audit events, for systems without the kernel's walls.

    Returns:
        To be called before tests are run: from then on callers' frames cannot be looked
        into, where the expected values stand.
    """
    inside = os.path.realpath(folder) + os.sep
    real, forbidden, changing = os.path.realpath, frozenset(_FORBIDDEN), frozenset(_CHANGING)
    peeking = frozenset(
        {"sys._getframe", "sys._current_frames", "gc.get_objects", "gc.get_referrers"}
    )
    frames = frozenset({"tb_frame", "gi_frame", "cr_frame", "ag_frame"})
    testing = False

    def within(path: object) -> bool:
        if isinstance(path, int):
            return True
        text = os.fsdecode(path) if isinstance(path, str | bytes) else ""
        return (real(text) + os.sep).startswith(inside)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, _, flags = arguments
            if isinstance(flags, int) and flags & _WRITING and not within(path):
                raise PermissionError(f"may not write {path!r}")
        elif event in forbidden or event.startswith("socket."):
            raise PermissionError(f"may not do {event}")
        elif event in changing:
            if not all(within(path) for path in arguments if isinstance(path, str | bytes)):
                raise PermissionError(f"may not do {event} outside its folder")
        elif testing and (
            event in peeking or (event == "object.__getattr__" and arguments[1] in frames)
        ):
            raise ValueError(f"may not do {event} while tests run")

    def begin() -> None:
        nonlocal testing
        testing = True

    sys.addaudithook(hook)
    return begin
