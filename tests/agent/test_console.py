"""What the terminal says at the end of a run."""

from __future__ import annotations

import io

from fakes import Ran
from rich.console import Console
from tuneos.agent.console import print_result, spending
from tuneos.evals.result import RunResult, Spending


def shown(result: RunResult) -> str:
    out = io.StringIO()
    print_result(Console(file=out, width=80), result)
    return " ".join(out.getvalue().split())


def test_end_says_that_the_planner_took_over_and_why(met: Ran) -> None:
    changed = {"controller": "openai:x, then rule-based planner", "taken_over": "no answer"}
    said = shown(met.result.model_copy(update=changed))
    assert "openai:x was replaced by the rule-based planner: no answer" in said
    assert "replaced" not in shown(met.result)


def test_all_that_was_spent_is_told_with_its_limit(met: Ran) -> None:
    budget = {
        "seconds": Spending(limit=90.0, spent=61.2),
        "tokens": Spending(limit=None, spent=12_345),
        "usd": Spending(limit=0.5, spent=0.01234),
        "trials": Spending(limit=8, spent=0),
    }
    result = met.result.model_copy(update={"budget": budget})
    assert spending(result) == "61 of 90 s, 12,345 tokens, $0.0123 of $0.5000"
    assert "spent 61 of 90 s" in shown(result)
