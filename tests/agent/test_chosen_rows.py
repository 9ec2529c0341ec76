"""Rows that go only where the person chose so, and targets on the worst slice, in whole runs."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from fakes import PROBE, Ran, Turn, run_scripted
from tuneos.agent.plan import plan_run
from tuneos.agent.runs import read_story
from tuneos.agent.spec import RunSpec, SpecError, make_spec
from tuneos.agent.wiring import command_of
from tuneos.tools.errors import DatasetError

WORDS = {
    "shipping": ["parcel", "courier", "delivery", "tracking", "address", "warehouse"],
    "billing": ["invoice", "refund", "payment", "charge", "card", "receipt"],
}
USUAL = ["my", "please", "the", "about", "again", "today", "still", "help", "with", "need", "now"]
LOOK: Turn = [("inspect_dataset", {})]
CLEAN: Turn = [("clean_dataset", {"near_duplicates": True})]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three splits with a channel column; five test rows nearly stand in train."""
    rng, folder = random.Random(0), tmp_path_factory.mktemp("sliced")
    rows: dict[str, list[tuple[str, str, str]]] = {}
    for name, count in (("train", 90), ("validation", 64), ("test", 64)):
        labels = [rng.choice(sorted(WORDS)) for _ in range(count)]
        texts = [" ".join(rng.sample(WORDS[y], 4) + rng.sample(USUAL, 6)) for y in labels]
        ways = [("web", "phone")[i % 2] for i in range(count)]
        rows[name] = list(zip(texts, labels, ways, strict=True))
    rows["train"] += [(f"{text}!", label, "web") for text, label, _ in rows["test"][:5]]
    for name, part in rows.items():
        lines = "".join(f"{text},{label},{way}\n" for text, label, way in part)
        (folder / f"{name}.csv").write_text(f"text,label,channel\n{lines}", encoding="utf-8")
    return folder


def ran(data: Path, folder: Path, target: str, **said: Any) -> Ran:
    return run_scripted([LOOK, CLEAN, PROBE], data, folder, targets=[target], **said)


@pytest.fixture(scope="module")
def chosen(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """A run of a person who wants near-duplicates removed."""
    folder = tmp_path_factory.mktemp("work")
    target = "min_slice(accuracy)>=0.5"
    return ran(data, folder, target, clean=["near-duplicates"], slices=["channel"])


def test_near_copies_of_test_rows_go_where_the_person_named_them(chosen: Ran) -> None:
    _, cleaned, probed = chosen.of("step_ended")[:3]
    assert "5 near leaked" in cleaned["summary"]
    assert probed["ok"]
    listed = (chosen.run.folder / "near_leaks.jsonl").read_text("utf-8").splitlines()
    assert [json.loads(line)["place"] for line in listed] == [
        f"train.csv row {row}" for row in range(92, 97)
    ]


def test_worst_slice_is_measured_on_validation_and_test(chosen: Ran) -> None:
    (target,) = chosen.result.targets
    assert target.metric == "min_slice(accuracy)"
    assert target.met
    story = read_story(chosen.run)
    by_channel = [s for s in story.slices if s.name.startswith("channel ")]
    assert [(s.rows, s.judged) for s in by_channel] == [(32, True), (32, True)]
    assert target.test == pytest.approx(min(s.value for s in by_channel))
    assert target.ci is not None
    assert target.validation is not None
    assert chosen.result.candidates[0].validation.keys() >= {"min_slice(accuracy)"}


def test_without_the_persons_choice_they_stay_and_that_is_said(data: Path, tmp_path: Path) -> None:
    kept = ran(data, tmp_path, "accuracy>=0.5")
    assert any("the person's choice" in e["why"] for e in kept.of("refused"))
    story = read_story(kept.run)
    assert any("5 of 64 test rows nearly equal a train row" in note for note in story.notes)
    assert "near no train row" in [s.name for s in story.slices]
    assert any("near-leakage: test rows" in f.what for f in story.findings)


def test_slices_too_small_to_judge_are_refused_before_anything_is_spent(data: Path) -> None:
    said = {"data": str(data), "targets": ["min_slice(macro_f1)>=0.8"], "slices": ["text"]}
    with pytest.raises(SpecError, match="no slice of validation by text has 30 rows"):
        plan_run(make_spec(said, "test"))
    with pytest.raises(DatasetError, match="no such column"):
        plan_run(make_spec({**said, "slices": "region"}, "test"))


@pytest.mark.parametrize("said", ["near-duplicates,triggers", ["near_duplicates", "triggers"]])
def test_kinds_are_named_with_commas_or_one_by_one(said: object) -> None:
    spec = make_spec({"data": "x.csv", "clean": said, "slices": "channel"}, "test")
    assert spec.clean == ("near-duplicates", "triggers")
    assert command_of(spec) == "tuneos run x.csv --slice channel --clean near-duplicates,triggers"


def test_unknown_kind_is_refused_with_those_there_are() -> None:
    with pytest.raises(SpecError, match="'near-duplicates', 'triggers' or 'outliers'"):
        make_spec({"data": "x.csv", "clean": "everything"}, "test")
    assert RunSpec(data="x.csv").clean == ()
