"""A hyperparameter search as a job: Optuna draws, workers train, the best is kept."""

from __future__ import annotations

import errno
import math
import shutil
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from ...evals.result import Curve, TrialRecord
from ..facts import Candidate, JobProgress, OnProgress, Outcome
from ..jobs.child import DISK_FULL, OUT_OF_MEMORY
from ..jobs.run import RESTARTS
from ..jobs.running import OUT_OF_MEMORY_WORDS
from ..jobs.spec import JobSpec
from .crew import Crew, Member
from .results import Drawn, TrialResult, TrialResults
from .sampling import ROBUST, draw, hardens, known, next_number
from .storage import open_study, record
from .worker import Task, failed, settings_for

LOOK_EVERY = 0.5  # seconds
OVERTIME = 15.0  # seconds that a worker may take to end its trial after the time is up
MOST_DEATHS = 3  # workers that may die of errors before the search ends with what it has
USUAL_SHARE = 0.5  # of a usual trial's time must be left to begin another


def run(spec: JobSpec, folder: Path, on_progress: OnProgress) -> Outcome:
    """Search until the trials or the time are used up; return the best trial as a candidate.

    A trial whose worker is killed goes on from its last checkpoint; one whose worker
    dies of memory, or again and again, is recorded as failed. A search that was cut
    off goes on: trials that had ended are kept, those under way continued, and the
    rest is drawn as it would have been.
    """
    results = TrialResults(Path(spec.checkpoints))
    search = _Search(spec, results, results.read())
    study = open_study(spec, anew=not search.ended, on_damage=search.notes.append)
    deadline = math.inf if spec.seconds is None else time.monotonic() + spec.seconds
    crew = Crew(folder / "job.json")
    try:
        while search.hand_out(crew, deadline):
            record(study, spec, search.ended)
            on_progress(search.progress(crew))
            crew.wait(LOOK_EVERY)
            search.look_after(crew)
            if time.monotonic() > deadline + OVERTIME:
                search.notes.append("the time was up; unfinished trials were given up")
                break
    finally:
        crew.dismiss()
    search.give_up()
    record(study, spec, search.ended)
    on_progress(search.progress(crew))
    return outcome(spec, search.ended, results, folder, search.notes)


@dataclass
class _Search:
    """How far a search is.

    Attributes:
        ended, begun: Trials with a result, and under way, by number.
        notes: For the report.
        deaths: Workers that died of errors.
        kills: How often a trial's worker was killed.
        softened: How many times a trial's settings are made gentler, as its worker was killed
            for memory.
    """

    spec: JobSpec
    results: TrialResults
    ended: dict[int, TrialResult]
    begun: dict[int, Drawn] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    deaths: int = 0
    kills: Counter[int] = field(default_factory=Counter)
    softened: Counter[int] = field(default_factory=Counter)

    def hand_out(self, crew: Crew, deadline: float) -> bool:
        """Give every worker without a task the next one there is; False when nothing goes on."""
        orphaned = [d for n, d in self.begun.items() if n not in _at_work(crew)]
        while self.deaths <= MOST_DEATHS:
            idle = next((m for m in crew.members if m.task is None and m.alive), None)
            if idle is None and len(crew.members) >= self.spec.workers:
                break
            drawn = orphaned.pop(0) if orphaned else self._next(deadline)
            if drawn is None:
                break
            self.begun[drawn.number] = drawn
            crew.give(idle or crew.hire(), self._task(drawn, deadline))
        return bool(self.begun) and (self.deaths <= MOST_DEATHS or bool(_at_work(crew)))

    def look_after(self, crew: Crew) -> None:
        """Take in what has ended; mind those that died."""
        for number in [n for n in self.begun if n not in _at_work(crew)]:
            self._take_in(number)
        for member in crew.fallen():
            if member.task is not None and not self._take_in(member.task.number):
                self._mourn(member, member.task)
            elif member.process.returncode:
                self._count(member)

    def give_up(self) -> None:
        """End with what there is."""
        for number, drawn in list(self.begun.items()):
            if not self._take_in(number):
                self.ended[number] = failed(drawn, self.spec, "its worker ended")

    def progress(self, crew: Crew) -> JobProgress:
        """How far all of it is."""
        told = [m.latest for m in crew.members if m.task and m.latest]
        done, trials = len(self.ended), self.spec.what.trials
        values = [r.value for r in self.ended.values() if r.value is not None]
        return JobProgress(
            share=min(1.0, (done + sum(p.share for p in told)) / max(1, trials)),
            text=f"trial {min(done + 1, trials)} of {trials}",
            best=max(values, default=None),
            rate=sum(p.rate or 0 for p in told) or None,
        )

    def _next(self, deadline: float) -> Drawn | None:
        number = next_number(self.spec, set(self.ended), set(self.begun))
        seconds = [r.seconds for r in self.ended.values() if r.seconds]
        if number is None or not time_for_another(deadline - time.monotonic(), seconds):
            return None
        return draw(self.spec, [self.ended.get(n) or self.begun[n] for n in range(number)])

    def _task(self, drawn: Drawn, deadline: float) -> Task:
        before = [self.ended[n] for n in range(known(self.spec, drawn.number))]
        left = max(0.0, deadline - time.monotonic() - self.spec.answering)
        return Task(
            drawn=drawn,
            earlier=tuple(r.values for r in before if r.state == "complete"),
            softened=max([self.softened[drawn.number], *(r.softened for r in before)]),
            seconds=left if math.isfinite(left) else None,
        )

    def _take_in(self, number: int) -> bool:
        """Read a trial's result, if there is one."""
        result = self.results.result(number)
        if result is None:
            return False
        self.ended[number] = result
        self.begun.pop(number, None)
        return True

    def _mourn(self, member: Member, drawn: Drawn) -> None:
        """A worker died over a trial: it is begun again, or failed."""
        code = member.process.returncode
        if code == DISK_FULL:
            raise OSError(errno.ENOSPC, "No space left on device")
        why = f"its worker died (exit code {code})"
        self.kills[drawn.number] += 1
        if member.starved or code == OUT_OF_MEMORY:
            why = OUT_OF_MEMORY_WORDS
            softer = self._task(drawn, math.inf).softened + 1
            if settings_for(Task(drawn=drawn, softened=softer), self.spec) is not None:
                self.softened[drawn.number] = softer
                return
        elif code < 0 and self.kills[drawn.number] <= RESTARTS:
            return
        elif code >= 0:
            self._count(member)
        result = failed(drawn, self.spec, why)
        self.results.keep(drawn.number, lambda _: result)
        self._take_in(drawn.number)

    def _count(self, member: Member) -> None:
        self.deaths += 1
        self.notes.append(f"a search worker died (exit code {member.process.returncode})")


def _at_work(crew: Crew) -> set[int]:
    return {m.task.number for m in crew.members if m.task is not None}


def time_for_another(left: float, seconds: list[float]) -> bool:
    """Tell whether enough of a usual trial's time is left to begin one more."""
    usual = sum(seconds) / len(seconds) if seconds else 0.0
    return left > USUAL_SHARE * usual


def outcome(
    spec: JobSpec,
    ended: dict[int, TrialResult],
    results: TrialResults,
    folder: Path,
    notes: list[str],
) -> Outcome:
    """Put the best trial's model into the job's folder, and everything on record."""
    trials = [ended[n] for n in sorted(ended)]
    records = tuple(_record(spec, t) for t in trials)
    count = sum(t.state == "failed" for t in trials)
    if count:
        notes = [*notes, f"{count} of {len(trials)} trials failed; the search went on without them"]
    gentler = sum(t.softened > 0 and t.state != "failed" for t in trials)
    if gentler:
        said = next(t.note for t in trials if t.softened and t.state != "failed")
        notes = [*notes, f"{gentler} of {len(trials)} trials were made gentler; one {said}"]
    complete = [t for t in trials if t.state == "complete" and t.value is not None and t.curve]
    if not complete:
        return Outcome(trials=records, notes=tuple(notes))
    best = max(complete, key=lambda t: (t.value, -t.number))
    place = f"trial-{best.number}"
    shutil.copytree(results.model(best.number), folder / place)
    candidate = Candidate(
        name=spec.name,
        strategy=str(best.settings["strategy"]),
        settings=best.settings,
        validation=best.scores,
        seconds=sum(t.seconds for t in trials),
        folder=place,
        data=spec.data_name,
    )
    curve = Curve.model_validate({**best.curve.model_dump(), "candidate": spec.name})  # type: ignore[union-attr]
    return Outcome(candidates=(candidate,), curves=(curve,), trials=records, notes=tuple(notes))


def _record(spec: JobSpec, trial: TrialResult) -> TrialRecord:
    reached = trial.values[-1] if trial.state == "pruned" and trial.values else trial.value
    return TrialRecord(
        number=trial.number,
        state=trial.state,
        value=reached,
        settings=trial.settings,
        seconds=trial.seconds,
        note=f"{spec.name}: {trial.note}" if trial.note else "",
        metric=ROBUST if hardens(spec) and trial.state == "complete" else "",
    )
