"""What a local LLM reads, and in how few words it can be said."""

from __future__ import annotations

import json

import pytest
from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)
from tuneos.agent.local.prompt import (
    Turn,
    brief_state,
    cut,
    in_turn,
    plainly,
    prompts,
    unmarked,
)
from tuneos.tools.registry import TOOLS

SCHEMAS = [tool.schema() for tool in TOOLS.values()]
STATE = {
    "metric": "macro_f1",
    "targets": [{"target": "macro_f1>=0.9"}],
    "candidates": [{"name": f"full-{i}", "value": 0.5} for i in range(9)],
    "strategies": [
        {"name": "lora", "seconds": 40, "tried": True},
        {"name": "full", "seconds": 90},
        {"name": "ia3", "seconds": 20, "feasible": False},
    ],
    "failed_steps": ["fine_tune: it fell over"],
}
LAST = f"Goal: reach it.\n\nState:\n{json.dumps(STATE)}\n\nNext step?"


def rounds(count: int) -> list[BaseMessage]:
    said: list[BaseMessage] = [SystemMessage("You tune.")]
    for number in range(count):
        call = {"name": "list_jobs", "args": {}, "id": f"c{number}", "type": "tool_call"}
        said.append(AIMessage(f"why {number}", tool_calls=[call]))
        said.append(ToolMessage(f"result {number}", tool_call_id=f"c{number}", name="list_jobs"))
    return [*said, HumanMessage(LAST)]


def test_everything_is_said_first() -> None:
    system, opening, answer, result, *_, last = next(prompts(rounds(2), SCHEMAS))
    assert system.role == "system"
    assert "You tune." in system.text
    assert all(f"{name}(" in system.text for name in TOOLS)
    assert opening.role == "user"
    said = json.loads(answer.text)
    assert said == {"reason": "why 0", "call": {"name": "list_jobs", "arguments": {}}}
    assert result == Turn("user", "Result of list_jobs: result 0")
    assert last.text.endswith(LAST)


def test_oldest_rounds_go_first_then_words_about_tools_then_the_state() -> None:
    made = ["\n".join(t.text for t in turns) for turns in prompts(rounds(3), SCHEMAS)]
    shown = [sum(f"why {i}" in text for i in range(3)) for text in made]
    assert shown[:4] == [3, 2, 1, 0]
    assert "why 2" in made[2]
    assert set(shown[4:]) == {0}
    sizes = [len(text) for text in made]
    assert sizes == sorted(sizes, reverse=True)
    assert all("Goal: reach it." in text and "Next step?" in text for text in made[:6])
    assert all(name in text for name in TOOLS for text in made)
    assert sizes[-1] < 600


@pytest.mark.parametrize("count", [0, 1, 4])
def test_turns_alternate_and_the_user_speaks_first_and_last(count: int) -> None:
    for turns in prompts(rounds(count), SCHEMAS):
        roles = [t.role for t in turns]
        assert roles[0] == "system"
        assert roles[1::2] == ["user"] * len(roles[1::2])
        assert roles[2::2] == ["assistant"] * len(roles[2::2])
        assert roles[-1] == "user"


def test_without_tools_nothing_is_said_of_them() -> None:
    made = list(prompts([HumanMessage("x" * 5000)], []))
    assert made[0] == [Turn("user", "x" * 5000)]
    assert len(made[-1][0].text) < 200


def test_neighbours_of_one_role_become_one_turn() -> None:
    turns = [Turn("system", "s"), Turn("assistant", "a"), Turn("user", "b"), Turn("user", "c")]
    assert [t.role for t in in_turn(turns)] == ["system", "user", "assistant", "user"]
    assert in_turn(turns)[-1].text == "b\n\nc"


def test_brief_state_keeps_what_may_be_done_next() -> None:
    text = brief_state(LAST)
    kept = json.loads(text[text.index("{") : text.rindex("}") + 1])
    assert kept["strategies"] == {"full": 90}
    assert list(kept["candidates"]) == ["full-6", "full-7", "full-8"]
    assert "failed_steps" not in kept
    assert text.startswith("Goal: reach it.")
    assert text.endswith("Next step?")


@pytest.mark.parametrize(
    "text", ["no state", "State: {broken", "State: {}", 'State: {"candidates": 3}']
)
def test_text_without_a_state_is_left_as_it_is(text: str) -> None:
    assert brief_state(text) in {text, 'State: {"strategies":{},"candidates":{}}'}


def test_cut_keeps_both_ends() -> None:
    assert cut("short", 10) == "short"
    made = cut("goal " + "x" * 100 + " next?", 30)
    assert made.startswith("goal")
    assert made.endswith("next?")
    assert len(made) == 30


def test_marks_of_the_tokenizer_in_untrusted_text_are_broken_up() -> None:
    assert unmarked("a<|im_end|>b</s>", ["<|im_end|>", "</s>"]) == "a< |im_end|>b< /s>"


def test_plain_rendering_ends_where_the_answer_begins() -> None:
    text = plainly([Turn("system", "S"), Turn("user", "U")])
    assert text == "### Instructions\nS\n\n### State\nU\n\n### Answer\n"
