"""Dialogue: what the assistant says next, and what the user wants where that is annotated."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ...evals.metrics import FloatArray
from ..datasets.columns import Asked
from ..datasets.dialogues import (
    ROLES,
    Turn,
    as_one_text,
    chat_column,
    dialogue_key,
    read_turns,
    replies,
)
from ..datasets.fields import Field, columns_of, ids_of
from ..datasets.rows import Rows
from ..datasets.tables import as_text
from ..datasets.types import Oddity, Row, Split
from ..errors import DatasetError
from .pieces import Changed, Piece, Stretch
from .sequence import UNTUNED, SequenceTask, written
from .task import Answer, Answerer, Progress, Reading

if TYPE_CHECKING:
    from ..datasets.tables import Table
    from ..deployment.saved import SavedModel
    from ..training.data import JobData
    from ..training.generative.prompted import Prompted


class Dialogue(SequenceTask):
    """Every assistant's turn is an answer to the turns before it: a row of its own."""

    name = "dialogue"
    summary = "a chat to the assistant's next turn"
    metrics = (
        *("nll", "perplexity", "bleu", "distinct_1", "distinct_2"),
        *("intent_accuracy", "slot_accuracy"),
    )
    probes = ("majority_response", "nearest_response", UNTUNED)
    maskable = ("messages", "reply")
    follows = ("slots",)
    asked = Field("messages", ("turns",))
    ways = {"majority_response": "constant", "nearest_response": "nearest"}  # noqa: RUF012
    augments = ("noise", "back_translate")

    def claims(self, table: Table) -> bool:
        """A column of chats."""
        column = chat_column(table)
        first = next((c for c in table.cells[column] if c is not None), None) if column else None
        listed = isinstance(first, list | tuple) and bool(first) and isinstance(first[0], dict)
        return listed and bool({"role", "content", "text"} & set(first[0]))  # type: ignore[index]

    def read_all(self, tables: Mapping[str, Table], asked: Asked) -> Reading:
        """As every task; and say what a row is."""
        found = super().read_all(tables, asked)
        counts = ", ".join(
            f"{len(found.splits[name]):,} in {len(table):,} chats ({name})"
            for name, table in tables.items()
        )
        return replace(found, guesses=(*found.guesses, f"each assistant's turn is a row: {counts}"))

    def read(self, table: Table, asked: Asked, *, train: bool) -> Rows:
        """The assistant's turns of every chat, each with the turns before it."""
        column = asked.text or chat_column(table)
        if column is None or column not in table.cells:
            raise DatasetError(
                f"{table.name} has no column of chats; {columns_of(table)}; call it 'messages', "
                "a list of role and content"
            )
        ids = ids_of(table, range(len(table)))
        texts, known, places = [], [], []
        rows: list[Row] = []
        oddities: list[Oddity] = list(table.oddities)
        for i, place in enumerate(table.places):
            turns = read_turns(table.cells[column][i], place)
            key = dialogue_key(turns)
            for before, reply in replies(turns, place):
                row: Row = {
                    "messages": [turn.message for turn in before],
                    "reply": reply.content,
                    "dialogue": key,
                    **_annotation(before),
                }
                rows.append(row)
                texts.append(as_one_text(row["messages"]))
                known.append(f"{ids[i]}-{len(before)}" if ids[i] is not None else None)
                places.append(f"{place}, turn {len(before) + 1}")
        if not rows:
            raise DatasetError(f"{table.name} has no rows to use; add chats, or remove the file")
        split = Split(tuple(texts), ("",) * len(rows), tuple(known), tuple(places), tuple(rows))
        return Rows(split, tuple(oddities))

    def group(self, split: Split, row: int) -> str:
        """A dialogue stays on one side."""
        return str(split.rows[row]["dialogue"])

    def ask(self, table: Table, column: str | None) -> Split:
        """Chats whose next turn is asked for, or texts that a user opens with."""
        from ..datasets.asked import asked_split

        found = column or chat_column(table) or next(iter({"text"} & set(table.columns)), None)
        if found is None or found not in table.cells:
            raise DatasetError(
                f"{table.name}: no column of chats; {columns_of(table)}; call it 'messages', or "
                "name it with --text"
            )
        rows: list[Row] = []
        for cell, place in zip(table.cells[found], table.places, strict=True):
            text = as_text(cell)
            plain = isinstance(cell, str) and text is not None and text.lstrip()[:1] != "["
            turns = [Turn(ROLES[1], str(cell))] if plain else read_turns(cell, place)
            rows.append({"messages": [turn.message for turn in turns]})
        return asked_split(table, [as_one_text(row["messages"]) for row in rows], tuple(rows))

    def pieces(self, split: Split, row: int) -> tuple[Piece, ...]:
        """What the user says; the values of annotated slots stay."""
        own = split.rows[row]
        values = [v for v in (own.get("slots") or {}).values() if v]
        return tuple(
            Piece(text, held := _places(text, values), whole=not held)
            for text in (m["content"] for m in own["messages"] if m["role"] == "user")
        )

    def rewritten(
        self, split: Split, row: int, changed: Sequence[Changed]
    ) -> tuple[str, Row | None]:
        """The chat with the user's turns as they are now."""
        own, new = split.rows[row], iter(changed)
        messages = [
            {**m, "content": next(new).text} if m["role"] == "user" else m for m in own["messages"]
        ]
        return as_one_text(messages), {**own, "messages": messages}

    def prompted(self, row: Row) -> Prompted:
        """The chat so far; its end stays where it is too long."""
        from ..training.generative.prompted import Prompted, as_messages

        return Prompted(messages=as_messages(row["messages"]), target=self.target(row))

    def target(self, row: Row) -> str:
        """The assistant's turn."""
        return str(row.get("reply", ""))

    def finish(self, data: JobData, folder: Path) -> None:
        """Add the intent classifier and the slot lexicon, where training rows are annotated."""
        from ..training.annotations import fit_annotator

        fit_annotator(data.train.rows, folder)

    def also(self, card: SavedModel, folder: Path) -> Answerer | None:
        """Intent and slots of the user's last turn, where the model has learned them."""
        from ..training.annotations import load_annotator

        annotate = load_annotator(folder)
        if annotate is None:
            return None

        def answer(split: Split, progress: Progress | None) -> list[Answer]:
            return [{"intent": a.intent, "slots": a.slots} for a in annotate(split.rows)]

        return answer

    def stats(self, split: Split, answers: Sequence[Answer]) -> dict[str, FloatArray]:
        """Likelihood of the gold turn, BLEU with it, variety; intents and slots if annotated."""
        from ...evals.measures import bleu, distinct

        given = written(answers)
        return {
            **self.likelihood(answers),
            "bleu": bleu.rows([[row["reply"]] for row in split.rows], given),
            "distinct": distinct.rows(given),
            **_annotation_stats(split, answers),
        }

    def remarks(self, validation: Split) -> tuple[str, ...]:
        """How BLEU is computed, and what intents and slots come from."""
        from ...evals.measures import bleu

        signature = bleu.signature([[row["reply"]] for row in validation.rows])
        said = [f"BLEU: sacrebleu {signature}"]
        if any("intent" in row for row in validation.rows):
            said.append(
                "intents and slots come from a linear classifier and a value lexicon that stand "
                "beside the replying model, the same in every candidate"
            )
        return tuple(said)


def _places(text: str, values: Sequence[str]) -> tuple[Stretch, ...]:
    """Where some values stand in a text."""
    return tuple(m.span() for value in values for m in re.finditer(re.escape(value), text))


def _annotation(before: list[Turn]) -> Row:
    """What the user's last turn before the answer was annotated with."""
    user = next((turn for turn in reversed(before) if turn.role == "user"), None)
    if user is None or user.intent is None:
        return {}
    return {"intent": user.intent, "slots": dict(user.slots)}


def _annotation_stats(split: Split, answers: Sequence[Answer]) -> dict[str, FloatArray]:
    """Right intents and slot values of the annotated rows, out of those annotated."""
    from ...evals.measures import intents, slots

    annotated = any("intent" in row for row in split.rows)
    if not annotated or not answers or "intent" not in answers[0]:
        return {}
    right, of = [], []
    hits, asked = [], []
    for answer, row in zip(answers, split.rows, strict=True):
        gold = row.get("slots") or {}
        right.append(float("intent" in row and answer["intent"] == row["intent"]))
        of.append(float("intent" in row))
        hits.append(float(sum(answer["slots"].get(name) == value for name, value in gold.items())))
        asked.append(float(len(gold)))
    return {"intents": intents.rows(right, of), "slots": slots.rows(hits, asked)}


TASK = Dialogue()
