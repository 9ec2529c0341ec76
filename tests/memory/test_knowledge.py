"""Runs go into the graph and come out of it by SPARQL, whoever else is at it."""

from __future__ import annotations

import http.server
import json
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from finished_run import FINISHED
from rdflib import SKOS, Graph, URIRef
from tuneos.memory.errors import StoreError
from tuneos.memory.experiments import CandidateFacts, DatasetFacts
from tuneos.memory.knowledge import KnowledgeGraph
from tuneos.memory.ledger import Ledger
from tuneos.memory.namespaces import DOMAIN_GRAPH, EXPERIMENTS_GRAPH, PREFIXES, TUNEOS
from tuneos.memory.sparql import QueryRefused, schema_digest
from tuneos.memory.sparql_terms import short_name

LORA = CandidateFacts(
    "lora-1",
    "lora",
    {"learning_rate": 1e-3, "peft_method": "lora", "class_weights": False},
    {"accuracy": 0.93},
    seconds=100.5,
    test={"accuracy": 0.92},
)
RUN = replace(
    FINISHED,
    run="tickets-1123-1852-k3f9",
    dataset=DatasetFacts("tickets.csv", "9f8e", {"rows_train": 3000, "imbalance": 0.12}),
    candidates=(LORA, CandidateFacts("tfidf-1", "tfidf_linear", {}, {"accuracy": 0.8}, 1.0)),
    chosen="lora-1",
    lessons=("LoRA paid.",),
)


@pytest.fixture
def knowledge(tmp_path: Path) -> KnowledgeGraph:
    return KnowledgeGraph(tmp_path / "knowledge")


def count(knowledge: KnowledgeGraph, pattern: str) -> object:
    return knowledge.query(f"SELECT (COUNT(*) AS ?n) {{ {pattern} }}").rows[0][0]


def test_making_one_touches_no_file(tmp_path: Path) -> None:
    KnowledgeGraph(tmp_path / "knowledge")
    assert not (tmp_path / "knowledge").exists()


def test_recorded_run_is_found_with_settings_and_scores(knowledge: KnowledgeGraph) -> None:
    knowledge.record_run(RUN)
    result = knowledge.query("""
        SELECT ?run ?strategy ?rung ?lr ?accuracy ?rows WHERE {
          ?r a prov:Activity ; t:name ?run ; t:met true ; t:chose ?c ; prov:used ?d .
          ?c prov:wasGeneratedBy ?r ; t:usedStrategy [ t:name ?strategy ; t:rung ?rung ] ;
             t:sets [ t:setting "learning_rate" ; t:value ?lr ] ;
             t:score [ t:split "test" ; t:metric "accuracy" ; t:value ?accuracy ] .
          ?d t:measure [ t:name "rows_train" ; t:value ?rows ] }""")
    assert result.columns == ("run", "strategy", "rung", "lr", "accuracy", "rows")
    assert result.rows == ((RUN.run, "lora", 3, 1e-3, 0.92, 3000),)


def test_recording_again_replaces_the_first_account(knowledge: KnowledgeGraph) -> None:
    knowledge.record_run(RUN)
    knowledge.record_lesson(RUN.run, "Label 7 is mislabelled.", "tickets.csv")
    better = replace(LORA, validation={"accuracy": 0.95}, settings={"learning_rate": 2e-3})
    knowledge.record_run(replace(RUN, candidates=(better,), met=False))
    assert count(knowledge, "?c a t:Candidate") == 1
    assert count(knowledge, "?r a t:Run ; t:met ?m") == 1
    assert count(knowledge, "?c a t:Candidate ; t:sets ?s . ?s t:value ?v") == 1
    assert count(knowledge, "?l a t:Lesson") == 2


def test_runs_on_one_dataset_stand_beside_each_other(knowledge: KnowledgeGraph) -> None:
    knowledge.record_run(RUN)
    knowledge.record_run(replace(RUN, run="other"))
    assert count(knowledge, "?r a t:Run ; prov:used ?d . ?d t:source ?s") == 2
    assert count(knowledge, "?c a t:Candidate") == 4


def test_lesson_said_twice_is_kept_once(knowledge: KnowledgeGraph) -> None:
    for _ in range(2):
        knowledge.record_lesson("a", "DoRA did not pay.", "dora")
    assert count(knowledge, '?l t:about "dora"') == 1


@pytest.mark.parametrize(
    "text",
    [
        'quotes " and \\ and \n lines',
        '" } } ; DROP ALL ; #',
        "> <http://x> . } } ; CLEAR ALL #",
        "naïve 数据 😀",
        "lone \ud800 surrogate and \x00 zero",
    ],
)
def test_any_text_can_be_recorded_and_breaks_nothing(knowledge: KnowledgeGraph, text: str) -> None:
    knowledge.record_run(RUN)
    knowledge.record_lesson(text, text, text)
    knowledge.record_run(replace(RUN, run=text, candidates=(replace(LORA, name=text),)))
    assert count(knowledge, "?r a t:Run") == 2
    (found,) = knowledge.query('SELECT ?t { ?l t:text ?t FILTER (?t != "LoRA paid.") }').rows
    if text.isprintable() or "\n" in text:
        assert found == (text,)


def test_limit_cuts_rows_and_says_so(knowledge: KnowledgeGraph) -> None:
    result = knowledge.query("SELECT * { ?s t:name ?n } LIMIT 100", limit=3)
    assert (len(result.rows), result.truncated) == (3, True)
    result = knowledge.query("SELECT * { ?s t:name ?n } LIMIT 3", limit=3)
    assert (len(result.rows), result.truncated) == (3, False)


def test_construct_gives_triples_with_prefixed_names(knowledge: KnowledgeGraph) -> None:
    result = knowledge.query(
        "CONSTRUCT { ?s a mls:Algorithm } "
        'WHERE { ?s t:name "tfidf_linear" ; t:forTask t:text-classification }'
    )
    assert result.columns == ("subject", "predicate", "object")
    assert result.rows == (("t:text-classification.tfidf_linear", "rdf:type", "mls:Algorithm"),)


def test_unbound_cells_are_none(knowledge: KnowledgeGraph) -> None:
    query = (
        'SELECT ?x ?n { ?s t:name "lora" ; t:forTask t:text-classification ; t:name ?n '
        "OPTIONAL { ?s t:met ?x } }"
    )
    assert knowledge.query(query).rows == ((None, "lora"),)


def test_endless_query_is_stopped(knowledge: KnowledgeGraph) -> None:
    knowledge.refresh()
    began = time.monotonic()
    with pytest.raises(QueryRefused, match=r"longer than 0\.3 s"):
        knowledge.query("SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }", seconds=0.3)
    assert time.monotonic() - began < 10
    assert count(knowledge, "?c a t:Constant") == len(knowledge.constants())


def test_process_that_answers_stays_and_sees_what_others_write(knowledge: KnowledgeGraph) -> None:
    assert count(knowledge, "?l a t:Lesson") == 0
    process = knowledge._child._process
    other = KnowledgeGraph(knowledge.folder)
    for i in range(3):
        other.record_lesson("a", f"lesson {i}", "x")
        assert count(knowledge, "?l a t:Lesson") == i + 1
    other.put("labels", _taxonomy("a"))
    assert count(knowledge, "?a skos:broader ?b") == 1
    assert knowledge._child._process is process


def test_process_that_has_gone_is_begun_again(knowledge: KnowledgeGraph) -> None:
    assert count(knowledge, "?c a t:Constant") == len(knowledge.constants())
    process = knowledge._child._process
    assert process is not None
    for worker in psutil.Process(process.pid).children():
        worker.terminate()
    process.kill()
    process.wait()
    with pytest.raises(QueryRefused):
        count(knowledge, "?c a t:Constant")
    assert count(knowledge, "?c a t:Constant") == len(knowledge.constants())


def test_hungry_query_is_stopped_by_the_kernel(knowledge: KnowledgeGraph) -> None:
    doubled = " ".join(f"BIND (CONCAT(?x{i}, ?x{i}) AS ?x{i + 1})" for i in range(40))
    with pytest.raises(QueryRefused, match=r"more memory|was stopped"):
        knowledge.query(f"SELECT (STRLEN(?x40) AS ?n) {{ BIND ('aaaaaaaa' AS ?x0) {doubled} }}")
    assert count(knowledge, "?c a t:Constant") == len(knowledge.constants())


def test_query_that_takes_long_to_judge_is_stopped(knowledge: KnowledgeGraph) -> None:
    with pytest.raises(QueryRefused, match=r"longer than 0\.1 s"):
        knowledge.query(
            "SELECT * { ?s ?p ?o FILTER (" + "||".join(["?s=1"] * 600) + ") }", seconds=0.1
        )


def test_unknown_term_of_ours_is_refused_with_the_nearest(knowledge: KnowledgeGraph) -> None:
    with pytest.raises(QueryRefused, match="no t:Strategie in the graph; did you mean t:Strategy"):
        knowledge.query("SELECT * { ?s a t:Strategie }")
    with pytest.raises(QueryRefused, match="no t:rungs in the graph; did you mean t:rung"):
        knowledge.query("SELECT * { ?s t:name ?n FILTER NOT EXISTS { ?s ^t:rungs/t:name ?x } }")


def test_unknown_term_of_others_is_remarked_on(knowledge: KnowledgeGraph) -> None:
    found = knowledge.query("SELECT * { ?s skos:boader ?o }")
    assert found.rows == ()
    assert "skos:boader occurs nowhere in the graph (near: skos:broader" in found.remark
    assert knowledge.query("SELECT * { ?s t:met ?o }").remark == ""


def test_worker_that_was_killed_is_followed_by_another(knowledge: KnowledgeGraph) -> None:
    assert count(knowledge, "?c a t:Constant") == len(knowledge.constants())
    process = knowledge._child._process
    assert process is not None
    (worker,) = psutil.Process(process.pid).children()
    worker.kill()
    with pytest.raises(QueryRefused):
        count(knowledge, "?c a t:Constant")
    assert count(knowledge, "?c a t:Constant") == len(knowledge.constants())
    assert knowledge._child._process is process


def test_refused_query_never_reaches_the_store(knowledge: KnowledgeGraph) -> None:
    with pytest.raises(QueryRefused):
        knowledge.query("DROP ALL")
    assert not knowledge.folder.exists()


@pytest.fixture
def listener() -> Iterator[tuple[str, list[str]]]:
    """A web server on this machine, and the list of what it was asked."""
    asked: list[str] = []

    class Ear(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(self.path)
            self.send_error(500)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Ear) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/", asked
        server.shutdown()
        thread.join()


def test_child_process_has_no_network_where_the_system_lets_it_go(
    knowledge: KnowledgeGraph, listener: tuple[str, list[str]]
) -> None:
    probe = "import ctypes, sys; sys.exit(ctypes.CDLL(None).unshare(0x50000000) != 0)"
    if sys.platform != "linux" or subprocess.run([sys.executable, "-c", probe]).returncode:
        pytest.skip("this system does not let a process give up its network")
    url, asked = listener
    knowledge.refresh()
    request = {
        "id": 1,  # past the judge, straight to the evaluation
        "store": str(knowledge.folder / "store"),
        "query": f"SELECT * {{ SERVICE <{url}> {{ ?s ?p ?o }} }}",
        "prefixes": PREFIXES,
        "limit": 1,
        "seconds": 5,
    }
    command = [sys.executable, "-P", "-m", "tuneos.memory.query_process"]
    done = subprocess.run(command, input=json.dumps(request) + "\n", capture_output=True, text=True)
    assert "error" in json.loads(done.stdout)
    assert asked == []


WRITER = """
import sys
from pathlib import Path
from tuneos.memory.knowledge import KnowledgeGraph
k = KnowledgeGraph(Path(sys.argv[1]))
for i in range(int(sys.argv[3])):
    k.record_lesson(sys.argv[2], f"lesson {i}", "x")
    k.strategies("text-classification")
    print(i, flush=True)
"""


def writer(folder: Path, run: str, lessons: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, str(folder), run, str(lessons)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_two_runs_write_and_read_one_store(knowledge: KnowledgeGraph) -> None:
    children = [writer(knowledge.folder, name, 5) for name in ("a", "b")]
    for child in children:
        child.communicate()
        assert child.returncode == 0
    assert count(knowledge, "?l a t:Lesson") == 10


def test_killed_writer_leaves_a_sound_store(knowledge: KnowledgeGraph) -> None:
    child = writer(knowledge.folder, "a", 1000)
    assert child.stdout is not None
    lines = [child.stdout.readline() for _ in range(3)]
    child.kill()
    child.communicate()
    assert lines == ["0\n", "1\n", "2\n"]
    written = count(knowledge, "?l a t:Lesson")
    assert isinstance(written, int)
    assert written >= 3
    assert count(knowledge, "?l a t:Lesson . ?l t:text ?t . ?l t:about ?a") == written
    knowledge.record_lesson("b", "goes on", "x")
    assert "lora" in {s.name for s in knowledge.strategies("text-classification")}


def test_many_openings_leave_no_pile_of_logs(knowledge: KnowledgeGraph) -> None:
    for i in range(5):
        knowledge.record_lesson("a", f"lesson {i}", "x")
    assert list((knowledge.folder / "store").glob("LOG.old.*")) == []


def test_damaged_store_is_made_anew_with_all_that_was_recorded(tmp_path: Path) -> None:
    told: list[str] = []
    knowledge = KnowledgeGraph(tmp_path / "knowledge", on_restore=told.append)
    knowledge.record_lesson("run-1", "short texts want a higher learning rate", "lora")
    before = knowledge.strategies("text-classification")
    (knowledge.folder / "store" / "CURRENT").write_text("nonsense")
    again = KnowledgeGraph(knowledge.folder, on_restore=told.append)
    found = again.query("SELECT ?text WHERE { ?lesson t:text ?text }")
    assert found.rows == (("short texts want a higher learning rate",),)
    assert again.strategies("text-classification") == before
    assert len(told) == 1
    assert "was damaged" in told[0]
    assert "1 entries of its journal" in told[0]


def test_damaged_journal_is_written_anew_from_the_store(tmp_path: Path) -> None:
    knowledge = KnowledgeGraph(tmp_path / "knowledge")
    for word in ("one", "two"):
        knowledge.record_lesson("run-1", word, "lora")
    journal = tmp_path / "knowledge" / "journal.txt"
    journal.write_bytes(journal.read_bytes().replace(b"two", b"tvo"))
    KnowledgeGraph(knowledge.folder).refresh()
    shutil.rmtree(knowledge.folder / "store")
    found = KnowledgeGraph(knowledge.folder).query("SELECT ?t WHERE { ?l t:text ?t } ORDER BY ?t")
    assert found.rows == (("one",), ("two",))


def test_file_in_the_place_of_the_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "knowledge").write_text("mine")
    with pytest.raises(StoreError, match="knowledge cannot be used"):
        KnowledgeGraph(tmp_path / "knowledge").refresh()


EX = "http://example.org/"


def _taxonomy(*labels: str) -> Graph:
    graph = Graph()
    for label in labels:
        graph.add((URIRef(EX + label), SKOS.broader, URIRef(EX + "top")))
    return graph


def test_domain_is_empty_until_the_user_brings_something(knowledge: KnowledgeGraph) -> None:
    assert len(knowledge.domain()) == 0
    knowledge.put("labels", _taxonomy("a", "b"))
    assert set(knowledge.domain()) == set(_taxonomy("a", "b"))
    assert knowledge.loaded() == ("labels",)


def test_file_of_the_same_name_is_replaced_and_others_stay(knowledge: KnowledgeGraph) -> None:
    knowledge.put("labels", _taxonomy("a", "b"))
    knowledge.put("more", _taxonomy("c"))
    knowledge.put("labels", _taxonomy("d"))
    assert set(knowledge.domain()) == set(_taxonomy("c", "d"))
    assert knowledge.remove("labels")
    assert not knowledge.remove("labels")
    assert set(knowledge.domain()) == set(_taxonomy("c"))


def test_rules_of_the_user_come_on_top_of_those_of_the_package(tmp_path: Path) -> None:
    (tmp_path / "ours.ttl").write_text(f"<{EX}ours> a <{EX}Rule> .")
    knowledge = KnowledgeGraph(tmp_path / "k", rules=tmp_path / "ours.ttl")
    knowledge.put("mine", _taxonomy("a"), graph="rules")
    assert {str(s) for s in knowledge.rules().subjects()} == {f"{EX}ours", f"{EX}a"}
    assert len(knowledge.domain()) == 0
    (tmp_path / "ours.ttl").write_text(f"<{EX}newer> a <{EX}Rule> .")
    again = KnowledgeGraph(tmp_path / "k", rules=tmp_path / "ours.ttl")
    assert {str(s) for s in again.rules().subjects()} == {f"{EX}newer", f"{EX}a"}


@pytest.mark.parametrize("name", ["a/../b", "数据 😀" * 30, "..", ""])
def test_any_name_of_a_file_is_kept_inside_the_folder(knowledge: KnowledgeGraph, name: str) -> None:
    knowledge.put(name, _taxonomy("a"))
    knowledge.put(name, _taxonomy("b"))
    assert set(knowledge.domain()) == set(_taxonomy("b"))
    assert [p.parent for p in knowledge.folder.rglob("*.nt")] == [
        knowledge.folder / "loaded" / "domain"
    ]


def test_lost_store_is_made_anew_with_the_files_of_the_user(knowledge: KnowledgeGraph) -> None:
    knowledge.put("labels", _taxonomy("a"))
    knowledge.put("mine", _taxonomy("b"), graph="rules")
    shutil.rmtree(knowledge.folder / "store")
    again = KnowledgeGraph(knowledge.folder)
    assert set(again.domain()) == set(_taxonomy("a"))
    assert set(_taxonomy("b")) <= set(again.rules())


def test_damaged_file_of_the_user_is_set_aside_and_named(tmp_path: Path) -> None:
    told: list[str] = []
    knowledge = KnowledgeGraph(tmp_path / "knowledge", on_restore=told.append)
    knowledge.put("labels", _taxonomy("a"))
    knowledge.put("more", _taxonomy("c"))
    (file,) = knowledge.folder.rglob("labels.*.nt")
    file.write_text("cut off")
    shutil.rmtree(knowledge.folder / "store")
    again = KnowledgeGraph(knowledge.folder, on_restore=told.append)
    assert set(again.domain()) == set(_taxonomy("c"))
    assert again.loaded() == ("more",)
    assert len(told) == 1
    assert "load labels into the knowledge graph again" in told[0]


def test_load_that_was_cut_off_is_done_again(knowledge: KnowledgeGraph) -> None:
    knowledge.put("labels", _taxonomy("a"))
    other = KnowledgeGraph(knowledge.folder)
    assert len(other.domain()) == 1
    knowledge._apply([f"CLEAR GRAPH <{DOMAIN_GRAPH}>"])  # as a killed load leaves it
    (knowledge.folder / "loading").touch()
    assert len(other.domain()) == 1
    assert not (knowledge.folder / "loading").exists()


def test_trusted_select_gives_plain_values_over_all_graphs(knowledge: KnowledgeGraph) -> None:
    knowledge.put("labels", _taxonomy("a"))
    rows = knowledge.select(
        "SELECT ?task ?rung ?x { ?s t:name ?name ; t:rung ?rung ; t:forTask ?task "
        "OPTIONAL { ?s t:met ?x } } ",
        task=URIRef(TUNEOS + "text-classification"),
    )
    assert {"task": URIRef(TUNEOS + "text-classification"), "rung": 0, "x": None} in rows
    found = knowledge.select("SELECT ?s { ?s skos:broader ?top }")
    assert found == [{"s": URIRef(EX + "a")}]


def test_graph_that_is_lost_as_a_whole_comes_back_from_the_ledger(tmp_path: Path) -> None:
    ledger, told = Ledger(tmp_path / "ledger.sqlite"), list[str]()
    for run in (RUN.run, "other"):
        ledger.start_run(run, {})
    knowledge = KnowledgeGraph(tmp_path / "k", ledger=ledger)
    knowledge.record_run(RUN)
    knowledge.record_lesson(RUN.run, "Label 7 is mislabelled.", "tickets.csv")
    before = set(knowledge.graph(EXPERIMENTS_GRAPH))
    shutil.rmtree(tmp_path / "k")
    again = KnowledgeGraph(tmp_path / "k", ledger=ledger, on_restore=told.append)
    assert set(again.graph(EXPERIMENTS_GRAPH)) == before
    assert told == ["The knowledge graph was lost; the runs of the ledger are in it again."]
    again.record_lesson("other", "goes on", "x")
    shutil.rmtree(tmp_path / "k" / "store")
    third = KnowledgeGraph(tmp_path / "k", ledger=ledger, on_restore=told.append)
    assert len(third.graph(EXPERIMENTS_GRAPH)) > len(before)
    assert len(told) == 1


def test_digest_says_what_is_really_in_the_graph_after_a_run(knowledge: KnowledgeGraph) -> None:
    knowledge.record_run(RUN)
    knowledge.record_lesson(RUN.run, "Label 7 is mislabelled.", "tickets.csv")
    said: dict[str, set[str]] = {}
    for line in schema_digest().splitlines():
        if found := re.match(r"(t:\w+) \(.*?\): (.*)", line):
            said[found[1]] = {field.split(" ")[0] for field in found[2].split(", ")}
    assert len(said) >= 12
    for row in knowledge.select(
        "SELECT DISTINCT ?class ?p { GRAPH ?g { ?s a ?class ; ?p ?o } "
        "VALUES ?g { <https://tuneos.org/graph/recipes> <https://tuneos.org/graph/experiments> } }"
    ):
        name, field = short_name(str(row["class"])), short_name(str(row["p"]))
        if name in said and field not in ("rdf:type", "dcterms:isPartOf"):
            assert field in said[name], f"{name} has {field}, and the digest does not say so"
