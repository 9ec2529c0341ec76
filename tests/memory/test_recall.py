"""Earlier runs on similar data are found by their profile; nothing of a test split is read."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
from finished_run import FINISHED
from tuneos.memory.experiments import CandidateFacts, DatasetFacts, TrialFacts, run_iri
from tuneos.memory.knowledge import KnowledgeGraph
from tuneos.memory.provenance import Account
from tuneos.memory.recall import PastRun, Profile, distance, read_embedding
from tuneos.memory.trail import Entry, Made

PROFILE = {"rows_train": 1000.0, "classes": 4.0, "words_mean": 9.0, "balance": 1.0}
RUN = replace(
    FINISHED,
    dataset=DatasetFacts("a.csv", "aa", PROFILE),
    candidates=(
        CandidateFacts("tfidf_linear", "tfidf_linear", {}, {"accuracy": 0.8}, 1.0),
        CandidateFacts(
            "top_layers-1", "top_layers", {"layers": 3}, {"accuracy": 0.9}, 9.0, {"accuracy": 0.1}
        ),
    ),
    trials=(
        TrialFacts("0", "top_layers", "complete", {"layers": 1}, {"accuracy": 0.85}, 5.0),
        TrialFacts("1", "top_layers", "failed", {"layers": 2}, {}, 1.0, "out of memory"),
    ),
    lessons=("top_layers paid.",),
)


def similar(knowledge: KnowledgeGraph, **changed: object) -> tuple[PastRun, ...]:
    asked: dict[str, object] = {
        "task": RUN.task,
        "base_model": RUN.base_model,
        "profile": Profile(PROFILE),
        "metric": "accuracy",
        "within": 1.0,
        "but": "me",
    }
    return knowledge.similar_runs(**{**asked, **changed})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changed", "apart"),
    [
        ({}, 0.0),
        ({"rows_train": 10_000.0}, 0.5),
        ({"classes": 16.0}, 0.5),
        ({"classes": 16.0, "rows_train": 100.0, "words_mean": 27.0, "balance": 0.5}, 1.0),
        ({"rows_test": 3.0}, 0.0),
        ({"balance": math.nan}, math.inf),
    ],
)
def test_distance_is_in_units_of_the_scales(changed: dict[str, float], apart: float) -> None:
    one, other = Profile(PROFILE), Profile({**PROFILE, **changed})
    assert distance(one, other) == pytest.approx(apart)
    assert distance(other, one) == pytest.approx(apart)


def test_words_of_another_subject_are_as_far_as_a_figure_that_differs() -> None:
    one, other = Profile(PROFILE, (0, 800)), Profile(PROFILE, (0, 400))
    assert distance(one, other) == pytest.approx(math.sqrt(1 / 5))
    assert distance(one, Profile(PROFILE)) == 0.0  # an earlier version kept none
    assert distance(one, Profile(PROFILE, (1, 2, 3))) == 0.0


def test_profiles_with_little_in_common_are_endlessly_far_apart() -> None:
    assert distance(Profile(PROFILE), Profile({"rows_train": 1000.0, "classes": 4.0})) == math.inf


def test_similar_run_gives_tries_and_trials_with_validation_scores_alone(tmp_path: Path) -> None:
    knowledge = KnowledgeGraph(tmp_path)
    knowledge.record_run(RUN)
    (found,) = similar(knowledge)
    assert (found.iri, found.name, found.distance) == (run_iri("first"), "first", 0.0)
    assert sorted((t.strategy, t.value) for t in found.tries) == [
        ("tfidf_linear", 0.8), ("top_layers", 0.85), ("top_layers", 0.9),
    ]  # fmt: skip
    assert {t.value: t.settings for t in found.tries}[0.85] == {"layers": 1}
    assert found.lessons == ("top_layers paid.",)


@pytest.mark.parametrize(
    "changed",
    [
        {"task": "sentence-pair"},
        {"base_model": "other"},
        {"within": -1.0},
        {"but": "first"},
        {"profile": Profile({**PROFILE, "rows_train": 1e9, "classes": 9000.0})},
        {"profile": Profile({})},
    ],
)
def test_other_task_model_data_or_the_run_itself_gives_nothing(
    tmp_path: Path, changed: dict[str, object]
) -> None:
    knowledge = KnowledgeGraph(tmp_path)
    knowledge.record_run(RUN)
    assert similar(knowledge, **changed) == ()


def test_nearest_run_comes_first(tmp_path: Path) -> None:
    knowledge = KnowledgeGraph(tmp_path)
    knowledge.record_run(RUN)
    nearer = DatasetFacts("b.csv", "bb", {**PROFILE, "rows_train": 1500.0})
    knowledge.record_run(replace(RUN, run="second", dataset=nearer))
    found = similar(knowledge, profile=Profile({**PROFILE, "rows_train": 1600.0}))
    assert [r.name for r in found] == ["second", "first"]


def test_trials_are_entities_of_the_run(tmp_path: Path) -> None:
    knowledge = KnowledgeGraph(tmp_path)
    knowledge.record_run(replace(RUN, recalled=("older",)))
    found = knowledge.query(
        "SELECT ?state ?note { ?t a t:SearchTrial , prov:Entity ; t:state ?state ; "
        "prov:wasGeneratedBy ?r OPTIONAL { ?t t:note ?note } } ORDER BY ?state"
    )
    assert found.rows == (("complete", None), ("failed", "out of memory"))
    assert knowledge.query("ASK { ?r a t:Run ; prov:wasInformedBy ?older }").rows == ((True,),)


def test_tools_of_which_nothing_was_kept_are_remembered(tmp_path: Path) -> None:
    made = (Made(name="top_layers-1", strategy="top_layers"),)
    entries = (
        Entry(kind="step", tool="clean_dataset", state="ok", new_data="k", new_data_name="cleaned"),
        Entry(kind="step", tool="augment_dataset", state="ok"),
        Entry(kind="step", tool="fine_tune", state="failed"),
        Entry(kind="step", tool="fine_tune", state="ok", made=made),
        Entry(kind="step", tool="blend_candidates", state="failed"),
    )
    account = Account(
        RUN.run, RUN.task, "finished", RUN.controller, RUN.base_model, "a.csv", 0, RUN.started,
        entries, whole=True,
    )  # fmt: skip
    knowledge = KnowledgeGraph(tmp_path)
    knowledge.record_run(RUN, account)
    (found,) = similar(knowledge)
    assert found.fruitless == {"augment_dataset"}


def test_of_runs_on_data_of_one_shape_that_on_like_words_comes_first(tmp_path: Path) -> None:
    knowledge = KnowledgeGraph(tmp_path)
    for run, words in (("sport", (0, 300)), ("law", (290, 0))):
        data = DatasetFacts(f"{run}.csv", run, PROFILE, words)
        knowledge.record_run(replace(RUN, run=run, dataset=data))
    found = similar(knowledge, profile=Profile(PROFILE, (280, 10)))
    assert [r.name for r in found] == ["law", "sport"]
    assert found[0].distance < 0.05 < 0.4 < found[1].distance


@pytest.mark.parametrize("said", [None, 3.0, "", "a b", "1 2.5"])
def test_what_is_no_embedding_counts_as_none(said: object) -> None:
    assert read_embedding(said) == ()
