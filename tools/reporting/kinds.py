"""What reports say differently of each task: how it is used, and how a hub calls it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """A task, as a report speaks of it.

    Attributes:
        hub: The task's id on model hubs; "" where they have none.
        asks: A name for the file of what is to be answered.
        gives: A name for the file of answers.
        writes: What an answer is, after "one JSON object a line, with".
        beware: What a user must know before relying on an answer.
        texts: Answers are texts of the model's own: a few are shown, right or wrong.
    """

    hub: str
    asks: str
    gives: str
    writes: str
    beware: str
    texts: bool = False


_LABELS = "It answers every text with one of the labels, also a text that fits none."
_FLUENT = "Nothing checks what it writes: a fluent answer may be untrue."

KINDS = {
    "text-classification": Kind(
        "text-classification", "texts.csv", "labels.jsonl", "a label and a score", _LABELS
    ),
    "multi-label-classification": Kind(
        "text-classification",
        "texts.csv",
        "labels.jsonl",
        "the labels that hold and the score of every label",
        "It knows the labels above and no others, and may give a text none of them.",
    ),
    "token-classification": Kind(
        "token-classification",
        "texts.csv",
        "entities.jsonl",
        "the entities found: type, text, start and end in the text, score",
        "It looks for the types above and for nothing else; what it does not mark may still be "
        "an entity.",
    ),
    "relation-extraction": Kind(
        "text-classification",
        "rows.jsonl",
        "relations.jsonl",
        "a relation and a score",
        "It is told which two entities to relate and does not find them itself.",
    ),
    "question-answering": Kind(
        "question-answering",
        "questions.jsonl",
        "answers.jsonl",
        "an answer, its start and end in the text, and a score",
        "It takes its answers out of the text word for word, and may find one where the text "
        "holds none.",
    ),
    "multiple-choice": Kind(
        "multiple-choice",
        "questions.jsonl",
        "answers.jsonl",
        "a choice and a score",
        "It always chooses, also where no choice is right.",
    ),
    "sentence-pair": Kind(
        "sentence-similarity",
        "pairs.jsonl",
        "answers.jsonl",
        "a label with its score, or a score alone",
        "It judges pairs like those it was trained on.",
    ),
    "translation": Kind(
        "translation", "sources.jsonl", "translations.jsonl", "the text", _FLUENT, texts=True
    ),
    "summarisation": Kind(
        "summarization", "sources.jsonl", "summaries.jsonl", "the text", _FLUENT, texts=True
    ),
    "dialogue": Kind(
        "text-generation", "chats.jsonl", "replies.jsonl", "the text", _FLUENT, texts=True
    ),
    "text-generation": Kind(
        "text-generation", "prompts.jsonl", "texts.jsonl", "the text", _FLUENT, texts=True
    ),
    "code-generation": Kind(
        "text-generation",
        "prompts.jsonl",
        "programs.jsonl",
        "the program",
        "Read a program that it wrote, and test it, before you run it with your rights.",
        texts=True,
    ),
    "reasoning": Kind(
        "text-generation",
        "questions.jsonl",
        "answers.jsonl",
        "the text",
        "Only its last answer was checked, not the steps that it writes before.",
        texts=True,
    ),
    "language-modelling": Kind(
        "fill-mask",
        "texts.jsonl",
        "answers.jsonl",
        "how well each text was foreseen",
        "It is a base to tune further, not a model that answers.",
    ),
}
_OTHER = Kind("", "rows.jsonl", "answers.jsonl", "the answer", "")


def kind(task: str) -> Kind:
    """Describe a task; one that is not known in plain words."""
    return KINDS.get(task, _OTHER)
