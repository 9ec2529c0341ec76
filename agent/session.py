"""Drive runs: start, go on, to the end or a pause; what the CLI and Python both use."""

from __future__ import annotations

import contextlib
import secrets
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel

from ..evals.result import RunResult
from ..graphs.approval import Approve, Question, WaitingForPerson
from ..memory.checkpoints import open_checkpointer
from ..memory.errors import StoreError
from ..memory.ledger import Ledger
from ..memory.trail import Entry
from ..tools.facts import Facts
from ..tools.guardrails.masking import STAND_INS
from ..tools.guardrails.network import guarded
from ..tools.jobs.running import allow_jobs, interrupt_jobs
from .plan import plan_run
from .runs import Run, create_run
from .signals import on_signals
from .spec import RunSpec
from .wiring import hosts_of, make_context

if TYPE_CHECKING:
    from langgraph.checkpoint.base import BaseCheckpointSaver

COPY_EVERY = 5.0  # seconds between copies of the ledger, made when a step has ended
OnEvent = Callable[[dict[str, Any]], None]
_going: set[tuple[Path, str]] = set()


def run_agent(
    spec: RunSpec, *, on_event: OnEvent | None = None, approve: Approve | None = None
) -> RunResult:
    """Run the agent on a dataset until its targets are met or cannot be.

    Args:
        spec: What to do.
        on_event: Called with each event (graphs/events.py) as a plain dict.
        approve: Asked before a costly step; without it every step goes on.

    Returns:
        The result; `result.met` says whether all targets held on the test split.

    Raises:
        UserError, TargetError, StoreError: The input is at fault.
        WaitingForPerson: A step needs a yes and `approve` is missing; `go_on` with it.
        KeyboardInterrupt: Interrupted; `go_on` goes on.
    """
    return go_on(create_run(plan_run(spec)), on_event=on_event, approve=approve)


def go_on(
    run: Run, *, on_event: OnEvent | None = None, approve: Approve | None = None
) -> RunResult:
    """Start a run, or go on where it was left; a finished one just returns its result."""
    ledger = Ledger(run.workspace.ledger)
    tell = on_event or (lambda _: None)
    with _alone(run):
        ledger.take_run(run.name)
        row = ledger.run(run.name)
        if row.status == "finished" and row.result is not None:
            return RunResult.model_validate(row.result)
        with guarded(hosts_of(run.spec)):
            return _driven(run, ledger, tell, approve)


def _driven(run: Run, ledger: Ledger, tell: OnEvent, approve: Approve | None) -> RunResult:
    """Drive a run that is ours to its end, and note how it stands whatever happens."""
    ledger.release_open(run.name, include_own=True)
    if ledger.trail(run.name):
        _note(run, ledger, "resumed", "it went on from where it was left")

    def restored(text: str) -> None:
        ledger.note(run.name, text)
        tell({"kind": "restored", "text": text})

    try:
        with (
            _interruptible(),
            open_checkpointer(run.workspace.checkpoints, *_checkpointed(restored)) as saver,
        ):
            if saver.get_tuple(_thread(run)) is None and ledger.kept(run.name, "rows"):
                restored(
                    "There was no checkpoint to go on from: the run began anew, and finished jobs "
                    "were reused."
                )
            _stream(run, ledger, saver, tell, approve)
    except KeyboardInterrupt:
        ledger.set_status(run.name, "interrupted")
        _note(run, ledger, "paused", "a person or a signal paused it")
        raise
    except WaitingForPerson:
        ledger.set_status(run.name, "waiting")
        _note(run, ledger, "paused", "a step waits for a person's yes")
        raise
    except BaseException as error:
        with contextlib.suppress(Exception):
            ledger.set_status(run.name, "failed")
            _note(run, ledger, "paused", f"it failed: {type(error).__name__}: {error}"[:300])
        raise
    finally:
        with contextlib.suppress(StoreError):
            ledger.release_open(run.name, include_own=True)
    (run.folder / STAND_INS).unlink(missing_ok=True)  # nobody can look values up from here on
    ledger.keep_copy()
    done = ledger.run(run.name)
    if done.result is None:
        raise StoreError(
            f"run {run.name} ended without a result; resume it: tuneos resume {run.name}"
        )
    return RunResult.model_validate(done.result)


def _note(run: Run, ledger: Ledger, kind: Literal["paused", "resumed"], text: str) -> None:
    """Write into the trail that the run paused or went on."""
    with contextlib.suppress(StoreError):
        key = f"{kind}/{secrets.token_hex(4)}"
        ledger.log(run.name, key, Entry(kind=kind, by="tuneos", text=text))


@contextmanager
def _alone(run: Run) -> Iterator[None]:
    """Refuse to drive a run that another thread of this process drives.

    Raises:
        StoreError: One does.
    """
    refuse_going(run)
    _going.add((run.workspace.root, run.name))
    try:
        yield
    finally:
        _going.discard((run.workspace.root, run.name))


def refuse_going(run: Run) -> None:
    """Refuse where a thread of this process drives the run.

    Raises:
        StoreError: One does.
    """
    if (run.workspace.root, run.name) in _going:
        raise StoreError(f"Run {run.name} is driven by another thread of this process.")


@contextmanager
def _interruptible() -> Iterator[None]:
    """Make Ctrl-C end running jobs too; in other threads than the main one, do nothing."""
    allow_jobs()

    def stop(*_: object) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        interrupt_jobs()
        raise KeyboardInterrupt

    with on_signals((signal.SIGINT, signal.SIGTERM), stop):
        yield


def _stream(
    run: Run,
    ledger: Ledger,
    saver: BaseCheckpointSaver[Any],
    on_event: OnEvent,
    approve: Approve | None,
) -> None:
    """Drive the graph, answering its questions, until it ends."""
    from langgraph.types import Command

    from ..graphs.build import build_graph
    from ..graphs.integrity import refuse_changed

    graph = build_graph(saver)
    config = _thread(run)
    context = make_context(run, ledger, ask=approve is not None)
    begun = bool(graph.get_state(config).values)
    if begun:
        refuse_changed(context.tools)
    copied = time.monotonic()
    given: Any = None if begun else {"messages": [], "facts": Facts(), "steps": []}
    while True:
        question: dict[str, Any] | None = None
        for mode, chunk in graph.stream(
            given, config, context=context, stream_mode=["custom", "updates"], durability="sync"
        ):
            if ledger.stop_asked(run.name):
                raise KeyboardInterrupt
            if mode == "custom":
                on_event(chunk)  # type: ignore[arg-type]
            elif isinstance(chunk, dict) and "__interrupt__" in chunk:
                question = chunk["__interrupt__"][0].value
            elif "judge" in chunk and time.monotonic() - copied > COPY_EVERY:
                ledger.keep_copy()
                copied = time.monotonic()
        if question is None:
            pending = [i.value for t in graph.get_state(config).tasks for i in t.interrupts]
            question = pending[0] if pending else None
        if question is None:
            return
        given = Command(resume=_answered(question, approve))


def _thread(run: Run) -> Any:
    """The thread of the graph that a run is."""
    return {"configurable": {"thread_id": run.name}, "recursion_limit": 10_000}


def _answered(question: dict[str, Any], approve: Approve | None) -> Any:
    """Ask; without anybody to ask, the run waits."""
    asked = Question.model_validate(question)
    if approve is None:
        raise WaitingForPerson(asked)
    said = approve(asked)
    return said if isinstance(said, bool) else said.model_dump()


def _checkpointed(
    restored: Callable[[str], None],
) -> tuple[tuple[type[BaseModel], ...], Callable[[str], None], tuple[str, ...]]:
    from ..graphs.state import CHECKPOINTED, GROWING

    return CHECKPOINTED, restored, GROWING
