"""What tells whether another dataset is like this one."""

from __future__ import annotations

import math
from collections.abc import Callable

from tuneos.tools.datasets.profile_figures import figures, mean_embedding
from tuneos.tools.datasets.types import Split

MakeSplit = Callable[..., Split]
BANK = ["my card was declined at the shop", "why is there a fee on my transfer",
        "the cash machine kept my card", "my balance is wrong after a transfer"]  # fmt: skip
ALSO = ["is there a fee for a card", "the shop says that my card has expired",
        "when does the transfer reach my account", "my cash is missing"]  # fmt: skip
FILMS = ["a dull thriller with wooden actors", "the director's best comedy in years",
         "moving, funny and beautifully acted", "two hours of tedious dialogue"]  # fmt: skip


def test_two_sets_on_one_subject_are_nearer_than_two_of_one_shape(make_split: MakeSplit) -> None:
    bank, more, films = (
        mean_embedding(make_split(*((text, "a") for text in texts)))
        for texts in (BANK, ALSO, FILMS)
    )
    assert len(bank) == 384
    assert math.dist(bank, more) < 0.75 * math.dist(bank, films)


def test_an_embedding_is_the_same_again_and_of_rows_without_words_there_is_none(
    make_split: MakeSplit,
) -> None:
    split = make_split(*((text, "a") for text in BANK))
    assert mean_embedding(split) == mean_embedding(split)
    assert mean_embedding(make_split()) == ()
    assert mean_embedding(make_split((" ", "a"))) == ()


def test_figures_tell_size_length_script_classes_and_balance(make_split: MakeSplit) -> None:
    found = figures(make_split(("one two", "a"), ("один two", "b"), ("three", "a")))
    assert (found["rows_train"], found["classes"]) == (3, 2)
    assert found["words_mean"] == round(5 / 3, 6)
    assert 0 < found["non_ascii"] < 0.5
    assert 0.9 < found["balance"] < 1
    assert figures(make_split()) == {}
