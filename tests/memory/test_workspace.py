"""Workspaces and run names."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
from tuneos.memory.errors import StoreError
from tuneos.memory.workspace import Workspace, open_workspace

WHEN = datetime(2026, 11, 23, 18, 52)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return open_workspace(tmp_path / ".tuneos")


def test_naming_a_workspace_touches_nothing(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "ws")
    assert workspace.ledger == tmp_path / "ws" / "ledger.sqlite"
    assert not workspace.root.exists()


def test_new_workspace_keeps_itself_out_of_git(workspace: Workspace) -> None:
    assert (workspace.root / ".gitignore").read_text() == "*\n"
    assert workspace.runs.is_dir()
    assert workspace.artifacts.is_dir()


def test_folder_that_was_there_gets_no_gitignore(tmp_path: Path) -> None:
    open_workspace(tmp_path)
    assert not (tmp_path / ".gitignore").exists()


@pytest.mark.parametrize("below", ["", "deeper/down"])
def test_file_in_the_place_of_a_workspace_is_refused(tmp_path: Path, below: str) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(StoreError, match=r"file stands where a folder.*--workspace"):
        open_workspace(tmp_path / "file" / below)
    assert (tmp_path / "file").read_text() == "mine"


def test_unwritable_workspace_is_refused() -> None:
    with pytest.raises(StoreError, match="/proc/tuneos"):
        open_workspace("/proc/tuneos")


@pytest.mark.parametrize(
    ("slug", "stem"),
    [
        ("banking77", "banking77-1123-1852-"),
        ("My Tickets (final)", "my-tickets-final-1123-1852-"),
        ("../../etc/passwd", "etc-passwd-1123-1852-"),
        ("Übergröße", "ubergroe-1123-1852-"),
        ("数据", "run-1123-1852-"),
        ("x" * 80, "x" * 24 + "-1123-1852-"),
    ],
)
def test_run_name_is_short_and_safe(workspace: Workspace, slug: str, stem: str) -> None:
    name = workspace.new_run_name(slug, WHEN, "seed")
    assert name.startswith(stem)
    assert len(name) == len(stem) + 4
    assert workspace.run_folder(name).is_dir()


def test_run_name_is_never_given_twice(workspace: Workspace) -> None:
    names = {workspace.new_run_name("a", WHEN, "same entropy") for _ in range(20)}
    assert len(names) == 20


def test_run_is_found_by_unique_beginning(workspace: Workspace) -> None:
    name = workspace.new_run_name("banking77", WHEN, "1")
    workspace.new_run_name("snips", WHEN, "2")
    assert workspace.find_run("bank") == workspace.runs / name
    assert workspace.find_run(name) == workspace.runs / name


def test_whole_name_wins_over_longer_ones(workspace: Workspace) -> None:
    for name in ("abc", "abcd"):
        workspace.run_folder(name).mkdir()
    assert workspace.find_run("abc").name == "abc"


def test_ambiguous_beginning_lists_the_runs(workspace: Workspace) -> None:
    names = [workspace.new_run_name("snips", WHEN, text) for text in "ab"]
    with pytest.raises(StoreError) as caught:
        workspace.find_run("snips")
    assert all(name in str(caught.value) for name in names)


@pytest.mark.parametrize("asked", ["", "..", "bnaking77-1123-1852", "/"])
def test_unknown_run_lists_near_or_newest_names(workspace: Workspace, asked: str) -> None:
    name = workspace.new_run_name("banking77", WHEN, "1")
    with pytest.raises(StoreError, match=name):
        workspace.find_run(asked)


@pytest.mark.parametrize("name", ["", "..", "a/b", ".hidden", "a\\b"])
def test_run_folder_refuses_what_is_no_name(workspace: Workspace, name: str) -> None:
    with pytest.raises(StoreError, match="cannot name a run"):
        workspace.run_folder(name)
