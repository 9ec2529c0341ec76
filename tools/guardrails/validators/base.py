"""What validators are made of, from guardrails imported the quiet way."""

from __future__ import annotations

from ..guards import quiet_guardrails

quiet_guardrails()  # the next line then finds it done

from guardrails.validator_base import (  # noqa: E402
    FailResult,
    PassResult,
    Validator,
    register_validator,
)

__all__ = ["FailResult", "PassResult", "Validator", "register_validator"]
