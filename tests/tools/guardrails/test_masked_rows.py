"""Offsets hold after masking, in whatever shape a task's rows write them."""

import pytest
from tuneos.tools.guardrails.edits import edit
from tuneos.tools.guardrails.masked_rows import Mark, Masker
from tuneos.tools.guardrails.named import united
from tuneos.tools.guardrails.personal_data import Finding, find_personal_data
from tuneos.tools.guardrails.pseudonyms import SECRET_BYTES, Pseudonyms

TEXT = "Write to anna@example.org or visit Berlin"
SECRET = bytes(range(SECRET_BYTES))


def bracketed(kind: str, value: str) -> str:
    return f"[{kind}]"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ((0, 5), "Write"),
        ((9, 25), "[EMAIL]"),
        ((35, 41), "Berlin"),
        ((14, 25), "[EMAIL]"),
        ((0, 12), "Write to [EMAIL]"),
        ((25, 25), ""),
    ],
)
def test_spans_move_and_widen(old: tuple[int, int], new: str) -> None:
    edited = edit(TEXT, find_personal_data(TEXT), bracketed)
    start, end = edited.moved(*old)
    assert edited.new[start:end] == new


def test_spans_of_every_shape_stay_right() -> None:
    masker = Masker(bracketed)
    row = {
        "text": TEXT,
        "spans": [{"start": 35, "end": 41, "label": "GPE", "text": "Berlin"}, [35, 41, "GPE"]],
        "head": {"start": 9, "end": 25, "text": "anna@example.org"},
        "tail": [9, 30],
    }
    new = masker.row(row)
    text = new["text"]
    assert text == "Write to [EMAIL] or visit Berlin"
    span, triple = new["spans"]
    assert text[span["start"] : span["end"]] == span["text"] == "Berlin"
    assert text[triple[0] : triple[1]] == "Berlin"
    assert new["head"] == {"start": 9, "end": 16, "text": "[EMAIL]"}
    assert masker.marks == [Mark("text", 9, 25, "EMAIL")]


def test_answers_within_masked_text_become_the_stand_in() -> None:
    masker = Masker(bracketed)
    new = masker.row(
        {
            "context": TEXT,
            "question": "Where?",
            "answers": {"text": ["Berlin", "anna"], "answer_start": [35, 9]},
        }
    )
    assert new["answers"] == {"text": ["Berlin", "[EMAIL]"], "answer_start": [26, 9]}
    assert masker.widened == 1


def test_nested_questions_point_into_the_context_above() -> None:
    masker = Masker(bracketed)
    answer = {"text": "Berlin", "answer_start": 35}
    new = masker.row({"context": TEXT, "qas": [{"question": "?", "answers": [answer]}]})
    assert new["qas"][0]["answers"] == [{"text": "Berlin", "answer_start": 26}]


def test_offsets_that_fit_nothing_are_told_and_their_text_masked() -> None:
    masker = Masker(bracketed)
    new = masker.row({"text": TEXT, "head": {"start": 0, "end": 3, "text": "bob@example.org"}})
    assert new["head"]["text"] == "[EMAIL]"
    assert masker.astray == 1


def test_as_many_tokens_as_tags() -> None:
    tokens = ["call", "+44", "7700", "900123", "or", "anna@example.org", "."]
    new = Masker(bracketed).row({"tokens": tokens, "tags": ["O"] * 7})
    assert len(new["tokens"]) == 7
    assert new["tokens"][4:] == ["or", "[EMAIL]", "."]
    assert not any(c.isdigit() for token in new["tokens"] for c in token)


def test_numbers_and_nested_strings_are_masked() -> None:
    new = Masker(bracketed).row({"n": 4111111111111111, "few": 12, "m": [{"c": "a@example.org"}]})
    assert new == {"n": "[CARD]", "few": 12, "m": [{"c": "[EMAIL]"}]}


def test_one_column_alone_and_what_points_into_it() -> None:
    row = {"text": TEXT, "note": "bob@example.org", "spans": [{"start": 35, "end": 41}]}
    new = Masker(bracketed).row(row, "text")
    assert new["note"] == "bob@example.org"
    assert new["spans"] == [{"start": 26, "end": 32}]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("EMAIL", "anna.berg@firm.com"),
        ("IP", "81.2.69.160"),
        ("IP", "2a02:db8::ff00:42:8329"),
        ("CARD", "4111 1111 1111 1111"),
        ("IBAN", "DE89 3704 0044 0532 0130 00"),
        ("SSN", "460-89-9847"),
        ("PHONE", "+44 7700 900123"),
        ("PERSON", "Anna Berg"),
    ],
)
def test_stand_ins_are_the_same_for_the_same_value_and_secret_alone(kind: str, value: str) -> None:
    first, again = Pseudonyms(SECRET), Pseudonyms(SECRET)
    assert first.stand_in(kind, value) == again.stand_in(kind, value) != value
    assert first.stand_in(kind, value) != Pseudonyms(b"x" * 32).stand_in(kind, value)
    if kind not in ("EMAIL", "IP"):
        assert len(first.stand_in(kind, value)) == len(value)


@pytest.mark.parametrize("value", [f"4111 1111 1111 {n:04}" for n in range(0, 10_000, 97)])
def test_no_stand_in_of_a_card_is_a_card(value: str) -> None:
    found = find_personal_data(f"card {Pseudonyms(SECRET).stand_in('CARD', value)}")
    assert "CARD" not in {one.kind for one in found}


def test_form_counts_before_a_model_and_nothing_stays_open() -> None:
    formed = [Finding("EMAIL", 5, 10)]
    named = [Finding("PERSON", 0, 12), Finding("GPE", 20, 24), Finding("EMAIL", 5, 10)]
    assert united(formed, named) == [
        Finding("PERSON", 0, 5),
        Finding("EMAIL", 5, 10),
        Finding("PERSON", 10, 12),
        Finding("GPE", 20, 24),
    ]
