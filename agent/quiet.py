"""What the process needs set before libraries load: no telemetry, no chatter."""

from __future__ import annotations

import os
import warnings

QUIET = {
    "TOKENIZERS_PARALLELISM": "false",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "LANGGRAPH_STRICT_MSGPACK": "true",
    "LANGSMITH_TRACING": "false",
    "GOMP_SPINCOUNT": "0",
}


def quiet() -> None:
    """Set the environment where the user has not, and silence libraries' deprecation notes."""
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    warnings.filterwarnings("ignore", category=DeprecationWarning)
    warnings.filterwarnings("ignore", category=FutureWarning)
