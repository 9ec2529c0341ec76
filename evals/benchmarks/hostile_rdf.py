"""Hostile SPARQL and RDF: `python -P -m tuneos.evals.benchmarks.hostile_rdf`.

40 queries and 20 files try to reach a web server of ours, to read a file of ours, to
write into the graph and to run for ever. A query goes where the agent's query tool sends
it, a file where `tuneos kg load` does. Counted are: requests at the server and sockets
opened, whether the file's secret came out (and its time of access), changes to the
store, and seconds until it was refused or answered.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from typing import Any

from .machine import describe

LIMIT = 2.0

_CHILD = r"""
import gzip, hashlib, http.server, io, json, os, socket, sys, threading, time, zipfile
from pathlib import Path
from tuneos.memory.errors import StoreError
from tuneos.memory.knowledge import KnowledgeGraph
from tuneos.memory.validation import check_file

folder = Path(sys.argv[1])
asked, sockets, opened = [], [], []

class Ear(http.server.BaseHTTPRequestHandler):
    def answer(self):
        asked.append(self.path)
        self.send_error(500)
    do_GET = do_POST = do_HEAD = answer
    def log_message(self, *_): pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Ear)
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{server.server_port}/x"
secret = "the secret of " + os.urandom(8).hex()
canary = folder / "secret.ttl"
canary.write_text(f'<http://e/s> <http://e/p> "{secret}" .')
old = time.time() - 10_000_000
os.utime(canary, (old, old))
out = f"file://{folder}/written.ttl"

def watch(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"):
        sockets.append((event, arguments[1:]))
    if event == "open" and str(canary) in str(arguments[0]):
        opened.append(arguments[0])
sys.addaudithook(watch)

graph = KnowledgeGraph(folder / "knowledge")
graph.put("mine", b'<http://e/a> <http://e/b> "c" .\n')
graph.record_lesson("run-1", "LoRA paid.", "lora")
graph.query("ASK { ?s ?p ?o }")

def state():
    kept = [p for p in sorted(folder.rglob("*")) if p.is_file() and p.suffix != ".lock"
            and "files" not in p.parts and p.name != "LOG"]
    return {str(p): hashlib.sha256(p.read_bytes()).hexdigest() for p in kept if p != canary}

serve = f"SERVICE <{url}> {{ ?s ?p ?o }}"
deep = 300
doubled = " ".join(f"BIND (CONCAT(?x{i}, ?x{i}) AS ?x{i + 1})" for i in range(40))
queries = {
    "service": f"SELECT * {{ {serve} }}",
    "service silent, mixed case": f"SELECT * {{ sErViCe SILENT <{url}> {{ ?s ?p ?o }} }}",
    "service at a variable": f'SELECT * {{ BIND (IRI("{url}") AS ?u) SERVICE ?u {{ ?s ?p ?o }} }}',
    "service in a subquery": f"SELECT * {{ {{ SELECT ?s {{ {{ SELECT ?s {{ {serve} }} }} }} }} }}",
    "service in exists": f"SELECT * {{ ?a ?b ?c FILTER NOT EXISTS {{ {serve} }} }}",
    "service in optional": f"SELECT * {{ ?a ?b ?c OPTIONAL {{ OPTIONAL {{ {serve} }} }} }}",
    "service in union": f"SELECT * {{ {{ ?a ?b ?c }} UNION {{ GRAPH ?g {{ {serve} }} }} }}",
    "service in minus": f"SELECT * {{ ?a ?b ?c MINUS {{ {serve} }} }}",
    "service in bind": f"SELECT * {{ ?a ?b ?c BIND (EXISTS {{ {serve} }} AS ?e) }}",
    "service in having": f"SELECT ?a {{ ?a ?b ?c }} GROUP BY ?a HAVING (EXISTS {{ {serve} }})",
    "service in order by": f"SELECT ?a {{ ?a ?b ?c }} ORDER BY (EXISTS {{ {serve} }})",
    "service in ask": f"ASK {{ {serve} }}",
    "service in construct": f"CONSTRUCT {{ ?s ?p ?o }} WHERE {{ {serve} }}",
    "service behind an escaped quote": rf'SELECT * {{ ?s ?p "a\u0022 . # " . {serve} ' + "\n}",
    "service behind a lone return": f"SELECT * {{ ?s ?p ?o . # \r {serve} \n}}",
    "service behind a line separator": f"SELECT * {{ ?s ?p ?o . # \u2028 {serve} \n}}",
    "service in escapes": r"SELECT * { \u0053ERVICE <" + url + "> { ?s ?p ?o } }",
    "from the web": f"SELECT * FROM <{url}> {{ ?s ?p ?o }}",
    "from a file": f"SELECT * FROM <file://{canary}> {{ ?s ?p ?o }}",
    "from named a file": f"SELECT * FROM NAMED <file://{canary}> {{ GRAPH ?g {{ ?s ?p ?o }} }}",
    "graph that is a file": f"SELECT * {{ GRAPH <file://{canary}> {{ ?s ?p ?o }} }}",
    "describe": "DESCRIBE <http://e/a>",
    "insert": "INSERT DATA { <http://e/x> <http://e/y> <http://e/z> }",
    "insert behind a prefix": "PREFIX e: <http://e/> INSERT DATA { e:x e:y e:z }",
    "delete": "DELETE WHERE { ?s ?p ?o }",
    "load": f"LOAD <file://{canary}>",
    "clear": "CLEAR ALL",
    "drop behind an ask": "ASK { ?s ?p ?o } ; DROP ALL",
    "copy": "COPY DEFAULT TO <http://e/g>",
    "cross product": "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l }",
    "endless path": "SELECT (COUNT(*) AS ?n) { ?a (!<http://e/x>|^!<http://e/x>)* ?b . "
                    "?b (!<http://e/x>|^!<http://e/x>)* ?c . ?c (!<http://e/x>)* ?d }",
    "sorting a cross product": "SELECT * { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i } ORDER BY ?i",
    "doubling text": f"SELECT (STRLEN(?x40) AS ?n) {{ BIND ('aaaaaaaa' AS ?x0) {doubled} }}",
    "joining all texts": "SELECT (GROUP_CONCAT(?c) AS ?x) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }",
    "growing regex": 'SELECT * { ?s ?p ?o FILTER REGEX(STR(?o), "((a{1,100}){1,100}){1,100}") }',
    "backtracking regex": f'ASK {{ BIND ("{"a" * 2000}!" AS ?x) FILTER REGEX(?x, "^(a+)+$") }}',
    "deep brackets": "SELECT * {" + "{" * deep + "?s ?p ?o" + "}" * deep + "}",
    "deep filter": "SELECT * { ?s ?p ?o FILTER (" + "(" * 1800 + "1" + ")" * 1800 + ") }",
    "many conditions": "SELECT * { ?s ?p ?o FILTER (" + "||".join(["?s=1"] * 600) + ") }",
    "long": "SELECT * { ?s ?p ?o }" + " " * 100_000,
}

RDF = 'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:e="http://e/"'
def doctype(said): return f'<?xml version="1.0"?><!DOCTYPE r [{said}]><rdf:RDF {RDF}>'
laughs = '<!ENTITY a "haha">' + "".join(
    f'<!ENTITY {chr(98 + i)} "{("&" + chr(97 + i) + ";") * 10}">' for i in range(9))
bag = io.BytesIO()
with zipfile.ZipFile(bag, "w") as z:
    z.writestr("a.ttl", "<http://e/a> <http://e/b> <http://e/c> .")
rule = "@prefix sh: <http://www.w3.org/ns/shacl#> .\n<http://e/r> sh:message 'x' ; "
files = {
    "remote context.jsonld": json.dumps({"@context": url, "a": 1}),
    "imported context.jsonld": json.dumps({"@context": {"@import": url}, "a": 1}),
    "context of a file.jsonld": json.dumps({"@context": f"file://{canary}", "a": 1}),
    "deep.jsonld": '{"http://e/a":' * 100_000 + "1" + "}" * 100_000,
    "billion laughs.rdf": doctype(laughs) + '<e:A e:p="&j;"/></rdf:RDF>',
    "external entity.rdf": doctype(f'<!ENTITY a SYSTEM "file://{canary}">')
        + "<e:A><e:p>&a;</e:p></e:A></rdf:RDF>",
    "web entity.rdf": doctype(f'<!ENTITY % a SYSTEM "{url}"> %a;') + "</rdf:RDF>",
    "external doctype.rdf": f'<!DOCTYPE r SYSTEM "{url}"><rdf:RDF {RDF}/>',
    "deep.rdf": f"<rdf:RDF {RDF}>" + "<e:A><e:p>" * 100_000 + "</e:p></e:A>" * 100_000,
    "deep.ttl": "<http://e/a> <http://e/b> " + "[ <http://e/b> " * 200_000 + "1" + "]" * 200_000,
    "gigantic literal.ttl": f'<http://e/a> <http://e/b> "{"x" * 50_000_000}" .',
    "gigantic iri.nt": f'<http://e/{"a" * 1_000_000}> <http://e/b> <http://e/c> .',
    "script iri.ttl": "<http://e/a> <http://e/b> <javascript:alert(1)> .",
    "file iri.ttl": f"<http://e/a> <http://e/b> <file://{canary}> .",
    "zip.ttl": bag.getvalue(),
    "zeros.nt": b"\0" * 10_000_000,
    "packed bomb.nt.gz": gzip.compress(b"\n" * 300 * 2**20, 1),
    "utf16.ttl": "<http://e/a> <http://e/b> <http://e/c> .".encode("utf-16"),
    "prefixes.ttl": "".join(f"@prefix p{i}: <http://e/{i}/> .\n" for i in range(300_000)),
    "rule that asks the web.ttl": rule + 'sh:sparql [ sh:select "SELECT $this { SERVICE <'
        + url + '> { $this ?p ?o } }" ] .',
}

def attempt(what):
    began = time.monotonic()
    try:
        said, refused = what(), False
    except StoreError as error:
        said, refused = str(error), True
    except BaseException as error:
        said, refused = f"{type(error).__name__}: {error}", None
    return said, refused, time.monotonic() - began

rows, before, leaked = [], state(), 0
(folder / "files").mkdir()
for name, text in queries.items():
    said, refused, seconds = attempt(lambda: str(graph.query(text, limit=30).rows))
    leaked += secret in said
    rows.append(("query", name, refused, seconds, said[:400]))
for name, content in files.items():
    path = folder / "files" / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    kind = "rules" if name.startswith("rule") else "domain"
    said, refused, seconds = attempt(lambda: f"{check_file(path, kind).count} triples")
    leaked += secret in said
    said = said.replace(str(folder / "files") + "/", "")
    rows.append(("file", name, refused, seconds, said[:400]))
after = state()
touched = canary.stat().st_atime != old
probe = folder / "probe"
probe.write_text("x")
os.utime(probe, (old, old))
probe.read_text()
keeps_times = probe.stat().st_atime != old
print(json.dumps({
    "rows": rows, "requests": len(asked), "sockets": len(sockets), "opened": len(opened),
    "leaked": leaked, "touched": touched if keeps_times else None,
    "written": sum(before.get(k) != after.get(k) for k in {*before, *after}),
}))
server.shutdown()
"""


def main() -> None:
    """Run all, print a table and what came of it; exit 1 if anything got through."""
    print(describe())
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-P", "-c", _CHILD, folder],
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        )
    if done.returncode:
        raise SystemExit("The attempts themselves failed; see above.")
    found: dict[str, Any] = json.loads(done.stdout)
    for kind in ("query", "file"):
        print(f"\n{kind:34} {'came to':9} {'s':>5}  what was said")
        for _, name, refused, seconds, said in (r for r in found["rows"] if r[0] == kind):
            outcome = {True: "refused", False: "answered", None: "CRASHED"}[refused]
            print(f"{name:34} {outcome:9} {seconds:5.2f}  {' '.join(said.split())[:90]}")
    raise SystemExit(_judge(found))


def _judge(found: dict[str, Any]) -> int:
    rows = found["rows"]
    slowest = max(seconds for _, _, _, seconds, _ in rows)
    wrong = [name for _, name, refused, seconds, _ in rows if refused is None or seconds >= LIMIT]
    queries = sum(kind == "query" for kind, *_ in rows)
    touched = {True: "yes", False: "no", None: "not kept by this disk"}[found["touched"]]
    print(
        f"\n{queries} queries, {len(rows) - queries} files: "
        f"{sum(r[2] is True for r in rows)} refused, {sum(r[2] is False for r in rows)} answered; "
        f"slowest {slowest:.2f} s\n"
        f"network: {found['requests']} requests, {found['sockets']} sockets; "
        f"files read: {found['opened']} opened, secret out {found['leaked']} times, "
        f"access time changed: {touched}; writes: {found['written']} files changed"
    )
    if wrong:
        print(f"not in time, or crashed: {', '.join(wrong)}")
    through = found["requests"] + found["sockets"] + found["opened"] + found["leaked"]
    return int(bool(wrong or through or found["written"] or found["touched"]))


if __name__ == "__main__":
    main()
