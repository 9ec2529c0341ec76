"""No personal data in a text."""

from __future__ import annotations

from typing import Any

from ..personal_data import find_personal_data, mask_text
from .base import FailResult, PassResult, Validator, register_validator


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
