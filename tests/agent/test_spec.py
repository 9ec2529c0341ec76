"""What a run is asked to do, from flags and from a run file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tuneos.agent.spec import RunSpec, SpecError, make_spec, parse_duration, read_run_file


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30m", 1800),
        ("1h30m", 5400),
        ("90s", 90),
        ("90", 90),
        ("1.5h", 5400),
        ("2H", 7200),
        (" 1h 5m 10s ", 3910),
        ("0.5m", 30),
    ],
)
def test_duration_is_read_in_seconds(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "soon", "0", "0m", "-5m", "30 minutes", "m", "5m1h", "1e3", "inf", "nan", "30x"]
)
def test_duration_that_cannot_be_is_refused_with_the_way_to_write_it(text: str) -> None:
    with pytest.raises(SpecError, match="write it as 30m") as caught:
        parse_duration(text)
    assert repr(text) in str(caught.value)


def write(folder: Path, text: str) -> Path:
    path = folder / "run.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_run_file_says_what_flags_say(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "data: /data/x.csv\ntargets: [macro_f1>=0.9, size_mb<=50]\nbudget: 30m\nseed: 3\n",
    )
    assert read_run_file(path, {}) == RunSpec(
        data="/data/x.csv", targets=("macro_f1>=0.9", "size_mb<=50"), budget="30m", seed=3
    )


def test_flags_override_the_run_file(tmp_path: Path) -> None:
    path = write(tmp_path, "data: /data/x.csv\ntargets: [macro_f1>=0.9]\nbudget: 30m\nseed: 3\n")
    spec = read_run_file(path, {"targets": ["accuracy>=0.5"], "seed": 0})
    assert (spec.targets, spec.seed, spec.budget) == (("accuracy>=0.5",), 0, "30m")


def test_paths_in_a_run_file_are_relative_to_it(tmp_path: Path) -> None:
    path = write(tmp_path, "data: tickets.csv\nworkspace: work\nout: ../made\n")
    spec = read_run_file(path, {})
    assert Path(spec.data) == tmp_path / "tickets.csv"
    assert Path(spec.workspace) == tmp_path / "work"
    assert Path(str(spec.out)).resolve() == tmp_path.parent / "made"


def test_paths_in_flags_stay_as_they_are(tmp_path: Path) -> None:
    path = write(tmp_path, "data: tickets.csv\nout: made\n")
    assert read_run_file(path, {"out": "elsewhere"}).out == "elsewhere"


def test_one_target_and_a_budget_in_seconds_need_no_quotes(tmp_path: Path) -> None:
    spec = read_run_file(write(tmp_path, "data: x.csv\ntargets: macro_f1>=0.9\nbudget: 90\n"), {})
    assert spec.targets == ("macro_f1>=0.9",)
    assert spec.seconds() == 90


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("data: x.csv\ntarget: macro_f1>=0.9\n", ["target", "known:", "targets"]),
        ("data: x.csv\nseed: many\n", ["seed", "integer"]),
        ("data: x.csv\nmax_trials: -1\n", ["max_trials", "greater than or equal to 0"]),
        ("budget: 30m\n", ["data", "required"]),
        ("- a\n- b\n", ["mapping", "data:"]),
        ("", ["mapping"]),
        ("data: [x\n", ["cannot be read as YAML"]),
    ],
)
def test_run_file_at_fault_is_named_with_the_fault(
    text: str, words: list[str], tmp_path: Path
) -> None:
    path = write(tmp_path, text)
    with pytest.raises(SpecError) as caught:
        read_run_file(path, {})
    message = str(caught.value)
    assert "\n" not in message
    assert str(path) in message
    assert all(word in message for word in words), message


def test_translators_in_a_run_file_lie_beside_it_or_are_names(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    path = write(tmp_path, "data: x.csv\ntranslators: [there, Helsinki-NLP/opus-mt-de-en]\n")
    assert read_run_file(path, {}).translators == (
        str(tmp_path / "there"),
        "Helsinki-NLP/opus-mt-de-en",
    )


def test_run_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"none\.yaml"):
        read_run_file(tmp_path / "none.yaml", {})


@pytest.mark.parametrize("said", [{"data": "x", "sed": 1}, {"data": "x", "seed": -1}])
def test_flag_at_fault_is_named(said: dict[str, Any]) -> None:
    with pytest.raises(SpecError, match="command line: se"):
        make_spec(said, "command line")
