"""Tiny rows of every task with a head, and what can be learned of them."""

from __future__ import annotations

import random
from typing import Any

from tiny_words import FILLER, TOPICS
from tuneos.tools.datasets.columns import Asked
from tuneos.tools.datasets.tables import Table
from tuneos.tools.datasets.types import Split
from tuneos.tools.tasks import find_task

Cells = dict[str, list[Any]]

NAMES = sorted(TOPICS)


def sentence(rng: random.Random, *words: str) -> str:
    found = [*rng.choices(FILLER, k=rng.randint(1, 6)), *words]
    rng.shuffle(found)
    return " ".join(found)


def label_sets(rng: random.Random, count: int) -> Cells:
    sets = [rng.sample(NAMES, rng.randint(0, 2)) for _ in range(count)]
    texts = [sentence(rng, *(rng.choice(TOPICS[name]) for name in found)) for found in sets]
    return {"text": texts, "labels": sets}


def relations(rng: random.Random, count: int) -> Cells:
    """Between an animal and a food: who eats, by the word between them; else Other."""
    cells: Cells = {"text": [], "head": [], "tail": [], "label": []}
    for i in range(count):
        label, verb = (("Eats(e1,e2)", "red"), ("Eats(e2,e1)", "blue"), ("Other", "my"))[i % 3]
        animal, food = rng.choice(TOPICS["animal"]), rng.choice(TOPICS["food"])
        text = f"{rng.choice(FILLER)} {animal} {verb} {food} {rng.choice(FILLER)}"
        cells["text"].append(text)
        for name, word in (("head", animal), ("tail", food)):
            start = text.index(f" {word} ") + 1
            cells[name].append({"text": word, "start": start, "end": start + len(word)})
        cells["label"].append(label)
    return cells


def choices(rng: random.Random, count: int) -> Cells:
    """Which of three or four words is an animal."""
    cells: Cells = {"question": [], "choices": [], "answer": []}
    for _ in range(count):
        wrong = rng.sample([*TOPICS["colour"], *TOPICS["food"]], rng.randint(2, 3))
        at = rng.randint(0, len(wrong))
        cells["question"].append(sentence(rng))
        cells["choices"].append([*wrong[:at], rng.choice(TOPICS["animal"]), *wrong[at:]])
        cells["answer"].append(at)
    return cells


def statements(rng: random.Random, count: int) -> Cells:
    """Whether a text speaks of an animal."""
    topics = [rng.choice(["animal", "food"]) for _ in range(count)]
    texts = [sentence(rng, rng.choice(TOPICS[topic])) for topic in topics]
    return {"text": texts, "label": ["here" if t == "animal" else "there" for t in topics]}


def pairs(rng: random.Random, count: int) -> Cells:
    """Whether the second text speaks of an animal."""
    topics = [rng.choice(["animal", "food"]) for _ in range(count)]
    seconds = [sentence(rng, rng.choice(TOPICS[topic])) for topic in topics]
    firsts = [sentence(rng) for _ in topics]
    return {"first": firsts, "second": seconds, "label": ["ab"[t == "food"] for t in topics]}


def scored(rng: random.Random, count: int) -> Cells:
    cells = pairs(rng, count)
    return {**cells, "label": [1.0 + 3.5 * (label == "a") for label in cells["label"]]}


# task, maker of rows, metric, least value of the tf-idf rung and of a tuned model
CASES = {
    "label-sets": ("multi-label-classification", label_sets, "macro_f1", 0.8),
    "relations": ("relation-extraction", relations, "macro_f1", 0.9),
    "choices": ("multiple-choice", choices, "accuracy", 0.9),
    "statements": ("multiple-choice", statements, "accuracy", 0.9),
    "pairs": ("sentence-pair", pairs, "accuracy", 0.9),
    "scores": ("sentence-pair", scored, "spearman", 0.7),
}


def split_of(case: str, count: int, seed: int) -> Split:
    task, maker, *_ = CASES[case]
    cells: dict[str, list[object]] = dict(maker(random.Random(seed), count))
    places = [f"x.jsonl line {n}" for n in range(1, count + 1)]
    return find_task(task).read(Table("x.jsonl", cells, places), Asked(), train=False).split
