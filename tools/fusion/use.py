"""Knowledge in a model folder: `knowledge.json`, and the answers of the model under it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from ..datasets.types import Split
from ..errors import ModelError
from ..tasks.task import Answer, Answerer, Progress
from .facts import DomainFacts, Source
from .gazetteer import with_gazetteer
from .label_sets import with_exclusions, with_implications
from .relation_types import with_types
from .taxonomy import path_of, with_taxonomy

KNOWLEDGE = "knowledge.json"
Apply = Callable[[DomainFacts, Split, Sequence[Answer], float], list[Answer]]
APPLY: Mapping[Source, Apply] = {
    "implication": with_implications,  # before exclusions: what is implied may be excluded
    "exclusion": with_exclusions,
    "taxonomy": with_taxonomy,
    "types": with_types,
    "gazetteer": with_gazetteer,
}


class Knowledge(BaseModel):
    """What `knowledge.json` says.

    Attributes:
        strengths: How strongly each kind of knowledge is applied; one that is not named is not.
        facts: What the domain graph said when the model was made.
        digest: SHA-256 of strengths and facts.
    """

    model_config = ConfigDict(frozen=True)

    format: Literal[1] = 1
    strengths: dict[Source, float] = {}
    facts: DomainFacts
    digest: str = ""

    def summed(self) -> str:
        """What `digest` should be."""
        said = self.model_dump_json(exclude={"digest"})
        return hashlib.sha256(said.encode()).hexdigest()


def applied(
    facts: DomainFacts, strengths: Mapping[Source, float], split: Split, answers: list[Answer]
) -> list[Answer]:
    """The answers after all kinds of knowledge that have a strength, in one order."""
    for source, apply in APPLY.items():
        if strengths.get(source) and answers:
            answers = apply(facts, split, answers, strengths[source])
    return answers


def write_knowledge(folder: Path, facts: DomainFacts, strengths: Mapping[Source, float]) -> None:
    """Write `knowledge.json` into a model folder."""
    found = Knowledge(strengths=dict(strengths), facts=facts)
    found = found.model_copy(update={"digest": found.summed()})
    (folder / KNOWLEDGE).write_text(found.model_dump_json(indent=1) + "\n", encoding="utf-8")


def read_knowledge(folder: Path) -> Knowledge | None:
    """Read what a model folder knows; None where it uses no knowledge.

    Raises:
        ModelError: It is damaged.
    """
    path = folder / KNOWLEDGE
    if not path.is_file():
        return None
    try:
        found = Knowledge.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, ValidationError) as error:
        raise ModelError(f"model {path}: is damaged; save the model again") from error
    if found.digest != found.summed():
        raise ModelError(f"model {path}: was changed since it was saved; save the model again")
    return found


def under_knowledge(answerer: Answerer, folder: Path) -> Answerer:
    """A loaded model's answerer, with the knowledge of its folder applied to what it says.

    Raises:
        ModelError: The knowledge is damaged.
    """
    known = read_knowledge(folder)
    if known is None:
        return answerer

    def answer(split: Split, progress: Progress | None) -> list[Answer]:
        found = applied(known.facts, known.strengths, split, answerer(split, progress))
        if not known.facts.ancestors or not found or "_probabilities" not in found[0]:
            return found
        return [{**a, "path": path} if (path := path_of(known.facts, a)) else a for a in found]

    return answer
