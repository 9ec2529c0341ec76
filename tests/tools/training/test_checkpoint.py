"""Trainings cut off in the middle, and what their checkpoints are worth when files are damaged."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest
import torch
from test_train_loop import CPU, TRAIN, VALIDATION, accuracy, make_network, same, weights
from tuneos.memory.artifacts import ArtifactStore
from tuneos.tools.training.checkpoint import KEPT, STATE, TENSORS, Checkpoints, Snapshot
from tuneos.tools.training.loop import Trained, Watch, train
from tuneos.tools.training.network import EncoderClassifier
from tuneos.tools.training.settings import TrainSettings

SETTINGS = TrainSettings(
    strategy="full", learning_rate=0.05, epochs=5, batch_size=8, patience=2, dropout=0.3
)


class Cut(Exception):
    """Stands in for a kill."""


@pytest.fixture
def always(monkeypatch: pytest.MonkeyPatch) -> None:
    """Save after every step, as if saving cost nothing."""
    monkeypatch.setattr(Checkpoints, "due", lambda *_, **__: True)


def tuned(
    optimizer: str, folder: Path | None = None, cut_after: int | None = None, seed: int = 3
) -> tuple[EncoderClassifier, Trained, list[float]]:
    """Train; with `cut_after`, end as a kill would once so many steps are saved."""
    network, reported = make_network(), list[float]()
    network.dropout.p = SETTINGS.dropout
    torch.manual_seed(seed)
    checkpoints = None if folder is None else Checkpoints(folder)
    saves = 0

    if checkpoints is not None and cut_after is not None:
        save = checkpoints.save

        def counted(snapshot: Snapshot) -> bool:
            nonlocal saves
            saved = save(snapshot)
            saves += 1
            if saves == cut_after:
                raise Cut
            return saved

        checkpoints.save = counted  # type: ignore[method-assign]
    watch = Watch(accuracy, report=lambda _, value: reported.append(value))
    settings = SETTINGS.model_copy(update={"optimizer": optimizer})
    found = train(
        network, TRAIN, VALIDATION, settings, CPU, watch, seed=seed, checkpoints=checkpoints
    )
    return network, found, reported


@pytest.mark.usefixtures("always")
@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
@pytest.mark.parametrize("cut_after", [1, 8, 9, 13, 20])
def test_training_that_was_cut_off_ends_in_the_same_weights(
    optimizer: str, cut_after: int, tmp_path: Path
) -> None:
    network, whole, reported = tuned(optimizer)
    with pytest.raises(Cut):
        tuned(optimizer, tmp_path / "steps", cut_after)
    torch.manual_seed(99)  # another process begins in another state
    again, found, reported_again = tuned(optimizer, tmp_path / "steps")
    assert same(weights(network), weights(again))
    assert (found.value, found.epochs, found.points) == (whole.value, whole.epochs, whole.points)
    assert (found.outputs == whole.outputs).all()
    assert reported_again == reported


@pytest.mark.usefixtures("always")
def test_training_that_had_ended_is_not_begun_again(tmp_path: Path) -> None:
    network, whole, _ = tuned("adamw", tmp_path / "steps")
    again = make_network()
    settings = SETTINGS.model_copy(update={"optimizer": "adamw"})
    watch = Watch(lambda *_: pytest.fail("it was scored again"))
    found = train(
        again, TRAIN, VALIDATION, settings, CPU, watch, seed=3,
        checkpoints=Checkpoints(tmp_path / "steps"),
    )  # fmt: skip
    assert same(weights(network), weights(again))
    assert found.value == whole.value


def snapshot(step: int) -> Snapshot:
    return Snapshot(step, {"w": torch.full((4,), float(step))}, {"step": step})


@pytest.fixture
def three(tmp_path: Path) -> Path:
    """A folder in which three checkpoints were saved."""
    checkpoints = Checkpoints(tmp_path / "steps")
    for step in (5, 10, 15):
        assert checkpoints.save(snapshot(step))
    return tmp_path / "steps"


def newest(folder: Path) -> Path:
    return max(p for p in folder.iterdir() if p.name.isdigit())


def test_the_last_two_are_kept_and_the_newest_is_read(three: Path) -> None:
    assert len(list(three.iterdir())) == KEPT
    found = Checkpoints(three).latest()
    assert found is not None
    assert (found.number, found.state) == (15, {"step": 15})
    assert torch.equal(found.tensors["w"], torch.full((4,), 15.0))


@pytest.mark.parametrize("name", [TENSORS, STATE, "MANIFEST.json"])
@pytest.mark.parametrize("damage", ["torn", "flipped", "gone"])
def test_damaged_checkpoint_gives_way_to_the_one_before_it(
    name: str, damage: str, three: Path
) -> None:
    path = newest(three) / name
    content = path.read_bytes()
    if damage == "gone":
        path.unlink()
    elif damage == "torn":
        path.write_bytes(content[: len(content) // 2])
    else:
        path.write_bytes(bytes([content[0] ^ 1]) + content[1:])
    found = Checkpoints(three).latest()
    assert found is not None
    assert found.number == 10
    assert Checkpoints(three).save(snapshot(15))  # and the step can be saved anew
    again = Checkpoints(three).latest()
    assert again is not None
    assert again.number == 15


def test_training_begins_anew_where_every_checkpoint_is_damaged(three: Path) -> None:
    for folder in three.iterdir():
        (folder / TENSORS).write_bytes(b"")
    assert Checkpoints(three).latest() is None


def test_unfinished_draft_is_not_a_checkpoint(tmp_path: Path) -> None:
    draft = tmp_path / "steps" / ".writing-999999-x"
    draft.mkdir(parents=True)
    (draft / TENSORS).write_bytes(b"half")
    checkpoints = Checkpoints(tmp_path / "steps")
    assert checkpoints.latest() is None
    checkpoints.save(snapshot(1))
    assert not draft.exists()


def test_full_disk_costs_the_checkpoint_not_the_training(
    three: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    checkpoints = Checkpoints(three)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        assert not checkpoints.save(snapshot(20))
    found = checkpoints.latest()
    assert found is not None
    assert found.number == 15
    assert not list(three.glob(".writing-*"))


def test_interrupt_while_saving_leaves_what_was_there(
    three: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def pressed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(ArtifactStore, "_publish", pressed)
    with pytest.raises(KeyboardInterrupt):
        Checkpoints(three).save(snapshot(20))
    found = Checkpoints(three).latest()
    assert found is not None
    assert found.number == 15


def test_saving_is_rare_where_it_is_dear(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr("tuneos.tools.training.checkpoint.time.monotonic", lambda: clock[0])
    checkpoints = Checkpoints(tmp_path)
    assert checkpoints.due(epoch_ended=True)
    assert not checkpoints.due(epoch_ended=False)
    clock[0] = 31.0
    assert checkpoints.due(epoch_ended=False)
    checkpoints._cost, checkpoints._saved = 1.0, 31.0  # the last took a second
    clock[0] = 80.0
    assert not checkpoints.due(epoch_ended=True)
    clock[0] = 81.5
    assert checkpoints.due(epoch_ended=True)
