"""Many runs in one workspace at once: `python -m tuneos.evals.benchmarks.concurrent_sessions`.

Each session is a process of its own; half of them work on the same data, so that they
meet in the same jobs. Asked: all finish, no lock errors, and the ledger's sums are right.
"""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from .machine import describe
from .runs import found_in

SESSIONS = 16
SHARED = 8  # of them work on the same rows

CODE = """
import sys, uuid
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from tuneos.agent import controllers
from tuneos.agent.controller import Controller
from tuneos.agent.plan import plan_run
from tuneos.agent.runs import create_run
from tuneos.agent.session import go_on
from tuneos.agent.spec import RunSpec
from tuneos.memory.ledger import Ledger

TURNS = [("inspect_dataset", {}), ("query_knowledge", {"about": "strategies"}),
         ("record_lesson", {"lesson": sys.argv[1], "about": "tfidf_linear"}),
         ("probe_baselines", {"frozen_linear": False})]

class Scripted(BaseChatModel):
    asked: int = 0
    @property
    def _llm_type(self): return "scripted"
    def bind_tools(self, tools, **kwargs): return self.bind(**kwargs)
    def _generate(self, messages, stop=None, run_manager=None, **kwargs):
        name, args = TURNS[min(self.asked, len(TURNS) - 1)]
        self.asked += 1
        call = {"name": name, "args": args, "id": uuid.uuid4().hex, "type": "tool_call"}
        message = AIMessage(content="by the script", tool_calls=[call])
        return ChatResult(generations=[ChatGeneration(message=message)])

controllers.check_controller = lambda ref, name: name
controllers.find_controller = lambda ref, name=None: Controller(Scripted(), "scripted")
spec = RunSpec(data=sys.argv[1], workspace=sys.argv[2], llm="fake:x", budget="30m",
               targets=["macro_f1>=0.8"], seed=7)
run = create_run(plan_run(spec))
ends = []
result = go_on(run, on_event=lambda e: ends.append(e) if e["kind"] == "step_ended" else None)
failed = [e["summary"] for e in ends if not e["ok"]]
print("FOUND", result.model_dump_json(), flush=True)
print("FAILED", failed, flush=True)
"""


def main() -> int:
    """Start all at once, wait, look; 1 when one failed, met a lock or the sums are wrong."""
    print(describe())
    with tempfile.TemporaryDirectory() as folder:
        start = time.monotonic()
        children = [_started(Path(folder), number) for number in range(SESSIONS)]
        said = [child.communicate() for child in children]
        seconds = time.monotonic() - start
        results = [next(found_in(out.splitlines()), None) for out, _ in said]
        errors = [err for (_, err), child in zip(said, children, strict=True) if child.returncode]
        failed = [line for out, _ in said for line in out.splitlines() if line.startswith("FAILED")]
        locks = sum("lock" in text or "another process" in text for text in [*errors, *failed])
        wrong = _wrong_sums(Path(folder) / "work", [r for r in results if r])
    finished = sum(bool(r and r["met"]) for r in results)
    for text in [*errors, *(f for f in failed if f != "FAILED []"), *wrong]:
        print(text[-600:])
    print(f"{finished} of {SESSIONS} sessions finished and met their target in {seconds:.0f} s")
    print(f"{locks} lock errors, {len(wrong)} sums wrong")
    return int(finished < SESSIONS or locks > 0 or bool(wrong))


def _started(folder: Path, number: int) -> subprocess.Popen[str]:
    data = folder / f"rows-{max(0, number - SHARED)}.csv"
    colours = ("red ripe", "blue cold", "green fresh")
    rows = [
        f"about {c} thing {n} of {data.stem},{c.split()[0]}" for c in colours for n in range(40)
    ]
    data.write_text("text,label\n" + "\n".join(rows) + "\n", encoding="utf-8")
    return subprocess.Popen(
        [sys.executable, "-P", "-W", "ignore", "-c", CODE, data, folder / "work"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _wrong_sums(workspace: Path, results: list[dict[str, Any]]) -> list[str]:
    """Say where the ledger and what the runs report disagree."""
    wrong = []
    with sqlite3.connect(workspace / "ledger.sqlite") as db:
        spent = {
            (run, resource): amount
            for run, resource, amount in db.execute("SELECT run, resource, spent FROM budgets")
        }
        open_ones = db.execute("SELECT COUNT(*) FROM reservations").fetchone()[0]
        doubled = db.execute("SELECT COUNT(*) FROM jobs WHERE status <> 'done'").fetchone()[0]
        names = [row[0] for row in db.execute("SELECT run FROM runs")]
    if open_ones or doubled:
        wrong.append(f"{open_ones} reservations are open, {doubled} jobs are not done")
    if len(names) != len(set(names)) or len(names) != len(results):
        wrong.append(f"{len(names)} runs in the ledger, {len(results)} results")
    for result in results:
        for resource, said in result["budget"].items():
            booked = spent.get((result["run"], resource), -1.0)
            # Seconds go on being spent while the report is written.
            most = booked + 0.001 if resource == "seconds" else said["spent"] + 0.001
            if not said["spent"] <= booked + 0.001 or booked > max(most, said["spent"] + 0.001):
                wrong.append(f"{result['run']}: {resource} {said['spent']} said, {booked} booked")
    return wrong


if __name__ == "__main__":
    sys.exit(main())
