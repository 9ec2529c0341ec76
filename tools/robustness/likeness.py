"""Whether two texts still say the same, as far as the untuned base model tells."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ...evals.metrics import FloatArray
from ..training.base_model import BaseModel, load_encoder, load_tokenizer

LEAST = 0.85  # cosine of the mean states of both texts
LONGEST = 256  # tokens

Likeness = Callable[[Sequence[str], Sequence[str]], FloatArray]  # n texts, n others -> (n,)


def likeness_of(base: BaseModel) -> Likeness:
    """Load the base model, and compare texts by the cosine of their mean states.

    Source: Jin et al. 2020, TextFooler, which asks for 0.84 of another encoder. Ours is the
    base model, so that nothing has to be fetched; it knows opposites badly (see `opposites`).
    """
    from ..training.embed import embed
    from ..training.hardware import pick_device
    from ..training.tokens import tokenize

    encoder, tokenizer, device = load_encoder(base), load_tokenizer(base), pick_device()
    longest = min(LONGEST, base.max_tokens)

    def alike(texts: Sequence[str], others: Sequence[str]) -> FloatArray:
        every = list(dict.fromkeys([*texts, *others]))
        if not every:
            return np.zeros(0)
        found = embed(encoder, tokenize(tokenizer, every, longest), device)
        place = {text: i for i, text in enumerate(every)}
        one, other = ([place[t] for t in part] for part in (texts, others))
        return np.asarray((found[one] * found[other]).sum(axis=1), np.float64)

    return alike
