"""Back-translation: a text into another language and back, by two given models.

A model is a folder of an encoder-decoder that knows one direction, as Marian's do, or one that
a run of `tuneos run` made for the task translation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ..datasets.types import Split
from ..deployment.saved import CARD, read_card
from ..errors import BaseModelError, ModelError
from ..training.base_model import find_base_model, load_tokenizer
from ..training.hardware import pick_device

ORIGIN = "translated and back"
BATCH = 16
LONGEST = 128  # tokens, of what is read and of what is written
Progress = Callable[[int, int], None]
Translate = Callable[[Sequence[str], Callable[[int], None]], list[str]]


def check_translator(ref: str) -> str:
    """Tell a translator's weights apart, and refuse what is none; its digest.

    Args:
        ref: A folder, or a name on the Hub of what is in its cache.

    Raises:
        BaseModelError: No encoder-decoder is there.
        ModelError: A model of another task is.
    """
    from ..training.generative.kinds import kind_of, read_config

    if (Path(ref) / CARD).is_file():
        card = read_card(Path(ref))
        if card.task != "translation":
            raise ModelError(
                f"translator {ref}: is a model for {card.task}; give one for translation"
            )
        return f"{card.run}:{card.data_hash}:{card.strategy}"
    base = find_base_model(ref)
    if kind_of(read_config(base.path)) != "seq2seq":
        raise BaseModelError(
            f"translator {ref}: is no encoder-decoder and cannot translate; give one such as "
            "Marian's, or a model that tuneos run made for the task translation"
        )
    return base.digest


def back_translated(
    texts: Sequence[str], there: str, back: str, progress: Progress = lambda *_: None
) -> list[str]:
    """Paraphrase texts by way of another language.

    Args:
        texts: n of them; tokens beyond LONGEST are cut.
        there, back: References of the models.
        progress: Called with (done, all).

    Raises:
        BaseModelError, ModelError: One of them cannot translate.

    Source: Sennrich et al. 2016; as augmentation Yu et al. 2018, QANet.
    """
    each = list(dict.fromkeys(texts))
    abroad = _translator(there)(each, lambda done: progress(done, 2 * len(each)))
    home = _translator(back)(abroad, lambda done: progress(len(each) + done, 2 * len(each)))
    found = dict(zip(each, home, strict=True))
    return [found[text] for text in texts]


def _translator(ref: str) -> Translate:
    check_translator(ref)
    return _tuned(Path(ref)) if (Path(ref) / CARD).is_file() else _plain(ref)


def _tuned(folder: Path) -> Translate:
    """A model of this project's own, which also knows how it wants to be asked."""
    from ..deployment.model import load_model

    model = load_model(folder)

    def translate(texts: Sequence[str], told: Callable[[int], None]) -> list[str]:
        blank = ("",) * len(texts)
        rows = tuple({"source": text} for text in texts)
        split = Split(tuple(texts), blank, (None,) * len(texts), blank, rows)
        found = model.answers(split, lambda done, _: told(done), prepared=True)
        return [str(answer["text"]).strip() for answer in found]

    return translate


def _plain(ref: str) -> Translate:
    import torch

    from ..training.generative.kinds import window
    from ..training.generative.models import load_lm

    base = find_base_model(ref)
    tokenizer, device = load_tokenizer(base), pick_device()
    model: Any = load_lm(base.path, "seq2seq").to(device.kind)
    room = min(LONGEST, base.max_tokens, window(model.config) or LONGEST)

    def translate(texts: Sequence[str], told: Callable[[int], None]) -> list[str]:
        found: list[str] = []
        for start in range(0, len(texts), BATCH):
            given = tokenizer(
                list(texts[start : start + BATCH]),
                return_tensors="pt",
                padding=True,
                truncation=True,
                max_length=room,
            ).to(device.kind)
            more = {k: given[k] for k in ("input_ids", "attention_mask")}
            with torch.inference_mode():
                out = model.generate(**more, max_new_tokens=room - 1, num_beams=1, do_sample=False)
            found += [t.strip() for t in tokenizer.batch_decode(out, skip_special_tokens=True)]
            told(len(found))
        return found

    return translate
