"""What earlier runs on similar data tried, and how similar their data was.

A dataset is a handful of figures (its profile). Two profiles are as far apart as their
figures are, each on a scale of its own; what was tried on near ones is read from the
experiments graph by SPARQL: settings and validation scores, never anything of a test split.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .experiments import Value
from .namespaces import EXPERIMENTS_GRAPH, PREFIXES, TUNEOS

if TYPE_CHECKING:
    from rdflib.store import Store

MOST_RUNS = 20  # similar runs looked at, the nearest first
LEAST_SHARED = 3  # figures two profiles must have in common
# What counts as one unit of distance, on the scale that the figure is compared on.
EMBEDDING_SCALE = 400  # thousandths; halves of a set are 40 to 110 apart, unlike sets 260 to 550
LOG_SCALES = {"rows_train": math.log(10), "classes": math.log(4), "words_mean": math.log(3)}
SCALES = {"balance": 0.5, "non_ascii": 0.25}

_RUNS = """
SELECT ?run ?name ?measure ?value WHERE {
  ?run a t:Run ; t:met ?met ; mls:achieves ?task ; t:name ?name ; t:baseModel ?base .
  ?run prov:used ?data .
  ?data t:measure ?m . ?m t:name ?measure ; t:value ?value }"""
_EMBEDDINGS = """
SELECT ?run ?embedding WHERE { ?run prov:used ?data . ?data t:meanEmbedding ?embedding }"""
_TRIES = """
SELECT ?run ?try ?strategy ?seconds ?value WHERE {
  ?try prov:wasGeneratedBy ?run ; t:strategyName ?strategy ; t:seconds ?seconds ; t:score ?score .
  ?score t:split "validation" ; t:metric ?metric ; t:value ?value }
ORDER BY ?try"""
_SETTINGS = """
SELECT ?run ?try ?setting ?value WHERE {
  ?try prov:wasGeneratedBy ?run ; t:sets ?s . ?s t:setting ?setting ; t:value ?value }"""
_DONE = """
SELECT ?run ?tool (COUNT(?made) AS ?kept) WHERE {
  ?run t:step ?step . ?step t:tool ?tool ; t:outcome "ok" .
  OPTIONAL { ?made prov:wasGeneratedBy ?step } }
GROUP BY ?tool"""
_LESSONS = """
SELECT ?run ?text WHERE { ?l a t:Lesson ; prov:wasGeneratedBy ?run ; t:text ?text }
ORDER BY ?text"""


@dataclass(frozen=True)
class Profile:
    """What is compared of two datasets.

    Attributes:
        figures: By name, as SCALES and LOG_SCALES name them; others are not looked at.
        embedding: What the words mean on average, (width,) thousandths; () where unknown.
    """

    figures: Mapping[str, float]
    embedding: tuple[int, ...] = ()


@dataclass(frozen=True)
class PastTry:
    """A candidate or a search's trial of an earlier run, with its score on validation."""

    iri: str
    strategy: str
    settings: Mapping[str, Value]
    value: float
    seconds: float


@dataclass(frozen=True)
class PastRun:
    """An earlier run on similar data.

    Attributes:
        distance: Of the profiles.
        fruitless: Tools that were done, and of which nothing was kept, rows or candidates.
    """

    iri: str
    name: str
    distance: float
    tries: tuple[PastTry, ...]
    lessons: tuple[str, ...]
    fruitless: frozenset[str] = frozenset()


def distance(one: Profile, other: Profile) -> float:
    """Tell how far apart two profiles are: 0 the same, 1 about as far as is still alike.

    The root mean square over the figures that both have of their difference, in units of
    SCALES, or of LOG_SCALES between logarithms, and of the distance of their embeddings in
    units of EMBEDDING_SCALE. Infinite where they share fewer than LEAST_SHARED figures.

    Source: after Feurer, Springenberg & Hutter 2015, "Initializing Bayesian Hyperparameter
    Optimization via Meta-Learning": distance of meta-features finds settings to begin with.
    """
    mine, theirs = one.figures, other.figures
    parts = [
        (mine[name] - theirs[name]) / scale
        for name, scale in SCALES.items()
        if name in mine and name in theirs
    ]
    parts += [
        math.log(mine[name] / theirs[name]) / scale
        for name, scale in LOG_SCALES.items()
        if mine.get(name, 0) > 0 and theirs.get(name, 0) > 0
    ]
    if len(parts) < LEAST_SHARED or not all(map(math.isfinite, parts)):
        return math.inf
    if one.embedding and len(one.embedding) == len(other.embedding):
        parts.append(math.dist(one.embedding, other.embedding) / EMBEDDING_SCALE)
    return math.sqrt(sum(p * p for p in parts) / len(parts))


def read_similar(
    store: Store,
    *,
    task: str,
    base_model: str,
    profile: Profile,
    metric: str,
    within: float,
    but: str,
) -> tuple[PastRun, ...]:
    """Return earlier runs on similar data, the nearest first; the run `but` aside.

    Args:
        store: Of the knowledge graph.
        task, base_model: Must be the same.
        profile: Of the data at hand.
        metric: Whose validation scores are read.
        within: The largest distance.
        but: Name of the run that asks.
    """
    measured: dict[str, dict[str, float]] = defaultdict(dict)
    names: dict[str, str] = {}
    for row in _rows(store, _RUNS, task=TUNEOS + task, base=base_model):
        if isinstance(row["value"], (int, float)) and str(row["name"]) != but:
            measured[str(row["run"])][str(row["measure"])] = float(row["value"])
            names[str(row["run"])] = str(row["name"])
    said = {str(row["run"]): row["embedding"] for row in _rows(store, _EMBEDDINGS)}
    apart = {
        run: distance(profile, Profile(found, read_embedding(said.get(run))))
        for run, found in measured.items()
    }
    near = sorted((d, names[run], run) for run, d in apart.items() if d <= within)[:MOST_RUNS]
    return tuple(_past(store, run, name, d, metric) for d, name, run in near)


def read_embedding(said: object) -> tuple[int, ...]:
    """Read an embedding as it stands in the graph; () where it is none."""
    parts = said.split() if isinstance(said, str) else []
    try:
        return tuple(int(part) for part in parts)
    except ValueError:
        return ()


def _past(store: Store, run: str, name: str, apart: float, metric: str) -> PastRun:
    settings: dict[str, dict[str, Value]] = defaultdict(dict)
    for row in _rows(store, _SETTINGS, run=run):
        settings[str(row["try"])][str(row["setting"])] = row["value"]
    tries = tuple(
        PastTry(
            str(row["try"]),
            str(row["strategy"]),
            settings[str(row["try"])],
            float(row["value"]),
            float(row["seconds"]),
        )
        for row in _rows(store, _TRIES, run=run, metric=metric)
        if isinstance(row["value"], (int, float)) and isinstance(row["seconds"], (int, float))
    )
    lessons = tuple(str(row["text"]) for row in _rows(store, _LESSONS, run=run))
    done = _rows(store, _DONE, run=run)
    fruitless = frozenset(str(row["tool"]) for row in done if not row["kept"])
    return PastRun(run, name, apart, tries, lessons, fruitless)


def _rows(store: Store, query: str, **bound: str) -> list[dict[str, Any]]:
    """Run one of the queries above on the experiments graph, with names put in their place."""
    from decimal import Decimal

    from rdflib import Graph, Literal, URIRef

    for name, value in bound.items():
        term = URIRef(value) if name in {"run", "task"} else Literal(value)
        if name == "run":
            query = query.replace("?run", term.n3()).replace(f"SELECT {term.n3()}", "SELECT")
        else:
            query = query.replace(f"?{name} ", f"{term.n3()} ")
    graph = Graph(store, identifier=URIRef(EXPERIMENTS_GRAPH))
    found = []
    for binding in graph.query(query, initNs=PREFIXES).bindings:
        row = {
            str(k): v.toPython() if isinstance(v, Literal) else str(v) for k, v in binding.items()
        }
        found.append({k: float(v) if isinstance(v, Decimal) else v for k, v in row.items()})
    return found
