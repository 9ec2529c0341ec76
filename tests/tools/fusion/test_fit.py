"""Knowledge is used where it pays beyond doubt, and not where it only seems to."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from tuneos.evals.metrics import FloatArray
from tuneos.tools.fusion.facts import Source
from tuneos.tools.fusion.fit import best_use, fit_uses, folds

ROWS = 400
TRUE = np.random.default_rng(0).integers(0, 2, ROWS)
GUESS = np.random.default_rng(1).random(ROWS)


def stats(right: FloatArray) -> dict[str, FloatArray]:
    """Of two classes, right with this chance a row."""
    hit = right > GUESS
    said = np.where(hit, TRUE, 1 - TRUE)
    return {"classes": np.column_stack([TRUE, np.eye(2)[said]])}


def helps(strengths: Mapping[Source, float]) -> dict[str, FloatArray]:
    return stats(np.full(ROWS, 0.6 + 0.3 * (strengths.get("types", 0) == 1.0)))


def test_knowledge_that_helps_is_used_at_the_strength_that_helps() -> None:
    (found,) = fit_uses(helps, {"types": (0.5, 1.0, 2.0)}, "accuracy", seed=0)
    assert found.strengths == {"types": 1.0}
    assert found.use.pays
    assert found.use.ci[0] > 0.2
    assert found.use.after == pytest.approx(
        helps({"types": 1.0})["classes"].shape[0] and 0.9, abs=0.05
    )
    assert best_use([found], "accuracy") is found


def test_knowledge_that_changes_nothing_is_not_used() -> None:
    (found,) = fit_uses(
        lambda _: stats(np.full(ROWS, 0.6)), {"taxonomy": (1.0,)}, "accuracy", seed=0
    )
    assert found.strengths == {}
    assert not found.use.pays
    assert best_use([found], "accuracy") is None


def test_gain_on_the_rows_it_was_chosen_on_does_not_count() -> None:
    noise = np.random.default_rng(2)
    luck = {s: stats(noise.choice([0.5, 0.7], ROWS)) for s in np.arange(0.0, 8.0, 0.25)}
    grid = tuple(float(s) for s in luck if s)
    (found,) = fit_uses(lambda s: luck[s.get("types", 0.0)], {"types": grid}, "accuracy", seed=0)
    chosen = max(float((x["classes"][:, 1:].argmax(1) == TRUE).mean()) for x in luck.values())
    assert found.use.after < chosen
    assert not found.use.pays


def test_what_pays_alone_is_tried_together() -> None:
    def both(strengths: Mapping[Source, float]) -> dict[str, FloatArray]:
        extra = sum(0.15 for s in strengths.values() if s)
        return stats(np.full(ROWS, 0.6 + extra))

    found = fit_uses(both, {"exclusion": (1.0,), "implication": (1.0,)}, "accuracy", seed=0)
    assert [f.use.sources for f in found] == [
        ["exclusion"],
        ["implication"],
        ["exclusion", "implication"],
    ]
    best = best_use(found, "accuracy")
    assert best is not None
    assert best.strengths == {"exclusion": 1.0, "implication": 1.0}


def test_folds_hold_every_row_once() -> None:
    assert sorted(np.concatenate(folds(23, 5, 0)).tolist()) == list(range(23))
    assert len(folds(3, 5, 0)) == 3
