"""Keys planted wherever a run reads are nowhere in what it writes."""

from __future__ import annotations

import json
import sqlite3
import sys
import zlib
from pathlib import Path
from typing import Any

import pytest
from fakes import PROBE, Ran, run_scripted, ticket_rows
from tuneos.agent import cli
from tuneos.agent.commands.common import BUG
from tuneos.agent.suites.injected import jobs_here
from tuneos.memory.redaction import SECRET
from tuneos.tools.deployment.model import load_model
from tuneos.tools.guardrails.masking import AUDIT

# Made up, and put together here so that nothing in this file looks like one.
AWS = "AKIA" + "Z3X7QWERTYUIOP12"
GITHUB = "ghp_" + "a1B2" * 9
SLACK = "xoxb-" + "123456789012-123456789012-abcDEF123ghiJKL456"
OPENAI = "sk-" + "Ab1" * 7 + "T3Blbk" + "FJ" + "Xy9" * 7
JWT = "eyJhbGciOiJIUzI1NiJ9" + ".eyJzdWIiOiIxMjM0In0." + "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gF"
KEY_LINES = ("MIIEowIBAAKCAQEAx", "qwertyuiopasdfghjkl")
BLOCK = "-----BEGIN RSA PRIVATE {0}-----\n{1}\n{2}\n-----END RSA PRIVATE {0}-----".format(
    "KEY", *KEY_LINES
)
PASSWORD = "hunter2pass"
URL = f"https://bob:{PASSWORD}@db.internal/x"
IN_LABEL, IN_COLUMN, IN_ID = (f"AKIA{c * 4}QWERTYUIOP12" for c in "BCD")
IN_LESSON, IN_WORDS, IN_QUERY, IN_LOG = (f"ghp_{c * 36}" for c in "EFGH")
PLANTED = (
    *(AWS, GITHUB, SLACK, OPENAI, JWT, PASSWORD, *KEY_LINES),
    *(IN_LABEL, IN_COLUMN, IN_ID, IN_LESSON, IN_WORDS, IN_QUERY, IN_LOG),
)


def everything_in(folder: Path) -> dict[str, bytes]:
    """All files, and what is packed in the sealed splits."""
    found = {str(p): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    for path in folder.rglob("*.sqlite"):
        with sqlite3.connect(path) as db:
            names = {r[0] for r in db.execute("SELECT name FROM sqlite_master WHERE type='table'")}
            if "seals" in names:
                packed = [row[0] for row in db.execute("SELECT content FROM seals")]
                found[f"{path} seals"] = b"".join(map(zlib.decompress, packed))
            found[f"{path} dump"] = "\n".join(db.iterdump()).encode()
    return found


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Rows with a key of every kind in cells, an id, a label and a column's name."""
    path = tmp_path_factory.mktemp("planted") / "tickets.jsonl"
    secrets = [AWS, GITHUB, SLACK, OPENAI, JWT, BLOCK, URL]
    lines = []
    for number, (text, label) in enumerate(ticket_rows()):
        said = f"{text} with {secrets[number % 7]}" if number % 2 else text
        named = IN_LABEL if label == "garden" else label
        row = {"id": f"{IN_ID}{number}" if number == 5 else str(number), "text": said}
        lines.append(json.dumps({**row, "label": named, IN_COLUMN: "x"}) + "\n")
    path.write_text("".join(lines), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def ran(planted: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Ran, Path]:
    """A run whose LLM and whose jobs say keys as well."""
    folder = tmp_path_factory.mktemp("run")
    sparql = f'SELECT ?s WHERE {{ ?s ?p "{IN_QUERY}" }}'
    turns: list[Any] = [
        f"I have found {IN_WORDS}",
        [("inspect_dataset", {})],
        [("record_lesson", {"lesson": f"the key is {IN_LESSON}", "about": "strategy"})],
        [("record_lesson", {"lesson": f"the key is {IN_LESSON}", "about": "tfidf_linear"})],
        [("query_knowledge", {"about": "sparql", "sparql": sparql})],
        PROBE,
        [("no_such_tool", {"x": IN_QUERY})],
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONWARNINGS", IN_LOG)  # a job says on its standard error what is wrong
        ran = run_scripted(
            turns, planted, folder / "w", out=str(folder / "out"), targets=["macro_f1>=0.80"]
        )
    return ran, folder


def test_planted_keys_are_nowhere_in_the_workspace(ran: tuple[Ran, Path]) -> None:
    found = everything_in(ran[1])
    assert len(found) > 20
    leaks = {
        (name, secret) for name, data in found.items() for secret in PLANTED
        if secret.encode() in data or secret.lower().encode() in data
    }  # fmt: skip
    assert leaks == set()
    logs = [data for name, data in found.items() if "/logs/" in name]
    assert any(SECRET.encode() in log for log in logs), "the job's error line came through"


def test_planted_keys_are_in_no_event_and_not_shown_to_the_llm(ran: tuple[Ran, Path]) -> None:
    said = json.dumps(ran[0].events) + ran[0].result.model_dump_json()
    shown = "\n".join(
        str(m.content) for messages in ran[0].model.seen for m in messages if m.type != "ai"
    )
    for secret in PLANTED:
        assert secret not in said
        assert secret not in shown


def test_the_run_did_its_work_all_the_same(ran: tuple[Ran, Path]) -> None:
    assert ran[0].result.met
    folder = Path(str(ran[0].result.model))
    model = load_model(folder)
    assert any(label.startswith(SECRET) for label in model.card.labels)
    assert model.card.masking is not None
    assert model.card.masking.mode == "secrets"
    audit = (ran[0].run.folder / AUDIT).read_text()
    kinds = {json.loads(line)["type"] for line in audit.splitlines()}
    assert kinds == {"SECRET"}


def test_commands_say_no_key_either(
    planted: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    missing = ["run", str(planted), "--label", IN_LESSON, "--workspace", str(tmp_path / "w")]
    for words in (["check", str(planted)], ["check", str(planted), "--json"], missing):
        monkeypatch.setattr(sys, "argv", ["tuneos", *words])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = "".join(capfd.readouterr())
        assert ended.value.code in {0, 2}, said
        assert "secret" in said.lower()
        for secret in PLANTED:
            assert secret not in said


def test_a_traceback_says_no_key(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken() -> None:
        raise ValueError(f"cannot use {AWS}")

    monkeypatch.setattr(cli, "app", broken)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == BUG
    assert f"ValueError: cannot use {SECRET}" in capsys.readouterr().err


def test_rows_stay_as_they_are_where_the_person_only_wants_a_report(
    planted: Path, tmp_path: Path
) -> None:
    with jobs_here():
        ran = run_scripted(
            [PROBE], planted, tmp_path / "w", personal_data="report", targets=["macro_f1>=0.80"]
        )
    rows = b"".join(p.read_bytes() for p in (tmp_path / "w" / "artifacts").rglob("train.jsonl"))
    assert GITHUB.encode() in rows
    assert "rows with personal data or secrets" in json.dumps(ran.of("prepared"))
    report = (ran.run.out / "report.html").read_text()
    for secret in PLANTED:
        assert secret not in report
