"""Runs from Python: iterators of events, async twins, and the documented examples."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from fakes import FAKE, PROBE, Scripted, controlled_by
from tuneos.agent import (
    Answer,
    Question,
    RunSpec,
    arun_agent,
    astream_run,
    find_run,
    run_agent,
    stream_run,
)
from tuneos.agent.spec import make_spec
from tuneos.graphs.approval import WaitingForPerson
from tuneos.graphs.events import Finished, StepEnded
from tuneos.memory.ledger import Ledger
from tuneos.tools.errors import UserError

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def spec(tickets: Path, tmp_path: Path) -> RunSpec:
    said = {"data": str(tickets), "workspace": str(tmp_path / "w"), "llm": FAKE}
    return make_spec({**said, "targets": ["macro_f1>=0.8"]}, "test")


def asking(spec: RunSpec, tmp_path: Path) -> RunSpec:
    """The same run, where the probes need a yes."""
    policy = tmp_path / "policy.yaml"
    policy.write_text("ask: [{tool: probe_baselines}]")
    return spec.model_copy(update={"policy": str(policy), "approve": "ask"})


def test_events_are_typed_and_end_with_the_result(spec: RunSpec) -> None:
    with controlled_by(Scripted(turns=[PROBE])):
        events = list(stream_run(spec))
    assert [e.tool for e in events if isinstance(e, StepEnded)] == ["probe_baselines", "confirm"]
    last = events[-1]
    assert isinstance(last, Finished)
    assert last.result.met


def test_closed_iterator_pauses_the_run_which_goes_on_later(spec: RunSpec) -> None:
    with controlled_by(Scripted(turns=[PROBE, PROBE])):
        events = stream_run(spec)
        assert next(events).kind == "prepared"
        events.close()  # type: ignore[attr-defined]
        workspace = Path(spec.workspace)
        (row,) = Ledger(workspace / "ledger.sqlite").runs()
        assert row.status == "interrupted"
        last = list(stream_run(find_run(row.run, workspace)))[-1]
    assert isinstance(last, Finished)
    assert last.result.run == row.run


def test_user_mistakes_are_raised_where_the_events_are_read(spec: RunSpec) -> None:
    with pytest.raises(UserError, match=r"nowhere\.csv"):
        next(stream_run(spec.model_copy(update={"data": "nowhere.csv", "llm": None})))


def test_run_that_needs_a_yes_waits_without_a_callback(spec: RunSpec, tmp_path: Path) -> None:
    with controlled_by(Scripted(turns=[PROBE])), pytest.raises(WaitingForPerson):
        list(stream_run(asking(spec, tmp_path)))


def test_async_twin_gives_the_same_result(spec: RunSpec, tmp_path: Path) -> None:
    with controlled_by(Scripted(turns=[PROBE])):
        plain = run_agent(spec)
    seen: list[str] = []
    other = spec.model_copy(update={"workspace": str(tmp_path / "w2")})
    with controlled_by(Scripted(turns=[PROBE])):
        awaited = asyncio.run(arun_agent(other, on_event=lambda e: seen.append(e.kind)))
    assert awaited.test == plain.test
    assert awaited.chosen == plain.chosen
    assert seen[0] == "prepared"
    assert "finished" not in seen


def test_callback_may_be_a_coroutine_function(spec: RunSpec, tmp_path: Path) -> None:
    asked: list[Question] = []

    async def approve(question: Question) -> Answer:
        await asyncio.sleep(0)
        asked.append(question)
        return Answer(decision="approve")

    with controlled_by(Scripted(turns=[PROBE])):
        assert asyncio.run(arun_agent(asking(spec, tmp_path), approve=approve)).met
    assert [q.tool for q in asked] == ["probe_baselines"]


def test_cancelled_task_pauses_its_run(spec: RunSpec) -> None:
    async def first_event() -> None:
        async for event in astream_run(spec):
            assert event.kind == "prepared"
            raise asyncio.CancelledError

    with controlled_by(Scripted(turns=[PROBE, PROBE])):
        with pytest.raises(asyncio.CancelledError):
            asyncio.run(first_event())
        (row,) = Ledger(Path(spec.workspace) / "ledger.sqlite").runs()
        assert row.status == "interrupted"


def test_documented_examples_run_as_they_stand(
    tickets: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tickets.csv").write_bytes(tickets.read_bytes())
    text = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    names: dict[str, Any] = {}
    for block in re.findall(r"```python\n(.*?)```", text, flags=re.S):
        exec(block, names)  # our own documentation
    said = capsys.readouterr()
    assert said.out.startswith("True tfidf_linear")
    assert "targets_met" in said.out
    assert said.err == ""


def test_call_inside_a_running_event_loop_works_and_prints_nothing(
    tickets: Path, tmp_path: Path
) -> None:
    code = (
        "import asyncio, sys\nfrom tuneos.agent import RunSpec, run_agent\n"
        "spec = RunSpec(data=sys.argv[1], workspace=sys.argv[2], budget='5s',"
        " targets=('accuracy>=0.9',))\n"
        "async def cell():\n"  # as a notebook's cell is run
        "    return run_agent(spec)\n"
        "sys.exit(asyncio.run(cell()).stop_reason != 'budget_spent')"
    )
    words = [sys.executable, "-c", code, str(tickets), str(tmp_path / "w")]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_importing_the_interface_is_light() -> None:
    code = (
        "import sys, tuneos.agent; print([m for m in ('torch', 'langgraph') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
