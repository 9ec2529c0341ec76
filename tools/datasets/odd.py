"""Rows that a model should not answer: given by `--ood FILE`, or beside the data."""

from __future__ import annotations

from pathlib import Path

from ..errors import DatasetError
from ..tasks import find_task
from .asked import read_asked
from .formats import TABLES
from .locate import CHOOSING, JUDGING
from .types import Split, text_key

SUFFIXES = (*TABLES, ".txt")
ODD_TEST = "ood_test"  # under which the ledger keeps the rows that judge
LEAST = 20  # rows on each side


def read_odd(data: Path, given: Path | None, task: str, text: str | None) -> dict[str, Split]:
    """Read rows out of the domain.

    `ood.*` serves to choose on validation, `test_ood.*` to judge at the end. Where only one
    is there, or a file is given, it is halved by the texts, copies on one side.

    Args:
        data: The run's data; a folder may hold the files.
        given: A file that the person named; those of the folder then don't count.
        task: Of the run; one that cannot tell odd inputs has none.
        text: Column of the text, where the person named it.

    Returns:
        "validation" and "test", or nothing where there are no such rows.

    Raises:
        DatasetError: A file cannot be read, or has too few rows.
    """
    files = [given] if given is not None else _beside(data)
    if not files:
        return {}
    if not find_task(task).spots_odd:
        if given is None:
            return {}
        raise DatasetError(f"--ood {given}: {task} cannot tell odd inputs; leave it out")
    splits = [find_task(task).ask(read_asked(file), text) for file in files]
    if len(splits) == 2:
        found = {"validation": splits[0], "test": splits[1]}
    else:
        sides = [int(text_key(t), 16) % 2 for t in splits[0].texts]
        found = {
            name: splits[0].take([i for i, s in enumerate(sides) if s == side])
            for side, name in enumerate(("validation", "test"))
        }
    for name, split in found.items():
        if len(split) < LEAST:
            raise DatasetError(
                f"{' and '.join(map(str, files))}: {len(split)} rows out of the domain for {name}; "
                f"give at least {LEAST} for each of validation and test"
            )
    return found


def _beside(data: Path) -> list[Path]:
    if not data.is_dir():
        return []
    found = []
    for name in (CHOOSING, JUDGING):
        files = [data / f"{name}{suffix}" for suffix in SUFFIXES]
        found += [file for file in files if file.is_file()][:1]
    return found
