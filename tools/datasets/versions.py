"""Versions of the training data: every change makes a new one, the old ones stay."""

from __future__ import annotations

from pathlib import Path

from ...memory.artifacts import ArtifactStore
from ...memory.errors import DataDamaged, StoreError
from ..facts import DataVersion
from ..guardrails.masking import Masking
from .splits import data_hash, read_split, write_split
from .types import Split


def save_version(
    store: ArtifactStore,
    train: Split,
    validation: Split,
    *,
    name: str,
    masked: bool = False,
    masking: Masking | None = None,
    cleaned: bool = False,
) -> DataVersion:
    """Keep train and validation under the hash of their rows; the same rows are kept once.

    How they were masked counts as well: models of rows that happen to hold no personal data
    must mask their inputs all the same.
    """
    what: dict[str, object] = {"data": data_hash({"train": train, "validation": validation})}
    if masking is not None:
        what["masking"] = masking.model_dump(mode="json", exclude={"names"})
    key = store.key(what)
    if not store.has_whole(key):
        with store.writing(key) as folder:
            write_split(folder / "train.jsonl", train)
            write_split(folder / "validation.jsonl", validation)
    return DataVersion(
        key=key,
        name=name,
        folder=str(store.path(key)),
        train_rows=len(train),
        validation_rows=len(validation),
        masked=masked,
        masking=masking,
        cleaned=cleaned,
    )


def verify_rows(store: ArtifactStore, key: str) -> None:
    """Make sure that a version's files are as they were written.

    Raises:
        DataDamaged: They are not.
    """
    try:
        store.verify(key)
    except StoreError as error:
        what, _, _ = str(error).partition(" Remove the folder")
        raise DataDamaged(
            f"The rows of this run are damaged: {what} Start it again with the same tuneos run "
            "command: rows are written anew, and finished jobs are reused."
        ) from error


def load_version(version: DataVersion) -> tuple[Split, Split]:
    """Read train and validation of a version.

    Raises:
        DataDamaged: Its files are not as they were written.
    """
    folder = Path(version.folder)
    verify_rows(ArtifactStore(folder.parent), version.key)
    return read_split(folder / "train.jsonl"), read_split(folder / "validation.jsonl")
