from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

from tuneos.graphs.act import _with_own_time
from tuneos.graphs.state import Call
from tuneos.tools.tool import ToolContext


@dataclass(frozen=True)
class _Tools:
    """The fields of a ToolContext that matter here."""

    seconds_left: Any
    trials_left: Any = lambda: None


def _call(reserved: float) -> Call:
    return Call(
        id="1",
        tool="fine_tune",
        arguments={},
        reason="",
        estimate=reserved,
        reservation=1,
        reserved=reserved,
    )


def test_tool_may_use_what_was_set_aside_for_it() -> None:
    others_leave = _Tools(seconds_left=lambda: 100.0)
    own = _with_own_time(cast(ToolContext, others_leave), _call(reserved=220.0))
    assert own.seconds_left() == 320.0


def test_tool_without_a_budget_has_no_limit() -> None:
    unlimited = _Tools(seconds_left=lambda: None)
    assert _with_own_time(cast(ToolContext, unlimited), _call(reserved=9.0)).seconds_left() is None
