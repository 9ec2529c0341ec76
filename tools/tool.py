"""What a tool is, and what it works with."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from ..evals.anomaly import ODD_METRICS
from ..evals.measures.robust import NAMES as ROBUST
from ..evals.metrics import sliced_metric
from ..evals.targets import Target
from ..memory.artifacts import ArtifactStore
from ..memory.errors import StoreError
from ..memory.knowledge import KnowledgeGraph
from ..memory.ledger import Ledger
from ..memory.workspace import Workspace
from .facts import Facts, OnProgress
from .guardrails.masking import DataGuard
from .tasks import find_task

if TYPE_CHECKING:
    from rdflib import Graph

NEAR = "near"  # in the ledger: near-duplicates across splits


class ToolRefused(Exception):
    """A tool cannot do what was asked; the message tells the controller what it can."""


@dataclass(frozen=True)
class Writer:
    """A chat model that writes for a tool, its tokens charged to the run's budgets.

    Attributes:
        name: As it is named wherever it shows.
        write: (what it is to be, what it is asked, tokens of the answer at most) -> its words.
            Raises `ToolRefused` where the budget is spent, or no answer comes.
    """

    name: str
    write: Callable[[str, str, int], str]


@dataclass(frozen=True)
class ToolContext:
    """A run's place in the world, the same for every tool call.

    Attributes:
        task: One of `datasets.types.TASKS`.
        base_model: Reference as given; base_digest tells its weights apart.
        base_models: (reference, digest) of each where several were given; `base_model` is the
            first, and used where ranking them came to nothing.
        domain_file: N-Triples of domain knowledge that was given to this run alone, if any was.
        metric: What training and search maximise: the first target that speaks of quality.
        seconds_left: Time that tools may still use; confirm and report are kept back.
        trials_left: Search trials that are left, None without a limit.
        licence: Of the data, as an SPDX identifier; "" where it is not known.
        use: What the model is for; "" where it is not said.
        translators: References of two translation models that the person named: into another
            language, and back.
        odd_file: Rows out of the domain, for validation, if any were given.
        writer: The run's LLM; None where a planner decides.
        guard: What the person wants done about personal data in the rows.
        memory: Whether earlier runs on similar data are looked at.
        clean: Kinds of trouble (`datasets.trouble`) whose rows the person wants removed.
    """

    run: str
    workspace: Workspace
    ledger: Ledger
    store: ArtifactStore
    knowledge: KnowledgeGraph
    task: str
    base_model: str
    base_digest: str
    metric: str
    targets: tuple[Target, ...]
    seed: int
    workers: int
    seconds_left: Callable[[], float | None]
    trials_left: Callable[[], int | None]
    base_models: tuple[tuple[str, str], ...] = ()
    licence: str = ""
    use: str = ""
    domain_file: Path | None = None
    translators: tuple[str, ...] = ()
    odd_file: Path | None = None
    writer: Writer | None = None
    memory: bool = True
    guard: DataGuard = field(default_factory=DataGuard)
    clean: tuple[str, ...] = ()

    def base(self, facts: Facts) -> tuple[str, str]:
        """Reference and digest of the base model that is tuned: the best of those ranked."""
        best = next((r for r in facts.base_ranking if r.scores), None)
        return (best.base_model, best.digest) if best else (self.base_model, self.base_digest)

    def domain(self) -> Graph:
        """What the user brought: loaded into the workspace, or given to this run alone."""
        graph = self.knowledge.domain()
        if self.domain_file is not None and self.domain_file.is_file():
            graph.parse(self.domain_file, format="nt")
        return graph

    @cached_property
    def held_out(self) -> frozenset[str]:
        """`copy_keys` of every validation and test text, as `prepare` left them.

        Enough to find leaks, while the texts of the test split stay sealed.
        """
        kept = self.ledger.kept(self.run, "held_out")
        if kept is None:
            raise StoreError(f"{self.workspace.ledger}: run {self.run} has no held-out texts.")
        return frozenset(json.loads(kept))

    @cached_property
    def near_held_out(self) -> frozenset[str]:
        """`text_key` of each train text that nearly equals a held-out one, as `prepare` saw it."""
        kept = self.ledger.kept(self.run, NEAR)
        return frozenset(json.loads(kept)["train"]) if kept is not None else frozenset()

    @cached_property
    def odd_digest(self) -> str:
        """Of the rows out of the domain; "" where there are none, or nothing asks for them."""
        file = self.odd_file
        if file is None or not file.is_file():
            return ""
        return hashlib.sha256(file.read_bytes()).hexdigest()[:32]

    @property
    def measured(self) -> tuple[str, ...]:
        """Metrics measured only where a target names them, sorted: costs, and some of the task."""
        task = find_task(self.task)
        costly = {"latency_p95_ms", "size_mb", *task.opt_in}
        costly |= {"ece", *ODD_METRICS} if task.spots_odd else set()  # these fit a detector
        costly |= {*ROBUST} if task.robust else set()
        named = {t.metric for t in self.targets}
        return tuple(sorted(named & costly | {m for m in named if sliced_metric(m)}))


@dataclass(frozen=True)
class ToolResult:
    """What came of a call.

    Attributes:
        summary: Short enough for a model to read.
        facts: What it adds to the state.
        artifacts: Paths of what it made.
    """

    summary: str
    facts: Facts = field(default_factory=Facts)
    artifacts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Tool:
    """One thing the agent can do.

    Attributes:
        arguments: Pydantic model; its docstring is what the model is told.
        run: (arguments, context, facts so far, progress) -> result. May raise
            `ToolRefused`, `UserError` and `JobFailed`, which become observations.
    """

    name: str
    arguments: type[BaseModel]
    run: Callable[[Any, ToolContext, Facts, OnProgress], ToolResult]

    def schema(self) -> dict[str, Any]:
        """The tool as a chat model gets it bound: the OpenAI function format.

        A model reads it at every step, so it says nothing twice: what may be null may
        as well be left out.
        """
        from langchain_core.utils.function_calling import convert_to_openai_tool

        found = convert_to_openai_tool(self.arguments)
        fields = found["function"]["parameters"]["properties"]
        found["function"]["parameters"]["properties"] = {n: _lean(f) for n, f in fields.items()}
        found["function"]["name"] = self.name
        return found


def _lean(field: dict[str, Any]) -> dict[str, Any]:
    """A field's schema without null, where another kind is left."""
    kinds = [k for k in field.get("anyOf", ()) if k.get("type") != "null"]
    said = {k: v for k, v in field.items() if not (k == "default" and v is None)}
    if len(kinds) != 1:
        return said
    return {**kinds[0], **{k: v for k, v in said.items() if k != "anyOf"}}
