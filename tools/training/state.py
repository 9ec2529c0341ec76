"""All that changes while a model trains, so that a training can go on in another process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from pydantic import BaseModel
from torch import Tensor

from ...evals.metrics import FloatArray
from ...evals.result import CurvePoint
from .checkpoint import Snapshot


class Position(BaseModel):
    """Where a training stands between two steps.

    Attributes:
        order: State of the generator of the data order when the epoch began.
        epoch: The one being trained, from 1.
        batch: Batches of this epoch that are done.
        step, rows: Steps taken and rows seen in all.
        loss: Smoothed, of this epoch.
        waited: Epochs since the best.
        best, best_epochs: Its value and when it was.
        values: Validation value after each epoch that is done.
        points: Of the curve.
        busy, seconds: Spent training, and in all, by the processes so far.
    """

    order: dict[str, Any]
    epoch: int = 1
    batch: int = 0
    step: int = 0
    rows: int = 0
    loss: float = 0.0
    waited: int = 0
    best: float = 0.0
    best_epochs: float = 0.0
    values: list[float] = []
    points: list[CurvePoint] = []
    busy: float = 0.0
    seconds: float = 0.0

    @property
    def number(self) -> int:
        """Grows from batch to batch, and from the last batch to the end of its epoch."""
        return self.epoch * 10**9 + self.batch


@dataclass
class TrainingState:
    """A training's moving parts.

    Attributes:
        trained: The parameters that change, by name; all others are the base model's.
        rng: Draws the order of the data.
        device: "cpu", "cuda" or "mps".
        kept: The best epoch's weights.
        outputs: (units, width), float64, on validation, of the best epoch.
    """

    trained: dict[str, torch.nn.Parameter]
    optimizer: torch.optim.Optimizer
    schedule: torch.optim.lr_scheduler.LRScheduler
    rng: np.random.Generator
    device: str
    position: Position
    kept: dict[str, Tensor]
    outputs: FloatArray

    def keep_best(self, value: float, epochs: float, outputs: FloatArray) -> None:
        """Note that the weights as they are now are the best so far."""
        self.position.best, self.position.best_epochs = value, epochs
        self.position.waited = 0
        self.outputs = outputs
        self.kept = {name: p.detach().clone() for name, p in self.trained.items()}

    def put_best(self) -> None:
        """Leave the best weights in the network."""
        with torch.no_grad():
            for name, parameter in self.trained.items():
                parameter.copy_(self.kept[name])

    def snapshot(self) -> Snapshot:
        """Copy everything out, as tensors and JSON."""
        optimizer = self.optimizer.state_dict()
        tensors = {f"weights/{n}": p.detach() for n, p in self.trained.items()}
        tensors |= {f"best/{n}": t for n, t in self.kept.items()}
        tensors |= {f"random/{n}": t for n, t in _random_state(self.device).items()}
        tensors["outputs"] = torch.from_numpy(self.outputs)
        plain: dict[str, dict[str, Any]] = {}
        for number, parts in optimizer["state"].items():
            for name, value in parts.items():
                if isinstance(value, Tensor):
                    tensors[f"optimizer/{number}/{name}"] = value
                else:
                    plain.setdefault(str(number), {})[name] = value
        state = {
            "position": self.position.model_dump(mode="json"),
            "groups": optimizer["param_groups"],
            "plain": plain,
            "schedule": self.schedule.state_dict(),
        }
        whole = {n: t.cpu().contiguous().clone() for n, t in tensors.items()}
        return Snapshot(self.position.number, whole, state)

    def restore(self, snapshot: Snapshot) -> None:
        """Put everything back as `snapshot` found it, the global random state included."""
        tensors = snapshot.tensors
        self.position = Position.model_validate(snapshot.state["position"])
        with torch.no_grad():
            for name, parameter in self.trained.items():
                parameter.copy_(tensors[f"weights/{name}"])
        self.kept = {n: tensors[f"best/{n}"].to(self.device) for n in self.trained}
        self.outputs = tensors["outputs"].numpy()
        parts: dict[int, dict[str, Any]] = {
            int(n): dict(values) for n, values in snapshot.state["plain"].items()
        }
        for name, value in tensors.items():
            if name.startswith("optimizer/"):
                _, number, part = name.split("/")
                parts.setdefault(int(number), {})[part] = value
        groups = snapshot.state["groups"]
        self.optimizer.load_state_dict({"state": parts, "param_groups": groups})
        self.schedule.load_state_dict(snapshot.state["schedule"])
        _put_random_state(self.device, tensors)


def _random_state(device: str) -> dict[str, Tensor]:
    """State of torch's global generators, which dropout draws from."""
    found: dict[str, Tensor] = {"cpu": torch.get_rng_state()}
    if device != "cpu":
        found[device] = getattr(torch, device).get_rng_state()
    return found


def _put_random_state(device: str, tensors: dict[str, Tensor]) -> None:
    torch.set_rng_state(tensors["random/cpu"])
    if device != "cpu":
        getattr(torch, device).set_rng_state(tensors[f"random/{device}"])
