"""What a run is asked to do: from flags, from a run file, or both."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from ..evals.targets import Target, parse_target
from ..tools.errors import UserError
from ..tools.guardrails.network import host_of

_DURATION = re.compile(r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s?)?")


class SpecError(UserError):
    """A run file or a flag that cannot be used."""


class RunSpec(BaseModel):
    """A run as a file ("Model as Code"): this, the data and the seed give the model again.

    Attributes:
        data: A file, or a folder with train.* and perhaps validation.* and test.*.
        base_model: One or several, each a reference or a folder of model folders; several
            are ranked without training, and the best is tuned.
        translators: Two translation models, into another language and back, for new rows by
            back-translation; folders or Hub names.
        targets: "macro_f1>=0.90"; all must hold.
        budget: "30m", "1h30m", "90s"; None means no limit.
        personal_data: What becomes of personal data in every split before anything learns
            from it: masked, replaced by stand-ins, its rows left out, or only told. None: the
            agent masks texts that nothing points into. Secrets go in any case but "report".
        names: A token-classification model that finds names as well.
        max_trials: Search trials at most; None means no limit.
        max_tokens: Tokens that an LLM controller may read and write in all.
        max_cost: US dollars for an LLM controller; needs `llm_price`.
        no_memory: Begin without what earlier runs in the workspace learned.
        strict: Refuse rows that would be repaired, such as an I- without its B-.
        max_gpu: Time on a GPU, written as `budget` is.
        llm: "provider:model", a URL or "local:PATH"; None means the rule-based planner.
        llm_model: Name of the model behind a URL.
        llm_price: "IN/OUT", US dollars for a million tokens read and written.
        approve: "auto" lets every step go on that the gate admits; "ask" waits for a
            person before costly ones; "never" refuses these. None: "ask" where there
            is somebody to ask, else "auto".
        policy: YAML file that says which steps need a person.
        ood: File of rows that the model should not answer; halves serve validation and test.
            Without it, `ood.*` and `test_ood.*` in the data folder.
        slices: Columns by whose values figures are also given; `min_slice(METRIC)` in a target
            means the worst of them, or of length and language where none is named.
        clean: Kinds of rows to be removed from train where there are any, beside what cleaning
            always removes: near-duplicates, triggers, outliers.
        allow_hosts: Hosts that the run may reach, beside the one of its LLM; exact names.
        knowledge: Files of domain knowledge for this run alone, as `tuneos kg load` takes
            them; they are used beside what the workspace was loaded with.
        rules: Turtle files, or folders of them, with recipes, rules and facts of one's
            own, for this run (docs/rules.md).
        licence: Of the data, such as "cc-by-nc-4.0"; read from its folder if left out.
        use: What the model is for, as far as licences of data distinguish it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    data: str
    task: str | None = None
    text: str | None = None
    label: str | None = None
    strict: bool = False
    no_memory: bool = False
    base_model: str | tuple[str, ...] = "builtin:minilm"
    translators: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    budget: str | None = None
    personal_data: Literal["mask", "pseudonymise", "drop", "report"] | None = None
    names: str | None = None
    max_trials: int | None = Field(None, ge=0)
    max_tokens: int | None = Field(None, gt=0)
    max_cost: float | None = Field(None, gt=0)
    max_gpu: str | None = None
    llm: str | None = None
    llm_model: str | None = None
    llm_price: str | None = None
    approve: Literal["auto", "ask", "never"] | None = None
    policy: str | None = None
    ood: str | None = None
    slices: tuple[str, ...] = ()
    clean: tuple[Literal["near-duplicates", "triggers", "outliers"], ...] = ()
    allow_hosts: tuple[str, ...] = ()
    knowledge: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    licence: str | None = Field(None, max_length=80)
    use: Literal["commercial", "research", "share", "private"] | None = None
    seed: int = Field(0, ge=0, lt=2**31)
    workspace: str = ".tuneos"
    out: str | None = None

    @field_validator("allow_hosts", mode="before")
    @classmethod
    def _hosts(cls, value: object) -> object:
        said = (value,) if isinstance(value, str) else value
        return tuple(host_of(str(h)) for h in said) if isinstance(said, (list, tuple)) else said

    @field_validator("clean", mode="before")
    @classmethod
    def _kinds(cls, value: object) -> object:
        said = (value,) if isinstance(value, str) else value
        if not isinstance(said, (list, tuple)):
            return said
        kinds = [k.strip().replace("_", "-") for part in said for k in str(part).split(",")]
        return tuple(dict.fromkeys(kinds))

    @field_validator("targets", "slices", "knowledge", "rules", mode="before")
    @classmethod
    def _one_or_many(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value

    @field_validator("budget", "max_gpu", mode="before")
    @classmethod
    def _seconds_too(cls, value: object) -> object:
        return f"{value}s" if isinstance(value, (int, float)) else value

    @field_validator("base_model", mode="after")
    @classmethod
    def _plain_where_one(cls, value: str | tuple[str, ...]) -> str | tuple[str, ...]:
        if not value:
            raise ValueError("name at least one base model")
        return value[0] if isinstance(value, tuple) and len(value) == 1 else value

    @property
    def base_models(self) -> tuple[str, ...]:
        """Every base model that was given."""
        return (self.base_model,) if isinstance(self.base_model, str) else self.base_model

    def parsed_targets(self) -> tuple[Target, ...]:
        """The targets, read.

        Raises:
            TargetError: One of them cannot be.
        """
        return tuple(parse_target(t) for t in self.targets)

    def seconds(self) -> float | None:
        """The time budget in seconds.

        Raises:
            SpecError: It cannot be read.
        """
        return None if self.budget is None else parse_duration(self.budget)

    def gpu_seconds(self) -> float | None:
        """The budget of GPU time in seconds.

        Raises:
            SpecError: It cannot be read.
        """
        return None if self.max_gpu is None else parse_duration(self.max_gpu)

    def price(self) -> tuple[float, float] | None:
        """US dollars for a million tokens read, and for a million written.

        Raises:
            SpecError: It cannot be read, or a budget in money has no price to go by.
        """
        if self.llm_price is None:
            if self.max_cost is not None and self.llm is not None:
                raise SpecError("max_cost: say what tokens cost, such as --llm-price 2.50/10")
            return None
        try:
            read, written = (float(part) for part in self.llm_price.split("/"))
        except ValueError:
            read = written = -1.0
        if not (0 <= read < math.inf and 0 <= written < math.inf):
            raise SpecError(
                f"llm_price {self.llm_price!r}: write dollars for a million tokens "
                "read and written as IN/OUT, such as 2.50/10"
            )
        return read, written


def parse_duration(text: str) -> float:
    """Read "30m", "1h30m", "90s" or "90" (seconds).

    Raises:
        SpecError: Not a duration, or not above zero.
    """
    match = _DURATION.fullmatch(text.strip().lower().replace(" ", ""))
    parts = [float(p) if p else 0.0 for p in match.groups()] if match else []
    seconds = sum(p * unit for p, unit in zip(parts, (3600, 60, 1), strict=True)) if parts else 0
    if seconds <= 0:
        raise SpecError(f"budget {text!r}: write it as 30m, 1h30m or 90s, above zero")
    return seconds


def read_run_file(path: Path, flags: Mapping[str, Any]) -> RunSpec:
    """Read a run file; flags that were given override it.

    Paths in the file are relative to the file.

    Raises:
        SpecError: Not YAML, or it says something that cannot be.
    """
    try:
        said = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        first = str(error).strip().splitlines()[0]
        raise SpecError(f"run file {path}: cannot be read as YAML: {first}") from error
    if not isinstance(said, dict):
        raise SpecError(f"run file {path}: must be a mapping with at least `data:`")
    for name in ("data", "workspace", "out", "policy", "ood", "names"):
        if isinstance(said.get(name), str):
            said[name] = str(path.parent / Path(said[name]).expanduser())
    for name in ("knowledge", "rules"):
        brought = said.get(name)
        if isinstance(brought, (str, list)):
            listed = [brought] if isinstance(brought, str) else brought
            said[name] = [str(path.parent / Path(str(k)).expanduser()) for k in listed]
    if isinstance(said.get("translators"), list):
        beside = ((ref, path.parent / Path(str(ref)).expanduser()) for ref in said["translators"])
        said["translators"] = [str(there) if there.is_dir() else ref for ref, there in beside]
    return make_spec({**said, **flags}, f"run file {path}")


def make_spec(said: Mapping[str, Any], where: str) -> RunSpec:
    """Check what was said.

    Raises:
        SpecError: An unknown name or a value that cannot be.
    """
    try:
        return RunSpec.model_validate(said)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(p) for p in first["loc"])
        known = ", ".join(RunSpec.model_fields)
        hint = f"; known: {known}" if first["type"] == "extra_forbidden" else ""
        raise SpecError(f"{where}: {name}: {first['msg']}{hint}") from error
