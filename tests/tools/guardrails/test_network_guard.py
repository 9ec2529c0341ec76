"""A run reaches the hosts that were named for it and no others."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tuneos.agent.hosted import hosts_of
from tuneos.tools.guardrails.network import (
    NetworkRefused,
    environment_of,
    guarded,
    host_of,
    may_reach,
    standing,
)
from tuneos.tools.jobs.spec import JobSpec


@pytest.fixture
def port() -> Iterator[int]:
    """A server on this machine that takes connections."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


def connect(host: str, port: int) -> None:
    socket.create_connection((host, port), timeout=5).close()


def test_nothing_is_reached_unless_it_was_named(port: int) -> None:
    connect("127.0.0.1", port)
    with guarded(()):
        with pytest.raises(NetworkRefused, match=r"--allow-host 127\.0\.0\.1"):
            connect("127.0.0.1", port)
        with pytest.raises(NetworkRefused, match=r"attacker\.invalid"):
            socket.getaddrinfo("attacker.invalid", 443)
        with pytest.raises(NetworkRefused), socket.socket(type=socket.SOCK_DGRAM) as sent:
            sent.sendto(b"x", ("127.0.0.1", port))
    connect("127.0.0.1", port)


def test_named_host_is_reached_also_by_its_address(port: int) -> None:
    with guarded({"localhost"}):
        connect("localhost", port)
        connect("127.0.0.1", port)
        with pytest.raises(NetworkRefused):
            socket.gethostbyname("example.org")


def test_guard_holds_in_threads(port: int) -> None:
    found: list[BaseException] = []

    def work() -> None:
        try:
            connect("127.0.0.1", port)
        except NetworkRefused as error:
            found.append(error)

    with guarded(()):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert found


ENGINE = """
import socket
from tuneos.tools.facts import Outcome

def run(spec, folder, on_progress):
    socket.create_connection(("127.0.0.1", {port})).close()
    return Outcome(seconds=0.0)
"""
CHILD = """
import sys
sys.path.insert(0, sys.argv[4])
from tuneos.tools.jobs import child
child.ENGINES["score"] = "engine"
sys.exit(child.main())
"""


@pytest.mark.parametrize(("hosts", "reached"), [((), False), (("127.0.0.1",), True)])
def test_jobs_are_guarded_too(
    hosts: tuple[str, ...],
    reached: bool,
    port: int,
    make_job: Callable[..., JobSpec],
    tmp_path: Path,
) -> None:
    (tmp_path / "engine.py").write_text(ENGINE.format(port=port), encoding="utf-8")
    (tmp_path / "job.json").write_text(make_job("score").model_dump_json(), encoding="utf-8")
    words = [str(tmp_path / "job.json"), str(tmp_path), str(os.getpid()), str(tmp_path)]
    done = subprocess.run(
        [sys.executable, "-P", "-c", CHILD, *words],
        env={"PATH": "", **environment_of(hosts)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode == 0) is reached, done.stderr
    assert ("NetworkRefused" in done.stdout) is not reached


def test_jobs_inherit_what_the_run_allows() -> None:
    from tuneos.tools.jobs.running import child_environment

    with guarded({"api.example.org"}):
        said = child_environment()
        assert standing() == {"api.example.org"}
    assert said["TUNEOS_ALLOWED_HOSTS"] == "api.example.org"
    assert said["HF_HUB_OFFLINE"] == "1"


@pytest.mark.parametrize(
    ("said", "host"),
    [
        ("https://API.Example.org:8000/v1", "api.example.org"),
        ("example.org:80", "example.org"),
        ("example.org.", "example.org"),
        ("http://[::1]:8/", "::1"),
    ],
)
def test_hosts_are_compared_by_their_bare_name(said: str, host: str) -> None:
    assert host_of(said) == host


@pytest.mark.parametrize("said", ["", "http://", "*", "a b"])
def test_what_is_no_host_is_refused(said: str) -> None:
    with pytest.raises(ValueError, match="names no host"):
        host_of(said)


@pytest.mark.parametrize(
    ("host", "reached"),
    [("example.org", True), ("EXAMPLE.org.", True), ("a.example.org", False), ("org", False)],
)
def test_only_the_very_name_is_allowed(host: str, reached: bool) -> None:
    assert may_reach(host, {"example.org"}) is reached


@pytest.mark.parametrize(
    ("ref", "hosts"),
    [
        ("http://127.0.0.1:8000/v1", {"127.0.0.1"}),
        ("openai:gpt-5", {"api.openai.com"}),
        ("local:/models/x", set()),
        ("broken:malicious", set()),
    ],
)
def test_naming_an_llm_allows_its_own_host(
    ref: str, hosts: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OPENAI_BASE_URL", "OPENAI_API_BASE"):
        monkeypatch.delenv(name, raising=False)
    assert hosts_of(ref) == hosts
