"""What a run leaves for people and programs: the result, and the story behind it.

`RunResult` is the contract of `tuneos run --json`; `RunStory` adds what the
report draws. Both are plain data: nothing here computes or prints.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

StopReason = Literal[
    "targets_met",  # on validation; the test split then decides `met`
    "budget_spent",  # time or trials
    "nothing_paid",  # the last attempts brought no gain
    "controller_finished",  # the controller had nothing more to try
    "no_targets",  # none were given: the best within the budget
]
Named = Literal["label", "entity type", "relation"]  # what figures are listed of


class TargetResult(BaseModel):
    """One target with what was measured; None where it could not be measured."""

    metric: str
    op: str
    value: float
    validation: float | None
    test: float | None
    ci: tuple[float, float] | None = Field(description="95% interval of `test`")
    met: bool = Field(description="on the test split")


class BaselineResult(BaseModel):
    """A cheap model's scores on the same test split."""

    name: str
    test: dict[str, float]


class CandidateResult(BaseModel):
    """One trained candidate, in the order tried."""

    name: str
    strategy: str
    validation: dict[str, float]
    seconds: float
    settings: dict[str, str | int | float | bool] = {}
    data: str = Field(default="", description="which version of the data it was trained on")


class Comparison(BaseModel):
    """The chosen candidate against a baseline, paired on the test rows."""

    against: str
    metric: str
    difference: float
    ci: tuple[float, float]
    p_value: float
    p_adjusted: float | None = Field(
        default=None, description="for `looks`, each a chance to be lucky (Šidák)"
    )
    looks: int = Field(
        default=1, description="runs of this workspace that opened test rows of this data"
    )


class Change(BaseModel):
    """What a person changed in a run that had begun."""

    when: str = Field(description="ISO 8601, UTC")
    by: str = Field(description="through what: chat, the command line, Python")
    what: Literal["targets", "budget"]
    before: str
    after: str
    candidates: int = Field(description="scored on validation when it was changed")
    eased: bool = Field(default=False, description="the new targets are easier to meet")


class Spending(BaseModel):
    """What one kind of budget allowed and what went; limit None means no limit."""

    limit: float | None
    spent: float


class KnowledgeUse(BaseModel):
    """What knowledge of the domain graph does to a candidate's answers on validation.

    `before` and `after` are of the same rows; the strength that a row is answered with was
    fitted to the others. `ci` is the 95% interval of the difference.
    """

    candidate: str = Field(default="", description="the candidate it was tried on")
    sources: list[str] = Field(description="taxonomy, exclusion, implication, types, gazetteer")
    metric: str
    before: float
    after: float
    difference: float
    ci: tuple[float, float]
    strengths: dict[str, float] = Field(default={}, description="fitted to all rows; 0 left out")
    pays: bool = Field(description="beyond doubt: the whole interval speaks for it")
    used: bool = Field(default=False, description="a candidate was made with it")


class Share(BaseModel):
    """A share of rows; `ci` is its 95% interval."""

    name: str
    value: float
    ci: tuple[float, float]


class SwapAttack(BaseModel):
    """Rows attacked by swapping words where the model's gradients say that it hurts most."""

    rows: int
    before: float = Field(description="share of these rows that is right as they are")
    after: Share
    words: float | None = Field(
        default=None, description="share of a row's words swapped where the attack won, mean"
    )


class Robustness(BaseModel):
    """How a model's answers bear rows of the test split that are written otherwise."""

    model: str
    rows: int = Field(description="looked at")
    robust_accuracy: Share = Field(description="right as they are and under each perturbation")
    under: list[Share] = Field(description="right as they are, and under each one")
    attack: SwapAttack | None = Field(default=None, description="None where it does not apply")


class RunResult(BaseModel):
    """Everything a program needs to know of a finished run."""

    run: str
    met: bool
    stop_reason: StopReason
    task: str
    controller: str = Field(description="who decided; two names where the planner took over")
    taken_over: str | None = Field(default=None, description="why the planner took over")
    base_model: str
    targets: list[TargetResult]
    baselines: list[BaselineResult]
    candidates: list[CandidateResult]
    comparison: Comparison | None
    comparisons: list[Comparison] = Field(
        default=[], description="against every baseline, `comparison` among them"
    )
    budget: dict[str, Spending]
    chosen: str | None = Field(description="name of the candidate kept")
    test: dict[str, float] = {}
    model: str | None = Field(description="folder of the saved model")
    report: str | None = Field(description="the HTML file")
    seed: int = 0
    data_hash: str = ""
    robustness: list[Robustness] = Field(
        default=[], description="chosen model and untuned one, where a target asks for it"
    )
    changes: list[Change] = Field(default=[], description="by a person, after the run had begun")
    knowledge: list[KnowledgeUse] = Field(
        default=[], description="what the domain graph did to answers on validation, used or not"
    )


class Step(BaseModel):
    """One tool call of the run: who asked for what, and what came of it."""

    number: int
    tool: str
    arguments: dict[str, object]
    reason: str = Field(description="why the controller asked, in its words")
    summary: str = Field(description="what came of it")
    ok: bool
    seconds: float
    approved: str = Field(default="", description="what a person said, where one was asked")


class CurvePoint(BaseModel):
    """Learning so far: `step` counts optimiser steps."""

    step: int
    epoch: float
    loss: float | None = None
    validation: float | None = None


class Curve(BaseModel):
    """The learning curve of one candidate; `metric` names `validation`."""

    candidate: str
    metric: str
    points: list[CurvePoint]


class TrialRecord(BaseModel):
    """One Optuna trial."""

    number: int
    state: Literal["complete", "pruned", "failed", "running"]
    value: float | None
    settings: dict[str, str | int | float | bool]
    seconds: float
    note: str = ""
    metric: str = Field(default="", description="of `value`, where it is not the primary one")


class WrongAnswer(BaseModel):
    """A test row with the model's answer; text is masked."""

    place: str
    text: str
    label: str = Field(description="the right answer, as text")
    predicted: str = Field(description="the model's answer, as text")
    score: float | None = Field(default=None, description="its confidence; None where it has none")


class LabelResult(BaseModel):
    """How well one label, entity type or relation is recognised on the test split."""

    name: str
    precision: float
    recall: float
    f1: float
    support: int = Field(description="how often it is the right answer")


class Finding(BaseModel):
    """Something seen in the data, and what was done about it."""

    what: str
    count: int
    action: str
    examples: list[str] = []


class RankedBase(BaseModel):
    """A base model that was looked at before one was tuned; without scores, `note` says why."""

    base_model: str
    digest: str = ""
    scores: dict[str, float] = Field(
        default={},
        description="log_me and h_score, higher is better; or nll_per_character, lower is",
    )
    layer: int | None = Field(default=None, description="whose mean states scored best, from 1")
    rows: int = 0
    seconds: float = 0.0
    note: str = ""


class ProvenanceStep(BaseModel):
    """A step with the rows it used and made, and the candidates it made, by name."""

    number: int
    tool: str
    ok: bool
    by: str = ""
    data: str = ""
    new_data: str = ""
    made: tuple[str, ...] = ()


class SliceResult(BaseModel):
    """The metric over a part of the test split: texts of some lengths, or of one language."""

    name: str
    rows: int
    metric: str
    value: float
    ci: tuple[float, float] = Field(description="95% interval")
    judged: bool = Field(default=True, description="has rows enough to be judged")


class OddInputs(BaseModel):
    """How the model tells inputs that are unlike those it learned from, fitted on validation."""

    score: str = Field(description="max_softmax, energy, max_logit, mahalanobis or knn")
    link: str = Field(
        default="softmax", description="softmax or choices: one is right; sigmoid: any; or number"
    )
    judged: dict[str, float] = Field(default={}, description="AUROC of each score on validation")
    judged_by: str = Field(default="", description="rows that were given, or classes left out")
    false_alarms: float = Field(description="share of usual inputs that may be called odd")
    temperature: float
    ece_before: float = Field(description="on validation")
    ece_after: float = Field(description="on validation, whose rows the temperature was fitted to")
    coverage: tuple[float, ...] = Field(default=(), description="answered, the surest first")
    risk: tuple[float, ...] = Field(default=(), description="of these, how many are wrong")
    called_odd: float | None = Field(default=None, description="share of the test rows")


class RunStory(BaseModel):
    """The run as a person wants to read it."""

    result: RunResult
    source: str = Field(description="the data as the user named it")
    started: str = Field(description="ISO 8601, UTC")
    machine: str = Field(description="CPU, cores, memory, accelerator")
    versions: dict[str, str]
    rows: dict[str, int] = Field(description="rows by split")
    labels: list[str]
    label_counts: dict[str, int] = Field(description="rows of each label in train")
    guesses: list[str] = []
    findings: list[Finding] = []
    base_ranking: list[RankedBase] = Field(default=[], description="best first; it was tuned")
    steps: list[Step] = []
    curves: list[Curve] = []
    trials: list[TrialRecord] = []
    confusion: list[list[int]] = Field(
        default=[], description="test split, rows true, columns predicted, order of `labels`"
    )
    per_label: list[LabelResult] = Field(default=[], description="of the test split")
    per_label_of: Named = "label"
    per_parent: list[LabelResult] = Field(
        default=[], description="of families of labels, where a taxonomy has them; test split"
    )
    slices: list[SliceResult] = Field(
        default=[], description="of the test split, by length and language; small ones left out"
    )
    worst: list[WrongAnswer] = Field(default=[], description="wrong test rows, worst first")
    examples: list[WrongAnswer] = Field(
        default=[], description="test rows, right or wrong, where answers are texts"
    )
    odd: OddInputs | None = Field(default=None, description="where the model tells odd inputs")
    on_base: bool = Field(default=True, description="the kept model has a base model within")
    signatures: dict[str, str] = Field(
        default={}, description="metric -> how exactly it was computed, where that varies"
    )
    notes: list[str] = Field(default=[], description="caveats to state plainly")
    provenance: list[ProvenanceStep] = Field(default=[], description="who made what from what")
    command: str = Field(default="", description="what gives this run again")
