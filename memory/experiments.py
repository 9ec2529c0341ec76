"""Runs as RDF: PROV-O for who made what, ML-Schema for what it is."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import quote

from .namespaces import DCTERMS, MLS, PROV, TUNEOS

if TYPE_CHECKING:
    from rdflib import Graph, URIRef

Value = str | int | float | bool

_BASE = "https://tuneos.org"
_TEXT_LENGTH = 2000


@dataclass(frozen=True)
class DatasetFacts:
    """A dataset as it was measured.

    Attributes:
        measures: Figures such as rows_train or classes.
        embedding: What its words mean on average, (width,) thousandths; () where unknown.
    """

    source: str
    data_hash: str
    measures: Mapping[str, float]
    embedding: tuple[int, ...] = ()


@dataclass(frozen=True)
class CandidateFacts:
    """A trained candidate; scores by metric, empty where the split was not looked at."""

    name: str
    strategy: str
    settings: Mapping[str, Value]
    validation: Mapping[str, float]
    seconds: float
    test: Mapping[str, float] = field(default_factory=dict)
    recalled: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class TrialFacts:
    """A trial of a search; `validation` is empty where it came to nothing, and `note` says why."""

    name: str
    strategy: str
    state: str
    settings: Mapping[str, Value]
    validation: Mapping[str, float]
    seconds: float
    note: str = ""


@dataclass(frozen=True)
class RunFacts:
    """A run as it goes into the knowledge graph; times are ISO 8601, UTC."""

    run: str
    task: str
    controller: str
    base_model: str
    started: str
    ended: str
    stop_reason: str
    met: bool
    dataset: DatasetFacts
    candidates: tuple[CandidateFacts, ...]
    chosen: str | None = None
    lessons: tuple[str, ...] = ()
    trials: tuple[TrialFacts, ...] = ()
    recalled: tuple[str, ...] = ()


def run_iri(run: str) -> str:
    """Return the IRI of a run; those of its parts begin with it and a slash."""
    return f"{_BASE}/run/{segment(run)}"


def dataset_iri(data_hash: str) -> str:
    """Return the IRI of a dataset."""
    return f"{_BASE}/dataset/{segment(data_hash)}"


def strategy_iri(task: str, strategy: str) -> str:
    """Return the IRI that its recipe gives to a strategy."""
    return f"{TUNEOS}{segment(task)}.{segment(strategy)}"


def run_graph(facts: RunFacts) -> Graph:
    """Describe a run with its dataset, candidates, settings, scores and lessons."""
    notes = Notes()
    run, dataset = run_iri(facts.run), dataset_iri(facts.dataset.data_hash)
    notes.kind(run, TUNEOS + "Run", MLS + "Run", PROV + "Activity")
    notes.link(run, MLS + "achieves", TUNEOS + segment(facts.task))
    notes.link(run, PROV + "used", dataset)
    notes.time(run, PROV + "startedAtTime", facts.started)
    notes.time(run, PROV + "endedAtTime", facts.ended)
    for name, value in (
        ("name", facts.run), ("controller", facts.controller), ("baseModel", facts.base_model),
        ("stopReason", facts.stop_reason), ("met", facts.met),
    ):  # fmt: skip
        notes.say(run, TUNEOS + name, value)
    _describe_dataset(notes, dataset, facts.dataset)
    for candidate in facts.candidates:
        iri = f"{run}/candidate/{segment(candidate.name)}"
        describe_candidate(notes, iri, run, dataset, facts.task, candidate)
        if candidate.name == facts.chosen:
            notes.link(run, TUNEOS + "chose", iri)
    for trial in facts.trials:
        iri = f"{run}/trial/{segment(trial.name)}"
        _describe_trial(notes, iri, run, dataset, trial)
    for earlier in facts.recalled:
        notes.link(run, PROV + "wasInformedBy", run_iri(earlier))
    for text in facts.lessons:
        notes.graph += lesson_graph(facts.run, text, facts.task, facts.ended)
    return notes.graph


def lesson_graph(run: str, text: str, about: str, when: str | None = None) -> Graph:
    """Describe one lesson; the same lesson of the same run gets the same IRI."""
    notes = Notes()
    digest = hashlib.sha256(f"{about}\0{text}".encode("utf-8", "replace")).hexdigest()[:12]
    iri = f"{run_iri(run)}/lesson/{digest}"
    notes.kind(iri, TUNEOS + "Lesson", PROV + "Entity")
    notes.say(iri, TUNEOS + "text", text)
    notes.say(iri, TUNEOS + "about", about)
    notes.link(iri, PROV + "wasGeneratedBy", run_iri(run))
    notes.time(iri, PROV + "generatedAtTime", when or datetime.now(UTC).isoformat("T", "seconds"))
    return notes.graph


def _describe_dataset(notes: Notes, iri: str, facts: DatasetFacts) -> None:
    notes.kind(iri, TUNEOS + "DatasetProfile", MLS + "Dataset", PROV + "Entity")
    notes.say(iri, TUNEOS + "dataHash", facts.data_hash)
    notes.say(iri, TUNEOS + "source", facts.source)
    if facts.embedding:
        notes.say(iri, TUNEOS + "meanEmbedding", " ".join(map(str, facts.embedding)))
    for name, value in facts.measures.items():
        part = notes.part(iri, iri, TUNEOS + "measure", f"measure/{segment(name)}")
        notes.kind(part, TUNEOS + "Measure", MLS + "DatasetCharacteristic")
        notes.say(part, TUNEOS + "name", name)
        notes.say(part, TUNEOS + "value", value)


def describe_candidate(
    notes: Notes, iri: str, run: str, dataset: str, task: str, facts: CandidateFacts
) -> None:
    notes.kind(iri, TUNEOS + "Candidate", MLS + "Model", PROV + "Entity")
    notes.say(iri, TUNEOS + "name", facts.name)
    notes.say(iri, TUNEOS + "strategyName", facts.strategy)
    notes.say(iri, TUNEOS + "seconds", facts.seconds)
    notes.link(iri, TUNEOS + "usedStrategy", strategy_iri(task, facts.strategy))
    notes.link(iri, PROV + "wasGeneratedBy", run)
    notes.link(iri, PROV + "wasDerivedFrom", dataset)
    notes.link(iri, DCTERMS + "isPartOf", run)
    _describe_settings(notes, iri, run, facts.settings, facts.recalled)
    for split, scores in (("validation", facts.validation), ("test", facts.test)):
        _describe_scores(notes, iri, run, split, scores)


def _describe_trial(notes: Notes, iri: str, run: str, dataset: str, facts: TrialFacts) -> None:
    notes.kind(iri, TUNEOS + "SearchTrial", PROV + "Entity")
    notes.say(iri, TUNEOS + "name", facts.name)
    notes.say(iri, TUNEOS + "strategyName", facts.strategy)
    notes.say(iri, TUNEOS + "state", facts.state)
    notes.say(iri, TUNEOS + "seconds", facts.seconds)
    if facts.note:
        notes.say(iri, TUNEOS + "note", facts.note)
    notes.link(iri, PROV + "wasGeneratedBy", run)
    notes.link(iri, PROV + "wasDerivedFrom", dataset)
    notes.link(iri, DCTERMS + "isPartOf", run)
    _describe_settings(notes, iri, run, facts.settings, {})
    _describe_scores(notes, iri, run, "validation", facts.validation)


def _describe_settings(
    notes: Notes, iri: str, run: str, settings: Mapping[str, Value], recalled: Mapping[str, str]
) -> None:
    for name, value in settings.items():
        part = notes.part(iri, run, TUNEOS + "sets", f"setting/{segment(name)}")
        notes.kind(part, TUNEOS + "Setting", MLS + "HyperParameterSetting")
        notes.say(part, TUNEOS + "setting", name)
        notes.say(part, TUNEOS + "value", value)
        if name in recalled:
            notes.link(part, TUNEOS + "recalledFrom", recalled[name])


def _describe_scores(
    notes: Notes, iri: str, run: str, split: str, scores: Mapping[str, float]
) -> None:
    for metric, score in scores.items():
        part = notes.part(iri, run, TUNEOS + "score", f"score/{split}/{segment(metric)}")
        notes.kind(part, TUNEOS + "Score", MLS + "ModelEvaluation")
        notes.say(part, TUNEOS + "metric", metric)
        notes.say(part, TUNEOS + "split", split)
        notes.say(part, TUNEOS + "value", score)


class Notes:
    """A graph under construction, in terms of IRIs as text."""

    def __init__(self) -> None:
        from rdflib import Graph

        self.graph: Graph = Graph()

    def kind(self, subject: str, *classes: str) -> None:
        from rdflib import RDF

        for iri in classes:
            self.graph.add((_uri(subject), RDF.type, _uri(iri)))

    def link(self, subject: str, predicate: str, target: str) -> None:
        self.graph.add((_uri(subject), _uri(predicate), _uri(target)))

    def part(self, subject: str, whole: str, predicate: str, tail: str) -> str:
        """Link a part that goes when the whole is described anew; return its IRI."""
        iri = f"{subject}/{tail}"
        self.link(subject, predicate, iri)
        self.link(iri, DCTERMS + "isPartOf", whole)
        return iri

    def say(self, subject: str, predicate: str, value: Value) -> None:
        from rdflib import Literal

        plain = _clean(value) if isinstance(value, str) else value
        self.graph.add((_uri(subject), _uri(predicate), Literal(plain)))

    def time(self, subject: str, predicate: str, when: str) -> None:
        from rdflib import XSD, Literal

        literal = Literal(_clean(when), datatype=XSD.dateTime, normalize=False)
        self.graph.add((_uri(subject), _uri(predicate), literal))


def _uri(iri: str) -> URIRef:
    from rdflib import URIRef

    return URIRef(iri)


def segment(text: str) -> str:
    """Make any text safe inside an IRI; ordinary names stay as they are."""
    return quote(text.encode("utf-8", "replace"), safe="") or "_"


def _clean(text: str) -> str:
    """Drop what no RDF text may hold (lone surrogates, control characters) and cut it short."""
    encodable = text.encode("utf-8", "replace").decode("utf-8")
    return re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", " ", encodable)[:_TEXT_LENGTH]
