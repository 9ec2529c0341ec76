"""A conversation outlives the program, and a crash in the middle of a line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tuneos.agent.chat.conversation import Draft, glance, names, opened
from tuneos.agent.spec import SpecError
from tuneos.memory.errors import StoreError


def test_latest_conversation_is_continued_with_all_it_held(tmp_path: Path) -> None:
    with opened(tmp_path, "first") as talk:
        talk.say("person", "use x.csv\nand be quick")
        talk.redraft(Draft(data="x.csv", targets=("accuracy>=0.9",)))
        talk.take_up("x-1124-1200-abcd")
    with opened(tmp_path) as again:
        assert again.name == "first"
        assert [line.text for line in again.said] == ["use x.csv\nand be quick"]
        assert again.draft.targets == ("accuracy>=0.9",)
        assert again.run == "x-1124-1200-abcd"


def test_new_conversation_begins_empty_and_leaves_the_others(tmp_path: Path) -> None:
    with opened(tmp_path, "first") as talk:
        talk.say("person", "hello")
    with opened(tmp_path, new=True) as other:
        assert not other.lines
        other.say("person", "good day")
    assert names(tmp_path) == [other.name, "first"]
    assert glance(tmp_path, "first")[2] == "hello"


def test_line_that_a_crash_tore_off_is_dropped_and_the_next_is_whole(tmp_path: Path) -> None:
    with opened(tmp_path, "a") as talk:
        talk.say("person", "one")
        path = talk.path
    with path.open("ab") as file:
        file.write(b'{"kind":"said","when":"2026-')
    with opened(tmp_path, "a") as again:
        again.say("person", "two")
    with opened(tmp_path, "a") as third:
        assert [line.text for line in third.said] == ["one", "two"]


@pytest.mark.parametrize("rubbish", [b"\xff\xfe\n", b"{}\n", b"[1]\n", b"\n"])
def test_damage_elsewhere_is_named_with_its_line(rubbish: bytes, tmp_path: Path) -> None:
    with opened(tmp_path, "a") as talk:
        talk.say("person", "one")
        path = talk.path
    path.write_bytes(rubbish + path.read_bytes())
    with pytest.raises(StoreError, match=r"a\.jsonl line 1"), opened(tmp_path, "a"):
        pass


def test_conversation_is_open_in_one_process_at_a_time(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from tuneos.agent.chat.conversation import opened\n"
        "from tuneos.memory.errors import StoreError\n"
        "try:\n    opened(Path(sys.argv[1])).__enter__()\n"
        "except StoreError as error: print(error)\n"
    )
    with opened(tmp_path, "a") as talk:
        talk.say("person", "hello")
        done = subprocess.run(
            [sys.executable, "-P", "-c", code, str(tmp_path)], capture_output=True, text=True
        )
    assert "open in another process" in done.stdout


def test_two_new_conversations_in_one_minute_have_their_own_names(tmp_path: Path) -> None:
    with opened(tmp_path) as one, opened(tmp_path) as two:
        assert one.name != two.name


@pytest.mark.parametrize("name", ["../x", "", "a/b", ".hidden", "x" * 80])
def test_name_cannot_lead_elsewhere(name: str, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot name"), opened(tmp_path, name):
        pass


def test_draft_without_data_says_what_is_missing() -> None:
    with pytest.raises(SpecError, match="know the data"):
        Draft().spec({})
