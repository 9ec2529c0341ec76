"""What is wrong with a controller: pure rules over its answers and over what came of them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from langchain_core.messages import AIMessage

from ..evals.result import Step

MOST_CORRECTIONS = 2  # told what is wrong this often, then the planner takes over
REFUSED_ROUNDS = 2  # in a row with nothing let through: worth a word
IDLE_STEPS = 8  # in a row that neither changed the data nor made a candidate
MOST_CALLS = 8  # of one answer; more is babble
MOST_CHARACTERS = 20_000  # of one answer, its arguments among them
PRODUCTIVE = {
    "clean_dataset",
    "mask_personal_data",
    "rank_base_models",
    "augment_dataset",
    "probe_baselines",
    "fine_tune",
    "blend_candidates",
    "apply_knowledge",
    "search_hyperparameters",
}
EXAMPLE = 'call the tool fine_tune with {"strategy": "top_layers"}'
_SECRET = re.compile(r"(?i)\b(?:sk|key|bearer|token|api)[-_ ]?[\w.-]{8,}|://[^/\s@]+@")


class ControllerFailed(Exception):
    """The controller gave no answer that can be used; the message says why, in a line."""


def complaint(*, refused: int, steps: Sequence[Step]) -> str | None:
    """Say what a controller does wrong; None while it does well enough.

    Args:
        refused: Rounds in a row in which nothing it asked for was let through.
        steps: All so far, oldest first.
    """
    if refused >= REFUSED_ROUNDS:
        return f"nothing of your last {refused} answers could be used"
    idle = idle_steps(steps)
    if idle >= IDLE_STEPS:
        return f"your last {idle} steps neither changed the data nor made a candidate"
    return None


def corrections_now(wrong: str | None, *, before: int, refused: int, steps: Sequence[Step]) -> int:
    """Count the corrections that nothing good has followed, one that is due now among them.

    Args:
        wrong: What is to be said now, if anything.
        before: The count so far.
        refused: Rounds in a row in which nothing was let through.
        steps: All so far, oldest first.
    """
    if wrong is not None:
        return before + 1
    mended = refused == 0 and idle_steps(steps) < IDLE_STEPS
    return 0 if mended else before


def idle_steps(steps: Sequence[Step]) -> int:
    """Count the steps since the last that changed the data or made a candidate."""
    for back, step in enumerate(reversed(steps)):
        if step.ok and step.tool in PRODUCTIVE:
            return back
    return len(steps)


def correction(what: str) -> str:
    """Tell the controller, with a call that would do."""
    return (
        f"This does not work: {what}. Answer with one tool call, its arguments valid JSON of "
        f"its schema; for example {EXAMPLE}. Call finish when nothing is worth its cost."
    )


def unusable(answer: AIMessage) -> str | None:
    """Say why an answer cannot even go to the gate; None when it can."""
    calls = [*answer.tool_calls, *answer.invalid_tool_calls]
    if len(calls) > MOST_CALLS:
        return f"{len(calls)} calls in one answer; {MOST_CALLS} are allowed"
    size = len(str(answer.text)) + sum(len(str(c.get("args"))) for c in calls)
    if size > MOST_CHARACTERS:
        return f"an answer of {size:,} characters; {MOST_CHARACTERS:,} are allowed"
    if not calls:
        return "no tool was called"
    return None


def quits_early(*, share_used: float | None, untried: bool, targets: bool) -> bool:
    """Tell whether a wish to finish leaves most of the time unused with targets unmet.

    Args:
        share_used: Of the time budget, 0..1; None without a limit.
        untried: Something known is left to try and fits the time.
        targets: Some were given.
    """
    return targets and untried and share_used is not None and share_used < 0.5


def one_line(error: BaseException) -> str:
    """An exception's kind and first line, without what may be a secret."""
    lines = str(error).strip().splitlines() or [""]
    words = _SECRET.sub("[secret]", lines[0])[:200]
    kind = type(error).__name__
    return words if isinstance(error, ControllerFailed) else f"{kind}: {words}".rstrip(": ")
