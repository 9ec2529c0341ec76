"""`tuneos doctor`: is this installation fit to run?"""

from __future__ import annotations

import importlib
import importlib.metadata
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

PACKAGES = ("torch", "transformers", "peft", "optuna", "langgraph", "rdflib", "guardrails-ai")
LEAST_FREE_GB = 2.0


def examine(console: Console) -> bool:
    """Print one line a check; True when everything that a run needs is there."""
    checks: tuple[tuple[str, Callable[[], str]], ...] = (
        ("python", lambda: sys.version.split()[0]),
        ("packages", _packages),
        ("machine", _machine),
        ("threads", _threads),
        ("base model", _base_model),
        ("knowledge graph", _knowledge),
        ("local LLMs", _local),
        ("disk", _disk),
    )
    fine = True
    for name, check in checks:
        try:
            console.print(f"[green]✓[/green] {name:16} {check()}")
        except Exception as error:  # a doctor reports whatever is broken
            fine = False
            console.print(f"[red]✗[/red] {name:16} {type(error).__name__}: {error}")
    return fine


def _packages() -> str:
    for module in ("torch", "transformers", "peft", "optuna", "langgraph", "rdflib"):
        importlib.import_module(module)
    return ", ".join(f"{p} {importlib.metadata.version(p)}" for p in PACKAGES)


def _machine() -> str:
    from ..tools.training.hardware import machine, pick_device

    device = pick_device()
    return f"{machine()}; device {device.kind}{', bf16' if device.bf16 else ''}"


def _threads() -> str:
    from ..tools.training.hardware import calibrate_threads

    return f"{calibrate_threads()} is fastest now"


def _base_model() -> str:
    from ..tools.training.base_model import BUILTIN, find_base_model

    base = find_base_model(BUILTIN)
    return f"{base.ref} ({base.hub_id})"


def _knowledge() -> str:
    import tempfile

    from ..memory.knowledge import KnowledgeGraph
    from ..tools.tasks import TASKS

    with tempfile.TemporaryDirectory() as folder:
        knowledge = KnowledgeGraph(Path(folder))
        strategies = sum(len(knowledge.strategies(task)) for task in TASKS)
    return f"{strategies} strategies for {len(TASKS)} kinds of task"


def _local() -> str:
    import importlib.util

    if importlib.util.find_spec("llguidance") is None:
        return "not installed; --llm local:PATH needs an extra: pip install 'tuneos[local]'"
    return f"--llm local:PATH, llguidance {importlib.metadata.version('llguidance')}"


def _disk() -> str:
    free = shutil.disk_usage(Path.cwd()).free / 1e9
    if free < LEAST_FREE_GB:
        raise OSError(f"{free:.1f} GB free here, {LEAST_FREE_GB:g} GB wanted")
    return f"{free:.0f} GB free here"
