"""Several models over the same frozen encoder read the same texts once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import numpy as np
from numpy.typing import NDArray

Features = NDArray[np.float32]
Key = tuple[object, ...]  # the encoder and its limit, and the texts
MOST_TEXTS = 100_000  # of one key; more would fill the memory

_KEPT: ContextVar[dict[Key, Features] | None] = ContextVar("kept", default=None)


@contextmanager
def one_pass(kept: dict[Key, Features] | None = None) -> Iterator[None]:
    """Let frozen encoders give the same texts' features again while this is open.

    Args:
        kept: What was kept before, to go on with; by default, what is open around this, or
            nothing.
    """
    around = _KEPT.get()
    known = kept if kept is not None else around if around is not None else {}
    token = _KEPT.set(known)
    try:
        yield
    finally:
        _KEPT.reset(token)


def once(encoder: str, limit: int, texts: list[str], compute: Callable[[], Features]) -> Features:
    """The features of some texts, (n, width): computed, or kept since `one_pass` was opened.

    Args:
        encoder: What tells it from others.
        limit: Tokens at which texts are cut.
        texts: n of them.
        compute: Runs the encoder.
    """
    kept = _KEPT.get()
    if kept is None or len(texts) > MOST_TEXTS:
        return compute()
    key = (encoder, limit, *texts)
    if key not in kept:
        kept[key] = compute()
    return kept[key]
