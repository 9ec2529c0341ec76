"""How to load the saved model without TuneOS: what its folder says of itself."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Adapter:
    """A plain PEFT folder.

    Attributes:
        folder: Relative to the model's folder; "." where it is the same.
        base: The base model as the adapter's own config names it.
        task: PEFT's task type, "" where the config has none.
    """

    folder: str
    base: str
    task: str


_LOADERS = {
    "SEQ_CLS": "AutoModelForSequenceClassification",
    "CAUSAL_LM": "AutoModelForCausalLM",
    "SEQ_2_SEQ_LM": "AutoModelForSeq2SeqLM",
}


def find_adapter(model: Path) -> Adapter | None:
    """Look for a PEFT adapter in a model's folder and one level below; None where there is none."""
    for config in [model / "adapter_config.json", *sorted(model.glob("*/adapter_config.json"))]:
        try:
            read = json.loads(config.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if isinstance(read, dict):
            folder = config.parent.relative_to(model).as_posix()
            base = read.get("base_model_name_or_path") or ""
            return Adapter(folder, str(base), str(read.get("task_type") or ""))
    return None


def peft_snippet(adapter: Adapter, model: str, *, base: str | None, labels: int) -> str:
    """Write the Python that loads the adapter with peft and transformers alone.

    Args:
        adapter: As found in the model's folder.
        model: The model's folder, as the reader should write it.
        base: The base model to name; None takes what the adapter's config says.
        labels: Number of classes, needed where the head is the model's own.
    """
    classifies = adapter.task == "SEQ_CLS"
    loader = _LOADERS.get(adapter.task, "AutoModel")
    size = f", num_labels={labels}" if classifies else ""
    folder = model if adapter.folder == "." else f"{model.rstrip('/')}/{adapter.folder}"
    lines = [
        "from peft import PeftModel",
        f"from transformers import {loader}, AutoTokenizer",
        "",
        f"base = {(base or adapter.base or 'BASE_MODEL')!r}",
        "tokenizer = AutoTokenizer.from_pretrained(base)",
        f"model = {loader}.from_pretrained(base{size})",
        f"model = PeftModel.from_pretrained(model, {folder!r}).eval()",
    ]
    if loader == "AutoModel":
        lines.append("# gives the tuned embeddings; tuneos predict adds what the task needs on top")
    return "\n".join(lines)
