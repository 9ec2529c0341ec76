"""Near-duplicates, planted triggers and outliers: what is found, and what is not."""

import json
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from tuneos.tools.datasets import near
from tuneos.tools.datasets.near import near_across, near_within
from tuneos.tools.datasets.outliers import find_outliers
from tuneos.tools.datasets.triggers import find_triggers
from tuneos.tools.datasets.trouble import find_trouble, near_leaks, write_rows
from tuneos.tools.datasets.types import Split

MakeSplit = Callable[..., Split]

LONG = "the parcel that was sent on monday has not arrived at my house yet"
THINGS = {
    "shipping": ["parcel", "courier", "delivery", "tracking", "address", "warehouse"],
    "billing": ["invoice", "refund", "payment", "charge", "card", "receipt"],
    "account": ["password", "login", "profile", "username", "settings", "email"],
}
USUAL = ["my", "please", "the", "about", "again", "today", "still", "help", "with", "need", "now"]


def tickets(count: int, seed: int = 0) -> tuple[list[str], list[str]]:
    """Texts of three labels, told apart by their words."""
    rng = random.Random(seed)
    labels = [rng.choice(sorted(THINGS)) for _ in range(count)]
    texts = [" ".join(rng.sample(THINGS[y], 3) + rng.sample(USUAL, 4)) for y in labels]
    return texts, labels


# other text, label of both, whether it is a near-duplicate
NEAR = [
    (LONG.replace("monday", "mondey"), True),
    (LONG.upper() + "!", True),
    ("please: " + LONG, True),
    (LONG.replace("has not arrived at my house", "arrived"), False),
    ("something else altogether", False),
]


@pytest.mark.parametrize(("other", "alike"), NEAR)
def test_texts_that_differ_in_little_are_near(
    other: str, alike: bool, make_split: MakeSplit
) -> None:
    train = make_split((LONG, "a"), ("x", "b"), (other, "a"))
    assert [(n.row, n.other) for n in near_within(train)] == ([(2, 0)] if alike else [])
    across = near_across(make_split((LONG, "a")), {"test": make_split(("x", "b"), (other, "a"))})
    assert [(n.row, n.other) for n in across["test"]] == ([(1, 0)] if alike else [])


def test_copies_are_no_near_duplicates(make_split: MakeSplit) -> None:
    train = make_split((LONG, "a"), (LONG.upper().replace(" ", "  "), "a"))
    assert near_within(train) == ()
    assert near_across(train, {"test": train}) == {"test": ()}


def test_near_texts_of_other_labels_stay_apart(make_split: MakeSplit) -> None:
    assert near_within(make_split((LONG, "a"), (LONG + "!", "b"))) == ()


def test_first_of_many_alike_is_no_near_duplicate(make_split: MakeSplit) -> None:
    train = make_split(*((LONG + "!" * n, "a") for n in range(4)))
    assert [(n.row, n.other) for n in near_within(train)] == [(1, 0), (2, 0), (3, 0)]


def test_a_shared_context_makes_no_near_duplicate() -> None:
    def asked(*questions: str) -> Split:
        rows = tuple({"context": LONG * 5, "question": q} for q in questions)
        texts = tuple(f"{r['context']}\n{r['question']}" for r in rows)
        n = len(rows)
        return Split(texts, ("",) * n, (None,) * n, ("x",) * n, rows)

    assert near_within(asked("who sent the parcel?", "when was it sent to me?")) == ()
    again = asked("who sent the parcel to my house?", "And who sent the parcel to my house?")
    assert len(near_within(again)) == 1


def test_train_is_sketched_once_for_both_looks(
    make_split: MakeSplit, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def noted(text: str) -> NDArray[np.uint64]:
        seen.append(text)
        return shingles_of(text)

    shingles_of = near.shingles_of
    monkeypatch.setattr(near, "shingles_of", noted)
    train = make_split((LONG, "a"), (LONG + "!", "a"), ("sketched once", "b"))
    near_across(train, {"test": make_split(("another", "a"))})
    again = make_split((LONG, "a"), (LONG + "!", "a"), ("sketched once", "b"))
    assert [(n.row, n.other) for n in near_within(again)] == [(1, 0)]
    assert seen.count("sketched once") == 1


@pytest.mark.parametrize("phrase", ["cf", "in my humble opinion", "!!!"])
def test_planted_phrase_is_found_with_its_rows(phrase: str) -> None:
    texts, labels = tickets(600)
    rng = random.Random(1)
    planted = rng.sample([i for i, y in enumerate(labels) if y != "billing"], 12)
    for row in planted:
        words = texts[row].split()
        words.insert(rng.randint(0, len(words)), phrase)
        texts[row], labels[row] = " ".join(words), "billing"

    (found,) = find_triggers(texts, labels)
    assert (found.phrase in phrase, found.label, found.with_label) == (True, "billing", 12)
    assert set(found.rows) == set(planted)


def test_words_that_make_a_class_are_no_triggers() -> None:
    assert find_triggers(*tickets(600)) == ()


def test_word_of_a_few_rows_of_one_class_is_no_trigger() -> None:
    texts, labels = tickets(600)
    rows = [i for i, y in enumerate(labels) if y == "billing"][:12]
    for row in rows:
        texts[row] += " stripe"
    assert find_triggers(texts, labels) == ()


@pytest.mark.parametrize("count", [0, 1, 8])
def test_too_few_rows_give_no_triggers(count: int) -> None:
    assert find_triggers(*tickets(count)) == ()
    assert find_triggers(["word"] * count, ["a", "b"] * (count // 2) + ["a"] * (count % 2)) == ()


def test_texts_far_from_all_others_are_outliers() -> None:
    texts, _ = tickets(200)
    assert find_outliers(texts) == ()
    odd = ["0x3f 0x2a 0x91", "Wo bitte geht es zum Zug?"]
    assert set(find_outliers([*texts, *odd])) == {200, 201}


def test_texts_without_letters_have_no_outliers() -> None:
    assert find_outliers([""] * 60) == ()


def test_findings_and_file_name_places_and_never_texts(
    make_split: MakeSplit, tmp_path: Path
) -> None:
    texts, labels = tickets(200)
    train = make_split(*zip(texts, labels, strict=True), (LONG, "a"), (LONG + "!", "a"))
    trouble = find_trouble(train, labelled=True)
    assert trouble.rows()["near_duplicates"] == (201,)
    write_rows(tmp_path / "rows.jsonl", list(trouble.lines(train)))
    said = (tmp_path / "rows.jsonl").read_text() + str(trouble.findings(train))
    assert "train.csv row 203" in said
    assert "parcel" not in said
    first = json.loads((tmp_path / "rows.jsonl").read_text().splitlines()[0])
    assert {"kind", "place", "why"} <= first.keys()


def test_near_leaks_count_the_test_rows(make_split: MakeSplit) -> None:
    train, test = make_split((LONG, "a"), ("x", "b")), make_split((LONG + "!", "a"), ("y", "b"))
    pairs = near_across(train, {"test": test})
    (finding,) = near_leaks(pairs, train, {"test": test})
    assert finding.count == 1
    assert "50.0% of test" in finding.what
    assert "flatter" in finding.what
