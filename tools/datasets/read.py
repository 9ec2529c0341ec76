"""Read a person's dataset: a file or a folder, in any supported format."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from ..errors import DatasetError
from ..tasks import TASKS
from .columnar import is_saved_dataset, read_parquet, read_saved_dataset
from .columns import choose_columns, multi_label_error, require_columns
from .delimited import read_delimited
from .header import refuse_missing_header
from .jsonl import read_jsonl
from .locate import alias_guess, locate, split_of
from .rows import to_rows
from .tables import Table, shown
from .types import SPLIT_NAMES, Oddity, RawData, Split

_READERS = {
    ".csv": read_delimited,
    ".tsv": read_delimited,
    ".jsonl": read_jsonl,
    ".ndjson": read_jsonl,
    ".parquet": read_parquet,
}


def read_data(
    path: Path, *, task: str | None = None, text: str | None = None, label: str | None = None
) -> RawData:
    """Read a dataset and check that it can serve its task.

    Args:
        path: A file (then it is all train), a folder with `train.*` and perhaps
            `validation.*` and `test.*`, or a folder that `save_to_disk` made.
        task: One of TASKS; None takes text classification and says so.
        text, label: Column names; None infers them and says so.

    Returns:
        The rows as the files have them, labels without edge spaces. Nothing is written.

    Raises:
        DatasetError: One line that says what is wrong, where, and how to mend it.
    """
    if task is not None and task not in TASKS:
        raise DatasetError(f"unknown task {task!r}; known tasks: {', '.join(TASKS)}")
    tables, found = _read_tables(path)
    named = frozenset(name for name in (text, label) if name is not None)
    for table in tables.values():
        if not len(table):
            raise DatasetError(f"{table.name} has no rows; add rows, or remove the file")
        refuse_missing_header(table, named)
    columns = choose_columns(tables["train"], text=text, label=label)
    splits: dict[str, Split] = {}
    oddities: list[Oddity] = []
    for name, table in tables.items():
        require_columns(table, columns)
        rows = to_rows(table, columns, keep_blank=name != "train")
        splits[name] = rows.split
        oddities.extend(rows.oddities)
    _check_labels(splits, columns.label)
    guesses = [*found, *(guess for table in tables.values() for guess in table.guesses)]
    if task is None:
        guesses.insert(0, f"task {TASKS[0]!r}: one label for each text")
    return RawData(
        source=str(path),
        task=task or TASKS[0],
        text_column=columns.text,
        label_column=columns.label,
        guesses=(*guesses, *columns.guesses),
        splits=splits,
        oddities=tuple(oddities),
    )


def _read_tables(path: Path) -> tuple[dict[str, Table], list[str]]:
    """Read every split there is, in the order of SPLIT_NAMES, and what was inferred."""
    if path.is_dir() and is_saved_dataset(path):
        return _saved_splits(path)
    located = locate(path)
    tables = {
        name: _READERS[located.files[name].suffix.lower()](located.files[name])
        for name in SPLIT_NAMES
        if name in located.files
    }
    return tables, list(located.guesses)


def _saved_splits(path: Path) -> tuple[dict[str, Table], list[str]]:
    """Sort a saved dataset's splits; names that mean none of ours are left out, and told."""
    by_split: dict[str, Table] = {}
    guesses = []
    for name, table in read_saved_dataset(path).items():
        split = split_of(name)
        if split is None:
            guesses.append(f"split {name!r} of {path.name} is left out")
            continue
        if split in by_split:
            raise DatasetError(
                f"{path} holds two {split} splits: {by_split[split].name} and {name}; remove one"
            )
        by_split[split] = table
        if name != split:
            guesses.append(alias_guess(f"split {name!r}", split))
    if "train" not in by_split:
        raise DatasetError(f"{path} has no train split; rename one of its splits to train")
    return {name: by_split[name] for name in SPLIT_NAMES if name in by_split}, guesses


def _check_labels(splits: Mapping[str, Split], column: str) -> None:
    """Refuse labels that no classifier can be trained on."""
    train = splits["train"]
    in_train = Counter(train.labels)
    counts = Counter(label for split in splits.values() for label in split.labels)
    if len(in_train) == 1:
        raise DatasetError(
            f"column {column!r} holds one class only in train, {train.labels[0]!r} "
            f"({len(train)} rows); classification needs rows of at least two classes"
        )
    _refuse_joined(train, column, counts)
    alone = [label for label, count in counts.items() if count == 1]
    if len(alone) > 0.5 * len(counts) and len(counts) > 10:
        raise DatasetError(
            f"column {column!r} has {len(counts)} different values in "
            f"{sum(counts.values())} rows, most of them once: these are not classes; "
            "name the label column with --label COLUMN"
        )
    # A label only held-out rows have is told first: a misspelt one is often alone, too.
    for name, split in splits.items():
        for label, place in zip(split.labels, split.places, strict=True):
            if label not in in_train:
                raise DatasetError(
                    f"{place} has the label {label!r} in column {column!r}, which no train row "
                    f"has; correct its spelling, add such rows to train, or delete it from {name} "
                    f"(train has {shown(map(repr, sorted(in_train)))})"
                )
    if alone:
        row = train.labels.index(alone[0])
        others = f" (so have {shown(map(repr, alone[1:]))})" if len(alone) > 1 else ""
        raise DatasetError(
            f"class {alone[0]!r} has one row only, {train.places[row]}{others}; "
            "add rows of that class, merge it into another, or delete the row"
        )


def _refuse_joined(train: Split, column: str, counts: Mapping[str, int]) -> None:
    """Refuse labels such as "a,b" beside "a" and "b": several labels in one cell."""
    for label in counts:
        for separator in ",;|":
            parts = [part.strip() for part in label.split(separator)]
            if len(parts) > 1 and len(set(parts)) == len(parts) and set(parts) <= counts.keys():
                where = next(
                    (p for got, p in zip(train.labels, train.places, strict=True) if got == label),
                    column,
                )
                raise multi_label_error(f"{where} ({label!r})", column)
