"""Files that a user brings: read in every format, hostile ones refused with their line."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest
from tuneos.memory.errors import FileRefused
from tuneos.memory.rdf_files import MAX_DEPTH, MAX_LITERAL, MAX_PREFIXES, read_rdf
from tuneos.memory.validation import FileInvalid, check_file

EX = "http://example.org/"
RDF = 'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:e="http://example.org/"'
TRIPLE = f"<{EX}a> <{EX}b> <{EX}c> .\n".encode()
SKOS = f"@prefix skos: <http://www.w3.org/2004/02/skos/core#> .\n@prefix e: <{EX}> .\n"
SH = (
    "@prefix sh: <http://www.w3.org/ns/shacl#> .\n@prefix t: <https://tuneos.org/ns#> .\n"
    f"@prefix e: <{EX}> .\n"
)


def entities(*declared: str) -> str:
    said = "".join(f"<!ENTITY {d}>" for d in declared)
    return f'<?xml version="1.0"?>\n<!DOCTYPE r [{said}]>\n<rdf:RDF {RDF}>'


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.ttl", f"<{EX}a> <{EX}b> <{EX}c> ."),
        ("a.nt", TRIPLE.decode()),
        (
            "a.rdf",
            entities(f'e "{EX}"')
            + '<rdf:Description rdf:about="&e;a"><e:b rdf:resource="http://example.org/c"/>'
            "</rdf:Description></rdf:RDF>",
        ),
        ("a.jsonld", f'{{"@id": "{EX}a", "{EX}b": {{"@id": "{EX}c"}}}}'),
    ],
)
def test_every_format_is_read(tmp_path: Path, name: str, content: str) -> None:
    path = tmp_path / name
    path.write_text(content)
    assert read_rdf(path).triples == TRIPLE.replace(b" .\n", b" .\n")
    packed = tmp_path / f"{name}.gz"
    packed.write_bytes(gzip.compress(content.encode()))
    assert read_rdf(packed).triples == TRIPLE


def test_table_becomes_a_taxonomy(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text(
        "id;label;broader;definition;alt;disjoint;lang\n"
        "card;Cards;;;;;en\n"
        'lost card;Lost card;card;"Gone; or stolen";stolen | missing;card;en\n'
    )
    said = read_rdf(path).triples.decode()
    node = "<https://tuneos.org/domain/lost%20card>"
    for part in (
        f"{node} <http://www.w3.org/2004/02/skos/core#broader> <https://tuneos.org/domain/card>",
        f'{node} <http://www.w3.org/2004/02/skos/core#definition> "Gone; or stolen"@en',
        f'{node} <http://www.w3.org/2004/02/skos/core#altLabel> "missing"@en',
        f"{node} <http://www.w3.org/2002/07/owl#disjointWith> <https://tuneos.org/domain/card>",
    ):
        assert part in said


REFUSED = [
    ("syntax.ttl", f"<{EX}a> <{EX}b> 1 .\n<{EX}a> <{EX}b> ;; 2 .", ":2: not Turtle"),
    ("syntax.rdf", f"<rdf:RDF {RDF}>\n<e:A></rdf:RDF>", ":2: not XML"),
    ("syntax.jsonld", '{"@id":\n x}', ":2: not JSON"),
    ("remote.jsonld", '{\n"@context": "http://127.0.0.1:1/c", "a": 1}', ":2: the context"),
    ("import.jsonld", '{"@context": {"@import": "http://127.0.0.1:1/c"}}', "is not fetched"),
    (
        "deep.jsonld",
        f'{{"{EX}a":' * (MAX_DEPTH + 2) + "1" + "}" * (MAX_DEPTH + 2),
        "nested deeper",
    ),
    ("laughs.rdf", entities('a "ha"', 'b "&a;&a;"') + "</rdf:RDF>", ":2: the entity b grows"),
    (
        "outside.rdf",
        entities('a SYSTEM "file:///etc/passwd"') + "</rdf:RDF>",
        ":2: the entity a is",
    ),
    (
        "dtd.rdf",
        f'<!DOCTYPE r SYSTEM "http://127.0.0.1:1/d"><rdf:RDF {RDF}/>',
        "DOCTYPE from outside",
    ),
    ("deep.rdf", f"<rdf:RDF {RDF}>" + "<e:A><e:p>" * MAX_DEPTH, "nested deeper"),
    ("deep.ttl", f"<{EX}a> <{EX}b> " + f"[ <{EX}b> " * (MAX_DEPTH + 1), ":1: nested deeper"),
    ("script.ttl", f"<{EX}a> <{EX}b> 1 .\n<{EX}a> <{EX}b> <javascript:alert(1)> .", ":2: the IRI"),
    ("file.nt", f"<file:///etc/passwd> <{EX}b> <{EX}c> .", "<file:///etc/passwd>"),
    ("long.ttl", f'<{EX}a> <{EX}b>\n "{"x" * (MAX_LITERAL + 1)}" .', ":2: a text of 100,001"),
    (
        "prefixes.ttl",
        "".join(f"@prefix p{i}: <{EX}> .\n" for i in range(MAX_PREFIXES + 1)),
        f":{MAX_PREFIXES + 1}: more than",
    ),
    ("zip.ttl", b"PK\x03\x04rest", "a zip archive"),
    ("gz.ttl", gzip.compress(TRIPLE), "is gzip"),
    ("zero.nt", TRIPLE + b"\0", ":2: a zero byte"),
    ("utf16.ttl", "<a> <b> <c> .".encode("utf-16"), "UTF-16"),
    ("latin.ttl", f'<{EX}a> <{EX}b> "caf\xe9" .'.encode("latin-1"), ":1: byte 0xe9"),
    ("torn.nt.gz", gzip.compress(TRIPLE * 1000)[:30], "cannot be read"),
    ("what.doc", "x", "what is it"),
    ("quads.ttl", f"<{EX}g> {{ <{EX}a> <{EX}b> <{EX}c> }}", ":1: not Turtle"),
    ("none.csv", "name,label\na,b\n", ":1: unknown column 'name'"),
    ("twice.csv", "id,label\na,b\na,c\n", ":3: the id 'a' is on line 2"),
    ("lost.csv", "id,broader\na,\nb,c\n", ":3: broader 'c' is the id of no row"),
    ("wide.csv", "id,label\na,b,c\n", ":2: 3 cells for 2 columns"),
]


@pytest.mark.parametrize(("name", "content", "said"), REFUSED, ids=[r[0] for r in REFUSED])
def test_hostile_or_broken_file_is_refused_in_a_line(
    tmp_path: Path, name: str, content: str | bytes, said: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(FileRefused, match=re.escape(said)) as caught:
        read_rdf(path)
    assert len(str(caught.value)) < 500
    assert "\n" not in str(caught.value)


def test_shapes_are_broken_with_lines(tmp_path: Path) -> None:
    path = tmp_path / "bad.ttl"
    path.write_text(
        SKOS + 'e:a skos:prefLabel "A" , "B" ;\n    skos:broader e:b .\n'
        'e:b skos:broader e:a ;\n    skos:prefLabel "" .\n'
        'e:d skos:prefLabel "d" ;\n    skos:broader "a text" .\n'
    )
    with pytest.raises(
        FileInvalid, match=r"bad\.ttl:3: .*and 3 more.*Nothing was loaded"
    ) as caught:
        check_file(path)
    lines = {problem.line: problem.said for problem in caught.value.problems}
    assert "more than one skos:prefLabel" in lines[3]
    assert "must be a text of 1 to 500" in lines[6]
    assert "must name another concept" in lines[8]
    assert any("in a circle" in said for said in lines.values())


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("e:r a sh:NodeShape ; sh:property [ sh:path t:rank ; sh:maxInclusive 8 ] .", "sh:message"),
        (
            'e:r a sh:NodeShape ; sh:message "No." ; sh:sparql [ sh:select '
            '"SELECT $this { SERVICE <http://127.0.0.1:1/> { $this ?p ?o } }" ] .',
            "SERVICE asks another server",
        ),
        (
            'e:r a sh:NodeShape ; sh:message "No." ; sh:sparql [ sh:select "DROP ALL" ] .',
            "DROP changes data",
        ),
        ('e:r a sh:NodeShape ; sh:message "No." ; sh:js [ sh:jsLibrary e:l ] .', "run a program"),
    ],
)
def test_rule_without_words_or_reaching_outside_is_refused(
    tmp_path: Path, rule: str, said: str
) -> None:
    path = tmp_path / "rule.ttl"
    path.write_text(SH + rule)
    with pytest.raises(FileInvalid, match=said) as caught:
        check_file(path, "rules")
    assert {problem.line for problem in caught.value.problems} == {4}


def test_sound_rule_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "rule.ttl"
    path.write_text(
        SH + 'e:r a sh:NodeShape ; sh:targetClass t:Candidate ; sh:message "No rank above 8." ;\n'
        "  sh:property [ sh:path t:rank ; sh:maxInclusive 8 ] ;\n"
        '  sh:sparql [ sh:select "SELECT $this { $this t:rank ?r FILTER (?r > 8) }" ] .'
    )
    assert check_file(path, "rules").count == 8
