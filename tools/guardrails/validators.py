"""The project's own guardrails validators; thin, the rules are elsewhere.

Import this module only where a Guard is wanted: guardrails comes with it.
"""

from __future__ import annotations

import math
from typing import Any

from .arguments import LONGEST, argument_faults
from .guards import quiet_guardrails
from .personal_data import find_personal_data, mask_text

quiet_guardrails()  # imports guardrails the quiet way, which the next line then finds done

from guardrails.validator_base import (  # noqa: E402
    FailResult,
    PassResult,
    Validator,
    register_validator,
)


@register_validator(name="tuneos/personal-data", data_type="string")
class PersonalData(Validator):  # type: ignore[misc]
    """No e-mail, phone, card, IBAN, SSN or IP address; fixed by masking each by its kind."""

    def _validate(self, value: Any, metadata: dict[str, Any]) -> Any:
        text = str(value)
        found = find_personal_data(text)
        if not found:
            return PassResult()
        kinds = ", ".join(sorted({finding.kind for finding in found}))
        return FailResult(
            error_message=f"holds personal data ({kinds}); mask it first",
            fix_value=mask_text(text),
        )


@register_validator(name="tuneos/safe-argument", data_type="string")
class SafeArgument(Validator):  # type: ignore[misc]
    """A tool call's string stays in the workspace and hides nothing (arguments.py).

    Metadata: `roots`, the allowed folders; `allow_urls`, `prose` and `limit` as in
    `argument_faults`. All may be absent, which allows least.
    """

    def _validate(self, value: Any, metadata: dict[str, Any]) -> Any:
        faults = argument_faults(
            str(value),
            tuple(metadata.get("roots", ())),
            allow_urls=bool(metadata.get("allow_urls", False)),
            prose=bool(metadata.get("prose", False)),
            limit=int(metadata.get("limit", LONGEST)),
        )
        return FailResult(error_message="; ".join(faults)) if faults else PassResult()


@register_validator(name="tuneos/known-label", data_type="string")
class KnownLabel(Validator):  # type: ignore[misc]
    """A predicted label is one of the model's, to the letter. Metadata: `labels`."""

    required_metadata_keys = ["labels"]  # noqa: RUF012  guardrails reads a list

    def _validate(self, value: Any, metadata: dict[str, Any]) -> Any:
        labels = metadata["labels"]
        if value in labels:
            return PassResult()
        return FailResult(error_message=f"is none of the model's {len(labels)} labels")


@register_validator(name="tuneos/finite-score", data_type="string")
class FiniteScore(Validator):  # type: ignore[misc]
    """A score, written as a number, is finite and from 0 to 1."""

    def _validate(self, value: Any, metadata: dict[str, Any]) -> Any:
        try:
            score = float(value)
        except (TypeError, ValueError):
            return FailResult(error_message="is not a number")
        if math.isfinite(score) and 0.0 <= score <= 1.0:
            return PassResult()
        return FailResult(error_message="is not a finite score from 0 to 1")
