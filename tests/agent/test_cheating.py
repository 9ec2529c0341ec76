"""Ways to better figures than were earned, each closed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fakes import PROBE, Turn, run_scripted, ticket_rows
from tuneos.agent.suites.injected import jobs_here
from tuneos.tools.datasets.types import copy_keys, is_copy
from tuneos.tools.training import job_specs

CLEAN: Turn = [("clean_dataset", {})]


def leaking(folder: Path, change: Any) -> Path:
    """Train, validation and test, with three test texts copied into train."""
    rows = ticket_rows()
    parts = {"train": rows[:80], "validation": rows[80:100], "test": rows[100:]}
    parts["train"] = [*parts["train"], *((change(text), label) for text, label in rows[100:103])]
    folder.mkdir()
    for name, part in parts.items():
        lines = "".join(f'"{text}",{label}\n' for text, label in part)
        (folder / f"{name}.csv").write_text(f"text,label\n{lines}", encoding="utf-8")
    return folder


def shouted(text: str) -> str:
    return "  ".join(text.upper().split(" "))


def spaced(text: str) -> str:
    return text.replace(" ", "") + "\u200b"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace for these runs alone: they hold copies of test rows."""
    return tmp_path_factory.mktemp("cheats")


@pytest.mark.parametrize("change", [str, shouted, spaced])
def test_nothing_is_trained_on_copies_of_test_rows(
    change: Any, tmp_path: Path, place: Path
) -> None:
    data = leaking(tmp_path / "data", change)
    with jobs_here():
        ran = run_scripted([PROBE, CLEAN, PROBE], data, place, targets=["accuracy>=0.5"])
    first, cleaned, second = ran.of("step_ended")[:3]
    assert not first["ok"]
    assert "3 training rows are copies of validation or test rows" in first["summary"]
    assert "3 leaked" in cleaned["summary"]
    assert second["ok"]


def test_without_the_guard_it_would_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_specs, "refuse_leaks", lambda *_: None)
    data = leaking(tmp_path / "data", shouted)
    with jobs_here():
        ran = run_scripted([PROBE], data, tmp_path / "w", targets=["accuracy>=0.5"])
    assert ran.of("step_ended")[0]["ok"]


def test_test_rows_lie_nowhere_in_the_open_before_the_end(tmp_path: Path) -> None:
    secret = "xyzzy"
    data = leaking(tmp_path / "data", str)
    lines = (data / "test.csv").read_text("utf-8").replace("case", secret)
    (data / "test.csv").write_text(lines, "utf-8")
    work = tmp_path / "w"
    found: list[Path] = []

    def look(_: Any) -> bool:
        found.extend(p for p in work.rglob("*") if p.is_file() and secret in _text(p))
        return True

    policy = tmp_path / "policy.yaml"
    policy.write_text("ask: [{tool: probe_baselines}]\n", "utf-8")
    targets = ["accuracy>=0.1"]
    run_scripted([CLEAN, PROBE], data, work, approve=look, policy=str(policy), targets=targets)
    assert found == []
    look(None)
    assert found, "opened at the end, so that looking for it finds it"


def _text(path: Path) -> str:
    return path.read_bytes().decode("utf-8", "replace")


@pytest.mark.parametrize(
    ("text", "copy"),
    [
        ("Hello there, Anna", True),
        ("hello  THERE, anna ", True),
        ("Hello\u200b there,\nAnna", True),
        ("Ｈｅｌｌｏ there, Anna", True),
        ("hellothere,anna", True),
        ("Hello there, Bert", False),
    ],
)
def test_copies_are_known_whatever_their_spacing(text: str, copy: bool) -> None:
    assert is_copy(text, frozenset(copy_keys("Hello there, Anna"))) is copy
