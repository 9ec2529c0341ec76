"""What is read out of a user's graph: which labels it knows, and what it says of them."""

from __future__ import annotations

from rdflib import Graph
from tuneos.tools.fusion.domain import read_domain
from tuneos.tools.fusion.facts import folded, phrase_key, spoken

PREFIXES = """
@prefix skos: <http://www.w3.org/2004/02/skos/core#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix schema: <https://schema.org/> .
@prefix t: <https://tuneos.org/ns#> .
@prefix d: <http://example.org/> .
"""
MULTI, SINGLE = "multi-label-classification", "text-classification"


def graph(turtle: str) -> Graph:
    return Graph().parse(data=PREFIXES + turtle, format="turtle")


def test_labels_are_matched_whatever_their_case_and_gaps() -> None:
    found = read_domain(
        graph(
            'd:a skos:prefLabel "Card Arrival"@en . d:b skos:altLabel "lost-card" . '
            'd:c skos:notation "X7" .'
        ),
        SINGLE,
        ["card_arrival", "Lost card", "x7", "unheard of"],
    )
    assert found.labels == {
        "card_arrival": "http://example.org/a",
        "Lost card": "http://example.org/b",
        "x7": "http://example.org/c",
    }
    assert found.unmatched == ("unheard of",)


def test_own_name_beats_another_nodes_second_name() -> None:
    found = read_domain(
        graph('d:a skos:altLabel "joy" . d:z skos:prefLabel "joy" .'), SINGLE, ["joy"]
    )
    assert found.labels == {"joy": "http://example.org/z"}


def test_ancestors_come_nearest_first_and_circles_end() -> None:
    found = read_domain(
        graph(
            'd:a skos:prefLabel "a" ; skos:broader d:b . d:b skos:prefLabel "B" . '
            "d:c skos:narrower d:b . d:c skos:broader d:a ."
        ),
        SINGLE,
        ["a"],
    )
    assert [(n.iri[-1], n.name) for n in found.ancestors["a"]] == [("b", "B"), ("c", "c")]


def test_inner_nodes_are_those_above_some_labels_but_not_all() -> None:
    found = read_domain(
        graph(
            'd:a skos:prefLabel "a" ; skos:broader d:p . d:b skos:prefLabel "b" ; '
            'skos:broader d:p . d:c skos:prefLabel "c" ; skos:broader d:q . '
            "d:p skos:broader d:top . d:q skos:broader d:top ."
        ),
        SINGLE,
        ["a", "b", "c"],
    )
    assert found.inner == {"http://example.org/p": ("a", "b")}
    assert found.sources == ("taxonomy",)


def test_descriptions_leave_out_the_labels_own_name() -> None:
    found = read_domain(
        graph(
            'd:a skos:prefLabel "Refund" ; skos:altLabel "money back" ; '
            'skos:definition "The person\\nwants their money." .'
        ),
        SINGLE,
        ["refund"],
    )
    assert found.descriptions == {"refund": ("money back", "The person wants their money.")}
    assert found.described


def test_what_is_below_disjoint_nodes_is_disjoint() -> None:
    turtle = (
        'd:joy skos:prefLabel "joy" ; rdfs:subClassOf d:good . '
        'd:love skos:prefLabel "love" ; rdfs:subClassOf d:good . '
        'd:fear skos:prefLabel "fear" ; rdfs:subClassOf d:bad . d:good owl:disjointWith d:bad .'
    )
    found = read_domain(graph(turtle), MULTI, ["joy", "love", "fear"])
    pairs = {(p.first, p.second): p.iris for p in found.exclusions}
    assert set(pairs) == {("fear", "joy"), ("fear", "love")}
    assert pairs["fear", "joy"] == ("http://example.org/bad", "http://example.org/good")
    assert found.implications == ()


def test_all_disjoint_classes_and_excludes_are_read() -> None:
    names = " ".join(f'd:{x} skos:prefLabel "{x}" .' for x in "abcd")
    turtle = f"{names} [] a owl:AllDisjointClasses ; owl:members ( d:a d:b ) . d:c t:excludes d:d ."
    found = read_domain(graph(turtle), MULTI, list("abcd"))
    assert {(p.first, p.second) for p in found.exclusions} == {("a", "b"), ("c", "d")}


def test_a_kind_implies_what_it_is_a_kind_of_and_does_not_exclude_it() -> None:
    turtle = (
        'd:cat skos:prefLabel "cat" ; rdfs:subClassOf d:mid . d:mid rdfs:subClassOf d:animal . '
        'd:animal skos:prefLabel "animal" ; owl:disjointWith d:mid . '
        'd:storm skos:prefLabel "storm" ; t:implies d:wind . d:wind skos:prefLabel "wind" .'
    )
    found = read_domain(graph(turtle), MULTI, ["cat", "animal", "storm", "wind"])
    assert {(p.first, p.second) for p in found.implications} == {
        ("cat", "animal"),
        ("storm", "wind"),
    }
    assert found.exclusions == ()


def test_relations_have_the_types_of_their_ends_and_unions_are_taken_apart() -> None:
    turtle = (
        'd:r skos:prefLabel "Member-Collection" ; rdfs:range d:Group ; '
        "rdfs:domain [ owl:unionOf ( d:Person d:Animal ) ] . "
        'd:herd a d:Group ; rdfs:label "Herd" . d:cow rdfs:subClassOf d:Animal ; rdfs:label "cow" .'
    )
    labels = ["Member-Collection(e1,e2)", "Member-Collection(e2,e1)", "Other"]
    found = read_domain(graph(turtle), "relation-extraction", labels)
    (signature,) = found.signatures.values()
    assert signature.domain == ("http://example.org/Animal", "http://example.org/Person")
    assert signature.range == ("http://example.org/Group",)
    assert found.entries["cow"].types == ("http://example.org/Animal",)
    assert found.entries["herd"].cased
    assert found.unmatched == ("Other",)


def test_gazetteer_holds_what_is_below_the_entity_types() -> None:
    turtle = (
        'd:P skos:prefLabel "person" . d:poet rdfs:subClassOf d:P . '
        'd:x a d:poet ; skos:prefLabel "Emily Dickinson" , "E. Dickinson" . '
        'd:y a d:river ; skos:prefLabel "Rhine" .'
    )
    found = read_domain(graph(turtle), "token-classification", ["person"])
    assert set(found.entries) == {"emily dickinson", "e dickinson"}
    assert found.entries["emily dickinson"].types == ("person",)
    assert found.sources == ("gazetteer",)


def test_empty_graph_knows_no_label() -> None:
    found = read_domain(Graph(), SINGLE, ["a"])
    assert (found.unmatched, found.sources, found.described) == (("a",), (), False)


def test_words_of_labels_and_phrases() -> None:
    assert spoken("AddToPlaylist") == "add to playlist"
    assert spoken("card_arrival") == "card arrival"
    assert folded("Card-Arrival ") == "card arrival"
    assert phrase_key("St. John's") == "st john s"
