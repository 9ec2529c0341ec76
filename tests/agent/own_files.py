"""A user's own file for each task, in a format that people have; drawn from a few words."""

from __future__ import annotations

import csv
import io
import json
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

Row = dict[str, Any]
WRONG = 0.15  # share of golds drawn at random, so that no first rung is right throughout
COUNTS = {"train": 120, "validation": 40, "test": 40}
ANIMALS = ("dog", "cat", "horse", "cow", "goat", "sheep")
TOWNS = ("Lisbon", "Oslo", "Turin", "Ghent", "Cork", "Split")
PEOPLE = ("Ada", "Grace", "Alan", "Edsger", "Barbara", "Donald")
VERBS = {"sees": "sieht", "likes": "mag", "finds": "findet"}
GERMAN = dict(zip(ANIMALS, ("Hund", "Kater", "Hengst", "Stier", "Bock", "Widder"), strict=True))
MOODS = {"good": ("glad", "fine", "lovely"), "bad": ("awful", "broken", "dull")}


def text_classification(rng: random.Random) -> Row:
    label = rng.choice(sorted(MOODS))
    text = f"{_who(rng)} was {rng.choice(MOODS[label])} today"
    return {"message": text, "mood": _or_another(label, sorted(MOODS), rng)}


def multi_label(rng: random.Random) -> Row:
    seen = rng.sample(ANIMALS[:3], rng.choice((1, 2)))
    said = sorted({_or_another(animal, ANIMALS[:3], rng) for animal in seen})
    return {"text": f"{_who(rng)} saw a {' and a '.join(seen)}", "labels": ";".join(said)}


def entities(rng: random.Random) -> Row:
    who, town = rng.choice(PEOPLE), rng.choice(TOWNS)
    tokens = [who, rng.choice(("flew", "went", "wrote")), "to", town, "again"]
    kind = _or_another("B-LOC", ("B-LOC", "B-ORG"), rng)
    return {"tokens": tokens, "tags": ["B-PER", "O", "O", kind, "O"]}


def relation(rng: random.Random) -> Row:
    who, town = rng.choice(PEOPLE), rng.choice(TOWNS)
    verb, label = rng.choice((("lives in", "Home(e1,e2)"), ("never saw", "Other")))
    text = f"{who} {verb} {town} ."
    return {
        "text": text,
        "head": {"text": who, "start": 0, "end": len(who)},
        "tail": {"text": town, "start": text.index(town), "end": text.index(town) + len(town)},
        "label": _or_another(label, ("Home(e1,e2)", "Other"), rng),
    }


def question(rng: random.Random) -> Row:
    who, other = rng.sample(PEOPLE, 2)
    town, second = rng.sample(TOWNS, 2)
    context = f"{who} lives in {town} . {other} lives in {second} ."
    asked, answer = rng.choice(((who, town), (other, second)))
    answer = _or_another(answer, (town, second), rng)
    return {"context": context, "question": f"Where does {asked} live ?", "answer": answer}


def choice(rng: random.Random) -> Row:
    right, *wrong = rng.choice(ANIMALS), *rng.sample(TOWNS, 2)
    choices = [right, *wrong]
    rng.shuffle(choices)
    answer = _or_another(choices.index(right), range(3), rng)
    return {"question": "Which is an animal ?", "choices": choices, "answer": answer}


def translation(rng: random.Random) -> Row:
    verb, (one, other) = rng.choice(sorted(VERBS)), rng.sample(ANIMALS, 2)
    return {
        "en": f"the {one} {verb} the {other}",
        "de": f"der {GERMAN[one]} {VERBS[verb]} den {GERMAN[other]}",
    }


def summary(rng: random.Random) -> Row:
    who, town = _who(rng), rng.choice(TOWNS)
    return {"source": f"{who} went to {town}. It rained all day.", "summary": f"{who} in {town}"}


def chat(rng: random.Random) -> Row:
    town = rng.choice(TOWNS)
    said = [("user", f"a train to {town} please"), ("assistant", f"your train to {town} is booked")]
    return {"messages": [{"role": role, "content": text} for role, text in said]}


def steered(rng: random.Random) -> Row:
    label = rng.choice(sorted(MOODS))
    return {"text": f"the film was {rng.choice(MOODS[label])}", "label": label}


def program(rng: random.Random) -> Row:
    name, number = rng.choice(ANIMALS), rng.randint(1, 5)
    return {
        "prompt": f"Write a function {name} that adds {number}.",
        "solution": f"def {name}(x):\n    return x + {number}",
        "tests": [f"assert {name}(1) == {1 + number}"],
    }


def sum_of(rng: random.Random) -> Row:
    one, other = rng.randint(0, 9), rng.randint(0, 9)
    answer = str(one + other)
    return {
        "question": f"What is {one} + {other} ?",
        "solution": f"{one} + {other} = {answer}",
        "answer": answer,
    }


def pair(rng: random.Random) -> Row:
    one = rng.choice(ANIMALS)
    same = rng.random() < 0.5
    other = one if same else rng.choice([a for a in ANIMALS if a != one])
    return {
        "first": f"{_who(rng)} has a {one}",
        "second": f"{_who(rng)} wants a {other}",
        "label": _or_another("same" if same else "different", ("same", "different"), rng),
    }


def passage(rng: random.Random) -> Row:
    return {"text": f"{_who(rng)} took a {rng.choice(ANIMALS)} to {rng.choice(TOWNS)} by night ."}


def _who(rng: random.Random) -> str:
    return f"{rng.choice(PEOPLE)} {rng.randint(1, 99)}"


def _or_another(gold: Any, golds: Sequence[Any], rng: random.Random) -> Any:
    return rng.choice(golds) if rng.random() < WRONG else gold


def separated(delimiter: str) -> Callable[[Sequence[Row]], str]:
    def text(rows: Sequence[Row]) -> str:
        out = io.StringIO()
        table = csv.DictWriter(out, list(rows[0]), delimiter=delimiter, lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
        return out.getvalue()

    return text


def json_lines(rows: Sequence[Row]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def conll(rows: Sequence[Row]) -> str:
    pairs = ([f"{t} {tag}\n" for t, tag in zip(r["tokens"], r["tags"], strict=True)] for r in rows)
    return "".join("".join(lines) + "\n" for lines in pairs)


def squad(rows: Sequence[Row]) -> str:
    paragraphs = []
    for number, row in enumerate(rows):
        answer = {"text": row["answer"], "answer_start": row["context"].index(row["answer"])}
        asked = {"id": str(number), "question": row["question"], "answers": [answer]}
        paragraphs.append({"context": row["context"], "qas": [asked]})
    return json.dumps({"version": "1.1", "data": [{"title": "own", "paragraphs": paragraphs}]})


def one_field(name: str) -> Callable[[Sequence[Row]], str]:
    return lambda rows: "".join(row[name] + "\n" for row in rows)


Writer = Callable[[Sequence[Row]], str]
FILES: dict[str, tuple[Callable[[random.Random], Row], dict[str, Writer]]] = {
    "text-classification": (text_classification, {"csv": separated(",")}),
    "multi-label-classification": (multi_label, {"tsv": separated("\t")}),
    "token-classification": (entities, {"conll": conll}),
    "relation-extraction": (relation, {"jsonl": json_lines}),
    "question-answering": (question, {"json": squad}),
    "multiple-choice": (choice, {"jsonl": json_lines}),
    "translation": (translation, {"en": one_field("en"), "de": one_field("de")}),
    "summarisation": (summary, {"csv": separated(",")}),
    "dialogue": (chat, {"jsonl": json_lines}),
    "text-generation": (steered, {"csv": separated(",")}),
    "code-generation": (program, {"jsonl": json_lines}),
    "reasoning": (sum_of, {"jsonl": json_lines}),
    "sentence-pair": (pair, {"tsv": separated("\t")}),
    "language-modelling": (passage, {"txt": one_field("text")}),
}


def write_own(task: str, folder: Path) -> Path:
    """Write a user's train, validation and test files of a task; where `predict` reads the last."""
    drawn, writers = FILES[task]
    folder.mkdir(parents=True, exist_ok=True)
    for seed, (split, count) in enumerate(COUNTS.items()):
        rng = random.Random(seed)
        rows = [drawn(rng) for _ in range(count)]
        for suffix, written in writers.items():
            (folder / f"{split}.{suffix}").write_text(written(rows), encoding="utf-8")
    return folder / f"test.{next(iter(writers))}"
