"""Secrets are found whatever they stand in, and ordinary text is left alone."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
from pydantic import BaseModel
from tuneos.memory.audit import AuditLog
from tuneos.memory.checkpoints import open_checkpointer
from tuneos.memory.ledger import Ledger
from tuneos.memory.redaction import SECRET, Lines, find_secrets, redact, redact_rdf, redacted

# Made up, and put together here so that nothing in this file looks like one.
AWS = "AKIA" + "Z3X7QWERTYUIOP12"
GITHUB = "ghp_" + "a1B2" * 9
SLACK = "xoxb-" + "123456789012-123456789012-abcDEF123ghiJKL456"
OPENAI = "sk-" + "Ab1" * 7 + "T3Blbk" + "FJ" + "Xy9" * 7
PROJECT = "sk-proj-" + "aB3_" * 12
JWT = "eyJhbGciOiJIUzI1NiJ9" + ".eyJzdWIiOiIxMjM0In0." + "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gF"
PEM = "-----BEGIN RSA PRIVATE " + "KEY-----\nMIIEowIBAAKCAQEAx\nqwertyuiopasdfghjkl"
BLOCK = PEM + "\n-----END RSA PRIVATE " + "KEY-----"
STRIPE = "sk_live_" + "4eC39HqLyjWDarjtT1zdp7dc"
ALL = (AWS, GITHUB, SLACK, OPENAI, PROJECT, JWT, BLOCK, PEM, STRIPE)


@pytest.mark.parametrize("secret", ALL, ids=lambda s: s[:12])
def test_whole_secret_is_replaced_and_nothing_else(secret: str) -> None:
    assert redact(f"use {secret}\nnot that").replace("\n", " ") == f"use {SECRET} not that"
    assert redact(secret) == SECRET
    assert redact(redact(secret)) == SECRET


def test_passwords_go_and_what_they_belong_to_stays() -> None:
    assert redact("postgres://bob:hunter2pass@db/x") == f"postgres://bob:{SECRET}@db/x"
    assert redact('password = "hunter22"') == f'password = "{SECRET}"'


@pytest.mark.parametrize(
    "text",
    [
        "I forgot my password, what is the token for?",
        "How do I reset my PIN and my passcode?",
        "task-oriented risk-averse sk-learn-compatible-estimators are well-known",
        "commit 3f786850e387550fdab836ed7e6dc881de23001b and 5728d63c4b864d1900164f1a",
        "see https://example.org/a/long/path/with/many/parts?x=1#frag and me@example.org",
        "the key: read it aloud. the secret is out",
        "BEGIN PRIVATE matters END",
    ],
)
def test_ordinary_text_stays(text: str) -> None:
    assert redact(text) is text
    assert find_secrets(text) == []


@pytest.mark.parametrize("secret", ALL, ids=lambda s: s[:12])
def test_json_and_rdf_around_a_secret_stay_whole(secret: str) -> None:
    told = json.dumps({"a": [f"x {secret} y", 'password = "hunter22"'], "b": secret, "c": "d"})
    said = json.loads(redact(told))
    assert said["c"] == "d"
    assert secret not in json.dumps(said)
    assert "hunter22" not in json.dumps(said)
    assert len(said["a"]) == 2
    from rdflib import Graph, Literal, URIRef

    graph = Graph()
    graph.add((URIRef("urn:a"), URIRef("urn:p"), Literal(f"x {secret}")))
    graph.add((URIRef("urn:b"), URIRef("urn:p"), Literal("stays")))
    graph.add((URIRef(f"urn:{AWS}"), URIRef("urn:p"), Literal("stays")))
    again = Graph().parse(data=redact_rdf(graph.serialize(format="nt")), format="nt")
    assert len(again) == 3
    assert AWS not in again.serialize(format="nt")


class _Model(BaseModel):
    said: str
    more: dict[str, tuple[str, ...]]


def test_values_of_every_shape_are_redacted_and_clean_ones_are_the_same() -> None:
    clean = _Model(said="yes", more={"a": ("b",)})
    assert redacted(clean) is clean
    found = redacted(_Model(said=AWS, more={GITHUB: ("b", SLACK)}))
    assert found == _Model(said=SECRET, more={SECRET: ("b", SECRET)})


def test_lines_of_a_private_key_are_left_out() -> None:
    lines, plain = [*BLOCK.splitlines(keepends=True), "\n", f"then {AWS}\n"], Lines()
    told = "".join(plain(line) for line in lines)
    assert "qwerty" not in told
    assert "MII" not in told
    assert told.endswith(f"then {SECRET}\n")


def test_ledger_and_audit_keep_no_secret(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "l.sqlite")
    ledger.start_run("r", {"data": "d"})
    ledger.note("r", f"failed with {AWS}")
    ledger.keep("r", "story", json.dumps({"x": GITHUB}))
    assert list(ledger.notes("r")) == [f"failed with {SECRET}"]
    log = AuditLog(tmp_path / "r", ledger, "r")
    log.add("allowed", {"tool": "t", "arguments": {"lesson": f"it is {AWS}"}})
    assert log.read()[0].said["arguments"]["lesson"] == f"it is {SECRET}"
    for path in tmp_path.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert AWS.encode() not in content
            assert GITHUB.encode() not in content


def test_checkpoints_keep_no_secret(tmp_path: Path) -> None:
    from langchain_core.messages import AIMessage

    call = {"name": "t", "args": {"x": [AWS]}, "id": "1", "type": "tool_call"}
    message = AIMessage(content=f"use {GITHUB}", tool_calls=[call])
    with open_checkpointer(tmp_path / "c.sqlite") as saver:
        kind, data = saver.serde.dumps_typed({"messages": [message], "plain": "stays"})
        for secret in (AWS, GITHUB):
            assert secret.encode() not in data
        back = saver.serde.loads_typed((kind, data))
    assert back["plain"] == "stays"
    assert back["messages"][0].content == f"use {SECRET}"
    assert back["messages"][0].tool_calls[0]["args"] == {"x": [SECRET]}


def test_what_a_node_is_sent_keeps_no_secret() -> None:
    from langgraph.types import Send

    sent = Send("act", {"call": [AWS]})
    assert redacted([sent])[0].arg == {"call": [SECRET]}
    assert sent.arg == {"call": [AWS]}


def test_a_lookup_by_a_secret_finds_what_was_kept_under_it(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "l.sqlite")
    ledger.start_run("r", {})
    ledger.keep("r", AWS, "value")
    assert ledger.kept("r", AWS) == "value"
    with sqlite3.connect(tmp_path / "l.sqlite") as plain:
        assert AWS not in "".join(map(str, plain.iterdump()))
