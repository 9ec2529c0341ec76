"""The same number is the same answer, however it is written."""

from __future__ import annotations

import pytest
from tuneos.evals.numbers import final_answer, normal


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        ("42", "42"),
        ("1,200", "1200"),
        ("1 200", "1200"),
        ("1\u202f200\u00a0€", "1200"),
        ("1'200'000", "1200000"),
        ("$18.00", "18"),
        ("-$3", "-3"),
        ("$-3", "-3"),
        ("−3", "-3"),
        ("+7", "7"),
        ("12.50 dollars", "12.5"),
        ("12,5 kg", "12.5"),
        ("0.5", "0.5"),
        (".5", "0.5"),
        ("50%", "50"),
        ("6/4", "1.5"),
        ("1/3", "0.333333"),
        ("1/0", "1/0"),
        ("007", "7"),
        ("-0", "0"),
        ("**42**.", "42"),
        ("`42`", "42"),
        ("٤٢", "42"),
        ("Tuesday", "tuesday"),
        ("  Red   and  Blue. ", "red and blue"),
        ("3 or 4", "3 or 4"),
        ("", ""),
        ("123456789012345678901234567890", "123456789012345678901234567890"),
    ],
)
def test_an_answer_has_one_form(written: str, wanted: str) -> None:
    assert normal(written) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("5 + 5 = 10\n#### 10", "10"),
        ("#### 1\nNo: 2 + 2 = 4\n#### 4", "4"),
        ("10 apples.\n#### $1,000.00\nThat was it, 7 times.", "1000"),
        ("So the answer is 72. I am 99% sure.", "72"),
        ("First the answer is 3; no, the answer is: **4**", "4"),
        ("He has 3 + 4 = 7 apples.", "7"),
        ("He has 3 + 4 = 7", "7"),
        ("5-3=2", "2"),
        ("I do not know", ""),
        ("", ""),
        ("####", ""),
        ("#### Monday", "monday"),
        ("It costs $1,234,567.", "1234567"),
        ("They are 3, 400 and 5", "5"),
    ],
)
def test_the_final_answer_is_found_in_a_solution(text: str, wanted: str) -> None:
    assert final_answer(text) == wanted


def test_a_range_of_numbers_is_not_a_negative_one() -> None:
    assert final_answer("from 5 to 10-3") in ("3", "-3")
    assert normal("10") != normal("-10")
