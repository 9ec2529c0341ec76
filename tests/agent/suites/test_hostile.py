"""Hostile paths, artefacts and datasets are refused, all of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from tuneos.agent.suites import hostile
from tuneos.agent.suites.hostile_paths import harmless
from tuneos.agent.suites.malformed import csv_rows, write
from tuneos.tools.deployment import model as model_module
from tuneos.tools.guardrails.checks import check_arguments
from tuneos.tools.training import base_model as base_module


def test_no_path_or_address_leads_out(tmp_path: Path) -> None:
    found = list(hostile.paths(tmp_path / "x"))
    assert [one["what"] for one in found if not one["good"]] == []
    assert len(found) >= 80


def test_harmless_names_pass(tmp_path: Path) -> None:
    for name in harmless(tmp_path):
        assert check_arguments({"candidate": name}, roots=[tmp_path]) == []


def test_no_artefact_is_loaded(tmp_path: Path) -> None:
    found = list(hostile.folders(tmp_path / "x"))
    assert [one["what"] for one in found if not one["good"]] == []
    assert len(found) >= 25


def test_artefacts_would_be_loaded_without_the_look_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (base_module, model_module):
        monkeypatch.setattr(module, "check_model_folder", lambda *_, **__: None)
    found = list(hostile.folders(tmp_path / "x"))
    through = {str(one["what"]) for one in found if not one["good"]}
    assert {"auto_map in tokenizer_config.json", "pickle of protocol 0 in notes"} <= through


def test_malformed_datasets_are_one_clear_line(tmp_path: Path) -> None:
    found = list(hostile.datasets(tmp_path / "x", None))
    assert [one for one in found if not one["good"]] == []
    assert len(found) >= 100


def test_good_dataset_is_not_refused(tmp_path: Path) -> None:
    code, said = hostile.check(write({"train.csv": csv_rows()}, tmp_path / "x"))
    assert code == 0, said
