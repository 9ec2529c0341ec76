"""Oddness scores rank far inputs above near ones; thresholds keep their false-alarm rate."""

import numpy as np
import pytest
from numpy.typing import NDArray
from tuneos.evals.anomaly import auroc, coverage_risk, false_alarms
from tuneos.tools.anomaly.fit import (
    Outputs,
    answered,
    calibration,
    choose_score,
    fit_temperature,
    position,
    quantile,
)
from tuneos.tools.anomaly.scores import SCORES_OF, Score, Usual, fit_usual, oddness
from tuneos.tools.anomaly.seen import Link, Marks, Seen, States, likeliest, marked
from tuneos.tools.errors import ModelError
from tuneos.tools.training.linear import softmax

RNG = np.random.default_rng(0)
CENTRES = np.eye(6, 8)
LINKS: tuple[Link, ...] = ("softmax", "sigmoid", "choices", "number")


def rows(n: int, link: Link = "softmax", noise: float = 0.1) -> Seen:
    """Six classes along axes, under a head that reads the axes; with several, of two neighbours."""
    labels = np.arange(n) % 6
    true = marked(labels, 6)
    if link == "sigmoid":
        true |= marked(np.where(np.arange(n) % 5 < 2, (labels + 1) % 6, -1), 6)
        true[::7] = False
    features = (true @ CENTRES + noise * RNG.normal(size=(n, 8))).astype(np.float32)
    return seen(link, features, true)


def strange(n: int, link: Link = "softmax") -> Seen:
    features = (-0.3 + 0.1 * RNG.normal(size=(n, 8))).astype(np.float32)
    return seen(link, features, np.zeros((n, 6), bool))


def seen(link: Link, features: NDArray[np.float32], true: Marks) -> Seen:
    logits = 10.0 * features[:, :6].astype(np.float64) - (5 if link == "sigmoid" else 0)
    if link == "number":
        return Seen(logits[:, :0], features, true[:, :0])
    if link == "choices":  # two rows in three have fewer
        logits[(np.arange(len(logits)) % 3 > 0) & ~true[:, 5], 5] = -np.inf
    return Seen(logits, features, true)


@pytest.mark.parametrize(
    ("link", "name"), [(link, name) for link in LINKS for name in SCORES_OF[link]]
)
def test_every_score_finds_inputs_far_from_training(link: Link, name: Score) -> None:
    train, near, far = rows(300, link), rows(120, link), strange(60, link)
    usual = Outputs(link).usual(train)
    low, high = oddness(name, link, near, usual), oddness(name, link, far, usual)
    # Rows of no label have low logits too.
    logits = link == "sigmoid" and name in {"energy", "max_logit"}
    assert auroc(low, high) > (0.8 if logits else 0.95)


@pytest.mark.parametrize("link", LINKS)
def test_a_score_is_chosen_by_its_figures(link: Link) -> None:
    name, judged = choose_score(Outputs(link), rows(300, link), rows(120, link), strange(60, link))
    assert set(judged) == set(SCORES_OF[link])
    assert judged[name] == max(judged.values())


def test_without_rows_classes_are_left_out_where_new_ones_are_odd() -> None:
    name, judged = choose_score(Outputs("softmax", novel=True), rows(300), rows(120), None)
    assert set(judged) == set(SCORES_OF["softmax"])
    assert judged[name] == max(judged.values()) > 0.8
    assert choose_score(Outputs("softmax"), rows(300), rows(120), None) == ("knn", {})


def test_a_row_of_several_labels_counts_in_each_and_one_of_none_by_itself() -> None:
    features = np.array([[1, 0], [0, 1], [1, 1], [-1, -1]], np.float32)
    true = np.array([[1, 0], [0, 1], [1, 1], [0, 0]], bool)
    means = fit_usual(features, true).means
    assert means is not None
    assert means.tolist() == [[1, 0.5], [0.5, 1], [-1, -1]]


def test_without_features_or_choice_there_is_a_default() -> None:
    bare = Seen(np.zeros((4, 2)), np.zeros((4, 0), np.float32), marked([0, 1, 0, 1], 2))
    assert choose_score(Outputs("softmax"), bare, bare, None) == ("max_softmax", {})
    assert choose_score(Outputs("sigmoid"), bare, bare, None) == ("max_logit", {})
    two = Seen(np.zeros((4, 2)), np.ones((4, 3), np.float32), bare.true)
    assert choose_score(Outputs("softmax", novel=True), two, two, None) == ("knn", {})
    number = Seen(np.zeros((4, 0)), np.zeros((4, 0), np.float32), bare.true[:, :0])
    with pytest.raises(ModelError, match="a model of words that gives a number"):
        choose_score(Outputs("number"), number, number, None)


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
    assert fit_temperature("softmax", 5 * logits, marked(labels, 4)) == pytest.approx(5, rel=0.2)
    true = RNG.random((2000, 4)) < 1 / (1 + np.exp(-logits))
    assert fit_temperature("sigmoid", 5 * logits, true) == pytest.approx(5, rel=0.2)
    assert calibration("sigmoid", logits, true) < 0.03 < calibration("sigmoid", 5 * logits, true)
    ragged = np.column_stack([logits, np.full(2000, -np.inf)])
    kept = marked(labels, 5)
    assert fit_temperature("choices", 5 * ragged, kept) == pytest.approx(5, rel=0.2)
    assert fit_temperature("number", logits[:, :0], true[:, :0]) == 1.0


def test_the_surest_answers_come_first_and_are_right_as_a_whole() -> None:
    logits = np.array([[4.0, -4.0], [1.0, 0.5], [3.0, -3.0]])
    true = np.array([[1, 0], [1, 0], [0, 1]], bool)
    coverage, risk = answered("softmax", logits, true, likeliest(logits))
    assert coverage.tolist() == pytest.approx([1 / 3, 2 / 3, 1])
    assert risk.tolist() == pytest.approx([0, 1 / 2, 1 / 3])
    given = logits > 0
    _, risk = answered("sigmoid", logits, true, given)
    assert risk.tolist() == pytest.approx([0, 1 / 2, 2 / 3])  # one label too many is wrong
    assert answered("number", logits[:, :0], true[:, :0], given[:, :0])[0].size == 0


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
        oddness("knn", "softmax", States(np.zeros((1, 2)), np.zeros((1, 2), np.float32)), Usual())


def test_a_model_without_features_describes_nothing() -> None:
    assert fit_usual(np.zeros((4, 0), np.float32), marked([0, 1, 0, 1], 2)) == Usual()
