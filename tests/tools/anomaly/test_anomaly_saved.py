"""A detector lies in the model folder as JSON and safetensors, and damage is one clear line."""

import json
from pathlib import Path

import numpy as np
import pytest
from tuneos.tools.anomaly.fit import Outputs
from tuneos.tools.anomaly.job import fit_detector
from tuneos.tools.anomaly.saved import NOTES, TENSORS, Detector, read_detector, write_detector
from tuneos.tools.anomaly.scores import fit_usual
from tuneos.tools.anomaly.seen import Seen, States, marked
from tuneos.tools.errors import ModelError


@pytest.fixture
def detector() -> Detector:
    rng = np.random.default_rng(1)
    labels = np.arange(200) % 4
    features = (np.eye(4, 6)[labels] + 0.1 * rng.normal(size=(200, 6))).astype(np.float32)
    true = marked(labels, 4)
    seen = Seen(features[:, :4].astype(np.float64), features, true)
    return fit_detector(Outputs("softmax", novel=True), seen, seen, true, None)


def test_a_detector_answers_the_same_when_loaded_again(detector: Detector, tmp_path: Path) -> None:
    write_detector(tmp_path, detector)
    again = read_detector(tmp_path, 4)
    assert again is not None
    features = np.full((3, 6), -1, np.float32)
    far = States(features[:, :4].astype(np.float64), features)
    scores, abstain = again.judge(far)
    assert scores.tolist() == detector.judge(far)[0].tolist()
    assert scores.min() == 1.0
    assert abstain.all()


def test_calibration_keeps_every_answer(detector: Detector) -> None:
    logits = np.random.default_rng(2).normal(size=(50, 4))
    assert (detector.probabilities(logits).argmax(1) == logits.argmax(1)).all()


def test_a_folder_without_a_detector_has_none(tmp_path: Path) -> None:
    assert read_detector(tmp_path, 4) is None


@pytest.mark.parametrize("damage", ["notes", "tensors", "classes"])
def test_a_damaged_detector_is_refused(detector: Detector, tmp_path: Path, damage: str) -> None:
    write_detector(tmp_path, detector)
    if damage == "notes":
        (tmp_path / NOTES).write_text('{"score": "pickle"}')
    if damage == "tensors":
        (tmp_path / TENSORS).write_bytes(b"no tensors")
    if damage == "classes":
        text = (tmp_path / NOTES).read_text().replace(detector.notes.score, "mahalanobis")
        (tmp_path / NOTES).write_text(text)
        from safetensors.numpy import save_file

        save_file({"seen": detector.seen}, tmp_path / TENSORS)
    with pytest.raises(ModelError, match=r"save the model again|cannot be read"):
        read_detector(tmp_path, 4)


def test_a_detector_saved_before_links_were_is_read_as_one_of_single_labels(
    detector: Detector, tmp_path: Path
) -> None:
    write_detector(tmp_path, detector)
    notes = json.loads((tmp_path / NOTES).read_text())
    del notes["link"]
    (tmp_path / NOTES).write_text(json.dumps(notes))
    again = read_detector(tmp_path, 4)
    assert again is not None
    assert again.notes == detector.notes


def test_a_detector_of_another_kind_of_answer_or_model_is_refused(
    detector: Detector, tmp_path: Path
) -> None:
    write_detector(tmp_path, detector)
    with pytest.raises(ModelError, match="does not fit"):
        read_detector(tmp_path, 4, "sigmoid")
    narrow = States(np.zeros((1, 4)), np.zeros((1, 5), np.float32))
    for score in ("knn", "mahalanobis"):
        usual = fit_usual(np.eye(6, dtype=np.float32), np.eye(6, 4).astype(bool))
        notes = detector.notes.model_copy(update={"score": score})
        with pytest.raises(ModelError, match="does not fit its model"):
            Detector(notes, usual, detector.seen).judge(narrow)
