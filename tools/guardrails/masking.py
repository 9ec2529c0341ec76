"""How personal data is taken out of a run's rows, and of the inputs of its models."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict

Mode = Literal["mask", "pseudonymise", "drop", "report"]
MODES: tuple[str, ...] = get_args(Mode)
AUDIT = "personal_data.jsonl"  # in a run's folder
STAND_INS = "stand-ins.key"  # likewise, while it goes on


@dataclass(frozen=True)
class DataGuard:
    """What the person wants done about personal data in a run's rows.

    Attributes:
        mode: None: the agent masks what it may; secrets are taken out all the same.
        names: Model that finds names and the like, or None.
        folder: The run's own: for the audit, and the secret that stand-ins are drawn under.
    """

    mode: Mode | None = None
    names: Path | None = None
    folder: Path = Path()


class Masking(BaseModel):
    """What was done to every split of a run before anything else saw it.

    Attributes:
        mode: "secrets": keys and tokens alone, which no run keeps unless it is told to.
        names: Folder of the model that found names, or "".
        names_digest: Of its files; another model at that place is refused.
    """

    model_config = ConfigDict(frozen=True)

    mode: Literal["mask", "pseudonymise", "drop", "secrets"]
    names: str = ""
    names_digest: str = ""

    @property
    def complete(self) -> bool:
        """Whether personal data was taken out, not secrets alone."""
        return self.mode != "secrets"
