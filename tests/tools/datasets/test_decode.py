"""Encodings: UTF-8 with a few strays is read, anything else is sent back."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tuneos.tools.datasets.decode import decode, text_trouble
from tuneos.tools.datasets.read import read_data
from tuneos.tools.errors import DatasetError

Write = Callable[[str, str | bytes], Path]


def lines(count: int) -> list[bytes]:
    rows = (f"naïve text {i},{'ab'[i % 2]}" for i in range(count))
    return [b"text,label", *(row.encode() for row in rows)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_marked_encodings_are_read(encoding: str, write: Write) -> None:
    content = b"\n".join(lines(6)).decode().encode(encoding)
    raw = read_data(write("data.csv", content))

    assert raw.splits["train"].texts[0] == "naïve text 0"
    assert [o.kind for o in raw.oddities] == (["encoding"] if encoding[4:] in ("16", "32") else [])


def test_stray_line_is_mended_and_told(write: Write) -> None:
    content = lines(40)
    content[20] = "café – “déjà vu”,a".encode("cp1252")
    raw = read_data(write("data.csv", b"\n".join(content)))

    assert raw.splits["train"].texts[19] == "café – “déjà vu”"
    assert [(o.kind, o.place) for o in raw.oddities] == [("encoding", "data.csv row 21")]
    assert "Windows-1252" in raw.oddities[0].detail


def test_stray_line_inside_a_cell_is_told_at_its_row(write: Write) -> None:
    content = lines(40)
    content[20] = b'"one\ncaf\xe9",a'
    raw = read_data(write("data.csv", b"\n".join(content)))

    assert raw.splits["train"].texts[19] == "one\ncafé"
    assert [o.place for o in raw.oddities] == ["data.csv row 21"]


def test_stray_jsonl_line_is_told_at_its_line(write: Write) -> None:
    rows = [
        json.dumps({"text": f"text é {i}", "label": "ab"[i % 2]}, ensure_ascii=False).encode()
        for i in range(40)
    ]
    rows[7] = rows[7].decode().encode("latin-1")
    raw = read_data(write("data.jsonl", b"\n".join(rows)))

    assert raw.splits["train"].texts[7] == "text é 7"
    assert [o.place for o in raw.oddities] == ["data.jsonl line 8"]


@pytest.mark.parametrize(
    ("count", "bad", "borne"),
    [
        (39, 3, True),
        (39, 4, False),
        (19, 2, True),
        (19, 3, False),
        (999, 10, True),
        (999, 11, False),
    ],
)
def test_share_of_bad_lines_decides(count: int, bad: int, borne: bool) -> None:
    content = lines(count)
    for number in range(1, bad + 1):
        content[number] = b"caf\xe9 au lait,a"
    data = b"\n".join(content)
    if borne:
        assert len(decode(data, "data.csv").mended) == bad
    else:
        with pytest.raises(DatasetError, match=f"{bad} of {count + 1} lines, the first is line 2"):
            decode(data, "data.csv")


def test_line_with_both_encodings_keeps_the_good_half() -> None:
    content = lines(40)
    content[5] = "ünder ".encode() + b"caf\xe9 \x81,a"
    assert decode(b"\n".join(content), "d").text.split("\n")[5] == "ünder café \x81,a"


def test_emoji_written_as_two_surrogates_are_repaired() -> None:
    content = lines(40)
    content[5] = "fun \ud83d\ude00,a".encode("utf-8", "surrogatepass")
    decoded = decode(b"\n".join(content), "d")
    assert decoded.text.split("\n")[5] == "fun 😀,a"
    assert "CESU-8" in decoded.mended[6]


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("plain", None),
        ("naïve – “café” £5 日本語 😀 Ünïcödé", None),
        ("wait \x96 what", "C1 control"),
        ("cafÃ© au lait", "Windows-1252"),
        ("itâ€™s", "Windows-1252"),
        ("lost \ufffd here", "replacement"),
    ],
)
def test_traces_of_wrong_decoding_are_seen(text: str, word: str | None) -> None:
    trouble = text_trouble(text)
    assert trouble is None if word is None else trouble is not None and word in trouble


def test_trouble_in_a_text_is_told_and_kept(write: Write, good_csv: str) -> None:
    raw = read_data(write("data.csv", good_csv + "wait \x96 what,leave\n"))
    assert raw.splits["train"].texts[-1] == "wait \x96 what"
    assert [(o.kind, o.place) for o in raw.oddities] == [("encoding", "data.csv row 8")]
