"""Names, places and organisations, found by a model that TuneOS tuned, beside what has a form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ModelError
from .masked_rows import Find
from .personal_data import Finding, find_personal_data

if TYPE_CHECKING:
    from ..deployment.model import Model
    from ..tasks.task import Progress

NAMES_TASK = "token-classification"
# What a model calls the kinds that have a form.
_SAME = {
    "EMAIL_ADDRESS": "EMAIL",
    "IBAN_CODE": "IBAN",
    "CREDIT_CARD": "CARD",
    "IP_ADDRESS": "IP",
    "US_SSN": "SSN",
    "PHONE_NUMBER": "PHONE",
}


@dataclass(frozen=True)
class Finder:
    """Finds personal data by form, and by a token-classification model.

    Where both find something the form counts; all that the model marks is personal data.
    """

    model: Model

    def __call__(self, text: str) -> list[Finding]:
        """Find in one text."""
        return self.ahead([text])(text)

    def ahead(self, texts: Sequence[str], progress: Progress | None = None) -> Find:
        """Find in many texts at once, which is faster than one by one."""
        from ..datasets.tables import Table

        asked = [text for text in texts if text.strip()]
        named: dict[str, list[Finding]] = {}
        places = [""] * len(asked)
        if asked:
            split = self.model.task.ask(Table("text", {"text": list(asked)}, places), "text")
            answers = self.model.answers(split, progress, prepared=True)
            for text, answer in zip(asked, answers, strict=True):
                named[text] = [
                    Finding(_SAME.get(s["label"], s["label"]), s["start"], s["end"])
                    for s in answer["spans"]
                ]
        return lambda text: united(find_personal_data(text), named.get(text, []))


def finder(folder: Path) -> Finder:
    """Load a model that finds names and the like.

    Raises:
        ModelError: The folder holds no such model.
    """
    from ..deployment.model import load_model

    check_names(folder)
    return Finder(load_model(folder))


def check_names(folder: Path) -> None:
    """Tell from its description whether a model can find names.

    Raises:
        ModelError: The folder holds no model, or one for another task.
    """
    from ..deployment.saved import read_card

    task = read_card(folder).task
    if task != NAMES_TASK:
        raise ModelError(f"model {folder}: is for {task}, not for {NAMES_TASK}, which finds names")


def united(formed: list[Finding], named: list[Finding]) -> list[Finding]:
    """Join findings by form with those of a model.

    Of a model's finding that meets one by form, what lies outside it stays masked.
    """
    kept = list(formed)
    for found in named:
        start = found.start
        for other in formed:
            if other.end <= start or other.start >= found.end:
                continue
            if other.start > start:
                kept.append(Finding(found.kind, start, other.start))
            start = max(start, other.end)
        if start < found.end:
            kept.append(Finding(found.kind, start, found.end))
    return sorted(kept, key=lambda one: one.start)
