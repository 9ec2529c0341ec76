"""What users of annotated dialogues want: an intent classifier, and slots by a lexicon.

They stand beside the model that replies and do not depend on it: the intent is that of a
linear classifier over the user's words, a slot's value the latest mention of one that
training rows had for it, among the slots that go with the intent there. Values that no
training row has are not found.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..datasets.types import Row
from ..errors import ModelError
from .linear import fit_linear
from .tfidf import fit_features, save_beside

INTENT, LEXICON = "intent", "slots.json"
STRENGTH = 30.0  # of the intent classifier: sparse features need a weak penalty
OFTEN = 0.05  # share of an intent's rows that have a slot, from which it goes with it


@dataclass(frozen=True)
class Annotated:
    """What the user of one row wants, as far as it is known or found."""

    intent: str
    slots: dict[str, str]


def fit_annotator(rows: Sequence[Row], folder: Path) -> bool:
    """Fit on the annotated rows, and write the result under a model's folder.

    Returns:
        Whether there was anything to fit: at least two intents.
    """
    known = [row for row in rows if row.get("intent")]
    intents = sorted({row["intent"] for row in known})
    fitted = fit_features([intent_text(row) for row in known]) if len(intents) > 1 else None
    if fitted is None:
        return False
    features, matrix = fitted
    index = {intent: i for i, intent in enumerate(intents)}
    true = np.array([index[row["intent"]] for row in known], np.int64)
    head = fit_linear(matrix, true, len(intents), strength=STRENGTH)
    save_beside(folder / INTENT, features, head, intents)
    (folder / LEXICON).write_text(json.dumps(_lexicon(known), ensure_ascii=False), "utf-8")
    return True


def load_annotator(folder: Path) -> Callable[[Sequence[Row]], list[Annotated]] | None:
    """Load what `fit_annotator` wrote; None where it wrote nothing.

    Raises:
        ModelError: It is damaged.
    """
    path = folder / LEXICON
    if not path.is_file():
        return None
    from ..deployment.load import load_classifier

    classifier = load_classifier(folder / INTENT)
    try:
        lexicon: dict[str, dict[str, list[str]]] = json.loads(path.read_text("utf-8"))
        found = {i: {s: _Values(v) for s, v in slots.items()} for i, slots in lexicon.items()}
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise ModelError(f"model {path}: cannot be read: {error}") from error
    labels = classifier.card.labels

    def annotate(rows: Sequence[Row]) -> list[Annotated]:
        best = classifier.probabilities([intent_text(row) for row in rows], prepared=True)
        intents = [labels[i] for i in best.argmax(axis=1)]
        return [
            Annotated(intent, _slots(row, found.get(intent, {})))
            for row, intent in zip(rows, intents, strict=True)
        ]

    return annotate


def intent_text(row: Row) -> str:
    """The user's last words, marked, after all that was said: an intent outlives its turn."""
    *before, last = row["messages"]
    now = " ".join(f"now_{word}" for word in re.findall(r"\w+", last["content"].lower()))
    return f"{' '.join(m['content'] for m in before)} {now}"


def _lexicon(rows: Sequence[Row]) -> dict[str, dict[str, list[str]]]:
    """Intent -> slots that go with it -> values, the most frequent first."""
    values: dict[str, Counter[str]] = defaultdict(Counter)
    together: dict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        for slot, value in (row.get("slots") or {}).items():
            values[slot][value] += 1
            together[row["intent"]][slot] += 1
    counts = Counter(row["intent"] for row in rows)
    ranked = {s: [v for v, _ in c.most_common()] for s, c in sorted(values.items())}
    return {
        intent: {
            slot: ranked[slot]
            for slot, count in sorted(slots.items())
            if count >= OFTEN * counts[intent]
        }
        for intent, slots in sorted(together.items())
    }


class _Values:
    """A slot's known values, as one pattern that finds them whole."""

    def __init__(self, values: Sequence[str]) -> None:
        self.by_key: dict[str, str] = {}
        for value in values:
            self.by_key.setdefault(value.lower(), value)
        longest = sorted(self.by_key, key=len, reverse=True)
        self.pattern = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, longest))})(?!\w)")

    def latest(self, text: str) -> str | None:
        found = self.pattern.findall(text)
        return self.by_key[found[-1]] if found else None


def _slots(row: Row, known: dict[str, _Values]) -> dict[str, str]:
    text = "\n".join(message["content"] for message in row["messages"]).lower()
    found = {slot: values.latest(text) for slot, values in known.items()}
    return {slot: value for slot, value in found.items() if value is not None}
