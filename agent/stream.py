"""Runs as iterators of typed events, and their async twins; nothing is printed."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any, cast

from pydantic import TypeAdapter

from ..evals.result import RunResult
from ..graphs.approval import Answer, Approve, Question
from ..graphs.events import Event, Finished
from ..memory.ledger import Ledger
from .plan import plan_run
from .runs import Run, create_run
from .session import go_on
from .spec import RunSpec

AsyncApprove = Callable[[Question], Awaitable[Answer | bool]]
_EVENTS: TypeAdapter[Event] = TypeAdapter(Event)


def stream_run(run: RunSpec | Run, *, approve: Approve | None = None) -> Iterator[Event]:
    """Run the agent and yield what happens; the last event is `Finished`.

    Closing the iterator pauses the run: `stream_run(find_run(name, workspace))`
    goes on with it.

    Args:
        run: A spec for a new run, or a run to go on with.
        approve: Asked before a costly step, in another thread.

    Raises:
        UserError, TargetError, StoreError: The input is at fault.
        WaitingForPerson: A step needs a yes, and `approve` is missing.
    """
    begun = _begun(run)
    events: queue.Queue[Event | BaseException] = queue.Queue()
    thread = _start(begun, events.put, approve)
    try:
        while True:
            event = events.get()
            if isinstance(event, BaseException):
                raise event
            yield event
            if isinstance(event, Finished):
                return
    finally:
        if thread.is_alive():
            pause(begun)
        thread.join()


async def astream_run(
    run: RunSpec | Run, *, approve: Approve | AsyncApprove | None = None
) -> AsyncIterator[Event]:
    """Do as `stream_run`, for `async for`; `approve` may be a coroutine function."""
    loop = asyncio.get_running_loop()
    begun = await asyncio.to_thread(_begun, run)
    events: asyncio.Queue[Event | BaseException] = asyncio.Queue()

    def put(event: Event | BaseException) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has been closed
            loop.call_soon_threadsafe(events.put_nowait, event)

    thread = _start(begun, put, _blocking(approve, loop))
    try:
        while True:
            event = await events.get()
            if isinstance(event, BaseException):
                raise event
            yield event
            if isinstance(event, Finished):
                return
    finally:
        if thread.is_alive():
            pause(begun)
            await asyncio.shield(asyncio.to_thread(thread.join))


async def arun_agent(
    spec: RunSpec | Run,
    *,
    on_event: Callable[[Event], None] | None = None,
    approve: Approve | AsyncApprove | None = None,
) -> RunResult:
    """Do as `run_agent`, without holding up the event loop; cancelling it pauses the run."""
    events = astream_run(spec, approve=approve)
    async with contextlib.aclosing(cast("Any", events)):
        async for event in events:
            if isinstance(event, Finished):
                return event.result
            if on_event is not None:
                on_event(event)
    raise AssertionError("a stream of events ends with Finished, or raises")


def pause(run: Run) -> None:
    """Ask a run that another thread or process drives to stop; it can go on later."""
    Ledger(run.workspace.ledger).ask_stop(run.name)


def _begun(run: RunSpec | Run) -> Run:
    return create_run(plan_run(run)) if isinstance(run, RunSpec) else run


def _start(
    run: Run, put: Callable[[Event | BaseException], None], approve: Approve | None
) -> threading.Thread:
    """Drive a run in a thread of its own."""

    def tell(event: dict[str, Any]) -> None:
        put(_EVENTS.validate_python(event))

    def drive() -> None:
        try:
            put(Finished(result=go_on(run, on_event=tell, approve=approve)))
        except BaseException as error:  # raised again where the events are read
            put(error)

    thread = threading.Thread(target=drive, name=f"tuneos {run.name}", daemon=True)
    thread.start()
    return thread


def _blocking(
    approve: Approve | AsyncApprove | None, loop: asyncio.AbstractEventLoop
) -> Approve | None:
    """Make a callback of either kind one that the run's thread can wait for."""
    if approve is None:
        return None

    def ask(question: Question) -> Answer | bool:
        said = approve(question)
        if isinstance(said, (Answer, bool)):
            return said

        async def answer() -> Answer | bool:
            return await said

        return asyncio.run_coroutine_threadsafe(answer(), loop).result()

    return ask
