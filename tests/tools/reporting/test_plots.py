"""The pictures: well-formed, self-contained, the same every time, and telling the truth."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
import sample_stories as stories
from tuneos.evals.result import Curve, CurvePoint, TrialRecord
from tuneos.tools.reporting import grids, plots, view

HOSTILE = stories.HOSTILE


def draw_all(width: int) -> dict[str, str]:
    story = stories.story()
    rungs = view.rungs(story.result, "macro_f1")
    return {
        "ladder": plots.ladder(rungs, "macro_f1", (">=", 0.9), width=width),
        "curves": plots.learning_curves(story.curves, stories.CHOSEN, width=width),
        "trials": plots.trials(story.trials, "macro_f1", width=width),
        "confusion": grids.confusion_matrix(story.labels, story.confusion, width=width),
        "balance": grids.label_balance(story.label_counts, width=width),
        "steps": grids.step_seconds(story.steps, width=width),
    }


@pytest.mark.parametrize("width", [plots.WIDE, plots.NARROW])
def test_pictures_are_self_contained_and_named(width: int) -> None:
    for name, svg in draw_all(width).items():
        root = ElementTree.fromstring(svg)
        assert root.get("role") == "img"
        assert root.findtext("title") == root.get("aria-label") != ""
        assert "http" not in svg, name
        assert "<style" not in svg, name
        references = [e.get("href", "#") for e in root.iter("use")]
        ids = {e.get("id") for e in root.iter()} - {None}
        assert {r[1:] for r in references} <= ids, name
        assert "#000000" not in svg, "a colour that does not follow the scheme"


def test_pictures_come_out_the_same_every_time() -> None:
    assert draw_all(plots.WIDE) == draw_all(plots.WIDE)


def test_wide_and_narrow_pictures_share_no_id() -> None:
    def ids(width: int) -> set[str]:
        found = [ElementTree.fromstring(svg) for svg in draw_all(width).values()]
        return {i for root in found for e in root.iter() if (i := e.get("id"))}

    assert not ids(plots.WIDE) & ids(plots.NARROW)


def test_hostile_labels_stay_text() -> None:
    svg = grids.label_balance({HOSTILE: 3, "$x": 1, "x" * 5000: 2})
    assert "<script" not in svg
    assert "&lt;script&gt;" in svg
    assert "$x" in svg
    assert len(svg) < 20_000


def test_target_and_figures_are_written_on_the_ladder() -> None:
    svg = draw_all(plots.WIDE)["ladder"]
    for words in ("target ≥ 0.90", "0.861", "0.927", "0.923", "95% interval of test", "kept"):
        assert words in svg


def test_ladder_shows_contenders_when_a_guess_lies_far_below() -> None:
    low, high = plots._ladder_span(
        view.rungs(stories.result(), "macro_f1"), target=0.9, metric="macro_f1"
    )
    assert 0.8 < low < 0.861
    assert 0.939 < high < 1


@pytest.mark.parametrize("rungs", [[], [view.Rung("only", "baseline", test=0.5)]])
def test_ladder_can_be_almost_empty(rungs: list[view.Rung]) -> None:
    assert "<svg" in plots.ladder(rungs, "macro_f1", None)


def test_curves_may_lack_values() -> None:
    points = [
        CurvePoint(step=1, epoch=0.1),
        CurvePoint(step=2, epoch=0.2, loss=float("nan"), validation=0.4),
    ]
    assert "<svg" in plots.learning_curves([Curve(candidate="a", metric="mcc", points=points)], "b")


def test_trials_may_all_have_failed() -> None:
    failed = [
        TrialRecord(number=i, state="failed", value=None, settings={}, seconds=1) for i in range(3)
    ]
    svg = plots.trials(failed, "macro_f1")
    assert "failed (3)" in svg
    assert "complete" not in svg


def test_most_confused_pairs_come_worst_first() -> None:
    counts = [[5, 3, 0], [1, 8, 1], [0, 0, 2]]
    found = grids.most_confused(["a", "b", "c"], counts, 2)
    assert [(c.label, c.predicted, c.count) for c in found] == [("a", "b", 3), ("b", "a", 1)]
    assert found[0].share == 3 / 8


def test_balance_of_many_labels_leaves_out_the_middle() -> None:
    svg = grids.label_balance({f"label{i:03d}": 500 - i for i in range(77)})
    assert "… 53 labels in between …" in svg
    assert "label000" in svg
    assert "label076" in svg
    assert "label040" not in svg
