"""Oddness scores rank far inputs above near ones; thresholds keep their false-alarm rate."""

import numpy as np
import pytest
from tuneos.evals.anomaly import auroc, coverage_risk, false_alarms
from tuneos.tools.anomaly.fit import Seen, choose_score, fit_temperature, position, quantile
from tuneos.tools.anomaly.scores import SCORES, Usual, fit_usual, oddness
from tuneos.tools.training.linear import softmax

RNG = np.random.default_rng(0)
CENTRES = np.eye(6, 8)


def rows(n: int, noise: float = 0.1) -> Seen:
    """Six classes along axes, under a head that reads the axes."""
    labels = np.arange(n) % 6
    features = (CENTRES[labels] + noise * RNG.normal(size=(n, 8))).astype(np.float32)
    return Seen(10.0 * features[:, :6].astype(np.float64), features, labels)


def strange(n: int) -> Seen:
    features = (-0.3 + 0.1 * RNG.normal(size=(n, 8))).astype(np.float32)
    return Seen(10.0 * features[:, :6].astype(np.float64), features, np.full(n, -1))


@pytest.mark.parametrize("name", SCORES)
def test_every_score_finds_inputs_far_from_training(name: str) -> None:
    train, near, far = rows(300), rows(120), strange(60)
    usual = fit_usual(train.features, train.labels)
    low = oddness(name, near.logits, near.features, usual)  # type: ignore[arg-type]
    high = oddness(name, far.logits, far.features, usual)  # type: ignore[arg-type]
    assert auroc(low, high) > 0.95


@pytest.mark.parametrize("odd", [None, strange(60)])
def test_a_score_is_chosen_by_its_figures(odd: Seen | None) -> None:
    name, judged = choose_score(rows(300), rows(120), odd)
    assert set(judged) == set(SCORES)
    assert judged[name] == max(judged.values())


def test_without_features_or_choice_there_is_a_default() -> None:
    bare = Seen(np.zeros((4, 2)), np.zeros((4, 0), np.float32), np.array([0, 1, 0, 1]))
    assert choose_score(bare, bare, None) == ("max_softmax", {})
    two = Seen(np.zeros((4, 2)), np.ones((4, 3), np.float32), np.array([0, 1, 0, 1]))
    assert choose_score(two, two, None) == ("knn", {})


def test_a_threshold_keeps_its_false_alarm_rate() -> None:
    rates = []
    for _ in range(200):
        scores = RNG.normal(size=101)
        rates.append(float((RNG.normal(size=500) > quantile(scores, 0.1)).mean()))
    assert np.mean(rates) <= 0.105
    assert quantile(np.arange(5.0), 0.05) == float("inf")  # too few rows to promise it


def test_a_temperature_mends_too_sure_logits() -> None:
    logits = RNG.normal(size=(2000, 4))
    labels = np.array([RNG.choice(4, p=p) for p in softmax(logits)])
    assert fit_temperature(5 * logits, labels) == pytest.approx(5, rel=0.2)


@pytest.mark.parametrize(
    ("usual", "odd", "area", "alarms"),
    [
        ([0, 1], [2, 3], 1.0, 0.0),
        ([2, 3], [0, 1], 0.0, 1.0),
        ([1, 1], [1, 1], 0.5, 1.0),
        ([0, 2], [1, 3], 0.75, 0.5),
    ],
)
def test_auroc_and_false_alarms(
    usual: list[float], odd: list[float], area: float, alarms: float
) -> None:
    assert auroc(np.array(usual, float), np.array(odd, float)) == area
    assert false_alarms(np.array(usual, float), np.array(odd, float)) == alarms


def test_risk_falls_where_the_unsure_are_not_answered() -> None:
    coverage, risk = coverage_risk(np.array([0.9, 0.5, 0.8]), np.array([0.0, 1.0, 0.0]))
    assert coverage == pytest.approx([1 / 3, 2 / 3, 1])
    assert risk == pytest.approx([0, 0, 1 / 3])


def test_position_is_a_share_of_usual_rows() -> None:
    assert position(np.array([0.0, 1.0, 9.0]), np.array([1.0, 2.0])) == pytest.approx([0, 0.25, 1])


def test_a_score_says_what_it_lacks() -> None:
    with pytest.raises(ValueError, match="neighbours"):
        oddness("knn", np.zeros((1, 2)), np.zeros((1, 2), np.float32), Usual())


def test_a_model_without_features_describes_nothing() -> None:
    assert fit_usual(np.zeros((4, 0), np.float32), np.array([0, 1, 0, 1])) == Usual()
