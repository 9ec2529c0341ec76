"""`tuneos eval`: read the suite, run it, show and print the scores."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from rich.console import Console

from ...evals.suites import RunScore, SuiteScores, by_scenario, sum_up, with_regret
from .contender import Contender, read_contenders
from .run import run_suite
from .scenario import Suite, SuiteError, read_suite
from .show import SIDE_BY_SIDE, print_run, print_scenarios, print_scores


def evaluate(
    ref: str,
    controllers: str,
    repeats: int,
    only: str | None,
    workspace: Path | None,
    console: Console,
    *,
    reuse: bool,
    as_json: bool,
) -> SuiteScores:
    """Run a suite and show how well the agent did; Ctrl-C keeps what was run so far.

    Raises:
        UserError: The suite, a controller or the folder cannot be used.
        KeyboardInterrupt: Before the first run had ended.
    """
    suite = choose(read_suite(ref), only)
    contenders = read_contenders(controllers)
    if workspace is not None:
        _check_folder(workspace)
    total = len(suite.scenarios) * len(contenders) * repeats
    console.print(f"[bold]{suite.name}[/bold]: {total} {'run' if total == 1 else 'runs'}")
    found: list[RunScore] = []
    with ExitStack() as stack:
        folder = workspace or Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="tuneos-eval-"))
        )
        status = stack.enter_context(console.status("starting"))

        def tell(line: str) -> None:
            status.update(f"{len(found) + 1} of {total}: {line}")

        try:
            for score in run_suite(suite, contenders, repeats, folder, tell, reuse=reuse):
                found.append(score)
                print_run(console, score)
        except KeyboardInterrupt:
            if not found:
                raise
    scores = gather(suite, contenders, found, complete=len(found) == total)
    if 1 < len(contenders) <= SIDE_BY_SIDE or repeats > 1:
        print_scenarios(console, scores)
    print_scores(console, scores.controllers)
    if not scores.complete:
        console.print(f"[yellow]interrupted after {len(found)} of {total} runs[/yellow]")
    if as_json:
        print(scores.model_dump_json())
    return scores


def gather(
    suite: Suite, contenders: Sequence[Contender], found: Sequence[RunScore], *, complete: bool
) -> SuiteScores:
    """Put the scores of all runs together."""
    runs = with_regret(found, {s.name: s.best_known for s in suite.scenarios})
    of = {c.name: [s for s in runs if s.controller == c.name] for c in contenders}
    return SuiteScores(
        suite=suite.name,
        complete=complete,
        controllers=tuple(sum_up(name, scores) for name, scores in of.items() if scores),
        scenarios=tuple(by_scenario(runs)),
        runs=tuple(runs),
    )


def held(scores: SuiteScores) -> bool:
    """Whether every outcome was right and nothing was violated."""
    return all(s.right and not s.violations for s in scores.runs)


def choose(suite: Suite, only: str | None) -> Suite:
    """The suite with some of its scenarios alone.

    Args:
        only: Their names, with commas; None: all.

    Raises:
        SuiteError: There is no such scenario.
    """
    if only is None:
        return suite
    names = [name.strip() for name in only.split(",")]
    known = [s.name for s in suite.scenarios]
    unknown = next((name for name in names if name not in known), None)
    if unknown is not None:
        raise SuiteError(f"--only: there is no scenario {unknown!r}; known: {', '.join(known)}")
    kept = tuple(s for s in suite.scenarios if s.name in names)
    return suite.model_copy(update={"scenarios": kept})


def _check_folder(folder: Path) -> None:
    """Make the folder for the runs, or refuse one that cannot hold them."""
    if folder.is_file():
        raise SuiteError(f"--workspace {folder}: is a file; name a new folder")
    if folder.is_dir() and any(folder.iterdir()):
        raise SuiteError(f"--workspace {folder}: is already in use; name a new folder")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SuiteError(f"--workspace {folder}: cannot be made: {error.strerror}") from error
