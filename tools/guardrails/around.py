"""Guards around a model's answers: each answer is looked at, and mended, emptied or refused."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from ..datasets.types import Split
from ..tasks.task import Answer
from .chosen import BUILT_IN, Chosen, GuardError
from .guards import Verdict, ask, guard_of

ASKED_AGAIN = 2  # times, at most
MOST_KEPT = 10_000  # verdicts that are remembered
Place = tuple[str, int | None]  # field of an answer, and position in its list
Again = Callable[[Split], list[Answer]]  # the model itself, asked about rows


class Around:
    """The guards that were chosen, ready.

    What a guard looks at: `label` the label or labels, `span` every span of the row's text,
    the others every text that the model wrote; your own the labels where it writes none.
    """

    def __init__(self, chosen: Sequence[Chosen]) -> None:
        self.chosen = tuple(chosen)
        self._guards = [guard_of(c.validator(on_fail="fix")) for c in self.chosen]
        self._verdicts: dict[tuple[int, str, str], Verdict] = {}

    def __call__(
        self, split: Split, answers: Sequence[Answer], labels: Sequence[str], again: Again
    ) -> list[Answer]:
        """Look at n answers; those that a guard objects to get `guard`, a line for each.

        Args:
            split: The rows.
            answers: Of the model; not modified.
            labels: Of the model.
            again: Asks the model once more.

        Raises:
            GuardError: A guard with the action "exception" objects.
        """
        return [
            self._one(split.take([row]), answer, labels, again)
            for row, answer in enumerate(answers)
        ]

    def _one(self, row: Split, answer: Answer, labels: Sequence[str], again: Again) -> Answer:
        said: list[dict[str, str]] = []
        for number, chosen in enumerate(self.chosen):
            failures = self._apply(number, row, answer, labels)
            for _ in range(ASKED_AGAIN if chosen.action == "reask" and failures else 0):
                answer = again(_told(row, failures[0][1]))[0]
                failures = self._apply(number, row, answer, labels)
                if not failures:
                    said.append({"name": chosen.name, "action": "reask", "why": "mended"})
                    break
            if failures and chosen.action == "exception":
                raise GuardError(f"{row.places[0]}: {chosen.name}: the answer {failures[0][1]}")
            for place, why, fixed in failures:
                mended = fixed if chosen.action == "fix" else None
                answer = _put(answer, place, mended)
                done = "fix" if mended is not None else "refrain"
                said.append({"name": chosen.name, "action": done, "why": why})
        return {**_without_gaps(answer), "guard": said} if said else answer

    def _apply(
        self, number: int, row: Split, answer: Answer, labels: Sequence[str]
    ) -> list[tuple[Place, str, str | None]]:
        """(place, why, fix or None) of all that the guard objects to."""
        chosen = self.chosen[number]
        text = _text_of(row)
        metadata: dict[str, Any] = {"labels": frozenset(labels), "text": text, **chosen.metadata}
        found = []
        for place, value in _looked_at(chosen.name, answer):
            key = (number, value, text if chosen.name == "span" else "")
            verdict = self._verdicts.get(key) or ask(self._guards[number], value, metadata)
            if len(self._verdicts) < MOST_KEPT:
                self._verdicts[key] = verdict
            if not verdict.passed:
                fixed = verdict.fixed if verdict.fixed != value else None
                found.append((place, "; ".join(verdict.failures), fixed))
        return found


def _looked_at(name: str, answer: Answer) -> list[tuple[Place, str]]:
    """The strings of an answer that a guard is about, with their places."""
    if name == "label":
        one = [(("label", None), str(answer["label"]))] if answer.get("label") is not None else []
        many = answer.get("labels") or []
        return [*one, *((("labels", i), str(v)) for i, v in enumerate(many))]
    if name == "span":
        spans = answer.get("spans") or []
        found: list[tuple[Place, str]] = [
            (("spans", i), json.dumps(s, ensure_ascii=False)) for i, s in enumerate(spans)
        ]
        if answer.get("start") is not None:
            span = {k: answer[k] for k in ("start", "end")} | {"text": answer.get("answer", "")}
            found.append((("answer", None), json.dumps(span, ensure_ascii=False)))
        return found
    written: list[tuple[Place, str]] = [
        ((n, None), v) for n in ("text", "answer") if isinstance(v := answer.get(n), str)
    ]
    return written if written or name in BUILT_IN else _looked_at("label", answer)


def _put(answer: Answer, place: Place, value: str | None) -> Answer:
    """The answer with another value at a place; None takes it away."""
    name, at = place
    if at is None:
        if name == "answer" and "start" in answer:
            span = json.loads(value) if value and value.startswith("{") else {}
            moved = {"start": span.get("start"), "end": span.get("end")}
            return {**answer, **moved} if span else {**answer, **moved, "answer": value}
        return {**answer, name: value}
    listed = list(answer[name])
    if value is None:
        listed[at] = None
    else:
        listed[at] = json.loads(value) if name == "spans" else value
    return {**answer, name: listed}


def _without_gaps(answer: Answer) -> Answer:
    """Spans and labels that were taken away leave no gap."""
    lists = {n: answer[n] for n in ("spans", "labels") if isinstance(answer.get(n), list)}
    return {**answer, **{n: [x for x in found if x is not None] for n, found in lists.items()}}


def _told(row: Split, why: str) -> Split:
    """The row with what was wrong with the last answer, for a model that writes."""
    from dataclasses import replace

    more = f"\n(Your answer {why}. Answer again.)"
    texts = (row.texts[0] + more,)
    rows = row.rows
    for name in ("source", "prompt", "question", "text"):
        if rows and isinstance(rows[0].get(name), str):
            rows = ({**rows[0], name: rows[0][name] + more},)
            break
    return replace(row, texts=texts, rows=rows)


def _text_of(row: Split) -> str:
    """What spans point into."""
    own = row.rows[0] if row.rows else {}
    return str(own.get("context") or own.get("text") or row.texts[0])
