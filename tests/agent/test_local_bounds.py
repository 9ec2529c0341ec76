"""What a local LLM's answer is held to: every field of every tool comes to an end."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from tiny_lms import byte_level
from tuneos.agent.local.bounds import (
    Bounds,
    answer_schema,
    bounded,
    bounds_for,
    decimals,
    described,
    fitting,
    longest,
)
from tuneos.agent.local.constraint import unwritable
from tuneos.agent.local.pieces import grammar_tokenizer
from tuneos.tools.guardrails.checks import check_arguments
from tuneos.tools.registry import TOOLS

SCHEMAS = {name: tool.schema() for name, tool in TOOLS.items()}
NUMBER = {"type": "number", "minimum": 1e-7, "maximum": 1.0}


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return grammar_tokenizer(byte_level(), 520)


def walk(tokenizer: Any, schema: dict[str, Any], seed: int) -> Any:
    """One answer at random: each token that the grammar allows is as likely as any other."""
    from llguidance import LLMatcher

    source = LLMatcher.grammar_from_json_schema(schema, overrides={"whitespace_flexible": False})
    matcher, chance, made = LLMatcher(tokenizer, source), random.Random(seed), []
    while not matcher.is_accepting():
        allowed = [i for i, bias in enumerate(matcher.compute_logit_bias()) if bias]
        made.append(chance.choice(allowed))
        assert matcher.consume_token(made[-1])
    written = tokenizer.decode_bytes(made)
    assert len(made) <= len(written) <= longest(schema)
    return json.loads(written)


@pytest.mark.parametrize("name", SCHEMAS)
@pytest.mark.parametrize("window", [256, None])
def test_whatever_the_grammar_lets_through_is_a_call_that_the_tool_takes(
    name: str, window: int | None, tokenizer: Any
) -> None:
    schema = answer_schema([SCHEMAS[name]], bounds_for(window))
    for seed in range(6):
        said = walk(tokenizer, schema, seed)
        assert said["call"]["name"] == name
        TOOLS[name].arguments.model_validate(said["call"]["arguments"])
        assert not check_arguments(said["call"]["arguments"], roots=[])
        assert said["reason"]


def test_fields_that_may_be_left_out_are_sometimes_there_and_sometimes_not(tokenizer: Any) -> None:
    schema = answer_schema([SCHEMAS["fine_tune"]], bounds_for(None))
    seen = [set(walk(tokenizer, schema, seed)["call"]["arguments"]) for seed in range(40)]
    always = set.intersection(*seen)
    assert always == {"strategy"}
    assert len(set.union(*seen)) > 6


def test_candidates_are_those_that_are_there(tokenizer: Any) -> None:
    bounds = Bounds(candidates=("lora-1", "tfidf_linear"))
    schema = answer_schema([SCHEMAS["evaluate_candidate"]], bounds)
    seen = {walk(tokenizer, schema, s)["call"]["arguments"]["candidate"] for s in range(12)}
    assert seen == {"lora-1", "tfidf_linear"}


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "integer", "minimum": 3, "maximum": 3}, "3"),
        ({"anyOf": [{"type": "boolean"}, {"type": "null"}]}, "false"),
        ({"type": "integer", "exclusiveMinimum": 0, "exclusiveMaximum": 100}, "99"),
        ({"type": "integer"}, "10000"),
        ({"type": "string", "maxLength": 5}, '"abcde"'),
        ({"enum": ["a", None, "bc"]}, '"bc"'),
        ({"type": "array", "items": {"enum": ["abc"]}, "maxItems": 2}, '["abc","abc"],'),
        ({}, "{}"),
    ],
)
def test_longest_answer_is_as_long_as_can_be(schema: dict[str, Any], value: str) -> None:
    assert longest(bounded(schema, Bounds())) == len(value)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "pattern": "^a+$"},
        {"type": "array"},
        {"$ref": "#/$defs/other"},
        {"type": "object", "properties": {"x": {"type": "string", "format": "uri"}}},
    ],
)
def test_field_that_cannot_be_bounded_is_refused(schema: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="no end"):
        bounded(schema, Bounds())


@pytest.mark.parametrize(("low", "high"), [(1e-7, 1.0), (0, 0.9), (0, 1), (-1, 1), (0, 0), (5, 7)])
def test_decimals_stay_in_their_range_and_reach_both_ends(low: float, high: float) -> None:
    found = decimals(low, high)
    assert (found[0], found[-1]) == (low, high)
    assert found == sorted(set(found))
    assert len(found) <= 100


def test_usual_learning_rates_are_among_the_numbers() -> None:
    numbers = bounded(NUMBER, Bounds())["enum"]
    assert {2e-5, 3e-4, 1e-3} <= set(numbers)
    open_ended = {**NUMBER, "exclusiveMaximum": 1.0}
    assert 1.0 not in bounded(open_ended, Bounds())["enum"]


def test_small_window_gets_shorter_texts() -> None:
    small, large = bounds_for(1024), bounds_for(None)
    assert small.text < large.text
    tools = list(SCHEMAS.values())
    assert longest(answer_schema(tools, small)) < longest(answer_schema(tools, large)) < 1000


def test_tools_are_described_in_half_of_what_their_schemas_take() -> None:
    words = described(list(SCHEMAS.values()))
    assert all(name in words for name in TOOLS)
    assert "strategy: text (name of a fine_tune strategy of the state)" in words
    assert "rank?: 1..512 (for LoRA and its relatives)" in words
    assert len(words) < 0.5 * sum(len(json.dumps(s)) for s in SCHEMAS.values())


def test_tokenizer_that_cannot_write_json_is_found_out(tokenizer: Any) -> None:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    schema = answer_schema(list(SCHEMAS.values()), bounds_for(None))
    assert unwritable(tokenizer, schema) is None
    letters = {c: i for i, c in enumerate(["</s>", *map(chr, range(ord("a"), ord("z") + 1))])}
    poor = Tokenizer(models.BPE(vocab=letters, merges=[]))
    poor.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    poor.decoder = decoders.ByteLevel()
    few = PreTrainedTokenizerFast(tokenizer_object=poor, eos_token="</s>")
    assert unwritable(grammar_tokenizer(few, 27), schema) is not None


def test_small_window_leaves_out_the_last_arguments_that_are_not_needed() -> None:
    tool = SCHEMAS["fine_tune"]
    (small,) = fitting([tool], 1024)
    fields = small["function"]["parameters"]["properties"]
    assert list(fields)[:2] == ["strategy", "learning_rate"]
    assert len(fields) == 10
    assert fitting([tool], None) == [tool]
    assert longest(answer_schema([small], bounds_for(1024))) < 512
