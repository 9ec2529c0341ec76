"""The loop, whole:

prepare → decide → gate → act → judge ─┬→ decide
                                       └→ confirm → report

The LLM proposes (decide), the OS decides (gate, judge, confirm).
"""

from __future__ import annotations

from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph

from .act import act
from .confirm import confirm
from .context import RunContext
from .decide import decide
from .gate import gate, to_act
from .judge import after_judge, judge
from .prepare import prepare
from .report import report
from .state import ActInput, State
from .timing import charged


def build_graph(
    checkpointer: BaseCheckpointSaver[Any] | None = None,
) -> CompiledStateGraph[State, RunContext, State, State]:
    """Compile the loop; a run is one thread of it."""
    graph = StateGraph(State, context_schema=RunContext)
    graph.add_node("prepare", charged(prepare))  # snapshot, splits, seal
    graph.add_node("decide", charged(decide))  # the controller proposes
    graph.add_node("gate", charged(gate))  # code checks: arguments, budget, vetoes, approval
    graph.add_node("act", act, input_schema=ActInput)  # one tool call
    graph.add_node("judge", charged(judge))  # targets met? worth going on?
    graph.add_node("confirm", charged(confirm))  # the test split, once
    graph.add_node("report", charged(report))  # HTML, JSON, model card, knowledge graph
    graph.add_edge(START, "prepare")
    graph.add_edge("prepare", "decide")
    graph.add_edge("decide", "gate")
    graph.add_conditional_edges("gate", to_act, ["act", "judge"])  # one Send per call
    graph.add_edge("act", "judge")
    graph.add_conditional_edges("judge", after_judge, ["decide", "confirm"])
    graph.add_edge("confirm", "report")
    graph.add_edge("report", END)
    return graph.compile(checkpointer=checkpointer, name="tuneos")
