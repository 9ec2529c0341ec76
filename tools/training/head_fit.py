"""Linear heads fitted to fixed features, for any goal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .goals import Goal
from .linear import LinearHead

if TYPE_CHECKING:
    from torch import Tensor

STEPS = 100
SPARSE_STEPS = 30  # over tf-idf, which takes few and has many weights


def fit_head(
    goal: Goal,
    features: Any,
    gold: NDArray[Any],
    sizes: NDArray[np.int64],
    *,
    strength: float,
) -> LinearHead:
    """Fit a linear head to fixed features with a ridge penalty.

    Args:
        goal: Its loss is summed over the rows.
        features: (sequences, n_features), dense float32 or sparse; not modified.
        gold: (rows, …).
        sizes: (rows,), sequences of each row.
        strength: As C of scikit-learn, > 0: larger means a weaker penalty.
    """
    import torch

    dense = isinstance(features, np.ndarray)
    if dense:
        inputs = torch.from_numpy(np.ascontiguousarray(features, np.float32))
    else:
        inputs = _sparse(features)
    true, counts = torch.from_numpy(gold), torch.from_numpy(sizes)
    weight = torch.zeros(features.shape[1], goal.width, requires_grad=True)
    bias = torch.from_numpy(goal.start().copy()).requires_grad_()
    solver = torch.optim.LBFGS(
        [weight, bias],
        max_iter=STEPS if dense else SPARSE_STEPS,
        history_size=10,
        line_search_fn="strong_wolfe",
    )

    def closure() -> Tensor:
        solver.zero_grad()
        fit = goal.loss(inputs @ weight + bias, true, counts).sum()
        loss: Tensor = fit + weight.pow(2).sum() / (2 * strength)
        loss.backward()
        return loss

    solver.step(closure)
    return LinearHead(weight.detach().numpy().T.copy(), bias.detach().numpy().copy())


def fit_best_head(
    goal: Goal,
    train: tuple[Any, NDArray[Any], NDArray[np.int64]],
    validation: tuple[Any, NDArray[Any], NDArray[np.int64]],
    strengths: Sequence[float],
) -> tuple[LinearHead, float]:
    """Fit one head for each strength and keep the one with the least loss on validation.

    Args:
        goal: What is predicted.
        train, validation: Features, gold and sizes.
        strengths: Tried in turn.

    Returns:
        The head and its strength.
    """
    fitted = [(fit_head(goal, *train, strength=c), c) for c in strengths]
    return min(fitted, key=lambda found: head_loss(goal, found[0], *validation))


def head_loss(
    goal: Goal, head: LinearHead, features: Any, gold: NDArray[Any], sizes: NDArray[np.int64]
) -> float:
    """The mean loss over rows."""
    import torch

    logits = np.asarray(features @ head.weight.T + head.bias, np.float32)
    rows = goal.loss(torch.from_numpy(logits), torch.from_numpy(gold), torch.from_numpy(sizes))
    return float(rows.mean())


def _sparse(features: Any) -> Any:
    import warnings

    import torch

    found = features.tocsr()
    with warnings.catch_warnings():  # torch calls its sparse layout a beta
        warnings.simplefilter("ignore", UserWarning)
        return torch.sparse_csr_tensor(
            torch.from_numpy(found.indptr.astype(np.int64)),
            torch.from_numpy(found.indices.astype(np.int64)),
            torch.from_numpy(found.data),
            size=found.shape,
        )
