"""What knowledge did to an answer, kept beside it.

An answer of a model that uses knowledge holds `_rules`: a list of JSON objects, one for each
fact that changed it, in the order in which they were applied:

    {"source": "taxonomy" | "exclusion" | "implication" | "types" | "gazetteer",
     "iris": [IRI of the label's or type's node, IRI of what was said of it, …],
     "said": "one line for people"}

`iris` name nodes of the user's domain graph; the model's `knowledge.json` holds the facts
themselves. An answer that nothing changed has no `_rules`. Text classification under a
taxonomy also has `path`, which is for people: see `taxonomy.path_of`.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from ..tasks.task import Answer
from .facts import Source

RULES = "_rules"


class Fired(BaseModel):
    """One fact that changed an answer."""

    model_config = ConfigDict(frozen=True)

    source: Source
    iris: tuple[str, ...]
    said: str

    def noted(self, answer: Answer) -> Answer:
        """The answer with this fact beside it."""
        return {**answer, RULES: [*answer.get(RULES, ()), self.model_dump(mode="json")]}
