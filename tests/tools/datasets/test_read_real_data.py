"""Real, openly licensed sets read without options; ../shared/data holds them."""

from pathlib import Path

import pytest
from tuneos.evals.benchmarks.runs import DATA
from tuneos.tools.datasets.profile import profile_data
from tuneos.tools.datasets.read import read_data
from tuneos.tools.datasets.splits import make_splits
from tuneos.tools.errors import DatasetError


@pytest.fixture(scope="module")
def data() -> Path:
    if not DATA.is_dir():
        pytest.skip(f"no real data here: {DATA} is not a folder")
    return DATA


# path, rows by split, number of classes
SETS = [
    ("intent/banking77", {"train": 9005, "validation": 998, "test": 3080}, 77),
    ("intent/banking77/original", {"train": 10003, "test": 3080}, 77),
    ("intent/banking77/original/train.csv", {"train": 10003}, 77),
    ("intent/snips", {"train": 2697, "validation": 302, "test": 700}, 7),
    ("sentiment/rotten_tomatoes", {"train": 8530, "validation": 1066, "test": 1066}, 2),
    ("topic/arxiv_cs", {"train": 726, "validation": 110, "test": 352}, 11),
    ("topic/medical_abstracts", {"train": 568, "validation": 86, "test": 245}, 5),
    ("topic/medical_abstracts/original/medical_tc_test_part.csv", {"train": 245}, 5),
    ("sentence_role/csabstruct", {"train": 2668, "validation": 2026, "test": 1349}, 5),
    ("drift/arxiv_temporal", {"train": 3701, "validation": 440, "test": 660}, 11),
    ("commonsense/csqa2", {"train": 4320, "validation": 480, "test": 2541}, 2),
    ("injection/bipia_a", {"train": 243, "validation": 48, "test": 138}, 2),
]


@pytest.mark.parametrize(("name", "rows", "classes"), SETS, ids=[case[0] for case in SETS])
def test_single_label_sets_read_without_options(
    name: str, rows: dict[str, int], classes: int, data: Path
) -> None:
    raw = read_data(data / name)
    assert {split: len(part) for split, part in raw.splits.items()} == rows
    assert len(set(raw.splits["train"].labels)) == classes


# path, task, rows by split, entities or answers in train
SPANS = [
    ("ner/ncbi_disease", "token-classification", (1300, 350, 940), 1255),
    ("ner/wnut17", "token-classification", (3394, 1009, 1287), 1975),
    ("ner/wnut17/train.conll", "token-classification", (3394,), 1975),
    ("pii/presidio_synth", "token-classification", (814, 228, 458), 1571),
    ("drift/crossner_domains", "token-classification", (200, 200, 300), 1075),
    ("qa/xquad_en", "question-answering", (767, 134, 289), 767),
    ("qa/squad_es_v2", "question-answering", (600, 100, 250), 337),
    ("qa/xquad_en/original/xquad.en.json", "question-answering", (1190,), 1190),
]


@pytest.mark.parametrize(("name", "task", "rows", "found"), SPANS, ids=[case[0] for case in SPANS])
def test_sets_of_spans_read_without_options(
    name: str, task: str, rows: tuple[int, ...], found: int, data: Path
) -> None:
    raw = read_data(data / name)
    assert raw.task == task
    assert tuple(len(part) for part in raw.splits.values()) == rows
    train = raw.splits["train"].rows
    if task == "token-classification":
        assert sum(tag[0] == "B" for row in train for tag in row["tags"]) == found
    else:
        assert sum(not row["is_impossible"] for row in train) == found


REFUSED = [
    ("sentiment/goemotions/original/dev.tsv", "no header"),
    ("translation/tatoeba_en_de/original/test.tsv", "no header"),
    ("drift/rt_to_products", "no train file"),
    ("kg/dcat3/dcat3.ttl", "extension .ttl"),
]


@pytest.mark.parametrize(("name", "words"), REFUSED)
def test_other_sets_are_refused_in_words(name: str, words: str, data: Path) -> None:
    with pytest.raises(DatasetError, match=words):
        read_data(data / name)


HEADED = [
    ("sentiment/goemotions", "multi-label-classification", 3000),
    ("relation/semeval2010_task8", "relation-extraction", 2717),
    ("commonsense/csqa2", "text-classification", 2541),
]


@pytest.mark.parametrize(("name", "task", "test_rows"), HEADED)
def test_task_of_a_set_is_inferred(name: str, task: str, test_rows: int, data: Path) -> None:
    raw = read_data(data / name)
    assert raw.task == task
    assert len(raw.splits["test"]) == test_rows


def test_yes_and_no_are_choices_where_the_task_says_so(data: Path) -> None:
    raw = read_data(data / "commonsense/csqa2", task="multiple-choice")
    assert {tuple(r["choices"]) for r in raw.splits["test"].rows} == {("no", "yes")}


def test_known_oddities_are_found(data: Path) -> None:
    reviews = read_data(data / "sentiment/rotten_tomatoes")
    assert sum(oddity.kind == "encoding" for oddity in reviews.oddities) == 52

    roles = read_data(data / "sentence_role/csabstruct")
    profile = profile_data(roles.splits, roles.oddities)
    assert profile.overlaps["test"].held_out_rows == 76

    questions = read_data(data / "intent/banking77")
    profile = profile_data(questions.splits, questions.oddities)
    assert profile.overlaps["test"].held_out_rows == 7
    assert profile.duplicates == 3


def test_official_banking77_is_split_evenly(data: Path) -> None:
    raw = read_data(data / "intent/banking77/original/train.csv")
    splits = make_splits(raw, seed=0)
    assert {name: len(split) for name, split in splits.items()} == {
        "train": 7003,
        "validation": 1000,
        "test": 2000,
    }
    assert all(len(set(split.labels)) == 77 for split in splits.values())
