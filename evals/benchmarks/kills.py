"""Runs under kill -9: `python -m tuneos.evals.benchmarks.kills [--kills 100] [--seed 0]`.

Seeded kills of the agent, of a worker, and of both in turn, spread over the lives of
runs that probe, fine-tune and search; `tuneos resume` goes on after each. Every run
must end as one that was left alone: the same steps, candidates, trials and scores.
`--last` aims all of them at the end of a run: at confirm's two jobs, and at the report.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from .machine import describe

VICTIMS = ("agent", "worker", "both")
PER_RUN = 15  # kills aimed at one run
LOOK = 0.05  # seconds between looks at the ledger
TRIALS = 3
TARGET = "accuracy>=0.955"  # one validation label in twenty is wrong: near, and out of reach
LAST = (  # who is killed during which job, or after the last of them
    ("worker", "anomaly"), ("agent", "anomaly"), ("both", "anomaly"),
    ("worker", "score"), ("agent", "score"), ("both", "score"),
    ("agent", "report"), ("agent", "report"),
)  # fmt: skip
LATE = 1.5  # seconds after such a job has begun, at most
MOST_LOST = 1.0  # seconds of a budget that a kill may cost or hide

BASE = """
import sys, torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast
folder, words = sys.argv[1], ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + sys.argv[2:]
rules = Tokenizer(models.WordPiece({w: i for i, w in enumerate(words)}, unk_token="[UNK]"))
rules.normalizer, rules.pre_tokenizer = normalizers.Lowercase(), pre_tokenizers.Whitespace()
rules.post_processor = processors.TemplateProcessing(
    single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
PreTrainedTokenizerFast(tokenizer_object=rules, model_max_length=64, pad_token="[PAD]",
    unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]", mask_token="[MASK]"
    ).save_pretrained(folder)
torch.manual_seed(0)
BertModel(BertConfig(vocab_size=len(words), hidden_size=64, num_hidden_layers=3,
    num_attention_heads=2, intermediate_size=128, max_position_embeddings=64, pad_token_id=0,
    )).save_pretrained(folder)
"""


def main() -> int:
    """Kill and resume until so many kills were made; 1 when anything differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=None, help="begin no run after these")
    parser.add_argument("--last", action="store_true", help="aim at confirm and report")
    parser.add_argument("--keep", action="store_true", help="leave the workspaces where they are")
    arguments = parser.parse_args()
    rng, began = random.Random(arguments.seed), time.monotonic()
    print(describe(), flush=True)
    root = Path(tempfile.mkdtemp(prefix="tuneos-kills-"))
    data = make_data(root, arguments.seed)
    calm = Trial(root / "calm", data)
    calm.live_through([], rng)
    expected = calm.story()
    print(
        f"left alone: {calm.wall:.0f} s, {len(expected['steps'])} steps, "
        f"{len(expected['candidates'])} candidates, {len(expected['trials'])} trials",
        flush=True,
    )
    print("| run | kills | during | lives | same result | jobs trained twice | trials running |"
          " budget: most lost, s | steps redone |")  # fmt: skip
    print("|---|---|---|---|---|---|---|---|---|", flush=True)
    made, runs, faults, worst = 0, 0, 0, 0.0
    while made < arguments.kills:
        minutes = (time.monotonic() - began) / 60
        if arguments.minutes is not None and minutes > arguments.minutes:
            break
        most = arguments.kills - made
        if arguments.last:
            plan = [Kill(who, rng.uniform(0, LATE), at) for who, at in LAST[:most]]
        else:
            plan = [
                Kill(VICTIMS[(made + n) % 3], rng.uniform(0, 2 * calm.wall / PER_RUN))
                for n in range(min(PER_RUN, most))
            ]
        struck = Trial(root / f"run-{runs}", data)
        struck.live_through(plan, rng)
        wrong = struck.faults(expected)
        faults += len(wrong)
        runs, made, worst = runs + 1, made + len(struck.kills), max(worst, struck.most_lost)
        print(struck.row(runs, wrong), flush=True)
        for line in wrong:
            print(f"  {line}", flush=True)
        if not wrong and not arguments.keep:
            shutil.rmtree(struck.root)
    print(f"{made} kills in {runs} runs, {faults} faults, most seconds lost {worst:.2f}")
    if not faults and not arguments.keep:
        shutil.rmtree(root, ignore_errors=True)
    return int(faults > 0 or made == 0)


def make_data(root: Path, seed: int) -> Path:
    """Write texts whose words tell the label, one in twenty labelled wrong, and a small model."""
    rng = random.Random(seed)
    topics = {c: [f"{c}{i}" for i in range(12)] for c in ("north", "south", "west")}
    filler = [f"word{i}" for i in range(30)]
    names = sorted(topics)
    (root / "rows").mkdir()
    for split, count in {"train": 900, "validation": 120, "test": 240}.items():
        lines = ["text,label"]
        for i in range(count):
            words = rng.choices(filler, k=rng.randint(4, 20)) + rng.sample(topics[names[i % 3]], 2)
            rng.shuffle(words)
            said = names[(i + (i % 20 == 7)) % 3]
            lines.append(f"{' '.join(words)} {split}{i},{said}")
        text = "\n".join(lines) + "\n"
        (root / "rows" / f"{split}.csv").write_text(text, encoding="utf-8")
    words = [*filler, *(w for ws in topics.values() for w in ws)]
    code = [sys.executable, "-W", "ignore", "-c", BASE, str(root / "base"), *words]
    subprocess.run(code, check=True, capture_output=True)
    return root


@dataclass
class Kill:
    """Who is killed, and how many seconds of work after the process is at it.

    With `at`, they count from where that job, or the report, has begun.
    """

    victim: str
    after: float
    at: str = ""
    during: str = ""


@dataclass
class Trial:
    """One run in a workspace of its own, and what was seen of it from outside."""

    root: Path
    data: Path
    run: str = ""
    lives: int = 0
    wall: float = 0.0
    kills: list[Kill] = field(default_factory=list)
    done: dict[str, int] = field(default_factory=dict)
    twice: set[str] = field(default_factory=set)
    most_lost: float = 0.0
    wrong: list[str] = field(default_factory=list)
    begun: dict[int, float] = field(default_factory=dict)

    def live_through(self, plan: list[Kill], rng: random.Random) -> None:
        """Start the run, and resume it after each kill until it has ended."""
        self.root.mkdir(parents=True)
        start = time.monotonic()
        waiting = list(plan)
        while True:
            agent = self._start()
            self.lives += 1
            killed = self._watch(agent, waiting, rng)
            if not killed:
                break
        self.wall = time.monotonic() - start
        self._note_jobs()

    def _start(self) -> subprocess.Popen[bytes]:
        words = [sys.executable, "-P", "-m", "tuneos.agent.cli"]
        if self.run:
            words += ["resume", self.run]
        else:
            words += ["run", str(self.data / "rows"), "--base-model", str(self.data / "base")]
            words += ["--target", TARGET, "--budget", "5h", "--max-trials", str(TRIALS)]
            words += ["--seed", "1"]
        words += ["--workspace", str(self.root / "space"), "--yes"]
        env = {**os.environ, "OMP_NUM_THREADS": "1"}
        with (self.root / "log.txt").open("ab") as log:
            agent = subprocess.Popen(
                words, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=env,
                start_new_session=True,
            )  # fmt: skip
        while not self.run and agent.poll() is None:
            rows = self._rows("SELECT run FROM runs")
            self.run = rows[0][0] if rows else ""
            time.sleep(LOOK)
        return agent

    def _watch(self, agent: subprocess.Popen[bytes], plan: list[Kill], rng: random.Random) -> bool:
        """Look on until the process ends, striking as planned; True when it was killed."""
        at_work: float | None = None
        struck = False  # one worker in each life: a third death in a row would fail its job
        while agent.poll() is None:
            time.sleep(LOOK)
            self._look()
            if at_work is None and self._is_at_it(agent.pid, plan):
                at_work = time.monotonic()
            if at_work is None or not plan or time.monotonic() < at_work + plan[0].after:
                continue
            workers = self._workers(agent.pid)
            kill = plan[0]
            if kill.victim == "worker" and (not workers or struck):
                if struck:  # the next in line instead
                    kill = Kill("agent", kill.after, kill.at)
                else:
                    continue
            plan.pop(0)
            kill.during = self._doing()
            self._note_jobs()
            self.kills.append(kill)
            if kill.victim == "worker":
                _end(rng.choice(workers))
                struck, at_work = True, None if kill.at else time.monotonic()
                continue
            if kill.victim == "both":
                for worker in workers:
                    _end(worker)
            agent.send_signal(signal.SIGKILL)
            moment = time.monotonic()
            agent.wait()
            self._weigh(moment)
            return True
        if agent.returncode not in {0, 3}:
            self.wrong.append(f"it ended with exit code {agent.returncode}")
        return False

    def _is_at_it(self, agent: int, plan: list[Kill]) -> bool:
        """Whether the process works, and on what the next kill is aimed at."""
        aim = plan[0].at if plan else ""
        if not aim:
            return self._held_by(agent) or bool(self._workers(agent))
        if aim == "report":
            scored = self._rows("SELECT 1 FROM jobs WHERE kind = 'score' AND status = 'done'")
            return bool(scored) and self._held_by(agent)
        return self._doing() == aim and bool(self._workers(agent))

    def _look(self) -> None:
        """Note when each open reservation of time began, by what it says it has cost."""
        for number, known in self._rows(
            "SELECT id, known FROM reservations WHERE resource = 'seconds'"
        ):
            self.begun.setdefault(number, time.monotonic() - known)

    def _weigh(self, moment: float) -> None:
        """Compare what the ledger knows of the killed step with the time that really passed."""
        for number, known in self._rows(
            "SELECT id, known FROM reservations WHERE resource = 'seconds'"
        ):
            lost = moment - self.begun.get(number, moment - known) - known
            if abs(lost) > abs(self.most_lost):
                self.most_lost = lost
            if abs(lost) > MOST_LOST:
                self.wrong.append(f"a kill lost {lost:.2f} s of the budget")

    def _held_by(self, pid: int) -> bool:
        """Whether the process drives the run by now."""
        rows = self._rows("SELECT pid FROM runs WHERE status = 'running'")
        return bool(rows) and rows[0][0] == pid

    def _doing(self) -> str:
        """The kind of job that runs, or that none does."""
        rows = self._rows("SELECT kind FROM jobs WHERE status = 'running'")
        return str(rows[0][0]) if rows else "between jobs"

    def _workers(self, agent: int) -> list[psutil.Process]:
        """Job processes and search workers of the agent."""
        try:
            found = psutil.Process(agent).children(recursive=True)
            return [p for p in found if any("tuneos.tools." in w for w in p.cmdline())]
        except psutil.Error:
            return []

    def _note_jobs(self) -> None:
        """Note which jobs are done, and whether one that was is begun again."""
        for (key,) in self._rows("SELECT key FROM jobs WHERE status = 'done'"):
            starts = self._starts(str(key))
            if starts > self.done.setdefault(str(key), starts):
                self.twice.add(str(key))

    def _starts(self, key: str) -> int:
        log = self.root / "space" / "logs" / f"{key}.txt"
        text = log.read_text(encoding="utf-8", errors="replace") if log.is_file() else ""
        return len(re.findall(r"^-- .* starts, ", text, re.MULTILINE))

    def _rows(self, query: str, name: str = "ledger.sqlite") -> list[tuple[Any, ...]]:
        path = self.root / "space" / name
        if not path.is_file():
            return []
        try:
            with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)) as db:
                return db.execute(query).fetchall()
        except sqlite3.OperationalError:  # being made
            return []

    def story(self) -> dict[str, Any]:
        """What must be the same: steps, candidates, trials and scores, wall time apart."""
        path = self.root / "space" / "runs" / self.run / "report.json"
        if not path.is_file():
            return {}
        told = json.loads(path.read_text(encoding="utf-8"))
        result = told["result"]
        steps = [{k: s[k] for k in ("tool", "arguments", "ok")} for s in told["steps"]]
        for step in steps:
            step["arguments"] = {k: v for k, v in step["arguments"].items() if k != "reason"}
        names = ("name", "strategy", "validation", "settings", "data")
        return {
            "steps": steps,
            "candidates": [{k: c[k] for k in names} for c in result["candidates"]],
            "trials": [{k: v for k, v in t.items() if k != "seconds"} for t in told["trials"]],
            "chosen": result["chosen"],
            "test": result["test"],
            "baselines": result["baselines"],
            "met": result["met"],
            "stop_reason": result["stop_reason"],
        }

    def redone(self) -> int:
        """Times that a job was begun beyond the first."""
        keys = self._rows("SELECT key FROM jobs")
        return sum(max(0, self._starts(str(key)) - 1) for (key,) in keys)

    def running(self) -> int:
        """Trials that seem to run although nobody does."""
        query = "SELECT COUNT(*) FROM trials WHERE state = 'RUNNING'"
        return sum(n for (n,) in self._rows(query, "studies.sqlite"))

    def faults(self, expected: dict[str, Any]) -> list[str]:
        """Everything that is not as it must be."""
        wrong, found = list(self.wrong), self.story()
        for name, value in expected.items():
            if found.get(name) != value:
                wrong.append(f"{name} differ: {value} became {found.get(name)}")
        if self.twice:
            wrong.append(f"done and trained again: {sorted(self.twice)}")
        if self.running():
            wrong.append(f"{self.running()} trials are left running")
        if self.redone() > len(self.kills):
            wrong.append(f"{self.redone()} jobs begun again after {len(self.kills)} kills")
        if self._rows("SELECT id FROM reservations"):
            wrong.append("reservations are left open")
        spent = dict(self._rows("SELECT resource, spent FROM budgets"))
        if spent.get("trials", 0) != len(found.get("trials", ())):
            wrong.append(f"{spent.get('trials', 0):g} trials charged")
        if spent.get("seconds", 0) > self.wall:
            wrong.append(f"{spent['seconds']:.0f} s charged in {self.wall:.0f} s")
        return wrong

    def row(self, number: int, wrong: list[str]) -> str:
        """A line of the table."""
        during = Counter(k.during for k in self.kills)
        hit = ", ".join(f"{kind} {n}" for kind, n in during.most_common())
        same = "no" if any("differ" in w for w in wrong) else "yes"
        return (
            f"| {number} | {len(self.kills)} | {hit} | {self.lives} | {same} | {len(self.twice)} "
            f"| {self.running()} | {abs(self.most_lost):.2f} | {self.redone()} |"
        )


def _end(process: psutil.Process) -> None:
    try:
        process.kill()
    except psutil.Error:
        return


if __name__ == "__main__":
    sys.exit(main())
