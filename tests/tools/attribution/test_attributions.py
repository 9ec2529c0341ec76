"""Attributions add up, by hand and by gradients; near rows are really the nearest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tuneos.tools.attribution.gradients import integrated_gradients
from tuneos.tools.attribution.nearest import Trained, cosines, nearest
from tuneos.tools.attribution.terms import term_shares, terms_by_word
from tuneos.tools.attribution.words import by_word, split_words
from tuneos.tools.datasets.types import Split
from tuneos.tools.deployment.saved import SavedModel, write_card, write_tfidf
from tuneos.tools.training.linear import LinearHead
from tuneos.tools.training.tfidf import fit_features

TEXTS = ["the flight is late", "a late invoice", "pay the invoice", "flight flight ticket"]
CARD = SavedModel(
    task="text-classification", strategy="tfidf_linear", encoder="none", labels=("a", "b"),
    base_model="",
)  # fmt: skip


def test_pieces_are_summed_by_word_and_nothing_is_lost() -> None:
    fields = [("text", "Unbelievable, it works")]
    places = [None, ("text", 0, 2), ("text", 2, 12), ("text", 12, 13), ("text", 14, 22), None]
    values = np.array([0.5, 1.0, 2.0, 0.25, 3.0, -0.5])
    words, rest = by_word(fields, places, values)
    assert [w.text for w in words] == ["Unbelievable", ",", "it", "works"]
    assert words[0].value == pytest.approx(3.0)
    assert words[2].value + words[3].value == pytest.approx(3.0)
    assert sum(w.value for w in words) + rest == pytest.approx(values.sum())


def test_words_keep_their_places() -> None:
    text = "naïve 数据, ok"
    assert all(text[w.start : w.end] == w.text for w in split_words([("text", text)]))


def test_contributions_of_terms_are_exact(tmp_path: Path) -> None:
    fitted = fit_features(TEXTS)
    assert fitted is not None
    counter, features = fitted
    rng = np.random.default_rng(0)
    head = LinearHead(
        rng.normal(size=(2, features.shape[1])).astype(np.float32),
        np.array([0.3, -0.1], np.float32),
    )
    write_tfidf(tmp_path, counter.vocabulary_, counter.idf_)
    write_card(tmp_path, CARD, head)
    direction = np.array([1.0, -1.0])
    for text in TEXTS:
        shares = term_shares(tmp_path, head, text, direction)
        logits = counter.transform([text]) @ head.weight.T + head.bias
        assert shares.score == pytest.approx(float(logits[0, 0] - logits[0, 1]), abs=1e-5)
        words, rest = terms_by_word([("text", text)], shares)
        total = sum(w.value for w in words) + sum(v for _, v in rest)
        assert total == pytest.approx(shares.score - shares.bias, abs=1e-6)
        assert not rest


def _net() -> tuple[Any, Any]:
    """A small function of an embedding, not linear: (score, embedding)."""
    import torch

    torch.manual_seed(0)
    embedding = torch.nn.Embedding(20, 8).requires_grad_(False)
    deep = torch.nn.Sequential(
        torch.nn.Linear(8, 16), torch.nn.Tanh(), torch.nn.Linear(16, 1)
    ).requires_grad_(False)

    def score(ids: Any, mask: Any) -> Any:
        states = embedding(ids) * mask.unsqueeze(-1)
        return deep(states.sum(-2)).reshape(len(ids), -1).sum(-1)

    return score, embedding


@pytest.mark.parametrize("shape", [(1, 6), (1, 2, 6)])
def test_integrated_gradients_add_up_to_the_difference(shape: tuple[int, ...]) -> None:
    import torch

    score, embedding = _net()
    ids = torch.arange(1, 1 + int(np.prod(shape))).reshape(shape)
    mask = torch.ones(shape)
    found = integrated_gradients(score, embedding, ids, torch.zeros_like(ids), mask)
    assert found.complete
    assert found.values.shape in {shape, shape[1:]}
    assert found.values.sum() == pytest.approx(found.score - found.baseline, abs=found.tolerance)
    assert found.score != pytest.approx(found.baseline)


def test_nearest_rows_are_the_nearest_and_kept_states_agree(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    states = rng.normal(size=(50, 7))
    rows = Split(
        tuple(f"row {i}" for i in range(50)), ("x",) * 50, (None,) * 50,
        tuple(f"train row {i}" for i in range(50)),
    )  # fmt: skip
    query = rng.normal(size=(1, 7))
    brute = [float(s @ query[0] / (np.linalg.norm(s) * np.linalg.norm(query[0]))) for s in states]
    best = [f"row {i}" for i in np.argsort(brute)[::-1][:5]]
    asked = []

    def embed(split: Split) -> Any:
        asked.append(len(split))
        return states

    for _ in range(2):
        found, _note = nearest(
            query, Trained(rows, tmp_path), CARD, tmp_path, embed, lambda s, i: s.labels[i]
        )
        assert [n.text for n in found] == best
        assert found[0].similarity == pytest.approx(max(brute), abs=1e-5)
    assert asked == [50], "the states are computed once"
    assert cosines(states, query) == pytest.approx(np.array(brute))


def test_rows_that_are_gone_are_said_to_be(tmp_path: Path) -> None:
    gone = Trained(None, None, "The training rows are not in the workspace any more.")
    found, note = nearest(np.ones((1, 3)), gone, CARD, tmp_path, lambda _: None, lambda *_: "")
    assert found == []
    assert "not in the workspace any more" in note
