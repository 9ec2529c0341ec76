"""Data for scenarios, made here and seeded."""

from __future__ import annotations

import csv
import random
from pathlib import Path

from .scenario import Generated, Scenario

TOPICS = {
    "billing": "invoice charge payment receipt price refund tax amount card discount",
    "delivery": "parcel courier tracking late arrived shipment address warehouse driver box",
    "account": "password login email username locked profile verify reset security session",
    "garden": "tulip shovel compost watering seedling fence lawn hedge soil blossom",
    "travel": "flight hotel luggage airport ticket boarding passport visa tour beach",
    "kitchen": "oven recipe flour butter saucepan knife garlic simmer bake spoon",
    "music": "guitar melody concert rhythm piano chorus album drummer lyric violin",
    "weather": "storm rain forecast thunder cloud frost humidity breeze snowfall heatwave",
}
_FILLER = "about please today again still with my question for the new other one"


def data_of(scenario: Scenario, suite_folder: Path, folder: Path, repeat: int) -> Path:
    """The data of a scenario; where it is made, made under `folder`, each repeat anew."""
    if scenario.generated is None:
        return suite_folder / str(scenario.data)
    seed = scenario.seed + repeat
    return write_data(scenario.generated, folder / "data" / f"{scenario.name}-{seed}", seed)


def write_data(wanted: Generated, folder: Path, seed: int) -> Path:
    """Write train.csv, validation.csv and test.csv; the folder, for `RunSpec.data`."""
    rng = random.Random(f"tuneos suite {seed}")
    labels = list(TOPICS)[: wanted.classes]
    rows = [_row(labels, wanted, rng, number) for number in range(wanted.rows)]
    held = max(wanted.classes, wanted.rows // 5)
    splits = {
        "train": rows[2 * held :],
        "validation": rows[held : 2 * held],
        "test": rows[:held],
    }
    splits["train"] += splits["test"][: wanted.leaked]
    folder.mkdir(parents=True, exist_ok=True)
    for name, chosen in splits.items():
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow(["text", "label"])
            writer.writerows(chosen)
    return folder


def _row(labels: list[str], wanted: Generated, rng: random.Random, number: int) -> tuple[str, str]:
    """A text of eight to sixteen words and its label, wrong with the odds asked for."""
    filler, steps = _FILLER.split(), max(1, len(labels) - 1)
    weights = [wanted.imbalance ** (-i / steps) for i in range(len(labels))]
    # The first rows go round the classes, so that every split has each of them.
    first = number < 2 * len(labels) or number % max(len(labels), wanted.rows // 5) < len(labels)
    label = labels[number % len(labels)] if first else rng.choices(labels, weights)[0]
    own = TOPICS[label].split()
    other = TOPICS[rng.choice(labels)].split()
    words = [
        rng.choice(filler if rng.random() < 0.7 else other)
        if rng.random() < wanted.overlap
        else rng.choice(own)
        for _ in range(rng.randint(8, 16))
    ]
    if rng.random() < wanted.personal:
        words.insert(rng.randrange(len(words)), f"{rng.choice(own)}{number}@example.com")
    if rng.random() < wanted.noise:
        label = rng.choice([x for x in labels if x != label])
    return f"{' '.join(words)} {number}", label
