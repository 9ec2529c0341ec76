"""What was swapped or edited between a run's beginning and its end is found."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tuneos.evals.code import metric_code
from tuneos.graphs import integrity
from tuneos.graphs.integrity import looks_at, refuse_changed, refuse_wrong_figures, remember, sidak
from tuneos.memory.artifacts import ArtifactStore
from tuneos.memory.errors import StoreError
from tuneos.memory.knowledge import KnowledgeGraph
from tuneos.memory.ledger import Ledger
from tuneos.memory.workspace import open_workspace
from tuneos.tools.facts import Candidate
from tuneos.tools.tool import ToolContext
from tuneos.tools.training.base_model import BUILTIN, find_base_model


@pytest.fixture
def tools(tmp_path: Path) -> ToolContext:
    """A run that has begun, on a base model of its own."""
    base = tmp_path / "base"
    base.mkdir()
    for path in find_base_model(BUILTIN).path.iterdir():
        if path.is_file():
            shutil.copy(path, base / path.name)
    workspace = open_workspace(tmp_path / "work")
    ledger = Ledger(workspace.ledger)
    ledger.start_run("run", {})
    context = ToolContext(
        run="run",
        workspace=workspace,
        ledger=ledger,
        store=ArtifactStore(workspace.artifacts),
        knowledge=KnowledgeGraph(workspace.knowledge),
        task="text-classification",
        base_model=str(base),
        base_digest="",
        metric="accuracy",
        targets=(),
        seed=0,
        workers=1,
        seconds_left=lambda: None,
        trials_left=lambda: None,
    )
    remember(context)
    return context


def swapped_in_the_middle(base: Path) -> None:
    """Weights of the same size, head and tail: what tells models apart sees no difference."""
    weights = base / "model.safetensors"
    with weights.open("r+b") as file:
        file.seek(weights.stat().st_size // 2)
        file.write(b"\x01\x02\x03\x04")


def other_words(base: Path) -> None:
    words = (base / "vocab.txt").read_text("utf-8").split("\n")
    (base / "vocab.txt").write_text("\n".join([words[1], words[0], *words[2:]]), "utf-8")


@pytest.mark.parametrize("swap", [swapped_in_the_middle, other_words])
def test_swapped_base_model_is_found(tools: ToolContext, swap: Callable[[Path], None]) -> None:
    refuse_changed(tools)
    digest = find_base_model(tools.base_model).digest
    swap(Path(tools.base_model))
    assert find_base_model(tools.base_model).digest == digest
    with pytest.raises(StoreError, match=r"base model .* was changed since run run began"):
        refuse_changed(tools)


def test_edited_metric_is_found(tools: ToolContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(integrity, "metric_code", lambda: "edited")
    with pytest.raises(StoreError, match="the code of the metrics was changed"):
        refuse_changed(tools)


def test_hash_of_the_metrics_covers_their_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tuneos.evals import code

    copy = tmp_path / "evals"
    shutil.copytree(code.HERE, copy, ignore=shutil.ignore_patterns("__pycache__", "benchmarks"))
    monkeypatch.setattr(code, "HERE", copy)
    before = metric_code()
    with (copy / "measures" / "classes.py").open("a") as file:
        file.write("# better figures\n")
    assert metric_code() != before


def test_second_beginning_does_not_make_a_swap_good(tools: ToolContext) -> None:
    swapped_in_the_middle(Path(tools.base_model))
    remember(tools)
    with pytest.raises(StoreError, match="was changed"):
        refuse_changed(tools)


def test_artifact_changed_with_its_manifest_is_found(tools: ToolContext) -> None:
    store = tools.store
    key = store.key({"what": "baseline"})
    with store.writing(key) as folder:
        (folder / "head").write_text("good")
    made = Candidate(
        name="tfidf", strategy="tfidf_linear", validation={}, seconds=1.0, folder=str(folder)
    )
    made = made.model_copy(update={"folder": str(store.path(key))})
    integrity.remember_made([made], tools)
    assert integrity.why_not_as_made(key, tools) == ""
    shutil.rmtree(store.path(key))
    with store.writing(key) as folder:
        (folder / "head").write_text("weak")
    store.verify(key)
    assert "manifest was changed" in integrity.why_not_as_made(key, tools)


def test_figures_that_do_not_follow_from_the_answers_are_refused() -> None:
    classes = np.array([[0, 0.9, 0.1], [1, 0.2, 0.8], [1, 0.7, 0.3], [0, 0.6, 0.4]])
    stats = {"classes": classes}
    refuse_wrong_figures("chosen", {"accuracy": 0.75}, stats, ["accuracy"])
    with pytest.raises(StoreError, match=r"its answers give 0\.75"):
        refuse_wrong_figures("chosen", {"accuracy": 0.95}, stats, ["accuracy"])
    with pytest.raises(StoreError, match="accuracy None was reported"):
        refuse_wrong_figures("chosen", {}, stats, ["accuracy"])


@pytest.mark.parametrize(
    ("p", "looks", "adjusted"), [(0.04, 1, 0.04), (0.04, 2, 0.0784), (0.5, 10, 0.99902), (1, 3, 1)]
)
def test_p_values_grow_with_the_looks(p: float, looks: int, adjusted: float) -> None:
    assert sidak(p, looks) == pytest.approx(adjusted, abs=1e-4)


def test_runs_that_opened_the_same_rows_are_counted(tools: ToolContext) -> None:
    ledger = tools.ledger
    for run, rows in (("a", "same"), ("b", "same"), ("c", "other"), ("d", "same")):
        ledger.keep(run, integrity.ROWS, rows)
    opened = {"a": "x", "b": None, "c": "x", "d": "y"}
    assert looks_at("same", ledger, opened) == 2
    assert looks_at("new", ledger, opened) == 1


def test_runs_of_earlier_versions_go_on(tools: ToolContext) -> None:
    refuse_changed(replace(tools, run="older"))
