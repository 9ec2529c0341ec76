"""Rank base models without training: a job that runs each over some rows."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np

from ...evals.metrics import FloatArray
from ...evals.result import RankedBase
from ..datasets.splits import read_split
from ..errors import BaseModelError
from ..facts import JobProgress, OnProgress, Outcome
from ..jobs.spec import JobSpec
from .base_model import BaseModel, find_base_model, load_encoder, load_tokenizer
from .generative.kinds import kind_of, read_config
from .generative.models import load_lm
from .hardware import pick_device, pin_threads
from .rank_data import Continued, Labelled, rank_data
from .ranking import h_score, log_me

LONGEST = 128  # tokens read of a text


def run(spec: JobSpec, folder: Path, on_progress: OnProgress) -> Outcome:
    """Run every base model of the job over the same rows, and order them."""
    pin_threads(Path(spec.cache))
    split = read_split(Path(spec.data_folder) / "train.jsonl")
    data = rank_data(split, seed=spec.what.seed)
    found = []
    for i, (ref, _) in enumerate(spec.what.models):
        on_progress(JobProgress(share=i / len(spec.what.models), text=f"looking at {ref}"))
        found.append(rank_one(ref, data))
    return Outcome(base_ranking=tuple(sorted(found, key=_order)))


def rank_one(ref: str, data: Labelled | Continued | None) -> RankedBase:
    """Score one base model; one that cannot be scored says why."""
    start = time.monotonic()
    base = find_base_model(ref)
    try:
        if data is None:
            raise BaseModelError("these rows have neither labels nor texts to be written")
        scores, layer = _generative(base, data) if isinstance(data, Continued) else (
            _features(base, data)
        )  # fmt: skip
    except (BaseModelError, ValueError, RuntimeError) as error:
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        return RankedBase(base_model=ref, digest=base.digest, note=first)
    rows = len(data.targets)
    seconds = round(time.monotonic() - start, 2)
    return RankedBase(
        base_model=ref, digest=base.digest, scores=scores, layer=layer, rows=rows, seconds=seconds
    )


def _order(ranked: RankedBase) -> tuple[bool, float]:
    """Best first: the highest evidence, or the lowest loss; those without a score last."""
    value = ranked.scores.get("log_me", -ranked.scores.get("nll_per_character", 0.0))
    return (not ranked.scores, -value)


def _features(base: BaseModel, data: Labelled) -> tuple[dict[str, float], int]:
    """Scores of the layer that tells most, and which it is, counted from 1."""
    states = layer_means(base, data.texts)
    scored = [(log_me(features, data.targets), i) for i, features in enumerate(states, 1)]
    best, layer = max(scored)
    scores = {"log_me": round(best, 6)}
    if data.classes is not None:
        scores["h_score"] = round(h_score(states[layer - 1], data.classes), 6)
    return scores, layer


def layer_means(base: BaseModel, texts: list[str]) -> list[FloatArray]:
    """The mean over the tokens of each text, layer by layer.

    Returns:
        One (n, width) array for each layer, unit length, from the lowest.
    """
    import torch

    from .network import mean_pool
    from .tokens import by_length, tokenize

    model, device = load_encoder(base), pick_device()
    if getattr(model.config, "is_encoder_decoder", False):
        model = model.get_encoder()
    model.to(device.kind)
    tokens = tokenize(load_tokenizer(base), texts, min(LONGEST, base.max_tokens))
    out: list[FloatArray] = []
    for rows in by_length(tokens.lengths, 32):
        ids, mask = (t.to(device.kind) for t in tokens.batch(rows))
        with torch.inference_mode(), device.autocast():
            hidden = model(input_ids=ids, attention_mask=mask, output_hidden_states=True)
        for i, states in enumerate(hidden.hidden_states[1:]):
            pooled = mean_pool(states, mask).double().cpu().numpy()
            if len(out) == i:
                out.append(np.zeros((len(texts), pooled.shape[1])))
            out[i][rows] = pooled
    return out


def _generative(base: BaseModel, data: Continued) -> tuple[dict[str, float], int | None]:
    """Loss of the continuations a character: tokens differ between models, characters don't."""
    kind = kind_of(read_config(base.path))
    if kind == "encoder":
        raise BaseModelError("is an encoder: it writes nothing before it is trained")
    model, tokenizer = load_lm(base.path, kind), load_tokenizer(base)
    pairs = zip(data.prompts, data.targets, strict=True)
    losses = [continuation_loss(model, tokenizer, p, t, base.max_tokens) for p, t in pairs]
    characters = sum(len(t) for t in data.targets)
    return {"nll_per_character": round(sum(losses) / max(1, characters), 6)}, None


def continuation_loss(model: Any, tokenizer: Any, prompt: str, target: str, longest: int) -> float:
    """Negative log likelihood of a text after a prompt, in nats; the prompt's start is cut."""
    import torch

    aim = tokenizer(target, add_special_tokens=False)["input_ids"][: longest // 2]
    if model.config.is_encoder_decoder:
        given = tokenizer(prompt, truncation=True, max_length=longest)["input_ids"]
        inputs = {"input_ids": torch.tensor([given]), "labels": torch.tensor([aim])}
        count = len(aim)
    else:
        start = [tokenizer.bos_token_id or tokenizer.eos_token_id or 0]
        given = tokenizer(prompt, add_special_tokens=False)["input_ids"]
        given = (start + given)[-(longest - len(aim)) :] if given else start
        labels = [-100] * len(given) + aim
        inputs = {"input_ids": torch.tensor([given + aim]), "labels": torch.tensor([labels])}
        count = len(aim)
    if not aim:
        return 0.0
    with torch.inference_mode():
        return float(model(**inputs).loss) * count
