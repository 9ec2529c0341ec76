"""Guards stay at home, and say what their validators said."""

import os
import subprocess
import sys
from pathlib import Path

OFFLINE = """
import socket, sys
calls = []
def refuse(*args, **kwargs):
    calls.append(args)
    raise OSError("no network in this test")
for name in ("getaddrinfo", "gethostbyname", "create_connection", "socketpair"):
    setattr(socket, name, refuse)
# urllib3 makes one socket when imported, to see whether IPv6 is there, and connects it nowhere.
class Closed(socket.socket):
    connect = connect_ex = send = sendall = sendto = sendmsg = refuse
socket.socket = Closed

from tuneos.tools.guardrails.checks import check_answer, check_arguments
from tuneos.tools.guardrails.guards import ask, guard_of, quiet_guardrails
from tuneos.tools.guardrails.personal_data import mask_text
assert not {"guardrails", "presidio_analyzer", "torch", "spacy"} & set(sys.modules)
quiet_guardrails()
quiet_guardrails()
from tuneos.tools.guardrails.validators import PersonalData
verdict = ask(guard_of(PersonalData(on_fail="fix")), "mail a@example.com or call +44 7700 900123")
assert verdict.fixed == "mail [EMAIL] or call [PHONE]", verdict
assert check_answer("a", 0.5, ["a"]) == []
assert check_arguments({"data": "/etc/passwd"}, roots=[])

from guardrails import Guard
from guardrails.utils.hub_telemetry_utils import HubTelemetry
assert Guard().validate("x").validation_passed
assert HubTelemetry()._enabled is False
HubTelemetry()._tracer_provider.force_flush()
assert "litellm" not in sys.modules
assert not calls, calls
"""


def test_guard_connects_to_nothing_and_looks_nothing_up(tmp_path: Path) -> None:
    # A home whose settings ask for telemetry must not turn it on.
    (tmp_path / ".guardrailsrc").write_text("id=someone\nenable_metrics=true\n")
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", OFFLINE],
        env={**os.environ, "HOME": str(tmp_path), "TLDEXTRACT_PUBLIC_SUFFIX_LIST_URLS": "http://x"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    assert not (tmp_path / ".cache" / "python-tldextract").exists()
