"""Hostile artefacts: made beside a tiny whole model, and loaded the way the product loads them."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import sqlite3
import struct
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from ...memory.checkpoints import checksum, open_checkpointer
from ...memory.errors import StoreError
from ...tools.datasets.read import read_data
from ...tools.deployment.model import load_model
from ...tools.deployment.saved import SavedModel, write_card
from ...tools.errors import UserError
from ...tools.training.base_model import find_base_model, load_encoder, load_tokenizer

Plant = Callable[[Path], None]
Load = Callable[[Path], object]
WORDS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "b", "c", "d")


class Payload:
    """Unpickled, it makes a file: that it was loaded shows."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self) -> tuple[Any, ...]:
        """What a pickle runs."""
        return os.mkdir, (str(self.canary),)


def attempts(folder: Path) -> Iterator[tuple[str, bool, str]]:
    """Load every artefact; (what, whether it was refused, in which words)."""
    base = tiny_base(folder / "base")
    canary = folder / "canary"
    loads: tuple[tuple[dict[str, Plant], Load, Path | None], ...] = (
        (_bases(canary), _load_base, base),
        (_models(canary, base), load_model, None),
        (_datasets(), read_data, None),
    )
    for plants, load, whole in loads:
        for what, plant in plants.items():
            hostile = folder / "hostile"
            if whole is None:
                hostile.mkdir()
            else:
                shutil.copytree(whole, hostile)
            plant(hostile)
            yield what, *_refused(load, hostile, canary)
            shutil.rmtree(hostile)
    yield "checkpoints with foreign types", *_checkpoints(folder / "checkpoints.sqlite", canary)


def tiny_base(folder: Path) -> Path:
    """A random BERT of a few kilobytes, whole in every way."""
    import torch
    from transformers import BertConfig, BertModel, BertTokenizerFast

    folder.mkdir(parents=True)
    (folder / "vocab.txt").write_text("\n".join(WORDS) + "\n", encoding="utf-8")
    torch.manual_seed(0)
    size = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = BertConfig(
        vocab_size=len(WORDS), intermediate_size=16, max_position_embeddings=32, **size
    )
    BertModel(config).save_pretrained(folder)
    BertTokenizerFast(vocab={w: i for i, w in enumerate(WORDS)}).save_pretrained(folder)
    return folder


def _load_base(folder: Path) -> None:
    base = find_base_model(str(folder))
    load_tokenizer(base)
    load_encoder(base)


def _refused(load: Load, folder: Path, canary: Path) -> tuple[bool, str]:
    try:
        load(folder)
    except (UserError, StoreError) as error:
        told = str(error)
        return not canary.exists() and "\n" not in told, told
    return False, "it was loaded"


def _bases(canary: Path) -> dict[str, Plant]:
    evil = pickle.dumps(Payload(canary))
    text = pickle.dumps(Payload(canary), protocol=0)

    def data(name: str, content: bytes) -> Plant:
        return lambda folder: _write(folder / name, content)

    def told(name: str, **more: Any) -> Plant:
        def change(folder: Path) -> None:
            path = folder / name
            said = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
            path.write_text(json.dumps({**said, **more}), encoding="utf-8")

        return change

    def header(length: int) -> bytes:
        return struct.pack("<Q", length) + b"{}" + bytes(64)

    def overlapping(folder: Path) -> None:
        tensor = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}
        said = json.dumps({"a": tensor, "b": tensor}).encode()
        _write(folder / "model.safetensors", struct.pack("<Q", len(said)) + said + bytes(8))

    return {
        "pickle named pytorch_model.bin": data("pytorch_model.bin", evil),
        "pickle named model.safetensors": data("model.safetensors", evil),
        "pickle named vocab.txt": data("vocab.txt", evil),
        "pickle of protocol 0 in notes": data("notes.md", text),
        "joblib file": data("head.joblib", evil),
        "torch archive without a suffix": _zip("weights", "archive/data.pkl", evil),
        "npz with objects": _zip("a.npz", "a.npy", b"\x93NUMPY\x01\0v\0{'descr': '|O', }" + evil),
        "zip bomb": _zip("extra.zip", "zeros", bytes(100 << 20)),
        "header longer than the file": data("model.safetensors", header(1 << 40)),
        "overlapping tensors": overlapping,
        "auto_map in config.json": told("config.json", auto_map={"AutoModel": "evil.Model"}),
        "auto_map in tokenizer_config.json": told(
            "tokenizer_config.json", auto_map={"AutoTokenizer": ["evil.T", None]}
        ),
        "kernel to fetch": told("config.json", attn_implementation="evil/kernel"),
        "absurd sizes": told("config.json", hidden_size=1 << 40),
        "endless chat template": told(
            "tokenizer_config.json", chat_template="{% for i in range(999999999) %}x{% endfor %}"
        ),
        "chat template that calls out": told(
            "tokenizer_config.json", chat_template="{{ x.__class__.__mro__ }}"
        ),
        "tokenizer.json of absurd size": lambda folder: os.truncate(
            folder / "tokenizer.json", 300 << 20
        ),
        "link to a file outside": lambda folder: (folder / "added.json").symlink_to("/etc/passwd"),
    }


def _models(canary: Path, base: Path) -> dict[str, Plant]:
    evil = pickle.dumps(Payload(canary))

    def adapter(folder: Path) -> None:
        """Made for a base of more layers than the one it names."""
        from peft import LoraConfig, get_peft_model
        from transformers import BertConfig, BertModel

        size = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
        other = BertModel(BertConfig(vocab_size=9, intermediate_size=16, **size))
        wrapped = get_peft_model(other, LoraConfig(r=2, target_modules=["query"]))
        _saved(folder, base, "adapter")
        wrapped.save_pretrained(str(folder))
        (folder / "README.md").unlink(missing_ok=True)
        keys = (folder / "adapter_model.safetensors").read_bytes().replace(b"layer.0", b"layer.7")
        _write(folder / "adapter_model.safetensors", keys)

    def imports(folder: Path) -> None:
        adapter(folder)
        path = folder / "adapter_config.json"
        said = json.loads(path.read_text(encoding="utf-8"))
        said |= {"megatron_config": {"a": 1}, "megatron_core": "antigravity"}
        path.write_text(json.dumps(said), encoding="utf-8")

    def pickled(folder: Path) -> None:
        _saved(folder, base, "adapter")
        _write(folder / "adapter_model.bin", evil)

    return {
        "adapter for another base": adapter,
        "adapter that imports": imports,
        "pickled adapter": pickled,
    }


def _datasets() -> dict[str, Plant]:
    def bomb(folder: Path) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        text = pa.array(["x" * 1_000_000]).dictionary_encode()
        many = pa.DictionaryArray.from_arrays(pa.array([0] * 2_000, pa.int32()), text.dictionary)
        table = pa.table({"text": many, "label": many})
        pq.write_table(table, folder / "train.parquet", compression="zstd", store_schema=False)

    def leading_out(folder: Path) -> None:
        said = {"_data_files": [{"filename": "../../secret.arrow"}], "_fingerprint": "x"}
        (folder / "state.json").write_text(json.dumps(said), encoding="utf-8")
        (folder / "dataset_info.json").write_text('{"features": {}}', encoding="utf-8")

    def media(folder: Path) -> None:
        said = {"_data_files": [{"filename": "data.arrow"}], "_fingerprint": "x"}
        (folder / "state.json").write_text(json.dumps(said), encoding="utf-8")
        features = {"features": {"text": {"_type": "Image"}}}
        (folder / "dataset_info.json").write_text(json.dumps(features), encoding="utf-8")

    return {
        "parquet bomb": bomb,
        "saved dataset that names files outside": leading_out,
        "saved dataset whose images name files": media,
    }


def _checkpoints(path: Path, canary: Path) -> tuple[bool, str]:
    """A value whose type is a call: it must come back as no more than data, or be refused."""
    import ormsgpack

    call = ormsgpack.packb(("os", "mkdir", [str(canary)], None))
    evil = ormsgpack.packb(ormsgpack.Ext(0, call))
    config: Any = {"configurable": {"thread_id": "run", "checkpoint_ns": ""}}
    with open_checkpointer(path) as saver:
        from langgraph.checkpoint.base import empty_checkpoint

        saver.put(config, empty_checkpoint(), {}, {})
    with closing(sqlite3.connect(path)) as db, db:
        for (trigger,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'"):
            db.execute(f'DROP TRIGGER "{trigger}"')
        db.execute("UPDATE checkpoints SET checkpoint = ?", (evil + checksum("msgpack", evil),))
    try:
        with open_checkpointer(path) as saver:
            saver.get_tuple(config)
    except (StoreError, ValueError) as error:
        return not canary.exists(), str(error).splitlines()[0]
    return not canary.exists(), "read back as data, or set aside"


def _saved(folder: Path, base: Path, encoder: Any) -> None:
    """The description and head of a saved model."""
    import numpy as np

    from ...tools.training.linear import LinearHead

    head = LinearHead(np.zeros((2, 16), np.float32), np.zeros(2, np.float32))
    card = SavedModel(
        task="text-classification",
        strategy="lora",
        encoder=encoder,
        labels=("a", "b"),
        base_model=str(base),
        base_digest=find_base_model(str(base)).digest,
    )
    write_card(folder, card, head)


def _zip(name: str, member: str, content: bytes) -> Plant:
    def plant(folder: Path) -> None:
        with zipfile.ZipFile(folder / name, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(member, content)

    return plant


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)
