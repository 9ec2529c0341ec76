"""Try what the domain graph says on a candidate's answers; make a candidate where it pays."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from ...evals.measures import score
from ...evals.metrics import FloatArray
from ..deployment.model import load_model
from ..facts import Candidate, JobProgress, OnProgress, Outcome
from ..jobs.spec import JobSpec
from ..training.data import JobData
from ..training.hardware import pin_threads
from ..training.measure import costs_of, sliced_scores
from .facts import Source
from .fit import best_use, fit_uses
from .kept import read_facts
from .use import applied, write_knowledge

STRATEGY = "knowledge"


def run(spec: JobSpec, folder: Path, on_progress: OnProgress) -> Outcome:
    """Fit the strength of each kind of knowledge, and save the model with those that pay.

    Args:
        spec: `what.models` names the candidate and its folder, `what.space` the strengths to try
            for each kind, `knowledge` the facts.
        folder: Where one pays beyond doubt, the candidate's folder is copied to "model" in it,
            with the facts beside it.
        on_progress: Called as the job goes on.
    """
    start = time.monotonic()
    pin_threads(Path(spec.cache))
    data = JobData.of(spec)
    task, validation = data.task, data.validation
    facts = read_facts(Path(spec.knowledge), str(spec.what.settings["knowledge"]))
    ((name, member),) = spec.what.models

    def tell(done: int, total: int) -> None:
        on_progress(JobProgress(share=0.6 * done / max(1, total), text=f"asking {name}"))

    answers = load_model(Path(member)).answers(validation, tell, prepared=True)

    def stats_of(strengths: Mapping[Source, float]) -> dict[str, FloatArray]:
        return task.stats(validation, applied(facts, strengths, validation, answers))

    on_progress(JobProgress(share=0.7, text="fitting how far the knowledge is trusted"))
    grids = {cast(Source, s["setting"]): _numbers(s) for s in spec.what.space}
    parts, seed = int(spec.what.settings["folds"]), spec.what.seed
    fitted = fit_uses(stats_of, grids, spec.what.metric, parts=parts, seed=seed)
    best = best_use(fitted, spec.what.metric)
    uses = tuple(f.use.model_copy(update={"candidate": name, "used": f is best}) for f in fitted)
    if best is None:
        return Outcome(knowledge=uses)
    shutil.copytree(member, folder / "model")
    write_knowledge(folder / "model", facts, best.strengths)
    scores = score(best.stats, task.metrics) | sliced_scores(best.stats, validation, spec)
    if spec.what.measured:
        scores |= costs_of(load_model(folder / "model"), validation, spec)
    candidate = Candidate(
        name=spec.name,
        strategy=STRATEGY,
        settings={"of": name, **{f"strength of {s}": v for s, v in best.strengths.items()}},
        validation=scores,
        seconds=time.monotonic() - start,
        folder="model",
        data=spec.data_name,
    )
    return Outcome(candidates=(candidate,), knowledge=uses)


def _numbers(parameter: Mapping[str, Any]) -> tuple[float, ...]:
    return tuple(float(choice) for choice in parameter["choices"])
