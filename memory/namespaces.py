"""The IRIs and prefixes of the knowledge graph."""

from __future__ import annotations

TUNEOS = "https://tuneos.org/ns#"
MLS = "http://www.w3.org/ns/mls#"
PROV = "http://www.w3.org/ns/prov#"
DCTERMS = "http://purl.org/dc/terms/"
SKOS = "http://www.w3.org/2004/02/skos/core#"
SHACL = "http://www.w3.org/ns/shacl#"
OWL = "http://www.w3.org/2002/07/owl#"

BROUGHT = "https://tuneos.org/domain/"  # what relative IRIs and a table's ids stand under

ONTOLOGY_GRAPH = "https://tuneos.org/graph/ontology"
RECIPES_GRAPH = "https://tuneos.org/graph/recipes"
RULES_GRAPH = "https://tuneos.org/graph/rules"
EXPERIMENTS_GRAPH = "https://tuneos.org/graph/experiments"
DOMAIN_GRAPH = "https://tuneos.org/graph/domain"

# Declared for every query, so that its author need not.
PREFIXES = {
    "t": TUNEOS,
    "mls": MLS,
    "prov": PROV,
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "dcterms": DCTERMS,
    "skos": SKOS,
    "sh": SHACL,
    "owl": OWL,
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}

GRAPHS = {
    "ontology": ONTOLOGY_GRAPH,
    "recipes": RECIPES_GRAPH,
    "rules": RULES_GRAPH,
    "experiments": EXPERIMENTS_GRAPH,
    "domain": DOMAIN_GRAPH,
}
