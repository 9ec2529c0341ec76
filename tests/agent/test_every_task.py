"""Every task from a user's own file: run, saved, loaded again to the same answers, reported."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from fakes import FINISH, Turn, run_scripted
from own_files import FILES, write_own
from tuneos.agent.record import read_record
from tuneos.agent.runs import find_run, read_story
from tuneos.evals.measures import score
from tuneos.tools.datasets.asked import read_asked
from tuneos.tools.datasets.splits import read_split
from tuneos.tools.deployment.model import load_model
from tuneos.tools.tasks import TASKS, find_task

TUNEOS = (sys.executable, "-P", "-m", "tuneos.agent.cli")
BUDGET = "150s"
TUNINGS = ("top_layers", "lora", "full", "search")  # what names of tuned candidates begin with
OUT_OF_REACH = {"perplexity": "perplexity<=1.01", "nll": "nll<=0.001"}


def called(*words: str, good: tuple[int, ...] = (0,)) -> str:
    done = subprocess.run([*TUNEOS, *words], capture_output=True, text=True, check=False)
    assert done.returncode in good, done.stderr[-2000:]
    return done.stdout


def test_each_task_has_a_file_of_its_own() -> None:
    assert set(FILES) == set(TASKS)


@pytest.mark.parametrize("name", [t for t in TASKS if find_task(t).opt_in])
def test_task_whose_dear_metrics_nobody_named_comes_to_its_end(name: str, tmp_path: Path) -> None:
    write_own(name, tmp_path / "own")
    first: Turn = [("probe_baselines", {"rungs": [find_task(name).probes[0]]})]
    ran = run_scripted([first, FINISH, FINISH], tmp_path / "own", tmp_path / "w", task=name)
    assert set(ran.result.test).isdisjoint(find_task(name).opt_in)
    assert Path(ran.result.report).is_file()


@pytest.mark.parametrize("name", ["relation-extraction"])
def test_model_that_is_handed_over_tells_odd_inputs(name: str, tmp_path: Path) -> None:
    def write(file: str, count: int, end: str) -> Path:
        """Rows of different texts, as nothing else tells those of the task's words apart."""
        drawn = (FILES[name][0](random.Random(n)) for n in range(count))
        rows = [{**row, "text": f"{row['text']} {end} {n}"} for n, row in enumerate(drawn)]
        (tmp_path / file).write_text("".join(json.dumps(row) + "\n" for row in rows))
        return tmp_path / file

    targets = ["macro_f1>=0.1", "ood_auroc>=0.01", "ece<=0.99"]
    first: Turn = [("probe_baselines", {"rungs": ["tfidf_linear"]})]
    odd = write("odd.jsonl", 100, "in deep and far seas")
    said = {"task": name, "targets": targets, "ood": str(odd)}
    data = write("own.jsonl", 200, "on day")
    ran = run_scripted([first, FINISH, FINISH], data, tmp_path / "work", **said)
    assert {"ood_auroc", "ood_fpr95", "ece"} <= set(ran.result.test)
    by_metric = {t.metric: t for t in ran.result.targets}
    assert by_metric["ood_auroc"].ci is not None
    assert by_metric["ece"].met
    story = read_story(ran.run)
    assert story.odd is not None
    assert story.odd.called_odd is not None
    model = load_model(Path(ran.result.model or ""))
    (answer,) = model.answers(model.task.ask(read_asked(odd), None).take([0]))
    assert {"ood_score", "abstain"} <= set(answer)


@pytest.mark.slow
@pytest.mark.parametrize("name", TASKS)
def test_own_file_is_tuned_saved_and_answered_alike(name: str, tmp_path: Path) -> None:
    rows = write_own(name, tmp_path / "own")
    metric = find_task(name).metrics[0]
    target = OUT_OF_REACH.get(metric, f"{metric}>={100 if metric == 'bleu' else 1}")
    workspace = tmp_path / "work"
    words = ("--task", name, "--target", target, "--budget", BUDGET, "--json")
    said = called("run", str(tmp_path / "own"), *words, "--workspace", str(workspace), good=(0, 3))
    result: dict[str, Any] = json.loads(said)
    assert Path(result["report"]).is_file()
    facts = read_record(find_run(result["run"], workspace)).facts
    assert facts.data is not None
    tuned = [c for c in facts.candidates if c.name.startswith(TUNINGS)]
    print(name, result["chosen"], result["test"], [(c.name, c.validation) for c in tuned])
    assert tuned, "nothing was tuned"
    validation = read_split(Path(facts.data.folder) / "validation.jsonl")
    for candidate in facts.candidates:
        model = load_model(Path(candidate.folder))
        answers = model.task.unflattered(model.card, validation, model.answers(validation))
        # What retrieves answers knows no likelihood: each is held to the metrics it has.
        told = {m: v for m, v in candidate.validation.items() if m in model.task.metrics}
        assert told, candidate.name
        again = score(model.task.stats(validation, answers), list(told))
        assert again == pytest.approx(told, abs=1e-6), candidate.name
    recorded = Path(facts_folder(workspace)) / "chosen.jsonl"
    before = [json.loads(line) for line in recorded.read_text(encoding="utf-8").splitlines()]
    after = [
        json.loads(line) for line in called("predict", result["model"], str(rows)).splitlines()
    ]
    assert len(after) == len(before)
    assert [alike(a, b) for a, b in zip(after, before, strict=True)] == [True] * len(before)


def facts_folder(workspace: Path) -> Path:
    """Where confirm kept the answers of the model that was handed over."""
    (found,) = workspace.glob("artifacts/*/chosen.jsonl")
    return found.parent


def alike(answer: dict[str, Any], recorded: dict[str, Any]) -> bool:
    """Tell whether an answer of `predict` is the recorded one, up to the last bits of floats."""
    return all(
        field in answer
        and (
            answer[field] == pytest.approx(value, abs=1e-5)
            if isinstance(value, (float, int))
            else answer[field] == value
        )
        for field, value in recorded.items()
        if not isinstance(value, dict)
    )
