"""The command line's contract: what is printed where, and with which exit code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from fakes import FAKE, NAME, PROBE, Ran, Scripted, controlled_by
from tuneos.agent.cli import app
from tuneos.agent.commands.running import exit_code
from typer.testing import CliRunner

Cli = Callable[..., Result]
Write = Callable[[str, str | bytes], Path]
COMMANDS = [
    "run",
    "demo",
    "check",
    "predict",
    "chat",
    "resume",
    "report",
    "runs",
    "eval",
    "doctor",
]


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """Call the command in an empty folder, offline, and get what it printed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("COLUMNS", "200")

    def call(*words: object) -> Result:
        return CliRunner().invoke(app, [str(w) for w in words])

    return call


def test_help_lists_the_commands(cli: Cli) -> None:
    result = cli("--help")
    assert result.exit_code == 0
    assert all(f" {name} " in result.stdout for name in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_explains_itself(command: str, cli: Cli) -> None:
    result = cli(command, "--help")
    assert result.exit_code == 0
    assert "Usage" in result.stdout


def test_help_says_what_an_argument_is(cli: Cli) -> None:
    assert "Data file or folder" in cli("check", "--help").output


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys; sys.argv = ['tuneos', '--help']\n"
        "from tuneos.agent.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = ('torch', 'transformers', 'langgraph', 'numpy', 'datasets', 'guardrails')\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


GOOD = "text,label\n" + "".join(f"some words {i},{'ab'[i % 2]}\n" for i in range(20))
JSONL = "".join(f'{{"text": "some words {i}", "label": "{"ab"[i % 2]}"}}\n' for i in range(20))
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(range(256))
ONE_ALONE = "text,label\nw1 x,a\nw2 x,a\nw3 x,b\nw4 x,b\nw5 x,c\n"
UNLABELLED = "text,label\nw1 x,a\nw2 x,\nw3 x,b\nw4 x,a\nw5 x,b\n"
RUSSIAN = GOOD.replace("some words", "где моя карта").encode("cp1251")

# files (name, content), DATA, words of the message: what and where, how to mend
BAD_DATA: dict[str, tuple[list[tuple[str, str | bytes]], str, list[str]]] = {
    "missing file": ([("tickets.csv", GOOD)], "ticket.csv", ["does not exist", "tickets.csv"]),
    "empty file": ([("d.csv", "")], "d.csv", ["d.csv", "is empty", "give"]),
    "no header": (
        [("d.csv", "love it,pos\nhate it,neg\ngood,pos\nbad,neg\n")],
        "d.csv",
        ["d.csv", "no header", "add a first row"],
    ),
    "one class": ([("d.csv", "text,label\nx y,a\ny z,a\n")], "d.csv", ["one class only", "two"]),
    "class with one row": ([("d.csv", ONE_ALONE)], "d.csv", ["'c'", "d.csv row 6", "add rows"]),
    "label missing": ([("d.csv", UNLABELLED)], "d.csv", ["d.csv row 3", "fill in"]),
    "ragged": ([("d.csv", GOOD + "one,two,three,four\n")], "d.csv", ["d.csv row 22"]),
    "broken JSONL": ([("d.jsonl", JSONL + '{"text": \n')], "d.jsonl", ["d.jsonl line 21", "JSON"]),
    "binary": ([("d.csv", PNG)], "d.csv", ["d.csv", "binary", "UTF-8"]),
    "wrong encoding": ([("d.csv", RUSSIAN)], "d.csv", ["d.csv", "20 of 21 lines", "iconv"]),
    "0-row split": (
        [("d/train.csv", GOOD), ("d/test.csv", "text,label\n")],
        "d",
        ["test.csv", "no rows", "add rows"],
    ),
    "two files for one split": (
        [("d/train.csv", GOOD), ("d/train.jsonl", JSONL)],
        "d",
        ["train.csv", "train.jsonl", "keep one"],
    ),
}
BAD_FLAGS: dict[str, tuple[list[str], list[str]]] = {
    "absent column": (["--label", "intent"], ["'intent'", "label", "text"]),
    "unknown metric": (["--target", "fame>=0.9"], ["'fame'", "macro_f1"]),
    "metric of another task": (["--target", "bleu>=9"], ["does not measure bleu", "macro_f1"]),
    "impossible target": (["--target", "accuracy>=1.5"], ["accuracy>=1.5", "0 to 1"]),
    "wrong side": (["--target", "accuracy<=0.5"], ["accuracy>=0.5"]),
    "not a target": (["--target", "good"], ["'good'", "METRIC>=NUMBER"]),
    "unparsable budget": (["--budget", "a while"], ["'a while'", "30m"]),
    "absent base model": (["--base-model", "nobody/nothing"], ["nobody/nothing"]),
    "absent base model folder": (["--base-model", "./models/none"], ["models/none"]),
    "unknown task": (["--task", "juggling"], ["'juggling'", "text-classification"]),
    "llm without a provider": (["--llm", "gpt"], ["'gpt'", "provider:model"]),
    "negative seed": (["--seed", "-1"], ["seed", "0"]),
    "out in use": (["--out", "taken"], ["taken", "in use", "new or empty"]),
}


def refused(result: Result, words: list[str], folder: Path) -> None:
    """Exit 2 with one line on stderr, nothing on stdout, nothing made."""
    assert result.exit_code == 2, result.output
    assert isinstance(result.exception, SystemExit)
    assert result.stdout == ""
    lines = [line for line in result.stderr.splitlines() if line.strip()]
    assert len(lines) == 1, lines
    assert lines[0].startswith("error:")
    assert all(word in lines[0] for word in words), lines[0]
    assert not (folder / ".tuneos").exists()


@pytest.mark.parametrize("case", BAD_DATA)
def test_bad_data_gets_one_clear_line(case: str, cli: Cli, write: Write, tmp_path: Path) -> None:
    files, data, words = BAD_DATA[case]
    for name, content in files:
        write(name, content)
    refused(cli("run", data, "--json", "--target", "macro_f1>=0.9"), words, tmp_path)
    refused(cli("check", data, "--json"), words, tmp_path)


@pytest.mark.parametrize("case", BAD_FLAGS)
def test_bad_flag_gets_one_clear_line(case: str, cli: Cli, write: Write, tmp_path: Path) -> None:
    flags, words = BAD_FLAGS[case]
    write("d.csv", GOOD)
    taken = write("taken/precious.txt", "keep me")
    refused(cli("run", "d.csv", *flags, "--json"), words, tmp_path)
    assert taken.read_text() == "keep me"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["d.csv", "taken"]


def test_bad_data_does_not_leave_the_out_folder_behind(
    cli: Cli, write: Write, tmp_path: Path
) -> None:
    write("d.csv", "")
    refused(cli("run", "d.csv", "--out", "new/deep", "--json"), ["is empty"], tmp_path)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("flag", ["--out", "--workspace"])
def test_folder_that_cannot_be_made_is_named(
    flag: str, cli: Cli, write: Write, tmp_path: Path
) -> None:
    write("d.csv", GOOD)
    result = cli("run", "d.csv", flag, "d.csv/inside", "--json")
    assert result.exit_code == 2
    assert "d.csv/inside" in result.stderr.splitlines()[-1]
    assert not (tmp_path / ".tuneos").exists()


def test_mistake_shows_no_traceback_to_people_either(cli: Cli, tmp_path: Path) -> None:
    result = cli("run", "none.csv")
    assert result.exit_code == 2
    assert "Traceback" not in result.output
    assert "none.csv does not exist" in result.output


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("data: d.csv\ntarget: x\n", ["run.yaml", "target", "known"]),
        ("data: [\n", ["run.yaml", "YAML"]),
        ("data: d.csv\ntargets: accuracy>=2\n", ["accuracy>=2"]),
    ],
)
def test_bad_run_file_gets_one_clear_line(
    text: str, words: list[str], cli: Cli, write: Write, tmp_path: Path
) -> None:
    write("d.csv", GOOD)
    refused(cli("run", write("run.yaml", text), "--json"), words, tmp_path)


def test_full_disk_is_not_our_bug(cli: Cli, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    import errno

    def full(_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("tuneos.agent.runs.create_run", full)
    result = cli("run", write("d.csv", GOOD), "--json")
    assert result.exit_code == 2
    assert "No space left on device" in result.stderr


@pytest.mark.parametrize(
    ("given", "said"), [(["only"], "1 given"), (["no/such", "no/such"], "no/such")]
)
def test_translators_are_checked_before_anything_is_spent(
    given: list[str], said: str, cli: Cli, write: Write
) -> None:
    words = [word for ref in given for word in ("--translator", ref)]
    result = cli("run", write("d.csv", GOOD), *words)
    assert result.exit_code == 2
    assert said in result.output


def test_our_own_bug_is_not_passed_off_as_the_users(
    cli: Cli, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: object) -> None:
        raise RuntimeError("oops")

    monkeypatch.setattr("tuneos.agent.plan.plan_run", broken)
    result = cli("run", write("d.csv", GOOD), "--json")
    assert result.exit_code == 1
    assert isinstance(result.exception, RuntimeError)


@pytest.mark.parametrize(
    ("met_now", "targets", "code"), [(True, 1, 0), (False, 1, 3), (False, 0, 0)]
)
def test_exit_code_says_whether_the_targets_were_met(
    met_now: bool, targets: int, code: int, met: Ran
) -> None:
    asked = met.result.targets[:targets]
    result = met.result.model_copy(update={"met": met_now, "targets": asked})
    assert exit_code(result) == code


def test_run_prints_exactly_one_json_object(
    cli: Cli, tickets: Path, workspace: Path, met: Ran, tmp_path: Path
) -> None:
    out = tmp_path.resolve() / "made"
    words = ["--target", "macro_f1>=0.80", "--workspace", workspace, "--out", "made", "--json"]
    words += ["--llm", FAKE]
    with controlled_by(Scripted(turns=[PROBE])):
        result = cli("run", tickets, *words)
    assert result.exit_code == 0, result.output
    said = json.loads(result.stdout)
    assert (said["met"], said["controller"]) == (True, NAME)
    assert said["model"] == str(out / "model")
    assert (out / "report.html").is_file()
    assert "probe_baselines" in result.stderr
    assert NAME in result.stderr
    again = cli("resume", said["run"], "--workspace", workspace, "--json")
    assert again.exit_code == 0
    assert json.loads(again.stdout) == said


def test_interrupted_run_exits_130_and_says_how_to_go_on(
    cli: Cli, tickets: Path, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("tuneos.agent.session._stream", interrupted)
    result = cli("run", tickets, "--workspace", workspace, "--json")
    assert result.exit_code == 130
    assert result.stdout == ""
    assert "tuneos resume tickets-" in result.stderr
    assert str(workspace) in result.stderr
    listed = json.loads(cli("runs", "--workspace", workspace, "--json").stdout)
    assert listed[0]["status"] == "interrupted"


def test_runs_are_listed_newest_first(cli: Cli, workspace: Path, met: Ran) -> None:
    result = cli("runs", "--workspace", workspace, "--json")
    assert result.exit_code == 0
    listed = json.loads(result.stdout)
    mine = next(row for row in listed if row["run"] == met.result.run)
    assert mine["status"] == "finished"
    assert mine["met"] is True
    started = [row["started"] for row in listed]
    assert started == sorted(started, reverse=True)


def test_no_workspace_means_no_runs_and_makes_none(cli: Cli, tmp_path: Path) -> None:
    result = cli("runs", "--json")
    assert (result.exit_code, json.loads(result.stdout)) == (0, [])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["resume", "report"])
def test_unknown_run_is_refused(command: str, cli: Cli, workspace: Path, met: Ran) -> None:
    result = cli(command, "nothing", "--workspace", workspace)
    assert result.exit_code == 2
    assert "There is no run 'nothing'" in result.output


def test_report_shows_how_a_run_ended(cli: Cli, workspace: Path, met: Ran) -> None:
    result = cli("report", met.result.run, "--workspace", workspace)
    assert result.exit_code == 0
    assert "tfidf_linear" in result.stdout
    assert str(met.result.report) in result.stdout


def test_check_diagnoses_and_leaves_nothing(cli: Cli, write: Write, tmp_path: Path) -> None:
    write("d.csv", GOOD + "write to jane@example.org,a\nsome words 0,a\n")
    result = cli("check", "d.csv", "--json")
    assert result.exit_code == 0
    said = json.loads(result.stdout)
    assert said["task"] == "text-classification"
    assert (said["text_column"], said["label_column"]) == ("text", "label")
    assert said["guesses"]
    assert any("personal data" in f["what"] for f in said["profile"]["findings"])
    assert cli("check", "d.csv").exit_code == 0
    assert [p.name for p in tmp_path.iterdir()] == ["d.csv"]


INPUTS: dict[str, tuple[str, list[Any]]] = {
    "lines.txt": ("a refund for the invoice\nour flight and hotel\n", [None, None]),
    "rows.csv": ("id,text\n7,a refund for the invoice\n8,our flight and hotel\n", ["7", "8"]),
    "rows.jsonl": (
        '{"id": 7, "text": "a refund for the invoice"}\n{"text": "our flight and hotel"}\n',
        [7, None],
    ),
}


@pytest.mark.parametrize("name", INPUTS)
def test_predict_answers_each_text_with_label_and_score(
    name: str, cli: Cli, write: Write, met: Ran, tmp_path: Path
) -> None:
    content, ids = INPUTS[name]
    given = write(name, content)
    result = cli("predict", met.result.model, given)
    assert result.exit_code == 0, result.output
    answers = [json.loads(line) for line in result.stdout.splitlines()]
    assert [a["label"] for a in answers] == ["billing", "travel"]
    assert [a.get("id") for a in answers] == ids
    assert all(("id" in a) is (i is not None) for a, i in zip(answers, ids, strict=True))
    assert all(1 / 3 < a["score"] <= 1 for a in answers)
    to_file = cli("predict", met.result.model, given, "--output", tmp_path / "out.jsonl")
    assert to_file.stdout == ""
    assert (tmp_path / "out.jsonl").read_text("utf-8") == result.stdout


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("none.txt", None, ["none.txt", "no such file"]),
        ("bad.jsonl", '{"text": "x"}\n{"text": \n', ["bad.jsonl line 2"]),
        ("bad.jsonl", '{"words": "x"}\n', ["bad.jsonl line 1", "--text"]),
        ("bad.csv", "a,b\nx,y\n", ["bad.csv", "'text'", "--text"]),
        ("bad.csv", "id,text\n1,x,y\n", ["bad.csv row 2"]),
        ("bad.txt", PNG, ["bad.txt"]),
    ],
)
def test_predict_refuses_bad_input_and_writes_nothing(
    name: str,
    content: str | bytes | None,
    words: list[str],
    cli: Cli,
    write: Write,
    met: Ran,
    tmp_path: Path,
) -> None:
    if content is not None:
        write(name, content)
    out = tmp_path / "out.jsonl"
    refused(cli("predict", met.result.model, name, "--output", out), words, tmp_path)
    assert not out.exists()


def test_predict_without_a_model_is_refused(cli: Cli, write: Write, tmp_path: Path) -> None:
    given = write("lines.txt", "hello\n")
    refused(cli("predict", tmp_path / "nowhere", given), ["nowhere"], tmp_path)
    (tmp_path / "hollow").mkdir()
    refused(cli("predict", tmp_path / "hollow", given), ["hollow"], tmp_path)


def test_command_runs_as_a_program(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tuneos.agent.cli", "run", "none.csv", "--json"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
        check=False,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.strip().splitlines()) == 1
    assert list(tmp_path.iterdir()) == []
