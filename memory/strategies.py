"""Strategies and planner constants, read from the recipes graph by SPARQL."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .conditions import Condition
from .errors import StoreError
from .namespaces import PREFIXES, RECIPES_GRAPH
from .sources import parsed

if TYPE_CHECKING:
    from pyoxigraph import Triple
    from rdflib import URIRef
    from rdflib.store import Store

Value = str | int | float | bool

# ?task is bound from outside, which Oxigraph allows for selected variables only.
_STRATEGIES = """
SELECT ?task ?strategy ?name ?rung ?tool ?cost ?unit ?gain ?least ?source ?variant
  ?technique WHERE {
  ?strategy a t:Strategy ; t:forTask/t:name ?task .
  OPTIONAL { ?strategy t:name ?name } OPTIONAL { ?strategy t:rung ?rung }
  OPTIONAL { ?strategy t:tool ?tool } OPTIONAL { ?strategy t:relativeCost ?cost }
  OPTIONAL { ?strategy t:costUnit ?unit } OPTIONAL { ?strategy t:typicalGain ?gain }
  OPTIONAL { ?strategy t:minExamplesPerClass ?least }
  OPTIONAL { ?strategy dcterms:source ?source }
  OPTIONAL { ?strategy t:variantOf/t:name ?variant }
  OPTIONAL { ?strategy t:technique ?technique } }
ORDER BY ?rung BOUND(?variant) ?cost ?name"""
_DEFAULTS = """
SELECT ?task ?strategy ?setting ?value WHERE {
  ?strategy t:forTask/t:name ?task ; t:default [ t:setting ?setting ; t:value ?value ] }
ORDER BY ?setting"""
_RANGES = """
SELECT ?task ?strategy ?range ?setting ?low ?high ?log WHERE {
  ?strategy t:forTask/t:name ?task ; t:searches ?range .
  ?range t:setting ?setting .
  OPTIONAL { ?range t:low ?low ; t:high ?high } OPTIONAL { ?range t:log ?log } }
ORDER BY ?setting"""
_CHOICES = """
SELECT ?task ?range ?cell ?choice (COUNT(?before) AS ?place) WHERE {
  ?strategy t:forTask/t:name ?task ; t:searches ?range .
  ?range t:choices/rdf:rest* ?before . ?before rdf:rest* ?cell . ?cell rdf:first ?choice }
GROUP BY ?task ?range ?cell ?choice ORDER BY ?place"""
_CONDITIONS = """
SELECT ?task ?strategy ?condition ?of ?low ?high ?choice WHERE {
  ?strategy t:forTask/t:name ?task ; t:requires ?condition . ?condition t:of ?of .
  OPTIONAL { ?condition t:low ?low } OPTIONAL { ?condition t:high ?high }
  OPTIONAL { ?condition t:choices/rdf:rest*/rdf:first ?choice } }
ORDER BY ?of ?choice"""
_TRIALS = """
SELECT ?task ?strategy ?trial ?setting ?value WHERE {
  ?strategy t:forTask/t:name ?task ; t:firstTrial ?trial .
  ?trial t:sets [ t:setting ?setting ; t:value ?value ] .
  OPTIONAL { ?trial t:order ?order } }
ORDER BY ?strategy ?order ?setting"""
_CONSTANTS = "SELECT ?name ?value WHERE { ?c a t:Constant ; t:name ?name ; t:value ?value }"


@dataclass(frozen=True)
class Parameter:
    """What a search may try for one setting: `choices`, or `low` to `high` inclusive.

    Whole numbers at both ends mean that only whole numbers are tried.
    """

    setting: str
    low: int | float | None = None
    high: int | float | None = None
    log: bool = False
    choices: tuple[Value, ...] = ()


@dataclass(frozen=True)
class Strategy:
    """One way to get a model, as the recipes describe it.

    Attributes:
        rung: Place on the ladder, 0 the cheapest; the search comes after the last.
        tool: The tool that runs it.
        relative_cost: Cost of one training pass, in `cost_unit`.
        typical_gain: Share (0 to 1) of the remaining error that it tends to remove,
            compared with the rung below; for a search, with the searched strategy.
        min_examples_per_class: Not worth trying where half of the classes have fewer.
        space: What a search may vary; empty means nothing.
        first_trials: Settings known to work, on top of `defaults`, best first.
        cost_unit: "frozen_pass", a forward pass of the base model over the same rows, or
            "searched_trial", one trial of the searched strategy.
        variant_of: The main strategy of the rung when this is a relative of it.
        technique: What the tool does: of a fine-tune "top_layers", "lora" (any PEFT method) or
            "full". Several strategies may share one and differ in their settings.
        requires: When it applies, `min_examples_per_class` among it.
        iri: Of the recipe.
    """

    name: str
    rung: int
    tool: str
    relative_cost: float
    typical_gain: float
    min_examples_per_class: int
    defaults: dict[str, Value]
    space: tuple[Parameter, ...]
    first_trials: tuple[dict[str, Value], ...]
    source: str
    cost_unit: str = "frozen_pass"
    variant_of: str | None = field(default=None)
    technique: str = ""
    requires: tuple[Condition, ...] = ()
    iri: str = ""


def strategies_in(recipes: Path, task: str) -> tuple[Strategy, ...]:
    """Read the strategies for a task from Turtle, a file or a folder, without a store on disk."""
    return read_strategies(store_of(parsed(recipes)), task)


def store_of(triples: Iterable[Triple]) -> Store:
    """Put recipes into a store in memory, to be read from."""
    import pyoxigraph
    from oxrdflib import OxigraphStore

    where = pyoxigraph.NamedNode(RECIPES_GRAPH)
    inner = pyoxigraph.Store()
    inner.extend(pyoxigraph.Quad(t.subject, t.predicate, t.object, where) for t in triples)
    store: Store = OxigraphStore(store=inner)
    return store


def read_strategies(store: Store, task: str) -> tuple[Strategy, ...]:
    """Return the strategies for a task by rung, variants last; none for an unknown task.

    Raises:
        StoreError: A strategy in the recipes lacks something; the message says what.
    """
    choices: dict[Any, list[Value]] = defaultdict(list)
    for row in _select(store, _CHOICES, task):
        choices[row["range"]].append(row["choice"])
    defaults: dict[Any, dict[str, Value]] = defaultdict(dict)
    for row in _select(store, _DEFAULTS, task):
        defaults[row["strategy"]][row["setting"]] = row["value"]
    spaces: dict[Any, list[Parameter]] = defaultdict(list)
    for row in _select(store, _RANGES, task):
        tried = tuple(choices[row["range"]])
        spaces[row["strategy"]].append(
            Parameter(row["setting"], row["low"], row["high"], bool(row["log"]), tried)
        )
    trials: dict[Any, dict[Any, dict[str, Value]]] = defaultdict(lambda: defaultdict(dict))
    for row in _select(store, _TRIALS, task):
        trials[row["strategy"]][row["trial"]][row["setting"]] = row["value"]
    conditions = _conditions(_select(store, _CONDITIONS, task))
    return tuple(
        _strategy(
            row, defaults[key], tuple(spaces[key]), tuple(trials[key].values()), conditions[key]
        )
        for row in _select(store, _STRATEGIES, task)
        for key in [row["strategy"]]
    )


def _conditions(rows: list[dict[str, Any]]) -> dict[Any, tuple[Condition, ...]]:
    """Put the rows of each condition together, by strategy."""
    found: dict[Any, dict[Any, Condition]] = defaultdict(dict)
    for row in rows:
        of_strategy = found[row["strategy"]]
        before = of_strategy.get(row["condition"])
        more = () if row["choice"] is None else (row["choice"],)
        choices = (*(before.choices if before else ()), *more)
        of_strategy[row["condition"]] = Condition(
            of=row["of"], low=row["low"], high=row["high"], choices=choices
        )
    return defaultdict(tuple, {key: tuple(each.values()) for key, each in found.items()})


def read_constants(store: Store) -> dict[str, Value]:
    """Return the numbers the planner goes by, by name."""
    return {row["name"]: row["value"] for row in _select(store, _CONSTANTS, None)}


def _strategy(
    row: dict[str, Any],
    defaults: dict[str, Value],
    space: tuple[Parameter, ...],
    first_trials: tuple[dict[str, Value], ...],
    requires: tuple[Condition, ...],
) -> Strategy:
    wanted = {
        "t:name": row["name"], "t:rung": row["rung"], "t:tool": row["tool"],
        "t:relativeCost": row["cost"], "t:typicalGain": row["gain"],
        "t:minExamplesPerClass": row["least"], "dcterms:source": row["source"],
        "t:default": defaults or None,
    }  # fmt: skip
    missing = [name for name, value in wanted.items() if value is None]
    if missing:
        raise StoreError(
            f"recipes: the strategy {row['name'] or row['strategy']} lacks {', '.join(missing)}. "
            "Add it to its recipe, or remove the strategy."
        )
    return Strategy(
        name=row["name"],
        rung=row["rung"],
        tool=row["tool"],
        relative_cost=float(row["cost"]),
        typical_gain=float(row["gain"]),
        min_examples_per_class=row["least"],
        defaults=dict(defaults),
        space=space,
        first_trials=first_trials,
        source=row["source"],
        cost_unit=row["unit"] or "frozen_pass",
        variant_of=row["variant"],
        technique=row["technique"] or row["variant"] or row["name"],
        requires=(Condition(of="median_class", low=row["least"]), *requires),
        iri=str(row["strategy"]),
    )


def _select(store: Store, query: str, task: str | None) -> list[dict[str, Any]]:
    """Run one of the queries above on the recipes graph; unbound variables are None."""
    from rdflib import URIRef

    bound = {} if task is None else {"task": task}
    return select_rows(store, query, URIRef(RECIPES_GRAPH), **bound)


def select_rows(
    store: Store, query: str, graph: URIRef | None = None, /, **bound: Any
) -> list[dict[str, Any]]:
    """Run a trusted SELECT on one graph, or on all together; see `KnowledgeGraph.select`."""
    from rdflib import Literal
    from rdflib.term import Identifier

    terms = {k: v if isinstance(v, Identifier) else Literal(v) for k, v in bound.items()}
    where: Any = "__UNION__" if graph is None else graph
    result = store.query(query, PREFIXES, terms, where)
    names = [str(variable) for variable in result.vars or ()]
    return [
        {name: _python(row.get(name)) for name in names}
        for row in ({str(k): v for k, v in binding.items()} for binding in result.bindings)
    ]


def _python(term: Any) -> Any:
    """Turn a literal into a plain value (decimals into floats); leave other terms alone."""
    from decimal import Decimal

    from rdflib import Literal

    if not isinstance(term, Literal):
        return term
    value = term.toPython()
    return float(value) if isinstance(value, Decimal) else value
