"""What masks the rows of a run, and the inputs of its models: the same thing, made in one place."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..datasets.types import Split
from ..errors import ModelError
from .edits import Replacement
from .masked_rows import Find, Masker
from .masking import Masking
from .named import finder
from .personal_data import find_personal_data, secrets_in
from .pseudonyms import SECRET_BYTES, Pseudonyms
from .row_masks import Ahead, MaskedSplit, Progress, mask_rows

if TYPE_CHECKING:
    from ..deployment.saved import SavedModel
    from ..tasks.task import Task


@dataclass(frozen=True)
class RowGuard:
    """Masks rows of any task.

    Attributes:
        masker: What is found, and what stands in its place.
        ahead: Finds in many texts at once, where a model finds names.
    """

    masker: Masker
    ahead: Ahead | None = None

    def __call__(self, task: Task, split: Split, progress: Progress | None = None) -> MaskedSplit:
        """Mask every row."""
        return mask_rows(task, split, self.masker, ahead=self.ahead, progress=progress)


def bracketed(kind: str, value: str) -> str:
    """Give what stands for a value that is masked: its kind."""
    return f"[{kind}]"


def row_guard(mode: str, names: Path | None, secret: Callable[[], bytes]) -> RowGuard:
    """Make what masks rows.

    Args:
        mode: Of `Masking`, or "report".
        names: Folder of a model that finds names and the like.
        secret: Gives the secret that stand-ins are drawn under, where the mode needs one.

    Raises:
        ModelError: The model of names cannot be used.
    """
    replacement: Replacement = bracketed
    if mode == "pseudonymise":
        replacement = Pseudonyms(secret()).stand_in
    found: Find = secrets_in if mode == "secrets" else find_personal_data
    if names is None:
        return RowGuard(Masker(replacement, found))
    named = finder(names)
    return RowGuard(Masker(replacement, named), named.ahead)


def input_guard(card: SavedModel, folder: Path, names: Path | None = None) -> RowGuard | None:
    """Make what stands in front of a saved model: inputs are masked as its rows were.

    Stand-ins are drawn under a secret of this process alone. The model knows no stand-in by
    heart that would serve it, and with the run's secret whoever has the model could try values.

    Args:
        card: Of the model.
        folder: The model's own, for messages.
        names: Where the model of names lies now, if not where it was.

    Raises:
        ModelError: Its rows were masked with a model of names that is not there any more.
    """
    masking = card.masking
    if not card.masked and masking is None:
        return None
    if masking is None or (card.masked and not masking.complete):
        masking = Masking(mode="mask")
    where = _names(masking, folder, names)
    return row_guard(masking.mode, where, lambda: secrets.token_bytes(SECRET_BYTES))


def _names(masking: Masking, folder: Path, given: Path | None) -> Path | None:
    """Where the model of names is, once its files are those that masked the rows."""
    from ..deployment.sums import digest_of

    if not masking.names:
        if given is not None:
            raise ModelError(f"model {folder}: its rows were masked without --names; leave it out")
        return None
    where = given or Path(masking.names)
    if not where.is_dir():
        raise ModelError(
            f"model {folder}: names in its rows were masked by the model {where}, which is not "
            "there; say where it is: --names FOLDER"
        )
    if digest_of(where) != masking.names_digest:
        raise ModelError(
            f"model {folder}: names in its rows were masked by another model than {where} is now; "
            "say where that one is: --names FOLDER"
        )
    return where


def kept_secret(path: Path) -> bytes:
    """Read a secret, or make one that only its owner may read.

    Raises:
        OSError, ValueError: It cannot be read, or is none.
    """
    if not path.exists():
        made = secrets.token_bytes(SECRET_BYTES)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="ascii") as stream:
            stream.write(made.hex() + "\n")
        return made
    found = bytes.fromhex(path.read_text(encoding="ascii").strip())
    if len(found) < SECRET_BYTES:
        raise ValueError("it is too short")
    return found
