"""Which columns are chosen, and when the choice is left to the person."""

from collections.abc import Sequence

import pytest
from tuneos.tools.datasets.columns import choose_columns
from tuneos.tools.datasets.tables import Table
from tuneos.tools.errors import DatasetError

COUNT = 24
SENTENCES = [f"a customer wrote this as letter number {i}" for i in range(COUNT)]
LONG = [f"{text} and went on for quite a while about it" * 4 for text in SENTENCES]
CLASSES = ["billing", "delivery", "other"] * (COUNT // 3)
PLACES = ["north", "south"] * (COUNT // 2)
CONSTANT = ["en"] * COUNT
IDS = [f"ticket-{i}" for i in range(COUNT)]
NUMBERS = list(range(COUNT))
LISTS = [["a", "b"]] * COUNT


def table(**cells: Sequence[object]) -> Table:
    columns = {name: list(values) for name, values in cells.items()}
    return Table("train.csv", columns, [f"train.csv row {i}" for i in range(COUNT)])


CLEAR = [
    ({"text": SENTENCES, "label": CLASSES}, ("text", "label")),
    ({"label": CLASSES, "intent": PLACES, "text": SENTENCES, "body": LONG}, ("text", "label")),
    ({"ID": IDS, "utterance": SENTENCES, "intent": CLASSES}, ("utterance", "intent")),
    (
        {"condition_label": CLASSES, "medical_abstract": LONG},
        ("medical_abstract", "condition_label"),
    ),
    ({"ticketText": SENTENCES, "queue": CLASSES, "lang": CONSTANT}, ("ticketText", "queue")),
    ({"wrote": SENTENCES, "queue": CLASSES, "nr": NUMBERS}, ("wrote", "queue")),
    ({"title": SENTENCES, "body": LONG, "topic": CLASSES}, ("body", "topic")),
    ({"review": SENTENCES, "stars": [1, 2, 3] * 8}, ("review", "stars")),
    ({"text": SENTENCES, "category": CONSTANT, "intent": CLASSES}, ("text", "intent")),
    ({"text": SENTENCES, "label": CLASSES, "labels": LISTS}, ("text", "label")),
    ({"text": ["hm", "ok"] * 12, "label": CLASSES}, ("text", "label")),
    ({"Text": SENTENCES, "Label": CLASSES}, ("Text", "Label")),
    (
        {"文": ["この商品はとても良いです" + str(i) for i in range(COUNT)], "k": CLASSES},
        ("文", "k"),
    ),
]


@pytest.mark.parametrize(("cells", "expected"), CLEAR)
def test_clear_columns_are_chosen(
    cells: dict[str, Sequence[object]], expected: tuple[str, str]
) -> None:
    chosen = choose_columns(table(**cells), text=None, label=None)
    assert (chosen.text, chosen.label) == expected
    assert repr(expected[0]) in chosen.guesses[0]
    assert repr(expected[1]) in chosen.guesses[0]


UNCLEAR = [
    (
        {"sentence1": SENTENCES, "sentence2": SENTENCES, "label": CLASSES},
        "'sentence1' or 'sentence2'",
    ),
    ({"text": SENTENCES, "intent": CLASSES, "category": PLACES}, "'intent' or 'category'"),
    ({"text": SENTENCES, "queue": CLASSES, "region": PLACES}, "'queue' or 'region'"),
    ({"text": SENTENCES, "reply": LONG}, "no column looks like the label"),
    ({"tokens": LISTS, "label": CLASSES}, "no column looks like the text"),
    ({"id": IDS, "label": CLASSES}, "no column looks like the text"),
]


@pytest.mark.parametrize(("cells", "words"), UNCLEAR)
def test_unclear_columns_are_asked_for(cells: dict[str, Sequence[object]], words: str) -> None:
    with pytest.raises(DatasetError) as caught:
        choose_columns(table(**cells), text=None, label=None)
    message = str(caught.value)
    assert words in message
    assert ", ".join(cells) in message
    assert "--text COLUMN --label COLUMN" in message


def test_what_is_said_is_taken_and_only_the_rest_inferred() -> None:
    cells = table(text=SENTENCES, body=LONG, intent=CLASSES, category=PLACES, Id=IDS)
    chosen = choose_columns(cells, text="body", label="category")
    assert (chosen.text, chosen.label, chosen.id) == ("body", "category", "Id")
    assert chosen.guesses == ()

    chosen = choose_columns(cells, text=None, label="category")
    assert chosen.guesses == ("text column 'text': by its name",)
