"""CoNLL, BRAT and SQuAD files, found and read."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tuneos.tools.datasets.brat import read_brat
from tuneos.tools.datasets.conll import is_conll, read_conll
from tuneos.tools.datasets.read import read_data
from tuneos.tools.datasets.squad import is_squad, read_squad
from tuneos.tools.errors import DatasetError

Write = Callable[[str, str | bytes], Path]

CONLL = "Ana\tB-per\nsings\tO\n\nin\tO\nBerlin\tB-loc\n.\tO\n"


def test_conll_sentences_end_at_blank_lines(write: Write) -> None:
    table = read_conll(write("train.conll", CONLL))
    assert table.cells["tokens"] == [["Ana", "sings"], ["in", "Berlin", "."]]
    assert table.cells["tags"] == [["B-per", "O"], ["O", "B-loc", "O"]]
    assert table.places == ["train.conll line 1", "train.conll line 4"]


def test_conll_of_four_columns_with_comments(write: Write) -> None:
    content = "-DOCSTART- -X- -X- O\n\n# id = 7\nAna NNP B-NP B-per\n# SYM O O\n"
    table = read_conll(write("x.conll", content))
    assert table.cells["tokens"] == [["Ana", "#"]]
    assert table.cells["tags"] == [["B-per", "O"]]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("Ana\tB-per\nsings\n", "x.conll line 2 holds 'sings' alone"),
        ("Ana\tPER\n", "x.conll line 1 ends in 'PER', which is no tag"),
        ("\tB-per\n", "x.conll line 1 has a tag, 'B-per', but no token"),
    ],
)
def test_conll_line_that_is_wrong_is_named(content: str, said: str, write: Write) -> None:
    with pytest.raises(DatasetError, match=said):
        read_conll(write("x.conll", content))


@pytest.mark.parametrize(
    ("name", "content", "found"),
    [
        ("a.tsv", CONLL, True),
        ("a.txt", CONLL.replace("\t", " "), True),
        ("a.tsv", "text\tlabel\nhello\tO\n", False),
        ("a.txt", "A plain line.\n\nAnother one.\n", False),
        ("a.tsv", "x\tO\ny\tO\n\nz\tO\n", False),
    ],
)
def test_shape_tells_conll_from_tables_and_text(
    name: str, content: str, found: bool, write: Write
) -> None:
    assert is_conll(write(name, content)) is found


def test_jsonl_goes_before_conll_of_the_same_name(write: Write, tmp_path: Path) -> None:
    rows = [{"tokens": ["Ana", "sings"], "tags": ["B-per", "O"]}]
    write("train.jsonl", "\n".join(map(json.dumps, rows)))
    write("train.conll", CONLL)
    raw = read_data(tmp_path)
    assert raw.task == "token-classification"
    assert len(raw.splits["train"]) == 1
    assert "train.conll is let be, as train.jsonl stands beside it" in raw.guesses


def test_two_tables_for_one_split_are_refused(write: Write, tmp_path: Path) -> None:
    write("train.jsonl", json.dumps({"tokens": ["Ana"], "tags": ["B-per"]}))
    write("train.csv", "text,label\na,b\n")
    with pytest.raises(DatasetError, match=r"two files for the train split: train\.csv and"):
        read_data(tmp_path)


def test_conll_folder_reads_without_options(write: Write, tmp_path: Path) -> None:
    write("train.conll", CONLL)
    write("dev.txt", CONLL)
    raw = read_data(tmp_path)
    assert {name: len(split) for name, split in raw.splits.items()} == {"train": 2, "validation": 2}
    assert raw.splits["train"].rows[0]["text"] == "Ana sings"


NOTES = "T1\tper 0 3\tAna\nR1\tknows Arg1:T1 Arg2:T2\nT2\tloc 12 15;16 20\tNew York\n"


def test_brat_folders_are_splits(write: Write, tmp_path: Path) -> None:
    for split in ("train", "test"):
        write(f"{split}/one.txt", "Ana lives in New York.")
        write(f"{split}/one.ann", NOTES.replace("12 15;16 20", "13 16;17 21"))
    raw = read_data(tmp_path)
    row = raw.splits["train"].rows[0]
    assert row["tags"] == ["B-per", "O", "O", "B-loc", "I-loc", "O"]
    assert [o.kind for o in raw.oddities] == ["pieces", "pieces"]
    assert raw.splits["test"].places == ("test/one.ann",)


@pytest.mark.parametrize(
    ("notes", "said"),
    [
        ("T1\tper 0\tAna\n", r"one\.ann line 1 is no annotation of text"),
        ("T1\tper 1 4\tAna\n", r"one\.ann line 1: the span 1 to 4 \(per\) holds"),
        ("T1\tper 0 99\tAna\n", r"one\.ann line 1: the span 0 to 99 \(per\) lies outside"),
    ],
)
def test_brat_line_that_is_wrong_is_named(
    notes: str, said: str, write: Write, tmp_path: Path
) -> None:
    write("one.txt", "Ana lives.")
    write("one.ann", notes)
    with pytest.raises(DatasetError, match=said):
        read_data(tmp_path)


def test_brat_text_without_annotations_is_named(write: Write, tmp_path: Path) -> None:
    write("one.txt", "Ana lives.")
    write("one.ann", "T1\tper 0 3\tAna\n")
    write("two.txt", "Nobody.")
    with pytest.raises(DatasetError, match=r"two\.txt has no two\.ann beside it"):
        read_brat(tmp_path)


def squad(**question: object) -> str:
    qa = {"id": "1", "question": "Who?", "answers": [{"text": "Ana", "answer_start": 0}]}
    paragraph = {"context": "Ana sings.", "qas": [qa | question]}
    return json.dumps({"version": "2", "data": [{"title": "T", "paragraphs": [paragraph]}]})


def test_squad_of_both_versions(write: Write) -> None:
    first = read_data(write("one.json", squad()))
    assert first.task == "question-answering"
    assert first.splits["train"].rows[0]["answers"] == [{"text": "Ana", "start": 0}]
    second = read_squad(write("two.json", squad(answers=[], is_impossible=True)))
    assert second.cells["is_impossible"] == [True]
    assert second.places == ["two.json article 1 paragraph 1 question 1"]


def test_json_that_is_no_squad_is_refused_as_before(write: Write) -> None:
    path = write("rows.json", '[{"text": "a"}]')
    assert not is_squad(path)
    with pytest.raises(DatasetError, match="write one JSON object a line"):
        read_data(path)


def test_squad_without_questions_names_the_paragraph(write: Write) -> None:
    broken = {"data": [{"title": "T", "paragraphs": [{"context": "Ana"}]}]}
    with pytest.raises(DatasetError, match="article 1 paragraph 1 has no list 'qas'"):
        read_data(write("x.json", json.dumps(broken)))


def test_repairs_are_refused_where_that_is_asked(write: Write) -> None:
    path = write("train.conll", "Ana\tI-per\nsings\tO\n")
    assert read_data(path).splits["train"].rows[0]["tags"] == ["B-per", "O"]
    with pytest.raises(
        DatasetError, match=r"line 1: I-per at token 1, 'Ana', without its B-.*strict"
    ):
        read_data(path, strict=True)
    moved = write("moved.json", squad(answers=[{"text": "sings", "answer_start": 0}]))
    assert read_data(moved).oddities[0].kind == "moved_answer"
    with pytest.raises(DatasetError, match="moved there; mend it"):
        read_data(moved, strict=True)
