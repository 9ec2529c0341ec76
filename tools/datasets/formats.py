"""Which reader takes which file: by its suffix, and by its shape where that says too little."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from .brat import is_brat, read_brat
from .columnar import read_parquet
from .conll import is_conll, read_conll
from .delimited import read_delimited
from .jsonl import read_jsonl
from .plain import read_plain
from .squad import is_squad, read_squad
from .tables import Table

Reader = Callable[[Path], Table]

# Formats that hold any task's rows. Beside one of these, another format of the same name is let be.
TABLES: dict[str, Reader] = {
    ".csv": read_delimited,
    ".tsv": read_delimited,
    ".jsonl": read_jsonl,
    ".ndjson": read_jsonl,
    ".parquet": read_parquet,
}


def reader_of(path: Path) -> Reader | None:
    """Give the reader of a file, or of a folder that is one dataset; None where there is none."""
    if path.is_dir():
        return read_brat if is_brat(path) else None
    suffix = path.suffix.lower()
    if suffix == ".conll" or (suffix in (".tsv", ".txt") and is_conll(path)):
        return read_conll
    if suffix == ".json" and is_squad(path):
        return read_squad
    if suffix == ".txt":
        return read_plain
    return TABLES.get(suffix)
