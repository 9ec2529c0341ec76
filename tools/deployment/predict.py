"""Predictions over a file: text lines, CSV or JSONL in, JSONL out."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import DatasetError
from .load import Classifier

BATCH = 2048
TEXT_NAMES = ("text", "sentence", "utterance", "content", "body", "message", "review", "question")


@dataclass(frozen=True)
class Inputs:
    """Texts to classify, with the input's own ids where it had them."""

    texts: list[str]
    ids: list[Any]


def read_inputs(path: Path, column: str | None = None) -> Inputs:
    """Read what is to be classified.

    A .jsonl line is an object with a text field (or a bare string), a .csv or .tsv has
    a header; any other file is one text a line.

    Raises:
        DatasetError: Missing, unreadable, or without a text column; names file and row.
    """
    from ..datasets.decode import decode, read_bytes
    from ..datasets.delimited import large_cells

    if not path.is_file():
        raise DatasetError(f"{path}: no such file")
    content = decode(read_bytes(path), str(path)).text
    kind = path.suffix.lower()
    if kind in {".jsonl", ".ndjson", ".json"}:
        return _jsonl(path, content, column)
    if kind in {".csv", ".tsv"}:
        with large_cells():
            return _csv(path, content, column, "\t" if kind == ".tsv" else ",")
    # Not splitlines(): a text may hold form feeds or Unicode's own line separators.
    lines = [line.rstrip("\n") for line in io.StringIO(content, newline=None)]
    return Inputs(lines, [None] * len(lines))


def answers(
    model: Classifier, inputs: Inputs, progress: Callable[[int, int], None] | None = None
) -> Iterator[dict[str, Any]]:
    """Yield one answer a text: `id` if it had one, `label`, `score`.

    Raises:
        ModelError: The model gave an answer that its own guard refuses.
    """
    from ..errors import ModelError
    from ..guardrails.checks import check_outputs

    labels = model.card.labels
    for start in range(0, len(inputs.texts), BATCH):
        texts = inputs.texts[start : start + BATCH]
        found = model.probabilities(texts)
        chosen = [labels[i] for i in found.argmax(axis=1)]
        faults = check_outputs(chosen, found.max(axis=1), labels)
        if faults:
            raise ModelError(f"model {model.folder}: {faults[0]}")
        for offset, (label, score) in enumerate(zip(chosen, found.max(axis=1), strict=True)):
            given = inputs.ids[start + offset]
            head = {} if given is None else {"id": given}
            yield {**head, "label": label, "score": round(float(score), 6)}
        if progress:
            progress(min(start + BATCH, len(inputs.texts)), len(inputs.texts))


def _jsonl(path: Path, content: str, column: str | None) -> Inputs:
    texts, ids = [], []
    for number, line in enumerate(content.split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise DatasetError(f"{path} line {number}: not JSON: {error}") from error
        if isinstance(row, str):
            row = {"text": row}
        name = column or next((n for n in TEXT_NAMES if isinstance(row, dict) and n in row), None)
        if not isinstance(row, dict) or name is None or not isinstance(row.get(name), str):
            wanted = column or "text"
            raise DatasetError(f"{path} line {number}: no text in {wanted!r}; name it with --text")
        texts.append(row[name])
        ids.append(row.get("id"))
    return Inputs(texts, ids)


def _csv(path: Path, content: str, column: str | None, delimiter: str) -> Inputs:
    reader = csv.DictReader(io.StringIO(content, newline=""), delimiter=delimiter)
    columns = reader.fieldnames or []
    name = column or next((n for n in TEXT_NAMES if n in columns), None)
    if name is None and len(columns) == 1:
        name = columns[0]
    if name is None or name not in columns:
        raise DatasetError(
            f"{path}: no column {column or 'text'!r}; there are {', '.join(columns)}; "
            "name it with --text"
        )
    texts, ids = [], []
    for number, row in enumerate(reader, 2):
        if row[name] is None or None in row:
            raise DatasetError(f"{path} row {number}: has not as many cells as the header")
        texts.append(row[name])
        ids.append(row.get("id"))
    return Inputs(texts, ids)
