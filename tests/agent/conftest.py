"""What the tests of this folder share: a run costs seconds, so each is made once."""

from __future__ import annotations

from pathlib import Path

import pytest
from fakes import PROBE, Ran, run_scripted, ticket_rows


@pytest.fixture(scope="session")
def tickets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny dataset as CSV."""
    path = tmp_path_factory.mktemp("data") / "tickets.csv"
    lines = "".join(f"{text},{label}\n" for text, label in ticket_rows())
    path.write_text("text,label\n" + lines, encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One workspace for all runs, as a person has it."""
    return tmp_path_factory.mktemp("work") / ".tuneos"


@pytest.fixture(scope="session")
def met(tickets: Path, workspace: Path) -> Ran:
    """A run whose target the tf-idf rung meets."""
    return run_scripted([PROBE], tickets, workspace, targets=["macro_f1>=0.80"], budget="10m")
