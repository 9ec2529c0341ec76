"""Which file of DATA holds which split."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path

from ..errors import DatasetError
from .formats import TABLES, reader_of
from .tables import shown

SUFFIXES = (*TABLES, ".conll", ".txt")
CHOOSING, JUDGING = "ood", "test_ood"  # rows out of the domain, and what each file is for
ALIASES = {
    "train": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "dev": "validation",
    "test": "test",
}
_FORMATS = "CSV, TSV, JSONL, parquet or a saved Hugging Face dataset"
_HINTS = {
    ".json": "write one JSON object a line and name it .jsonl",
    ".xlsx": "save the sheet as CSV",
    ".xls": "save the sheet as CSV",
    ".gz": "unpack it with gunzip",
    ".zip": "unpack it with unzip",
    ".arrow": "give the folder that save_to_disk made, not a file inside it",
}


@dataclass(frozen=True)
class Located:
    """The file of each split found, keys from SPLIT_NAMES, and what was inferred."""

    files: dict[str, Path]
    guesses: tuple[str, ...] = ()


def locate(path: Path) -> Located:
    """Find the files of the splits; a single file is train.

    In a folder `train.*`, `validation.*` and `test.*` count (`valid`, `val` and `dev` stand
    for validation), with a supported extension, and folders of these names in BRAT's format;
    everything else in it is let be, tables with a word. So is a CoNLL or SQuAD file beside a
    table of the same name. A folder in BRAT's format itself is train.

    Raises:
        DatasetError: Nothing is there, no train file is there, one split has two files, or
            the extension is unsupported.
    """
    if path.is_file():
        if reader_of(path) is None:
            raise DatasetError(_unsupported(path))
        return Located({"train": path})
    if not path.is_dir():
        raise DatasetError(_missing(path))
    return Located({"train": path}) if reader_of(path) else _in_folder(path)


def split_of(name: str) -> str | None:
    """Return the split that a file's stem or a dataset's split name stands for."""
    return ALIASES.get(name.lower())


def alias_guess(shown_name: str, split: str) -> str:
    """Say that a name was taken for a split."""
    return f"{shown_name} is taken as the {split} split"


def _in_folder(folder: Path) -> Located:
    entries = _entries(folder)
    files: dict[str, Path] = {}
    guesses = []
    for entry in entries:
        split = split_of(entry.stem)
        if split is None or reader_of(entry) is None:
            continue
        if split in files:
            kept = _of_two(folder, split, files[split], entry)
            other = entry if kept is files[split] else files[split]
            guesses.append(f"{other.name} is let be, as {kept.name} stands beside it")
            files[split] = kept
            continue
        files[split] = entry
        if entry.stem.lower() != split:
            guesses.append(alias_guess(entry.name, split))
    if "train" not in files:
        raise DatasetError(_no_train(folder, entries))
    unknown = [e for e in entries if not split_of(e.stem) and e.stem not in (CHOOSING, JUDGING)]
    others = [e.name for e in unknown if e.suffix.lower() in TABLES]
    if others:
        guesses.append(f"not read, as no split has that name: {shown(others)}")
    return Located(files, tuple(guesses))


def refuse_links_out(folder: Path) -> None:
    """Refuse links among the data that lead to files outside: nobody named those.

    Raises:
        DatasetError: A file of a split, or of a document, is one.
    """
    home = folder.resolve()
    for entry in _entries(folder):
        inside = [entry]
        if entry.is_dir() and split_of(entry.name) and not entry.is_symlink():
            inside += _entries(entry)
        for path in inside:
            used = split_of(path.name.partition(".")[0]) or path.suffix in {".ann", ".txt"}
            if used and path.is_symlink() and not path.resolve().is_relative_to(home):
                raise DatasetError(
                    f"{path} is a link that leads out of {folder}; put the file itself there, "
                    "or name it as DATA"
                )


def _entries(folder: Path) -> list[Path]:
    """What a folder holds, sorted.

    Raises:
        DatasetError: It cannot be listed.
    """
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        raise DatasetError(f"{folder} cannot be listed: {error.strerror or error}") from None


def _of_two(folder: Path, split: str, one: Path, other: Path) -> Path:
    """Choose among two files for a split: the table, where the other only copies its name."""
    tables = [path for path in (one, other) if path.suffix.lower() in TABLES]
    if len(tables) == 1 and one.stem == other.stem:
        return tables[0]
    raise DatasetError(
        f"{folder} holds two files for the {split} split: {one.name} and {other.name}; "
        "keep one, or name the file to use instead of the folder"
    )


def _no_train(folder: Path, entries: list[Path]) -> str:
    wrong = [entry for entry in entries if entry.name.lower().startswith("train.")]
    if wrong and wrong[0].is_file():
        return _unsupported(wrong[0])
    holds = f"it holds {shown(entry.name for entry in entries)}" if entries else "it is empty"
    allowed = ", ".join(f"train{suffix}" for suffix in SUFFIXES)
    return f"{folder} has no train file ({holds}); name one {allowed}, or give one file as DATA"


def _unsupported(path: Path) -> str:
    suffix = path.suffix.lower()
    seen = f"the extension {suffix}" if suffix else "no extension"
    hint = _HINTS.get(suffix, f"give it as {_FORMATS}")
    return f"{path} has {seen}, which is not supported ({', '.join(SUFFIXES)} are); {hint}"


def _missing(path: Path) -> str:
    if path.exists():
        return f"{path} is neither a file nor a folder; give {_FORMATS}"
    parent = path.parent
    there = [entry.name for entry in parent.iterdir()] if parent.is_dir() else []
    near = difflib.get_close_matches(path.name, there, n=1)
    hint = f"did you mean {parent / near[0]}?" if near else "check the path"
    return f"{path} does not exist; {hint}"
