"""Reading under which licence data comes."""

from __future__ import annotations

from pathlib import Path

import pytest
from tuneos.tools.datasets.licence import licence_of, plain_licence


@pytest.mark.parametrize(
    ("said", "plain"),
    [
        ("cc-by-nc-4.0", "cc-by-nc-4.0"),
        ("CC BY-NC 4.0", "cc-by-nc-4.0"),
        ("CC BY-NC-ND 3.0", "cc-by-nc-nd-3.0"),
        ("Creative Commons Attribution-NonCommercial 4.0 International", "cc-by-nc-4.0"),
        ("Creative Commons Attribution-NonCommercial-ShareAlike 4.0", "cc-by-nc-sa-4.0"),
        ("CC BY 4.0", "cc-by-4.0"),
        ("Apache-2.0", "apache-2.0"),
        ("MIT", "mit"),
        ("", ""),
        ("<script>", "script"),
    ],
)
def test_licence_is_written_as_spdx_does(said: str, plain: str) -> None:
    assert plain_licence(said) == plain


@pytest.mark.parametrize(
    ("name", "text", "plain"),
    [
        ("README.md", "---\nlicense: cc-by-nc-4.0\ntags: [a]\n---\n# Data", "cc-by-nc-4.0"),
        ("README.md", "---\nlicense: [mit]\n---\n", "mit"),
        ("README.md", "# Data\n\nLicense: CC BY-ND 4.0\n", "cc-by-nd-4.0"),
        ("README.md", "---\nlicense: {a: [\n---\nnothing", ""),
        ("dataset_info.json", '{"license": "CC BY-NC 4.0"}', "cc-by-nc-4.0"),
        ("LICENSE", "Creative Commons Attribution-NonCommercial 4.0 International", "cc-by-nc-4.0"),
        ("notes.txt", "license: mit", ""),
    ],
)
def test_licence_is_read_from_the_data_folder(
    name: str, text: str, plain: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_text(text)
    (tmp_path / "train.csv").write_text("text,label\n")
    assert licence_of(tmp_path) == plain
