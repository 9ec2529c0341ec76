"""Small datasets on disk."""

from collections.abc import Callable

import pytest
from tuneos.tools.datasets.types import Split

GREETINGS = [
    ("hello there my friend", "greet"),
    ("good morning to you all", "greet"),
    ("hi how are you doing", "greet"),
    ("see you next week then", "leave"),
    ("good night and sleep well", "leave"),
    ("bye for now my friend", "leave"),
]


@pytest.fixture
def good_csv() -> str:
    """Return a CSV that reads without a word."""
    return "text,label\n" + "".join(f"{text},{label}\n" for text, label in GREETINGS)


@pytest.fixture
def make_split() -> Callable[..., Split]:
    """Return a maker of splits from (text, label) pairs."""

    def make(*rows: tuple[str, str], name: str = "train.csv") -> Split:
        return Split(
            tuple(text for text, _ in rows),
            tuple(label for _, label in rows),
            (None,) * len(rows),
            tuple(f"{name} row {number}" for number in range(2, len(rows) + 2)),
        )

    return make
