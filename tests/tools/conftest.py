"""A tiny random encoder and tiny data, so that training tests take seconds."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from tiny_words import FILLER, TOPICS
from tiny_writers import save_model
from tuneos.tools.datasets.splits import write_split
from tuneos.tools.datasets.types import Split
from tuneos.tools.jobs.spec import JobSpec

MakeJob = Callable[..., JobSpec]

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
SIZE = {"hidden": 32, "layers": 3, "heads": 2, "inner": 64, "longest": 64}


def make_rows(count: int, seed: int) -> list[tuple[str, str]]:
    """Draw (text, label) pairs of 3 to 12 words; two words in each speak of the label."""
    rng = random.Random(seed)
    labels = sorted(TOPICS)
    rows = []
    for i in range(count):
        label = labels[i % len(labels)]
        words = rng.choices(FILLER, k=rng.randint(1, 10)) + rng.sample(TOPICS[label], 2)
        rng.shuffle(words)
        rows.append((" ".join(words), label))
    return rows


def split_of(rows: list[tuple[str, str]], name: str) -> Split:
    """Make a split out of (text, label) pairs."""
    texts, labels = zip(*rows, strict=True)
    places = tuple(f"{name}.csv row {i}" for i in range(2, len(rows) + 2))
    return Split(texts, labels, (None,) * len(rows), places)


def save_base(folder: Path, architecture: str) -> Path:
    """Save a random encoder with a word-level tokenizer."""
    import torch
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import (
        BertConfig,
        BertModel,
        DistilBertConfig,
        DistilBertModel,
        PreTrainedTokenizerFast,
        RobertaConfig,
        RobertaModel,
    )
    from transformers.utils import logging

    logging.disable_progress_bar()
    words = SPECIAL + sorted({w for ws in TOPICS.values() for w in ws} | set(FILLER))
    words += ["##s", "##ish"]
    rules = Tokenizer(models.WordPiece({w: i for i, w in enumerate(words)}, unk_token="[UNK]"))
    rules.normalizer = normalizers.Lowercase()
    rules.pre_tokenizer = pre_tokenizers.Whitespace()
    rules.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B [SEP]",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    names = {f"{t.strip('[]').lower()}_token": t for t in SPECIAL}
    PreTrainedTokenizerFast(
        tokenizer_object=rules, model_max_length=SIZE["longest"], **names
    ).save_pretrained(folder)
    usual = {
        "vocab_size": len(words),
        "hidden_size": SIZE["hidden"],
        "num_hidden_layers": SIZE["layers"],
        "num_attention_heads": SIZE["heads"],
        "intermediate_size": SIZE["inner"],
        "pad_token_id": 0,
    }
    torch.manual_seed(0)
    if architecture == "bert":
        model = BertModel(BertConfig(**usual, max_position_embeddings=SIZE["longest"]))
    elif architecture == "roberta":
        model = RobertaModel(RobertaConfig(**usual, max_position_embeddings=SIZE["longest"] + 2))
    else:
        model = DistilBertModel(
            DistilBertConfig(
                vocab_size=len(words),
                dim=SIZE["hidden"],
                n_layers=SIZE["layers"],
                n_heads=SIZE["heads"],
                hidden_dim=SIZE["inner"],
                max_position_embeddings=SIZE["longest"],
                pad_token_id=0,
            )
        )
    for name, parameter in model.named_parameters():  # random, yet words stay apart
        if "word_embeddings" in name:
            parameter.data.normal_(0, 1)
    model.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def tiny_bases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders of tiny random encoders, by architecture."""
    import torch

    torch.set_num_threads(1)  # for so little work a second one only waits
    root = tmp_path_factory.mktemp("bases")
    return {a: save_base(root / a, a) for a in ("bert", "distilbert", "roberta")}


@pytest.fixture(scope="session")
def tiny_base(tiny_bases: dict[str, Path]) -> Path:
    """The folder of a tiny random BERT."""
    return tiny_bases["bert"]


@pytest.fixture(scope="session")
def tiny_rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data version on disk: 90 train, 30 validation and 30 test rows of three labels."""
    folder = tmp_path_factory.mktemp("rows")
    for seed, (name, count) in enumerate({"train": 90, "validation": 30, "test": 30}.items()):
        write_split(folder / f"{name}.jsonl", split_of(make_rows(count, seed), name))
    return folder


@pytest.fixture
def make_job(tiny_base: Path, tiny_rows: Path, tmp_path: Path) -> MakeJob:
    """Return a maker of job descriptions on the tiny data; `what` fields and others as keywords."""

    def make(kind: str = "fine_tune", /, **given: object) -> JobSpec:
        inside = JobSpec.What.model_fields.keys() & given.keys()
        what = {
            "kind": kind,
            "data": "tiny",
            "task": "text-classification",
            "base_model": str(tiny_base),
            "base_digest": "",
            "metric": "accuracy",
            **{name: given.pop(name) for name in inside},
        }
        rest = {
            "name": "one",
            "data_folder": str(tiny_rows),
            "run": "test-run",
            "cache": str(tmp_path / "cache"),
            "studies": str(tmp_path / "studies.sqlite"),
            **given,
        }
        return JobSpec.model_validate({"what": what, **rest})

    return make


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Return the folder of a tiny model, made once: (architecture, template=None)."""
    import torch

    torch.set_num_threads(1)
    root, made = tmp_path_factory.mktemp("models"), dict[tuple[str, str | None], Path]()

    def make(architecture: str, template: str | None = None) -> Path:
        key = (architecture, template)
        if key not in made:
            made[key] = save_model(root / str(len(made)), architecture, template=template)
        return made[key]

    return make


@pytest.fixture
def float32(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compute in float32 on the CPU, so that figures can be compared closely."""
    from tuneos.tools.training import hardware

    monkeypatch.setattr(hardware, "pick_device", lambda: hardware.Device("cpu", False))
    for module in ("data", "fine_tune", "headed", "headed_probes", "prefix"):
        monkeypatch.setattr(
            f"tuneos.tools.training.{module}.pick_device", lambda: hardware.Device("cpu", False)
        )
    monkeypatch.setattr("tuneos.tools.training.fine_tune.pin_threads", lambda _: 1)
