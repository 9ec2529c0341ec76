"""Damaged files: `python -m tuneos.evals.benchmarks.storage_faults`.

One finished and one killed run on made-up data; for each fault their workspace is put
back, one file is damaged, and a command is run as a person would, twice where the first
time ends with a clear error. Asked: nothing silently wrong, no traceback.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .machine import describe

WORDS = {
    "billing": "invoice charge refund payment price receipt",
    "travel": "flight hotel luggage airport ticket boarding",
    "garden": "tulip shovel compost watering seedling fence",
}
SEED = 20261124
BEGIN = """
import os, sys
from tuneos.agent.plan import plan_run
from tuneos.agent.runs import create_run
from tuneos.agent.session import go_on
from tuneos.agent.spec import RunSpec
def stop(event):
    if sys.argv[3] and event["kind"] == "step_ended" and event["tool"] == sys.argv[3]:
        os._exit(9)
run = create_run(plan_run(RunSpec(data=sys.argv[1], workspace=sys.argv[2], budget="20m",
                                  targets=["macro_f1>=0.8"], seed=7)))
print(run.name, flush=True)
go_on(run, on_event=stop)
"""


@dataclass(frozen=True)
class Fault:
    """What is damaged, how, and the command that meets it.

    Attributes:
        file: Pattern of files in the workspace; one is drawn.
        kind: How; a name in DAMAGE, "read-only" or "disk full".
        moment: "resume", "resume the probe", "predict", "report" or "runs".
    """

    file: str
    kind: str
    moment: str


def flip(content: bytes, rng: random.Random) -> bytes:
    """Flip one bit somewhere."""
    place = rng.randrange(len(content))
    return content[:place] + bytes([content[place] ^ 1 << rng.randrange(8)]) + content[place + 1 :]


DAMAGE: dict[str, Callable[[bytes, random.Random], bytes | None]] = {
    "bit flip": flip,
    "torn": lambda content, rng: content[: rng.randrange(1, len(content))],
    "zeroed": lambda content, rng: content[: len(content) // 2].ljust(len(content), b"\0"),
    "empty": lambda content, rng: b"",
    "gone": lambda content, rng: None,
}


def faults() -> Iterator[Fault]:
    """All of them."""
    table = [
        ("ledger.sqlite", "resume", {"bit flip": 3, "torn": 1, "zeroed": 1, "empty": 1, "gone": 1}),
        ("ledger.sqlite", "runs", {"bit flip": 2, "torn": 1}),
        ("ledger.sqlite", "report", {"bit flip": 2, "gone": 1}),
        ("ledger.sqlite.copy", "resume", {"bit flip": 1}),
        ("ledger.sqlite-wal", "resume", {"bit flip": 1, "torn": 1}),
        ("checkpoints.sqlite", "resume", {"bit flip": 4, "torn": 1, "zeroed": 1, "empty": 1}),
        ("checkpoints.sqlite-wal", "resume", {"bit flip": 1, "torn": 1}),
        ("knowledge/store/*", "resume", {"bit flip": 2, "torn": 2, "gone": 2}),
        ("knowledge/journal.txt", "resume", {"bit flip": 1, "torn": 1}),
        ("artifacts/*/train.jsonl", "resume the probe", {"bit flip": 1, "torn": 1, "gone": 1}),
        ("artifacts/*/tfidf_linear/*", "resume", {"bit flip": 2, "torn": 1, "gone": 1}),
        ("artifacts/*/outcome.json", "resume", {"bit flip": 1}),
        ("artifacts/*/MANIFEST.json", "resume", {"bit flip": 1, "gone": 1}),
        ("cache/*.npy", "resume the probe", {"bit flip": 2, "torn": 1}),
        ("runs/*/model/*", "predict", {"bit flip": 5, "torn": 2, "empty": 1, "gone": 2}),
        ("runs/*/report.json", "report", {"bit flip": 1, "torn": 1}),
        ("runs/*/spec.yaml", "resume", {"bit flip": 1}),
        ("workspace", "resume", {"read-only": 1, "disk full": 3}),
        ("workspace", "report", {"read-only": 1}),
        ("workspace", "runs", {"read-only": 1}),
    ]  # fmt: skip
    for file, moment, kinds in table:
        for kind, count in kinds.items():
            yield from [Fault(file, kind, moment)] * count


class Place:
    """The workspace that is put back before each fault, and the commands on it."""

    def __init__(self, folder: Path) -> None:
        self.workspace = folder / "work"
        self.data, self.texts = folder / "tickets.csv", folder / "texts.txt"
        rows = [
            (f"about the {a} and {b} case {n}", label)
            for label, words in WORDS.items()
            for n, (a, b) in enumerate((a, b) for a in words.split() for b in words.split())
        ]
        lines = "".join(f"{text},{label}\n" for text, label in rows)
        self.data.write_text("text,label\n" + lines, encoding="utf-8")
        self.texts.write_text("\n".join(text for text, _ in rows[::3]), encoding="utf-8")
        self.saved = {name: folder / name for name in ("done", "resume", "resume the probe")}
        self.finished = self._begin("")
        self.keep("done")
        probe = next((self.workspace / "artifacts").glob("*/tfidf_linear")).parent
        self.killed = self._begin("probe_baselines")
        self.keep("resume")
        self.probe_killed = self._begin("query_knowledge")
        shutil.rmtree(probe)
        self.keep("resume the probe")

    def _begin(self, stop_at: str) -> str:
        done = subprocess.run(
            [sys.executable, "-P", "-W", "ignore", "-c", BEGIN, self.data, self.workspace, stop_at],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != (9 if stop_at else 0):
            raise RuntimeError(done.stderr)
        return done.stdout.split()[0]

    def keep(self, name: str) -> None:
        """Save the workspace as it is."""
        shutil.copytree(self.workspace, self.saved[name])

    def put_back(self, moment: str) -> None:
        """Put the workspace back as it was saved for a moment, in the same place."""
        if os.path.ismount(self.workspace):
            subprocess.run(["umount", self.workspace], check=True)
        shutil.rmtree(self.workspace, ignore_errors=True)
        shutil.copytree(self.saved.get(moment, self.saved["done"]), self.workspace)

    def command(self, moment: str) -> subprocess.CompletedProcess[str]:
        """Run the command of a moment."""
        run = {"resume": self.killed, "resume the probe": self.probe_killed}.get(moment)
        commands: dict[str, list[str | Path]] = {
            "predict": ["predict", self.workspace / "runs" / self.finished / "model", self.texts],
            "report": ["report", self.finished, "--workspace", self.workspace],
            "runs": ["runs", "--json", "--workspace", self.workspace],
        }
        words = commands.get(moment, ["resume", str(run), "--json", "--workspace", self.workspace])
        return subprocess.run(
            [sys.executable, "-P", "-m", "tuneos.agent.cli", *words],
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )


def outcome(moment: str, said: str) -> Any:
    """What must not change silently: the result without its times and paths."""
    if not moment.startswith("resume"):
        return said
    result = json.loads(said)
    names = ("met", "stop_reason", "chosen", "targets", "test", "baselines", "comparisons")
    kept = {name: result[name] for name in names}
    return {**kept, "candidates": [(c["name"], c["validation"]) for c in result["candidates"]]}


def told(place: Place, moment: str) -> bool:
    """Whether the report of a resumed run notes something."""
    run = place.killed if moment == "resume" else place.probe_killed
    path = place.workspace / "runs" / run / "report.json"
    return path.is_file() and bool(json.loads(path.read_text(encoding="utf-8"))["notes"])


def strike(place: Place, fault: Fault, rng: random.Random) -> list[str]:
    """Damage something; return the names that an error may call it by."""
    if fault.file == "workspace":
        used = sum(p.stat().st_size for p in place.workspace.rglob("*") if p.is_file())
        size = used + rng.choice([100_000, 300_000, 700_000]) + 4096 * 80
        saved = place.saved.get(fault.moment, place.saved["done"])
        room = size if fault.kind == "disk full" else 4 * used
        mount = ["mount", "-t", "tmpfs", "-o", f"size={room}", "tmpfs", str(place.workspace)]
        subprocess.run(mount, check=True)
        shutil.copytree(saved, place.workspace, dirs_exist_ok=True)
        if fault.kind == "read-only":
            subprocess.run(["mount", "-o", "remount,ro", place.workspace], check=True)
        return [str(place.workspace)]
    found = sorted(p for p in place.workspace.glob(fault.file) if p.is_file() and p.stat().st_size)
    run = place.killed if fault.moment == "resume" else place.probe_killed
    if fault.file.startswith("runs/"):
        run = run if fault.moment.startswith("resume") else place.finished
        found = [p for p in found if run in p.parts]
    if not found:
        return []
    path = rng.choice(found)
    after = DAMAGE[fault.kind](path.read_bytes(), rng)
    if after is None:
        path.unlink()
    else:
        path.write_bytes(after)
    names = [path.name.removesuffix("-wal").removesuffix(".copy")]
    return [*names, path.parent.name] if "artifacts" in path.parts else names


def judge(place: Place, fault: Fault, usual: Any, rng: random.Random) -> tuple[str, str]:
    """Meet one fault; return its verdict and the last words on stderr."""
    place.put_back(fault.moment)
    names = strike(place, fault, rng)
    if not names:
        return "no such file", ""
    first = place.command(fault.moment)
    verdict, words = _verdict(place, fault, usual, names, first)
    if verdict == "clear error" and fault.file != "workspace":
        second = place.command(fault.moment)
        again, _ = _verdict(place, fault, usual, names, second)
        if again in {"same result", "restored and said"}:
            return "clear error, then restored", words
        if again in {"SILENTLY WRONG", "TRACEBACK"}:
            return again, words
    return verdict, words


def _verdict(
    place: Place,
    fault: Fault,
    usual: Any,
    names: list[str],
    done: subprocess.CompletedProcess[str],
) -> tuple[str, str]:
    words = " ".join(done.stderr.split())
    if "Traceback" in done.stderr or done.returncode not in {0, 2, 3}:
        return "TRACEBACK", done.stderr[-1500:]
    if done.returncode == 2:
        error = words[words.rfind("error:") :]
        error = error if error else " ".join(done.stdout.split())
        named = any(name in error + done.stdout for name in names)
        return ("clear error" if named else "UNNAMED ERROR"), error or done.stdout[-300:]
    same = outcome(fault.moment, done.stdout) == usual
    noted = fault.moment.startswith("resume") and told(place, fault.moment)
    if same:
        return ("restored and said" if noted else "same result"), words[-200:]
    return ("changed and said" if noted else "SILENTLY WRONG"), done.stdout[-300:]


def main() -> int:
    """Print the table by file and fault; 1 unless nothing is silently wrong or a traceback."""
    print(describe())
    rng = random.Random(SEED)
    with tempfile.TemporaryDirectory() as folder:
        place = Place(Path(folder))
        usual = {}
        for moment in ("resume", "resume the probe", "predict", "report", "runs"):
            place.put_back(moment)
            done = place.command(moment)
            if done.returncode:
                raise RuntimeError(done.stderr)
            usual[moment] = outcome(moment, done.stdout)
        met: Counter[tuple[str, str, str, str]] = Counter()
        try:
            for fault in sorted(faults(), key=lambda f: (f.moment, rng.random())):
                verdict, words = judge(place, fault, usual[fault.moment], rng)
                met[fault.file, fault.moment, fault.kind, verdict] += 1
                if verdict.isupper() or "-v" in sys.argv:
                    print(
                        f"{fault.file} {fault.kind} at {fault.moment}: {verdict}: {words}",
                        flush=True,
                    )
        finally:
            if os.path.ismount(place.workspace):
                subprocess.run(["umount", place.workspace], check=True)
    print(f"{'file':32}{'at':18}{'fault':12}{'times':>5}  what came of it")
    for (file, moment, kind, verdict), count in met.items():
        print(f"{file:32}{moment:18}{kind:12}{count:>5}  {verdict}")
    totals = Counter(dict.fromkeys(("SILENTLY WRONG", "TRACEBACK"), 0))
    for (*_, verdict), count in met.items():
        totals[verdict] += count
    print(f"{sum(met.values())} faults: " + ", ".join(f"{n} {v}" for v, n in totals.items()))
    return int(any(n for v, n in totals.items() if v.isupper()))


if __name__ == "__main__":
    sys.exit(main())
