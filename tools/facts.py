"""What tools find out, typed: the state of a run is these facts, merged."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
)

from ..evals.result import Curve, Finding, KnowledgeUse, RankedBase, TrialRecord
from ..memory.conditions import Condition, unmet
from .guardrails.masking import Masking

Setting = str | int | float | bool
ROBUST_TARGET = "robust_target"  # what recipes require that only a target on robustness asks for


class DataVersion(BaseModel):
    """One state of the training and validation rows, on disk in `folder`.

    `key` is the hash of the rows: the same rows always have the same key.
    """

    model_config = ConfigDict(frozen=True)

    key: str
    name: str = Field(description='"as read", then what was done: "cleaned", "masked"')
    folder: str
    train_rows: int
    validation_rows: int
    masked: bool = False
    masking: Masking | None = None
    cleaned: bool = False


class Candidate(BaseModel):
    """A trained model with its validation scores; `folder` loads with `load_classifier`."""

    model_config = ConfigDict(frozen=True)

    name: str
    strategy: str
    settings: dict[str, Setting] = {}
    validation: dict[str, float]
    seconds: float
    folder: str
    data: str = Field(default="", description="name of the DataVersion it was trained on")
    recalled: dict[str, str] = Field(
        default={}, description="settings that paid in an earlier run, and the IRI of that run"
    )


class KnownStrategy(BaseModel):
    """What the knowledge graph says of a strategy, as the controller gets it."""

    model_config = ConfigDict(frozen=True)

    name: str
    rung: int
    tool: str
    relative_cost: float
    typical_gain: float
    min_examples_per_class: int
    defaults: dict[str, Setting] = {}
    searchable: bool = False
    tried_ways: tuple[str, ...] = Field(
        default=(), description="of adversarial training that a search chooses from"
    )
    variant_of: str | None = None
    technique: str = Field(default="", description="what the tool does; the name where left out")
    requires: tuple[Condition, ...] = Field(default=(), description="when it applies")
    recalled_share: float | None = Field(
        default=None, description="of the cheap rungs' error, that similar runs saw it remove"
    )
    recalled_spread: float = Field(default=0.0, description="standard deviation of that")
    iri: str = ""

    @property
    def hardens(self) -> bool:
        """Whether it is for answers that bear rows written otherwise, and for these alone."""
        return any(c.of == ROBUST_TARGET for c in self.requires)

    def unmet(self, situation: Mapping[str, Setting]) -> str:
        """Say why it does not apply; "" where it does, or nothing known speaks against it."""
        rows = Condition(of="median_class", low=self.min_examples_per_class)
        return unmet((rows, *self.requires), situation)


class DomainSaid(BaseModel):
    """In which ways the domain graph speaks of a dataset's labels."""

    model_config = ConfigDict(frozen=True)

    matched: int = Field(description="labels that have a node")
    unmatched: tuple[str, ...] = ()
    sources: tuple[str, ...] = Field(default=(), description="that can be applied to answers")
    described: bool = Field(default=False, description="most labels have a description")


class Remembered(BaseModel):
    """The best try of a strategy in an earlier run on similar data.

    Attributes:
        run, iri: The run; `distance` is that of its data's profile.
        settings: Only what the strategy's search space can express.
        gain: Share of the error left by the rungs below that the strategy removed there.
        removed: The same of the error of the best cheap rung; None where there was none.
    """

    model_config = ConfigDict(frozen=True)

    run: str
    iri: str
    distance: float
    strategy: str
    settings: dict[str, Setting] = {}
    gain: float
    removed: float | None = None


class Facts(BaseModel):
    """Everything known of a run so far; a tool returns just what it adds."""

    data: DataVersion | None = None
    data_hash: str = Field(default="", description="of all splits as read")
    rows: dict[str, int] = {}
    profile: dict[str, float] = Field(
        default={}, description="of train as read, to find runs on similar data"
    )
    embedding: tuple[int, ...] = Field(
        default=(), description="of its words on average, in thousandths, for the same"
    )
    remembered: tuple[Remembered, ...] = Field(
        default=(), description="of earlier runs on similar data, the nearest first"
    )
    lessons: tuple[str, ...] = Field(default=(), description="of these runs")
    fruitless: tuple[str, ...] = Field(
        default=(), description="tools that came to nothing on all but the same data"
    )
    label_counts: dict[str, int] = Field(default={}, description="in train as read")
    guesses: tuple[str, ...] = ()
    inspected: bool = False
    labels: tuple[str, ...] = ()
    smallest_class: int = 0
    median_class: int = Field(
        default=0, description="half of the classes have so many rows or fewer"
    )
    personal_data: int = 0
    dirty_rows: int = 0
    suspect_labels: tuple[int, ...] = Field(
        default=(), description="train positions whose label the other rows contradict"
    )
    suspects_in: str = Field(default="", description="key of the data version they refer to")
    suspects_pay: bool = Field(
        default=False, description="leaving them out lowered the probe's validation log loss"
    )
    trouble: dict[str, tuple[int, ...]] = Field(
        default={},
        description="train positions by kind: near_duplicates, near_leaks, triggers, outliers",
    )
    trouble_in: str = Field(default="", description="key of the data version they refer to")
    to_clean: tuple[str, ...] = Field(
        default=(), description="kinds of trouble that are there and that the person wants removed"
    )
    findings: tuple[Finding, ...] = ()
    strategies: tuple[KnownStrategy, ...] = ()
    constants: dict[str, float] = {}
    place: dict[str, Setting] = Field(
        default={}, description="machine and base model, by the names that conditions use"
    )
    candidates: tuple[Candidate, ...] = ()
    searched: tuple[str, ...] = ()
    curves: tuple[Curve, ...] = ()
    trials: tuple[TrialRecord, ...] = ()
    base_ranking: tuple[RankedBase, ...] = Field(
        default=(), description="of several base models, best first: that one is tuned"
    )
    frozen_seconds: float = Field(
        default=0.0, description="one frozen pass over the training rows, measured here"
    )
    answer_seconds: float = Field(
        default=0.0, description="to write the answer of one row, where that is what takes long"
    )
    startup_seconds: float = Field(
        default=0.0, description="what the last job took beside its own work: a busy machine shows"
    )
    domain: DomainSaid | None = Field(
        default=None, description="what the user's domain graph says of the labels"
    )
    knowledge: tuple[KnowledgeUse, ...] = Field(
        default=(), description="where knowledge was tried on a candidate"
    )
    notes: tuple[str, ...] = ()

    @property
    def situation(self) -> dict[str, Setting]:
        """What conditions of recipes are held against; what is not known is left out."""
        found: dict[str, Setting] = {ROBUST_TARGET: False, **self.place}
        found["smallest_class"] = self.smallest_class
        found["median_class"] = self.median_class
        if self.label_counts:
            found["classes"] = len(self.label_counts)
        if self.data is not None:
            found["train_rows"] = self.data.train_rows
            found["validation_rows"] = self.data.validation_rows
            if self.label_counts and not (self.domain and self.domain.described):
                found["rows_a_bare_label"] = self.data.train_rows // len(self.label_counts)
        return found

    @model_serializer(mode="wrap")
    def _said(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Only what was set, so that a checkpoint gives back what a tool said and no more."""
        return {k: v for k, v in dump(self).items() if k in self.model_fields_set}


def merge(old: Facts, new: Facts) -> Facts:
    """Add what a tool found: lists grow without repeats, other fields are replaced if set."""
    changed: dict[str, Any] = {}
    for name in new.model_fields_set:
        before, after = getattr(old, name), getattr(new, name)
        if name in _GROWING:
            after = before + tuple(x for x in after if x not in before)
        elif name == "constants":
            after = {**before, **after}
        changed[name] = after
    return old.model_copy(update=changed)


_GROWING = {"findings", "candidates", "searched", "curves", "trials", "knowledge", "notes"}


class Augmented(BaseModel):
    """What rows made by one method, or several ("noise+oversample"), do to a probe.

    `before` and `after` are its scores on validation, `ci` the interval of their difference;
    `gain` is the difference, turned round where lower is better; `measured` names the score.
    """

    model_config = ConfigDict(frozen=True)

    method: str
    rows: int = 0
    before: float = 0.0
    after: float = 0.0
    gain: float = 0.0
    ci: tuple[float, float] = (0.0, 0.0)
    pays: bool = False
    measured: str = ""


class Outcome(BaseModel):
    """What a job leaves in its artifact as outcome.json; folders are relative to it."""

    candidates: tuple[Candidate, ...] = ()
    curves: tuple[Curve, ...] = ()
    trials: tuple[TrialRecord, ...] = ()
    base_ranking: tuple[RankedBase, ...] = ()
    augmented: tuple[Augmented, ...] = ()
    knowledge: tuple[KnowledgeUse, ...] = ()
    suspect_labels: tuple[int, ...] = ()
    suspects_pay: bool = False
    frozen_seconds: float = 0.0
    answer_seconds: float = 0.0
    notes: tuple[str, ...] = ()
    test_scores: dict[str, dict[str, float]] = {}
    seconds: float = 0.0
    device: str = Field(default="", description="cpu, cuda or mps, where torch computed")


class JobProgress(BaseModel):
    """One line of a job's progress.

    Attributes:
        share: 0..1 of the whole job.
        text: What it is doing, in a few words.
        loss, best: Of training; `best` is the validation value so far.
        rate: Rows per second.
        reused_job: Key of a job whose result was there already; it had taken
            `reused_seconds`.
    """

    share: float
    text: str
    loss: float | None = None
    best: float | None = None
    rate: float | None = None
    reused_job: str | None = None
    reused_seconds: float = 0.0


OnProgress = Callable[[JobProgress], None]


def best_candidate(
    candidates: Sequence[Candidate], badness: Callable[[dict[str, float]], tuple[float, ...]]
) -> Candidate | None:
    """The candidate whose validation scores are least bad; the earlier, cheaper one on a tie."""
    return min(candidates, key=lambda c: badness(c.validation), default=None)
