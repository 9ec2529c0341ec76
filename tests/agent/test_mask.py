"""`tuneos mask`: every format comes out as it went in, without the values."""

import json
from pathlib import Path

import pytest
from click.testing import Result
from tuneos.agent.cli import app
from typer.testing import CliRunner

MAIL = "anna@firm.com"
FILES = {
    "a.csv": f'id,text,label\n1,"write, {MAIL}",x\n2,fine,y\n',
    "a.tsv": f"text\tlabel\nwrite {MAIL}\tx\nfine\ty\n",
    "a.jsonl": f'{{"id": "{MAIL}", "text": "write {MAIL}", "label": "x"}}\n'
    '{"text": "fine", "label": "y"}\n',
    "a.conll": f"write O\n{MAIL} B-mail\n\nfine O\n\n",
    "a.txt": f"write {MAIL}\nfine\n",
    "a.json": json.dumps(
        {
            "data": [
                {
                    "title": "t",
                    "paragraphs": [
                        {
                            "context": f"write {MAIL} in Rome",
                            "qas": [
                                {
                                    "id": "q",
                                    "question": "Where?",
                                    "answers": [{"text": "Rome", "answer_start": 23}],
                                }
                            ],
                        }
                    ],
                }
            ]
        }
    ),
}


def mask(*words: object) -> Result:
    return CliRunner().invoke(app, ["mask", *map(str, words)])


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("mode", ["mask", "pseudonymise", "drop"])
def test_value_is_in_neither_output_nor_audit(tmp_path: Path, name: str, mode: str) -> None:
    source, out, audit = tmp_path / name, tmp_path / f"out-{name}", tmp_path / "audit.jsonl"
    source.write_text(FILES[name], encoding="utf-8")
    done = mask(source, "--output", out, "--mode", mode, "--audit", audit)
    assert done.exit_code == 0, done.output
    assert "anna" not in out.read_text(encoding="utf-8") + audit.read_text(encoding="utf-8")
    lines = [json.loads(line) for line in audit.read_text(encoding="utf-8").splitlines()]
    assert lines
    assert all(set(line) == {"id", "field", "start", "end", "type"} for line in lines)
    if name != "a.json":
        assert "fine" in out.read_text(encoding="utf-8")


def test_csv_keeps_its_shape(tmp_path: Path) -> None:
    source, out = tmp_path / "a.csv", tmp_path / "b.csv"
    source.write_text(FILES["a.csv"], encoding="utf-8")
    mask(source, "--output", out)
    assert out.read_text(encoding="utf-8") == FILES["a.csv"].replace(MAIL, "[EMAIL]")


def test_folder_has_one_stand_in_for_one_value(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name in ("train.csv", "test.csv"):
        (tmp_path / "in" / name).write_text(FILES["a.csv"], encoding="utf-8")
    mask(tmp_path / "in", "--output", tmp_path / "out", "--mode", "pseudonymise")
    train, test = ((tmp_path / "out" / n).read_text("utf-8") for n in ("train.csv", "test.csv"))
    assert train == test
    assert "@example.org" in train


def test_key_gives_the_same_stand_ins_again(tmp_path: Path) -> None:
    source, key = tmp_path / "a.csv", tmp_path / "key"
    source.write_text(FILES["a.csv"], encoding="utf-8")
    for out in ("b.csv", "c.csv"):
        mask(source, "--output", tmp_path / out, "--mode", "pseudonymise", "--key", key)
    assert (tmp_path / "b.csv").read_bytes() == (tmp_path / "c.csv").read_bytes()
    assert key.stat().st_mode & 0o077 == 0


def test_report_writes_nothing_but_the_audit(tmp_path: Path) -> None:
    source, audit = tmp_path / "a.csv", tmp_path / "audit.jsonl"
    source.write_text(FILES["a.csv"], encoding="utf-8")
    done = mask(source, "--mode", "report", "--audit", audit)
    assert "1 of 2 rows" in done.output
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.csv", "audit.jsonl"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["a.csv"], "--output"),
        (["a.csv", "--output", "a.csv"], "different files"),
        (["none.csv", "--output", "b.csv"], "no such file"),
        (["a.csv", "--output", "b.csv", "--mode", "hide"], "is none of"),
        (["a.csv", "--output", "b.csv", "--text", "words"], "no column 'words'"),
        (["a.csv", "--output", "b.csv", "--mode", "pseudonymise", "--key", "a.csv"], "different"),
        (["a.bin", "--output", "b.bin"], "cannot be masked"),
    ],
)
def test_mistakes_are_one_line_and_write_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.csv").write_text(FILES["a.csv"], encoding="utf-8")
    Path("a.bin").write_bytes(b"x")
    done = mask(*words)
    assert done.exit_code == 2
    assert said in done.output
    assert not list(tmp_path.glob("b.*"))
