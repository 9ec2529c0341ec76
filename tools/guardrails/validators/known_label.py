"""A label is one of the model's."""

from __future__ import annotations

from typing import Any

from .base import FailResult, PassResult, Validator, register_validator


@register_validator(name="tuneos/known-label", data_type="string")
class KnownLabel(Validator):  # type: ignore[misc]
    """A predicted label is one of the model's, to the letter. Metadata: `labels`.

    Fixed where it differs from one label alone in case and white space.
    """

    required_metadata_keys = ["labels"]  # noqa: RUF012  guardrails reads a list

    def _validate(self, value: Any, metadata: dict[str, Any]) -> Any:
        labels = metadata["labels"]
        if value in labels:
            return PassResult()
        near = [label for label in labels if _plain(label) == _plain(str(value))]
        message = f"is none of the model's {len(labels)} labels"
        return FailResult(error_message=message, fix_value=near[0] if len(near) == 1 else None)


def _plain(label: str) -> str:
    return " ".join(label.casefold().split())
