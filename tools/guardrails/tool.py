"""The guardrail tool: is the data masked, and are a candidate's answers well formed?"""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from ..datasets.tool import current
from ..datasets.versions import load_version
from ..deployment.saved import read_card
from ..facts import Facts, OnProgress
from ..jobs.run import run_job
from ..tasks import find_task
from ..tool import Tool, ToolContext, ToolRefused, ToolResult
from .checks import GuardReport
from .personal_data import mask_texts


class CheckArguments(BaseModel):
    """Check that no personal data is left in the training texts.

    With a candidate, also that its answers are known labels with finite scores.
    """

    model_config = ConfigDict(extra="forbid")

    candidate: str | None = Field(None, max_length=80, description="also check its answers")


def _check(
    arguments: CheckArguments, context: ToolContext, facts: Facts, progress: OnProgress
) -> ToolResult:
    version = current(facts)
    train, validation = load_version(version)
    left = mask_texts(train.texts)
    report = GuardReport(checked=[f"{len(train):,} training texts"])
    if left.touched:
        report.violations.append(
            f"{len(left.touched)} training texts hold personal data; mask_personal_data masks it"
        )
    if arguments.candidate is not None:
        chosen = next((c for c in facts.candidates if c.name == arguments.candidate), None)
        if chosen is None:
            raise ToolRefused(f"no candidate {arguments.candidate!r}")
        from ..training.job_specs import make_spec

        models = ((chosen.name, chosen.folder),)
        spec = make_spec(
            "score", chosen.name, {"split": "validation"}, context, facts, models=models
        )
        done = run_job(spec, context.store, context.ledger, progress)
        said = (done.folder / f"{chosen.name}.jsonl").read_text(encoding="utf-8").split("\n")
        answers = [json.loads(line) for line in said if line]
        card = read_card(Path(chosen.folder))
        report.checked.append(f"{len(validation):,} answers of {chosen.name}")
        report.violations += find_task(card.task).faults(card, validation, answers)
    verdict = "; ".join(report.violations) or "nothing wrong"
    return ToolResult(f"Checked {', '.join(report.checked)}: {verdict}.")


CHECK_GUARDRAILS = Tool("check_guardrails", CheckArguments, _check)
