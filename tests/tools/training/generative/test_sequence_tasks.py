"""Each task whose answer is a text, through the jobs of a run, on tiny models of both kinds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tuneos.tools.datasets.splits import write_split
from tuneos.tools.datasets.types import Split
from tuneos.tools.deployment.model import load_model
from tuneos.tools.facts import Outcome
from tuneos.tools.jobs.spec import JobSpec
from tuneos.tools.tasks import find_task
from tuneos.tools.tasks.task import public
from tuneos.tools.training import fine_tune, probe

DONE = "\n#### "


def chat(said: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": said}]


ROWS: dict[str, list[dict[str, Any]]] = {
    "translation": [
        {"source": s, "target": t, "references": [t], "source_lang": "en", "target_lang": "de"}
        for s, t in (("a dog", "ein Hund"), ("the cat", "die Katze"), ("a big tree", "ein Baum"))
    ],
    "summarisation": [
        {"source": f"The {w} sees a house. It likes it.", "target": w, "references": [w, "it"]}
        for w in ("dog", "cat", "horse")
    ],
    "dialogue": [
        {"messages": chat(said), "reply": reply, "dialogue": said, "intent": intent, "slots": slots}
        for said, reply, intent, slots in (
            ("hello", "good morning", "Greet", {}),
            ("a red house", "yes", "Buy", {"colour": "red"}),
            ("a green house", "no", "Buy", {"colour": "green"}),
        )
    ],
    "code-generation": [
        {
            "prompt": f"Return {n}.",
            "solution": f"def f():\n    return {n}",
            "tests": [f"assert f() == {n}"],
            "setup": "",
            "entry_point": "",
        }
        for n in (1, 2, 3)
    ],
    "reasoning": [
        {"question": f"{n} + 1?", "solution": f"{n} + 1 = {n + 1}{DONE}{n + 1}", "answer": str(n)}
        for n in (1, 2, 2)
    ],
}
FIRST = {
    "translation": "source",
    "summarisation": "source",
    "code-generation": "prompt",
    "reasoning": "question",
}
MakeJob = Callable[..., JobSpec]


def split_of(task: str, times: int) -> Split:
    rows = ROWS[task] * times
    texts = tuple(row.get(FIRST.get(task, "")) or row["messages"][0]["content"] for row in rows)
    n = len(rows)
    return Split(texts, ("",) * n, (None,) * n, tuple(f"row {i}" for i in range(n)), tuple(rows))


@pytest.fixture
def job(make_job: MakeJob, tmp_path: Path, tiny_model: Callable[..., Path]) -> MakeJob:
    def make(kind: str, task: str, architecture: str, **settings: Any) -> JobSpec:
        folder = tmp_path / "rows"
        folder.mkdir(exist_ok=True)
        write_split(folder / "train.jsonl", split_of(task, 2))
        write_split(folder / "validation.jsonl", split_of(task, 1))
        base = architecture if "/" in architecture else str(tiny_model(architecture))
        metric = find_task(task).metrics[0]
        found: JobSpec = make_job(
            kind, task=task, base_model=base, metric=metric, settings=settings,
            data_folder=str(folder),
        )  # fmt: skip
        return found

    return make


def without(hidden: Split) -> Split:
    """Rows as they are when nobody knows the gold."""
    gold = ("target", "references", "reply", "solution", "answer", "intent", "slots")
    rows = tuple({k: v for k, v in row.items() if k not in gold} for row in hidden.rows)
    return Split(hidden.texts, hidden.labels, hidden.ids, hidden.places, rows)


@pytest.mark.parametrize("task", ROWS)
def test_cheap_rungs_and_the_untuned_model_are_saved_loaded_and_scored(
    task: str, job: MakeJob, tmp_path: Path
) -> None:
    outcome: Outcome = probe.run(job("probe", task, "llama", max_length=64), tmp_path, print)
    made = {c.name: c for c in outcome.candidates}
    assert tuple(made) == find_task(task).probes
    assert outcome.frozen_seconds > 0
    for name, candidate in made.items():
        model = load_model(tmp_path / candidate.folder)
        split = split_of(task, 1)
        answers = model.answers(split)
        assert [a["text"] for a in model.answers(without(split))] == [a["text"] for a in answers]
        metrics = set(find_task(task).metrics) - {"nll", "perplexity", "distinct_2"}  # of one word
        metrics -= set(find_task(task).opt_in)
        assert not candidate.validation.keys() & find_task(task).opt_in
        assert metrics <= candidate.validation.keys()
        assert ("nll" in candidate.validation) == (name == "untuned")
        assert all(model.task.shown(a) == " ".join(model.task.shown(a).split()) for a in answers)


@pytest.mark.parametrize(
    ("task", "way", "metric", "value"),
    [
        ("translation", "nearest_target", "chrf", 100.0),
        ("summarisation", "nearest_target", "rougeL", 1.0),
        ("dialogue", "nearest_response", "distinct_1", 1.0),
        ("dialogue", "nearest_response", "intent_accuracy", 1.0),
        ("dialogue", "nearest_response", "slot_accuracy", 1.0),
        ("code-generation", "nearest_solution", "pass_at_1", 1.0),
        ("reasoning", "majority_answer", "exact_match", 2 / 3),
    ],
)
def test_retrieval_is_right_on_rows_it_remembers(
    task: str, way: str, metric: str, value: float, job: MakeJob, tmp_path: Path
) -> None:
    spec = job("probe", task, "llama", untuned=False)
    outcome = probe.run(spec, tmp_path, lambda _: None)
    (candidate,) = [c for c in outcome.candidates if c.name == way]
    assert candidate.validation[metric] == pytest.approx(value)


@pytest.mark.parametrize(
    ("task", "architecture", "strategy"),
    [
        ("translation", "marian", "full"),
        ("translation", "qwen2", "lora"),
        ("summarisation", "t5", "lora"),
        ("dialogue", "llama", "lora"),
        ("dialogue", "bart", "full"),
        ("code-generation", "gpt2", "full"),
        ("reasoning", "qwen2", "full"),
    ],
)
def test_a_tuned_model_answers_the_same_when_it_is_loaded_again(
    task: str, architecture: str, strategy: str, job: MakeJob, tmp_path: Path
) -> None:
    spec = job(
        "fine_tune", task, architecture,
        strategy=strategy, epochs=3, batch_size=4, learning_rate=1e-2, max_length=64,
    )  # fmt: skip
    outcome = fine_tune.run(spec, tmp_path, lambda _: None)
    (candidate,) = outcome.candidates
    split = split_of(task, 1)
    first, second = (load_model(tmp_path / "model") for _ in range(2))
    answers = first.answers(split)
    assert answers == second.answers(split)
    one_by_one = [first.answers(split.take([i]))[0]["text"] for i in range(len(split))]
    assert one_by_one == [a["text"] for a in answers]
    assert candidate.validation["nll"] > 0
    if task == "dialogue":
        assert (answers[1]["intent"], answers[1]["slots"]) == ("Buy", {"colour": "red"})


def test_an_encoder_gets_a_decoder_and_learns_its_rows_by_heart(
    job: MakeJob, tmp_path: Path, tiny_base: Path
) -> None:
    settings = {"strategy": "full", "epochs": 60, "batch_size": 8, "learning_rate": 5e-3}
    spec = job("fine_tune", "reasoning", str(tiny_base), patience=60, max_length=64, **settings)
    outcome = fine_tune.run(spec, tmp_path, lambda _: None)
    assert outcome.candidates[0].validation["nll"] < 1.0
    assert any("decoder" in note for note in outcome.notes)


def test_a_prompt_does_not_hold_its_gold() -> None:
    for task, rows in ROWS.items():
        kind: Any = find_task(task)
        row = {k: "GOLD" if v == kind.target(rows[0]) else v for k, v in rows[0].items()}
        asked = kind.prompted(row)
        assert "GOLD" not in asked.prompt + asked.bare + "".join(m.content for m in asked.messages)
        for hidden in without(split_of(task, 1)).rows:
            assert kind.prompted(hidden).target == ""


def test_several_programs_are_drawn_and_run_where_a_target_asks_for_it(
    job: MakeJob, tmp_path: Path
) -> None:
    plain = job("probe", "code-generation", "llama", max_length=64)
    what = plain.what.model_copy(update={"measured": ("pass_at_2",)})
    spec = plain.model_copy(update={"what": what})
    outcome = probe.run(spec, tmp_path, lambda _: None)
    nearest, untuned = outcome.candidates
    assert (nearest.validation["pass_at_1"], nearest.validation["pass_at_2"]) == (1.0, 1.0)
    assert untuned.validation["pass_at_2"] == 0.0
    assert not {"pass_at_3", "pass_at_20"} & untuned.validation.keys()
    split = split_of("code-generation", 1)
    model = load_model(tmp_path / untuned.folder)
    answers = model.answers(split)
    assert {len(answer["_samples"]) for answer in answers} == {4}
    assert len(set(answers[0]["_samples"])) > 1
    assert [a["_samples"] for a in model.answers(split)] == [a["_samples"] for a in answers]
    assert all("_samples" not in a for a in model.answers(without(split)))
    assert all("_samples" not in public(a) for a in answers)


def test_the_untuned_model_is_left_out_where_its_scores_would_come_too_late(
    job: MakeJob, tmp_path: Path
) -> None:
    spec = job("probe", "translation", "llama", max_length=64)
    hurried = spec.model_copy(update={"seconds": 0.01})
    outcome = probe.run(hurried, tmp_path, lambda _: None)
    assert [c.name for c in outcome.candidates] == ["copy_source", "nearest_target"]
    assert any(note.startswith("untuned: left out") for note in outcome.notes)
    assert outcome.frozen_seconds > 0
