"""Read a person's dataset: a file or a folder, in any supported format."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..errors import DatasetError
from ..tasks import TASKS, find_task
from .columnar import is_saved_dataset, read_saved_dataset
from .columns import Asked
from .formats import reader_of
from .header import refuse_missing_header
from .locate import alias_guess, locate, refuse_links_out, split_of
from .parallel import find_parallel, read_parallel
from .slices import with_slices
from .tables import Table
from .types import SPLIT_NAMES, Oddity, RawData

# Oddities that change what a row says; with `strict` they are refused.
REPAIRS = frozenset(
    {"stray_inside", "cut_word", "pieces", "repeated_span", "moved_answer", "blank_answer"}
)


def read_data(
    path: Path,
    *,
    task: str | None = None,
    text: str | None = None,
    label: str | None = None,
    strict: bool = False,
    slices: Sequence[str] = (),
) -> RawData:
    """Read a dataset and check that it can serve its task.

    Args:
        path: A file (then it is all train), a folder with `train.*` and perhaps
            `validation.*` and `test.*`, or a folder that `save_to_disk` made.
        task: One of TASKS; None infers it from the columns and says so.
        text, label: Column names; None infers them and says so.
        strict: Refuse what would be repaired: see REPAIRS.
        slices: Columns whose values are kept with the rows, to give figures by.

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
    guesses = [*found, *(guess for table in tables.values() for guess in table.guesses)]
    if task is None:
        task = infer_task(tables["train"])
        guesses.insert(0, f"task {task!r}: {find_task(task).summary}")
    elif other := find_task(task).instead(tables["train"]):
        guesses.insert(0, f"task {other[0]!r} instead of {task!r}: {other[1]}")
        task = other[0]
    reading = find_task(task).read_all(tables, Asked(text, label))
    if strict:
        _refuse_repaired(reading.oddities)
    return RawData(
        source=str(path),
        task=task,
        guesses=(*guesses, *reading.guesses),
        splits=with_slices(reading.splits, tables, slices) if slices else reading.splits,
        oddities=reading.oddities,
        text_column=reading.text_column,
        label_column=reading.label_column,
    )


def _refuse_repaired(oddities: Sequence[Oddity]) -> None:
    """Refuse the first row that reading changed rather than took as it is."""
    for oddity in oddities:
        if oddity.kind in REPAIRS:
            raise DatasetError(
                f"{oddity.place}: {oddity.detail}; mend it, or read without --strict"
            )


def infer_task(table: Table) -> str:
    """Name the task that a table's columns speak of; text classification where none does."""
    return next((name for name in TASKS if find_task(name).claims(table)), TASKS[0])


def _read_tables(path: Path) -> tuple[dict[str, Table], list[str]]:
    """Read every split there is, in the order of SPLIT_NAMES, and what was inferred."""
    if path.is_dir():
        refuse_links_out(path)
    if path.is_dir() and is_saved_dataset(path):
        return _saved_splits(path)
    parallel = find_parallel(path) if path.is_dir() else None
    if parallel:
        pairs = {name: read_parallel(p, parallel) for name, p in parallel.files.items()}
        return pairs, []
    located = locate(path)
    tables = {}
    for name in SPLIT_NAMES:
        file = located.files.get(name)
        reader = None if file is None else reader_of(file)
        if file is not None and reader is not None:
            tables[name] = reader(file)
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
