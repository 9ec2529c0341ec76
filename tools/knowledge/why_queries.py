"""The SPARQL that explanations rest on; ?run is bound from outside."""

from __future__ import annotations

_RUN = """
SELECT ?run ?status ?controller ?base ?task ?started ?ended ?stop ?met ?dataset ?hash ?source
       ?chosen WHERE {
  ?run a t:Run .
  OPTIONAL { ?run t:status ?status } OPTIONAL { ?run t:controller ?controller }
  OPTIONAL { ?run t:baseModel ?base } OPTIONAL { ?run mls:achieves ?task }
  OPTIONAL { ?run prov:startedAtTime ?started } OPTIONAL { ?run prov:endedAtTime ?ended }
  OPTIONAL { ?run t:stopReason ?stop } OPTIONAL { ?run t:met ?met }
  OPTIONAL { ?run prov:used ?dataset . ?dataset t:dataHash ?hash .
             OPTIONAL { ?dataset t:source ?source } }
  OPTIONAL { ?run t:chose/t:name ?chosen } } LIMIT 1"""
_MEASURES = """
SELECT ?run ?name ?value WHERE {
  ?run prov:used/t:measure ?m . ?m t:name ?name ; t:value ?value } ORDER BY ?name"""
_STEPS = """
SELECT ?run ?step ?number ?tool ?reason ?text ?outcome ?seconds ?arguments ?approval ?at ?dataName
       (GROUP_CONCAT(?agent; separator=" + ") AS ?agents) WHERE {
  ?run t:step ?step . ?step t:number ?number ; t:tool ?tool ; t:outcome ?outcome ;
       prov:startedAtTime ?at .
  OPTIONAL { ?step t:reason ?reason } OPTIONAL { ?step t:text ?text }
  OPTIONAL { ?step t:seconds ?seconds } OPTIONAL { ?step t:arguments ?arguments }
  OPTIONAL { ?step t:approval ?approval }
  OPTIONAL { ?step prov:used ?data . ?data t:name ?dataName }
  OPTIONAL { ?step prov:wasAssociatedWith/t:name ?agent } }
GROUP BY ?run ?step ?number ?tool ?reason ?text ?outcome ?seconds ?arguments ?approval ?at ?dataName
ORDER BY ?number"""
_MADE = """
SELECT ?run ?step ?candidate WHERE {
  ?run t:step ?step . ?c prov:wasGeneratedBy ?step ; a t:Candidate ; t:name ?candidate }
ORDER BY ?step ?candidate"""
_VERSIONS = """
SELECT ?run ?step ?name WHERE {
  ?run t:step ?step . ?d prov:wasGeneratedBy ?step ; t:dataHash ?key ; t:name ?name }"""
_DECISIONS = """
SELECT ?run ?decision ?kind ?by ?proposedBy ?tool ?reason ?text ?stop ?rule ?figures ?candidate ?at
WHERE {
  ?run t:decision ?decision . ?decision t:kind ?kind ; prov:startedAtTime ?at .
  OPTIONAL { ?decision t:by ?by } OPTIONAL { ?decision t:proposedBy ?proposedBy }
  OPTIONAL { ?decision t:tool ?tool } OPTIONAL { ?decision t:reason ?reason }
  OPTIONAL { ?decision t:text ?text } OPTIONAL { ?decision t:stop ?stop }
  OPTIONAL { ?decision t:rule ?rule } OPTIONAL { ?decision t:figures ?figures }
  OPTIONAL { ?decision t:order ?order }
  OPTIONAL { ?decision prov:used ?c . ?c a t:Candidate ; t:name ?candidate } }
ORDER BY ?at ?order"""
_STRATEGY = """
SELECT ?run ?candidate ?name ?strategyName ?recipe ?rung ?gain ?recipeSource WHERE {
  ?candidate dcterms:isPartOf ?run ; a t:Candidate ; t:name ?name ; t:strategyName ?strategyName .
  OPTIONAL { ?candidate t:usedStrategy ?recipe . ?recipe a t:Strategy ; t:rung ?rung ;
             t:typicalGain ?gain ; dcterms:source ?recipeSource } }"""
_SETTINGS = """
SELECT ?run ?part ?name ?setting ?value ?default ?defaultSource ?recipeSource ?recalled
  ?earlier WHERE {
  ?candidate dcterms:isPartOf ?run ; a t:Candidate ; t:name ?name ; t:sets ?part .
  ?part t:setting ?setting ; t:value ?value .
  OPTIONAL { ?part t:recalledFrom ?recalled . OPTIONAL { ?recalled t:name ?earlier } }
  OPTIONAL { ?candidate t:usedStrategy ?recipe .
             ?recipe t:default ?d ; dcterms:source ?recipeSource .
             ?d t:setting ?setting ; t:value ?default .
             OPTIONAL { ?d dcterms:source ?defaultSource } } }
ORDER BY ?setting"""
_SCORES = """
SELECT ?run ?candidate ?name ?metric ?split ?value WHERE {
  ?candidate dcterms:isPartOf ?run ; a t:Candidate ; t:name ?name ; t:score ?s .
  ?s t:metric ?metric ; t:split ?split ; t:value ?value }
ORDER BY ?name ?metric"""
_TARGETS = """
SELECT ?run ?target ?metric ?op ?value ?test ?low ?high ?met WHERE {
  ?run t:target ?target . ?target t:metric ?metric ; t:op ?op ; t:value ?value .
  OPTIONAL { ?target t:test ?test } OPTIONAL { ?target t:met ?met }
  OPTIONAL { ?target t:low ?low ; t:high ?high } } ORDER BY ?metric"""
_BUDGETS = """
SELECT ?run ?budget ?resource ?limit ?spent WHERE {
  ?run t:budget ?budget . ?budget t:resource ?resource ; t:spent ?spent .
  OPTIONAL { ?budget t:limit ?limit } } ORDER BY ?resource"""
_COMPARISONS = """
SELECT ?run ?comparison ?against ?metric ?difference ?low ?high ?p WHERE {
  ?run t:comparison ?comparison . ?comparison t:against ?against ; t:metric ?metric ;
    t:difference ?difference ; t:low ?low ; t:high ?high ; t:pValue ?p } ORDER BY ?against"""
_CONSTANTS = """
SELECT ?run ?constant ?name ?value ?source WHERE {
  ?run a t:Run . ?constant a t:Constant ; t:name ?name ; t:value ?value .
  OPTIONAL { ?constant dcterms:source ?source } }"""

QUERIES = {
    "run": _RUN,
    "measures": _MEASURES,
    "steps": _STEPS,
    "made": _MADE,
    "versions": _VERSIONS,
    "decisions": _DECISIONS,
    "strategy": _STRATEGY,
    "settings": _SETTINGS,
    "scores": _SCORES,
    "targets": _TARGETS,
    "budgets": _BUDGETS,
    "comparisons": _COMPARISONS,
    "constants": _CONSTANTS,
}
