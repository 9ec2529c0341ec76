"""Artifacts are there whole or not at all."""

from __future__ import annotations

import errno
import json
import subprocess
import sys
from pathlib import Path

import pytest
from tuneos.memory.artifacts import ArtifactStore
from tuneos.memory.errors import StoreError


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(tmp_path / "artifacts")


def make(store: ArtifactStore, text: str = "weights") -> str:
    key = store.key({"what": "model", "text": text})
    with store.writing(key) as draft:
        (draft / "sub").mkdir()
        (draft / "model.bin").write_text(text)
        (draft / "sub" / "config.json").write_text("{}")
    return key


def left_over(store: ArtifactStore) -> list[str]:
    return [path.name for path in store.root.glob(".*")]


def test_key_depends_on_content_and_not_on_order(store: ArtifactStore) -> None:
    one = store.key({"a": 1, "b": [1.5, "é"], "c": {"x": None, "y": True}})
    assert one == store.key({"c": {"y": True, "x": None}, "b": [1.5, "é"], "a": 1})
    assert one != store.key({"a": 2, "b": [1.5, "é"], "c": {"x": None, "y": True}})
    assert len(one) == 24


@pytest.mark.parametrize("value", [float("nan"), {1, 2}, Path("x")])
def test_key_refuses_what_has_no_canonical_form(store: ArtifactStore, value: object) -> None:
    with pytest.raises((ValueError, TypeError)):
        store.key({"a": value})


@pytest.mark.parametrize("key", ["", "../../etc", "A" * 24, "a" * 23, "a" * 24 + "\n"])
def test_path_refuses_what_is_no_key(store: ArtifactStore, key: str) -> None:
    with pytest.raises(StoreError, match="no artifact key"):
        store.path(key)


def test_clean_exit_makes_a_verified_artifact(store: ArtifactStore) -> None:
    key = make(store)
    assert store.has(key)
    store.verify(key)
    manifest = json.loads((store.path(key) / "MANIFEST.json").read_text())
    assert sorted(manifest["files"]) == ["model.bin", "sub/config.json"]
    assert manifest["files"]["model.bin"]["bytes"] == 7
    assert left_over(store) == []


def test_nothing_is_there_before_the_clean_exit(store: ArtifactStore) -> None:
    key = store.key({})
    with store.writing(key) as draft:
        (draft / "x").write_text("x")
        assert not store.has(key)
        assert draft.parent == store.root


def test_failure_leaves_nothing(store: ArtifactStore) -> None:
    key = store.key({})

    def fail_half_way() -> None:
        with store.writing(key) as draft:
            (draft / "x").write_text("half")
            raise RuntimeError("training failed")

    with pytest.raises(RuntimeError):
        fail_half_way()
    assert not store.path(key).exists()
    assert left_over(store) == []


def test_full_disk_is_said_with_the_mend(store: ArtifactStore) -> None:
    key = store.key({})
    full = pytest.raises(StoreError, match=r"disk of .*artifacts is full.*Free some space")
    with full, store.writing(key):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert not store.has(key)
    assert left_over(store) == []


def test_other_system_errors_are_not_disguised(store: ArtifactStore) -> None:
    with pytest.raises(PermissionError), store.writing(store.key({})):
        raise PermissionError(errno.EACCES, "no")


def test_concurrent_loser_discards_its_copy(store: ArtifactStore) -> None:
    key = store.key({})
    with store.writing(key) as slow:
        (slow / "by").write_text("slow")
        with store.writing(key) as fast:
            (fast / "by").write_text("fast")
    assert (store.path(key) / "by").read_text() == "fast"
    store.verify(key)
    assert left_over(store) == []


def test_artifact_that_lost_its_manifest_is_made_anew(store: ArtifactStore) -> None:
    key = make(store)
    (store.path(key) / "MANIFEST.json").unlink()
    assert not store.has(key)
    assert make(store) == key
    store.verify(key)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda f: (f / "model.bin").write_text("Weights"), "model.bin has been changed"),
        (lambda f: (f / "model.bin").write_text("w"), "model.bin has 1 bytes instead of 7"),
        (lambda f: (f / "sub" / "config.json").unlink(), "sub/config.json is missing"),
        (lambda f: (f / "extra").write_text(""), "extra is not in the manifest"),
        (lambda f: (f / "MANIFEST.json").write_text("{"), "MANIFEST.json cannot be read"),
        (lambda f: (f / "MANIFEST.json").write_text("[]"), "MANIFEST.json cannot be read"),
        (lambda f: (f / "MANIFEST.json").unlink(), "no complete artifact"),
    ],
)
def test_verify_names_the_damaged_file(store: ArtifactStore, damage: object, said: str) -> None:
    key = make(store)
    assert callable(damage)
    damage(store.path(key))
    with pytest.raises(StoreError, match=said):
        store.verify(key)


WRITER = """
import sys, time
from pathlib import Path
from tuneos.memory.artifacts import ArtifactStore
store = ArtifactStore(Path(sys.argv[1]))
key = store.key({"what": "contested"})
with store.writing(key) as draft:
    for i in range(5):
        (draft / f"part{i}").write_text(sys.argv[2] * 1000)
    print("written", flush=True)
    sys.stdin.readline()
"""


def writer(store: ArtifactStore, text: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(store.root), text],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_killed_writer_leaves_no_artifact_and_is_swept_up(store: ArtifactStore) -> None:
    child = writer(store, "x")
    assert child.stdout is not None
    assert child.stdout.readline() == "written\n"
    child.kill()
    child.communicate()
    key = store.key({"what": "contested"})
    assert not store.has(key)
    assert len(left_over(store)) == 1
    make(store)
    assert left_over(store) == []


def test_processes_writing_one_key_leave_one_whole_copy(store: ArtifactStore) -> None:
    children = [writer(store, letter) for letter in "abcd"]
    for child in children:
        assert child.stdout is not None
        assert child.stdout.readline() == "written\n"
    for child in children:
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.flush()
    for child in children:
        child.communicate()
        assert child.returncode == 0
    key = store.key({"what": "contested"})
    store.verify(key)
    parts = {(store.path(key) / f"part{i}").read_text() for i in range(5)}
    assert len(parts) == 1
    assert left_over(store) == []


def test_damaged_artifact_is_set_aside_to_be_made_anew(store: ArtifactStore) -> None:
    key = make(store)
    assert store.has_whole(key)
    (store.path(key) / "model.bin").write_text("weight5")
    assert not store.has_whole(key)
    assert not store.has(key)
    assert len(list(store.root.glob(f".damaged-{key}-*"))) == 1, "nothing is deleted"
    make(store)
    assert store.has_whole(key)


def test_folder_tells_which_artifact_it_is_part_of(store: ArtifactStore) -> None:
    key = make(store)
    assert store.key_of(store.path(key) / "sub") == key
    with pytest.raises(StoreError, match="no artifact"):
        store.key_of(store.root.parent)
