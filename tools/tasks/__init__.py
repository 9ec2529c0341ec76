"""Every kind of task: one module for each, found by its name."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .task import Task

# Name -> module here; each holds `TASK`. Order counts: where several claim a table, the first wins.
MODULES = {
    "text-classification": "text_classification",
    "token-classification": "token_classification",
    "question-answering": "question_answering",
    "relation-extraction": "relation_extraction",
    "multiple-choice": "multiple_choice",
    "sentence-pair": "sentence_pair",
    "dialogue": "dialogue",
    "summarisation": "summarisation",
    "code-generation": "code_generation",
    "reasoning": "reasoning",
    "translation": "translation",
    "text-generation": "text_generation",
    "language-modelling": "language_modelling",
    "multi-label-classification": "multi_label_classification",
}
TASKS = tuple(MODULES)


@cache
def find_task(name: str) -> Task:
    """The task of this name.

    Raises:
        KeyError: There is none.
    """
    found: Task = import_module(f".{MODULES[name]}", __package__).TASK
    return found
