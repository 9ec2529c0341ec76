"""Words replaced by others that the base model finds likely, or near.

A base model with a masked-language-model head fills words that were masked. One without, as
the built-in MiniLM, gets the nearest neighbours of its input embeddings instead: its hidden
states, read through the tied embeddings, put the masked word behind thousands of others
(ranks 812 to 20,472 of 30,522 in five sentences), as its contrastive training has unlearned
to predict words.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..tasks.pieces import Changed, Edit, Piece
from ..training.base_model import BaseModel, load_encoder, load_tokenizer, quiet_transformers

SHARE = 0.15  # of the words that can be replaced
MOST = 8  # candidates a word
LIKE = 0.4  # least cosine of a neighbour
LEAST = 3  # letters
_WORD = re.compile(r"[^\W\d_]+")

Fill = Callable[[str, tuple[int, int]], list[str]]  # (text, span of a word) -> likely words


def replaced(
    piece: Piece, fill: Fill, rng: np.random.Generator, *, share: float = SHARE
) -> Changed:
    """Replace some free words of a text; it comes back as it is where nothing fits.

    Source: Wu et al. 2019 (masked language model); Wang & Yang 2015 (nearest neighbours).
    """
    text = piece.text
    spans = [m.span() for m in _WORD.finditer(text) if m.end() - m.start() >= LEAST]
    spans = [span for span in spans if piece.free(*span)]
    if not spans:
        return Changed(text)
    count = min(max(1, round(share * len(spans))), len(spans))
    edits = []
    for i in sorted(rng.choice(len(spans), size=count, replace=False)):
        start, stop = spans[i]
        found = fill(text, (start, stop))
        if found:
            word = found[int(rng.integers(len(found)))]
            edits.append(Edit(start, stop, as_cased(word, text[start:stop])))
    return Changed(text, tuple(edits))


def filler(base: BaseModel) -> tuple[Fill, str]:
    """What fills words in with this base model, and how a row made by it is marked."""
    import json

    config = json.loads((base.path / "config.json").read_text(encoding="utf-8"))
    if any(str(a).endswith("ForMaskedLM") for a in config.get("architectures") or ()):
        return masked_filler(base), "with masked words filled in"
    return neighbour_filler(base), "with words replaced by near ones"


def neighbour_filler(base: BaseModel) -> Fill:
    """Whole words of the vocabulary whose input embeddings lie nearest, other forms left out."""
    tokenizer = load_tokenizer(base)
    table: Any = load_encoder(base).get_input_embeddings().weight.detach().numpy()
    table = table / np.maximum(np.linalg.norm(table, axis=1, keepdims=True), 1e-9)
    words = _words(tokenizer, len(table))
    ids = {word.lower(): i for i, word in words.items()}
    rows = np.array(sorted(words))
    known: dict[str, list[str]] = {}

    def fill(text: str, span: tuple[int, int]) -> list[str]:
        word = text[slice(*span)].lower()
        if word not in known:
            known[word] = []
            if word in ids:
                likeness = table[rows] @ table[ids[word]]
                best = rows[np.argsort(-likeness)[: 2 * MOST]]
                near = [words[i] for i in best if table[i] @ table[ids[word]] >= LIKE]
                known[word] = _others(near, word)
        return known[word]

    return fill


def masked_filler(base: BaseModel) -> Fill:
    """What the base model's own head finds likely in a word's place."""
    import torch
    from transformers import AutoModelForMaskedLM

    quiet_transformers()
    tokenizer = load_tokenizer(base)  # which has looked the folder over
    model = AutoModelForMaskedLM.from_pretrained(
        base.path, trust_remote_code=False, local_files_only=True, use_safetensors=True
    ).eval()
    words = _words(tokenizer, model.config.vocab_size)
    rows = torch.tensor(sorted(words))

    def fill(text: str, span: tuple[int, int]) -> list[str]:
        start, stop = span
        masked = text[:start] + tokenizer.mask_token + text[stop:]
        given = tokenizer(masked, return_tensors="pt", truncation=True, max_length=base.max_tokens)
        places = (given["input_ids"][0] == tokenizer.mask_token_id).nonzero()
        if not len(places):  # it was cut off
            return []
        with torch.inference_mode():
            logits = model(**given).logits[0, int(places[0, 0])]
        best = rows[logits[rows].topk(min(2 * MOST, len(rows))).indices]
        return _others([words[int(i)] for i in best], text[start:stop].lower())

    return fill


def _words(tokenizer: Any, size: int) -> dict[int, str]:
    """Ids that are whole words by themselves."""
    tokens = tokenizer.convert_ids_to_tokens(list(range(min(size, len(tokenizer)))))
    plain = not any(str(t).startswith(("Ġ", "▁")) for t in tokens)  # else these begin words
    found = {}
    for i, token in enumerate(tokens):
        text = str(token)
        word = text if plain else text[1:] if text.startswith(("Ġ", "▁")) else ""
        if _WORD.fullmatch(word) and len(word) >= LEAST:
            found[i] = word
    return found


def _others(found: Sequence[str], word: str) -> list[str]:
    """Without the word and its other forms, which change nothing."""
    stem = word[: max(LEAST, len(word) - 2)]
    return [w for w in found if not w.lower().startswith(stem)][:MOST]


def as_cased(word: str, like: str) -> str:
    """A word in the case of another."""
    if like.isupper() and len(like) > 1:
        return word.upper()
    return word.capitalize() if like[0].isupper() else word
