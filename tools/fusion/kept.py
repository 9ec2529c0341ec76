"""What the domain graph says of a run's labels, kept as a file for its jobs."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from ...memory.artifacts import ArtifactStore
from ...memory.errors import StoreError
from ..datasets.types import Split
from ..datasets.versions import load_version
from ..facts import DomainSaid, Facts
from .domain import read_domain
from .facts import DomainFacts

if TYPE_CHECKING:
    from ..tool import ToolContext

FILE = "facts.json"
TASKS = (
    "text-classification",
    "multi-label-classification",
    "token-classification",
    "relation-extraction",
)


def known_of(context: ToolContext, facts: Facts) -> DomainFacts:
    """What the domain graph says of the training labels; nothing where it says nothing."""
    if context.task not in TASKS or facts.data is None:
        return DomainFacts()
    graph = context.domain()
    if not len(graph):
        return DomainFacts()
    train, _ = load_version(facts.data)
    return read_domain(graph, context.task, labels_of(train))


def labels_of(train: Split) -> tuple[str, ...]:
    """Labels, or types of entities, that the rows have."""
    found: set[str] = set()
    for position, label in enumerate(train.labels):
        row = train.rows[position] if train.rows else {}
        if "labels" in row:
            found |= set(row["labels"])
        elif "tags" in row:
            found |= {tag[2:] for tag in row["tags"]} - {""}
        else:
            found.add(label)
    return tuple(sorted(found))


def said_of(known: DomainFacts) -> DomainSaid:
    """In short, for state and controller."""
    return DomainSaid(
        matched=len(known.labels),
        unmatched=known.unmatched if known.labels else (),
        sources=known.sources,
        described=known.described,
    )


def keep_facts(store: ArtifactStore, known: DomainFacts) -> tuple[str, Path]:
    """Keep the facts under their hash; the digest and the file."""
    text = known.model_dump_json()
    digest = hashlib.sha256(text.encode()).hexdigest()
    key = store.key({"domain facts": digest})
    if not store.has_whole(key):
        with store.writing(key) as folder:
            (folder / FILE).write_text(text, encoding="utf-8")
    return digest, store.path(key) / FILE


def read_facts(path: Path, digest: str) -> DomainFacts:
    """Read what `keep_facts` kept.

    Raises:
        StoreError: It is missing or was changed.
    """
    try:
        text = path.read_text(encoding="utf-8")
        if hashlib.sha256(text.encode()).hexdigest() != digest:
            raise StoreError(f"{path} was changed. Remove its folder and run the command again.")
        return DomainFacts.model_validate_json(text)
    except (OSError, ValidationError) as error:
        raise StoreError(f"{path} cannot be read: {error}.") from error
