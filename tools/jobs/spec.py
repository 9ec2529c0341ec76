"""What a job does, as plain data: its hash is the job's name."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from ..facts import Setting
from ..guardrails.masking import Masking

JobKind = Literal[
    "probe", "fine_tune", "blend", "search", "score", "rank", "augment", "knowledge", "anomaly"
]
CODE = 8  # raise when an engine changes what the same description produces


class JobSpec(BaseModel):
    """A job's full description.

    `what` determines the result and is hashed; the rest says where things lie and
    how long the job may take, and is not.
    """

    model_config = ConfigDict(frozen=True)

    class What(BaseModel):
        """Everything that determines the result."""

        model_config = ConfigDict(frozen=True)

        kind: JobKind
        data: str = Field(description="key of the data version")
        task: str
        base_model: str
        base_digest: str
        metric: str = Field(description="what early stopping and the search look at")
        measured: tuple[str, ...] = Field(
            default=(), description="what only a target makes it: latency_p95_ms, pass_at_5"
        )
        settings: dict[str, Setting] = {}
        space: tuple[dict[str, object], ...] = ()
        first_trials: tuple[dict[str, Setting], ...] = ()
        trials: int = 0
        parallel: int = Field(
            default=1, description="search: each trial is drawn without the results of the others"
        )
        seed: int = 0
        models: tuple[tuple[str, str], ...] = Field(
            default=(),
            description="score: (name, folder) of the models; rank: (base model, digest)",
        )
        odd: str = Field(default="", description="digest of the rows out of the domain")
        code: int = CODE

    what: What
    name: str = Field(description="of the candidate it makes, or of the step")
    data_folder: str
    data_name: str = ""
    data_hash: str = ""
    masked: bool = False
    masking: Masking | None = None
    run: str = ""
    cache: str = Field(description="folder for tokens and embeddings that later jobs reuse")
    studies: str = ""
    checkpoints: str = Field(
        default="", description="folder for what lets a job that was cut off go on"
    )
    held_out: tuple[str, ...] = Field(
        default=(),
        description="`copy_keys` of the texts that train must not get, where rows are made",
    )
    knowledge: str = Field(
        default="", description="file of what the domain graph says; its digest is a setting"
    )
    odd: str = Field(default="", description="file of rows out of the domain, for validation")
    seconds: float | None = Field(default=None, description="time it may take; None: no limit")
    answering: float = Field(
        default=0.0,
        description="seconds of it that writing the answers on validation takes, after training",
    )
    workers: int = 1
