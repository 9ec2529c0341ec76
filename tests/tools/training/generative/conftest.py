"""Tiny models that write, made once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tiny_writers import save_model


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
