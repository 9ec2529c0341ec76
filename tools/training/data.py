"""The rows of a job: texts as ids, labels as numbers; embeddings computed once and kept."""

from __future__ import annotations

import hashlib
import io
import os
import struct
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...evals.metrics import IntArray
from ..datasets.splits import read_split
from ..datasets.types import Split
from ..facts import JobProgress, OnProgress
from ..jobs.spec import JobSpec
from ..tasks import find_task
from .base_model import BaseModel, find_base_model, load_encoder, load_tokenizer
from .hardware import pick_device
from .tokens import Tokens, tokenize

if TYPE_CHECKING:
    from ..tasks.task import Task

_SUM_BYTES = 32
_SECONDS = struct.Struct("<d")


@dataclass
class JobData:
    """Training and validation rows, and what is derived from them when first asked for."""

    spec: JobSpec
    train: Split
    validation: Split
    max_length: int = 256

    @classmethod
    def of(cls, spec: JobSpec) -> JobData:
        """Read the data version that a job names."""
        folder = Path(spec.data_folder)
        data = cls(
            spec, read_split(folder / "train.jsonl"), read_split(folder / "validation.jsonl")
        )
        wanted = spec.what.settings.get("max_length", data.max_length)
        data.max_length = min(int(wanted), data.base.max_tokens)
        return data

    @property
    def task(self) -> Task:
        """The kind of task that the job is about."""
        return find_task(self.spec.what.task)

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """Class names in the order of the model's outputs."""
        return tuple(sorted(set(self.train.labels)))

    @cached_property
    def base(self) -> BaseModel:
        """The base model, found."""
        return find_base_model(self.spec.what.base_model)

    @cached_property
    def tokenizer(self) -> Any:
        """The base model's tokenizer."""
        return load_tokenizer(self.base)

    def encoder(self) -> Any:
        """A fresh copy of the base model, to be trained or run."""
        return load_encoder(self.base)

    def numbers(self, split: Split) -> IntArray:
        """(n,), int64: positions in `labels`."""
        index = {label: i for i, label in enumerate(self.labels)}
        return np.array([index[label] for label in split.labels], np.int64)

    @cached_property
    def train_labels(self) -> IntArray:
        """(n_train,), int64."""
        return self.numbers(self.train)

    @cached_property
    def validation_labels(self) -> IntArray:
        """(n_validation,), int64."""
        return self.numbers(self.validation)

    @cached_property
    def train_tokens(self) -> Tokens:
        """Token ids of the training texts."""
        return tokenize(self.tokenizer, self.train.texts, self.max_length)

    @cached_property
    def validation_tokens(self) -> Tokens:
        """Token ids of the validation texts."""
        return tokenize(self.tokenizer, self.validation.texts, self.max_length)

    def embeddings(
        self, on_progress: OnProgress
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], float]:
        """Frozen embeddings of both splits, from the cache where they were computed before.

        Returns:
            (n_train, width), (n_validation, width), unit length, and the seconds
            that one pass over the training rows took when it was made: the same
            whenever it is asked for, so that estimates don't change after a resume.
        """
        from .embed import embed

        encoder: Any = None
        found = []
        seconds = 0.0
        pairs = (("train", self.train_tokens), ("validation", self.validation_tokens))
        for name, tokens in pairs:
            path = Path(self.spec.cache) / f"{self._cache_key(tokens)}.npy"
            cached = _cached(path)
            if cached is not None:
                found.append(cached[0])
                if name == "train":
                    seconds = cached[1]
                continue
            encoder = encoder if encoder is not None else self.encoder()
            start = time.monotonic()

            def tell(done: int, total: int, name: str = name) -> None:
                share = done / total * (0.8 if name == "train" else 0.1)
                base = 0.0 if name == "train" else 0.8
                on_progress(JobProgress(share=base + share, text=f"embedding {name} texts"))

            found.append(embed(encoder, tokens, pick_device(), tell))
            took = time.monotonic() - start
            _save(path, found[-1], took)
            if name == "train":
                seconds = took
        return found[0], found[1], seconds

    def kept(
        self, kind: str, of: Sequence[NDArray[Any]], compute: Callable[[], NDArray[np.float32]]
    ) -> tuple[NDArray[np.float32], float]:
        """What the untrained base model makes of some rows, from the cache where it is there.

        Args:
            kind: Of computation, with its version.
            of: What it depends on, beside the base model.
            compute: Computes it anew.

        Returns:
            The array, and the seconds that it took when it was computed.
        """
        content = hashlib.sha256(b"".join(array.tobytes() for array in of)).hexdigest()
        key = hashlib.sha256(f"{kind}:{self.base.digest}:{content}".encode()).hexdigest()[:24]
        path = Path(self.spec.cache) / f"{key}.npy"
        cached = _cached(path)
        if cached is not None:
            return cached
        start = time.monotonic()
        found = compute()
        took = time.monotonic() - start
        _save(path, found, took)
        return found, took

    def _cache_key(self, tokens: Tokens) -> str:
        content = hashlib.sha256(tokens.flat.tobytes() + tokens.starts.tobytes())
        return hashlib.sha256(
            f"embed1:{self.base.digest}:{content.hexdigest()}".encode()
        ).hexdigest()[:24]


def _save(path: Path, array: NDArray[np.float32], seconds: float) -> None:
    """Write beside and rename; the array, the seconds it took, and the checksum of both."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    content = io.BytesIO()
    np.save(content, array, allow_pickle=False)
    data = content.getvalue() + _SECONDS.pack(seconds)
    with draft.open("wb") as stream:
        stream.write(data + hashlib.sha256(data).digest())
        stream.flush()
        os.fsync(stream.fileno())
    draft.replace(path)


def _cached(path: Path) -> tuple[NDArray[np.float32], float] | None:
    """Read what `_save` wrote; None when it is not there or not whole: it is computed anew."""
    if not path.is_file():
        return None
    content = path.read_bytes()
    data, end = content[:-_SUM_BYTES], content[-_SUM_BYTES:]
    if hashlib.sha256(data).digest() != end:
        return None
    array: NDArray[np.float32] = np.load(io.BytesIO(data), allow_pickle=False)
    return array, _SECONDS.unpack(data[-_SECONDS.size :])[0]
