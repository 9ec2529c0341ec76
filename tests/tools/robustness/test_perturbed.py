"""Perturbations change how a row is written, never what it is right to answer."""

from __future__ import annotations

import unicodedata
from typing import Any

import numpy as np
import pytest
from tuneos.evals.measures.robust import PERTURBATIONS
from tuneos.tools.datasets.types import Split
from tuneos.tools.robustness.characters import LOOK_ALIKE, cased, disguised, punctuated
from tuneos.tools.robustness.noisy import with_noise
from tuneos.tools.robustness.opposites import may_replace, substitutes
from tuneos.tools.robustness.perturbed import CHARACTERS, Perturbation, perturbed
from tuneos.tools.tasks import find_task
from tuneos.tools.tasks.pieces import Changed, Edit, Piece

TEXT = "Please cancel my blue card, which I ordered yesterday. Thank you!"
ROWS = 12


def split(task: str) -> Split:
    """Rows whose gold points into the text."""
    text = "Alzheimer visited Frankfurt with several colleagues, and stayed there."
    rows: dict[str, dict[str, Any]] = {
        "token-classification": {
            "text": text,
            "tokens": ["Alzheimer", "visited", "Frankfurt"],
            "tags": ["B-PER", "O", "B-LOC"],
            "offsets": [[0, 9], [10, 17], [18, 27]],
        },
        "relation-extraction": {
            "text": text,
            "head": {"text": "Alzheimer", "start": 0, "end": 9},
            "tail": {"text": "Frankfurt", "start": 18, "end": 27},
        },
        "sentence-pair": {"first": text, "second": TEXT},
        "question-answering": {
            "context": text,
            "question": "Where did Alzheimer stay?",
            "answers": [{"text": "Frankfurt", "start": 18}],
        },
    }
    own = tuple(dict(rows[task]) for _ in range(ROWS)) if task in rows else ()
    texts = (TEXT if not own else text,) * ROWS
    return Split(texts, ("a",) * ROWS, (None,) * ROWS, ("x",) * ROWS, own)


@pytest.mark.parametrize("name", CHARACTERS)
def test_draws_follow_the_seed_and_the_row_alone(name: str) -> None:
    task, rows = find_task("text-classification"), split("text-classification")
    every = perturbed(task, rows, range(ROWS), CHARACTERS[name], (0, 1))
    some = perturbed(task, rows, [3, 7], CHARACTERS[name], (0, 1))
    assert some.texts == (every.texts[3], every.texts[7])
    assert any(t != TEXT for t in every.texts)
    assert every.labels == rows.labels
    assert perturbed(task, rows, range(ROWS), CHARACTERS[name], (1, 1)).texts != every.texts


@pytest.mark.parametrize("name", CHARACTERS)
@pytest.mark.parametrize("way", ["token-classification", "relation-extraction"])
def test_what_the_gold_points_at_stays_letter_for_letter(way: str, name: str) -> None:
    task = find_task(way)
    found = perturbed(task, split(way), range(ROWS), CHARACTERS[name], (0, 1))
    for row in found.rows:
        if way == "token-classification":
            spans = [(*row["offsets"][0], "Alzheimer"), (*row["offsets"][2], "Frankfurt")]
            assert row["tags"] == ["B-PER", "O", "B-LOC"]
        else:
            spans = [(row[n]["start"], row[n]["end"], row[n]["text"]) for n in ("head", "tail")]
            assert [s[2] for s in spans] == ["Alzheimer", "Frankfurt"]
        assert all(row["text"][a:b] == said for a, b, said in spans)


def test_answers_stay_in_their_context() -> None:
    for way in CHARACTERS.values():
        task = find_task("question-answering")
        for row in perturbed(task, split(task.name), range(ROWS), way, (0, 1)).rows:
            start = row["answers"][0]["start"]
            assert row["context"][start : start + 9] == "Frankfurt"


def test_edits_that_a_gold_cannot_bear_are_left_out_alone() -> None:
    """A mark that is a word of its own has a tag, which cannot be given to nothing."""
    text = "Well , Alzheimer was here"
    offsets = [[0, 4], [5, 6], [7, 16], [17, 20], [21, 25]]
    tokens = [text[a:b] for a, b in offsets]
    row = {"text": text, "tokens": tokens, "tags": ["O", "O", "B-PER", "O", "O"]}
    rows = Split((text,), ("",), (None,), ("x",), ({**row, "offsets": offsets},))

    def both(piece: Piece, _: np.random.Generator) -> Changed:
        return Changed(piece.text, (Edit(5, 6, ""), Edit(17, 20, "wsa")))

    task = find_task("token-classification")
    found = perturbed(task, rows, [0], Perturbation(both), (0, 1))
    assert found.texts[0] == "Well , Alzheimer wsa here"
    assert found.rows[0]["tokens"] == ["Well", ",", "Alzheimer", "wsa", "here"]


def test_both_texts_of_a_pair_change() -> None:
    task = find_task("sentence-pair")
    found = perturbed(task, split(task.name), range(ROWS), CHARACTERS["typos"], (0, 1)).rows
    assert all(r["first"] != split(task.name).rows[0]["first"] for r in found)
    assert all(r["second"] != TEXT for r in found)


def test_case_changes_letters_and_nothing_else() -> None:
    for seed in range(20):
        found = cased(Piece(TEXT), np.random.default_rng(seed)).text
        assert found != TEXT
        assert found.lower() == TEXT.lower()


def test_punctuation_keeps_every_word() -> None:
    for seed in range(30):
        found = punctuated(Piece(TEXT), np.random.default_rng(seed)).text
        words = [w.strip(".,!?") for w in found.replace("!", " ").split() if w.strip(".,!?")]
        assert words == [w.strip(".,!?") for w in TEXT.split()]


def test_look_alike_letters_are_of_another_script() -> None:
    for code, other in LOOK_ALIKE.items():
        assert "LATIN" in unicodedata.name(chr(code))
        assert "CYRILLIC" in unicodedata.name(chr(other) if isinstance(other, int) else other)
    found = disguised(Piece(TEXT), np.random.default_rng(0)).text
    assert len(found) == len(TEXT)
    assert 1 <= sum(a != b for a, b in zip(found, TEXT, strict=True)) <= 3


@pytest.mark.parametrize(
    ("word", "other", "allowed"),
    [
        ("good", "excellent", True), ("good", "bad", False), ("Boring", "exciting", False),
        ("adequate", "inadequate", False), ("not", "ever", False), ("film", "movie", True),
        ("film", "no", False), ("yesterday", "tomorrow", False), ("one", "many", False),
    ],
)  # fmt: skip
def test_no_word_turns_the_sense_round(word: str, other: str, allowed: bool) -> None:
    assert may_replace(word, other) is allowed


def test_half_of_a_contraction_is_left_alone() -> None:
    assert substitutes(lambda *_: ["wasn"], "isn't it", (0, 3)) == []
    assert substitutes(lambda *_: ["movie", "no"], "a film here", (2, 6)) == ["movie"]


def test_edits_are_taken_back_until_the_text_is_alike() -> None:
    def two(piece: Piece, _: np.random.Generator) -> Changed:
        return Changed(piece.text, (Edit(0, 6, "Kindly"), Edit(7, 13, "destroy")))

    def alike(texts: list[str], others: list[str]) -> np.ndarray:
        return np.array([0.2 if "destroy" in other else 0.9 for other in others])

    task = find_task("text-classification")
    way = Perturbation(two, alike)  # type: ignore[arg-type]
    found = perturbed(task, split(task.name), [0], way, (0, 1))
    assert found.texts[0] == TEXT.replace("Please", "Kindly")


def test_every_perturbation_of_the_measure_is_made() -> None:
    assert {*CHARACTERS, "paraphrase"} == set(PERTURBATIONS)


def test_noisy_copies_come_beside_the_rows_and_keep_their_gold() -> None:
    task, rows = find_task("token-classification"), split("token-classification")
    assert with_noise(task, rows, "none", 1, 0) is rows
    found = with_noise(task, rows, "characters", 2, 0)
    assert found.take(range(ROWS)) == rows
    assert ROWS < len(found) <= 3 * ROWS
    assert len(found.texts) == len(found.rows) == len(found.labels) == len(found.places)
    assert found == with_noise(task, rows, "characters", 2, 0)
    assert found != with_noise(task, rows, "characters", 2, 1)


def test_noisy_copies_never_become_a_held_out_row() -> None:
    from tuneos.tools.datasets.types import copy_keys

    task, rows = find_task("text-classification"), split("text-classification")
    made = with_noise(task, rows, "typos", 1, 0)
    lost = made.texts[ROWS]
    again = with_noise(task, rows, "typos", 1, 0, frozenset(copy_keys(lost)))
    assert lost not in again.texts
    assert len(again) < len(made)
