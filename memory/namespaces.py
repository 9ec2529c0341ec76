"""The IRIs and prefixes of the knowledge graph."""

from __future__ import annotations

TUNEOS = "https://tuneos.org/ns#"
MLS = "http://www.w3.org/ns/mls#"
PROV = "http://www.w3.org/ns/prov#"
DCTERMS = "http://purl.org/dc/terms/"

ONTOLOGY_GRAPH = "https://tuneos.org/graph/ontology"
RECIPES_GRAPH = "https://tuneos.org/graph/recipes"
EXPERIMENTS_GRAPH = "https://tuneos.org/graph/experiments"

# Declared for every query, so that its author need not.
PREFIXES = {
    "t": TUNEOS,
    "mls": MLS,
    "prov": PROV,
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "dcterms": DCTERMS,
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}
