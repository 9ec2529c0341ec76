"""The demo's tickets: the same for a seed, with what is said to be planted, and not too easy."""

from __future__ import annotations

import csv
import hashlib
import random
import re
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics import f1_score
from sklearn.svm import LinearSVC
from tuneos.tools.datasets.demo import TRAIN_SIZES, DemoFacts, make_tickets, write_demo
from tuneos.tools.datasets.demo_personal import KINDS, personal_value
from tuneos.tools.datasets.demo_phrases import (
    ASIDES,
    CONFUSABLE,
    FILLERS,
    NOUNS,
    REQUESTS,
    VERBS,
)
from tuneos.tools.datasets.demo_text import compose, fill, misspell
from tuneos.tools.datasets.types import text_key

EMAIL = re.compile(r"[\w.]+@example\.(?:org|com|net)\b")
CARD = re.compile(r"\b(?:\d{4}[ -]?){3}\d{4}\b")
IBAN = re.compile(r"\b(?:GB|NL|DE)\d{2}[ ]?(?:[A-Z0-9]{4}[ ]?){3,4}[A-Z0-9]{1,4}\b")
IP = re.compile(r"\b(?:192\.0\.2|198\.51\.100|203\.0\.113)\.\d+\b|\b2001:db8::[0-9a-f]+\b")
PHONE = re.compile(r"555-01\d\d\b|\+44 7700 900\d{3}\b|\b020 7946 0\d{3}\b")


SPLITS = ("train", "validation", "test")


class Row(NamedTuple):
    id: str
    text: str
    intent: str


class Demo(NamedTuple):
    folder: Path
    facts: DemoFacts
    train: list[Row]
    validation: list[Row]
    test: list[Row]


def _read(path: Path) -> list[Row]:
    """Read line by line, as no cell holds a line break; the odd row is cp1252."""
    rows = []
    for line in path.read_bytes().splitlines()[1:]:
        try:
            text = line.decode()
        except UnicodeDecodeError:
            text = line.decode("cp1252")
        rows.append(Row(*next(csv.reader([text]))))
    return rows


def _demo(folder: Path, seed: int) -> Demo:
    facts = write_demo(folder, seed=seed)
    return Demo(folder, facts, *(_read(folder / f"{split}.csv") for split in SPLITS))


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    return _demo(tmp_path_factory.mktemp("demo"), 7)


def _luhn(number: str) -> bool:
    digits = [int(digit) for digit in reversed(number)]
    doubled = (sum(divmod(2 * digit, 10)) for digit in digits[1::2])
    return (sum(digits[::2]) + sum(doubled)) % 10 == 0


def _iban_holds(number: str) -> bool:
    moved = number[4:] + number[:4]
    return int("".join(str(int(symbol, 36)) for symbol in moved)) % 97 == 1


def _digest(folder: Path) -> str:
    return hashlib.sha256(
        b"".join((folder / f"{split}.csv").read_bytes() for split in SPLITS)
    ).hexdigest()


def test_same_seed_gives_the_same_bytes(demo: Demo, tmp_path: Path) -> None:
    assert write_demo(tmp_path, seed=7) == demo.facts
    assert _digest(tmp_path) == _digest(demo.folder)


def test_seed_7_is_this_very_set(demo: Demo) -> None:
    """Holds on every platform and Python; renew it when phrases or odds are changed."""
    assert _digest(demo.folder)[:16] == "e1fb0844c60303ed"


def test_another_seed_gives_another_set_with_as_much_planted(demo: Demo, tmp_path: Path) -> None:
    facts = write_demo(tmp_path, seed=8)
    assert _digest(tmp_path) != _digest(demo.folder)
    for name in (
        "train_rows",
        "validation_rows",
        "test_rows",
        "duplicates",
        "conflicting",
        "leaked",
    ):
        assert getattr(facts, name) == getattr(demo.facts, name)


def test_rows_are_about_3000_and_900_with_ids_of_their_own(demo: Demo) -> None:
    assert len(demo.train) == demo.facts.train_rows == pytest.approx(3000, abs=60)
    assert len(demo.test) == demo.facts.test_rows == pytest.approx(900, abs=60)
    assert len(demo.validation) == demo.facts.validation_rows == pytest.approx(450, abs=50)
    ids = [row.id for row in (*demo.train, *demo.validation, *demo.test)]
    assert len(set(ids)) == len(ids)
    assert (demo.folder / "train.csv").read_bytes().startswith(b"id,text,intent\n")
    assert b"\r" not in (demo.folder / "train.csv").read_bytes()


def test_ten_intents_are_imbalanced_about_8_to_1(demo: Demo) -> None:
    counts = Counter(row.intent for row in demo.train)
    assert set(counts) == set(REQUESTS) == {row.intent for row in demo.test}
    assert min(counts.values()) >= 60
    assert 6.5 <= max(counts.values()) / min(counts.values()) <= 9
    assert min(Counter(row.intent for row in demo.test).values()) >= 30


def test_duplicates_found_are_those_planted(demo: Demo) -> None:
    first: dict[str, Row] = {}
    copies, conflicts, exact = 0, 0, 0
    leaked = {text_key(row.text) for row in demo.test}
    for row in demo.train:
        key = text_key(row.text)
        if key in leaked or not row.text:
            continue
        if key in first:
            copies += 1
            conflicts += row.intent != first[key].intent
            exact += row.text == first[key].text
        first.setdefault(key, row)
    assert copies == demo.facts.duplicates
    assert conflicts == demo.facts.conflicting > 0
    assert 0 < exact < copies, "some copies are exact and some differ in case or spaces"


def test_leaked_rows_found_are_those_planted(demo: Demo) -> None:
    held_out = {text_key(row.text): row.intent for row in demo.test}
    assert len(held_out) == len(demo.test), "the test split has no copies of its own"
    others = {text_key(row.text) for row in demo.validation}
    assert len(others) == len(demo.validation)
    assert not others & ({text_key(row.text) for row in demo.train} | set(held_out))
    leaked = [row for row in demo.train if text_key(row.text) in held_out]
    assert len(leaked) == demo.facts.leaked
    assert 10 <= len(leaked) <= 15
    assert all(held_out[text_key(row.text)] == row.intent for row in leaked)


def test_flipped_labels_are_3_percent_of_train_and_confusable(demo: Demo) -> None:
    tickets = make_tickets(7)
    train = tickets["train"]
    wrong = {
        row.id: (ticket.meant, row.intent)
        for row, ticket in zip(demo.train, train, strict=True)
        if ticket.meant != row.intent
    }
    assert tuple(wrong) == demo.facts.flipped_ids
    assert len(wrong) / len(train) == pytest.approx(0.03, abs=0.005)
    assert all(written in CONFUSABLE[meant] for meant, written in wrong.values())
    for split in ("validation", "test"):
        assert all(ticket.meant == ticket.intent for ticket in tickets[split]), "clean labels"


def test_one_row_is_empty_where_the_facts_say(demo: Demo) -> None:
    empty = [number for number, row in enumerate(demo.train, start=2) if not row.text.strip()]
    assert empty == [demo.facts.empty_row]
    assert demo.train[demo.facts.empty_row - 2].intent in REQUESTS
    assert all(row.text.strip() for row in demo.test)


def test_one_row_is_cp1252_in_a_file_that_is_utf8(demo: Demo) -> None:
    lines = (demo.folder / "train.csv").read_bytes().splitlines()
    odd = []
    for number, line in enumerate(lines, start=1):
        try:
            line.decode()
        except UnicodeDecodeError:
            odd.append(number)
    assert odd == [demo.facts.odd_encoding_row]
    assert b"I don\x92t mind a call, I\x92m at the caf\xe9" in lines[odd[0] - 1]
    assert any(not line.isascii() for i, line in enumerate(lines, 1) if i not in odd)
    assert (demo.folder / "test.csv").read_text(encoding="utf-8")


def test_half_of_the_test_wording_is_new(demo: Demo) -> None:
    train, validation, test = make_tickets(7).values()
    assert demo.facts.new_phrasing == sum(ticket.new_phrasing for ticket in test)
    assert 0.45 <= demo.facts.new_phrasing / len(test) <= 0.65
    in_validation = sum(ticket.new_phrasing for ticket in validation)
    assert 0.45 <= in_validation / len(validation) <= 0.65, "validation foretells test"
    assert not any(ticket.new_phrasing for ticket in train if ticket.planted != "leaked")


def test_new_wording_occurs_in_train_only_where_it_leaked(demo: Demo) -> None:
    """Seen from the file: lines without a slot stand there word for word, or not at all."""
    lines = {line for block in REQUESTS.values() for line in block}
    fixed = [line for line in lines if not set(line) & set("[]{}")]
    held_out = {text_key(row.text) for row in demo.test}
    own = " ".join(row.text.lower() for row in demo.train if text_key(row.text) not in held_out)
    unseen = [line for line in fixed if line.lower().rstrip("?") not in own]
    assert 0.2 <= len(unseen) / len(fixed) <= 0.5


def test_personal_data_is_in_8_percent_of_the_texts_and_is_valid(demo: Demo) -> None:
    patterns = (EMAIL, CARD, IBAN, IP, PHONE)
    for rows, planted in (
        (demo.train, demo.facts.personal_train),
        (demo.validation, demo.facts.personal_validation),
        (demo.test, demo.facts.personal_test),
    ):
        found = [row for row in rows if any(p.search(row.text) for p in patterns)]
        assert len(found) == planted
        assert 0.05 <= planted / len(rows) <= 0.11
    texts = " | ".join(row.text for row in demo.train)
    cards = [re.sub(r"\D", "", match[0]) for match in CARD.finditer(IBAN.sub("", texts))]
    ibans = [match[0].replace(" ", "") for match in IBAN.finditer(texts)]
    assert len(cards) > 20
    assert all(map(_luhn, cards))
    assert len(ibans) > 20
    assert all(map(_iban_holds, ibans))
    assert all(p.search(texts) for p in patterns)


@pytest.mark.parametrize("kind", KINDS)
def test_every_drawn_value_is_valid(kind: str) -> None:
    rng = random.Random(1)
    pattern = {"email": EMAIL, "card": CARD, "iban": IBAN, "ip": IP, "phone": PHONE}[kind]
    for _ in range(300):
        value = personal_value(rng, kind)
        assert pattern.search(value), value
        if kind == "card":
            assert _luhn(re.sub(r"\D", "", value)), value
        if kind == "iban":
            assert _iban_holds(value.replace(" ", "")), value


def test_the_checks_of_this_file_know_good_from_bad() -> None:
    assert _luhn("4111111111111111")
    assert not _luhn("4111111111111112")
    assert _iban_holds("GB82WEST12345698765432")
    assert not _iban_holds("GB83WEST12345698765432")


def test_phrase_tables_are_whole() -> None:
    assert set(TRAIN_SIZES) == set(REQUESTS) == set(NOUNS) == set(VERBS) == set(ASIDES)
    rng = random.Random(0)
    for tables in (REQUESTS, ASIDES, NOUNS, VERBS):
        for lines in tables.values():
            for line in lines:
                assert not set(fill(rng, line)) & set("[]{}|"), line
    for intent, lines in REQUESTS.items():
        assert len(set(lines)) == len(lines) >= 40, intent
        others = {line for name, block in REQUESTS.items() if name != intent for line in block}
        assert not others & set(lines), "one wording, one intent"
        assert intent not in CONFUSABLE[intent]
    assert len(set(FILLERS)) == len(FILLERS)


def test_texts_have_no_loose_ends() -> None:
    rng = random.Random(3)
    for intent, lines in REQUESTS.items():
        for line in lines:
            text, _ = compose(rng, intent, line)
            assert not re.search(r"[{}\[\]|]|\.\.|  |\?\.| [,.]", text), text


def test_misspelling_leaves_short_and_mixed_words_alone() -> None:
    rng = random.Random(0)
    assert misspell(rng, "it is my A1B2C3 box") == "it is my A1B2C3 box"
    slips = {misspell(rng, "please") for _ in range(50)}
    assert len(slips) > 3
    assert all(abs(len(slip) - len("please")) <= 1 and slip[0] == "p" for slip in slips)


@pytest.mark.parametrize("seed", [7, 11])
def test_tfidf_falls_clearly_short_of_the_target(tmp_path: Path, seed: int) -> None:
    """On both splits, so that a run does not stop at tf-idf by what validation says.

    Measured on test: tf-idf 0.805 to 0.824 on seeds 1, 2 and 7, LoRA on MiniLM 0.928
    and 0.943 on seeds 1 and 7.
    """
    demo = _demo(tmp_path, seed)
    held_out = {text_key(row.text) for row in demo.test}
    train = list(
        {
            text_key(row.text): row for row in demo.train if text_key(row.text) not in held_out
        }.values()
    )
    vectorizer = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
    features = vectorizer.fit_transform([row.text for row in train])
    model = LinearSVC(random_state=0).fit(features, [row.intent for row in train])
    for rows in (demo.validation, demo.test):
        predicted = model.predict(vectorizer.transform([row.text for row in rows]))
        macro_f1 = f1_score(np.array([row.intent for row in rows]), predicted, average="macro")
        assert 0.70 < macro_f1 < 0.86
