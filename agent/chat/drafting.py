"""What a request sets in the draft of a run, and the draft in words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ...evals.targets import parse_target
from ...memory.validation import check_file
from ..spec import parse_duration
from .conversation import Draft
from .quantities import written
from .requests import (
    AnyRequest,
    DropTargets,
    SetBudget,
    SetKnowledge,
    SetTargets,
    UseData,
)


def draft_words(draft: Draft) -> str:
    """A draft in a line."""
    goal = " and ".join(draft.targets) or "the best macro F1 (no target yet)"
    parts = [
        f"data {draft.data or 'not named yet'}",
        f"goal {goal}",
        f"budget {draft.budget or 'no limit'}",
    ]
    if draft.text or draft.label:
        parts.append(f"columns {draft.text or '?'} → {draft.label or '?'}")
    if draft.base_model != "builtin:minilm":
        parts.append(f"base model {draft.base_model}")
    if draft.knowledge:
        parts.append(f"knowledge {' and '.join(draft.knowledge)}")
    if draft.seed:
        parts.append(f"seed {draft.seed}")
    return f"{'; '.join(parts)}."


def meant(request: AnyRequest, standing: dict[str, Any]) -> dict[str, Any]:
    """The fields of a draft that a request sets, given how it stands.

    Raises:
        UserError, TargetError: It cannot be.
    """
    if isinstance(request, UseData):
        path = Path(request.data).expanduser()
        if not path.exists():
            from ...tools.datasets.locate import locate

            locate(path)  # says what is wrong and what is near
        return {"data": str(path), "text": None, "label": None}
    if isinstance(request, SetKnowledge):
        if request.file is None:
            return {"knowledge": ()}
        path = Path(request.file).expanduser()
        check_file(path)
        return {"knowledge": tuple(dict.fromkeys([*standing["knowledge"], str(path)]))}
    if isinstance(request, SetTargets):
        new = {parse_target(t).metric: str(parse_target(t)) for t in request.targets}
        old = () if request.only else standing["targets"]
        return {"targets": tuple({**{parse_target(t).metric: t for t in old}, **new}.values())}
    if isinstance(request, DropTargets):
        kept = [t for t in standing["targets"] if parse_target(t).metric != request.metric]
        return {"targets": tuple(kept) if request.metric else ()}
    if isinstance(request, SetBudget):
        before = standing["budget"] if request.more else None
        if request.seconds is None or (request.more and before is None):
            return {"budget": None}
        return {"budget": written(request.seconds + (parse_duration(before) if before else 0.0))}
    return request.model_dump(exclude={"kind"}, exclude_none=True)
