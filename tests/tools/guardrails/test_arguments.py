"""Strings that a tool call may and may not hold."""

from pathlib import Path

import pytest
from tuneos.tools.guardrails.arguments import argument_faults

SAFE = [
    "",
    "train.csv",
    "data/train.csv",
    "./data/../train.csv",
    "builtin:minilm",
    "sentence-transformers/all-MiniLM-L6-v2",
    "macro_f1>=0.90",
    "30m",
    "text, label",
    "and/or, 24/7",
    "wait... what",
    "naïve – 日本語",
]
ESCAPES = [
    "/etc/passwd",
    " /etc/passwd",
    "../secrets",
    "data/../../secrets",
    "..\\..\\secrets",
    "%2e%2e%2fsecrets",
    "..%252f..%252fsecrets",
    "．．／secrets",
    "~/.ssh/id_rsa",
    "~root/x",
    "C:\\Windows\\system32",
    "\\\\server\\share",
    "//server/share",
    "/",
    "local:/etc/passwd",
    "--config=/etc/passwd",
    "train.csv /etc/passwd",
    "link/secret.txt",
]
ADDRESSES = [
    "http://example.com",
    "HTTPS://EXAMPLE.COM",
    "s3://bucket/key",
    "file:/etc/passwd",
    "www.example.com",
    "http%3A%2F%2Fexample.com",
    "javascript:alert(1)",
    "data:text/plain;base64,AAAA",
]
HIDDEN = [
    "a\x00b",
    "a\x1b[31mb",
    "a\rb",
    "a\nb",
    "a\x9b31m",
    "a\u2028b",
    "a\u202eb",
    "a\u200bb",
    "\ufeffa",
    "\ud800",
    "a\U000e0041",
]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "workspace"
    root.mkdir()
    (tmp_path / "secret.txt").write_text("x")
    (root / "link").symlink_to(tmp_path)
    return root


@pytest.mark.parametrize("value", SAFE)
def test_names_settings_and_paths_inside_pass(value: str, root: Path) -> None:
    assert argument_faults(value, [root]) == []


@pytest.mark.parametrize("value", ESCAPES)
def test_path_out_of_the_roots_is_refused(value: str, root: Path) -> None:
    assert any("leads out" in fault for fault in argument_faults(value, [root]))


@pytest.mark.parametrize("value", [v for v in ESCAPES if "link" not in v])
def test_no_roots_allow_no_way_out(value: str) -> None:
    assert any("leads out" in fault for fault in argument_faults(value))


def test_absolute_path_passes_in_any_root_and_not_beside_it(root: Path, tmp_path: Path) -> None:
    other = tmp_path / "data"
    assert argument_faults(str(other / "train.csv"), [root, other]) == []
    assert argument_faults(str(tmp_path / "workspace2" / "x"), [root, other])
    assert argument_faults(f"{root}/../secret.txt", [root, other])


@pytest.mark.parametrize("value", ADDRESSES)
def test_address_is_refused(value: str, root: Path) -> None:
    assert any("address" in fault for fault in argument_faults(value, [root]))


def test_only_web_addresses_pass_where_addresses_are_allowed(root: Path) -> None:
    assert argument_faults("https://example.com/a?b=/c", [root], allow_urls=True) == []
    assert argument_faults("file:///etc/passwd", [root], allow_urls=True)
    assert argument_faults("https://example.com /etc/passwd", [root], allow_urls=True)


@pytest.mark.parametrize("value", HIDDEN)
def test_control_and_invisible_characters_are_refused(value: str, root: Path) -> None:
    assert any("invisible" in fault for fault in argument_faults(value, [root]))


def test_prose_may_hold_line_breaks_slashes_and_addresses_but_no_escapes() -> None:
    query = "PREFIX x: <http://example.org/>\nSELECT ?s\tWHERE { ?s x:p '../a' }"
    assert argument_faults(query, prose=True) == []
    assert argument_faults("red \x1b[31m", prose=True)
    assert argument_faults("x\rrm", prose=True)


@pytest.mark.parametrize("value", ["$HOME/x", "${HOME}", "$(id)", "`id`", "%APPDATA%\\x"])
def test_shell_variables_are_refused(value: str, root: Path) -> None:
    assert any("shell" in fault for fault in argument_faults(value, [root]))


def test_length_is_bounded() -> None:
    assert argument_faults("x" * 2000) == []
    assert argument_faults("x" * 2001) == ["is 2001 characters long; at most 2000 are allowed"]
    assert argument_faults("x" * 11, limit=10)
