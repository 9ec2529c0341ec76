"""Names, places and organisations, found by a model that TuneOS tuned, beside what has a form."""

from __future__ import annotations

from pathlib import Path

from ..errors import ModelError
from .masked_rows import Find
from .personal_data import Finding, find_personal_data

# What a model calls the kinds that have a form.
_SAME = {
    "EMAIL_ADDRESS": "EMAIL",
    "IBAN_CODE": "IBAN",
    "CREDIT_CARD": "CARD",
    "IP_ADDRESS": "IP",
    "US_SSN": "SSN",
    "PHONE_NUMBER": "PHONE",
}


def finder(folder: Path) -> Find:
    """Find personal data by form, and by a token-classification model.

    Where both find something the form counts; all that the model marks is personal data.

    Raises:
        ModelError: The folder holds no such model.
    """
    from ..deployment.model import load_model
    from ..tasks import find_task

    model = load_model(folder)
    task = find_task("token-classification")
    if model.task.name != task.name:
        raise ModelError(f"model {folder}: is for {model.task.name}, not for {task.name}")

    def find(text: str) -> list[Finding]:
        formed = find_personal_data(text)
        if not text.strip():
            return formed
        from ..datasets.tables import Table

        split = task.ask(Table("text", {"text": [text]}, ["text"]), "text")
        spans = model.answers(split, prepared=True)[0]["spans"]
        named = [Finding(_SAME.get(s["label"], s["label"]), s["start"], s["end"]) for s in spans]
        return united(formed, named)

    return find


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
