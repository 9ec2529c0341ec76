"""`tuneos eval`: read the suite, run it, show and print the scores."""

from __future__ import annotations

import json
import tempfile
from contextlib import ExitStack
from pathlib import Path

from rich.console import Console

from ...evals.suites import RunScore, sum_up, with_regret
from ..controllers import check_controller
from .run import PLANNER, run_suite
from .scenario import Suite, SuiteError, read_suite
from .show import print_run, print_scores


def evaluate(
    ref: str,
    controllers: list[str],
    repeats: int,
    only: str | None,
    workspace: Path | None,
    console: Console,
    *,
    as_json: bool,
) -> bool:
    """Run a suite; whether every outcome was right and nothing was violated.

    Raises:
        UserError: The suite, a controller or the folder cannot be used.
    """
    suite = _chosen(read_suite(ref), only)
    for controller in controllers:
        check_controller(None if controller == PLANNER else controller)
    if workspace is not None and workspace.exists() and any(workspace.iterdir()):
        raise SuiteError(f"--workspace {workspace}: is already in use; name a new folder")
    total = len(suite.scenarios) * len(controllers) * repeats
    console.print(f"[bold]{suite.name}[/bold]: {total} runs. {suite.about}")
    found: list[RunScore] = []
    with ExitStack() as stack:
        folder = workspace or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        status = stack.enter_context(console.status("starting"))

        def tell(line: str) -> None:
            status.update(f"{len(found) + 1} of {total}: {line}")

        for score in run_suite(suite, controllers, repeats, folder, tell):
            found.append(score)
            print_run(console, score)
    scores = with_regret(found, {s.name: s.best_known for s in suite.scenarios})
    summed = [sum_up(c, [s for s in scores if s.controller == c]) for c in controllers]
    print_scores(console, summed)
    if as_json:
        said = {
            "suite": suite.name,
            "controllers": [s.model_dump(mode="json") for s in summed],
            "runs": [s.model_dump(mode="json") for s in scores],
        }
        print(json.dumps(said))
    return all(s.right and not s.violations for s in scores)


def _chosen(suite: Suite, only: str | None) -> Suite:
    if only is None:
        return suite
    names = only.split(",")
    unknown = set(names) - {s.name for s in suite.scenarios}
    if unknown:
        known = ", ".join(s.name for s in suite.scenarios)
        raise SuiteError(f"--only: there is no scenario {sorted(unknown)[0]!r}; known: {known}")
    kept = tuple(s for s in suite.scenarios if s.name in names)
    return suite.model_copy(update={"scenarios": kept})
