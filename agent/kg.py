"""`tuneos kg`: ask the knowledge graph, bring knowledge into it, take it out, look at it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .commands.common import USER, WORKSPACE, JsonOption, WorkspaceOption, console_on, errors

if TYPE_CHECKING:
    from rich.console import Console

    from ..memory.knowledge import KnowledgeGraph, QueryResult
    from ..memory.neighbours import Neighbourhood

kg = typer.Typer(
    no_args_is_help=True,
    help="The knowledge graph: what is known beforehand, what runs have added, what you bring.",
)


class Brought(StrEnum):
    """Graphs that a user adds to."""

    domain = "domain"
    rules = "rules"
    recipes = "recipes"


class Named(StrEnum):
    """The named graphs, and all of them together."""

    domain = "domain"
    rules = "rules"
    experiments = "experiments"
    recipes = "recipes"
    ontology = "ontology"
    all = "all"


class Form(StrEnum):
    """Formats to write in."""

    turtle = "turtle"
    nt = "nt"
    xml = "xml"
    jsonld = "jsonld"
    trig = "trig"


_FORMS = {
    Form.turtle: "TURTLE",
    Form.nt: "N_TRIPLES",
    Form.xml: "RDF_XML",
    Form.jsonld: "JSON_LD",
    Form.trig: "TRIG",
}


@kg.command()
def query(
    sparql: Annotated[str, typer.Argument(help="SELECT, ASK or CONSTRUCT; @FILE reads it.")],
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Rows at most.")] = 50,
    seconds: Annotated[float, typer.Option(min=0.1, max=30, help="Time it may take.")] = 1.2,
    workspace: WorkspaceOption = WORKSPACE,
    as_json: JsonOption = False,
) -> None:
    """Ask in SPARQL. Prefixes such as t:, prov: and skos: are declared already."""
    with _told(as_json) as console:
        found = _open(workspace, console).query(_text_of(sparql), limit, seconds)
        if as_json:
            print(json.dumps(_as_json(found), ensure_ascii=False))
        else:
            _print_table(console, found)


@kg.command()
def load(
    file: Annotated[
        Path | None,
        typer.Argument(help="Turtle, N-Triples, RDF/XML, JSON-LD, or a SKOS table (.csv)."),
    ] = None,
    graph: Annotated[
        Brought, typer.Option(help="What it is: knowledge, rules or recipes.")
    ] = Brought.domain,
    name: Annotated[str | None, typer.Option(help="Kept under it; the file's name.")] = None,
    remove: Annotated[
        str | None, typer.Option(metavar="NAME", help="Forget what was loaded under a name.")
    ] = None,
    workspace: WorkspaceOption = WORKSPACE,
) -> None:
    """Check FILE and load it; a file of the same name is replaced, an invalid one not loaded."""
    with _told(False) as console:
        from ..memory.brought import check_brought
        from ..memory.validation import check_file

        if (file is None) == (remove is None):
            raise typer.BadParameter("give a FILE, or --remove NAME")
        knowledge = _open(workspace, console)
        if remove is not None:
            _remove(knowledge, remove, graph, console)
        if file is None:
            return
        with console.status(f"checking {file.name}"):
            checked = check_file(file, graph.value)
            if graph is not Brought.domain:
                check_brought(checked.triples, str(file))
        with console.status(f"loading {checked.count:,} triples"):
            kept = name or file.name.split(".")[0]
            knowledge.put(kept, checked.triples, graph.value)
        line = f"Loaded {checked.count:,} triples into the graph {graph} as {kept}."
        console.print(line, soft_wrap=True, markup=False)


@kg.command()
def export(
    graph: Annotated[Named, typer.Option(help="Which named graph.")] = Named.domain,
    form: Annotated[Form | None, typer.Option("--format", help="turtle, for all trig.")] = None,
    output: Annotated[Path | None, typer.Option(help="File; stdout if left out.")] = None,
    workspace: WorkspaceOption = WORKSPACE,
) -> None:
    """Write a graph as RDF."""
    with _told(True) as console:
        from ..memory.namespaces import GRAPHS
        from .output import whole_file

        whole = graph is Named.all
        chosen = form or (Form.trig if whole else Form.turtle)
        if whole and chosen not in (Form.trig, Form.jsonld):
            raise typer.BadParameter(f"{chosen} holds one graph only; all need trig or jsonld")
        iri = None if whole else GRAPHS[graph.value]
        written, count = _open(workspace, console).written(iri, _FORMS[chosen])
        with whole_file(output) as stream:
            stream.write(written.decode())
        if output:
            console.print(f"Wrote {count:,} triples to {output}.", soft_wrap=True, markup=False)


@kg.command()
def validate(
    file: Annotated[Path, typer.Argument(help="As for load.")],
    graph: Annotated[Brought, typer.Option(help="What it is meant for.")] = Brought.domain,
) -> None:
    """Check FILE as load does, and load nothing."""
    with _told(False) as console:
        from ..memory.validation import check_file

        with console.status(f"checking {file.name}"):
            checked = check_file(file, graph.value)
        line = f"{file}: {checked.count:,} triples, fit for the graph {graph}."
        console.print(line, soft_wrap=True, markup=False)


@kg.command()
def show(
    node: Annotated[str, typer.Argument(help="An IRI, a name such as t:Run, or a label.")],
    out: Annotated[Path | None, typer.Option(help="Picture: a .svg or .html file.")] = None,
    depth: Annotated[int, typer.Option(min=1, max=4, help="Steps from the node.")] = 1,
    workspace: WorkspaceOption = WORKSPACE,
) -> None:
    """Show what stands around a node: as rows here, or drawn into a file."""
    with _told(False) as console:
        here = _open(workspace, console).around(node, depth)
        if out is None:
            _print_links(console, here)
        else:
            _draw(here, out)
            console.print(f"Drew {len(here.links)} links to {out}.", soft_wrap=True, markup=False)


def _open(workspace: Path, console: Console) -> KnowledgeGraph:
    from ..memory.knowledge import KnowledgeGraph
    from ..memory.ledger import Ledger
    from ..memory.workspace import open_workspace

    def tell(text: str) -> None:
        print(text, file=sys.stderr)

    opened = open_workspace(workspace)
    ledger = Ledger(opened.ledger) if opened.ledger.exists() else None
    return KnowledgeGraph(opened.knowledge, ledger=ledger, on_restore=tell)


@contextmanager
def _told(to_stderr: bool) -> Iterator[Console]:
    """Give a console; a user's mistake becomes lines on stderr and exit code 2."""
    from ..memory.validation import FileInvalid

    with errors(console_on(True)):
        try:
            yield console_on(to_stderr)
        except FileInvalid as error:
            from ..tools.reporting.words import clean

            for problem in error.problems[:20]:
                place = f"{error.path}:{problem.line}" if problem.line else str(error.path)
                print(f"{place}: {clean(str(problem), 400)}", file=sys.stderr)
            total = len(error.problems)
            more = f"; {total - 20} more are not listed" if total > 20 else ""
            print(f"{total} problems{more}; nothing was loaded.", file=sys.stderr)
            raise typer.Exit(USER) from None


def _text_of(sparql: str) -> str:
    if not sparql.startswith("@"):
        return sparql
    from ..tools.errors import UserError

    try:
        return Path(sparql[1:]).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{sparql[1:]} cannot be read: {error}.") from error


def _as_json(found: QueryResult) -> dict[str, object]:
    return {
        "columns": found.columns,
        "rows": [dict(zip(found.columns, row, strict=True)) for row in found.rows],
        "truncated": found.truncated,
        "remark": found.remark,
    }


def _print_table(console: Console, found: QueryResult) -> None:
    from rich.table import Table
    from rich.text import Text

    from ..tools.reporting.words import clean

    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in found.columns:
        table.add_column(Text(column), overflow="fold")
    for row in found.rows:
        table.add_row(*(Text("" if v is None else clean(str(v), 1000)) for v in row))
    console.print(table)
    rows = f"{len(found.rows)} row{'s' * (len(found.rows) != 1)}"
    more = ", more were left off (--limit)" if found.truncated else ""
    console.print(f"[dim]{rows}{more}[/dim]")
    if found.remark:
        console.print(found.remark, soft_wrap=True, markup=False)


def _print_links(console: Console, here: Neighbourhood) -> None:
    from rich.table import Table
    from rich.text import Text

    from ..memory.neighbours import as_lines, called
    from ..tools.reporting.words import clean

    kind = here.kinds.get(here.centre)
    title = f"{called(here, here.centre)}{f' ({kind})' if kind else ''} <{here.centre}>"
    console.print(Text(clean(title, 400)), soft_wrap=True)
    table = Table(box=None, show_header=False, pad_edge=False)
    for line in as_lines(here):
        table.add_row(*(Text(clean(cell, 200), overflow="fold") for cell in line))
    console.print(table)
    if here.left_off:
        console.print(f"[dim]{here.left_off} more links are not shown[/dim]")


def _draw(here: Neighbourhood, out: Path) -> None:
    from ..tools.errors import UserError
    from ..tools.reporting.neighbourhood import draw, page

    drawn = {".svg": draw, ".html": page, ".htm": page}.get(out.suffix.lower())
    if drawn is None:
        raise UserError(f"{out}: a picture is a .svg or .html file.")
    try:
        out.write_text(drawn(here), encoding="utf-8")
    except OSError as error:
        raise UserError(f"{out} cannot be written: {error}.") from error


def _remove(knowledge: KnowledgeGraph, name: str, graph: Brought, console: Console) -> None:
    from ..tools.errors import UserError

    if not knowledge.remove(name, graph.value):
        loaded = ", ".join(knowledge.loaded(graph.value)) or "nothing"
        raise UserError(f"Nothing is loaded as {name!r} in the graph {graph}; there is {loaded}.")
    console.print(f"Removed {name} from the graph {graph}.", soft_wrap=True, markup=False)
