"""Right or wrong, passing programs, rank correlation; and what all kinds promise."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.stats import spearmanr
from tuneos.evals import measures
from tuneos.evals.anomaly import ODD_METRICS
from tuneos.evals.measures import (
    bleu,
    calibration,
    chrf,
    classes,
    control,
    distinct,
    entities,
    exact,
    intents,
    labelsets,
    passes,
    relations,
    robust,
    rouge,
    slots,
    squad,
    tokens,
    values,
)
from tuneos.evals.metrics import PLAIN
from tuneos.evals.statistics import compare, interval

RNG = np.random.default_rng(0)
N = 40
WORDS = ["red", "green", "blue", "in", "the", "sea"]
TEXTS = [" ".join(RNG.choice(WORDS, 7)) for _ in range(N)]
OTHERS = [" ".join(RNG.choice(WORDS, 7)) for _ in range(N)]
GOLDS = [[text] for text in TEXTS]
LABELS = ["A(e1,e2)", "A(e2,e1)", "B(e1,e2)", "Other"]
FLAGS = RNG.random((4, N, 3)) < 0.5
SPANS = [[("A", i, i + 1), ("B", i + 1, i + 2)] for i in range(N)]
STATS = {
    "classes": classes.rows(RNG.integers(0, 3, N), RNG.dirichlet(np.ones(3), N)),
    "labelsets": labelsets.rows(FLAGS[0], FLAGS[1], RNG.random((N, 3))),
    "relations": relations.rows(LABELS[:1] * N, [LABELS[i % 4] for i in range(N)], LABELS),
    "calibration": calibration.rows(RNG.random(N).tolist(), RNG.random(N) < 0.5),
    "entities": entities.rows(SPANS, [s[: i % 3] for i, s in enumerate(SPANS)], ["A", "B"]),
    "squad": squad.rows([g if i % 3 else [] for i, g in enumerate(GOLDS)], OTHERS),
    "bleu": bleu.rows(GOLDS, OTHERS),
    "chrf": chrf.rows(GOLDS, OTHERS),
    "rouge": rouge.rows(GOLDS, OTHERS),
    "distinct": distinct.rows(OTHERS),
    "tokens": tokens.rows(RNG.random(N) * 9, RNG.integers(1, 9, N)),
    "values": values.rows(RNG.random(N), RNG.random(N)),
    "passes": passes.rows([4] * N, RNG.integers(0, 5, N)),
    "exact": exact.rows(RNG.integers(0, 2, N)),
    "robust": (RNG.random((N, 1 + len(robust.PERTURBATIONS))) < 0.9).astype(float),
    "control": control.rows(RNG.integers(0, 2, N)),
    "intents": intents.rows(RNG.integers(0, 2, N)),
    "slots": slots.rows(RNG.integers(0, 3, N), [3] * N),
}


def test_every_kind_is_tried_here_and_every_metric_has_a_kind() -> None:
    assert tuple(STATS) == measures.KINDS
    named = {name for kind in measures.KINDS for name in measures.measure(kind).NAMES}
    assert named == set(PLAIN) - {"latency_p95_ms", "size_mb", *ODD_METRICS}


@pytest.mark.parametrize("kind", measures.KINDS)
def test_a_kind_keeps_the_promises_of_measures(kind: str) -> None:
    stats, n = STATS[kind], N
    assert stats.shape[0] == n
    assert stats.dtype == np.float64
    rows = np.random.default_rng(1).integers(0, n, n)
    for name, found in measures.score({kind: stats}).items():
        metric = PLAIN[name]
        assert metric.low <= found <= (np.inf if metric.high is None else metric.high)
        drawn = measures.value(name, {kind: stats[rows]})
        assert measures.over(name, {kind: stats})(rows) == pytest.approx(drawn, abs=1e-9)
        assert measures.kind_of(name, {kind: stats}) == kind


def test_rows_are_wrong_by_what_they_lack() -> None:
    def lacks(kind: str, stats: np.ndarray) -> list[float]:
        return [round(float(w), 3) for w in measures.measure(kind).wrong(stats)]

    sure = np.array([[0.9, 0.1], [0.2, 0.8]])
    assert lacks("classes", classes.rows(np.array([0, 0]), sure)) == [0, 0.8]
    flags = np.array([[True, False], [True, True]])
    assert lacks("labelsets", labelsets.rows(flags, ~flags[::-1], flags * 1.0)) == [1, 1]
    assert lacks("relations", relations.rows(LABELS[:2], LABELS[:1] * 2, LABELS)) == [0, 1]
    assert lacks("calibration", calibration.rows([0.9, 0.8], [True, False])) == [0, 0.8]
    assert lacks("entities", entities.rows(SPANS[:3], [[], SPANS[1], SPANS[0]], "AB")) == [2, 0, 4]
    assert lacks("squad", squad.rows([["a b"], []], ["b", ""])) == [0, 0]
    for kind, rows in (("bleu", bleu.rows), ("chrf", chrf.rows), ("rouge", rouge.rows)):
        right, wrong, empty = lacks(kind, rows([["red sea in it"]] * 3, ["red sea in it", "x", ""]))
        assert [right, wrong, empty] == pytest.approx([0, 1, 1], abs=0.01)
    assert lacks("tokens", tokens.rows([4.0], [2])) == [2]
    assert lacks("values", values.rows([1, 2, 3], [3, 2, 1])) == [0.667, 0, 0.667]
    assert lacks("passes", passes.rows([4], [1])) == [0.75]
    assert lacks("exact", exact.rows([1, 0])) == [0, 1]
    assert lacks("slots", slots.rows([1, 0], [4, 0])) == [0.75, 0]
    assert measures.wrong("f1", {k: STATS[k] for k in ("bleu", "squad")}).shape == (N,)


@pytest.mark.parametrize("kind", measures.KINDS)
def test_a_model_does_not_differ_from_itself(kind: str) -> None:
    stats = {kind: STATS[kind]}
    name = next(iter(measures.score(stats)))
    found = compare(name, stats, stats, seed=0)
    assert (found.value, found.low, found.high, found.p_value) == (0, 0, 0, 1)
    low, high = interval(name, stats, seed=0)
    assert low <= high


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="no statistics 'words'; there are classes, labelsets"):
        measures.measure("words")


def test_only_the_metrics_that_matter_are_computed_in_the_order_wanted() -> None:
    stats = {"squad": STATS["squad"], "tokens": STATS["tokens"]}
    assert list(measures.score(stats, ("nll", "bleu", "f1"))) == ["nll", "f1"]


def test_the_first_kind_that_gives_a_metric_is_asked() -> None:
    stats = {"squad": STATS["squad"], "entities": STATS["entities"]}
    assert measures.kind_of("f1", stats) == "squad"
    assert measures.kind_of("macro_f1", stats) == "entities"
    assert measures.kind_of("latency_p95_ms", stats) is None


@pytest.mark.parametrize("seed", range(4))
def test_spearman_is_that_of_scipy(seed: int) -> None:
    rng = np.random.default_rng(seed)
    true = rng.integers(0, 6, 50).astype(float)  # many ties
    given = np.round(true + rng.normal(0, 2, 50), 1)
    wanted = spearmanr(true, given).statistic
    assert measures.score({"values": values.rows(true, given)}) == {
        "spearman": pytest.approx(wanted, abs=1e-12)
    }


def test_spearman_of_a_constant_is_0() -> None:
    assert measures.score({"values": values.rows([1, 2, 3], [5, 5, 5])}) == {"spearman": 0}


@pytest.mark.parametrize(("k", "samples", "passing"), [(1, 5, 2), (2, 5, 2), (3, 6, 1), (4, 4, 0)])
def test_pass_at_k_is_the_share_of_draws_with_a_passing_sample(
    k: int, samples: int, passing: int
) -> None:
    draws = list(itertools.combinations([True] * passing + [False] * (samples - passing), k))
    wanted = sum(any(draw) for draw in draws) / len(draws)
    assert passes.pass_at(k, samples, passing) == pytest.approx(wanted)


def test_pass_at_k_needs_k_samples() -> None:
    with pytest.raises(ValueError, match="pass@5 needs 5 samples a problem, not 3"):
        passes.pass_at(5, 3, 1)


def test_pass_at_1_is_a_mean_over_problems() -> None:
    found = measures.score({"passes": passes.rows([4, 1], [1, 1])})
    assert found == {"pass_at_1": pytest.approx((0.25 + 1) / 2)}


def test_pass_at_k_is_the_mean_of_unbiased_estimates_where_so_many_were_drawn() -> None:
    found = measures.score({"passes": passes.rows([4, 4, 4], [0, 1, 4])})
    # Of the six pairs of four samples, three hold the one that passes.
    assert found == {
        "pass_at_1": pytest.approx((0 + 1 / 4 + 1) / 3),
        "pass_at_2": pytest.approx((0 + 3 / 6 + 1) / 3),
        "pass_at_3": pytest.approx((0 + 3 / 4 + 1) / 3),
    }


def test_shares_count_rows_without_annotation_for_nothing() -> None:
    found = measures.score({"slots": slots.rows([2, 0, 0], [4, 1, 0])})
    assert found == {"slot_accuracy": pytest.approx(0.4)}
    assert measures.score({"intents": intents.rows([0], [0])}) == {}
