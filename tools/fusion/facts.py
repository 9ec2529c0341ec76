"""What the user's domain graph says of one dataset's labels, as plain data that a model keeps.

A model folder that uses it holds it as `knowledge.json`, so that it answers without the
workspace. Every fact names the IRI of the node it came from.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

MOST_ENTRIES = 200_000  # of a gazetteer
_GAPS = re.compile(r"[\s_\-/.:]+")
_HUMPS = re.compile(r"(?<=[a-z])(?=[A-Z])")


def folded(text: str) -> str:
    """How names are compared: without case, accents' forms, and kinds of gaps."""
    plain = unicodedata.normalize("NFKC", text)
    return _GAPS.sub(" ", plain.casefold()).strip()


def spoken(label: str) -> str:
    """A label as words: "card_arrival" and "CardArrival" are "card arrival"."""
    return _GAPS.sub(" ", _HUMPS.sub(" ", label)).strip().lower()


class Node(BaseModel):
    """A node of the graph as a person reads it."""

    model_config = ConfigDict(frozen=True)

    iri: str
    name: str


class Pair(BaseModel):
    """Two labels that the graph relates: they exclude each other, or the first implies the second.

    `iris` are the nodes between which the graph says so: the labels' own, or ancestors'.
    """

    model_config = ConfigDict(frozen=True)

    first: str
    second: str
    iris: tuple[str, str]


class Signature(BaseModel):
    """Which types a relation joins, as IRIs; () where any may stand there."""

    model_config = ConfigDict(frozen=True)

    iri: str
    domain: tuple[str, ...] = ()
    range: tuple[str, ...] = ()


class Entry(BaseModel):
    """What a phrase may name: the types, and whether it is written with a capital."""

    model_config = ConfigDict(frozen=True)

    types: tuple[str, ...]
    iri: str
    cased: bool = False


class DomainFacts(BaseModel):
    """The part of a domain graph that speaks of some labels.

    Attributes:
        labels: Label -> IRI of its node.
        unmatched: Labels of which the graph has no node.
        ancestors: Label -> the nodes above it, the nearest first; its own is left out.
        descriptions: Label -> names and definitions, as the graph has them.
        exclusions, implications: Between labels, for answers with several.
        signatures: Relation (without its direction) -> the types it joins.
        entries: Phrase, as `phrase_key` gives it -> what it may name. The types are labels
            where entities are tagged, IRIs with all their ancestors for relations.
        types: Name of a type, folded -> its IRI and those above it.
    """

    model_config = ConfigDict(frozen=True)

    labels: dict[str, str] = {}
    unmatched: tuple[str, ...] = ()
    ancestors: dict[str, tuple[Node, ...]] = {}
    descriptions: dict[str, tuple[str, ...]] = {}
    exclusions: tuple[Pair, ...] = ()
    implications: tuple[Pair, ...] = ()
    signatures: dict[str, Signature] = {}
    entries: dict[str, Entry] = Field(default={}, max_length=MOST_ENTRIES)
    types: dict[str, tuple[str, ...]] = {}

    @property
    def described(self) -> bool:
        """Whether most labels have a definition or another name."""
        told = sum(bool(self.descriptions.get(label)) for label in self.labels)
        return told > 0 and 2 * told >= len(self.labels) + len(self.unmatched)

    @property
    def sources(self) -> tuple[Source, ...]:
        """Which kinds of knowledge speak of these labels."""
        found: Mapping[Source, object] = {
            "taxonomy": self.inner,
            "exclusion": self.exclusions,
            "implication": self.implications,
            "types": self.signatures and (self.entries or self.types),
            "gazetteer": self.entries and not self.signatures,
        }
        return tuple(name for name, says in found.items() if says)

    @property
    def inner(self) -> dict[str, tuple[str, ...]]:
        """IRI of a node above several labels, but not above all -> the labels below it."""
        below: dict[str, list[str]] = {}
        for label in sorted(self.ancestors):
            for node in self.ancestors[label]:
                below.setdefault(node.iri, []).append(label)
        most = len(self.labels) + len(self.unmatched)
        return {i: tuple(under) for i, under in below.items() if 2 <= len(under) < most}


Source = Literal["taxonomy", "exclusion", "implication", "types", "gazetteer"]


def phrase_key(text: str) -> str:
    """How phrases are looked up: their words alone, without case."""
    return " ".join(re.findall(r"\w+", unicodedata.normalize("NFKC", text).casefold()))
