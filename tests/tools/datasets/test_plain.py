"""Plain text files: paragraphs or lines."""

from __future__ import annotations

from pathlib import Path

import pytest
from tuneos.tools.datasets.plain import read_plain
from tuneos.tools.datasets.read import read_data


@pytest.mark.parametrize(
    ("content", "texts", "lines"),
    [
        ("one\ntwo\n", ["one", "two"], [1, 2]),
        ("a\nb\n\n\nc\n", ["a\nb", "c"], [1, 5]),
        ("\n\none\ntwo", ["one", "two"], [3, 4]),
        ("a\r\n\r\nb\r\n", ["a", "b"], [1, 3]),
        ("a\u2028b\nc", ["a\u2028b", "c"], [1, 2]),
    ],
)
def test_blank_lines_part_paragraphs_else_lines_are_rows(
    content: str, texts: list[str], lines: list[int], tmp_path: Path
) -> None:
    (tmp_path / "x.txt").write_bytes(content.encode())
    table = read_plain(tmp_path / "x.txt")
    assert table.cells["text"] == texts
    assert table.places == [f"x.txt line {n}" for n in lines]


def test_text_files_are_taken_for_language_modelling(tmp_path: Path) -> None:
    for name in ("train", "validation", "test"):
        (tmp_path / f"{name}.txt").write_text(f"{name} one\n{name} two\n", encoding="utf-8")
    raw = read_data(tmp_path)
    assert raw.task == "language-modelling"
    assert raw.splits["test"].texts == ("test one", "test two")
    assert any("2 lines of plain text" in guess for guess in raw.guesses)
