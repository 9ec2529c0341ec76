"""How a run came to what it did, as PROV-O: activities, agents and entities, each with its IRI."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .experiments import (
    CandidateFacts,
    Notes,
    dataset_iri,
    describe_candidate,
    run_iri,
    segment,
)
from .namespaces import MLS, PROV, TUNEOS
from .trail import Entry

if TYPE_CHECKING:
    from rdflib import Graph

_BASE = "https://tuneos.org"
PERSON = f"{_BASE}/agent/person"
SYSTEM = f"{_BASE}/agent/tuneos"


@dataclass(frozen=True)
class TargetFacts:
    """A target with what was measured; None where nothing was."""

    metric: str
    op: str
    value: float
    validation: float | None = None
    test: float | None = None
    low: float | None = None
    high: float | None = None
    met: bool | None = None


@dataclass(frozen=True)
class ComparisonFacts:
    """The chosen candidate against a baseline, paired on the test rows."""

    against: str
    metric: str
    difference: float
    low: float
    high: float
    p_value: float


@dataclass(frozen=True)
class Account:
    """Everything on record of how a run went, whether it ended or not.

    Attributes:
        status: As the ledger has it.
        data_hash: "" where the data was not read yet.
        ended: "" while it can go on.
        budget: Resource -> limit (None: no limit) and what was spent.
        changes: By a person: when, through what, what, before, after.
        chosen: Name of the candidate kept; "" before.
        whole: The run is described elsewhere: candidates, scores, times.
    """

    run: str
    task: str
    status: str
    controller: str
    base_model: str
    source: str
    seed: int
    started: str
    entries: tuple[Entry, ...]
    data_hash: str = ""
    ended: str = ""
    targets: tuple[TargetFacts, ...] = ()
    budget: Mapping[str, tuple[float | None, float]] = field(default_factory=dict)
    comparisons: tuple[ComparisonFacts, ...] = ()
    changes: tuple[Mapping[str, str], ...] = ()
    chosen: str = ""
    whole: bool = False


def agent_iri(name: str) -> str:
    """Return the IRI of who decides: the planner, an LLM, the person, or code."""
    return PERSON if name == "person" else f"{_BASE}/agent/{segment(name)}"


def data_iri(key: str) -> str:
    """Return the IRI of one state of the training and validation rows."""
    return f"{_BASE}/data/{segment(key)}"


def account_digest(account: Account) -> str:
    """Tell whether an account says what another one said."""
    return hashlib.sha256(repr(account).encode("utf-8", "replace")).hexdigest()[:16]


def account_graph(account: Account) -> Graph:
    """Describe steps, decisions, agents, data versions, targets, budget and comparisons."""
    notes = Notes()
    run = run_iri(account.run)
    _describe_run(notes, run, account)
    _agent(notes, SYSTEM, "TuneOS", software=True)
    _agent(notes, agent_iri(account.controller), account.controller, software=True)
    notes.link(run, PROV + "wasAssociatedWith", agent_iri(account.controller))
    previous, steps, decisions = "", 0, 0
    for order, entry in enumerate(account.entries, 1):
        if entry.kind == "step":
            steps += 1
            iri = notes.part(run, run, TUNEOS + "step", f"step/{steps}")
            notes.say(iri, TUNEOS + "number", steps)
            _describe_step(notes, iri, run, entry, account)
            if previous:
                notes.link(iri, PROV + "wasInformedBy", previous)
            previous = iri
        else:
            decisions += 1
            iri = notes.part(run, run, TUNEOS + "decision", f"decision/{decisions}")
            _describe_decision(notes, iri, run, entry, account)
        notes.say(iri, TUNEOS + "order", order)
        notes.time(iri, PROV + "startedAtTime", entry.at or account.started)
    _describe_figures(notes, run, account)
    return notes.graph


def _describe_run(notes: Notes, run: str, account: Account) -> None:
    notes.kind(run, TUNEOS + "Run", MLS + "Run", PROV + "Activity")
    notes.say(run, TUNEOS + "status", account.status)
    notes.say(run, TUNEOS + "seed", account.seed)
    notes.say(run, TUNEOS + "accountDigest", account_digest(account))
    if account.whole:
        return
    notes.say(run, TUNEOS + "name", account.run)
    notes.say(run, TUNEOS + "controller", account.controller)
    notes.say(run, TUNEOS + "baseModel", account.base_model)
    notes.link(run, MLS + "achieves", TUNEOS + segment(account.task))
    notes.time(run, PROV + "startedAtTime", account.started)
    if account.data_hash:
        dataset = dataset_iri(account.data_hash)
        notes.kind(dataset, TUNEOS + "DatasetProfile", MLS + "Dataset", PROV + "Entity")
        notes.say(dataset, TUNEOS + "dataHash", account.data_hash)
        notes.say(dataset, TUNEOS + "source", account.source)
        notes.link(run, PROV + "used", dataset)


def _agent(notes: Notes, iri: str, name: str, *, software: bool) -> None:
    notes.kind(iri, PROV + "Agent", PROV + ("SoftwareAgent" if software else "Person"))
    notes.say(iri, TUNEOS + "name", name)


def _describe_step(notes: Notes, iri: str, run: str, entry: Entry, account: Account) -> None:
    notes.kind(iri, TUNEOS + "Step", PROV + "Activity")
    for name, value in (
        ("tool", entry.tool), ("reason", entry.reason), ("text", entry.text),
        ("outcome", entry.state), ("seconds", entry.seconds), ("estimate", entry.estimate),
        ("arguments", _json(entry.arguments)), ("approval", entry.approved),
    ):  # fmt: skip
        if value != "":
            notes.say(iri, TUNEOS + name, value)
    _decided_by(notes, iri, entry.by or account.controller)
    if entry.approved:
        _decided_by(notes, iri, "person")
    if entry.data:
        _data(notes, entry.data, entry.data_name)
        notes.link(iri, PROV + "used", data_iri(entry.data))
    if entry.new_data:
        _data(notes, entry.new_data, entry.new_data_name)
        notes.link(data_iri(entry.new_data), PROV + "wasGeneratedBy", iri)
        if entry.data:
            notes.link(data_iri(entry.new_data), PROV + "wasDerivedFrom", data_iri(entry.data))
    for made in entry.made:
        candidate = f"{run}/candidate/{segment(made.name)}"
        if not account.whole:
            dataset = dataset_iri(account.data_hash)
            facts = CandidateFacts(
                made.name, made.strategy, made.settings, made.validation, made.seconds
            )
            describe_candidate(notes, candidate, run, dataset, account.task, facts)
        notes.link(candidate, PROV + "wasGeneratedBy", iri)
        if entry.data:
            notes.link(candidate, PROV + "wasDerivedFrom", data_iri(entry.data))


def _describe_decision(notes: Notes, iri: str, run: str, entry: Entry, account: Account) -> None:
    notes.kind(iri, TUNEOS + "Decision", PROV + "Activity")
    for name, value in (
        ("kind", entry.kind), ("tool", entry.tool), ("reason", entry.reason),
        ("text", entry.text), ("stop", entry.stop), ("rule", entry.rule),
        ("proposedBy", entry.proposed_by), ("by", entry.by),
        ("arguments", _json(entry.arguments)), ("figures", _json(entry.figures)),
    ):  # fmt: skip
        if value != "":
            notes.say(iri, TUNEOS + name, value)
    notes.link(iri, PROV + "wasAssociatedWith", PERSON if entry.by == "person" else SYSTEM)
    if entry.by == "person":
        _agent(notes, PERSON, "person", software=False)
    if entry.candidate:
        notes.link(iri, PROV + "used", f"{run}/candidate/{segment(entry.candidate)}")
    if entry.kind == "prepared" and entry.new_data:
        _data(notes, entry.new_data, entry.new_data_name)
        notes.link(data_iri(entry.new_data), PROV + "wasGeneratedBy", iri)
        notes.link(iri, PROV + "used", dataset_iri(entry.data))
        notes.link(data_iri(entry.new_data), PROV + "wasDerivedFrom", dataset_iri(entry.data))


def _decided_by(notes: Notes, iri: str, name: str) -> None:
    agent = agent_iri(name)
    _agent(notes, agent, name, software=agent != PERSON)
    notes.link(iri, PROV + "wasAssociatedWith", agent)


def _data(notes: Notes, key: str, name: str) -> None:
    notes.kind(data_iri(key), PROV + "Entity")
    notes.say(data_iri(key), TUNEOS + "name", name)
    notes.say(data_iri(key), TUNEOS + "dataHash", key)


def _describe_figures(notes: Notes, run: str, account: Account) -> None:
    for target in account.targets:
        iri = notes.part(run, run, TUNEOS + "target", f"target/{segment(target.metric)}")
        notes.kind(iri, TUNEOS + "Target")
        _say_all(notes, iri, vars(target))
    for resource, (limit, spent) in account.budget.items():
        iri = notes.part(run, run, TUNEOS + "budget", f"budget/{segment(resource)}")
        notes.kind(iri, TUNEOS + "Budget")
        _say_all(notes, iri, {"resource": resource, "limit": limit, "spent": spent})
    for comparison in account.comparisons:
        tail = f"comparison/{segment(comparison.against)}"
        iri = notes.part(run, run, TUNEOS + "comparison", tail)
        notes.kind(iri, TUNEOS + "Comparison")
        _say_all(notes, iri, vars(comparison))
    for number, change in enumerate(account.changes, 1):
        iri = notes.part(run, run, TUNEOS + "decision", f"change/{number}")
        notes.kind(iri, TUNEOS + "Decision", PROV + "Activity")
        said = f"{change['what']} from {change['before']} to {change['after']}"
        words = {"kind": "changed", "by": "person", "text": f"{said}, through {change['by']}"}
        _say_all(notes, iri, words)
        _agent(notes, PERSON, "person", software=False)
        notes.link(iri, PROV + "wasAssociatedWith", PERSON)
        notes.time(iri, PROV + "startedAtTime", change["when"])


def _say_all(notes: Notes, iri: str, said: Mapping[str, str | float | bool | None]) -> None:
    names = {"p_value": "pValue"}
    for name, value in said.items():
        if value is not None:
            notes.say(iri, TUNEOS + names.get(name, name), value)


def _json(said: Mapping[str, object]) -> str:
    return json.dumps(said, ensure_ascii=False, sort_keys=True, default=str) if said else ""
