"""A row counts as robust where it is right as it is and under every perturbation."""

from __future__ import annotations

import numpy as np
from tuneos.evals.measures import robust, score, value, wrong
from tuneos.evals.statistics import compare, interval, share_interval

WAYS = 1 + len(robust.PERTURBATIONS)


def stats(*broken: int) -> np.ndarray:
    """A row each: right everywhere but in the column named; -1: right everywhere."""
    rows = np.ones((len(broken), WAYS))
    for row, column in zip(rows, broken, strict=True):
        if column >= 0:
            row[column] = 0
    return rows


def test_one_perturbation_that_turns_the_answer_is_enough() -> None:
    found = stats(-1, 0, 3, WAYS - 1)
    assert value("robust_accuracy", {"robust": found}) == 0.25
    assert wrong("robust_accuracy", {"robust": found}).tolist() == [0, 1, 1, 1]


def test_columns_go_by_the_names_of_the_perturbations() -> None:
    found = robust.by_column(stats(0, 1, -1))
    assert list(found) == ["original", *robust.PERTURBATIONS]
    assert found["original"].tolist() == [0, 1, 1]
    assert found["typos"].tolist() == [1, 0, 1]


def test_fewer_rows_than_the_other_statistics_are_measured_on_their_own() -> None:
    """Perturbations look at some rows of the split only."""
    many = {"exact": np.ones((50, 2)), "robust": stats(-1, -1, -1, 2)}
    assert score(many) == {"exact_match": 1.0, "robust_accuracy": 0.75}
    low, high = interval("robust_accuracy", many, seed=0)
    assert 0 <= low < 0.75 < high <= 1
    worse = {"exact": np.ones((50, 2)), "robust": stats(1, 2, 3, 4)}
    assert compare("robust_accuracy", many, worse, seed=0).value == 0.75


def test_interval_of_a_share_holds_it() -> None:
    low, high = share_interval(np.array([1.0, 0.0] * 50), seed=0)
    assert 0.38 < low < 0.5 < high < 0.62
