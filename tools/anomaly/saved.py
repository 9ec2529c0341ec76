"""A detector in a model folder: `anomaly.json` and `anomaly.safetensors`, never a pickle."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ...evals.metrics import FloatArray
from ..deployment.saved import read_tensors
from ..errors import ModelError
from .fit import kept_of, position, quantile
from .scores import SCORES_OF, Score, Usual, chances, oddness
from .seen import Link, States

NOTES, TENSORS = "anomaly.json", "anomaly.safetensors"


class Anomaly(BaseModel):
    """What `anomaly.json` says.

    Attributes:
        score: How odd an input is.
        link: How the model's logits become answers.
        temperature: Logits are divided by it.
        false_alarms: Share of usual inputs that may be called odd.
        judged: AUROC on validation of each score that could be judged.
        judged_by: "rows" that were given, "classes" that were left out, or "" for nothing.
        coverage, risk: Share of validation rows answered, the surest first, and how many
            of these are wrong.
        ece_before, ece_after: Calibration error on validation, without and with temperature.
    """

    model_config = ConfigDict(frozen=True)

    format: int = Field(1, ge=1, le=1)
    score: Score
    link: Link = "softmax"
    temperature: float = Field(gt=0, allow_inf_nan=False)
    false_alarms: float = Field(gt=0, lt=1)
    judged: dict[str, float] = {}
    judged_by: str = ""
    coverage: tuple[float, ...] = ()
    risk: tuple[float, ...] = ()
    ece_before: float = 0.0
    ece_after: float = 0.0


@dataclass(frozen=True)
class Detector:
    """A fitted detector.

    Attributes:
        notes: What is written beside the model.
        usual: What its score compares with.
        seen: (n,) scores of the validation rows, sorted.
    """

    notes: Anomaly
    usual: Usual
    seen: FloatArray

    def probabilities(self, logits: FloatArray) -> FloatArray:
        """Calibrated: (n, C)."""
        return chances(self.notes.link, logits / self.notes.temperature)

    def judge(self, states: States) -> tuple[FloatArray, NDArray[np.bool_]]:
        """Score n inputs.

        Returns:
            `ood_score`: the share of validation rows that look less odd, 0..1; and `abstain`:
            odder than the stated share of usual inputs.

        Raises:
            ModelError: It was fitted to a model with other features.
        """
        width = states.features.shape[1]
        for part in (self.usual.means, self.usual.neighbours):
            if part is not None and part.shape[1] != width:
                raise ModelError(f"{TENSORS} does not fit its model; save the model again")
        raw = oddness(self.notes.score, self.notes.link, states, self.usual)
        return position(raw, self.seen), raw > quantile(self.seen, self.notes.false_alarms)

    def marked(self, answers: list[dict[str, Any]], states: States) -> list[dict[str, Any]]:
        """The answers to n inputs with `ood_score` and `abstain`."""
        odd, abstain = self.judge(states)
        return [
            {**given, "ood_score": round(float(score), 6), "abstain": bool(unsure)}
            for given, score, unsure in zip(answers, odd, abstain, strict=True)
        ]


def write_detector(folder: Path, detector: Detector) -> None:
    """Write both files into a model folder."""
    from safetensors.numpy import save_file

    arrays = {"seen": detector.seen, **kept_of(detector.usual)}
    save_file({n: np.ascontiguousarray(a) for n, a in arrays.items()}, folder / TENSORS)
    text = detector.notes.model_dump_json(indent=1) + "\n"
    (folder / NOTES).write_text(text, encoding="utf-8")


def read_notes(folder: Path) -> Anomaly | None:
    """Read `anomaly.json`; None where the folder has no detector.

    Raises:
        ModelError: It is damaged.
    """
    path = folder / NOTES
    if not path.is_file():
        return None
    try:
        return Anomaly.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, ValidationError) as error:
        raise ModelError(f"model {path}: is damaged; save the model again") from error


def read_detector(folder: Path, n_labels: int, link: Link = "softmax") -> Detector | None:
    """Load a model folder's detector; None where it has none.

    Raises:
        ModelError: It is damaged, or does not fit.
    """
    notes = read_notes(folder)
    if notes is None:
        return None
    arrays = read_tensors(folder / TENSORS)
    usual = Usual(arrays.get("means"), arrays.get("precision"), arrays.get("neighbours"))
    seen = arrays.get("seen")
    wants = {"mahalanobis": usual.precision, "knn": usual.neighbours}
    known = notes.score not in wants or wants[notes.score] is not None
    fits = notes.link == link and notes.score in SCORES_OF[link]
    alike = usual.means is None or usual.means.shape[0] <= n_labels + 1  # a group of no label
    whole = all(np.isfinite(array).all() for array in arrays.values())
    if seen is None or seen.ndim != 1 or not (known and fits and alike and whole):
        raise ModelError(f"model {folder / TENSORS}: does not fit {NOTES}; save the model again")
    return Detector(notes, usual, np.sort(seen.astype(np.float64)))
