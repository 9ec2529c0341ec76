"""Whatever the task, a changed row's gold still holds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from tuneos.tools.augment.added import Added, with_added
from tuneos.tools.augment.making import make_rows
from tuneos.tools.augment.noise import noisy
from tuneos.tools.datasets.columns import Asked
from tuneos.tools.datasets.entities import marked, unmarked
from tuneos.tools.datasets.tables import Table
from tuneos.tools.datasets.types import Row, Split
from tuneos.tools.tasks import MODULES, find_task
from tuneos.tools.tasks.pieces import Changed, Edit
from tuneos.tools.training.base_model import find_base_model

Fields = dict[str, Sequence[Any]]


def read(task: str, cells: Fields) -> Split:
    size = len(next(iter(cells.values())))
    places = [f"t row {i}" for i in range(size)]
    asked = Asked("text", "label") if task == "text-classification" else Asked(None, None)
    table = Table("t", {k: list(v) for k, v in cells.items()}, places)
    return find_task(task).read_all({"train": table}, asked).splits["train"]


DRUGS = "Doctors sometimes prescribe ibuprofen against headache, never for children"
PAIRS = "The tremendous earthquake damaged several hundred buildings yesterday"
CONTEXT = "Normandy was settled by Norsemen during the tenth century under Rollo"
ROWS: dict[str, Fields] = {
    "text-classification": {
        "text": ["my parcel never arrived", "great service", "parcel arrived", "awful service"],
        "label": "aabb",
    },
    "multi-label-classification": {
        "text": ["what wonderful weather", "terrible evening altogether"],
        "labels": [["joy", "love"], ["anger"]],
    },
    "token-classification": {
        "text": [DRUGS, "nothing whatsoever here"],
        "spans": [[{"start": 28, "end": 37, "label": "Drug"}], []],
    },
    "relation-extraction": {
        "text": [PAIRS] * 2,
        "head": [{"text": "earthquake", "start": 15, "end": 25}] * 2,
        "tail": [{"text": "buildings", "start": 50, "end": 59}] * 2,
        "label": ["Cause-Effect(e1,e2)", "Other"],
    },
    "question-answering": {
        "context": [CONTEXT],
        "question": ["Who settled Normandy during the tenth century?"],
        "answers": [{"text": ["Norsemen"], "answer_start": [24]}],
    },
    "multiple-choice": {
        "question": ["Where would somebody usually keep butter?", "What barks loudly?"],
        "choices": [["fridge", "garden"], ["dogs", "cats"]],
        "answer": [0, 0],
    },
    "sentence-pair": {
        "sentence1": ["somebody plays guitar outside", "children sleep"],
        "sentence2": ["music sounds somewhere", "children dance"],
        "label": ["entailment", "contradiction"],
    },
    "translation": {"source": ["yesterday everything rained"], "target": ["Gestern Regen"]},
    "summarisation": {"source": ["Everything rained. Nothing dried."], "summary": ["Regen"]},
    "code-generation": {
        "prompt": ["Return whatever number comes first."],
        "solution": ["def f(): return 1"],
        "tests": [["assert f() == 1"]],
    },
    "reasoning": {
        "question": ["Tina makes 18 dollars every hour; how many after 10 hours?"],
        "solution": ["18 * 10 = 180"],
        "answer": ["180"],
    },
    "text-generation": {"text": ["wonderful film", "awful"], "control": ["positive", "negative"]},
    "dialogue": {
        "turns": [
            [
                {
                    "role": "user",
                    "text": "Something Barbecue around Campbell please",
                    "intent": "Find",
                    "slots": {"city": "Campbell"},
                },
                {"role": "assistant", "text": "There are three"},
            ]
        ]
    },
}


def entities_hold(old: Row, new: Row) -> None:
    assert new["tags"] == old["tags"]
    assert [new["text"][a:b] for a, b in new["offsets"]] == new["tokens"]
    assert "ibuprofen" in new["tokens"] or "nothing" in old["text"]


def relation_holds(old: Row, new: Row) -> None:
    assert new["label"] == old["label"]
    for name in ("head", "tail"):
        span = new[name]
        assert new["text"][span["start"] : span["end"]] == span["text"] == old[name]["text"]


def answer_holds(old: Row, new: Row) -> None:
    (answer,) = new["answers"]
    assert new["context"][answer["start"] :].startswith("Norsemen")


def dialogue_holds(old: Row, new: Row) -> None:
    assert (new["reply"], new["slots"]) == (old["reply"], old["slots"])
    assert "Campbell" in new["messages"][0]["content"]


def numbers_hold(old: Row, new: Row) -> None:
    assert [w for w in new["question"] if w.isdigit()] == [
        w for w in old["question"] if w.isdigit()
    ]


HOLDS: dict[str, Callable[[Row, Row], None]] = {
    "token-classification": entities_hold,
    "relation-extraction": relation_holds,
    "question-answering": answer_holds,
    "dialogue": dialogue_holds,
    "reasoning": numbers_hold,
}
GOLD = ("labels", "label", "choices", "answer", "target", "references", "solution", "tests")
NOISY = sorted(name for name in MODULES if "noise" in find_task(name).augments)


def test_every_task_but_raw_text_has_some_way() -> None:
    assert set(ROWS) == {name for name in MODULES if find_task(name).augments}
    assert set(MODULES) - set(ROWS) == {"language-modelling"}


@pytest.mark.parametrize("task", NOISY)
def test_gold_holds_in_noisy_rows(task: str) -> None:
    split, kind, rng = read(task, ROWS[task]), find_task(task), np.random.default_rng(0)
    base = find_base_model("builtin:minilm")
    sources = [i for i in range(len(split)) for _ in range(15)]
    made = make_rows("noise", kind, split, sources, rng, base)
    assert len(made) >= len(sources) - 5
    both = with_added(split, made)
    assert len(both.rows) == (len(both) if split.rows else 0)
    for row in made:
        assert row.text != split.texts[row.source]
        if row.row is not None:
            old = split.rows[row.source]
            assert row.row.keys() == old.keys()
            assert all(row.row[name] == old[name] for name in GOLD if name in old)
            if task in HOLDS:
                HOLDS[task](old, row.row)


@pytest.mark.parametrize("task", NOISY)
def test_text_of_a_changed_row_is_what_reading_it_would_give(task: str) -> None:
    split, kind = read(task, ROWS[task]), find_task(task)
    for i in range(len(split)):
        same = kind.rewritten(split, i, [Changed(p.text) for p in kind.pieces(split, i)])
        assert same is not None
        assert same[0] == split.texts[i]
        assert same[1] == (split.rows[i] if split.rows else None)


@pytest.mark.parametrize(
    ("task", "fields", "wanted"),
    [
        ("text-classification", {"text": "new"}, "new"),
        ("multi-label-classification", {"text": "new"}, "new"),
        ("sentence-pair", {"first": "a", "second": "b"}, "a\nb"),
        ("text-generation", {"text": "new"}, "new"),
        (
            "relation-extraction",
            {"text": "A <e1>storm</e1> broke <e2>windows</e2>"},
            "A <e1>storm</e1> broke <e2>windows</e2>",
        ),
        ("relation-extraction", {"text": "no marks"}, None),
        ("token-classification", {"text": "Give [aspirin](Drug) daily"}, "Give aspirin daily"),
        ("token-classification", {"text": "Give [aspirin](Pill) daily"}, None),
        ("token-classification", {"text": "Give aspirin daily"}, None),
        ("token-classification", {"text": "Give [as](Drug)pirin"}, None),
    ],
)
def test_rows_that_were_written_are_read(
    task: str, fields: dict[str, str], wanted: str | None
) -> None:
    split, kind = read(task, ROWS[task]), find_task(task)
    assert set(kind.example(split, 0) or {}) == set(fields)
    found = kind.composed(split, 0, fields)
    assert (found and found[0]) == wanted
    if found is not None and found[1] is not None:
        assert found[1].keys() == split.rows[0].keys()


def test_marked_entities_are_read_back() -> None:
    split = read("token-classification", ROWS["token-classification"])
    for row in split.rows:
        assert unmarked(marked(row)) == row


@pytest.mark.parametrize(
    ("stretch", "wanted"), [((0, 3), (0, 5)), ((4, 7), (6, 9)), ((1, 7), None), ((0, 7), (0, 9))]
)
def test_places_move_with_the_edits_before_them(
    stretch: tuple[int, int], wanted: tuple[int, int] | None
) -> None:
    changed = Changed("the cat", (Edit(0, 3, "those"),))
    assert changed.text == "those cat"
    assert changed.moved(*stretch) == wanted


def test_task_without_labels_takes_rows_of_its_own_kind() -> None:
    split = read("translation", ROWS["translation"])
    both = with_added(split, [Added("x", 0, "o", {**split.rows[0], "source": "x"})])
    assert [row["source"] for row in both.rows] == [split.texts[0], "x"]
    assert noisy(find_task("translation").pieces(split, 0)[0], np.random.default_rng(0)).edits
