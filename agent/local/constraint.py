"""Generation that cannot leave its grammar, and ends in time."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from llguidance import LLMatcher

from .bounds import Schema

if TYPE_CHECKING:
    from llguidance import LLTokenizer

    from .weights import Loaded, Words

OnToken = Callable[[bytes], None]


class Interrupted(Exception):
    """Time is up, or nobody waits any longer."""


class Grammar:
    """Where an answer stands in its grammar; masks what may not come next.

    A logits processor and a stopping criterion in one: transformers calls the first
    before a token is chosen and the second after.
    """

    def __init__(self, tokenizer: LLTokenizer, schema: Schema) -> None:
        source = LLMatcher.grammar_from_json_schema(
            schema, overrides={"whitespace_flexible": False}
        )
        self._matcher = LLMatcher(tokenizer, source)
        self._healthy()

    def mask(self, input_ids: Any, scores: Any) -> Any:
        """Leave a score to what may come next alone; (1, vocab) like `scores`."""
        import torch

        allowed = torch.frombuffer(bytearray(self._matcher.compute_logit_bias()), dtype=torch.uint8)
        self._healthy()
        allowed = allowed[: scores.shape[-1]].to(scores.device)
        masked = torch.full_like(scores, float("-inf"))
        known = scores[:, : len(allowed)].nan_to_num(nan=0.0).clamp(min=-1e30)
        masked[:, : len(allowed)] = known.masked_fill(allowed == 0, float("-inf"))
        return masked

    def take(self, token: int) -> bool:
        """Go on by a token; True when the answer is whole."""
        self._matcher.consume_token(token)
        self._healthy()
        return bool(self._matcher.is_accepting())

    def _healthy(self) -> None:
        if self._matcher.is_error():
            raise ValueError(self._matcher.get_error().strip().splitlines()[0])


def unwritable(tokenizer: LLTokenizer, schema: Schema) -> str | None:
    """Return a character that answers need and a tokenizer has no token for; None: has all."""
    needed: set[str] = {*json.dumps(schema), *'0123456789.,:-+e "{}[]'} - {"\\"}
    for character in sorted(needed):
        tokens = tokenizer.greedy_tokenize(character)
        written: bytes = tokenizer.decode_bytes(tokens)
        if written != character.encode():
            return character
    return None


def generate(
    loaded: Loaded,
    words: Words,
    prompt: Sequence[int],
    *,
    schema: Schema | None,
    most: int,
    until: float,
    temperature: float,
    seed: int,
    on_token: OnToken,
) -> tuple[bytes, int]:
    """Let the model go on from a prompt; what it wrote, and in how many tokens.

    Args:
        prompt: Token ids.
        schema: What the answer is held to; None: free text until the model ends it.
        most: Tokens of the answer at most.
        until: `time.monotonic()` at which it is given up.
        temperature: 0 takes the likeliest token; above it, tokens are drawn.
        seed: Of the draw: the same prompt and seed draw the same.
        on_token: Called with the bytes of each token; may raise to stop.

    Raises:
        Interrupted: Time is up.
    """
    import torch
    from transformers import GenerationConfig

    grammar = None if schema is None else Grammar(words.grammar, schema)
    made: list[int] = []

    def over(input_ids: Any, scores: Any, **_: Any) -> Any:
        token = int(input_ids[0, -1])
        made.append(token)
        on_token(words.grammar.decode_bytes([token]))
        if time.monotonic() > until:
            raise Interrupted(f"no whole answer in time; {len(made)} tokens were written")
        ended = token in words.ends if grammar is None else grammar.take(token)
        return torch.full((1,), ended, dtype=torch.bool, device=input_ids.device)

    config = GenerationConfig(
        do_sample=temperature > 0,
        max_new_tokens=most,
        use_cache=True,
        pad_token_id=words.ends[0] if words.ends else 0,
        **({"temperature": temperature, "top_k": 0, "top_p": 1.0} if temperature > 0 else {}),
    )
    ids = torch.tensor([list(prompt)], dtype=torch.long, device=loaded.device)
    with torch.random.fork_rng(enabled=temperature > 0), torch.inference_mode():
        if temperature > 0:
            torch.manual_seed(seed)
        loaded.model.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            generation_config=config,
            logits_processor=[] if grammar is None else [grammar.mask],
            stopping_criteria=[over],
        )
    text = made[:-1] if grammar is None and made and made[-1] in words.ends else made
    return bytes(words.grammar.decode_bytes(text)), len(made)


def read_answer(written: bytes) -> tuple[str, str, Mapping[str, Any]]:
    """The reason, the tool's name and its arguments of a constrained answer."""
    said = json.loads(written)
    return said["reason"], said["call"]["name"], said["call"]["arguments"]
