"""The rung that needs hardly any rows: labels as what they are called and how they are described.

A text is compared with each label's names and definitions, all embedded by the frozen base
model: a linear head whose weights are the descriptions. Where there are rows as well, a head is
fitted that is drawn to these weights instead of to zero.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...evals.metrics import IntArray
from ..facts import JobProgress, OnProgress
from ..fusion.facts import DomainFacts, spoken
from ..fusion.kept import read_facts
from .data import JobData
from .embed import embed
from .hardware import pick_device
from .linear import LinearHead, log_loss
from .tokens import tokenize

ZERO_SHOT = "label_descriptions"
DRAWN = "described_linear"
SCALES = (5.0, 10.0, 20.0, 40.0)  # of cosines, to become logits
STRENGTHS = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
STEPS = 60


def facts_of(data: JobData) -> DomainFacts:
    """What the domain graph says of the labels; nothing where the job was given nothing."""
    digest = data.spec.what.settings.get("knowledge")
    return read_facts(Path(data.spec.knowledge), str(digest)) if digest else DomainFacts()


def label_texts(labels: Sequence[str], said: Mapping[str, Sequence[str]]) -> list[list[str]]:
    """For each label its name in words, and what the graph says of it."""
    return [[spoken(label), *said.get(label, ())] for label in labels]


def embed_labels(data: JobData, facts: DomainFacts) -> NDArray[np.float32]:
    """(n_labels, width): the mean of each label's texts, unit length."""
    texts = label_texts(data.labels, facts.descriptions)
    flat = [text for each in texts for text in each]
    found = embed(data.encoder(), tokenize(data.tokenizer, flat, data.max_length), pick_device())
    cuts = np.cumsum([len(each) for each in texts])[:-1]
    means = np.stack([part.mean(axis=0) for part in np.split(found, cuts)])
    return np.asarray(means / np.linalg.norm(means, axis=1, keepdims=True), np.float32)


def described_heads(
    data: JobData,
    train: NDArray[np.float32],
    validation: NDArray[np.float32],
    on_progress: OnProgress,
) -> list[tuple[str, LinearHead, dict[str, float], float]]:
    """Name, head, settings and seconds of the two rungs.

    Args:
        data: Rows and base model.
        train, validation: (n, width), frozen embeddings of unit length.
        on_progress: Called as it goes on.
    """
    start = time.monotonic()
    on_progress(JobProgress(share=0.97, text="comparing texts with what labels are called"))
    names = embed_labels(data, facts_of(data))
    true = data.validation_labels
    bias = np.zeros(len(names), np.float32)
    heads = {scale: LinearHead(scale * names, bias) for scale in SCALES}
    losses = {s: log_loss(true, h.probabilities(validation)) for s, h in heads.items()}
    scale = min(losses, key=lambda s: losses[s])
    zero_shot = (ZERO_SHOT, heads[scale], {"scale": scale}, time.monotonic() - start)
    fitted = [
        (log_loss(true, head.probabilities(validation)), c, head)
        for c in STRENGTHS
        for head in [fit_drawn(train, data.train_labels, heads[scale], strength=c)]
    ]
    _, strength, head = min(fitted, key=lambda found: found[0])
    said = {"scale": scale, "strength": strength}
    return [zero_shot, (DRAWN, head, said, time.monotonic() - start)]


def fit_drawn(
    features: NDArray[np.float32], labels: IntArray, start: LinearHead, *, strength: float
) -> LinearHead:
    """Fit multinomial logistic regression with a ridge penalty on the way from given weights.

    Args:
        features: (n, width); not modified.
        labels: (n,), int64.
        start: Where the weights are without any rows.
        strength: As C of scikit-learn, > 0: larger means a weaker pull to `start`.

    Source: a Gaussian prior whose mean is another model, Chelba & Acero 2006.
    """
    import torch
    from torch.nn.functional import cross_entropy

    inputs, true = torch.from_numpy(np.ascontiguousarray(features)), torch.from_numpy(labels)
    origin = torch.from_numpy(np.ascontiguousarray(start.weight))
    weight, bias = origin.clone().requires_grad_(), torch.from_numpy(start.bias.copy())
    bias.requires_grad_()
    solver = torch.optim.LBFGS([weight, bias], max_iter=STEPS, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        solver.zero_grad()
        fit = cross_entropy(inputs @ weight.T + bias, true, reduction="sum")
        loss: torch.Tensor = fit + (weight - origin).pow(2).sum() / (2 * strength)
        loss.backward()
        return loss

    solver.step(closure)
    return LinearHead(weight.detach().numpy().copy(), bias.detach().numpy().copy())
