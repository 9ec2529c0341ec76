"""Figures of each label."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import precision_recall_fscore_support
from tuneos.evals.breakdown import breakdown
from tuneos.evals.measures import classes, entities, labelsets, relations, squad

RNG = np.random.default_rng(0)


def test_classes_are_taken_apart_as_scikit_learn_does() -> None:
    true, predicted = RNG.integers(0, 3, 60), RNG.integers(0, 3, 60)
    found = breakdown({"classes": classes.rows(true, np.eye(3)[predicted])}, "abc")
    assert found is not None
    wanted = precision_recall_fscore_support(true, predicted, zero_division=0)
    assert pytest.approx(np.array(wanted)) == found.figures.T
    assert (found.what, found.names) == ("label", ("a", "b", "c"))


def test_entity_types_are_read_off_the_tags() -> None:
    stats = entities.rows([[("LOC", 0, 1)], [("PER", 0, 2)]], [[("LOC", 0, 1)], []], ["LOC", "PER"])
    found = breakdown({"entities": stats}, ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"])
    assert found is not None
    assert (found.what, found.names) == ("entity type", ("LOC", "PER"))
    assert found.figures.tolist() == [[1, 1, 1, 1], [0, 0, 0, 1]]


def test_relations_lose_their_direction() -> None:
    labels = ["A(e1,e2)", "A(e2,e1)", "B(e1,e2)", "Other"]
    found = breakdown({"relations": relations.rows(labels, labels, labels)}, labels)
    assert found is not None
    assert (found.what, found.names) == ("relation", ("A", "B"))
    assert found.figures[:, 3].tolist() == [2, 1]


def test_sets_of_labels_come_before_other_statistics() -> None:
    flags = RNG.random((5, 2)) < 0.5
    found = breakdown({"labelsets": labelsets.rows(flags, flags, flags.astype(float))}, ["x", "y"])
    assert found is not None
    assert found.names == ("x", "y")


def test_there_is_nothing_to_take_apart_where_answers_have_no_labels() -> None:
    assert breakdown({"squad": squad.rows([["a"]], ["a"])}, []) is None
    flags = np.ones((2, 3), bool)
    stats = {"labelsets": labelsets.rows(flags, flags, flags.astype(float))}
    assert breakdown(stats, ["only one name for three"]) is None
