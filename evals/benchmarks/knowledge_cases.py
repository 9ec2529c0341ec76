"""Domain knowledge for real datasets, as Turtle: facts written by hand or taken from WordNet.

Nothing here is derived from a test row. What is said of labels follows the papers that define
them; the names of things come from WordNet (WN18RR: its synsets and hypernyms), or, where a case
says so, from the training rows.
"""

from __future__ import annotations

import gzip
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from urllib.parse import quote, unquote

from .runs import DATA

PREFIXES = """@prefix skos: <http://www.w3.org/2004/02/skos/core#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix schema: <https://schema.org/> .
@prefix d: <http://example.org/domain/> .
@prefix wn: <http://example.org/wn/> .
"""

# Demszky et al. 2020, GoEmotions: the grouping by sentiment that the release maps labels by
# (sentiment_mapping.json), "ambiguous" and "neutral" left out.
POSITIVE = [
    "admiration",
    "amusement",
    "approval",
    "caring",
    "desire",
    "excitement",
    "gratitude",
    "joy",
    "love",
    "optimism",
    "pride",
    "relief",
]
NEGATIVE = [
    "anger",
    "annoyance",
    "disappointment",
    "disapproval",
    "disgust",
    "embarrassment",
    "fear",
    "grief",
    "nervousness",
    "remorse",
    "sadness",
]

# Hendrickx et al. 2010, SemEval-2010 Task 8: what the definitions of the relations say of their
# ends, in terms of WordNet.
SIGNATURES: Mapping[str, tuple[str, str]] = {
    "Content-Container": (
        "",
        "container.n.01 structure.n.01 area.n.01 room.n.01 instrumentality.n.03",
    ),
    "Member-Collection": ("", "group.n.01 collection.n.01"),
    "Message-Topic": ("communication.n.02 act.n.02 creation.n.02 cognition.n.01", ""),
    "Product-Producer": ("", "causal_agent.n.01 organism.n.01 group.n.01 organization.n.01"),
    "Instrument-Agency": (
        "artifact.n.01 act.n.02 cognition.n.01 communication.n.02 body_part.n.01",
        "causal_agent.n.01 organism.n.01 group.n.01 organization.n.01",
    ),
}

# The category taxonomy of arXiv (arxiv.org/category_taxonomy): names and scopes, shortened; the
# families above are ours.
ARXIV: Mapping[str, tuple[str, str, str]] = {
    "cs.CR": (
        "Cryptography and Security",
        "all areas of cryptography and security including authentication, public key "
        "cryptosystems, proof-carrying code",
        "systems",
    ),
    "cs.DB": (
        "Databases",
        "database management, data mining, and data processing",
        "data",
    ),
    "cs.DC": (
        "Distributed, Parallel, and Cluster Computing",
        "fault-tolerance, distributed algorithms, stability, parallel computation, and cluster "
        "computing",
        "systems",
    ),
    "cs.GT": (
        "Computer Science and Game Theory",
        "theoretical and applied aspects at the intersection of computer science and game theory, "
        "mechanism design, learning in games, auctions",
        "theory",
    ),
    "cs.HC": (
        "Human-Computer Interaction",
        "human factors, user interfaces, and collaborative computing",
        "data",
    ),
    "cs.IR": (
        "Information Retrieval",
        "indexing, dictionaries, retrieval, content and analysis",
        "data",
    ),
    "cs.LO": (
        "Logic in Computer Science",
        "logic in computer science, finite model theory, logics of programs, modal logic, program "
        "verification",
        "theory",
    ),
    "cs.NI": (
        "Networking and Internet Architecture",
        "computer communication networks, network architecture and design, network protocols, "
        "internetwork standards",
        "systems",
    ),
    "cs.PL": (
        "Programming Languages",
        "programming language semantics, language features, programming approaches, compilers",
        "software",
    ),
    "cs.RO": ("Robotics", "robotics", "robots"),
    "cs.SE": (
        "Software Engineering",
        "design tools, software metrics, testing and debugging, programming environments",
        "software",
    ),
}


def arxiv(folder: Path) -> Path:
    """What arXiv says that its categories cover."""
    lines = []
    for code, (name, scope, family) in ARXIV.items():
        node = f"d:{code.replace('.', '_')}"
        lines.append(
            f"{node} skos:notation {_quoted(code)} ; skos:prefLabel {_quoted(name)} ; "
            f"skos:definition {_quoted(scope)} ; skos:broader d:{family} ."
        )
        lines.append(f'd:{family} skos:prefLabel "{family}" .')
    return _written(folder / "arxiv.ttl", dict.fromkeys(lines))


def goemotions(folder: Path) -> Path:
    """No positive emotion goes with a negative one, and neutral goes with none."""
    lines = [f'd:{x} a owl:Class ; skos:prefLabel "{x}" .' for x in (*POSITIVE, *NEGATIVE)]
    lines += [f"d:{x} rdfs:subClassOf d:positive ." for x in POSITIVE]
    lines += [f"d:{x} rdfs:subClassOf d:negative ." for x in NEGATIVE]
    lines += [
        'd:neutral a owl:Class ; skos:prefLabel "neutral" .',
        "d:positive owl:disjointWith d:negative , d:neutral .",
        "d:negative owl:disjointWith d:neutral .",
    ]
    return _written(folder / "goemotions.ttl", lines)


def semeval(folder: Path) -> Path:
    """Types of the ends of relations, and the types of nouns from WordNet."""
    lines = []
    for name, ends in SIGNATURES.items():
        lines.append(f'd:{name} skos:prefLabel "{name}" .')
        for said, types in zip(("domainIncludes", "rangeIncludes"), ends, strict=True):
            lines += [f"d:{name} schema:{said} {_synset(t)} ." for t in types.split()]
    for low, high in hypernyms():
        lines.append(f"{_synset(low)} rdfs:subClassOf {_synset(high)} .")
        lines += [f"{_synset(x)} rdfs:label {_quoted(lemma(x))} ." for x in (low, high)]
    return _written(folder / "semeval.ttl", dict.fromkeys(lines))


def places_and_people(folder: Path, kinds: Mapping[str, tuple[str, ...]]) -> Path:
    """Names of individuals, from WordNet's instances, below the given entity types.

    Args:
        folder: Where the file goes.
        kinds: Entity type -> the synsets whose instances it has.
    """
    up = defaultdict(set)
    for low, high in hypernyms():
        up[low].add(high)
    lines = [f'd:{kind} a owl:Class ; skos:prefLabel "{kind}" .' for kind in kinds]
    for name, of in _triples("_instance_hypernym"):
        above, edge = {of}, {of}
        while edge:
            edge = {h for x in edge for h in up[x]} - above
            above |= edge
        for kind, synsets in kinds.items():
            if above & set(synsets):
                title = " ".join(w.capitalize() for w in lemma(name).split())
                lines += [f"{_synset(name)} a d:{kind} ; skos:prefLabel {_quoted(title)} ."]
    return _written(folder / "names.ttl", lines)


def names_of_train(folder: Path, data: Path, least: float = 0.5) -> Path:
    """A gazetteer of the training rows: phrases that are mostly one type where they stand."""
    rows = [json.loads(x) for x in (data / "train.jsonl").read_text("utf-8").splitlines()]
    found: dict[str, Counter[str]] = defaultdict(Counter)
    texts = []
    for row in rows:
        texts.append(" ".join(row["tokens"]))
        for phrase, kind in _entities(row["tokens"], row["tags"]):
            found[phrase][kind] += 1
    whole = "\n".join(f" {t} " for t in texts)
    kinds = sorted({k for counts in found.values() for k in counts})
    lines = [f'd:{_safe(kind)} a owl:Class ; skos:prefLabel "{kind}" .' for kind in kinds]
    for number, (phrase, counts) in enumerate(sorted(found.items())):
        kind, times = counts.most_common(1)[0]
        if times >= least * max(1, whole.count(f" {phrase} ")):
            lines.append(f"d:e{number} a d:{_safe(kind)} ; skos:prefLabel {_quoted(phrase)} .")
    return _written(folder / "names.ttl", lines)


def hypernyms() -> Iterator[tuple[str, str]]:
    """Pairs of nouns of which the second is the kind that the first is."""
    return (p for p in _triples("_hypernym") if ".n." in p[0] and ".n." in p[1])


def lemma(synset: str) -> str:
    """The words of a synset's name: "paper_cup.n.01" is "paper cup"."""
    return synset.rsplit(".", 2)[0].replace("_", " ")


def _triples(relation: str) -> Iterator[tuple[str, str]]:
    with gzip.open(DATA / "kg" / "wn18rr" / "wn18rr.nt.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            if f"/rel/{relation}>" in line:
                low, _, high = re.findall(r"<[^>]*/([^>/]*)>", line)
                yield unquote(low), unquote(high)


def _entities(tokens: list[str], tags: list[str]) -> Iterator[tuple[str, str]]:
    start = None
    for i, tag in enumerate([*tags, "O"]):
        if start is not None and not tag.startswith("I-"):
            yield " ".join(tokens[start:i]), tags[start][2:]
            start = None
        if tag.startswith("B-"):
            start = i


def _synset(name: str) -> str:
    return f"<http://example.org/wn/{quote(name, safe='._')}>"


def _safe(name: str) -> str:
    return re.sub(r"\W", "_", name)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _written(path: Path, lines: Iterable[str]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(PREFIXES + "\n".join(lines) + "\n", encoding="utf-8")
    return path
