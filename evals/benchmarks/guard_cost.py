"""What guards cost: `python -P -m tuneos.evals.benchmarks.guard_cost`.

Tunes on snips, with an e-mail address in every fiftieth train row, as `tuneos run` does; then
answers test rows one at a time with the model bare, with its detector, and with guards around it,
in turns. Of the run: looking the rows over, masking personal data, fitting the detector, and the
loop with its gate, as a share of the whole.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from .runs import begun, found_by, run

DATA = "intent/snips"
HEAD = "| guard | ms a prediction |\n|---|---|"
EVERY = 50  # rows, one of which gets an e-mail address
LOOK, CLEAN, MASK = "inspect_dataset", "clean_dataset", "mask_personal_data"

TIMED = """
import json, shutil, sys, time
from pathlib import Path
from statistics import median
from tuneos.tools.anomaly.job import fit_into
from tuneos.tools.datasets.read import read_data
from tuneos.tools.datasets.splits import write_split
from tuneos.tools.deployment.model import load_model
from tuneos.tools.guardrails.around import Around
from tuneos.tools.guardrails.chosen import read_guards
from tuneos.tools.guardrails.personal_data import mask_text
from tuneos.tools.jobs.spec import JobSpec
from tuneos.tools.training.data import JobData
from tuneos.tools.training.hardware import calibrate_threads

model, data, work = (Path(a) for a in sys.argv[1:4])
calibrate_threads()
splits = read_data(data).splits
for name in ("train", "validation"):
    write_split(work / f"{name}.jsonl", splits[name])
bare = work / "bare"
shutil.copytree(model, bare)
for name in ("anomaly.json", "anomaly.safetensors", "SHA256SUMS"):
    (bare / name).unlink(missing_ok=True)
shutil.copytree(bare, work / "fitted")
what = dict(kind="anomaly", data="", task="text-classification", base_model="builtin:minilm",
            base_digest="", metric="accuracy")
spec = JobSpec(what=what, name="cost", data_folder=str(work), cache=str(work / "cache"))
start = time.perf_counter()
fit_into(work / "fitted", JobData.of(spec), lambda _: None)
found = {"fit": time.perf_counter() - start}

schema = work / "schema.json"
schema.write_text(json.dumps({"type": "object", "required": ["city"]}))
written = work / "guards.yaml"
written.write_text(json.dumps({"guards": [
    {"name": "personal-data"}, {"name": "length", "most": 400},
    {"name": "banned-topics", "words": ["lottery", "war"]},
    {"name": "json-schema", "json_schema": "schema.json"}]}))
models = {"the model, bare": load_model(bare), "with its detector": load_model(work / "fitted")}
label = Around(read_guards(["label:refrain"]))
texts = Around(read_guards((), written))
test = splits["test"]
laps = {name: [] for name in (*models, "guard: label", "masking the input",
        "guards: personal-data, length, banned-topics, json-schema, on a written text")}
for i in range(210):
    row = test.take([i])
    for name, each in models.items():
        start = time.perf_counter()
        answers = each.answers(row)
        laps[name].append(time.perf_counter() - start)
    steps = list(laps)[2:]
    todo = (lambda: label(row, answers, each.card.labels, each.answers),
            lambda: mask_text(row.texts[0]),
            lambda: texts(row, [{"text": json.dumps({"city": row.texts[0]})}], (), each.answers))
    for name, step in zip(steps, todo):
        start = time.perf_counter()
        step()
        laps[name].append(time.perf_counter() - start)
found["ms"] = {name: 1000 * median(lap[10:]) for name, lap in laps.items()}
print("FOUND", json.dumps(found))
"""


def main() -> int:
    """Print both tables."""
    arguments = begun(__doc__, HEAD, {"snips": DATA}, "3m")
    if arguments is None:
        return 0
    with tempfile.TemporaryDirectory() as folder:
        data = with_addresses(arguments.data / DATA, Path(folder) / "data")
        result = run(data, "accuracy>=0.999", arguments.budget, Path(folder) / "workspace")
        if result["model"] is None:
            print(f"failed: the run made no model ({result['stop_reason']}); give it more --budget")
            return 1
        work = Path(folder) / "work"
        work.mkdir()
        found = timed(Path(result["model"]), data, work)
        story = json.loads((Path(result["model"]).parent / "report.json").read_text("utf-8"))
    for name, ms in found["ms"].items():
        print(f"| {name} | {ms:.2f} |")
    spent = result["budget"]["seconds"]["spent"]
    loop = result["budget"]["orchestration_seconds"]["spent"]
    steps = story["steps"]
    took = {t: sum(s["seconds"] for s in steps if s["tool"] == t) for t in (LOOK, CLEAN, MASK)}
    share = (sum(took.values()) + loop + found["fit"]) / spent
    added = found["ms"]["with its detector"] - found["ms"]["the model, bare"]
    added += sum(ms for name, ms in list(found["ms"].items())[2:])
    print(
        f"of a run of {spent:.0f} s ({result['chosen']}): looking the rows over {took[LOOK]:.1f} "
        f"s, cleaning {took[CLEAN]:.1f} s, masking {took[MASK]:.1f} s, detector "
        f"{found['fit']:.1f} s, the loop with its gate {loop:.1f} s: all guards together "
        f"{share:.1%}; and {added:.1f} ms a prediction"
    )
    return 0


def with_addresses(data: Path, folder: Path) -> Path:
    """Copy a dataset, with an e-mail address in some of its train rows; the copy's folder."""
    shutil.copytree(data, folder)
    train = folder / "train.jsonl"
    folder.chmod(0o755)
    train.chmod(0o644)
    rows = [json.loads(line) for line in train.read_text("utf-8").split("\n") if line]
    for number, row in enumerate(rows):
        if number % EVERY == 0:
            row["text"] += f" write to person{number}@example.org"
    train.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return folder


def timed(model: Path, data: Path, work: Path) -> dict[str, Any]:
    """Time the guards in a process of its own: "ms" by guard, and seconds of "fit"."""
    return found_by(TIMED, str(model), str(data), str(work))


if __name__ == "__main__":
    sys.exit(main())
