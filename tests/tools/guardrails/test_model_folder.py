"""What a model folder may not hold: each is refused before a library reads it."""

from __future__ import annotations

import gzip
import json
import os
import pickle
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file
from tuneos.tools.errors import ModelError
from tuneos.tools.guardrails.model_folder import check_model_folder

EVIL = pickle.dumps({"run": os.system}, protocol=4)
EVIL_TEXT = pickle.dumps({"run": os.system}, protocol=0)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small folder in which nothing is wrong."""
    save_file({"w": np.ones((2, 3), np.float32)}, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text('{"model_type": "bert", "hidden_size": 32}')
    (tmp_path / "tokenizer_config.json").write_text(
        json.dumps({"chat_template": "{% for m in messages %}{{ m['content'] }}{% endfor %}"})
    )
    (tmp_path / "README.md").write_text("# A model\n")
    return tmp_path


def written(name: str, data: bytes) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        (folder / name).write_bytes(data)

    return write


def said(name: str, **what: object) -> Callable[[Path], None]:
    return written(name, json.dumps(what).encode())


def header(text: bytes, data: bytes = b"", length: int | None = None) -> bytes:
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def tensor(*offsets: int, shape: tuple[int, ...] = (2,), dtype: str = "F32") -> dict[str, object]:
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets}


def laid_out(**tensors: object) -> Callable[[Path], None]:
    return written("model.safetensors", header(json.dumps(tensors).encode(), bytes(16)))


def zipped(name: str, member: str, data: bytes) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        with zipfile.ZipFile(folder / name, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(member, data)

    return write


def objects(folder: Path) -> None:
    np.savez(folder / "arrays.npz", a=np.array([{"x": 1}], dtype=object))


def template(text: str) -> Callable[[Path], None]:
    return said("tokenizer_config.json", chat_template=text)


def link_out(folder: Path) -> None:
    (folder / "vocab.txt").symlink_to("/etc/hostname")


def pipe(folder: Path) -> None:
    os.mkfifo(folder / "vocab.txt")


def huge(name: str, size: int) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        with (folder / name).open("wb") as file:
            file.truncate(size)

    return write


HOSTILE: dict[str, tuple[Callable[[Path], None], str]] = {
    "pickle as .bin": (written("pytorch_model.bin", EVIL), "unpickled"),
    "pickle as .pt": (written("optimizer.pt", b"anything"), "unpickled"),
    "pickle as safetensors": (written("model.safetensors", EVIL), "no safetensors file"),
    "pickle as text": (written("vocab.txt", EVIL), "a pickle under another name"),
    "pickle of protocol 0": (written("notes.md", EVIL_TEXT), "a pickle under another name"),
    "pickle in gzip": (written("head.joblib.txt", gzip.compress(EVIL)), "packed"),
    "torch's zip": (zipped("weights", "archive/data.pkl", EVIL), "holds the pickle"),
    "npz of objects": (objects, "holds Python objects"),
    "zip bomb": (zipped("extra.zip", "zeros", bytes(100 << 20)), "would unpack"),
    "zip slip": (zipped("extra.zip", "../../x", b"x"), "leads out"),
    "remote code": (said("config.json", auto_map={"AutoModel": "evil.Model"}), "auto_map"),
    "remote code inside": (
        said("config.json", decoder={"auto_map": {"AutoModel": "evil.Model"}}),
        "auto_map",
    ),
    "remote kernel": (said("config.json", attn_implementation="evil/kernel"), "code to fetch"),
    "absurd size": (said("config.json", hidden_size=10**12), "no model has more"),
    "imports of peft": (
        said("adapter_config.json", auto_mapping={"parent_library": "os"}),
        "code to import",
    ),
    "imports of megatron": (
        said("adapter_config.json", megatron_config={"a": 1}, megatron_core="os"),
        "code to import",
    ),
    "endless pattern": (said("adapter_config.json", target_modules="(a+)+$"), "never end"),
    "endless template": (
        template("{% for a in range(99999999) %}x{% endfor %}"),
        "never end",
    ),
    "nested loops": (
        template("{% for a in m %}" * 5 + "x" + "{% endfor %}" * 5),
        "never end",
    ),
    "powers": (template("{{ 9 ** 9 ** 9 }}"), "never end"),
    "template that calls out": (
        template("{{ messages.__class__.__mro__[1].__subclasses__() }}"),
        "reaches for",
    ),
    "template that reads": (template("{% include '/etc/passwd' %}"), "reads other files"),
    "header beyond the file": (
        written("model.safetensors", header(b"{}", length=10**9)),
        "no safetensors file",
    ),
    "huge header": (huge("model.safetensors", 1 << 16), "overlaps|tensors have|no JSON"),
    "overlap": (laid_out(a=tensor(0, 8), b=tensor(4, 12)), "overlaps"),
    "gap": (laid_out(a=tensor(0, 8), b=tensor(12, 20)), "overlaps|gap"),
    "wrong size": (laid_out(a=tensor(0, 16)), "wrong size"),
    "negative": (laid_out(a=tensor(8, 0, shape=(-2,))), "wrong size"),
    "unknown type": (laid_out(a=tensor(0, 8, dtype="PKL")), "does not describe"),
    "index that leads out": (
        said("model.safetensors.index.json", weight_map={"w": "../../x.safetensors"}),
        "no safetensors file of this folder",
    ),
    "template in a file of its own": (
        written("chat_template.jinja", b"{% include '/etc/passwd' %}"),
        "reads other files",
    ),
    "absurd vocabulary": (huge("vocab.txt", 300 << 20), "MB at most"),
    "absurd tokenizer": (huge("tokenizer.json", 300 << 20), "MB at most"),
    "no JSON": (written("generation_config.json", b"{"), "no JSON"),
    "deep JSON": (written("config.json", b"[" * 200 + b"]" * 200), "nested"),
    "link": (link_out, "leads out of the folder"),
    "pipe": (pipe, "no plain file"),
}


def test_plain_folder_passes(folder: Path) -> None:
    check_model_folder(folder)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_folder_is_refused_in_one_line(name: str, folder: Path) -> None:
    plant, why = HOSTILE[name]
    plant(folder)
    with pytest.raises(ModelError, match=why) as caught:
        check_model_folder(folder)
    assert "\n" not in str(caught.value)
    assert str(folder) in str(caught.value)


def test_links_within_the_cache_of_the_hub_are_followed(folder: Path, tmp_path: Path) -> None:
    repository = tmp_path / "models--org--name"
    (repository / "blobs").mkdir(parents=True)
    snapshot = repository / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    (folder / "config.json").rename(repository / "blobs" / "1234")
    (snapshot / "config.json").symlink_to("../../blobs/1234")
    check_model_folder(snapshot)
    (snapshot / "vocab.txt").symlink_to("/etc/hostname")
    with pytest.raises(ModelError, match="leads out"):
        check_model_folder(snapshot)


def test_chat_templates_in_use_pass(folder: Path) -> None:
    usual = (
        "{%- if tools %}{{ tools | tojson(indent=4) }}{% endif %}"
        "{% for message in messages %}{% if loop.first and message.role != 'system' %}"
        "{{ raise_exception('system first') }}{% endif %}"
        "{% generation %}{{ '<|im_start|>' + message['role'] + '\n' + message.content | trim }}"
        "{% endgeneration %}{% if message.tool_calls %}{% for call in message.tool_calls %}"
        "{% for k, v in call.arguments.items() %}{{ k }}={{ v }}{% endfor %}{% endfor %}"
        "{% endif %}{% if not loop.last %}{% continue %}{% endif %}{% endfor %}"
        "{% set ns = namespace(n=(messages | length) - 1) %}{{ messages[::-1][0].content[-1] }}"
    )
    (folder / "chat_template.jinja").write_text(usual)
    check_model_folder(folder)
