"""Pairs made out of labelled texts."""

from tuneos.evals.benchmarks.pair_sets import make_pairs

ROWS = [(f"{label} {i}", label) for label in ("a", "b", "c") for i in range(5)]


def test_half_of_the_pairs_share_their_label_and_none_is_a_text_with_itself() -> None:
    pairs = make_pairs(ROWS, 40, seed=0)
    assert sum(p["label"] == "same" for p in pairs) == 20
    for pair in pairs:
        assert pair["first"] != pair["second"]
        assert (pair["first"][0] == pair["second"][0]) == (pair["label"] == "same")


def test_the_same_seed_gives_the_same_pairs() -> None:
    assert make_pairs(ROWS, 20, seed=1) == make_pairs(ROWS, 20, seed=1)
    assert make_pairs(ROWS, 20, seed=1) != make_pairs(ROWS, 20, seed=2)
