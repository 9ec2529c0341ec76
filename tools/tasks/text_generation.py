"""Controllable text generation: a control, such as a sentiment, steers what is written."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ...evals.metrics import FloatArray
from ..datasets.columns import Asked
from ..datasets.fields import Field, columns_of, rows_at, text_at, usable_rows
from ..datasets.rows import Rows
from ..datasets.tables import as_text
from ..datasets.types import Row, Split
from ..errors import DatasetError
from .sequence import UNTUNED, SequenceTask, written
from .task import Answer, Answerer, Progress

if TYPE_CHECKING:
    from ..datasets.tables import Table
    from ..deployment.saved import SavedModel
    from ..facts import OnProgress, Outcome
    from ..training.data import JobData
    from ..training.generative.decoding import Decoding
    from ..training.generative.prompted import Prompted

TEXT = Field("text", ("target", "output", "completion", "story", "response"), "--text")
PROMPT = Field("prompt", ("instruction", "beginning", "context", "input"))
LABELS = ("label", "sentiment", "style", "tone", "topic", "category", "genre", "code")
CONTROL = "control"
TOP_P = 0.95  # Holtzman et al. 2020, nucleus sampling


class TextGeneration(SequenceTask):
    """A control, and perhaps a prompt, to a text that fits both."""

    name = "text-generation"
    summary = "a control code or an instruction to a text that follows it"
    metrics = ("nll", "perplexity", "control_accuracy", "distinct_1", "distinct_2")
    probes = ("any_text", "retrieved_text", UNTUNED)
    maskable = ("prompt", "text")
    asked = PROMPT
    ways = {"any_text": "constant", "retrieved_text": "nearest"}  # noqa: RUF012
    augments = ("oversample", "synthesise")

    # Data

    def claims(self, table: Table) -> bool:
        """Columns that are called a control, beside a text."""
        return bool(_control_columns(table)) and TEXT.column(table) is not None

    def read(self, table: Table, asked: Asked, *, train: bool) -> Rows:
        """Text, controls and perhaps a prompt of each row."""
        text = TEXT.require(table, asked.text)
        prompt = PROMPT.column(table)
        controls = _columns(table, asked.label)
        if not controls and prompt is None:
            raise DatasetError(
                f"{table.name} has neither a control nor a prompt; {columns_of(table)}; call the "
                "column 'control', or name it with --label COLUMN"
            )
        kept, oddities = usable_rows(table, text, (), train=train)
        rows: list[Row] = []
        for i in kept:
            row: Row = {"text": text_at(table, text, i), "control": _control(table, controls, i)}
            row["prompt"] = text_at(table, prompt, i)
            if not row["control"] and not row["prompt"]:
                raise DatasetError(
                    f"{table.places[i]}: neither control nor prompt; fill one in, or delete the row"
                )
            rows.append(row)
        # What is written is what must not leak: controls come again in every row.
        texts = ["\n".join(filter(None, (row["prompt"], row["text"]))) for row in rows]
        labels = [next(iter(row["control"].values()), "") for row in rows]
        return rows_at(table, kept, texts, rows, oddities, labels)

    def ask(self, table: Table, column: str | None) -> Split:
        """Rows with a control, a prompt, or both; a line of plain text is a prompt."""
        from ..datasets.asked import asked_split

        prompt = column or PROMPT.column(table)
        controls = _columns(table, None)
        if prompt is None and not controls:
            prompt = "text" if "text" in table.cells else None
        if (prompt is None and not controls) or (prompt and prompt not in table.cells):
            raise DatasetError(
                f"{table.name}: neither a control nor a prompt; {columns_of(table)}; call the "
                "column 'control' or 'prompt', or name the prompt's with --text"
            )
        rows: list[Row] = [
            {"prompt": text_at(table, prompt, i), "control": _control(table, controls, i)}
            for i in range(len(table))
        ]
        return asked_split(table, [_wish(row) for row in rows], tuple(rows))

    def example(self, split: Split, row: int) -> dict[str, str] | None:
        """The text, where only a control steers it."""
        own = split.rows[row]
        return None if own["prompt"] or not own["control"] else {"text": own["text"]}

    def composed(self, split: Split, row: int, fields: Mapping[str, str]) -> tuple[str, Row | None]:
        """Another text with the same controls."""
        return fields["text"], {**split.rows[row], "text": fields["text"]}

    # Writing

    def prompted(self, row: Row) -> Prompted:
        """The wish as an instruction; for an encoder-decoder the bare codes and the prompt."""
        from ..training.generative.prompted import Prompted

        return Prompted(
            prompt=f"Write a text.\n{_wish(row)}", bare=_wish(row), target=self.target(row)
        )

    def target(self, row: Row) -> str:
        """The text."""
        return str(row.get("text", ""))

    def decoding(self, measured: Collection[str]) -> Decoding:
        """Drawn, or every wish of a kind would get one text."""
        from ..training.generative.decoding import Decoding

        return Decoding(sampled=True, top_p=TOP_P)

    def probe(
        self, data: JobData, folder: Path, wanted: Mapping[str, bool], on_progress: OnProgress
    ) -> Outcome:
        """Training texts whatever their control, those with it, and the untuned model."""
        from ..training.judge import agreement, fit_judge, load_judge

        outcome = super().probe(data, folder, wanted, on_progress)
        where = folder / "judged"
        judged = fit_judge(*_texts_and_controls(data.train), where)
        if not judged:
            return outcome
        texts, controls = _texts_and_controls(data.validation)
        hits, of = agreement(load_judge(where)(texts), controls)
        note = (
            f"control_accuracy is what a tf-idf classifier says, tuned on training texts alone; "
            f"of the validation texts that people wrote it knows "
            f"{sum(hits) / max(1, sum(of)):.1%} ({', '.join(judged)})"
        )
        return outcome.model_copy(update={"notes": (*outcome.notes, note)})

    def finish(self, data: JobData, folder: Path) -> None:
        """Put the judge beside every model, the same for all."""
        from ..training.judge import fit_judge

        fit_judge(*_texts_and_controls(data.train), folder)

    def load(self, card: SavedModel, folder: Path) -> Answerer:
        """A model that writes, or one that remembers; and the judge of either."""
        from ..training.judge import load_judge

        write, judge = super().load(card, folder), load_judge(folder)

        def answer(split: Split, progress: Progress | None) -> list[Answer]:
            answers = write(split, progress)
            said = judge(written(answers))
            return [given | {"_judged": found} for given, found in zip(answers, said, strict=True)]

        return answer

    def _remember(self, name: str, data: JobData, folder: Path) -> None:
        """Keep the training texts that the judge was not tuned on."""
        from ..deployment.saved import write_description
        from ..training.card import card_of
        from ..training.judge import kept_from_judge
        from ..training.quoting import remember_texts

        rows = [row for i, row in enumerate(data.train.rows) if kept_from_judge(i)]
        remember_texts([self.target(r) for r in rows], [r["control"] for r in rows], folder)
        write_description(folder, card_of(data, name, "none"))

    def _cheap(self, card: SavedModel, folder: Path) -> Answerer:
        from ..errors import ModelError
        from ..training.quoting import recall_texts

        if card.strategy not in self.ways:
            raise ModelError(f"model {folder}: {self.name} knows no strategy {card.strategy!r}")
        quote = recall_texts(folder, heeding=card.strategy == "retrieved_text")

        def write(split: Split, progress: Progress | None) -> list[Answer]:
            found = quote([row["control"] for row in split.rows])
            if progress:
                progress(len(found), len(found))
            return [{"text": text} for text in found]

        return write

    # Scoring

    def stats(self, split: Split, answers: Sequence[Answer]) -> dict[str, FloatArray]:
        """Likelihood of the gold text; variety and obedience of what was written."""
        from ...evals.measures import control, distinct
        from ..training.judge import agreement

        wanted = [row["control"] for row in split.rows]
        hits, of = agreement([answer["_judged"] for answer in answers], wanted)
        obeyed = {"control": control.rows(hits, of)} if any(of) else {}
        return {
            **self.likelihood(answers),
            **obeyed,
            "distinct": distinct.rows(written(answers)),
        }


def _wish(row: Row) -> str:
    """What is asked for: a line for each control, and the prompt."""
    codes = [f"{name}: {value}" for name, value in row["control"].items()]
    return "\n".join([*codes, *filter(None, [row["prompt"]])])


def _texts_and_controls(split: Split) -> tuple[list[str], list[dict[str, str]]]:
    return [row["text"] for row in split.rows], [row["control"] for row in split.rows]


def _control_columns(table: Table) -> dict[str, str]:
    """Columns that are called controls, by the control's name."""
    found: dict[str, str] = {}
    for column in table.columns:
        name = column.strip().lower()
        if name == CONTROL or name == f"{CONTROL}s":
            found[column] = CONTROL
        elif name.startswith((f"{CONTROL}_", f"{CONTROL}.")):
            found[column] = name[len(CONTROL) + 1 :]
    return found


def _columns(table: Table, label: str | None) -> dict[str, str]:
    """Columns that hold controls, by the control's name: named, called so, or labels.

    Raises:
        DatasetError: The named column is not there.
    """
    if label is not None:
        if label not in table.cells:
            raise DatasetError(
                f"{table.name} has no column {label!r} (--label); {columns_of(table)}"
            )
        return {label: label.strip().lower()}
    found = _control_columns(table)
    by_name = {column.strip().lower(): column for column in reversed(table.columns)}
    label = next((by_name[name] for name in LABELS if name in by_name), None)
    return found or ({label: label.strip().lower()} if label else {})


def _control(table: Table, columns: dict[str, str], row: int) -> dict[str, str]:
    """The controls of a row; a cell may hold an object of several.

    Raises:
        DatasetError: A cell holds a list, or an object of more than names and values.
    """
    found: dict[str, str] = {}
    for column, name in columns.items():
        cell = table.cells[column][row]
        parts = cell if isinstance(cell, dict) else {name: cell}
        if any(isinstance(value, list | tuple | dict) for value in parts.values()):
            raise DatasetError(
                f"{table.places[row]}: column {column!r} must hold one value, or an object of "
                'names and values such as {"sentiment": "positive"}'
            )
        texts = {str(key): as_text(value) for key, value in parts.items()}
        found |= {key: text.strip() for key, text in texts.items() if text}
    return found


TASK = TextGeneration()
