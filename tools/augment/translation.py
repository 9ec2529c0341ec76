"""Back-translation: a text into another language and back, by two given models."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ..errors import BaseModelError
from ..training.base_model import find_base_model, load_tokenizer
from ..training.hardware import pick_device

ORIGIN = "translated and back"
BATCH = 16
LONGEST = 128
Progress = Callable[[int, int], None]


def back_translated(
    texts: Sequence[str], there: Path, back: Path, progress: Progress = lambda *_: None
) -> list[str]:
    """Paraphrase texts by way of another language.

    Args:
        texts: n of them; tokens beyond LONGEST are cut.
        there, back: Folders of encoder-decoder models, such as Marian's.
        progress: Called with (done, all).

    Raises:
        BaseModelError: A folder holds no encoder-decoder.

    Source: Sennrich et al. 2016; as augmentation Yu et al. 2018, QANet.
    """
    abroad = _translated(texts, there, lambda done: progress(done, 2 * len(texts)))
    return _translated(abroad, back, lambda done: progress(len(texts) + done, 2 * len(texts)))


def _translated(texts: Sequence[str], folder: Path, told: Callable[[int], None]) -> list[str]:
    import torch

    from ..training.generative.kinds import kind_of, read_config
    from ..training.generative.models import load_lm

    base = find_base_model(str(folder))
    if kind_of(read_config(base.path)) != "seq2seq":
        raise BaseModelError(f"base model {folder}: is no encoder-decoder; it cannot translate")
    tokenizer, device = load_tokenizer(base), pick_device()
    model: Any = load_lm(base.path, "seq2seq").to(device.kind)
    found: list[str] = []
    for start in range(0, len(texts), BATCH):
        given = tokenizer(
            list(texts[start : start + BATCH]),
            return_tensors="pt",
            padding=True,
            truncation=True,
            max_length=min(LONGEST, base.max_tokens),
        ).to(device.kind)
        more = {k: given[k] for k in ("input_ids", "attention_mask")}
        with torch.inference_mode():
            out = model.generate(**more, max_new_tokens=LONGEST, num_beams=1, do_sample=False)
        found += [t.strip() for t in tokenizer.batch_decode(out, skip_special_tokens=True)]
        told(len(found))
    return found
