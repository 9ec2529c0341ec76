"""`tuneos explain`: why a run did what it did, or why a model answers as it does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..memory.errors import StoreError
from ..memory.knowledge import KnowledgeGraph
from ..memory.ledger import Ledger
from ..tools.deployment.saved import CARD
from ..tools.errors import UserError
from ..tools.knowledge.account import account_of
from ..tools.knowledge.asked import answer, together
from ..tools.knowledge.explanation import Explanation, Fact
from ..tools.knowledge.why import explain_run

if TYPE_CHECKING:
    from rich.console import Console

    from ..memory.workspace import Workspace
    from ..tools.attribution.explained import ModelExplanation
    from ..tools.datasets.types import Split
    from ..tools.tasks.task import Task
    from .runs import Run

TITLES = {
    "data": "The data",
    "control": "Who decided",
    "strategy": "Why this strategy",
    "settings": "Why these settings",
    "model": "Why this model",
    "stop": "Why it stopped",
    "test": "What the test split said",
    "budget": "What it cost",
    "step": "Step by step",
    "decision": "What else was decided",
}


class ExplainError(UserError):
    """What was asked cannot be explained."""


def is_model(target: str) -> bool:
    """Tell a model's folder from a run's name."""
    return (Path(target) / CARD).is_file()


def explained(run: Run) -> Explanation | None:
    """What the graph holds of a run; one that has not ended, or was killed, is written first."""
    ledger = Ledger(run.workspace.ledger)
    knowledge = KnowledgeGraph(run.workspace.knowledge, ledger=ledger)
    if ledger.run(run.name).status == "finished":
        found = explain_run(knowledge, run.name)
        if found is not None:
            return found
    knowledge.record_account(account_of(ledger, run.name))
    return explain_run(knowledge, run.name)


def show_run(
    console: Console,
    name: str,
    workspace: Path,
    *,
    about: str,
    as_json: bool,
    out: Path | None,
    prov: Path | None,
) -> None:
    """Explain a run on the terminal, as JSON, as a page, as PROV-O.

    Raises:
        UserError, StoreError: There is no such run, or a file cannot be written.
    """
    from .runs import find_run

    run = find_run(name, workspace)
    found = explained(run)
    if found is None:
        raise StoreError(f"Nothing is on record of run {run.name}.")
    if prov is not None:
        export_prov(KnowledgeGraph(run.workspace.knowledge), found, prov)
        console.print(f"PROV-O: {prov}", soft_wrap=True, markup=False)
    if out is not None:
        from ..tools.reporting.why_page import write_why_page

        _written(out, lambda: write_why_page(found, out))
        console.print(f"Page: {out}", soft_wrap=True, markup=False)
    chosen = answer(found, about)
    if as_json:
        facts = [] if isinstance(chosen, str) else [f.model_dump() for f in chosen]
        said = found.model_dump(exclude={"facts", "steps"})
        unknown = chosen if isinstance(chosen, str) else None
        print(json.dumps({"kind": "run", **said, "facts": facts, "unknown": unknown}))
    elif isinstance(chosen, str):
        console.print(chosen, soft_wrap=True, markup=False)
    elif out is None and prov is None:
        _print(console, found, chosen)


def _print(console: Console, found: Explanation, facts: list[Fact]) -> None:
    data = f", data {found.data_hash}" if found.data_hash else ""
    console.print(f"{found.run} is a run ({found.status}{data})", soft_wrap=True, markup=False)
    console.print(f"<{found.iri}>", style="dim", soft_wrap=True, markup=False)
    for topic, title in TITLES.items():
        own = together([f for f in facts if f.topic == topic])
        if own:
            console.print(f"\n[bold]{title}[/bold]")
        for fact in own:
            console.print(fact.text, soft_wrap=True, markup=False)
            source = f"  source: {fact.source}" if fact.source else ""
            console.print(f"  <{fact.iri}>{source}", style="dim", soft_wrap=True, markup=False)


def show_model(
    console: Console,
    folder: Path,
    text: str | None,
    workspace: Path,
    *,
    as_json: bool,
    out: Path | None,
    prov: Path | None,
) -> None:
    """Explain a model's answer to a text on the terminal, as JSON, as a page.

    Raises:
        UserError, StoreError: The text, the model or a file is at fault.
    """
    from ..tools.attribution.explained import explain_answer
    from ..tools.deployment.model import load_model
    from ..tools.training.hardware import calibrate_threads

    if prov is not None:
        raise ExplainError("--prov is for runs; name the run of this model instead")
    if text is None:
        raise ExplainError(
            f'{folder} is a model; say what it is to answer: tuneos explain {folder} "text"'
        )
    with console.status("loading the model"):
        model = load_model(folder)
        if model.card.encoder != "none":
            calibrate_threads()
    split = asked_row(model.task, text)
    with console.status("explaining the answer"):
        found = explain_answer(model, split, _workspace_of(folder, workspace))
    if out is not None:
        from ..tools.reporting.why_page import page, tinted, write_whole

        html = page("answer.html.j2", found=found, tinted=tinted)
        _written(out, lambda: write_whole(out, html))
        console.print(f"Page: {out}", soft_wrap=True, markup=False)
    if as_json:
        print(json.dumps({"kind": "model", **found.model_dump(mode="json")}, ensure_ascii=False))
    elif out is None:
        _print_answer(console, found)


def asked_row(task: Task, text: str) -> Split:
    """One row to be answered: a text, or a JSON object of the task's fields.

    Raises:
        ExplainError: The task needs more fields.
        DatasetError: A field is missing.
    """
    from ..tools.datasets.asked import TEXT
    from ..tools.datasets.tables import Table

    said: Any = None
    if text.lstrip().startswith("{"):
        try:
            said = json.loads(text)
        except ValueError:
            said = None
    cells = said if isinstance(said, dict) else {TEXT: text}
    if said is None and task.asks:
        example = json.dumps(dict.fromkeys(task.asks, "…"), ensure_ascii=False)
        raise ExplainError(f"{task.name} takes more than a text; write a JSON object: {example}")
    table = Table("your words", {k: [v] for k, v in cells.items()}, ["your words"])
    return task.ask(table, None)


def _workspace_of(folder: Path, given: Path) -> Workspace | None:
    """The workspace that a model lies in, else the one that was named."""
    from ..memory.workspace import open_workspace

    around = [p for p in folder.resolve().parents if (p / "ledger.sqlite").is_file()]
    found = next(iter(around), given)
    return open_workspace(found) if (found / "ledger.sqlite").is_file() else None


def _print_answer(console: Console, found: ModelExplanation) -> None:
    from ..tools.guardrails.checks import neutralise

    def say(text: str, style: str = "") -> None:
        console.print(text, style=style, soft_wrap=True, markup=False)

    score = found.answer.get("score")
    sure = f" (score {score:.4f})" if isinstance(score, float) else ""
    say(f"{found.model} is a model ({found.task}, {found.strategy}, run {found.run or 'unknown'})")
    say(f"\nIt answers: {neutralise(found.shown, 300)}{sure}", "bold")
    for a in found.attributions:
        against = f" over {a.against}" if a.against else ""
        scores = f"score {a.score:.3f}, {a.baseline:.3f} without words; {a.method}"
        say(f"\n{neutralise(a.what, 120)}{against}: {scores}")
        ranked = sorted(a.words, key=lambda w: -abs(w.value))[:12]
        for word in ranked:
            if abs(word.value) > 5e-4:
                say(
                    f"  {word.value:+.3f}  {neutralise(word.text, 40)}"
                    + (f"  ({word.field})" if len(found.fields) > 1 else "")
                )
        for term, value in a.terms[:6]:
            say(f"  {value:+.3f}  {neutralise(term, 40)}  (no word of the text)")
        say(
            f"  adds up to within {abs(a.delta):.2g} (tolerance {a.tolerance:.2g}): "
            f"{'complete' if a.complete else 'NOT complete'}",
            "dim",
        )
    if found.path:
        say("\nTaxonomy: " + " > ".join(_node(p) for p in found.path))
    if found.rules:
        say("\nRules that fired:")
    for rule in found.rules:
        say(f"  {neutralise(str(rule.get('said', rule)), 200)}  {' '.join(rule.get('iris', ()))}")
    say("\nNearest training rows")
    for row in found.nearest:
        say(f"  {row.similarity:.3f}  {row.label}: {neutralise(row.text, 120)}  ({row.place})")
    if found.nearest_note:
        say(f"  {found.nearest_note}", "dim")
    for note in found.notes:
        say(note)


def _node(node: Any) -> str:
    return str(node.get("label", node)) if isinstance(node, dict) else str(node)


_PROV = """
SELECT ?run ?s ?p ?o WHERE {
  ?run a t:Run .
  { ?run ?p ?o . BIND (?run AS ?s) }
  UNION { ?s dcterms:isPartOf ?run ; ?p ?o }
  UNION { ?c dcterms:isPartOf ?run . ?s dcterms:isPartOf ?c ; ?p ?o }
  UNION { ?run prov:used ?s . ?s ?p ?o }
  UNION { ?x dcterms:isPartOf ?run ; prov:used|prov:wasAssociatedWith|prov:wasDerivedFrom ?s .
          ?s ?p ?o }
  UNION { ?x dcterms:isPartOf ?run . ?s prov:wasGeneratedBy ?x ; ?p ?o }
  UNION { ?run prov:wasAssociatedWith ?s . ?s ?p ?o }
  UNION { ?s prov:wasGeneratedBy ?run ; ?p ?o } }"""
FORMATS = {".ttl": "turtle", ".json": "json-ld", ".jsonld": "json-ld", ".nt": "nt"}


def export_prov(knowledge: KnowledgeGraph, found: Explanation, path: Path) -> None:
    """Write a run's provenance as PROV-O: Turtle, N-Triples or JSON-LD, by the file's ending.

    Raises:
        ExplainError: The ending is another one, or the file cannot be written.
    """
    from rdflib import Graph, Literal, URIRef

    from ..memory.namespaces import PREFIXES

    kind = FORMATS.get(path.suffix.lower())
    if kind is None:
        raise ExplainError(f"--prov {path}: name a file that ends in {', '.join(FORMATS)}")
    graph = Graph()
    for prefix, iri in PREFIXES.items():
        graph.bind(prefix, iri, replace=True)
    for row in knowledge.select(_PROV, run=URIRef(found.iri)):
        value = row["o"]
        graph.add((row["s"], row["p"], value if isinstance(value, URIRef) else Literal(value)))
    _written(path, lambda: graph.serialize(path, format=kind, encoding="utf-8"))


def _written(path: Path, write: Any) -> None:
    """Write a file; a folder that isn't there is the user's to mend."""
    try:
        write()
    except OSError as error:
        raise ExplainError(f"{path}: cannot be written: {error.strerror}") from error
