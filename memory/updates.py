"""Updates of the knowledge graph as SPARQL text, and the notes that it keeps of itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .namespaces import DCTERMS, EXPERIMENTS_GRAPH, TUNEOS
from .sources import Source, ntriples_of

if TYPE_CHECKING:
    from rdflib import Graph

ENTRIES = TUNEOS + "journalEntries"
DIGEST = TUNEOS + "contentHash"


def forgetting(whole: str) -> str:
    """Write the update that removes a thing and its parts from the experiments."""
    return (
        f"DELETE {{ GRAPH <{EXPERIMENTS_GRAPH}> {{ ?s ?p ?o }} }} WHERE {{ GRAPH "
        f"<{EXPERIMENTS_GRAPH}> {{ {{ ?s <{DCTERMS}isPartOf> <{whole}> }} UNION "
        f"{{ VALUES ?s {{ <{whole}> }} }} ?s ?p ?o }} }}"
    )


def counted(entries: int) -> str:
    """Write the update that notes how many entries of the journal the store holds."""
    graph = f"GRAPH <{EXPERIMENTS_GRAPH}>"
    said = f"<{EXPERIMENTS_GRAPH}> <{ENTRIES}>"
    return (
        f"DELETE {{ {graph} {{ {said} ?n }} }} WHERE {{ {graph} {{ {said} ?n }} }} ;\n"
        f"INSERT DATA {{ {graph} {{ {said} {entries} }} }}"
    )


def replacement(graph: str, source: Source, digest: str | None) -> str:
    """Write the update that replaces a whole named graph by the package's part of its source."""
    note = f" ;\n{noted(graph, digest)}" if digest else ""
    content = inserted(graph, ntriples_of(source.triples()))
    return f"CLEAR SILENT GRAPH <{graph}> ;\n{content}{note}"


def noted(graph: str, digest: str) -> str:
    """Write the update that notes what a graph was loaded from."""
    return f'INSERT DATA {{ GRAPH <{graph}> {{ <{graph}> <{DIGEST}> "{digest}" }} }}'


def insertion(graph: str, content: Graph) -> str:
    """Write the update that adds what rdflib holds to a named graph."""
    return inserted(graph, ntriples(content).decode())


def inserted(graph: str, triples: str) -> str:
    """Write the update that adds N-Triples to a named graph."""
    return f"INSERT DATA {{ GRAPH <{graph}> {{\n{triples}}} }}"


def ntriples(content: Graph) -> bytes:
    """Write what rdflib holds as N-Triples."""
    return content.serialize(format="nt", encoding="utf-8")
