"""Controllable generation: controls read, obeyed and judged by someone else."""

from __future__ import annotations

from pathlib import Path

import pytest
from tuneos.tools.datasets.columns import Asked
from tuneos.tools.datasets.tables import Table
from tuneos.tools.errors import DatasetError, ModelError
from tuneos.tools.tasks import find_task
from tuneos.tools.training.judge import agreement, fit_judge, kept_from_judge, load_judge
from tuneos.tools.training.quoting import recall_texts, remember_texts

TASK = find_task("text-generation")
GOOD, BAD = {"mood": "good"}, {"mood": "bad"}


def table(**cells: list[object]) -> Table:
    n = len(next(iter(cells.values())))
    return Table("train.jsonl", dict(cells), [f"train.jsonl line {i + 1}" for i in range(n)])


@pytest.mark.parametrize(
    ("cells", "label", "control"),
    [
        ({"control": [{"mood": "good", "length": 3}]}, None, {"mood": "good", "length": "3"}),
        ({"control": ["good"]}, None, {"control": "good"}),
        (
            {"control_mood": ["good"], "control.size": ["big"]},
            None,
            {"mood": "good", "size": "big"},
        ),
        ({"label": [" good "]}, None, {"label": "good"}),
        ({"kind": ["good"]}, "kind", {"kind": "good"}),
        ({"prompt": ["Say something"]}, None, {}),
    ],
)
def test_controls_are_read_however_they_are_called(
    cells: dict[str, list[object]], label: str | None, control: dict[str, str]
) -> None:
    rows = TASK.read(table(text=["a fine day"], **cells), Asked(label=label), train=True)
    assert rows.split.rows[0]["control"] == control
    assert rows.split.rows[0]["text"] == "a fine day"


def test_rows_are_copies_by_what_is_written_not_by_their_control() -> None:
    rows = TASK.read(table(text=["a", "b"], label=["good", "good"]), Asked(), train=True)
    assert len(set(rows.split.texts)) == 2
    assert rows.split.labels == ("good", "good")


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ({"text": ["a"]}, "neither a control nor a prompt"),
        ({"text": ["a"], "control": [None]}, "line 1: neither control nor prompt"),
        ({"text": ["a"], "control": [["good"]]}, "line 1: column 'control' must hold one value"),
        ({"text": ["a"], "control": [{"mood": ["x"]}]}, "line 1: column 'control' must hold"),
        ({"control": ["good"]}, "has no text"),
    ],
)
def test_bad_rows_are_told(cells: dict[str, list[object]], words: str) -> None:
    with pytest.raises(DatasetError, match=words):
        TASK.read(table(**cells), Asked(), train=True)


def test_answer_depends_on_the_wish_alone() -> None:
    with_gold = TASK.read(table(text=["secret"], label=["good"]), Asked(), train=False).split
    prompted = TASK.prompted(with_gold.rows[0])  # type: ignore[attr-defined]
    assert "secret" not in prompted.prompt + prompted.bare
    assert prompted.target == "secret"
    assert "label: good" in prompted.prompt
    assert prompted.bare == "label: good"
    asked = TASK.ask(table(control=[GOOD]), None)
    assert TASK.prompted(asked.rows[0]).target == ""  # type: ignore[attr-defined]


def _corpus() -> tuple[list[str], list[dict[str, str]]]:
    texts = [f"{'lovely bright' if i % 2 else 'awful dull'} film number {i}" for i in range(60)]
    return texts, [GOOD if i % 2 else BAD for i in range(60)]


def test_judge_tells_controls_apart_after_loading(tmp_path: Path) -> None:
    texts, controls = _corpus()
    assert fit_judge(texts, controls, tmp_path) == {"mood": ("bad", "good")}
    judged = load_judge(tmp_path)(["a lovely bright day", "an awful dull day"])
    assert judged == [GOOD, BAD]
    assert agreement(judged, [GOOD, GOOD]) == ([1, 0], [1, 1])
    assert agreement(judged, [{}, {"size": "big"}]) == ([0, 0], [0, 0])


def test_judge_never_saw_what_the_cheap_rungs_quote(tmp_path: Path) -> None:
    texts = [f"word{i} film" for i in range(40)]
    fit_judge(texts, [GOOD if i % 2 else BAD for i in range(40)], tmp_path)
    vocabulary = (tmp_path / "judge" / "0" / "vocabulary.json").read_text(encoding="utf-8")
    for i in range(40):
        assert (f'"word{i}"' in vocabulary) != kept_from_judge(i)


def test_control_of_one_value_is_not_judged(tmp_path: Path) -> None:
    assert fit_judge(["a b", "c d", "e f"], [GOOD] * 3, tmp_path) == {}
    assert load_judge(tmp_path)(["x"]) == [{}]


def test_quotes_heed_the_control_and_do_not_repeat(tmp_path: Path) -> None:
    remember_texts(["g1", "b1", "g2"], [GOOD, BAD, GOOD], tmp_path)
    heeding = recall_texts(tmp_path, heeding=True)
    assert heeding([GOOD, BAD, GOOD, GOOD, {"mood": "odd"}]) == ["g1", "b1", "g2", "g1", "g1"]
    assert recall_texts(tmp_path, heeding=False)([BAD, BAD, BAD]) == ["g1", "b1", "g2"]
    (tmp_path / "texts.jsonl").write_text("{", encoding="utf-8")
    with pytest.raises(ModelError, match=r"texts\.jsonl: cannot be read"):
        recall_texts(tmp_path, heeding=True)


def test_control_accuracy_counts_what_the_judge_finds(tmp_path: Path) -> None:
    from tuneos.evals.measures import score

    split = TASK.read(table(text=["a", "b"], control=[GOOD, BAD]), Asked(), train=False).split
    answers = [
        {"text": "x y", "_judged": GOOD, "_nll": 4.0, "_tokens": 2},
        {"text": "x z", "_judged": GOOD, "_nll": 2.0, "_tokens": 1},
    ]
    found = score(TASK.stats(split, answers))
    assert found["control_accuracy"] == 0.5
    assert found["nll"] == 2.0
    assert found["distinct_1"] == 0.75
