"""Integrated Gradients over a model's word embeddings, checked for completeness.

Source: Sundararajan, Taly & Yan 2017, "Axiomatic Attribution for Deep Networks": along the
straight path from a baseline to the input, the attributions add up to the difference of the
two scores. How far they are from it is measured, and more steps are taken until it is little.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...evals.metrics import FloatArray

STEPS = (32, 64, 128, 256)
RELATIVE, ABSOLUTE = 0.02, 0.01  # what the sum may be off by: of the difference, or at least
AT_ONCE = 16  # points of the path in one pass


@dataclass(frozen=True)
class Shares:
    """What each piece adds to a score.

    Attributes:
        values: (..., pieces), as the ids were.
        score, baseline: Of the input, and with every word hidden.
        delta: Sum of the values less the difference of the scores.
        tolerance: What `delta` may be.
        steps: Points of the path.
    """

    values: FloatArray
    score: float
    baseline: float
    delta: float
    tolerance: float
    steps: int

    @property
    def complete(self) -> bool:
        """Whether the values add up to the difference, within the tolerance."""
        return abs(self.delta) <= self.tolerance


def integrated_gradients(
    score: Callable[[Any, Any], Any], embedding: Any, ids: Any, hidden: Any, extra: Any
) -> Shares:
    """Attribute a score to the pieces of one input.

    Args:
        score: (ids, extra) -> (n,), for ids of n copies of the input.
        embedding: The layer that turns ids into vectors; the path leads through its output.
        ids: (1, ...), int64.
        hidden: The same with every word replaced by a piece that says nothing.
        extra: A tensor (1, ...) that goes along unchanged, as the attention mask does.
    """
    import torch
    from captum.attr import LayerIntegratedGradients

    with torch.no_grad():
        value, base = (float(score(x, extra)[0]) for x in (ids, hidden))
    tolerance = max(RELATIVE * abs(value - base), ABSOLUTE)
    explainer = LayerIntegratedGradients(score, embedding)
    for steps in STEPS:
        parts = explainer.attribute(
            ids,
            baselines=hidden,
            additional_forward_args=(extra,),
            n_steps=steps,
            internal_batch_size=AT_ONCE if ids.dim() == 2 else None,
        )
        values = np.asarray(parts.sum(-1).detach().double().cpu().numpy())
        delta = float(values.sum()) - (value - base)
        if abs(delta) <= tolerance:
            break
    return Shares(values, value, base, delta, tolerance, steps)
