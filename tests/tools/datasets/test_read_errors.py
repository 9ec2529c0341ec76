"""Each bad input gives one line that says what, where and how to mend it."""

from collections.abc import Callable
from pathlib import Path

import pytest
from tuneos.tools.datasets.read import read_data
from tuneos.tools.errors import DatasetError
from tuneos.tools.tasks import TASKS

Write = Callable[[str, str | bytes], Path]

GOOD = "".join(f'{{"text": "some text {i}", "label": "{"ab"[i % 2]}"}}\n' for i in range(4))
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(range(256))
LATIN = "text,label\n" + "".join(f"où est ma carte n° {i},{'ab'[i % 2]}\n" for i in range(20))
RUSSIAN = "text,label\n" + "".join(f"где моя карта номер {i},{'ab'[i % 2]}\n" for i in range(20))


def complaint(path: Path, **options: str) -> str:
    """Return the message of the error that reading raises: one line, always."""
    with pytest.raises(DatasetError) as caught:
        read_data(path, **options)
    message = str(caught.value)
    assert "\n" not in message
    return message


# name, content, words that the message must hold: what, where, how to mend
FILES: list[tuple[str, str | bytes, list[str]]] = [
    ("empty.csv", "", ["empty.csv", "is empty", "give a file"]),
    ("bom.csv", b"\xef\xbb\xbf", ["bom.csv", "is empty"]),
    ("blank.csv", "\n\n \n", ["blank.csv", "is empty"]),
    ("commas.csv", ",,\n,,\n", ["commas.csv", "blank rows only"]),
    ("header.csv", "text,label\n", ["header.csv", "has no rows", "add rows"]),
    ("empty.jsonl", "{}\n{}\n", ["empty.jsonl", "has no rows"]),
    (
        "sentence.csv",
        "I still have not received my card,late\nwhere is it,late\nclose it,close\nbye,close\n",
        ["sentence.csv", "no header", "I still have not", "add a first row"],
    ),
    ("value.csv", "love it,pos\nhate it,neg\ngood,pos\nbad,neg\n", ["no header", "'pos'"]),
    ("number.csv", "love it,1\nhate it,0\ngood,1\nbad,0\n", ["no header", "'1'"]),
    (
        "question.csv",
        "why is it,question\nwhy not,question\nyes,answer\nno,answer\n",
        ["no header"],
    ),
    ("twice.csv", "text,label,label\na,b,c\n", ["twice.csv row 1", "'label' twice", "rename"]),
    ("hole.csv", "text,\nsome text,a\nother,b\n", ["hole.csv", "cell 2 is empty", "name that"]),
    ("one.csv", "text\nhello\n", ["one.csv row 1", "one cell only", "comma, semicolon or tab"]),
    ("one_class.csv", "text,label\nx y,a\ny z,a\n", ["'label'", "one class only", "'a'", "two"]),
    (
        "alone.csv",
        "text,label\nx1,a\nx2,a\nx3,b\nx4,b\nx5,c\n",
        ["class 'c' has one row", "alone.csv row 6", "add rows", "merge"],
    ),
    (
        "unlabelled.csv",
        "text,label\nx1,a\nx2,\nx3,b\nx4, \nx5,b\n",
        ["'label' is empty in 2 of 5", "unlabelled.csv row 3, unlabelled.csv row 5", "fill in"],
    ),
    (
        "null.jsonl",
        GOOD + '{"text": "y", "label": null}\n{"text": "z"}\n',
        ["'label' is empty in 2 of 6", "null.jsonl line 5, null.jsonl line 6"],
    ),
    (
        "wide.csv",
        "text,label\nx1,a\nhello, you,a\nx3,b\n",
        ["wide.csv row 3 has 3 cells, the header has 2", "double quotes"],
    ),
    ("narrow.csv", "text,label\nx1,a\n\nx2\nx3\n", ["narrow.csv row 4 has 1", "2 such rows: 4, 5"]),
    ("ragged.tsv", "text\tlabel\nx1\ta\nx2\ta\tb\n", ["ragged.tsv row 3 has 3", "tab"]),
    (
        "open.csv",
        'text,label\nx1,a\n"x2,a\nx3,b\n',
        ["open.csv row 3", "never closed", "close the quote"],
    ),
    ("quote.csv", 'text,label\n"a" b,a\n', ["quote.csv row 2", "quote problem", '""']),
    ("broken.jsonl", GOOD + '{"text": "x", \n', ["broken.jsonl line 5", "not valid JSON", "mend"]),
    ("array.jsonl", "[\n" + GOOD, ["array.jsonl line 1", "one line"]),
    ("list.jsonl", GOOD + '["x", "a"]\n', ["list.jsonl line 5", "a list, not an object"]),
    ("null_row.jsonl", GOOD + "null\n", ["null_row.jsonl line 5", "null, not an object"]),
    ("deep.jsonl", GOOD + "[" * 100_000, ["deep.jsonl line 5"]),
    ("image.csv", PNG, ["image.csv is a binary file", "give CSV"]),
    ("controls.csv", b"\x01\x02\x03\x04" * 99, ["controls.csv is a binary file"]),
    ("book.csv", b"PK\x03\x04rest", ["Excel workbook", "save the sheet"]),
    ("table.csv", b"PAR1rest", ["parquet", "rename"]),
    ("fake.parquet", "text,label\nx,a\n", ["fake.parquet is not a readable parquet", "rename"]),
    (
        "latin.csv",
        LATIN.encode("cp1252"),
        ["latin.csv is not UTF-8", "line 2", "iconv -f CP1252 -t UTF-8 latin.csv"],
    ),
    ("russian.csv", RUSSIAN.encode("cp1251"), ["20 of 21 lines", "iconv -f CP1251"]),
    ("wide16.csv", GOOD.encode("utf-16-le"), ["UTF-16LE", "iconv -f UTF-16LE"]),
    ("cut16.csv", "text,label".encode("utf-16") + b"x", ["UTF-16", "cut or damaged"]),
    ("data.json", GOOD, ["data.json", "extension .json", "one JSON object a line"]),
    ("data.xyz", GOOD, ["extension .xyz", ".csv, .tsv, .jsonl", "give it as"]),
    ("data", GOOD, ["no extension"]),
    (
        "several.jsonl",
        '{"text": "some text", "labels": ["a"]}\n' * 4,
        ["one label only, 'a'", "several.jsonl line 1"],
    ),
    (
        "nested.jsonl",
        GOOD + '{"text": "some text", "label": ["a", "b"]}\n',
        ["nested.jsonl line 1", "lists in other rows", '["a"]'],
    ),
    (
        "tokens.jsonl",
        '{"text": ["some", "text"], "label": "a"}\n' * 4,
        ["no column looks like the text", "--text COLUMN --label COLUMN"],
    ),
]


@pytest.mark.parametrize(("name", "content", "words"), FILES, ids=[case[0] for case in FILES])
def test_bad_file_is_told(name: str, content: str | bytes, words: list[str], write: Write) -> None:
    message = complaint(write(name, content))
    for word in words:
        assert word in message


def test_missing_file_names_one_that_is_near(write: Write, tmp_path: Path, good_csv: str) -> None:
    write("tickets.csv", good_csv)
    message = complaint(tmp_path / "ticket.csv")
    assert "does not exist" in message
    assert f"did you mean {tmp_path / 'tickets.csv'}?" in message
    assert "check the path" in complaint(tmp_path / "no" / "where.csv")


def test_file_that_may_not_be_read_is_told(
    write: Write, good_csv: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write("data.csv", good_csv)

    def refuse(self: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "read_bytes", refuse)
    message = complaint(path)
    assert f"{path} cannot be read: permission denied" in message
    assert "chmod" in message


def test_column_that_is_not_there_lists_those_that_are(write: Write, good_csv: str) -> None:
    path = write("data.csv", good_csv)
    message = complaint(path, text="body")
    assert "data.csv has no column 'body' (--text)" in message
    assert "text, label" in message
    assert "(--label)" in complaint(path, label="intent")
    assert "both name 'text'" in complaint(path, text="text", label="text")


def test_unknown_task_lists_the_known(write: Write, good_csv: str) -> None:
    message = complaint(write("data.csv", good_csv), task="poetry")
    assert message == f"unknown task 'poetry'; known tasks: {', '.join(TASKS)}"


def test_column_of_lists_cannot_be_the_text(write: Write) -> None:
    path = write("data.jsonl", '{"words": ["a"], "label": "a"}\n' * 3)
    assert "data.jsonl line 1: column 'words' holds a list" in complaint(path, text="words")


def test_folder_without_train_says_what_it_holds(write: Write, tmp_path: Path) -> None:
    assert "it is empty" in complaint(tmp_path)
    write("test.csv", "text,label\n")
    message = complaint(tmp_path)
    assert "no train file (it holds test.csv)" in message
    assert "train.jsonl" in message
    write("train.xlsx", b"PK")
    assert "train.xlsx has the extension .xlsx" in complaint(tmp_path)


@pytest.mark.parametrize(
    ("one", "other"), [("train.csv", "train.jsonl"), ("dev.csv", "validation.csv")]
)
def test_two_files_for_one_split_are_both_named(
    one: str, other: str, write: Write, tmp_path: Path, good_csv: str
) -> None:
    for name in ("train.csv", one, other):
        write(name, good_csv)
    message = complaint(tmp_path)
    assert "two files" in message
    assert f"{one} and {other}" in message


@pytest.mark.parametrize("name", ["validation", "test"])
def test_split_without_rows_is_told(name: str, write: Write, tmp_path: Path, good_csv: str) -> None:
    write("train.csv", good_csv)
    write(f"{name}.csv", "text,label\n")
    assert f"{name}.csv has no rows" in complaint(tmp_path)


def test_held_out_split_must_have_the_same_columns(
    write: Write, tmp_path: Path, good_csv: str
) -> None:
    write("train.csv", good_csv)
    write("test.csv", good_csv.replace("label", "intent", 1))
    message = complaint(tmp_path)
    assert "test.csv has no column 'label'" in message
    assert "text, intent" in message


def test_label_that_train_never_saw_is_told(write: Write, tmp_path: Path, good_csv: str) -> None:
    write("train.csv", good_csv)
    write("test.csv", good_csv + "hello again,Greet\n")
    message = complaint(tmp_path)
    assert "test.csv row 8 has the label 'Greet'" in message
    assert "'greet', 'leave'" in message
    assert "correct its spelling" in message


def test_column_of_almost_unique_values_is_no_label(write: Write) -> None:
    rows = "".join(f"some text {i},{i * 1.7}\n" for i in range(30))
    message = complaint(write("data.csv", "text,label\n" + rows))
    assert "'label' has 30 different values in 30 rows" in message
    assert "--label COLUMN" in message


def test_damaged_saved_dataset_is_told(write: Write, tmp_path: Path) -> None:
    write("state.json", "{}")
    write("dataset_info.json", "{}")
    message = complaint(tmp_path)
    assert "not a readable Hugging Face dataset" in message
    assert "save_to_disk" in message
