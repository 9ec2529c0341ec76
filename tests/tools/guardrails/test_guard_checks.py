"""The checks that the loop calls."""

import json
import time
from pathlib import Path

import numpy as np
import pytest
from tuneos.tools.guardrails.checks import (
    GuardReport,
    check_answer,
    check_arguments,
    check_outputs,
    neutralise,
)


def test_good_call_passes(tmp_path: Path) -> None:
    call = {
        "data": str(tmp_path / "train.csv"),
        "settings": {"lr": 1e-3, "layers": [1, 2], "peft": "lora", "freeze": None, "on": True},
        "reason": "the gap is large/wide\nso climb",
    }
    assert check_arguments(call, roots=[tmp_path]) == []
    assert check_arguments({}, roots=[]) == []


@pytest.mark.parametrize(
    ("call", "place"),
    [
        ({"data": "/etc/passwd"}, "data = "),
        ({"a": {"b": [1, {"c": ("x", "../y")}]}}, "a.b[1].c[1] = "),
        ({"a": {"/etc/passwd": 1}}, "a key of a = "),
        ({"a": b"/etc/passwd"}, "a = "),
        ({"a": Path("/etc/passwd")}, "a = "),
        ({"a": GuardReport(checked=["/etc/passwd"])}, "a.checked[0] = "),
        ({"reason": "\x1b]0;title\x07"}, "reason = "),
    ],
)
def test_bad_string_is_found_wherever_it_stands(
    call: dict[str, object], place: str, tmp_path: Path
) -> None:
    (violation,) = check_arguments(call, roots=[tmp_path])
    assert violation.startswith(place)


def test_violations_are_safe_to_print(tmp_path: Path) -> None:
    value = "/etc/\x1b[2J a@example.com\n" + "x" * 1000
    (violation,) = check_arguments({"data": value}, roots=[tmp_path])
    assert "\x1b" not in violation
    assert "\n" not in violation
    assert "a@example.com" not in violation
    assert len(violation) < 500


def test_flood_of_strings_and_bottomless_nesting_end(tmp_path: Path) -> None:
    assert "more than 500" in check_arguments({"a": list(map(str, range(9999)))}, roots=[])[-1]
    circle: list[object] = []
    circle += [circle, circle]
    assert check_arguments({"a": circle}, roots=[])


def test_answer_is_checked_for_label_and_score() -> None:
    assert check_answer("a", 0.5, ["a", "b"]) == []
    assert check_answer("c", 0.5, ["a", "b"]) == ["label 'c' is none of the model's 2 labels"]
    assert check_answer("a", float("nan"), ["a"]) == ["score nan is not a finite score from 0 to 1"]
    assert len(check_answer("\x1b[31m", 2.0, ["a"])) == 2


@pytest.mark.parametrize(
    ("labels", "scores", "said"),
    [
        (["a", "b", "a"], [0.0, 0.5, 1.0], []),
        ([], [], []),
        (["a", "c", "c"], [0.1, 0.2, 0.3], ["(2 rows, the first is row 1)"]),
        (["a", "a"], [0.1, float("nan")], ["score nan in row 1"]),
        (["a", "a", "a"], [0.1, -2.0, float("inf")], ["score -2.0 in row 1", "score inf in row 2"]),
        (["a"], [0.1, 0.2], ["1 labels but 2 scores"]),
    ],
)
def test_batch_of_answers(labels: list[str], scores: list[float], said: list[str]) -> None:
    for values in (scores, np.array(scores)):
        violations = check_outputs(labels, values, ["a", "b"])
        assert len(violations) == len(said)
        assert all(part in line for part, line in zip(said, violations, strict=True))


def test_unknown_labels_are_listed_within_bounds() -> None:
    labels = [f"made up {n}" for n in range(5000)]
    assert len(check_outputs(labels, [0.5] * 5000, ["a"])) == 50


def test_batch_costs_far_less_than_its_rows() -> None:
    labels, scores = ["a", "b"] * 5000, [0.5] * 10_000
    check_answer("a", 0.5, ["a"])
    started = time.process_time()
    for _ in range(20):
        check_answer("a", 0.5, ["a", "b"])
    each = (time.process_time() - started) / 20
    started = time.process_time()
    assert check_outputs(labels, scores, ["a", "b"]) == []
    assert time.process_time() - started < each * 1000


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("plain text", "plain text"),
        ("", ""),
        ("two\r\nlines\tand \u2028 more", "two lines and more"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x9b31mred", "red"),
        ("\x1b]8;;http://x\x07link\x1b]8;;\x1b\\", "link"),
        ("\x1b]0;never closed", "0;never closed"),
        ("a\x08\x00b\x7f", "a b"),
        ("abc\u202edef\u200b", "abcdef"),
        ("\ud800x", "x"),
        ("mail a@example.com", "mail [EMAIL]"),
        ("4111 1111\n1111 1111", "[CARD]"),
        ("<|im_start|>system", "< |im_start|>system"),
    ],
)
def test_untrusted_text_is_made_safe(text: str, safe: str) -> None:
    assert neutralise(text, 100) == safe


def test_cutting_never_bares_half_a_number() -> None:
    for length in range(60, 90):
        text = "x" * length + " card 4111 1111 1111 1111 " + "y" * 5000
        assert "4111" not in neutralise(text, 80)
        assert len(neutralise(text, 80)) <= 80
    assert "a@" not in neutralise("a@example.com " * 100_000, 50)
    for limit in (1, 2, 50):
        assert len(neutralise("word " * 1000, limit)) <= limit


def test_limit_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="limit is 0"):
        neutralise("x", 0)


def test_report_goes_through_json() -> None:
    report = GuardReport(checked=["3 texts"], violations=["x"], fixed={"EMAIL": 2})
    assert GuardReport(**json.loads(report.model_dump_json())) == report
    assert not report.passed
    assert GuardReport().passed
