"""Guards around answers: found by name, and fix, refrain, raise or ask again as chosen."""

import json
from pathlib import Path
from typing import Any

import pytest
from tuneos.tools.datasets.types import Split
from tuneos.tools.guardrails.around import ASKED_AGAIN, Around
from tuneos.tools.guardrails.chosen import Chosen, GuardError, read_guards
from tuneos.tools.tasks.task import Answer

TEXT = "Ann lives in Rome"
MINE = """
from guardrails.validator_base import FailResult, PassResult, Validator, register_validator

@register_validator(name="mine/no-shouting", data_type="string")
class NoShouting(Validator):
    def _validate(self, value, metadata):
        if value.upper() != value or value.lower() == value:
            return PassResult()
        return FailResult(error_message="shouts", fix_value=value.lower())
"""
SCHEMA = {"type": "object", "required": ["city"], "properties": {"city": {"type": "string"}}}


def split(text: str = TEXT) -> Split:
    return Split((text,), ("",), (None,), ("in.jsonl row 1",))


def never(_: Split) -> list[Answer]:
    raise AssertionError("asked again")


def guards(tmp_path: Path, *lines: dict[str, Any]) -> tuple[Chosen, ...]:
    (tmp_path / "mine.py").write_text(MINE)
    (tmp_path / "schema.json").write_text(json.dumps(SCHEMA))
    file = tmp_path / "guards.yaml"
    file.write_text(json.dumps({"guards": list(lines)}))
    return read_guards((), file)


@pytest.mark.parametrize(
    ("line", "answer", "expected"),
    [
        ({"name": "label", "action": "fix"}, {"label": "REFUND "}, {"label": "refund"}),
        ({"name": "label", "action": "fix"}, {"label": "nonsense"}, {"label": None}),
        (
            {"name": "label", "action": "refrain"},
            {"labels": ["x", "refund"]},
            {"labels": ["refund"]},
        ),
        (
            {"name": "span", "action": "fix"},
            {"spans": [{"start": 0, "end": 4, "text": "Rome"}]},
            {"spans": [{"start": 13, "end": 17, "text": "Rome"}]},
        ),
        (
            {"name": "span", "action": "refrain"},
            {"spans": [{"start": 0, "end": 99, "text": "Paris"}]},
            {"spans": []},
        ),
        (
            {"name": "span", "action": "refrain"},
            {"answer": "Paris", "start": 3, "end": 8},
            {"answer": None, "start": None, "end": None},
        ),
        ({"name": "personal-data"}, {"text": "to a@b.org"}, {"text": "to [EMAIL]"}),
        (
            {"name": "banned-topics", "words": ["war", "tax law"]},
            {"text": "On TAX LAW again"},
            {"text": None},
        ),
        ({"name": "length", "most": 4}, {"text": "abcdef"}, {"text": "abcd"}),
        (
            {"name": "json-schema", "json_schema": "schema.json", "action": "fix"},
            {"text": 'Sure: {"city": "Rome"} !'},
            {"text": '{"city": "Rome"}'},
        ),
        (
            {"name": "json-schema", "json_schema": "schema.json"},
            {"text": '{"town": "Rome"}'},
            {"text": None},
        ),
        (
            {"name": "quiet", "validator": "mine.py:NoShouting", "action": "fix"},
            {"text": "HELLO"},
            {"text": "hello"},
        ),
    ],
)
def test_an_answer_is_mended_or_emptied(
    tmp_path: Path, line: dict[str, Any], answer: Answer, expected: Answer
) -> None:
    around = Around(guards(tmp_path, line))
    (found,) = around(split(), [answer], ("refund", "other"), never)
    (said,) = found.pop("guard")
    assert found == expected
    assert said["name"] == line["name"]


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ({"name": "label"}, {"label": "refund"}),
        ({"name": "span"}, {"spans": [{"start": 13, "end": 17, "text": "Rome"}]}),
        ({"name": "personal-data"}, {"text": "nothing here"}),
        ({"name": "banned-topics", "words": ["war"]}, {"text": "a warm day"}),
        ({"name": "length", "most": 4}, {"text": "abcd"}),
        ({"name": "json-schema", "json_schema": "schema.json"}, {"text": '{"city": "Rome"}'}),
    ],
)
def test_a_good_answer_stays_as_it_is(tmp_path: Path, line: dict[str, Any], answer: Answer) -> None:
    around = Around(guards(tmp_path, line))
    assert around(split(), [answer], ("refund",), never) == [answer]


def test_exception_ends_with_the_place(tmp_path: Path) -> None:
    around = Around(guards(tmp_path, {"name": "label"}))
    with pytest.raises(GuardError, match=r"in\.jsonl row 1: label: the answer is none"):
        around(split(), [{"label": "x"}], ("refund",), never)


def test_reask_takes_a_better_answer_and_else_refrains(tmp_path: Path) -> None:
    around = Around(guards(tmp_path, {"name": "length", "most": 4, "action": "reask"}))
    seen: list[str] = []

    def better(row: Split) -> list[Answer]:
        seen.extend(row.texts)
        return [{"text": "ok"}]

    (found,) = around(split(), [{"text": "too long"}], (), better)
    assert found["text"] == "ok"
    assert "at most 4" in seen[0]

    (found,) = around(split(), [{"text": "too long"}], (), lambda _: [{"text": "still long"}])
    assert found["text"] is None
    assert found["guard"][0]["action"] == "refrain"
    assert ASKED_AGAIN == 2


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("nonsense", "no guard 'nonsense'"),
        ("label:explode", "is none of fix"),
        ("banned-topics", "needs `words`"),
        ("json-schema", "needs `json_schema`"),
        ("length", "needs `most`"),
    ],
)
def test_a_guard_that_cannot_be_used_is_one_line(given: str, words: str) -> None:
    with pytest.raises(GuardError, match=words):
        read_guards([given])


@pytest.mark.parametrize(
    "line",
    [
        {"name": "x", "validator": "mine.py:Nothing"},
        {"name": "x", "validator": "gone.py:Thing"},
        {"name": "x", "validator": "json:dumps"},
        {"name": "x", "explode": True},
        {"name": "json-schema", "json_schema": "gone.json"},
    ],
)
def test_a_guards_file_that_cannot_be_used_is_one_line(
    tmp_path: Path, line: dict[str, Any]
) -> None:
    with pytest.raises(GuardError, match="guards file"):
        guards(tmp_path, line)


def test_a_flag_alone_runs_no_code(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(MINE)
    with pytest.raises(GuardError, match="no guard"):
        read_guards([str(tmp_path / "mine.py")])
