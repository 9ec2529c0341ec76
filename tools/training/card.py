"""The description of a saved model, made of the job that it comes from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..deployment.saved import Encoder, SavedModel
from .data import JobData


def card_of(
    data: JobData,
    strategy: str,
    encoder: Encoder,
    *,
    labels: Sequence[str] = (),
    extra: Mapping[str, Any] | None = None,
) -> SavedModel:
    """Describe a model; one without an encoder names no base model.

    Args:
        data: Rows and base model of the job.
        strategy: What made it.
        encoder: How its encoder, or the model that writes, has to be loaded.
        labels: In the order of its outputs, where it has any.
        extra: What the task itself needs; JSON values.
    """
    based = encoder != "none"
    return SavedModel(
        task=data.spec.what.task,
        strategy=strategy,
        encoder=encoder,
        labels=tuple(labels),
        base_model=data.base.ref if based else "",
        base_hub_id=data.base.hub_id if based else None,
        base_digest=data.base.digest if based else "",
        max_length=data.max_length,
        masked=data.spec.masked,
        masking=data.spec.masking,
        run=data.spec.run,
        data_hash=data.spec.data_hash,
        extra=dict(extra or {}),
    )
