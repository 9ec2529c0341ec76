"""The network, kept to the hosts that a run may reach: none unless they were named.

A hook of the interpreter sees every look-up and connection that Python code makes, whatever
library asks for it, and cannot be taken off again. It does nothing while no guard stands, and
sees nothing of libraries that open sockets in code of their own: these are told to stay offline.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import urlsplit

HOSTS = "TUNEOS_ALLOWED_HOSTS"  # how a run's hosts reach its jobs
OFFLINE = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
}
_LOOKS_UP = {
    "socket.getaddrinfo",
    "socket.gethostbyname",
    "socket.gethostbyaddr",
    "socket.getnameinfo",
}
_SENDS = {"socket.connect", "socket.sendto", "socket.sendmsg", "socket.bind"}


class NetworkRefused(OSError):
    """Something wanted to reach a host that the run may not."""

    def __init__(self, host: str) -> None:
        super().__init__(
            f"the run may not reach {host}; if that is meant, allow it with --allow-host {host}"
        )


def host_of(said: str) -> str:
    """The bare name of a host, as it is compared: of "https://HOST:80/x", "HOST:80" or "HOST".

    Raises:
        ValueError: It is none.
    """
    parts = urlsplit(said if "//" in said else f"//{said}")
    host = (parts.hostname or "").rstrip(".").lower()
    if not host or any(c.isspace() or c in "/@*%" for c in host):
        raise ValueError(f"{said!r} names no host")
    return host


def may_reach(host: str, allowed: Iterable[str]) -> bool:
    """Whether a look-up of a host is within what is allowed; exactly that name, no wildcard."""
    return host.rstrip(".").lower() in set(allowed)


@contextmanager
def guarded(hosts: Iterable[str]) -> Iterator[None]:
    """Refuse the network but for these hosts, in this process, while the block goes on.

    Where several blocks go on at once, in threads, a host that one of them allows is allowed.
    """
    _install()
    mine = frozenset(hosts)
    with _lock:
        _standing.append(mine)
    try:
        yield
    finally:
        with _lock:
            _standing.remove(mine)


def guard_for_good(hosts: Iterable[str]) -> None:
    """The same until the process ends; for jobs."""
    _install()
    with _lock:
        _standing.append(frozenset(hosts))


def environment_of(hosts: Iterable[str]) -> Mapping[str, str]:
    """What a job's environment says of the network."""
    return {**OFFLINE, HOSTS: ",".join(sorted(hosts))}


def standing() -> frozenset[str]:
    """The hosts that may be reached now."""
    with _lock:
        return frozenset().union(*_standing)


def hosts_in_environment() -> tuple[str, ...]:
    """What the run that started this job allows."""
    return tuple(h for h in os.environ.get(HOSTS, "").split(",") if h)


_lock = threading.Lock()
_standing: list[frozenset[str]] = []
_installed: list[bool] = []
_looking = threading.local()


def _install() -> None:
    with _lock:
        if not _installed:
            sys.addaudithook(_hook)
            _installed.append(True)


def _hook(event: str, arguments: tuple[object, ...]) -> None:
    if not _standing or not event.startswith("socket.") or getattr(_looking, "up", False):
        return
    if event in _LOOKS_UP:
        said = arguments[0]
        host = str(said[0]) if isinstance(said, tuple) else _text(said)
    elif event in _SENDS:
        address = arguments[1]
        if not isinstance(address, tuple) or event == "socket.bind":
            return  # of this machine: a path, or nothing that leaves it
        host = _text(address[0])
    else:
        return
    if not host or not _allowed(host):
        raise NetworkRefused(host or "the network")


def _text(said: object) -> str:
    return said.decode("ascii", "replace") if isinstance(said, bytes) else str(said or "")


def _allowed(host: str) -> bool:
    allowed = standing()
    if may_reach(host, allowed):
        return True
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return any(str(address) in _addresses(name) for name in allowed)


def _addresses(name: str) -> set[str]:
    """Where a name leads now."""
    _looking.up = True
    try:
        return {str(found[4][0]).partition("%")[0] for found in socket.getaddrinfo(name, None)}
    except OSError:
        return set()
    finally:
        _looking.up = False
