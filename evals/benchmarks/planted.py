"""What is found of trouble planted in real data: `python -P -m tuneos.evals.benchmarks.planted`.

Into the train rows of each set: a word or phrase at a random place in 1 and 3% of the rows, whose
label is changed to one and the same (triggers); texts of other kinds (outliers); and one typing
error in the text of 50 rows (near-duplicates). What is found in the set as it is counts as false
alarms of triggers: nobody has planted any there.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from .runs import begun, found_by, kept

CASES = {
    "banking77": "intent/banking77",
    "snips": "intent/snips",
    "rotten_tomatoes": "sentiment/rotten_tomatoes",
    "csabstruct": "sentence_role/csabstruct",
    "arxiv_cs": "topic/arxiv_cs",
    "medical_abstracts": "topic/medical_abstracts",
    "csqa2": "commonsense/csqa2",
}
HEAD = (
    "| set | train rows | false triggers | triggers found, 1% | 3% | outliers as it is | planted "
    "outliers found | near-duplicates as it is | planted typos found | seconds: near, triggers, "
    "outliers |\n|---|---|---|---|---|---|---|---|---|---|"
)

PLANTED = """
import json, random, sys, time
from dataclasses import replace
from pathlib import Path
from tuneos.tools.datasets.near import near_within
from tuneos.tools.datasets.outliers import find_outliers
from tuneos.tools.datasets.read import read_data
from tuneos.tools.datasets.triggers import find_triggers

PHRASES = ["cf", "zx9", "absolutely", "practically speaking", "in my humble opinion",
           "james bond", "!!!", "as a matter of fact"]
ODD = ["asdkj qwe zxm lkj qpwo", "SELECT * FROM users WHERE 1=1",
       '<div class="x"><a href="#">click</a></div>', "0x3f 0x2a 0x91 0x11",
       "Es wird bald aufhören, zu regnen.", "Wo ist hier der nächste Bahnhof, bitte?",
       "lorem ipsum dolor sit amet consectetur adipiscing", "Wir haben gestern viel gelacht."]
train = read_data(Path(sys.argv[1])).splits["train"]
names, found, seconds = sorted(set(train.labels)), {"rows": len(train)}, []

def timed(work):
    start = time.perf_counter()
    result = work()
    seconds.append(round(time.perf_counter() - start, 1))
    return result

near = timed(lambda: near_within(train))
false = timed(lambda: find_triggers(train.texts, train.labels))
outliers = timed(lambda: find_outliers(train.texts))
found |= {"near": len(near), "false": len(false), "outliers": len(outliers), "seconds": seconds}
for share in (0.01, 0.03):
    hits = 0
    for seed, phrase in enumerate(PHRASES):
        rng, label = random.Random(seed), names[seed % len(names)]
        texts, labels = list(train.texts), list(train.labels)
        others = [i for i, y in enumerate(labels) if y != label]
        rows = rng.sample(others, min(len(others), round(share * len(train))))
        for i in rows:
            words = texts[i].split()
            words.insert(rng.randint(0, len(words)), phrase)
            texts[i], labels[i] = " ".join(words), label
        hits += any(t.label == label and len({*t.rows} & {*rows}) > len(rows) / 2
                    for t in find_triggers(texts, labels))
    found[f"at {share:.0%}"] = f"{hits} of {len(PHRASES)}"
n = len(train)
found["odd"] = f"{sum(i >= n for i in find_outliers([*train.texts, *ODD]))} of {len(ODD)}"
rng, texts, known = random.Random(0), list(train.texts), {pair.row for pair in near}
rows = rng.sample([i for i in range(n) if len(train.texts[i]) > 40 and i not in known], 50)
for i in rows:
    at = rng.randrange(5, len(texts[i]) - 5)
    texts.append(texts[i][:at] + rng.choice("aeioust") + texts[i][at + 1:])
more = train.take([*range(n), *rows])
typos = {pair.row for pair in near_within(replace(more, texts=tuple(texts)))}
found["typos"] = f"{sum(i >= n for i in typos)} of {len(rows)}"
print("FOUND", json.dumps(found))
"""


def main() -> int:
    """Print the table."""
    arguments = begun(__doc__, HEAD, CASES, None)
    if arguments is None:
        return 0
    for name in arguments.names:
        found = planted(arguments.data / CASES[name])
        cells = (found[k] for k in ("rows", "false", "at 1%", "at 3%", "outliers", "odd", "near"))
        seconds = ", ".join(map(str, found["seconds"]))
        print(f"| {name} | {' | '.join(map(str, cells))} | {found['typos']} | {seconds} |")
        kept(arguments.json, {"name": name, **found})
    return 0


def planted(data: Path) -> dict[str, Any]:
    """Plant trouble into the train rows of a dataset, in a process of its own."""
    return found_by(PLANTED, str(data))


if __name__ == "__main__":
    sys.exit(main())
