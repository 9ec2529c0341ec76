"""Every format gives the same rows; what was inferred or odd is told."""

import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tuneos.tools.datasets.read import read_data

GREETINGS = [
    ("hello there my friend", "greet"),
    ("good morning, to you all", "greet"),
    ('she said "hi" to me', "greet"),
    ("see you next week then", "leave"),
    ("good night and\nsleep well", "leave"),
    ("até logo, my friend", "leave"),
]
TEXTS, LABELS = zip(*GREETINGS, strict=True)
Write = Callable[[str, str | bytes], Path]


def quoted(delimiter: str) -> str:
    rows = [("text", "label"), *GREETINGS]
    return "".join(
        delimiter.join('"' + cell.replace('"', '""') + '"' for cell in row) + "\r\n" for row in rows
    )


def save_csv(folder: Path, name: str) -> None:
    (folder / f"{name}.csv").write_bytes(quoted(",").encode())


def save_semicolons(folder: Path, name: str) -> None:
    (folder / f"{name}.csv").write_bytes(quoted(";").encode())


def save_tabs_as_csv(folder: Path, name: str) -> None:
    (folder / f"{name}.csv").write_bytes(quoted("\t").encode())


def save_tsv(folder: Path, name: str) -> None:
    (folder / f"{name}.tsv").write_bytes(quoted("\t").encode("utf-8-sig"))


def save_jsonl(folder: Path, name: str) -> None:
    lines = (json.dumps({"text": text, "label": label}) for text, label in GREETINGS)
    (folder / f"{name}.jsonl").write_text("\n".join(lines))


def save_parquet(folder: Path, name: str) -> None:
    pq.write_table(pa.table({"text": TEXTS, "label": LABELS}), folder / f"{name}.parquet")


SAVERS = [save_csv, save_semicolons, save_tabs_as_csv, save_tsv, save_jsonl, save_parquet]


@pytest.mark.parametrize("save", SAVERS)
def test_all_formats_give_the_same_rows(save: Callable[[Path, str], None], tmp_path: Path) -> None:
    for name in ("train", "validation", "test"):
        save(tmp_path, name)

    raw = read_data(tmp_path)

    assert list(raw.splits) == ["train", "validation", "test"]
    for split in raw.splits.values():
        assert split.texts == TEXTS
        assert split.labels == LABELS
    assert raw.oddities == ()


def test_saved_dataset_dict_gives_class_names(tmp_path: Path) -> None:
    import datasets

    names = datasets.ClassLabel(names=["greet", "leave"])
    part = datasets.Dataset.from_dict(
        {"text": TEXTS, "label": [names.str2int(label) for label in LABELS]},
        features=datasets.Features({"text": datasets.Value("string"), "label": names}),
    )
    parts = {"train": part, "dev": part, "unsupervised": part}
    datasets.DatasetDict(parts).save_to_disk(tmp_path / "saved")

    raw = read_data(tmp_path / "saved")

    assert raw.splits["train"].labels == LABELS
    assert raw.splits["validation"].places[0] == "dev row 1"
    assert any("'dev' is taken as the validation" in guess for guess in raw.guesses)
    assert any("'unsupervised'" in guess and "left out" in guess for guess in raw.guesses)


def test_saved_dataset_with_plain_numbers_is_train(tmp_path: Path) -> None:
    import datasets

    numbers = [0, 0, 0, 1, 1, 1]
    datasets.Dataset.from_dict({"text": TEXTS, "label": numbers}).save_to_disk(tmp_path / "saved")

    raw = read_data(tmp_path / "saved")

    assert raw.splits["train"].labels == ("0", "0", "0", "1", "1", "1")


def test_parquet_uses_the_class_names_stored_in_it(tmp_path: Path) -> None:
    features = {"label": {"_type": "ClassLabel", "names": ["greet", "leave"]}}
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    table = pa.table({"text": TEXTS, "label": [0, 0, 0, 1, 1, 1]})
    path = tmp_path / "data.parquet"
    pq.write_table(table.replace_schema_metadata(metadata), path)

    assert read_data(path).splits["train"].labels == LABELS


def test_whole_floats_are_read_as_integers(tmp_path: Path) -> None:
    path = tmp_path / "data.parquet"
    pq.write_table(pa.table({"text": TEXTS, "label": [0.0, 0, 0, 1, 1, 1]}), path)

    assert set(read_data(path).splits["train"].labels) == {"0", "1"}


@pytest.mark.parametrize("alias", ["valid", "val", "dev"])
def test_other_names_for_validation_are_taken_and_told(
    alias: str, write: Write, tmp_path: Path, good_csv: str
) -> None:
    write("train.csv", good_csv)
    write(f"{alias}.csv", good_csv)

    raw = read_data(tmp_path)

    assert "validation" in raw.splits
    assert f"{alias}.csv is taken as the validation split" in raw.guesses


def test_other_files_in_the_folder_are_let_be(write: Write, tmp_path: Path, good_csv: str) -> None:
    write("train.csv", good_csv)
    for name in ("test_2012.jsonl", "ood.jsonl", "train.conll", "original/train.csv", "README.md"):
        write(name, "nothing to see")

    raw = read_data(tmp_path)
    assert list(raw.splits) == ["train"]
    assert "not read, as no split has that name: test_2012.jsonl" in raw.guesses


def test_id_is_kept_and_labels_lose_edge_spaces(write: Write) -> None:
    rows = "".join(f"{i},some text number {i}, {'ab'[i % 2]} \n" for i in range(6))
    raw = read_data(write("data.csv", "id,text,label\n" + rows))

    assert raw.splits["train"].ids == tuple("012345")
    assert set(raw.splits["train"].labels) == {"a", "b"}


def test_places_count_csv_rows_as_a_spreadsheet_does(write: Write) -> None:
    path = write(
        "data.csv", 'text,label\n"two\nlines",a\n\nthird text,a\nanother text,b\nlast text,b\n'
    )
    raw = read_data(path)

    assert raw.splits["train"].places == (
        "data.csv row 2",
        "data.csv row 4 (line 5)",
        "data.csv row 5 (line 6)",
        "data.csv row 6 (line 7)",
    )
    assert [(o.kind, o.place) for o in raw.oddities] == [("empty_row", "data.csv row 3 (line 4)")]


def test_places_count_jsonl_lines(write: Write) -> None:
    rows = [f'{{"text": "text {i} \u2028 here", "label": "{"ab"[i % 2]}"}}\n' for i in range(4)]
    raw = read_data(write("data.jsonl", rows[0] + "\n" + "{}\n" + "".join(rows[1:])))

    assert raw.splits["train"].places[:2] == ("data.jsonl line 1", "data.jsonl line 4")
    assert [o.kind for o in raw.oddities] == ["empty_row", "empty_row"]


def test_blank_text_leaves_train_and_stays_in_test(
    write: Write, tmp_path: Path, good_csv: str
) -> None:
    write("train.csv", good_csv + "  ,leave\n")
    write("test.csv", good_csv + ",leave\n")

    raw = read_data(tmp_path)

    assert len(raw.splits["train"]) == 6
    assert len(raw.splits["test"]) == 7
    assert raw.splits["test"].texts[-1] == ""
    assert [(o.kind, o.place) for o in raw.oddities] == [
        ("blank_text", "train.csv row 8"),
        ("blank_text", "test.csv row 8"),
    ]


def test_row_without_text_and_label_is_skipped(write: Write) -> None:
    rows = "".join(f"{i},some text {i},{'ab'[i % 2]}\n" for i in range(4))
    raw = read_data(write("data.csv", f"id,text,label\n{rows}9,,\n"))

    assert [(o.kind, o.place) for o in raw.oddities] == [("empty_row", "data.csv row 6")]


def test_header_repeated_in_the_middle_is_skipped(write: Write, good_csv: str) -> None:
    raw = read_data(write("data.csv", good_csv + "text,label\nsee you,leave\n"))

    assert set(raw.splits["train"].labels) == {"greet", "leave"}
    assert [(o.kind, o.place) for o in raw.oddities] == [("repeated_header", "data.csv row 8")]


def test_index_column_of_pandas_is_left_out(write: Write) -> None:
    rows = "".join(f"{i},some text number {i},{'ab'[i % 2]}\n" for i in range(6))
    raw = read_data(write("data.csv", ",text,label\n" + rows))

    assert len(raw.splits["train"]) == 6
    assert any("unnamed column" in guess for guess in raw.guesses)


def test_tsv_with_plain_quotes_is_read_and_told(write: Write) -> None:
    raw = read_data(
        write("d.tsv", 'text\tlabel\n"so" he said\ta\nfine, then\ta\n" odd one\tb\nwell\tb\n')
    )

    assert raw.splits["train"].texts == ('"so" he said', "fine, then", '" odd one', "well")
    assert [o.kind for o in raw.oddities] == ["quotes"]


def test_huge_cell_is_read_and_the_csv_limit_put_back(write: Write, good_csv: str) -> None:
    import csv

    before = csv.field_size_limit()
    raw = read_data(write("data.csv", good_csv + "x" * 300_000 + ",leave\n"))

    assert len(raw.splits["train"].texts[-1]) == 300_000
    assert csv.field_size_limit() == before


def test_task_and_columns_that_were_inferred_are_told(write: Write) -> None:
    rows = "".join(f"a ticket about thing {i},{'ab'[i % 2]}\n" for i in range(8))
    raw = read_data(write("data.csv", "utterance,intent\n" + rows))

    assert (raw.text_column, raw.label_column) == ("utterance", "intent")
    assert raw.guesses == (
        "task 'text-classification': one label for each text",
        "text column 'utterance': by its name; label column 'intent': 2 distinct values",
    )


def test_nothing_is_guessed_when_all_is_said(write: Write, good_csv: str) -> None:
    raw = read_data(
        write("data.csv", good_csv), task="text-classification", text="text", label="label"
    )
    assert raw.guesses == ()


def test_lone_surrogates_do_not_reach_the_texts(write: Write) -> None:
    rows = "".join(f'{{"text": "a \\ud83d b{i}", "label": "{"ab"[i % 2]}"}}\n' for i in range(4))
    raw = read_data(write("data.jsonl", rows))

    assert raw.splits["train"].texts[0] == "a \ufffd b0"
    assert {o.kind for o in raw.oddities} == {"encoding"}
