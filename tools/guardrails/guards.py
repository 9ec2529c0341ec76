"""guardrails-ai Guards that stay at home: no telemetry, no hub, no LLM call.

Importing guardrails takes seconds, so it is imported when the first Guard is wanted.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any


@dataclass(frozen=True)
class Verdict:
    """What a Guard said of one value.

    Attributes:
        passed: No validator objected.
        failures: What each validator that objected said, in order.
        fixed: The value after fixes; the value itself where nothing was to fix.
    """

    passed: bool
    failures: tuple[str, ...]
    fixed: str


@lru_cache(maxsize=1)
def quiet_guardrails() -> None:
    """Turn guardrails' telemetry and remote inference off for this process; may be repeated.

    guardrails reads ~/.guardrailsrc again for every Guard, with telemetry on by default, so that
    turning it off in the settings lasts until the next Guard. The reading itself is replaced.
    """
    # Read if LiteLLM is ever imported, which fetches a price list without it.
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    # One validator after the other, in this thread: else each Guard makes an event loop that it
    # never closes, and warns where one is already running.
    os.environ["GUARDRAILS_RUN_SYNC"] = "true"
    with warnings.catch_warnings(), _without("nltk"):  # for which it fetches a tokenizer at once
        # Its command line, imported with it, meets deprecations that nobody here can mend.
        warnings.simplefilter("ignore", DeprecationWarning)
        from guardrails.classes.rc import RC
        from guardrails.settings import settings

    def load(cls: Any, logger: Any = None) -> Any:
        return cls(enable_metrics=False, use_remote_inferencing=False)

    RC.load = classmethod(load)
    settings.rc = RC.load()  # a validator built before any Guard reads this one
    settings.use_server = False
    settings.disable_tracing = True


@contextmanager
def _without(module: str) -> Iterator[None]:
    """Let an optional module look as if it were not installed."""
    there = sys.modules.pop(module, None)
    sys.modules[module] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules[module]
        if there is not None:
            sys.modules[module] = there


def guard_of(*validators: Any) -> Any:
    """Build a Guard over a string that applies these validators.

    Use `ask` on it, or its `validate()` and `parse()`. Calling the Guard itself would import
    LiteLLM and look for an LLM.

    Args:
        validators: Instances from validators.py or any other guardrails Validator.
    """
    quiet_guardrails()
    from guardrails import Guard

    # The history would keep texts with personal data in memory; 1 is the least it takes.
    return Guard(history_max_length=1).use(*validators)


def ask(guard: Any, value: str, metadata: Mapping[str, object] | None = None) -> Verdict:
    """Validate one string and say what came of it.

    `validation_passed` of the outcome is no use here: it is True after a fix and False for an
    empty string, so the verdict is taken from what each validator said.
    """
    outcome = guard.validate(value, metadata=dict(metadata or {}))
    failures = tuple(
        str(summary.failure_reason)
        for summary in outcome.validation_summaries or ()
        if summary.validator_status == "fail"
    )
    fixed = outcome.validated_output
    return Verdict(not failures, failures, fixed if isinstance(fixed, str) else value)
