"""What a head is to predict: its width, its loss, and how logits become answers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from copy import copy
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ...evals.metrics import FloatArray
from ..anomaly.seen import Link, Marks, States, marked
from ..datasets.types import Split
from .linear import class_weights, sigmoid, softmax
from .settings import TrainSettings

if TYPE_CHECKING:
    from torch import Tensor

EDGE = 1e-12  # of probabilities, whose logits are wanted
POSITIVE_WEIGHT = 10.0  # of a rare label's true rows, at most


class Goal(ABC):
    """What a linear head over the sequences of a split predicts.

    Attributes:
        width: Logits for each sequence.
        link: How logits become answers.
    """

    width: int
    link: ClassVar[Link] = "softmax"

    @abstractmethod
    def gold(self, split: Split) -> NDArray[Any]:
        """The right answers, one a row."""

    @abstractmethod
    def loss(self, logits: Tensor, gold: Tensor, sizes: Tensor) -> Tensor:
        """The loss of each row.

        Args:
            logits: (sequences, width).
            gold: (rows, …), as `gold` gives it.
            sizes: (rows,), sequences of each row.

        Returns:
            (rows,).
        """

    @abstractmethod
    def outputs(self, logits: FloatArray, sizes: NDArray[np.int64]) -> FloatArray:
        """Turn logits into probabilities or scores: (sequences, width)."""

    def inverse(self, outputs: FloatArray) -> FloatArray:
        """Logits that give such probabilities, as a blend has none: (sequences, width)."""
        return np.log(np.maximum(outputs, EDGE))

    def by_row(self, states: States, sizes: NDArray[np.int64]) -> States:
        """What a detector looks at in n rows, out of that of their sequences.

        Args:
            states: Of the sequences.
            sizes: (n,), sequences of each row.
        """
        return states

    @abstractmethod
    def true(self, split: Split) -> Marks:
        """Which of a row's logits, as `by_row` has them, are right: (n, C)."""

    def opinion(self, outputs: FloatArray) -> FloatArray | None:
        """Outputs as (m, c) chances that exclude each other, for a blend; None: they do not."""
        return None

    def truth(self, gold: NDArray[Any]) -> NDArray[np.int64]:
        """The right one of the c chances of an `opinion`: (m,)."""
        return np.asarray(gold, np.int64).ravel()

    def of_opinion(self, opinion: FloatArray) -> FloatArray:
        """The inverse of `opinion`."""
        return opinion

    def start(self) -> NDArray[np.float32]:
        """(width,) biases of a head that knows nothing of the rows."""
        return np.zeros(self.width, np.float32)

    def weighed(self, gold: NDArray[Any], settings: TrainSettings) -> Goal:
        """The same goal with the settings' weights and smoothing in its loss."""
        return self


class Classes(Goal):
    """One label of several."""

    def __init__(self, labels: Sequence[str]) -> None:
        self.labels = tuple(labels)
        self.width = len(self.labels)
        self._weight: Any = None
        self._smoothing = 0.0

    def gold(self, split: Split) -> NDArray[np.int64]:
        """(n,), positions in `labels`."""
        index = {label: i for i, label in enumerate(self.labels)}
        return np.array([index[row["label"]] for row in split.rows], np.int64)

    def loss(self, logits: Tensor, gold: Tensor, sizes: Tensor) -> Tensor:
        """Cross entropy."""
        from torch.nn.functional import cross_entropy

        weight = None if self._weight is None else self._weight.to(logits.device)
        return cross_entropy(
            logits, gold, weight=weight, reduction="none", label_smoothing=self._smoothing
        )

    def outputs(self, logits: FloatArray, sizes: NDArray[np.int64]) -> FloatArray:
        """Probabilities, rows sum to 1."""
        return softmax(logits)

    def true(self, split: Split) -> Marks:
        """The one label."""
        return marked(self.gold(split), self.width)

    def opinion(self, outputs: FloatArray) -> FloatArray:
        """The classes of each row."""
        return outputs

    def weighed(self, gold: NDArray[Any], settings: TrainSettings) -> Goal:
        """Classes by inverse root frequency, and smoothed labels."""
        import torch

        found = copy(self)
        found._smoothing = settings.label_smoothing
        if settings.class_weights:
            found._weight = torch.from_numpy(class_weights(gold, self.width))
        return found


class FixedChoices(Classes):
    """One of the choices that never differ; the head has weights for each of them."""

    def gold(self, split: Split) -> NDArray[np.int64]:
        """(n,), positions of the right choices in `labels`."""
        index = {label: i for i, label in enumerate(self.labels)}
        return np.array([index[row["choices"][row["answer"]]] for row in split.rows], np.int64)


class LabelSets(Goal):
    """Any number of labels."""

    link = "sigmoid"

    def __init__(self, labels: Sequence[str], rates: NDArray[np.float32] | None = None) -> None:
        self.labels = tuple(labels)
        self.width = len(self.labels)
        self.rates = rates
        self._weight: Any = None

    def gold(self, split: Split) -> NDArray[np.float32]:
        """(n, L), 0 or 1."""
        index = {label: i for i, label in enumerate(self.labels)}
        found = np.zeros((len(split), self.width), np.float32)
        for i, row in enumerate(split.rows):
            found[i, [index[label] for label in row["labels"] if label in index]] = 1
        return found

    def loss(self, logits: Tensor, gold: Tensor, sizes: Tensor) -> Tensor:
        """Binary cross entropy, summed over the labels."""
        from torch.nn.functional import binary_cross_entropy_with_logits

        weight = None if self._weight is None else self._weight.to(logits.device)
        found = binary_cross_entropy_with_logits(logits, gold, pos_weight=weight, reduction="none")
        return found.sum(dim=1)

    def outputs(self, logits: FloatArray, sizes: NDArray[np.int64]) -> FloatArray:
        """A probability for each label."""
        return sigmoid(logits)

    def inverse(self, outputs: FloatArray) -> FloatArray:
        """Log odds."""
        clipped = np.clip(outputs, EDGE, 1 - EDGE)
        return np.log(clipped / (1 - clipped))

    def true(self, split: Split) -> Marks:
        """All that the row has."""
        return self.gold(split).astype(bool)

    def opinion(self, outputs: FloatArray) -> FloatArray:
        """That a label is false, and that it is true, for each label of each row."""
        return np.stack([1 - outputs, outputs], axis=-1).reshape(-1, 2)

    def of_opinion(self, opinion: FloatArray) -> FloatArray:
        """(n, L)."""
        return opinion[:, 1].reshape(-1, self.width)

    def start(self) -> NDArray[np.float32]:
        """How often each label is true, as log odds."""
        if self.rates is None:
            return super().start()
        rates = np.clip(self.rates, 1e-6, 1 - 1e-6)
        return np.asarray(np.log(rates / (1 - rates)), np.float32)

    def weighed(self, gold: NDArray[Any], settings: TrainSettings) -> Goal:
        """True rows of rare labels weigh more, by the inverse root of their number."""
        import torch

        found = LabelSets(self.labels, self.rates)
        if settings.class_weights:
            counts = np.maximum(gold.sum(axis=0), 1)
            weight = np.clip(np.sqrt(np.median(counts) / counts), 1, POSITIVE_WEIGHT)
            found._weight = torch.from_numpy(weight.astype(np.float32))
        return found


class OneOf(Goal):
    """The right one of a row's sequences."""

    width = 1
    link = "choices"

    def gold(self, split: Split) -> NDArray[np.int64]:
        """(n,), the index of the right choice."""
        return np.array([row["answer"] for row in split.rows], np.int64)

    def loss(self, logits: Tensor, gold: Tensor, sizes: Tensor) -> Tensor:
        """Cross entropy over the choices of each row."""
        import torch

        parts = torch.split(logits[:, 0], sizes.tolist())
        return torch.stack([torch.logsumexp(p, 0) - p[g] for p, g in zip(parts, gold, strict=True)])

    def outputs(self, logits: FloatArray, sizes: NDArray[np.int64]) -> FloatArray:
        """A probability for each choice, which sum to 1 over a row's."""
        parts = np.split(logits[:, 0], np.cumsum(sizes)[:-1])
        return np.concatenate([softmax(p) for p in parts])[:, None]

    def by_row(self, states: States, sizes: NDArray[np.int64]) -> States:
        """The choices' logits side by side, and what the head looks at in the likeliest."""
        ends = np.cumsum(sizes)
        found = np.full((len(sizes), int(sizes.max(initial=0))), -np.inf)
        found[np.arange(found.shape[1])[None] < sizes[:, None]] = states.logits[:, 0]
        return States(found, states.features[ends - sizes + found.argmax(axis=1)])

    def true(self, split: Split) -> Marks:
        """The right choice."""
        most = max((len(row["choices"]) for row in split.rows), default=0)
        return marked(self.gold(split), most)


class Scores(Goal):
    """A number, such as how alike two texts are.

    Attributes:
        mean, spread: Of the training scores: the head predicts in units of the spread.
    """

    width = 1
    link = "number"

    def __init__(self, mean: float, spread: float) -> None:
        self.mean, self.spread = mean, spread

    def gold(self, split: Split) -> NDArray[np.float32]:
        """(n,), standardised."""
        found = np.array([row["score"] for row in split.rows], np.float64)
        return np.asarray((found - self.mean) / self.spread, np.float32)

    def loss(self, logits: Tensor, gold: Tensor, sizes: Tensor) -> Tensor:
        """Squared error."""
        return (logits[:, 0] - gold) ** 2

    def outputs(self, logits: FloatArray, sizes: NDArray[np.int64]) -> FloatArray:
        """The score, as the data has it."""
        return logits * self.spread + self.mean

    def by_row(self, states: States, sizes: NDArray[np.int64]) -> States:
        """What the head looks at: a number says nothing of how sure it is."""
        return States(states.logits[:, :0], states.features)

    def true(self, split: Split) -> Marks:
        """Nothing."""
        return np.zeros((len(split), 0), bool)
