"""The graph at size: `python -P -m tuneos.evals.benchmarks.graph_scale [WN18RR.nt.gz]`.

First a file (wn18rr, 93,003 triples) is loaded, validated and queried, beside plain rdflib
with its own store in the same process, in turn; a repeated query is judged once. Then a
million triples are generated and loaded, and queries, each another, are asked as the
agent's query tool asks them: judged, through the kept process with its limits, opened anew
where the store has changed. The million is not held against shapes: pyshacl takes about a
quarter of a millisecond of a core for each concept.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from .machine import describe

TRIPLES = 1_000_000
REPEATS = 20
MOST_MS = 50.0

_CHILD = r"""
import gzip, json, random, statistics, sys, time
from pathlib import Path
from rdflib import Graph
from tuneos.memory.knowledge import KnowledgeGraph
from tuneos.memory.namespaces import PREFIXES
from tuneos.memory.rdf_files import read_rdf
from tuneos.memory.validation import check_file
from tuneos.tools.facts import Facts
from tuneos.tools.registry import TOOLS

folder, source = Path(sys.argv[1]), sys.argv[2]
triples, repeats = int(sys.argv[3]), int(sys.argv[4])

def timed(what):
    began = time.perf_counter()
    answer = what()
    return time.perf_counter() - began, answer

def say(*words): print(*words, file=sys.stderr, flush=True)

WN = "http://example.org/wn/"
WORDNET = {
    "lookup": f"SELECT ?p ?o {{ <{WN}dog.n.01> ?p ?o }}",
    "three hops": f"SELECT ?c {{ <{WN}dog.n.01> <{WN}rel/_hypernym> ?a . "
                  f"?a <{WN}rel/_hypernym> ?b . ?b <{WN}rel/_hypernym> ?c }}",
    "path": f"SELECT ?a {{ <{WN}dog.n.01> <{WN}rel/_hypernym>+ ?a }}",
    "join": f"SELECT ?x ?y {{ ?x <{WN}rel/_has_part> ?y . ?y <{WN}rel/_hypernym> ?z . "
            f"?z <{WN}rel/_hypernym> ?w }} LIMIT 30",
    "count by property": "SELECT ?p (COUNT(*) AS ?n) { GRAPH <https://tuneos.org/graph/domain> "
                         "{ ?s ?p ?o } } GROUP BY ?p",
}

class Context:
    def __init__(self, knowledge): self.knowledge = knowledge

def ask(knowledge, sparql):
    tool = TOOLS["query_knowledge"]
    return tool.run(tool.arguments(sparql=sparql), Context(knowledge), Facts(), lambda *_: None)

def median_ms(what, most=repeats, seconds=20.0):
    times, began = [], time.perf_counter()
    while len(times) < most and (len(times) < 3 or time.perf_counter() - began < seconds):
        times.append(1000 * timed(what)[0])
    return statistics.median(times)

def wordnet(path):
    knowledge = KnowledgeGraph(folder / "wordnet")
    knowledge.refresh()
    say("loading", path)
    checking, checked = timed(lambda: check_file(Path(path)))
    putting, _ = timed(lambda: knowledge.put("wordnet", checked.triples))
    plain = Graph()
    text = gzip.open(path).read() if path.endswith(".gz") else Path(path).read_bytes()
    parsing, _ = timed(lambda: plain.parse(data=text, format="nt"))
    ask(knowledge, "ASK { ?s ?p ?o }")
    rows = {}
    for name, query in WORDNET.items():
        say("asking", name)
        bare = query.replace("GRAPH <https://tuneos.org/graph/domain>", "")
        ours = median_ms(lambda: ask(knowledge, query))
        theirs = median_ms(lambda: list(plain.query(bare, initNs=PREFIXES)), most=5)
        rows[name] = (ours, theirs)
    return {"triples": checked.count, "check": checking, "put": putting, "parse": parsing,
            "queries": rows}

E = "http://example.org/e/"
MILLION = {
    "lookup": f"SELECT ?p ?o {{ <{E}n{{n}}> ?p ?o }}",
    "incoming": f"SELECT ?s ?p {{ ?s ?p <{E}n{{n}}> }}",
    "label": f'SELECT ?s {{ ?s skos:prefLabel "thing {{n}}" }}',
    "two hops with label": f"SELECT ?l {{ <{E}n{{n}}> <{E}p1>/<{E}p2> ?x . ?x skos:prefLabel ?l }}",
    "broader path": f"SELECT ?a {{ <{E}n{{n}}> skos:broader+ ?a }}",
    "join from a constant": f"SELECT ?x ?y {{ ?x skos:broader <{E}n{{m}}> . ?x <{E}p1> ?y }}",
    "not exists": f"SELECT ?x {{ ?x skos:broader <{E}n{{m}}> "
                  f"FILTER NOT EXISTS {{ ?x <{E}p3> ?y }} }}",
    "ask": f"ASK {{ <{E}n{{n}}> skos:broader ?b . ?b skos:broader ?c }}",
    "strategies beside it": "SELECT ?n ?r { ?s a t:Strategy ; t:name ?n ; t:rung ?r ; t:forTask "
                            "t:text-classification } ORDER BY ?r LIMIT 30",
    "optional": f"SELECT ?l ?x {{ <{E}n{{n}}> skos:prefLabel ?l "
                f"OPTIONAL {{ <{E}n{{n}}> <{E}p7> ?x }} }}",
}

def million():
    knowledge = KnowledgeGraph(folder / "million")
    knowledge.refresh()
    draw, nodes = random.Random(7), triples // 5
    path = folder / "million.nt"
    say("generating", triples, "triples")
    skos = PREFIXES["skos"]
    with path.open("w") as file:
        for i in range(nodes):
            node = f"<{E}n{i}>"
            file.write(f'{node} <{skos}prefLabel> "thing {i}" .\n')
            file.write(f"{node} <{skos}broader> <{E}n{i // 10}> .\n" if i else
                       f"{node} <{skos}topConceptOf> <{E}scheme> .\n")
            for _ in range(3):
                file.write(f"{node} <{E}p{draw.randrange(10)}> <{E}n{draw.randrange(nodes)}> .\n")
    say("reading")
    checking, checked = timed(lambda: read_rdf(path))
    say("loading")
    putting, _ = timed(lambda: knowledge.put("million", checked.triples))
    first, _ = timed(lambda: ask(knowledge, "ASK { ?s ?p ?o }"))
    every, rows, size = [], {}, triples // 5
    for name, pattern in MILLION.items():
        times = []
        for _ in range(repeats):
            n = draw.randrange(1000, size)
            m = draw.randrange(10, size // 10)
            query = pattern.replace("{n}", str(n)).replace("{m}", str(m))
            seconds, answer = timed(lambda: ask(knowledge, query))
            times.append(1000 * seconds)
        rows[name] = (statistics.median(times), max(times))
        every += times
    counting, _ = timed(lambda: knowledge.query(
        "SELECT ?p (COUNT(*) AS ?n) { ?s ?p ?o } GROUP BY ?p", seconds=20))
    again = []
    for i in range(5):  # after each write the process must open the store anew
        knowledge.record_lesson("run", f"lesson {i}", "x")
        again.append(1000 * timed(lambda: ask(knowledge, "ASK { ?l t:text 'lesson 1' }"))[0])
    child = knowledge._child
    def cold():
        child.close()
        ask(knowledge, "ASK { ?s ?p ?o }")
    fresh = median_ms(cold, most=5)
    return {"triples": checked.count, "check": checking, "put": putting, "first": 1000 * first,
            "median": statistics.median(every), "p95": sorted(every)[int(0.95 * len(every))],
            "queries": rows, "count": 1000 * counting, "written": statistics.median(again),
            "cold": fresh}

found = {"million": million()}
if source:
    found["wordnet"] = wordnet(source)
print(json.dumps(found))
"""


def main() -> None:
    """Measure, print tables; exit 1 when the median query at a million is too slow."""
    source = sys.argv[1] if len(sys.argv) > 1 else ""
    if source and not Path(source).is_file():
        raise SystemExit(f"{source}: there is no such file.")
    print(describe(), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-P", "-c", _CHILD, folder, source, str(TRIPLES), str(REPEATS)]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode:
            raise SystemExit("The measurement failed; see above.")
    found: dict[str, Any] = json.loads(done.stdout)
    if "wordnet" in found:
        _print_wordnet(found["wordnet"])
    raise SystemExit(_print_million(found["million"]))


def _print_wordnet(found: dict[str, Any]) -> None:
    print(f"\n{found['triples']:,} triples{'':24} ours   plain rdflib")
    print(f"{'read and validated, s':38} {found['check']:7.2f} {'–':>14}")
    print(f"{'loaded (rdflib: parsed), s':38} {found['put']:7.2f} {found['parse']:14.2f}")
    for name, (ours, theirs) in found["queries"].items():
        print(f"{f'query: {name}, ms':38} {ours:7.1f} {theirs:14.1f}")


def _print_million(found: dict[str, Any]) -> int:
    print(f"\n{found['triples']:,} triples, through the query tool{'':6} median    worst")
    for name, (median, worst) in found["queries"].items():
        print(f"{f'query: {name}, ms':44} {median:7.1f} {worst:8.1f}")
    print(
        f"all of them: median {found['median']:.1f} ms, 95% under {found['p95']:.1f} ms\n"
        f"after a write (opened anew): {found['written']:.1f} ms; with a new process: "
        f"{found['cold']:.0f} ms; first: {found['first']:.0f} ms\n"
        f"counting all by property: {found['count']:.0f} ms\n"
        f"read in {found['check']:.1f} s (no shapes), loaded in {found['put']:.1f} s"
    )
    return int(found["median"] >= MOST_MS)


if __name__ == "__main__":
    main()
