"""Why a model answers as it does: attributions, near training rows, and the rules that fired."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict

from ...evals.metrics import FloatArray
from ...memory.workspace import Workspace
from ..datasets.types import Split
from ..deployment.model import Model
from ..deployment.saved import PARTS, SavedModel, read_card, read_head
from ..guardrails.checks import neutralise
from ..tasks.headed import HeadedTask
from ..tasks.task import Answer, public
from ..training.inputs import Inputs, Texts
from .nearest import Neighbour, nearest, trained_rows
from .words import Word

MOST_SPANS, MOST_LABELS = 4, 3  # entities and labels that are attributed, the likeliest
NEAR_TEXT = 300
_RULE = {
    "majority": "It gives the most frequent answer whatever the text says: no word counts.",
    "no_answer": "It always says that there is no answer: no word counts.",
    "lexicon": "It looks each word up among the training rows' entities: words, no weights.",
    "best_sentence": "It gives the sentence that shares most of the question's words.",
}


class Attribution(BaseModel):
    """What each word adds to one score.

    Attributes:
        what: The label or span that the score is of; `against`: whom it is compared with.
        method: "exact" for a linear model over words, else "integrated gradients".
        score, baseline: With the text, and without any word.
        delta: Sum of all attributions less score minus baseline; within `tolerance` it counts
            as complete.
        rest: What falls to special pieces.
        terms: Terms that stand for no word of the text.
    """

    model_config = ConfigDict(frozen=True)

    what: str
    against: str | None = None
    method: str
    score: float
    baseline: float
    delta: float
    tolerance: float
    complete: bool
    steps: int = 0
    words: tuple[Word, ...]
    rest: float = 0.0
    terms: tuple[tuple[str, float], ...] = ()


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


@dataclass(frozen=True)
class _Of:
    """One score to attribute: a mix of the outputs of one sequence."""

    what: str
    against: str | None
    sequence: int
    direction: FloatArray


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
    if card.masked:
        from ..guardrails.personal_data import mask_split

        split = mask_split(split, task.maskable or ())
    if isinstance(task, HeadedTask):
        split = task.completed(split, card)
    (answer,) = model.answers(split, prepared=True)
    notes: list[str] = ["Personal data was masked, as in training."] if card.masked else []
    attributions: list[Attribution] = []
    states: Callable[[Split], Any] | None = None
    if card.strategy in _RULE:
        notes.append(_RULE[card.strategy])
    elif card.task == "token-classification":
        attributions, states = _spans(card, model.folder, split, answer, progress)
        if not attributions:
            notes.append("No entity was found, so there is no score to attribute.")
    elif card.task == "question-answering":
        attributions, states = _answer(card, model.folder, split, answer, progress)
        if not attributions:
            notes.append("No answer was found, so there is no span to attribute.")
    elif card.task == "text-classification" or isinstance(task, HeadedTask):
        attributions, states = _headed(model, split, answer, progress)
    else:
        notes.append(
            f"Attributions for {card.task} are not supported: it writes text, and no one score "
            "stands for its answer."
        )
    found, note = _nearest(model, split, answer, workspace, states)
    if any(not a.complete for a in attributions):
        notes.append("Some attributions do not add up within the tolerance: take them with care.")
    return ModelExplanation(
        model=str(model.folder),
        task=card.task,
        strategy=card.strategy,
        run=card.run,
        data_hash=card.data_hash,
        answer=public(answer),
        shown=task.shown(answer),
        fields=tuple(_fields(split)),
        attributions=tuple(attributions),
        nearest=tuple(found),
        nearest_note=note,
        path=tuple(answer.get("path") or ()),
        rules=tuple(answer.get("_rules") or ()),
        notes=tuple(notes),
    )


# ---- heads over pooled sequences


def inputs_of(model: Model) -> Inputs:
    """How a model with a head over pooled sequences reads its rows."""
    task = model.task
    return task.inputs(model.card.extra) if isinstance(task, HeadedTask) else Texts()


def outputs_of(model: Model) -> int:
    """Width of what its head gives."""
    task = model.task
    if isinstance(task, HeadedTask):
        return task.goal(model.card.labels, model.card.extra).width
    return len(model.card.labels)


def _headed(
    model: Model, split: Split, answer: Answer, progress: Any
) -> tuple[list[Attribution], Callable[[Split], Any] | None]:
    """Attributions under a linear head, of one model or of a blend's members together."""
    card, inputs, outputs = model.card, inputs_of(model), outputs_of(model)
    wanted = _wanted(card, answer, outputs)
    if card.encoder != "parts":
        member = _Member(card, model.folder, inputs, outputs)
        second = member.with_runner_up(split, wanted)
        return [member.attributed(split, w) for w in second], member.states(progress)
    folders = [(model.folder / PARTS / p.name, p.weight) for p in card.parts]
    members = [(_Member(read_card(f), f, inputs, outputs), w) for f, w in folders]
    blended = sum(w * m.logits(split) for m, w in members)
    ranked = [_against(w, np.asarray(blended), card.labels) for w in wanted]
    found = []
    for each in ranked:
        parts = [(m.attributed(split, each), w) for m, w in members]
        found.append(_mixed(parts))
    heaviest = max(members, key=lambda m: m[1])[0]
    return found, heaviest.states(progress)


class _Member:
    """One linear head: over tf-idf, or over an encoder."""

    def __init__(self, card: SavedModel, folder: Path, inputs: Inputs, outputs: int) -> None:
        self.card, self.folder, self.inputs = card, folder, inputs
        self.head = read_head(folder, outputs)
        self.encoder: Any = None
        if card.encoder != "none":
            from .encoders import HeadedScores

            self.encoder = HeadedScores(card, folder, inputs, outputs)

    def logits(self, split: Split) -> FloatArray:
        """(sequences, outputs)."""
        if self.encoder is not None:
            found: FloatArray = self.encoder.logits(split)
            return found
        from ..deployment.load import word_features

        features = word_features(self.folder, self.head)(self.inputs.words(split))
        return np.asarray(features @ self.head.weight.T + self.head.bias, np.float64)

    def with_runner_up(self, split: Split, wanted: list[_Of]) -> list[_Of]:
        logits = self.logits(split)
        return [_against(w, logits, self.card.labels) for w in wanted]

    def attributed(self, split: Split, of: _Of) -> Attribution:
        if self.encoder is not None:
            words, rest, shares = self.encoder.shares(split, of.sequence, of.direction)
            return _by_gradients(of.what, of.against, words, rest, shares)
        from .terms import term_shares, terms_by_word

        text = self.inputs.words(split)[of.sequence]
        found = term_shares(self.folder, self.head, text, of.direction)
        fields = _fields(split)
        if self.inputs.sides(split) and "choices" in (split.rows[0] if split.rows else {}):
            fields = [fields[0], fields[of.sequence + 1]]
        words, terms = terms_by_word(fields, found)
        total = sum(w.value for w in words) + sum(v for _, v in terms)
        delta = total - (found.score - found.bias)
        return Attribution(
            what=of.what,
            against=of.against,
            method="exact",
            score=found.score,
            baseline=found.bias,
            delta=delta,
            tolerance=1e-6,
            complete=abs(delta) <= 1e-6,
            words=tuple(words),
            terms=tuple(terms),
        )

    def states(self, progress: Any) -> Callable[[Split], Any]:
        """What the head sees of rows; one state a row, that of its right sequence."""
        from ..deployment.load import word_features

        inputs = self.inputs

        def found(split: Split) -> Any:
            if self.encoder is not None:
                every: Any = self.encoder.states(split, progress)
            else:
                every = word_features(self.folder, self.head)(inputs.words(split))
            starts = np.concatenate([[0], np.cumsum(inputs.sizes(split))[:-1]]).astype(np.int64)
            right = [int(r.get("answer") or 0) if "choices" in r else 0 for r in split.rows]
            return every[starts + np.array(right or [0] * len(starts), np.int64)]

        return found


def _wanted(card: SavedModel, answer: Answer, outputs: int) -> list[_Of]:
    """The scores that stand for an answer."""
    one = np.eye(outputs)
    if "labels" in answer and "label" not in answer:
        chances = answer.get("_probabilities")
        order: list[int] = [] if chances is None else np.argsort(-np.asarray(chances)).tolist()
        named = [card.labels.index(x) for x in answer["labels"] if x in card.labels]
        ranked = [i for i in order if i in named] or named or order[:1]
        return [_Of(card.labels[i], None, 0, one[i]) for i in ranked[:MOST_LABELS]]
    if "choice" in answer:
        return [_Of(str(answer["choice"]), None, int(answer["index"]), one[0])]
    if "label" in answer and answer["label"] in card.labels and outputs > 1:
        return [_Of(str(answer["label"]), "?", 0, one[card.labels.index(answer["label"])])]
    if "relation" in answer and answer["relation"] in card.labels:
        return [_Of(answer["relation"], "?", 0, one[card.labels.index(answer["relation"])])]
    return [_Of("score", None, 0, one[0])]


def _against(of: _Of, logits: FloatArray, labels: tuple[str, ...]) -> _Of:
    """Compare a label with the likeliest other one: what all labels gain says nothing."""
    if of.against is None or logits.shape[1] < 2:
        return of
    own = int(of.direction.argmax())
    rest = logits[of.sequence].copy()
    rest[own] = -np.inf
    other = int(rest.argmax())
    direction = of.direction.copy()
    direction[other] = -1.0
    return _Of(of.what, labels[other], of.sequence, direction)


def _mixed(parts: list[tuple[Attribution, float]]) -> Attribution:
    """Attributions of a weighted product of opinions: the weighted sum of its members'."""
    first = parts[0][0]
    words = [
        word.model_copy(update={"value": sum(w * a.words[i].value for a, w in parts)})
        for i, word in enumerate(first.words)
    ]
    return Attribution(
        what=first.what,
        against=first.against,
        method=" + ".join(dict.fromkeys(a.method for a, _ in parts)) + ", blended",
        score=sum(w * a.score for a, w in parts),
        baseline=sum(w * a.baseline for a, w in parts),
        delta=sum(w * a.delta for a, w in parts),
        tolerance=sum(w * a.tolerance for a, w in parts),
        complete=all(a.complete for a, _ in parts),
        steps=max(a.steps for a, _ in parts),
        words=tuple(words),
        rest=sum(w * a.rest for a, w in parts),
        terms=tuple((t, w * v) for a, w in parts for t, v in a.terms),
    )


def _by_gradients(
    what: str, against: str | None, words: list[Word], rest: float, shares: Any
) -> Attribution:
    return Attribution(
        what=what,
        against=against,
        method="integrated gradients",
        score=shares.score,
        baseline=shares.baseline,
        delta=shares.delta,
        tolerance=shares.tolerance,
        complete=shares.complete,
        steps=shares.steps,
        words=tuple(words),
        rest=rest,
    )


# ---- words and spans


def _spans(
    card: SavedModel, folder: Path, split: Split, answer: Answer, progress: Any
) -> tuple[list[Attribution], Callable[[Split], Any]]:
    from .encoders import load_explained, tag_shares

    encoder = load_explained(card, folder)
    found = []
    for span in sorted(answer["spans"], key=lambda s: -s["score"])[:MOST_SPANS]:
        shares = tag_shares(card, folder, encoder, split.rows[0], span)
        found.append(_by_gradients(f"{span['text']} ({span['label']})", "O", *shares))
    return found, _text_states(encoder, card, progress)


def _answer(
    card: SavedModel, folder: Path, split: Split, answer: Answer, progress: Any
) -> tuple[list[Attribution], Callable[[Split], Any]]:
    from .encoders import answer_shares, load_explained

    encoder = load_explained(card, folder)
    found = []
    if answer["start"] is not None:
        shares = answer_shares(card, folder, encoder, split.rows[0], answer)
        found.append(_by_gradients(str(answer["answer"]), "no answer", *shares))
    return found, _text_states(encoder, card, progress)


def _text_states(encoder: Any, card: SavedModel, progress: Any) -> Callable[[Split], Any]:
    """The mean state of each row's text."""
    from ..training.hardware import pick_device
    from ..training.headed import pooled_states

    def found(split: Split) -> FloatArray:
        sequences = Texts().sequences(encoder.tokenizer, split, card.max_length)
        states = pooled_states(encoder.core, sequences, pick_device(), progress)
        encoder.core.cpu()
        return np.asarray(states, np.float64)

    return found


# ---- rows


def _nearest(
    model: Model,
    split: Split,
    answer: Answer,
    workspace: Workspace | None,
    states: Callable[[Split], Any] | None,
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


def _fields(split: Split) -> list[tuple[str, str]]:
    """The texts of the one row, by field."""
    row = split.rows[0] if split.rows else {}
    if "choices" in row:
        choices = [(f"choice {i}", c) for i, c in enumerate(row["choices"], 1)]
        return [("question", row["question"]), *choices]
    for names in (("first", "second"), ("question", "context"), ("text",)):
        if all(isinstance(row.get(n), str) for n in names):
            return [(n, row[n]) for n in names]
    return [("text", split.texts[0])]
