"""Runs in their workspace: made, looked up, read."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ..evals.result import RunStory
from ..memory.errors import StoreError
from ..memory.ledger import Ledger
from ..memory.redaction import redacted
from ..memory.workspace import Workspace, open_workspace
from ..tools.datasets.odd import ODD_TEST
from ..tools.datasets.splits import split_bytes, write_split
from ..tools.datasets.types import Split
from ..tools.fusion.files import DOMAIN_FILE, read_files, write_domain
from ..tools.guardrails.masking import DataGuard
from ..tools.guardrails.run_rows import guard_of
from ..tools.reporting.html import restore_json
from ..tools.tasks import find_task
from ..tools.training.score import ODD_FILE
from .plan import Plan
from .spec import RunSpec, SpecError


@dataclass(frozen=True)
class Run:
    """A run in its workspace."""

    name: str
    spec: RunSpec
    workspace: Workspace

    @property
    def folder(self) -> Path:
        """The run's own folder."""
        return self.workspace.run_folder(self.name)

    @property
    def out(self) -> Path:
        """Where model and report go."""
        return Path(self.spec.out) if self.spec.out else self.folder


def create_run(plan: Plan) -> Run:
    """Make the run's folder and its place in the ledger.

    Raises:
        UserError, StoreError: A folder cannot be made.
    """
    spec = plan.spec.model_copy(update={"task": plan.raw.task})
    if spec.out is not None:
        spec = spec.model_copy(update={"out": str(_make_out(Path(spec.out)))})
    if spec.names:
        spec = spec.model_copy(update={"names": str(Path(spec.names).resolve())})
    if spec.rules:  # found again from wherever the run is resumed
        brought = tuple(str(Path(k).resolve()) for k in spec.rules)
        spec = spec.model_copy(update={"rules": brought})
    workspace = open_workspace(Path(spec.workspace))
    now = datetime.now(UTC)
    stem = Path(spec.data).resolve().stem
    name = workspace.new_run_name(stem, now.astimezone(), secrets.token_hex(8))
    run = Run(name, spec, workspace)
    ledger = Ledger(workspace.ledger)
    ledger.start_run(name, spec.model_dump(mode="json"))
    if plan.spec.task != plan.raw.task:
        ledger.keep(name, "inferred", plan.raw.guesses[0])
    ledger.set_limit(name, "seconds", spec.seconds())
    ledger.set_limit(name, "trials", spec.max_trials)
    ledger.set_limit(name, "tokens", spec.max_tokens)
    ledger.set_limit(name, "usd", spec.max_cost)
    ledger.set_limit(name, "gpu_seconds", spec.gpu_seconds())
    ledger.keep_copy()
    if plan.odd:
        odd = _guarded(plan.odd, run)
        write_split(run.folder / ODD_FILE, odd["validation"])
        ledger.keep(name, ODD_TEST, split_bytes(odd["test"]).decode())
    if spec.knowledge:
        write_domain(run.folder / DOMAIN_FILE, read_files([Path(f) for f in spec.knowledge]))
    (run.folder / "spec.yaml").write_text(spec_yaml(spec), encoding="utf-8")
    return run


def data_guard(run: Run) -> DataGuard:
    """What becomes of personal data in a run's rows."""
    names = Path(run.spec.names) if run.spec.names else None
    return DataGuard(run.spec.personal_data, names, run.folder)


def _guarded(odd: dict[str, Split], run: Run) -> dict[str, Split]:
    """Rows out of the domain, masked as the run's own will be; none is left out."""
    if run.spec.personal_data == "report":
        return odd
    masks, task = guard_of(data_guard(run)), find_task(str(run.spec.task))
    return {name: masks(task, split).split for name, split in odd.items()}


def find_run(name: str, workspace_folder: Path) -> Run:
    """Look a run up by its name or a unique beginning of it.

    Raises:
        StoreError: No such run.
    """
    if not workspace_folder.is_dir():
        raise StoreError(f"There is no workspace {workspace_folder}; name it with --workspace.")
    workspace = open_workspace(workspace_folder)
    folder = workspace.find_run(name)
    row = Ledger(workspace.ledger).run(folder.name)
    return Run(folder.name, RunSpec.model_validate(row.spec), workspace)


def read_story(run: Run) -> RunStory:
    """Read what the report shows.

    Raises:
        StoreError: The run has no report yet.
    """
    kept = Ledger(run.workspace.ledger).kept(run.name, "story")
    if kept is None:
        raise StoreError(f"run {run.name} has no report yet; go on with: tuneos resume {run.name}")
    story = RunStory.model_validate_json(kept)
    restore_json(story, run.out)
    return story


def _make_out(folder: Path) -> Path:
    """Make the folder; its full path, so that `resume` from elsewhere finds it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SpecError(f"--out {folder}: cannot be made: {error.strerror}") from error
    return folder.resolve()


def spec_yaml(spec: RunSpec) -> str:
    """The run as a file."""
    import yaml

    said = redacted(spec.model_dump(mode="json", exclude_none=True))
    return str(yaml.safe_dump(said, sort_keys=False, allow_unicode=True))
