"""Named entities from rows to a saved model and back, on a tiny encoder."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tiny_words import FILLER, TOPICS
from tuneos.evals.measures import score
from tuneos.tools.datasets.entities import read_entities
from tuneos.tools.datasets.tables import Table
from tuneos.tools.datasets.types import Split
from tuneos.tools.deployment.model import load_model
from tuneos.tools.errors import ModelError
from tuneos.tools.robustness.measure import right
from tuneos.tools.tasks import find_task
from tuneos.tools.training import fine_tune, probe

TASK = find_task("token-classification")


def drawn(count: int, seed: int) -> Split:
    """Sentences with an entity of a topic's word, which its last word may follow."""
    rng = random.Random(seed)
    cells: dict[str, list[object]] = {"tokens": [], "tags": []}
    for _ in range(count):
        words = rng.choices(FILLER, k=rng.randint(1, 8))
        marks = ["O"] * len(words)
        topic = rng.choice(sorted(TOPICS))
        at, size = rng.randint(0, len(words)), rng.randint(1, 2)
        words[at:at] = [rng.choice(TOPICS[topic][:-1]), TOPICS[topic][-1]][:size]
        marks[at:at] = [f"B-{topic}", *[f"I-{topic}"] * (size - 1)]
        cells["tokens"].append(words)
        cells["tags"].append(marks)
    places = [f"x.jsonl line {n}" for n in range(1, count + 1)]
    return read_entities(Table("x.jsonl", cells, places), train=True).split


def texts(*given: str) -> Split:
    places = [f"text line {n}" for n in range(1, len(given) + 1)]
    return TASK.ask(Table("text", {"text": list(given)}, places), None)


@pytest.mark.usefixtures("float32")
def test_cheap_rungs_are_saved_and_loaded(job: Callable[..., Any], tmp_path: Path) -> None:
    outcome = probe.run(job("probe"), tmp_path, lambda _: None)
    reached = {c.name: c.validation["f1"] for c in outcome.candidates}
    assert list(reached) == list(TASK.probes)
    assert reached["lexicon"] > 0.9
    for candidate in outcome.candidates:
        assert load_model(tmp_path / candidate.folder).answers(texts("the dog"))


@pytest.mark.usefixtures("float32")
@pytest.mark.parametrize(
    "settings",
    [
        {"strategy": "top_layers", "layers": 1, "learning_rate": 3e-3},
        {"strategy": "lora", "learning_rate": 1e-2, "class_weights": True},
        {"strategy": "full", "learning_rate": 3e-3, "max_length": 16},
    ],
    ids=["top_layers", "lora", "full-in-windows"],
)
def test_tuned_model_is_scored_as_saved(
    settings: dict[str, Any], job: Callable[..., Any], tmp_path: Path
) -> None:
    outcome = fine_tune.run(job("fine_tune", epochs=3, **settings), tmp_path, lambda _: None)
    (candidate,) = outcome.candidates
    assert candidate.validation["f1"] > 0.7
    # What early stopping saw is what the saved model does.
    seen = [p.validation for p in outcome.curves[0].points if p.validation is not None]
    assert max(seen) == pytest.approx(candidate.validation["f1"], abs=1e-9)
    model = load_model(tmp_path / candidate.folder)
    held = drawn(20, 1)
    answers = model.answers(held)
    assert score(TASK.stats(held, answers))["f1"] == candidate.validation["f1"]
    assert not TASK.faults(model.card, held, answers)


@pytest.mark.usefixtures("float32")
def test_early_stopping_looks_at_the_metric_of_the_target(
    job: Callable[..., Any], tmp_path: Path
) -> None:
    given = job("fine_tune", "macro_f1", epochs=1, strategy="top_layers", layers=1)
    outcome = fine_tune.run(given, tmp_path, lambda _: None)
    seen = [p.validation for p in outcome.curves[0].points if p.validation is not None]
    assert max(seen) == pytest.approx(outcome.candidates[0].validation["macro_f1"], abs=1e-9)


@pytest.mark.usefixtures("float32")
def test_spans_point_into_the_text_as_it_was_given(job: Callable[..., Any], tmp_path: Path) -> None:
    probe.run(job("probe"), tmp_path, lambda _: None)
    model = load_model(tmp_path / "lexicon")
    text = "  the dog,\n here:bread!"
    (answer,) = model.answers(texts(text))
    found = {(s["text"], s["label"]) for s in answer["spans"]}
    assert found == {("dog", "animal"), ("bread", "food")}
    for span in answer["spans"]:
        assert text[span["start"] : span["end"]] == span["text"]
        assert 0 < span["score"] <= 1
    assert TASK.shown(answer) == "dog (animal); bread (food)"
    assert model.answers(texts(""))[0]["spans"] == []


@pytest.mark.usefixtures("float32")
def test_damaged_models_are_refused(job: Callable[..., Any], tmp_path: Path) -> None:
    probe.run(job("probe"), tmp_path, lambda _: None)
    path = tmp_path / "lexicon" / "lexicon.json"
    path.write_text('{"dog": {"B-unknown": 1}}')
    with pytest.raises(ModelError, match=r"lexicon\.json: is damaged"):
        load_model(tmp_path / "lexicon")
    card = tmp_path / "frozen_linear" / "tuneos.json"
    card.write_text(card.read_text().replace('"outside"', '"inside"'))
    with pytest.raises(ModelError, match="holds no 'outside'"):
        load_model(tmp_path / "frozen_linear")


def test_statistics_are_of_strict_entities() -> None:
    split = drawn(3, 5)
    known = ("O", "B-animal", "B-colour", "B-food")
    right = [{"_tags": row["tags"], "_known": known} for row in split.rows]
    assert score(TASK.stats(split, right)) == {"f1": 1.0, "macro_f1": 1.0}
    none = [{"_tags": ["O"] * len(row["tags"]), "_known": known} for row in split.rows]
    assert score(TASK.stats(split, none))["f1"] == 0.0


def test_gold_is_said_like_an_answer() -> None:
    split = drawn(1, 3)
    assert TASK.gold(split, 0).endswith(")")
    assert split.labels[0] in TOPICS


@pytest.mark.usefixtures("float32")
def test_entities_are_right_as_a_whole_row_also_where_it_is_written_otherwise(
    job: Callable[..., Any], tmp_path: Path
) -> None:
    settings = {"strategy": "top_layers", "layers": 1, "epochs": 2, "noise": "typos"}
    spec = job("fine_tune", **settings)
    what = spec.what.model_copy(update={"measured": ("robust_accuracy",)})
    done = fine_tune.run(spec.model_copy(update={"what": what}), tmp_path, lambda _: None)
    assert 0 <= done.candidates[0].validation["robust_accuracy"] <= 1
    split = drawn(4, 3)
    tags = [list(row["tags"]) for row in split.rows]
    known = sorted({tag for row in tags for tag in row})
    assert right(TASK, split, [{"_tags": t, "_known": known} for t in tags]).tolist() == [1] * 4
    tags[1] = ["O"] * len(tags[1])  # one is missing
    tags[2] = ["B-food" if tag == "O" else tag for tag in tags[2]]  # some are too many
    assert right(TASK, split, [{"_tags": t, "_known": known} for t in tags]).tolist() == [
        1,
        0,
        0,
        1,
    ]
