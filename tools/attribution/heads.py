"""Attributions under a linear head over pooled sequences: of one model, or of a blend together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...evals.metrics import FloatArray
from ..datasets.types import Split
from ..deployment.model import Model
from ..deployment.saved import PARTS, SavedModel, read_card, read_head
from ..tasks.headed import HeadedTask
from ..tasks.task import Answer
from ..training.inputs import Inputs, Texts
from .attributed import Attribution, by_gradients, fields_of

MOST_LABELS = 3  # that are attributed, the likeliest


@dataclass(frozen=True)
class _Of:
    """One score to attribute: a mix of the outputs of one sequence."""

    what: str
    against: str | None
    sequence: int
    direction: FloatArray


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


def head_attributions(
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
            return by_gradients(of.what, of.against, words, rest, shares)
        from .terms import term_shares, terms_by_word

        text = self.inputs.words(split)[of.sequence]
        found = term_shares(self.folder, self.head, text, of.direction)
        fields = fields_of(split)
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
