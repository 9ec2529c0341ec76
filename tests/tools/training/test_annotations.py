"""What users of annotated dialogues want is found beside the reply."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tuneos.tools.errors import ModelError
from tuneos.tools.training.annotations import LEXICON, fit_annotator, load_annotator


def row(said: str, intent: str = "", **slots: str) -> dict[str, Any]:
    found: dict[str, Any] = {"messages": [{"role": "user", "content": said}]}
    return {**found, "intent": intent, "slots": slots} if intent else found


ROWS = [
    row("a train to Bern please", "Trains", to="Bern"),
    row("any train to New York", "Trains", to="New York"),
    row("is there a train to York", "Trains", to="York"),
    row("book a table at Luigi's", "Tables", where="Luigi's"),
    row("a table for us at Mario (old town)", "Tables", where="Mario (old town)"),
    row("hello there"),
]


def test_intent_and_slots_are_found(tmp_path: Path) -> None:
    assert fit_annotator(ROWS, tmp_path)
    annotate = load_annotator(tmp_path)
    assert annotate is not None
    asked = [
        row("need a train, to new york!"),
        row("a table at mario (old town)"),
        row("train to Paris"),
    ]
    found = [(a.intent, a.slots) for a in annotate(asked)]
    assert found == [
        ("Trains", {"to": "New York"}),
        ("Tables", {"where": "Mario (old town)"}),
        ("Trains", {}),
    ]


def test_the_latest_mention_counts(tmp_path: Path) -> None:
    fit_annotator(ROWS, tmp_path)
    annotate = load_annotator(tmp_path)
    chat = row("train to Bern")
    chat["messages"] += [
        {"role": "assistant", "content": "At nine?"},
        {"role": "user", "content": "No train to Bern: a train to York"},
    ]
    assert annotate is not None
    assert annotate([chat])[0].slots == {"to": "York"}


@pytest.mark.parametrize("rows", [[], [row("hello")], [row("a", "One"), row("b", "One")]])
def test_nothing_is_written_without_two_intents(tmp_path: Path, rows: list[dict[str, Any]]) -> None:
    assert not fit_annotator(rows, tmp_path)
    assert load_annotator(tmp_path) is None


def test_a_damaged_lexicon_is_named(tmp_path: Path) -> None:
    fit_annotator(ROWS, tmp_path)
    (tmp_path / LEXICON).write_text('{"Trains": 3}')
    with pytest.raises(ModelError, match=LEXICON):
        load_annotator(tmp_path)
