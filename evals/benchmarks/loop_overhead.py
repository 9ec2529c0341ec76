"""What a step costs beside its tool: `python -m tuneos.evals.benchmarks.loop_overhead`.

The same fake model and the same tool, which do nothing, in our loop and in the barest
LangGraph loop (a node for each), both with the SQLite checkpointer and durability "sync",
in one process and in turn. Asked: after 500 steps a step costs what it did after ten.
"""

from __future__ import annotations

import statistics
import sys
import tempfile

from .machine import describe
from .runs import found_by

STEPS = 500
EARLY, LATE = slice(10, 60), slice(450, 500)
MOST_GROWTH = 1.25  # of the median step, late against early; timing noise lies within
SUPERSTEPS = 4  # of a step: decide, gate, act, judge

CODE = """
import json, sqlite3, sys, time, uuid
from pathlib import Path
from typing import Any
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langgraph.graph import MessagesState, StateGraph
from pydantic import BaseModel
from tuneos.agent import controllers
from tuneos.agent.controller import Controller
from tuneos.agent.plan import plan_run
from tuneos.agent.runs import create_run
from tuneos.agent.session import go_on
from tuneos.agent.spec import RunSpec
from tuneos.evals.metrics import METRICS
from tuneos.graphs import standing
from tuneos.memory.checkpoints import open_checkpointer
from tuneos.memory.artifacts import ArtifactStore
from tuneos.tools.facts import Candidate, Facts
from tuneos.tools.registry import TOOLS
from tuneos.tools.tool import Tool, ToolResult

folder, steps = Path(sys.argv[1]), int(sys.argv[2])

class Arguments(BaseModel):
    '''Do nothing.'''
    number: int

class Fake(BaseChatModel):
    asked: int = 0
    @property
    def _llm_type(self): return "fake"
    def bind_tools(self, tools, **kwargs): return self.bind(**kwargs)
    def _generate(self, messages, stop=None, run_manager=None, **kwargs):
        self.asked += 1
        call = {"name": "clean_dataset", "args": {"number": self.asked}, "id": uuid.uuid4().hex,
                "type": "tool_call"}
        message = AIMessage(content="because it is next", tool_calls=[call])
        return ChatResult(generations=[ChatGeneration(message=message)])

WORDS = "It did nothing, and says so in as many words as a tool of ours would usually need. "

made = {"folder": ""}  # an artifact that all candidates share

def nothing(arguments, context, facts, progress):
    found = Facts()
    if arguments.number % 10 == 0:  # a candidate every ten steps, as in a run that is at work
        scores = {name: 0.5 for name in METRICS}
        found = Facts(candidates=(Candidate(name=f"lora-{arguments.number}", strategy="lora",
                      validation=scores, seconds=1.0, folder=made["folder"]),))
    return ToolResult(2 * WORDS, found)

TOOLS["clean_dataset"] = Tool("clean_dataset", Arguments, nothing)
standing.MOST_STEPS = 10 * steps
controllers.check_controller = lambda ref, name: name
controllers.find_controller = lambda ref, name=None: Controller(Fake(), "fake")

def ours(steps):
    data = folder / "rows.csv"
    rows = [f"about the {w} number {n},{w}" for w in ("red", "blue") for n in range(40)]
    data.write_text("text,label\\n" + "\\n".join(rows) + "\\n")
    run = create_run(plan_run(RunSpec(data=str(data), workspace=str(folder / "w"), llm="fake:x")))
    store = ArtifactStore(run.workspace.artifacts)
    with store.writing(store.key({"nothing": 0})) as part:
        (part / "nothing").write_text("")
    made["folder"] = str(store.path(store.key({"nothing": 0})))
    ends = []
    def note(event):
        if event["kind"] == "judged":
            ends.append(time.perf_counter())
            if len(ends) > steps:
                raise KeyboardInterrupt
    try:
        go_on(run, on_event=note)
    except KeyboardInterrupt:
        pass
    with sqlite3.connect(run.workspace.checkpoints) as db:
        found = db.execute("SELECT checkpoint_id, length(checkpoint) + length(metadata)"
                           " FROM checkpoints ORDER BY 1").fetchall()
        writes = dict(db.execute("SELECT checkpoint_id, SUM(length(value)) FROM writes GROUP BY 1"))
    sizes = [size + writes.get(name, 0) for name, size in found]
    return [b - a for a, b in zip(ends, ends[1:])], sizes

def bare(steps):
    model, ends = Fake(), []
    def ask(state):
        return {"messages": [model.bind_tools([]).invoke(state["messages"][-24:])]}
    def act(state):
        call = state["messages"][-1].tool_calls[0]
        nothing(Arguments(**call["args"]), None, None, None)
        ends.append(time.perf_counter())
        return {"messages": [ToolMessage(2 * WORDS, tool_call_id=call["id"])]}
    graph = StateGraph(MessagesState)
    graph.add_node("ask", ask); graph.add_node("act", act)
    graph.add_edge("__start__", "ask"); graph.add_edge("ask", "act")
    graph.add_conditional_edges("act", lambda s: "ask" if len(ends) <= steps else "__end__")
    from langgraph.checkpoint.sqlite import SqliteSaver
    with SqliteSaver.from_conn_string(str(folder / "bare.sqlite")) as saver:
        config = {"configurable": {"thread_id": "1"}, "recursion_limit": 10000}
        for _ in graph.compile(checkpointer=saver).stream({"messages": []}, config,
                                                          durability="sync"):
            pass
    return [b - a for a, b in zip(ends, ends[1:])]

first = bare(60)
laps, sizes = ours(steps)
(folder / "bare.sqlite").unlink()
print("FOUND", json.dumps({"bare": first[10:] + bare(60)[10:], "ours": laps, "sizes": sizes}))
"""


def main() -> int:
    """Print both costs and their growth; 1 when a late step costs more than an early one."""
    print(describe())
    with tempfile.TemporaryDirectory() as folder:
        found = found_by(CODE, folder, str(STEPS))
    early, late = (statistics.median(found["ours"][s]) * 1000 for s in (EARLY, LATE))
    bare = statistics.median(found["bare"]) * 1000
    per_step = [
        sum(found["sizes"][at : at + SUPERSTEPS])
        for at in range(0, len(found["sizes"]) - SUPERSTEPS, SUPERSTEPS)
    ]
    small, large = (statistics.mean(per_step[s]) / 1024 for s in (EARLY, LATE))
    print(f"bare LangGraph loop      {bare:7.1f} ms a step (median of {len(found['bare'])})")
    print(f"our loop, steps 10–60    {early:7.1f} ms, {early / bare:.1f} times; {small:.0f} kB")
    print(f"our loop, steps 450–500  {late:7.1f} ms, {late / early:.2f} of early; {large:.0f} kB")
    return int(late > MOST_GROWTH * early)


if __name__ == "__main__":
    sys.exit(main())
