"""What domain knowledge does to models: cases where it pays, and cases where it is not used.

Every case is `tuneos run SLICE --knowledge FILE`: a slice of a real dataset, small enough that the
cheap rungs are all that fits, as knowledge matters most where rows are few; the whole test split,
sealed. The run decides on validation whether the knowledge is used; the table shows that, and
what it did to the test score of the model that was chosen, with its paired 95% interval.

Run it with `python -P -m tuneos.evals.benchmarks.knowledge_fusion [CASE …]`.
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import knowledge_cases as cases
from .machine import describe
from .runs import DATA, RunFailed, against, run

BUDGET = "4m"
SEED = 0


@dataclass(frozen=True)
class Case:
    """A slice of a dataset and what is known of it.

    Attributes:
        data: Folder under shared/data.
        task, metric: Of the run.
        knowledge: Writes the Turtle into a folder; the file.
        train, validation: Rows taken, at random; of each label where `each` is set.
        baseline: What the model that was chosen is compared with on the test split.
        what: The knowledge, for the table.
    """

    data: str
    task: str
    metric: str
    knowledge: Callable[[Path], Path]
    train: int
    validation: int
    baseline: str
    what: str
    each: bool = False


def _people(folder: Path) -> Path:
    places = ("location.n.01", "region.n.03", "city.n.01")
    return cases.places_and_people(folder, {"GPE": places, "PERSON": ("person.n.01",)})


CASES = {
    "arxiv": Case(
        "topic/arxiv_cs",
        "text-classification",
        "macro_f1",
        cases.arxiv,
        3,
        3,
        "frozen_linear",
        "arXiv's own descriptions of its categories",
        each=True,
    ),
    "semeval": Case(
        "relation/semeval2010_task8",
        "relation-extraction",
        "macro_f1",
        cases.semeval,
        800,
        499,
        "without_knowledge",
        "types of nouns from WordNet",
    ),
    "goemotions": Case(
        "sentiment/goemotions",
        "multi-label-classification",
        "macro_f1",
        cases.goemotions,
        1000,
        1000,
        "without_knowledge",
        "positive and negative emotions exclude each other",
    ),
    "presidio": Case(
        "pii/presidio_synth",
        "token-classification",
        "f1",
        _people,
        400,
        228,
        "without_knowledge",
        "names of places and people from WordNet",
    ),
}


def write_slice(case: Case, folder: Path) -> None:
    """Write the slice: rows of train and validation drawn by a fixed seed, test whole."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = random.Random(SEED)
    for name, count in (("train", case.train), ("validation", case.validation), ("test", 0)):
        lines = (DATA / case.data / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
        groups: dict[str, list[str]] = defaultdict(list)
        for line in lines:
            groups[str(json.loads(line)["label"]) if case.each else ""].append(line)
        kept = [
            line
            for _, rows in sorted(groups.items())
            for line in (rng.sample(rows, min(count, len(rows))) if count else rows)
        ]
        (folder / f"{name}.jsonl").write_text("\n".join(kept) + "\n", encoding="utf-8")


def told(name: str, case: Case, result: dict[str, Any]) -> list[str]:
    """The lines of the table for a case."""
    lines = []
    for use in result["knowledge"]:
        low, high = use["ci"]
        lines.append(
            f"| {name} | {' and '.join(use['sources'])} on {use['candidate']} | "
            f"{use['before']:.4f} → {use['after']:.4f} | "
            f"{use['difference']:+.4f} [{low:+.4f}, {high:+.4f}] | "
            f"{'used' if use['used'] else 'not used'} |"
        )
    found = against(result, case.baseline)
    if found is None:
        figure = result["test"].get(case.metric)
        lines.append(
            f"| {name} | test, {result['chosen']}: no knowledge in it | {figure:.4f} | | |"
        )
        return lines
    after, (low, high) = result["test"][case.metric], found["ci"]
    lines.append(
        f"| {name} | **test**, {result['chosen']} against {case.baseline} | "
        f"{after - found['difference']:.4f} → {after:.4f} | "
        f"**{found['difference']:+.4f}** [{low:+.4f}, {high:+.4f}] | |"
    )
    return lines


def main() -> None:
    """Run the named cases, or all, and print the table."""
    names = sys.argv[1:] or list(CASES)
    print(describe())
    print("| case | what | before → after | difference, 95% interval | decision |")
    print("|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as temporary:
        for name in names:
            case, root = CASES[name], Path(temporary) / name
            write_slice(case, root / "data")
            extra = ["--task", case.task, "--knowledge", str(case.knowledge(root))]
            try:
                result = run(
                    root / "data", f"{case.metric}>=0.99", BUDGET, root / "workspace", extra
                )
            except RunFailed as failed:
                print(f"| {name} | {failed} | | | |")
                continue
            print("\n".join(told(name, case, result)), flush=True)


if __name__ == "__main__":
    main()
