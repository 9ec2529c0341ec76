"""A tokenizer as the grammar needs it: the bytes behind each token."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from llguidance import LLTokenizer
from llguidance._tokenizer import TokenizerWrapper
from llguidance.hf import from_tokenizer

SPACE = "\N{LOWER ONE EIGHTH BLOCK}"  # what SentencePiece writes for a space


def grammar_tokenizer(tokenizer: Any, vocabulary: int) -> LLTokenizer:
    """Make a tokenizer known to llguidance.

    Args:
        tokenizer: Fast, of transformers.
        vocabulary: Scores that the model gives; it may be more than there are tokens.

    Raises:
        ValueError: It is of a kind that no grammar can be put on.
    """
    decoder = json.loads(tokenizer.backend_tokenizer.to_str()).get("decoder") or {}
    if decoder.get("type") == "Metaspace":  # pieces without bytes, which llguidance doesn't know
        return LLTokenizer(TokenizerWrapper(_Pieces(tokenizer, decoder)), n_vocab=vocabulary)
    return from_tokenizer(tokenizer, n_vocab=vocabulary)


class _Pieces:
    """Pieces of words with a mark for spaces: unigram models as SentencePiece makes them."""

    def __init__(self, tokenizer: Any, decoder: dict[str, Any]) -> None:
        mark = str(decoder.get("replacement", SPACE))
        written = tokenizer.convert_ids_to_tokens(range(len(tokenizer)))
        self.tokens: Sequence[bytes] = [t.replace(mark, " ").encode() for t in written]
        self.special_token_ids: Sequence[int] = list(tokenizer.all_special_ids)
        self.bos_token_id = tokenizer.bos_token_id
        self.eos_token_id = tokenizer.eos_token_id
        if self.eos_token_id is None:
            raise ValueError("it has no token for the end")
        special = set(self.special_token_ids)
        self._ids = {t: i for i, t in enumerate(self.tokens) if t and i not in special}
        self._longest = max(map(len, self._ids))

    def __call__(self, text: str | bytes) -> list[int]:
        """Ids of the longest pieces that spell the text, one after the other."""
        rest = text if isinstance(text, bytes) else text.encode()
        made: list[int] = []
        while rest:
            ends = range(min(self._longest, len(rest)), 0, -1)
            end = next((n for n in ends if rest[:n] in self._ids), None)
            if end is not None:
                made.append(self._ids[rest[:end]])
            rest = rest[end or 1 :]
        return made
