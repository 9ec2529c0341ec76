"""Questions from rows to a saved model and back, on a tiny encoder."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tiny_words import FILLER, TOPICS
from tuneos.evals.measures import score
from tuneos.tools.datasets.questions import read_questions
from tuneos.tools.datasets.tables import Table
from tuneos.tools.datasets.types import Split
from tuneos.tools.deployment.model import load_model
from tuneos.tools.errors import ModelError
from tuneos.tools.tasks import find_task
from tuneos.tools.training import fine_tune, probe

TASK = find_task("question-answering")


def drawn(count: int, seed: int) -> Split:
    """Contexts with a word of each of two topics; asked for one of them, or for a third."""
    rng = random.Random(seed)
    cells: dict[str, list[object]] = {"context": [], "question": [], "answers": []}
    for _ in range(count):
        topics = rng.sample(sorted(TOPICS), 3)
        held = [rng.choice(TOPICS[topic]) for topic in topics[:2]]
        words = rng.choices(FILLER, k=rng.randint(2, 8)) + held
        rng.shuffle(words)
        asked = rng.choices([0, 1, 2], [2, 2, 1])[0]
        cells["context"].append(" ".join(words))
        cells["question"].append(f"the {rng.choice(TOPICS[topics[asked]])} now")
        cells["answers"].append(held[asked] if asked < 2 else [])
    places = [f"x.jsonl line {n}" for n in range(1, count + 1)]
    return read_questions(Table("x.jsonl", cells, places)).split


@pytest.mark.usefixtures("float32")
def test_cheap_rungs_are_saved_and_loaded(job: Callable[..., Any], tmp_path: Path) -> None:
    outcome = probe.run(job("probe"), tmp_path, lambda _: None)
    reached = {c.name: c.validation for c in outcome.candidates}
    assert list(reached) == list(TASK.probes)
    assert reached["no_answer"]["no_answer_f1"] == 1.0
    assert outcome.frozen_seconds > 0
    for candidate in outcome.candidates:
        model = load_model(tmp_path / candidate.folder)
        held = drawn(20, 1)
        assert not TASK.faults(model.card, held, model.answers(held))


@pytest.mark.usefixtures("float32")
@pytest.mark.parametrize(
    "settings",
    [
        {"strategy": "top_layers", "layers": 1, "learning_rate": 3e-3},
        {"strategy": "lora", "learning_rate": 1e-2},
        {"strategy": "full", "learning_rate": 1e-3, "max_length": 16},
    ],
    ids=["top_layers", "lora", "full-in-windows"],
)
def test_tuned_model_is_scored_as_saved(
    settings: dict[str, Any], job: Callable[..., Any], tmp_path: Path
) -> None:
    outcome = fine_tune.run(job("fine_tune", epochs=2, **settings), tmp_path, lambda _: None)
    (candidate,) = outcome.candidates
    seen = [p.validation for p in outcome.curves[0].points if p.validation is not None]
    assert max(seen) == pytest.approx(candidate.validation["f1"], abs=1e-9)
    model = load_model(tmp_path / candidate.folder)
    held = drawn(20, 1)
    answers = model.answers(held)
    assert score(TASK.stats(held, answers))["f1"] == candidate.validation["f1"]
    assert not TASK.faults(model.card, held, answers)


@pytest.mark.usefixtures("float32")
def test_answers_have_their_place_in_the_context(job: Callable[..., Any], tmp_path: Path) -> None:
    probe.run(job("probe"), tmp_path, lambda _: None)
    context = "Here is red. Now the dog is very black.\nThere was bread."
    table = Table("q", {"context": [context], "question": ["is the dog black?"]}, ["q line 1"])
    (answer,) = load_model(tmp_path / "best_sentence").answers(TASK.ask(table, None))
    assert answer["answer"] == "Now the dog is very black."
    assert context[answer["start"] : answer["end"]] == answer["answer"]
    (none,) = load_model(tmp_path / "no_answer").answers(TASK.ask(table, None))
    assert (none["answer"], none["start"], none["end"]) == ("", None, None)
    assert TASK.shown(none) == "no answer"


@pytest.mark.usefixtures("float32")
def test_model_without_its_threshold_is_refused(job: Callable[..., Any], tmp_path: Path) -> None:
    probe.run(job("probe"), tmp_path, lambda _: None)
    card = tmp_path / "frozen_linear" / "tuneos.json"
    card.write_text(card.read_text().replace('"threshold"', '"treshold"'))
    with pytest.raises(ModelError, match="holds no 'threshold'"):
        load_model(tmp_path / "frozen_linear")


def test_questions_of_one_context_belong_together() -> None:
    split = drawn(2, 0)
    again = split.take([0, 0, 1])
    groups = [TASK.group(again, i) for i in range(3)]
    assert groups[0] == groups[1] != groups[2]
