"""Typed sources: parquet files and Hugging Face datasets saved with `save_to_disk`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import DatasetError
from .decode import read_bytes
from .tables import Table


def read_parquet(path: Path) -> Table:
    """Read a parquet file; places count its rows from 1.

    Class names that Hugging Face stored in the file's metadata replace their numbers.

    Raises:
        DatasetError: It is not a readable parquet file.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    data = read_bytes(path)
    try:
        table = pq.read_table(pa.BufferReader(data))
    except (pa.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0]
        raise DatasetError(
            f"{path.name} is not a readable parquet file: {reason}; write it again, "
            "or rename it if it is of another kind"
        ) from None
    names = _stored_class_names(table.schema.metadata or {})
    cells: dict[str, list[object]] = {}
    for column in table.column_names:
        values = table[column].to_pylist()
        cells[column] = _named(values, names[column]) if column in names else values
    return Table(path.name, cells, _places(path.name, table.num_rows))


def is_saved_dataset(path: Path) -> bool:
    """Tell whether a folder is what `save_to_disk` leaves."""
    single = (path / "state.json").is_file() and (path / "dataset_info.json").is_file()
    return single or (path / "dataset_dict.json").is_file()


def read_saved_dataset(path: Path) -> dict[str, Table]:
    """Read a saved Dataset (as "train") or DatasetDict, by the names it gives its splits.

    Places read "train row 17", counted from 1. Nothing is fetched or written.

    Raises:
        DatasetError: The folder is damaged or incomplete.
    """
    import datasets

    try:
        saved = datasets.load_from_disk(str(path))
    except (OSError, ValueError, KeyError, TypeError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DatasetError(
            f"{path} is not a readable Hugging Face dataset: {reason}; save it again with "
            "save_to_disk"
        ) from None
    parts = saved if isinstance(saved, dict) else {"train": saved}
    return {str(name): _saved_table(str(name), part) for name, part in parts.items()}


def _saved_table(name: str, part: Any) -> Table:
    import datasets

    plain = part.with_format(None)  # a saved torch or numpy format would give tensors
    cells: dict[str, list[object]] = {}
    for column, feature in plain.features.items():
        values = list(plain[column])
        named = isinstance(feature, datasets.ClassLabel)
        cells[column] = _named(values, feature.names) if named else values
    return Table(name, cells, _places(name, len(plain)))


def _named(values: Sequence[object], names: Sequence[str]) -> list[object]:
    """Turn class numbers into names; -1 is Hugging Face's word for no label."""
    known: dict[object, object] = {-1: None, None: None, **dict(enumerate(names))}
    return [known.get(value, value) for value in values]


def _stored_class_names(metadata: Mapping[bytes, bytes]) -> dict[str, list[str]]:
    """Find ClassLabel names in parquet metadata; none if there are none to be read."""
    try:
        features = json.loads(metadata[b"huggingface"])["info"]["features"]
        return {
            column: [str(name) for name in feature["names"]]
            for column, feature in features.items()
            if isinstance(feature, dict) and feature.get("_type") == "ClassLabel"
        }
    except (KeyError, ValueError, TypeError, AttributeError):
        return {}


def _places(name: str, count: int) -> list[str]:
    return [f"{name} row {number}" for number in range(1, count + 1)]
