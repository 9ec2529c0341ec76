"""A proposed action, and what failed before, in RDF: what rules judge."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from .experiments import Notes, dataset_iri, run_iri, segment
from .namespaces import MLS, PROV, TUNEOS

if TYPE_CHECKING:
    from rdflib import Graph

Value = str | int | float | bool
_BASE = "https://tuneos.org"
FAILURES = """
SELECT ?failure ?run ?strategy ?technique ?reason ?machine ?base ?setting ?value WHERE {
  ?failure a t:Failure ; prov:wasGeneratedBy ?run ; t:strategyName ?strategy ;
    t:technique ?technique ; t:reason ?reason ; t:onMachine/t:name ?machine ; t:tunes ?base ;
    t:sets ?part . ?part t:setting ?setting ; t:value ?value }
ORDER BY ?failure ?setting"""


@dataclass(frozen=True)
class BaseFacts:
    """A base model: its name, a hash of its weights, its kind, and the names of its modules."""

    name: str
    digest: str
    architecture: str = ""
    model_type: str = ""
    modules: tuple[str, ...] = ()


@dataclass(frozen=True)
class Failure:
    """A call that failed.

    Attributes:
        reason: "out_of_memory", or what was said.
        settings: `rows_at_once`, `max_length` and `checkpointing` among them where memory failed.
        machine: In words; the same words are the same machine.
        base: Digest of the base model.
    """

    run: str
    strategy: str
    technique: str
    reason: str
    settings: Mapping[str, Value]
    machine: str
    base: str

    @property
    def iri(self) -> str:
        """The same failure of a run has the same IRI."""
        said = [self.strategy, self.reason, dict(self.settings), self.machine, self.base]
        digest = hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:12]
        return f"{run_iri(self.run)}/failure/{digest}"


@dataclass(frozen=True)
class Action:
    """What is proposed.

    Attributes:
        number: Of the proposal in its run.
        strategy: Its name, and `strategy_iri` that of its recipe; "" for tools without one.
        technique: What the tool does with it.
        asked: Settings that the controller named.
        settings: All that it would run with.
        seconds: Expected.
        measures: Of the dataset.
        situation: Everything that conditions of recipes look at.
        licence: Of the data, as an SPDX identifier; "" where it is not known.
        use: What the model is for; "" where it is not said.
        failures: Earlier ones that rules may hold against it.
        repeats: Why just this call failed before in the run; "" where it did not.
    """

    run: str
    number: int
    tool: str
    task: str
    machine: str
    base: BaseFacts
    data_hash: str = ""
    strategy: str = ""
    strategy_iri: str = ""
    technique: str = ""
    asked: Mapping[str, Value] = field(default_factory=dict)
    settings: Mapping[str, Value] = field(default_factory=dict)
    seconds: float = 0.0
    measures: Mapping[str, Value] = field(default_factory=dict)
    situation: Mapping[str, Value] = field(default_factory=dict)
    licence: str = ""
    use: str = ""
    failures: tuple[Failure, ...] = ()
    repeats: str = ""

    @property
    def iri(self) -> str:
        """Of this proposal."""
        return f"{run_iri(self.run)}/action/{self.number}"


def describe(action: Action) -> Graph:
    """Write an action, its dataset, base model and machine, and the failures, as a graph."""
    notes, iri = Notes(), action.iri
    base, machine = base_iri(action.base.digest), machine_iri(action.machine)
    data = dataset_iri(action.data_hash)
    notes.kind(iri, TUNEOS + "Action", PROV + "Activity")
    notes.say(iri, TUNEOS + "tool", action.tool)
    notes.say(iri, TUNEOS + "seconds", action.seconds)
    notes.link(iri, MLS + "achieves", TUNEOS + segment(action.task))
    notes.link(iri, PROV + "wasInformedBy", run_iri(action.run))
    notes.link(iri, PROV + "used", data)
    notes.link(iri, TUNEOS + "tunes", base)
    notes.link(iri, TUNEOS + "onMachine", machine)
    if action.strategy:
        notes.say(iri, TUNEOS + "strategyName", action.strategy)
        notes.say(iri, TUNEOS + "technique", action.technique)
    if action.strategy_iri:
        notes.link(iri, TUNEOS + "proposes", action.strategy_iri)
    if action.use:
        notes.link(iri, TUNEOS + "use", f"{TUNEOS}use.{segment(action.use)}")
    for module in str(action.settings.get("target_modules") or "").split():
        notes.say(iri, TUNEOS + "targetModule", module)
    _settings(notes, iri, "asks", action.asked)
    _settings(notes, iri, "sets", action.settings)
    _measures(notes, iri, "situation", action.situation)
    notes.kind(data, TUNEOS + "DatasetProfile")
    _measures(notes, data, "measure", action.measures)
    if action.licence:
        notes.link(data, TUNEOS + "licence", f"{TUNEOS}licence.{segment(action.licence)}")
        notes.say(data, TUNEOS + "licenceName", action.licence)
    notes.kind(base, TUNEOS + "BaseModel")
    for name, value in (
        ("name", action.base.name), ("architecture", action.base.architecture),
        ("modelType", action.base.model_type), *(("module", m) for m in action.base.modules),
    ):  # fmt: skip
        notes.say(base, TUNEOS + name, value)
    notes.kind(machine, TUNEOS + "Machine")
    notes.say(machine, TUNEOS + "name", action.machine)
    for failure in action.failures:
        notes.graph += failure_graph(failure)
    if action.repeats:
        failed = f"{iri}/before"
        notes.kind(failed, TUNEOS + "Failure")
        notes.say(failed, TUNEOS + "reason", action.repeats)
        notes.link(iri, TUNEOS + "repeats", failed)
    return notes.graph


def failure_graph(failure: Failure) -> Graph:
    """Write a failure."""
    notes, iri = Notes(), failure.iri
    notes.kind(iri, TUNEOS + "Failure", PROV + "Entity")
    notes.say(iri, TUNEOS + "strategyName", failure.strategy)
    notes.say(iri, TUNEOS + "technique", failure.technique)
    notes.say(iri, TUNEOS + "reason", failure.reason)
    notes.link(iri, TUNEOS + "onMachine", machine_iri(failure.machine))
    notes.say(machine_iri(failure.machine), TUNEOS + "name", failure.machine)
    notes.link(iri, TUNEOS + "tunes", base_iri(failure.base))
    notes.link(iri, PROV + "wasGeneratedBy", run_iri(failure.run))
    _settings(notes, iri, "sets", failure.settings)
    return notes.graph


def base_iri(digest: str) -> str:
    """Return the IRI of a base model."""
    return f"{_BASE}/base/{segment(digest)}"


def machine_iri(words: str) -> str:
    """Return the IRI of a machine."""
    return f"{_BASE}/machine/{hashlib.sha256(words.encode()).hexdigest()[:12]}"


def _settings(notes: Notes, iri: str, how: str, settings: Mapping[str, Value]) -> None:
    for name, value in settings.items():
        part = f"{iri}/{how}/{segment(name)}"
        notes.link(iri, TUNEOS + how, part)
        notes.say(part, TUNEOS + "setting", name)
        notes.say(part, TUNEOS + "value", value)


def _measures(notes: Notes, iri: str, how: str, measures: Mapping[str, Value]) -> None:
    for name, value in measures.items():
        part = f"{iri}/{how}/{segment(name)}"
        notes.link(iri, TUNEOS + how, part)
        notes.say(part, TUNEOS + "name", name)
        notes.say(part, TUNEOS + "value", value)


def read_failures(rows: Iterable[Mapping[str, Any]]) -> tuple[Failure, ...]:
    """Put the failures together that the query FAILURES gives a row for each setting of."""
    said: dict[str, tuple[Mapping[str, Any], dict[str, Value]]] = {}
    for row in rows:
        _, settings = said.setdefault(str(row["failure"]), (row, {}))
        settings[row["setting"]] = row["value"]
    return tuple(
        Failure(
            run=unquote(str(row["run"]).rpartition("/")[2]),
            strategy=row["strategy"],
            technique=row["technique"],
            reason=row["reason"],
            settings=settings,
            machine=row["machine"],
            base=unquote(str(row["base"]).rpartition("/")[2]),
        )
        for row, settings in said.values()
    )
