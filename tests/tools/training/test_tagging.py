"""Words, pieces, windows and the loss between them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny_words import FILLER, TOPICS
from tuneos.tools.training.base_model import load_encoder, load_tokenizer
from tuneos.tools.training.shapes import WIDTH, word_shapes
from tuneos.tools.training.tagging import TagNetwork, tag_examples

TAGS = ("O", "B-x", "I-x")
WORDS = [*FILLER, *(word for words in TOPICS.values() for word in words)]


def row(words: list[str], tags: list[str] | None = None) -> dict[str, Any]:
    offsets, at = [], 0
    for word in words:
        offsets.append([at, at + len(word)])
        at += len(word) + 1
    own = {"text": " ".join(words), "tokens": words, "offsets": offsets}
    return own if tags is None else own | {"tags": tags}


def network(base: Path) -> TagNetwork:
    torch.manual_seed(0)
    encoder = load_encoder(base)
    head = torch.nn.Linear(encoder.config.hidden_size + WIDTH, len(TAGS))
    return TagNetwork(encoder, head, dropout=0.0)


def test_words_are_read_at_their_first_piece(tiny_base: Path) -> None:
    tokenizer = load_tokenizer(tiny_base)
    examples = tag_examples(tokenizer, [row(["dogs", "nowish", "here"])], TAGS, 32)
    pieces = tokenizer.convert_ids_to_tokens(examples.pieces.tokens.flat.tolist())
    assert [pieces[i] for i in examples.at] == ["dog", "now", "here"]


def test_word_that_the_tokenizer_drops_still_has_an_output(tiny_base: Path) -> None:
    rows = [row(["dog", "\u200d", "here", "\u200d"])]
    examples = tag_examples(load_tokenizer(tiny_base), rows, TAGS, 32)
    assert list(examples.starts) == [0, 4]
    assert (examples.at < examples.lengths[0]).all()


def test_every_word_of_a_long_text_has_one_output_in_order(tiny_base: Path) -> None:
    tokenizer = load_tokenizer(tiny_base)
    rows = [row(["red"]), row(WORDS * 6), row(["cat", "cow"])]
    examples = tag_examples(tokenizer, rows, TAGS, 32)
    assert examples.starts[-1] == 1 + 6 * len(WORDS) + 2
    assert examples.pieces.split_texts == 1
    flat = examples.pieces.tokens
    read = []
    for window in range(len(examples.lengths)):
        units = slice(examples.starts[window], examples.starts[window + 1])
        ids = flat.flat[flat.starts[window] + examples.at[units]]
        read += tokenizer.convert_ids_to_tokens(ids.tolist())
        middle = examples.at[units]
        if 1 < window < len(examples.lengths) - 2:  # away from the edges of its window
            assert middle.min() > 4
    assert read == ["red", *WORDS * 6, "cat", "cow"]


def test_only_first_pieces_of_tagged_words_are_in_the_loss(tiny_base: Path) -> None:
    tokenizer = load_tokenizer(tiny_base)
    rows = [row(["dogs", "here"], ["B-x", "O"]), row(["the", "cat", "now"])]
    examples = tag_examples(tokenizer, rows, TAGS, 32)
    model = network(tiny_base)
    batch = examples.batch(np.array([0, 1]))
    logits = model(batch).detach().requires_grad_()
    model.loss(logits, batch).backward()
    assert logits.grad is not None
    touched = logits.grad.abs().sum(-1) > 0
    assert touched.tolist() == [[True, True, False], [False, False, False]]


def test_batch_without_any_gold_has_no_loss(tiny_base: Path) -> None:
    examples = tag_examples(load_tokenizer(tiny_base), [row([]), row(["dog"])], TAGS, 32)
    model = network(tiny_base)
    batch = examples.batch(np.array([0, 1]))
    assert float(model.loss(model(batch), batch).detach()) == 0.0


def test_outputs_do_not_depend_on_the_rest_of_the_batch(tiny_base: Path) -> None:
    rows = [row(["dogs", "here"]), row(WORDS[:20])]
    examples = tag_examples(load_tokenizer(tiny_base), rows, TAGS, 64)
    model = network(tiny_base).eval()
    with torch.no_grad():
        both, alone = (examples.batch(np.array(c)) for c in ([0, 1], [0]))
        together, single = (model.outputs(model(b), b) for b in (both, alone))
    assert torch.allclose(together[:2], single, atol=1e-5)
    assert torch.allclose(together.sum(-1), torch.ones(22, dtype=torch.float64))


def test_shapes_tell_what_an_uncased_model_no_longer_sees() -> None:
    words = ["Apple", "apple", "APPLE", "aPple", "42", "B2B", "@Ana", "#", "http://x.org", "ß"]
    own = word_shapes(words)[:, : WIDTH // 3]
    assert len({tuple(traits) for traits in own}) == len(words)
    assert word_shapes([]).shape == (0, WIDTH)


@pytest.mark.parametrize(("at", "seen"), [(0, [0, 1]), (2, [1, 0])])
def test_shapes_know_their_neighbours(at: int, seen: list[int]) -> None:
    third = WIDTH // 3
    found = word_shapes(["a", "B", "c"])[at]
    assert [found[2 * third - 1], found[3 * third - 1]] == seen
