"""Only reading queries over the store itself get through."""

from __future__ import annotations

import pytest
from tuneos.memory.namespaces import PREFIXES
from tuneos.memory.sparql import MAX_QUERY_LENGTH, QueryRefused, check_query, schema_digest

ALLOWED = [
    "SELECT ?s WHERE { ?s a t:Strategy }",
    "ASK { ?s a mls:Run }",
    "CONSTRUCT { ?s a prov:Activity } WHERE { ?s a t:Run }",
    "SELECT ?n { GRAPH ?g { ?s t:name ?n } } ORDER BY ?n LIMIT 3",
    "SELECT (MAX(?v) AS ?best) { ?s t:metric 'accuracy' ; t:value ?v } GROUP BY ?s",
    "PREFIX x: <http://x/> SELECT * { ?s x:p/rdfs:label* ?o FILTER NOT EXISTS { ?o a ?c } }",
    "SELECT * { ?service t:text 'the SERVICE <http://x> { desk } said: FROM <here>' }",
    "SELECT * { ?s t:value 1 } # FROM the first run; DROP nothing\nLIMIT 1",
    "SELECT ?s\r\n{ ?s ?p ?o }",
    r'SELECT * { ?s t:text "a \"quoted\" \\ line\n" }',
]
SERVICE = "SERVICE <http://127.0.0.1:1/> { ?s ?p ?o }"
HOSTILE = [
    (f"SELECT * {{ {SERVICE} }}", "SERVICE"),
    (f"SELECT * {{ {SERVICE.replace('SERVICE', 'sErViCe SILENT')} }}", "SERVICE"),
    ("SELECT * { ?x t:source ?u SERVICE ?u { ?s ?p ?o } }", "SERVICE"),
    (f"SELECT * {{ {{ SELECT ?s {{ {{ SELECT ?s {{ {SERVICE} }} }} }} }} }}", "SERVICE"),
    (f"SELECT * {{ ?a ?b ?c FILTER NOT EXISTS {{ {SERVICE} }} }}", "SERVICE"),
    (f"SELECT * {{ ?a ?b ?c FILTER (1 = 1 || EXISTS {{ {SERVICE} }}) }}", "SERVICE"),
    (f"SELECT * {{ ?a ?b ?c OPTIONAL {{ OPTIONAL {{ {SERVICE} }} }} }}", "SERVICE"),
    (f"SELECT * {{ {{ ?a ?b ?c }} UNION {{ GRAPH ?g {{ {SERVICE} }} }} }}", "SERVICE"),
    (f"SELECT * {{ ?a ?b ?c MINUS {{ {SERVICE} }} }}", "SERVICE"),
    (f"SELECT * {{ ?a ?b ?c BIND (EXISTS {{ {SERVICE} }} AS ?e) }}", "SERVICE"),
    (f"SELECT (EXISTS {{ {SERVICE} }} AS ?e) {{ ?a ?b ?c }}", "SERVICE"),
    (f"SELECT ?a {{ ?a ?b ?c }} GROUP BY ?a HAVING (EXISTS {{ {SERVICE} }})", "SERVICE"),
    (f"SELECT ?a {{ ?a ?b ?c }} ORDER BY (EXISTS {{ {SERVICE} }})", "SERVICE"),
    (f"ASK {{ {SERVICE} }}", "SERVICE"),
    (f"CONSTRUCT {{ ?s ?p ?o }} WHERE {{ {SERVICE} }}", "SERVICE"),
    ("SELECT * FROM <http://127.0.0.1:1/> { ?s ?p ?o }", "FROM"),
    ("SELECT * FROM NAMED <file:///etc/passwd> { GRAPH ?g { ?s ?p ?o } }", "FROM"),
    ("ASK FROM <file:///etc/passwd> { ?s ?p ?o }", "FROM"),
    ("CONSTRUCT FROM <file:///etc/passwd> WHERE { ?s ?p ?o }", "FROM"),
    ("DESCRIBE t:Run", "DESCRIBE is not allowed"),
    ("INSERT DATA { t:a t:b t:c }", "INSERT changes data"),
    ("DELETE WHERE { ?s ?p ?o }", "DELETE changes data"),
    ("LOAD <http://127.0.0.1:1/>", "LOAD changes data"),
    ("DROP ALL", "DROP changes data"),
    ("CLEAR GRAPH <https://tuneos.org/graph/experiments>", "CLEAR changes data"),
    ("PREFIX x: <http://x/> INSERT DATA { x:a x:b x:c }", "not SPARQL"),
    ("ASK { ?s ?p ?o } ; DROP ALL", "not SPARQL"),
    ("SELECT * { ?s ?p ?o } SELECT * { ?s ?p ?o }", "not SPARQL"),
    ("", "not SPARQL"),
    ("please list the strategies", "not SPARQL"),
]
# Read as comment or string by the judging parser, as SERVICE by the evaluating one.
TWO_READINGS = [
    (rf'SELECT * {{ ?s ?p "a\u0022 . # " . {SERVICE} ' + "\n}", "Escapes like"),
    (f"SELECT * {{ ?s ?p ?o . # \r {SERVICE} \n}}", "SERVICE"),
    (f"SELECT * {{ ?s ?p ?o . # \x85 {SERVICE} \n}}", r"U\+0085"),
    (f"SELECT * {{ ?s ?p ?o . # \u2028 {SERVICE} \n}}", r"U\+2028"),
    ("SELECT * { ?s ?p ?o \x00 }", r"U\+0000"),
    (r"SELECT * { \u0053ERVICE <http://127.0.0.1:1/> { ?s ?p ?o } }", "Escapes like"),
]


@pytest.mark.parametrize("text", ALLOWED)
def test_reading_query_is_allowed(text: str) -> None:
    check_query(text)


@pytest.mark.parametrize(("text", "said"), HOSTILE + TWO_READINGS)
def test_hostile_query_is_refused(text: str, said: str) -> None:
    with pytest.raises(QueryRefused, match=said):
        check_query(text)


def test_unknown_prefix_is_named_with_the_known_ones() -> None:
    with pytest.raises(QueryRefused, match="Unknown prefix foo") as caught:
        check_query("SELECT * { ?s foo:bar ?o }")
    assert all(f"{prefix}:" in str(caught.value) for prefix in PREFIXES)


def test_over_long_query_is_refused() -> None:
    with pytest.raises(QueryRefused, match=f"{MAX_QUERY_LENGTH} are allowed"):
        check_query("SELECT * { ?s ?p ?o }" + " " * MAX_QUERY_LENGTH)


@pytest.mark.parametrize(
    "text",
    [
        "SELECT * {" + "{" * 900 + "?s ?p ?o" + "}" * 900 + "}",
        "SELECT * { FILTER (" + "(" * 1900 + "1" + ")" * 1900 + ") }",
        "SELECT * {" + "?s ?p ?o . " * 340 + "}",
    ],
)
def test_deeply_nested_query_is_refused_not_crashed_on(text: str) -> None:
    with pytest.raises(QueryRefused):
        check_query(text)


def test_digest_is_short_and_names_the_vocabulary() -> None:
    digest = schema_digest()
    assert len(digest.splitlines()) <= 25
    for word in ("t:Strategy", "t:typicalGain", "t:Candidate", "prov:wasGeneratedBy", "t:Lesson"):
        assert word in digest


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("SELECT ?s WHERE { ?s a Strategy }", "write t:Word"),
        ("SELECT ?s COUNT(?o) WHERE { ?s a ?o }", r"write \(COUNT"),
        ("SELECT (COUNT(?o)) WHERE { ?s a ?o }", r"needs AS \?name"),
        ("SELECT ?s WHERE { ?s a ?o } LIMIT ten", "line 1, column 35, before 'ten'"),
        ("SELECT ?s, ?o WHERE { ?s a ?o }", "separated by spaces"),
        ("SELECT * {\n ?s a ?o .\n FILTER (?o > 3 }", r"line 3, .*there are 1 \( but 0 \)"),
        ("SELECT * { ?s skso:broader ?o }", "did you mean skos:"),
    ],
)
def test_mistake_is_placed_and_explained(text: str, said: str) -> None:
    with pytest.raises(QueryRefused, match=said):
        check_query(text)
