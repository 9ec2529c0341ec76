"""Typed sources: parquet files and Hugging Face datasets saved with `save_to_disk`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import DatasetError
from .decode import read_bytes
from .tables import Table

MOST_ROWS = 50_000_000
MOST_COLUMNS = 5_000
MOST_BYTES = 8 << 30
ALWAYS_BYTES = 256 << 20  # that any file may unpack to
MOST_TIMES = 200  # of the file's own size
PIECE = 1024  # rows decoded at a time
MEDIA = ("Image", "Audio", "Video", "Pdf", "Nifti")  # features that open the files they name


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
        table = _bounded(pq.ParquetFile(pa.BufferReader(data)), path.name, len(data))
    except (pa.ArrowException, OSError, OverflowError) as error:
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


def _bounded(file: Any, name: str, size: int) -> Any:
    """Read a parquet file piece by piece, and stop where it grows beyond all measure.

    Raises:
        DatasetError: It does.
    """
    import pyarrow as pa

    most = max(ALWAYS_BYTES, min(MOST_BYTES, MOST_TIMES * size))
    if file.metadata.num_rows > MOST_ROWS:
        raise DatasetError(
            f"{name} has {file.metadata.num_rows:,} rows; give {MOST_ROWS:,} at most"
        )
    if file.metadata.num_columns > MOST_COLUMNS:
        raise DatasetError(
            f"{name} has {file.metadata.num_columns:,} columns; give {MOST_COLUMNS:,} at most"
        )
    pieces, held = [], 0
    for piece in file.iter_batches(batch_size=PIECE):
        held += piece.nbytes
        if held > most:
            raise DatasetError(
                f"{name} unpacks from {size:,} to more than {most:,} bytes; if that is meant, "
                "give it in smaller files or as JSONL"
            )
        pieces.append(piece)
    return pa.Table.from_batches(pieces, file.schema_arrow)


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

    _check_saved(path)
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


def _check_saved(path: Path) -> None:
    """Refuse a saved dataset that names files of elsewhere, or has media that would be opened.

    Raises:
        DatasetError: It does.
    """
    for said in sorted(path.rglob("*.json")):
        if said.name not in {"state.json", "dataset_info.json", "dataset_dict.json"}:
            continue
        try:
            found = json.loads(said.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            continue  # load_from_disk says what is wrong
        if not isinstance(found, dict):
            raise DatasetError(f"{said} is no JSON object; save the dataset again")
        files = found.get("_data_files") or []
        names = [f.get("filename") for f in files if isinstance(f, dict)]
        names += found.get("splits", []) if said.name == "dataset_dict.json" else []
        for name in names:
            if Path(str(name)).name != name or not (said.parent / name).resolve().is_relative_to(
                path.resolve()
            ):
                raise DatasetError(f"{said} names {str(name)[:80]!r}, which leads out of {path}")
        media = next((m for m in MEDIA if f'"_type": "{m}"' in json.dumps(found)), None)
        if media is not None:
            raise DatasetError(f"{path} holds {media} columns; TuneOS reads texts: leave them out")
    for file in sorted(path.rglob("*")):
        if file.is_symlink() and not file.resolve().is_relative_to(path.resolve()):
            raise DatasetError(f"{file} is a link that leads out of {path}; put the file there")


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
