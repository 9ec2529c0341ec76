"""Why a model answers as it does: attributions, near training rows, and the rules that fired."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydantic import BaseModel, ConfigDict

from ...memory.workspace import Workspace
from ..datasets.types import Split
from ..deployment.model import Model
from ..guardrails.checks import neutralise
from ..tasks.headed import HeadedTask
from ..tasks.task import Answer, public
from .attributed import Attribution, fields_of
from .heads import head_attributions
from .nearest import Neighbour, nearest, trained_rows
from .spans import answer_attributions, span_attributions

NEAR_TEXT = 300
States = Callable[[Split], Any]
_RULE = {
    "majority": "It gives the most frequent answer whatever the text says: no word counts.",
    "no_answer": "It always says that there is no answer: no word counts.",
    "lexicon": "It looks each word up among the training rows' entities: words, no weights.",
    "best_sentence": "It gives the sentence that shares most of the question's words.",
}


class ModelExplanation(BaseModel):
    """A model's answer to one row, and where it comes from."""

    model_config = ConfigDict(frozen=True)

    model: str
    task: str
    strategy: str
    run: str
    data_hash: str
    answer: dict[str, Any]
    shown: str
    fields: tuple[tuple[str, str], ...]
    attributions: tuple[Attribution, ...] = ()
    nearest: tuple[Neighbour, ...] = ()
    nearest_note: str = ""
    path: tuple[Any, ...] = ()
    rules: tuple[dict[str, Any], ...] = ()
    notes: tuple[str, ...] = ()


def explain_answer(
    model: Model, split: Split, workspace: Workspace | None, progress: Any = None
) -> ModelExplanation:
    """Explain the answer to one row.

    Args:
        split: One row, as `task.ask` gives it.
        workspace: Where the model's run may be found.
        progress: Called with (done, all) while training rows are embedded.

    Raises:
        ModelError, BaseModelError, DatasetError: The model or the row is at fault.
    """
    card, task = model.card, model.task
    if model.guard is not None:
        split = model.guard(task, split).split
    if isinstance(task, HeadedTask):
        split = task.completed(split, card)
    (answer,) = model.answers(split, prepared=True)
    attributions, states, notes = _attributed(model, split, answer, progress)
    found, note = _nearest(model, split, answer, workspace, states)
    return ModelExplanation(
        model=str(model.folder),
        task=card.task,
        strategy=card.strategy,
        run=card.run,
        data_hash=card.data_hash,
        answer=public(answer),
        shown=task.shown(answer),
        fields=tuple(fields_of(split)),
        attributions=tuple(attributions),
        nearest=tuple(found),
        nearest_note=note,
        path=tuple(answer.get("path") or ()),
        rules=tuple(answer.get("_rules") or ()),
        notes=tuple(notes),
    )


def _attributed(
    model: Model, split: Split, answer: Answer, progress: Any
) -> tuple[list[Attribution], States | None, list[str]]:
    """The attributions that a kind of model has, what gives the state of rows, and remarks."""
    card, task = model.card, model.task
    notes: list[str] = ["Personal data was masked, as in training."] if card.masked else []
    attributions: list[Attribution] = []
    states: States | None = None
    if card.strategy in _RULE:
        notes.append(_RULE[card.strategy])
    elif card.task == "token-classification":
        attributions, states = span_attributions(card, model.folder, split, answer, progress)
        if not attributions:
            notes.append("No entity was found, so there is no score to attribute.")
    elif card.task == "question-answering":
        attributions, states = answer_attributions(card, model.folder, split, answer, progress)
        if not attributions:
            notes.append("No answer was found, so there is no span to attribute.")
    elif card.task == "text-classification" or isinstance(task, HeadedTask):
        attributions, states = head_attributions(model, split, answer, progress)
    else:
        notes.append(
            f"Attributions for {card.task} are not supported: it writes text, and no one score "
            "stands for its answer."
        )
    if any(not a.complete for a in attributions):
        notes.append("Some attributions do not add up within the tolerance: take them with care.")
    return attributions, states, notes


def _nearest(
    model: Model,
    split: Split,
    answer: Answer,
    workspace: Workspace | None,
    states: States | None,
) -> tuple[list[Neighbour], str]:
    if states is None:
        return [], "Near training rows are not looked up for this kind of model."
    asked = split
    if "index" in answer and split.rows:  # the state of the choice that was made
        row = {**split.rows[0], "answer": answer["index"]}
        asked = Split(split.texts, split.labels, split.ids, split.places, (row,))
    trained = trained_rows(model.card, workspace)
    if trained.rows is None:
        return [], trained.note
    query = states(asked)[[0]]
    found, note = nearest(query, trained, model.card, model.folder, states, model.task.gold)
    shown = [
        n.model_copy(
            update={"text": neutralise(n.text, NEAR_TEXT), "label": neutralise(n.label, NEAR_TEXT)}
        )
        for n in found
    ]
    return shown, note
