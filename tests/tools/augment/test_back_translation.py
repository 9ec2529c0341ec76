"""Back-translation runs two real seq2seq models, and a short tuning judges rows of such tasks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tuneos.tools.augment import job, translation
from tuneos.tools.augment.added import TUNE, Added
from tuneos.tools.augment.judges import Judge
from tuneos.tools.datasets.splits import write_split
from tuneos.tools.datasets.types import Split
from tuneos.tools.deployment.saved import SavedModel, write_description
from tuneos.tools.errors import BaseModelError, ModelError
from tuneos.tools.training.data import JobData

SHORT = {f"{TUNE}strategy": "full", f"{TUNE}epochs": 2, f"{TUNE}max_length": 32}
MakeJob = Callable[..., Any]


def split(pairs: list[tuple[str, str]]) -> Split:
    rows = tuple({"source": s, "target": t, "references": [t]} for s, t in pairs)
    n = len(rows)
    places = tuple(f"row {i}" for i in range(n))
    return Split(tuple(s for s, _ in pairs), ("",) * n, (None,) * n, places, rows)


@pytest.fixture
def translating(make_job: MakeJob, tmp_path: Path, tiny_model: Callable[..., Path]) -> MakeJob:
    folder = tmp_path / "pairs"
    folder.mkdir()
    words = ["dog", "cat", "horse", "cow", "house", "tree", "river", "morning"]
    pairs = [(f"the small {a} sees the {b}", f"{b} {a}") for a in words for b in words]
    write_split(folder / "train.jsonl", split(pairs[:24]))
    write_split(folder / "validation.jsonl", split(pairs[40:50]))

    def make(**settings: Any) -> Any:
        return make_job(
            "augment",
            task="translation",
            metric="bleu",
            base_model=str(tiny_model("t5")),
            data_folder=str(folder),
            settings={"rows": 24, **SHORT, **settings},
        )

    return make


@pytest.mark.parametrize("architecture", ["marian", "t5", "bart"])
def test_texts_go_abroad_and_come_back(architecture: str, tiny_model: Callable[..., Path]) -> None:
    model = str(tiny_model(architecture))
    seen: list[tuple[int, int]] = []
    texts = ["the dog sees a tree", "the cat", "the dog sees a tree"]
    found = translation.back_translated(texts, model, model, lambda *at: seen.append(at))
    assert len(found) == 3
    assert found[0] == found[2]
    assert seen[-1] == (4, 4)


def test_whatever_cannot_translate_is_refused(
    tiny_base: Path, tiny_model: Callable[..., Path], tmp_path: Path
) -> None:
    for ref in (str(tiny_base), str(tiny_model("llama"))):
        with pytest.raises(BaseModelError, match="is no encoder-decoder"):
            translation.check_translator(ref)
    with pytest.raises(BaseModelError):
        translation.check_translator(str(tmp_path / "nowhere"))
    card = SavedModel(
        task="summarisation", strategy="full", encoder="whole", labels=(), base_model="x"
    )
    write_description(tmp_path, card)
    with pytest.raises(ModelError, match="is a model for summarisation"):
        translation.check_translator(str(tmp_path))
    assert translation.check_translator(str(tiny_model("marian")))


def test_job_translates_the_sources_and_a_short_tuning_judges(
    translating: MakeJob, tiny_model: Callable[..., Path], tmp_path: Path
) -> None:
    model = str(tiny_model("marian"))
    told: list[str] = []
    spec = translating(methods="noise,back_translate", there=model, back=model)
    out = tmp_path / "out"
    out.mkdir()
    outcome = job.run(spec, out, lambda p: told.append(p.text))
    found = {a.method: a for a in outcome.augmented}
    assert found["noise"].rows > 15
    assert found["noise"].measured == "nats a character"
    assert found["noise"].pays == (found["noise"].after < found["noise"].before)
    assert "back_translate" in found
    assert any(text.startswith("translating") for text in told)


def test_rows_with_wrong_targets_do_not_pay(translating: MakeJob) -> None:
    data = JobData.of(translating(methods="noise"))
    data.max_length = 32
    wrong = "zzz qqq xxx zzz qqq xxx"
    added = [
        Added(f"{t} indeed", i, "o", {**data.train.rows[i], "source": t, "target": wrong})
        for i, t in enumerate(data.train.texts)
    ]
    assert not Judge(data, lambda _: None).verdict("wrong", added).pays


def test_methods_are_left_out_where_the_time_does_not_suffice(
    translating: MakeJob, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    spec = translating(methods="noise").model_copy(update={"seconds": 0.001})
    outcome = job.run(spec, out, lambda _: None)
    assert outcome.augmented == ()
    assert outcome.notes == ("not tried for want of time: noise",)
