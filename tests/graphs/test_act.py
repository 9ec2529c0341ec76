from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from tuneos.graphs.act import _reserved, _with_own_time
from tuneos.graphs.state import Call
from tuneos.memory.ledger import Ledger
from tuneos.tools.tool import ToolContext


@dataclass(frozen=True)
class _Tools:
    """The fields of a ToolContext that matter here."""

    seconds_left: Any
    run: str = "r"
    ledger: Any = None
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


def test_call_whose_reservation_was_settled_gets_no_more_than_is_left(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.sqlite")
    number = ledger.reserve("r", "seconds", 220.0)
    tools = cast(ToolContext, _Tools(lambda: 90.0, "r", ledger, lambda: 5))
    call = _call(reserved=220.0).model_copy(update={"reservation": number, "reserved_trials": 8})
    assert _reserved(call, tools) == call  # no crash, no change
    ledger.note_spent(number, 30.0)
    ledger.release_open("r", include_own=True)
    again = _reserved(call, tools)
    assert (again.reserved, again.reserved_trials) == (90.0, 5)
    assert again.reservation != number
    spending = ledger.spending("r")
    assert (spending["seconds"].spent, spending["seconds"].reserved) == (30.0, 90.0)
    assert spending["trials"].reserved == 5
