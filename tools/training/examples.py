"""What training needs from a task: rows as tensors, a network over them, and how to save it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ...evals.metrics import FloatArray
from ..datasets.types import Split
from ..facts import OnProgress
from .settings import TrainSettings

if TYPE_CHECKING:
    from .network import Batch, Network


class Examples(Protocol):
    """Rows of one split, as a network reads them.

    An example is what is trained on at once: a text, or one window of a long one. It may
    have several units of output (words of a text), or one.
    """

    @property
    def lengths(self) -> NDArray[np.int64]:
        """(n,), tokens of each example, by which batches are made."""
        ...

    @property
    def starts(self) -> NDArray[np.int64]:
        """(n + 1,), int64; example i has the output rows starts[i]:starts[i + 1]."""
        ...

    @property
    def cut(self) -> int:
        """How many rows were longer than the limit and lost their end."""
        ...

    def batch(self, chosen: NDArray[np.int64]) -> Batch:
        """Pad some examples: tensors whose first axis is `chosen`."""
        ...


class Tuning(Protocol):
    """How the base model is tuned to a task, for one data version."""

    def examples(self, split: Split) -> Examples:
        """Rows as examples; computed once for each split."""
        ...

    def network(self, settings: TrainSettings, on_progress: OnProgress) -> Network:
        """The base model under the task's head, frozen and wrapped as the settings say.

        Called before `examples`, which may hold what the network made beforehand.
        """
        ...

    def value(self, split: Split, outputs: FloatArray, metric: str) -> float:
        """What early stopping maximises, from the network's outputs on all examples.

        The metric itself, turned round where lower is better; or, where that takes more
        than outputs (generated text), what stands in for it: minus the loss.
        """
        ...

    def save(
        self, network: Any, settings: TrainSettings, folder: Path, outputs: FloatArray
    ) -> None:
        """Write the model folder that `Task.load` reads.

        Args:
            network: The one that `network` made, with the best epoch's weights.
            settings: It was tuned with.
            folder: May not be there yet.
            outputs: On validation, for what is fitted to them, such as thresholds.
        """
        ...

    def notes(self) -> tuple[str, ...]:
        """What to say in the report, such as how much was cut: full phrases."""
        ...
