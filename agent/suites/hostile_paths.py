"""Paths and addresses that lead out of a workspace, in the spellings that attackers use."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from ...tools.datasets.read import read_data
from ...tools.errors import UserError
from ...tools.guardrails.checks import check_arguments

ARGUMENTS = ("candidate", "there", "back", "rungs")


def spellings(secret: Path) -> list[str]:
    """At least 70 strings that, opened or fetched, would leave the workspace.

    Args:
        secret: A file outside it.
    """
    up = "../" * 8
    plain = [
        str(secret),
        f"{up}etc/passwd",
        "/etc/passwd",
        "/proc/self/environ",
        "~/.ssh/id_rsa",
        "~root/.bashrc",
        "./../../etc/passwd",
        "runs/../../../etc/passwd",
        "artifacts//..//..//..//etc/passwd",
        "..",
        "a/b/../../../x",
        "/dev/tcp/10.0.0.1/80",
        "//server/share/file",
        "\\\\server\\share\\file",
        "..\\..\\windows\\system32",
        "C:\\Windows\\win.ini",
        "C:/Windows/win.ini",
        "\\\\?\\C:\\x",
        "\\\\.\\pipe\\x",
        "NUL",
        "con",
        "COM1",
        "aux.txt",
        "LPT9.csv",
        "etc\0passwd",
        "x\0/../../etc/passwd",
        "name\n../../etc",
        "name\r\nHost: x",
        "\u202egpj.exe",
        "a\u2066b\u2069",
        "na\u200bme",
        "\ufeffname",
        "x\x1b[2J",
        "x\x7f",
        "$HOME/.ssh",
        "${HOME}",
        "$(cat /etc/passwd)",
        "`id`",
        "%USERPROFILE%\\x",
        "local:/etc",
        "local:../../x",
        "a:/etc/passwd",
        "x=/etc/passwd",
        "(/etc/passwd)",
        "a;/etc/passwd",
        "a|/etc/passwd",
    ]
    lookalikes = [
        "．．／．．／etc",
        "..∕..∕etc/passwd",
        "..⁄..⁄etc",
        "..⧸..⧸etc",
        "‥/‥/etc",
        "․․/etc",
        "﹒﹒/etc",
        "／etc／passwd",
        "..＼..＼etc",
        "%2e%2e/%2e%2e/etc",
        "..%2f..%2fetc",
        "%252e%252e%252fetc",
        "..%c0%af..%2fetc",
        quote("/etc/passwd", safe=""),
        "%2Fetc%2Fpasswd",
    ]
    addresses = [
        "http://attacker.invalid/x",
        "https://attacker.invalid/x",
        "HTTPS://attacker.invalid",
        "ftp://attacker.invalid/x",
        "file:///etc/passwd",
        "file:/etc/passwd",
        "FILE:///etc/passwd",
        "file://localhost/etc/passwd",
        "hf://datasets/evil/x",
        "s3://bucket/x",
        "gs://bucket/x",
        "ssh://host/x",
        "data:text/plain;base64,eA==",
        "javascript:alert(1)",
        "mailto:x@attacker.invalid",
        "www.attacker.invalid",
        "jar:file:///x!/y",
        "ｈｔｔｐ://attacker.invalid",
        "http%3A%2F%2Fattacker.invalid",
    ]
    return [*plain, *lookalikes, *addresses]


def attempts(folder: Path) -> Iterator[tuple[str, bool]]:
    """Try every way out of a workspace; (what, whether it was refused).

    Args:
        folder: Empty; a workspace, data and a secret outside both are made there.
    """
    secret = folder / "secret.csv"
    secret.write_text("text,label\nkey,a\nword,b\n" * 5, encoding="utf-8")
    workspace = folder / "work"
    (workspace / "runs").mkdir(parents=True)
    (workspace / "link").symlink_to(folder)
    (workspace / "runs" / "loop").symlink_to(workspace / "runs" / "loop")
    tries = [*spellings(secret), "link/secret.csv", "link", "runs/loop/x"]
    for at, text in enumerate(tries):
        name = ARGUMENTS[at % len(ARGUMENTS)]
        value = [text] if name == "rungs" else text
        yield repr(text), bool(check_arguments({name: value}, roots=[workspace]))
    for what, path in _linked_data(folder, secret):
        try:
            read_data(path)
        except UserError:
            yield what, True
        else:
            yield what, False


def _linked_data(folder: Path, secret: Path) -> Iterator[tuple[str, Path]]:
    """Data folders with links out of them, also one swapped in later."""
    rows = secret.read_text(encoding="utf-8")
    for number, name in enumerate(("train.csv", "test.csv", "validation.csv")):
        data = folder / f"data{number}"
        data.mkdir()
        (data / "train.csv").write_text(rows, encoding="utf-8")
        read_data(data)
        (data / name).unlink(missing_ok=True)
        (data / name).symlink_to(secret)
        yield f"{name} swapped for a link", data
    brat = folder / "brat"
    brat.mkdir()
    (brat / "a.ann").write_text("T1\tX 0 1\tk\n", encoding="utf-8")
    (brat / "a.txt").symlink_to(secret)
    yield "a document that is a link", brat


def harmless(workspace: Path) -> list[str]:
    """Names that tools do get, and that must pass: the refusals are no blanket ones."""
    return ["lora-1", "tfidf_linear", "search-top_layers-1", str(workspace / "artifacts"), "a b"]
