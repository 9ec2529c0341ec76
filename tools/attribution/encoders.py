"""A saved encoder under its head, ready to be asked what a score comes from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

import numpy as np

from ...evals.metrics import FloatArray
from ..datasets.types import Split
from ..deployment.encoder import load_saved_encoder
from ..deployment.saved import SavedModel, read_head
from ..training.inputs import Inputs
from .gradients import Shares, integrated_gradients
from .words import Place, Word, by_word

Fields = list[tuple[str, str]]


@dataclass(frozen=True)
class Encoder:
    """The encoder of a saved model, in float32 on the CPU, all its weights frozen."""

    core: Any
    tokenizer: Any

    @property
    def embedding(self) -> Any:
        """The layer that turns ids into vectors."""
        return self.core.get_input_embeddings()

    def hidden(self, ids: Any, keep: Any) -> Any:
        """The ids with every word hidden; `keep` marks special pieces and markers."""
        import torch

        tokenizer = self.tokenizer
        blank = tokenizer.mask_token_id
        blank = tokenizer.pad_token_id if blank is None else blank
        return torch.where(keep, ids, torch.full_like(ids, int(blank)))


def load_explained(card: SavedModel, folder: Path) -> Encoder:
    """Load the encoder of a model folder.

    Raises:
        ModelError: The folder is incomplete or damaged.
        BaseModelError: The base model isn't there.
    """
    core, tokenizer = load_saved_encoder(card, folder)
    return Encoder(core.float().cpu().eval().requires_grad_(False), tokenizer)


class HeadedScores:
    """Scores of a linear head over pooled sequences: classes, label sets, pairs, relations.

    Args:
        inputs: How the task reads its rows.
    """

    def __init__(self, card: SavedModel, folder: Path, inputs: Inputs, outputs: int) -> None:
        self.card, self.inputs = card, inputs
        self.encoder = load_explained(card, folder)
        head = read_head(folder, outputs)
        self.weight, self.bias = head.weight, head.bias
        self.apart = card.encoder == "base" and _has_sides(inputs)

    def logits(self, split: Split) -> FloatArray:
        """(sequences, outputs), as the head gives them."""
        import torch

        with torch.no_grad():
            found = [
                self._forward(*self._tensors(split, k)[:2], self._marks(split, k))[0]
                for k in range(int(self.inputs.sizes(split)[0]))
            ]
        return np.stack([f.double().numpy() for f in found])

    def shares(
        self, split: Split, sequence: int, direction: FloatArray
    ) -> tuple[list[Word], float, Shares]:
        """Attribute a mix of a sequence's logits to the words of the one row.

        Returns:
            The words, what falls to no word, and the attributions of the pieces.
        """
        import torch

        ids, mask, fields, places = self._tensors(split, sequence)
        keep = torch.tensor([[p is None for p in row] for row in places]).reshape(ids.shape)
        marks = self._marks(split, sequence)
        mix = torch.from_numpy(direction).float()

        def score(x: Any, m: Any) -> Any:
            return self._forward(x, m, marks) @ mix

        found = integrated_gradients(
            score, self.encoder.embedding, ids, self.encoder.hidden(ids, keep), mask
        )
        flat = [place for row in places for place in row]
        words, rest = by_word(fields, flat, found.values.reshape(-1))
        return words, rest, found

    def gradients(
        self, split: Split, sequence: int, direction: FloatArray
    ) -> tuple[list[Place | None], FloatArray, FloatArray]:
        """How a mix of a sequence's logits rises with the word vectors of the one row.

        Returns:
            The places of the n pieces, and (n, width) gradients and vectors.
        """
        import torch

        ids, mask, _, places = self._tensors(split, sequence)
        mix, kept = torch.from_numpy(direction).float(), []

        def keep(module: Any, args: Any, output: Any) -> None:
            kept.append(output.requires_grad_())

        hook = self.encoder.embedding.register_forward_hook(keep)
        try:
            score = (self._forward(ids, mask, self._marks(split, sequence)) @ mix).sum()
        finally:
            hook.remove()
        (gradient,) = torch.autograd.grad(score, kept[:1])
        width = gradient.shape[-1]
        flat = [place for row in places for place in row]
        found = (t.detach().double().numpy().reshape(-1, width) for t in (gradient, kept[0]))
        return flat, *found

    def states(self, split: Split, progress: Any = None) -> FloatArray:
        """(sequences, width): what the head sees of rows."""
        from ..training.hardware import pick_device
        from ..training.headed import pooled_states
        from ..training.headed_probes import frozen_features

        core, tokenizer, longest = self.encoder.core, self.encoder.tokenizer, self.card.max_length
        device = pick_device()
        if self.apart:
            found = frozen_features(core, tokenizer, self.inputs, split, longest, device, progress)
        else:
            sequences = self.inputs.sequences(tokenizer, split, longest)
            found = pooled_states(core, sequences, device, progress)
        core.cpu()
        return np.asarray(found, np.float64)

    def _marks(self, split: Split, sequence: int) -> Any:
        import torch

        if self.apart:
            return torch.zeros((1, 0), dtype=torch.long)
        found = self.inputs.sequences(self.encoder.tokenizer, split, self.card.max_length)
        return torch.from_numpy(found.marks[[sequence]])

    def _forward(self, ids: Any, mask: Any, marks: Any) -> Any:
        """(n, pieces), or (n, 2, pieces) where sides are read apart -> (n, outputs)."""
        import torch

        from ..training.headed import pool

        flat, inside = (t.reshape(-1, t.shape[-1]) for t in (ids, mask))
        hidden = self.encoder.core(input_ids=flat, attention_mask=inside).last_hidden_state
        pooled = pool(hidden, {"mask": inside, "marks": marks.expand(len(flat), -1)})
        if self.apart:
            u, v = pooled.reshape(len(ids), 2, -1).unbind(1)
            pooled = torch.cat([u, v, (u - v).abs(), u * v], -1)
        return pooled @ torch.from_numpy(self.weight).T + torch.from_numpy(self.bias)

    def _tensors(
        self, split: Split, sequence: int
    ) -> tuple[Any, Any, Fields, list[list[Place | None]]]:
        """Ids and mask of one sequence (or of its two sides), texts, and places of the pieces."""
        import torch

        tokenizer, longest = self.encoder.tokenizer, self.card.max_length
        sides = self.inputs.sides(split)
        if sides is None:
            row = split.rows[0] if split.rows else {}
            fields = [("text", row.get("text", split.texts[0]))]
        else:
            names = ("first", "second")
            if split.rows and "choices" in split.rows[0]:
                names = ("question", f"choice {sequence + 1}")
            fields = [(n, side[sequence]) for n, side in zip(names, sides, strict=True)]
        if self.apart:
            read = [_encoded(tokenizer, [f], longest) for f in fields]
            width = max(len(ids) for ids, _ in read)
            ids = torch.tensor(
                [[[*x, *[tokenizer.pad_token_id] * (width - len(x))] for x, _ in read]]
            )
            mask = torch.tensor([[[1] * len(x) + [0] * (width - len(x)) for x, _ in read]])
            return ids, mask, fields, [[*p, *[None] * (width - len(p))] for _, p in read]
        tokens = self.inputs.sequences(tokenizer, split, longest).tokens
        ids, mask = tokens.batch(np.array([sequence]))
        plain, places = _encoded(tokenizer, fields, None)
        return ids, mask, fields, [_aligned(ids[0].tolist(), plain, places)]


def _has_sides(inputs: Inputs) -> bool:
    from ..training.inputs import Pairs, QuestionChoices

    return isinstance(inputs, (Pairs, QuestionChoices))


def _encoded(
    tokenizer: Any, fields: Fields, longest: int | None
) -> tuple[list[int], list[Place | None]]:
    """Ids and the place of each."""
    found = tokenizer(
        *(text for _, text in fields),
        return_offsets_mapping=True,
        truncation=longest is not None,
        max_length=longest,
        verbose=False,
    )
    places: list[Place | None] = [
        None if which is None or a == b else (fields[which][0], int(a), int(b))
        for which, (a, b) in zip(found.sequence_ids(0), found["offset_mapping"], strict=True)
    ]
    return list(found["input_ids"]), places


def _aligned(
    ids: Sequence[int], plain: Sequence[int], places: Sequence[Place | None]
) -> list[Place | None]:
    """Places of ids that were cut, or got markers in between."""
    found: list[Place | None] = [None] * len(ids)
    if list(ids) == list(plain):
        return list(places)
    matcher = SequenceMatcher(None, list(ids), list(plain), autojunk=False)
    for a, b, size in matcher.get_matching_blocks():
        found[a : a + size] = places[b : b + size]
    return found
