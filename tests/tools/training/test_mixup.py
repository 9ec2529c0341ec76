"""Mix-up blends embeddings and losses alike, and only while the model learns."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn
from tuneos.tools.training.base_model import load_encoder
from tuneos.tools.training.mixup import MixedClassifier
from tuneos.tools.training.network import EncoderClassifier

BATCH = {
    "ids": torch.tensor([[2, 6, 7, 3], [2, 8, 3, 0], [2, 9, 10, 3]]),
    "mask": torch.tensor([[1, 1, 1, 1], [1, 1, 1, 0], [1, 1, 1, 1]]),
    "labels": torch.tensor([0, 1, 2]),
}


def test_embeddings_and_losses_are_blended_by_the_same_share(tiny_base: Path) -> None:
    torch.manual_seed(0)
    encoder, head = load_encoder(tiny_base), nn.Linear(32, 3)
    plain = EncoderClassifier(encoder, head, 0.0, nn.CrossEntropyLoss())
    mixed = MixedClassifier(encoder, head, 0.0, nn.CrossEntropyLoss(), alpha=1.0)
    mixed.train()
    encoder.eval()  # no dropout of its own
    logits = mixed(BATCH)
    assert mixed.blend is not None
    share, partners = mixed.blend
    whole = plain(BATCH)  # the head is linear: blended inputs give blended logits
    assert torch.allclose(logits, share * whole + (1 - share) * whole[partners], atol=1e-5)
    labels = BATCH["labels"]
    wanted = share * nn.functional.cross_entropy(logits, labels)
    wanted += (1 - share) * nn.functional.cross_entropy(logits, labels[partners])
    assert torch.allclose(mixed.loss(logits, BATCH), wanted)


def test_nothing_is_blended_when_it_answers(tiny_base: Path) -> None:
    encoder, head = load_encoder(tiny_base), nn.Linear(32, 3)
    plain = EncoderClassifier(encoder, head, 0.0, nn.CrossEntropyLoss()).eval()
    mixed = MixedClassifier(encoder, head, 0.0, nn.CrossEntropyLoss(), alpha=1.0).eval()
    with torch.no_grad():
        assert torch.equal(mixed(BATCH), plain(BATCH))
        assert torch.equal(mixed.loss(plain(BATCH), BATCH), plain.loss(plain(BATCH), BATCH))
