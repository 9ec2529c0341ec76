"""How well an agent did: one run's score, and scores of many put together; pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

Outcome = Literal["met", "not_met", "user_error", "crashed"]


class RunScore(BaseModel):
    """What one run of one scenario showed.

    Attributes:
        right: The outcome is the one a good agent comes to.
        value: Primary metric on the test split; None where nothing was confirmed.
        regret: Best known value minus `value`, at least 0.
        seconds: As if nothing had been reused.
        reused: Jobs whose results another controller's run had left.
        proposed, accepted: Tool calls.
        wasted: Calls refused, failed, or done before.
        violations: What must never happen, in words: over budget, no report, …
        taken_over: The planner had to finish.
    """

    model_config = ConfigDict(frozen=True)

    scenario: str
    controller: str
    repeat: int
    expected: str
    outcome: Outcome
    right: bool
    value: float | None = None
    regret: float | None = None
    seconds: float = 0.0
    reused: int = 0
    tokens: int = 0
    usd: float = 0.0
    proposed: int = 0
    accepted: int = 0
    wasted: int = 0
    violations: tuple[str, ...] = ()
    taken_over: bool = False
    note: str = ""


class Estimate(BaseModel):
    """A mean or share with its 95% interval; None where one value gives none."""

    model_config = ConfigDict(frozen=True)

    value: float
    ci: tuple[float, float] | None = Field(default=None)


class ControllerScore(BaseModel):
    """All runs of one controller."""

    model_config = ConfigDict(frozen=True)

    controller: str
    runs: int
    right: Estimate
    regret: Estimate | None
    seconds: Estimate
    tokens: float
    usd: float
    validity: float | None = Field(description="accepted calls of those proposed")
    wasted: Estimate
    violations: int
    taken_over: int


class ScenarioScore(BaseModel):
    """All runs of one scenario by one controller."""

    model_config = ConfigDict(frozen=True)

    scenario: str
    controller: str
    runs: int
    outcomes: dict[str, int] = Field(description="how often each came")
    right: int
    value: Estimate | None
    regret: Estimate | None
    seconds: Estimate


class SuiteScores(BaseModel):
    """What `tuneos eval --json` prints."""

    model_config = ConfigDict(frozen=True)

    suite: str
    complete: bool = Field(description="false: interrupted, some runs are missing")
    controllers: tuple[ControllerScore, ...]
    scenarios: tuple[ScenarioScore, ...]
    runs: tuple[RunScore, ...]


def with_regret(scores: Sequence[RunScore], known: dict[str, float | None]) -> list[RunScore]:
    """Fill in regret against the best value known, that of runs on the same data among them.

    Args:
        scores: Of any controllers and repeats; each repeat draws data of its own.
        known: By scenario, what was reached elsewhere.
    """
    best: dict[tuple[str, int], float] = {}
    for score in scores:
        if score.value is not None:
            key = score.scenario, score.repeat
            best[key] = max(score.value, best.get(key, known.get(score.scenario) or 0.0))
    return [
        score
        if score.value is None
        else score.model_copy(
            update={"regret": max(0.0, best[score.scenario, score.repeat] - score.value)}
        )
        for score in scores
    ]


def by_scenario(scores: Sequence[RunScore]) -> list[ScenarioScore]:
    """Put the runs of each scenario and controller together, in the order they came."""
    groups: dict[tuple[str, str], list[RunScore]] = {}
    for score in scores:
        groups.setdefault((score.scenario, score.controller), []).append(score)
    found = []
    for (scenario, controller), runs in groups.items():
        values = [s.value for s in runs if s.value is not None]
        regrets = [s.regret for s in runs if s.regret is not None]
        found.append(
            ScenarioScore(
                scenario=scenario,
                controller=controller,
                runs=len(runs),
                outcomes=dict(Counter(s.outcome for s in runs)),
                right=sum(s.right for s in runs),
                value=mean(values) if values else None,
                regret=mean(regrets) if regrets else None,
                seconds=mean([s.seconds for s in runs]),
            )
        )
    return found


def sum_up(controller: str, scores: Sequence[RunScore]) -> ControllerScore:
    """Put the runs of one controller together; at least one is needed."""
    proposed = sum(s.proposed for s in scores)
    regrets = [s.regret for s in scores if s.regret is not None]
    return ControllerScore(
        controller=controller,
        runs=len(scores),
        right=share([s.right for s in scores]),
        regret=mean(regrets) if regrets else None,
        seconds=mean([s.seconds for s in scores]),
        tokens=float(np.mean([s.tokens for s in scores])),
        usd=float(np.sum([s.usd for s in scores])),
        validity=sum(s.accepted for s in scores) / proposed if proposed else None,
        wasted=mean([float(s.wasted) for s in scores]),
        violations=sum(len(s.violations) for s in scores),
        taken_over=sum(s.taken_over for s in scores),
    )


def share(hits: Sequence[bool]) -> Estimate:
    """A share with Wilson's interval."""
    from scipy.stats import binomtest

    test = binomtest(sum(hits), len(hits))
    low, high = test.proportion_ci(method="wilson")
    return Estimate(value=sum(hits) / len(hits), ci=(float(low), float(high)))


def mean(values: Sequence[float]) -> Estimate:
    """A mean with its bootstrap interval; none where all values are the same."""
    from scipy.stats import bootstrap

    array = np.asarray(values, float)
    if len(array) < 2 or np.ptp(array) == 0:
        return Estimate(value=float(array.mean()))
    found = bootstrap((array,), np.mean, n_resamples=2000, method="percentile", rng=0)
    low, high = found.confidence_interval
    return Estimate(value=float(array.mean()), ci=(float(low), float(high)))
