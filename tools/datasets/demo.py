"""The demo's support tickets: made here, seeded, with something for every step to find."""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from .demo_phrases import CONFUSABLE, REQUESTS
from .demo_text import compose
from .types import text_key

# Train rows of each intent before copies are planted; the other splits have a share of
# these, and at least HELD_OUT_LEAST so that no class is scored on a handful.
TRAIN_SIZES: dict[str, int] = {
    "late_delivery": 580,
    "refund_request": 420,
    "account_locked": 400,
    "damaged_item": 350,
    "cancel_subscription": 310,
    "refund_status": 270,
    "wrong_item": 220,
    "charged_twice": 170,
    "change_address": 120,
    "pause_subscription": 75,
}
VALIDATION_SHARE, TEST_SHARE = 0.15, 0.3
HELD_OUT_LEAST = 30
# People find new words after a model ships: this share of the phrasings never occurs in
# train, and a later row (validation, test) uses one of them with these odds. Validation must
# be later too: rows taken out of train would put tf-idf at 0.95 macro-F1 where test has 0.80.
NEW_PHRASINGS, NEW_PHRASING_ODDS = 0.35, 0.55
NOISE = 0.03
DUPLICATES, CONFLICTS = 60, 6
LEAKED = 12
ODD_TAIL = " (I don’t mind a call, I’m at the café until six.)"
ODD_ENCODING = "cp1252"


@dataclass(frozen=True)
class DemoFacts:
    """What was planted, to be compared with what the tools find.

    Row numbers count as in `Split.places`: the header is row 1.

    Attributes:
        seed: What the files were made from.
        train_rows, validation_rows, test_rows: Rows written, the planted ones included.
        duplicates: Train rows that copy another train row; case and spaces may differ.
        conflicting: Of those, the ones whose label differs from the first row's.
        leaked: Train rows that copy a test row.
        flipped_ids: The train rows with a wrong label, the conflicting copies among them.
        personal_train, personal_validation, personal_test: Rows with personal data in the text.
        empty_row: The train row without a text.
        odd_encoding_row: The train row whose bytes are ODD_ENCODING, not UTF-8.
        new_phrasing: Test rows that word their request in a way train never does.
    """

    seed: int
    train_rows: int
    validation_rows: int
    test_rows: int
    duplicates: int
    conflicting: int
    leaked: int
    flipped_ids: tuple[str, ...]
    personal_train: int
    personal_validation: int
    personal_test: int
    empty_row: int
    odd_encoding_row: int
    new_phrasing: int


@dataclass(frozen=True)
class Ticket:
    """One row before it is written.

    Attributes:
        text: What the customer wrote.
        intent: The label as written.
        meant: The label it ought to have.
        personal: Whether personal data was put into the text.
        new_phrasing: Whether train never words a request this way.
        planted: "", "duplicate", "leaked", "empty" or "encoding".
    """

    text: str
    intent: str
    meant: str
    personal: bool = False
    new_phrasing: bool = False
    planted: str = ""


def write_demo(folder: Path, *, seed: int = 7) -> DemoFacts:
    """Write `train.csv`, `validation.csv` and `test.csv` with columns id, text, intent.

    The same seed gives the same bytes on every platform. The files are UTF-8
    with "\\n" at line ends, but for one row of train.csv. Labels are clean
    outside train.csv; validation and test are drawn alike.

    Args:
        folder: Made if it is not there; the three files are written over.
        seed: Any integer; another one gives another set of about the same difficulty.

    Returns:
        What was planted.
    """
    tickets = make_tickets(seed)
    folder.mkdir(parents=True, exist_ok=True)
    for split, rows in tickets.items():
        (folder / f"{split}.csv").write_bytes(_to_csv(rows, split))
    return _facts(seed, tickets)


def make_tickets(seed: int) -> dict[str, list[Ticket]]:
    """Make the rows of "train", "validation" and "test" in file order; nothing is written."""
    rng = random.Random(seed)
    old, new = _split_phrasings(rng)
    taken: set[str] = set()

    def later(share: float) -> list[Ticket]:
        rows = [
            _ticket(rng, intent, old, new, taken)
            for intent, size in TRAIN_SIZES.items()
            for _ in range(max(HELD_OUT_LEAST, round(size * share)))
        ]
        rng.shuffle(rows)
        return rows

    test = later(TEST_SHARE)
    train = [
        _ticket(rng, intent, old, {}, taken)
        for intent, size in TRAIN_SIZES.items()
        for _ in range(size)
    ]
    rng.shuffle(train)
    planted = _plant(rng, train, test)
    return {"train": planted, "validation": later(VALIDATION_SHARE), "test": test}


def _split_phrasings(
    rng: random.Random,
) -> tuple[dict[str, tuple[str, ...]], dict[str, tuple[str, ...]]]:
    """Divide each intent's request lines into those train uses and those it never does."""
    old, new = {}, {}
    for intent, lines in REQUESTS.items():
        shuffled = rng.sample(lines, len(lines))
        cut = round(len(lines) * NEW_PHRASINGS)
        new[intent], old[intent] = tuple(shuffled[:cut]), tuple(shuffled[cut:])
    return old, new


def _ticket(
    rng: random.Random,
    intent: str,
    old: dict[str, tuple[str, ...]],
    new: dict[str, tuple[str, ...]],
    taken: set[str],
) -> Ticket:
    """Write a ticket unlike any in `taken`, and add it there."""
    fresh = bool(new) and rng.random() < NEW_PHRASING_ODDS
    while True:
        request = rng.choice((new if fresh else old)[intent])
        text, personal = compose(rng, intent, request)
        if text_key(text) not in taken:
            taken.add(text_key(text))
            return Ticket(text, intent, intent, personal, fresh)


def _plant(rng: random.Random, train: list[Ticket], test: list[Ticket]) -> list[Ticket]:
    """Return train with wrong labels, copies, leaks, an empty and an oddly encoded row."""
    flipped = set(rng.sample(range(len(train)), round(len(train) * NOISE)))
    rows = [_flip(rng, row) if i in flipped else row for i, row in enumerate(train)]
    # A changed case would spoil e-mails and IBANs, so only plain rows are copied.
    plain = [i for i, row in enumerate(rows) if not row.personal and i not in flipped]
    odd, *sources = rng.sample(plain, DUPLICATES + 1)
    copies = [_copy(rng, rows[i]) for i in sources]
    copies[:CONFLICTS] = [_flip(rng, copy) for copy in copies[:CONFLICTS]]
    leaks = [replace(row, planted="leaked") for row in rng.sample(test, LEAKED)]
    empty = Ticket("", rows[odd].intent, rows[odd].meant, planted="empty")
    rows[odd] = replace(rows[odd], text=rows[odd].text + ODD_TAIL, planted="encoding")
    for extra in (*copies, *leaks, empty):
        rows.insert(rng.randint(1, len(rows)), extra)
    return rows


def _flip(rng: random.Random, row: Ticket) -> Ticket:
    return replace(row, intent=rng.choice(CONFUSABLE[row.meant]))


def _copy(rng: random.Random, row: Ticket) -> Ticket:
    """Copy a row as it is, in another case or with other spaces."""
    text = rng.choice(
        (row.text, row.text.upper(), row.text.lower(), f" {row.text.replace(' ', '  ', 3)} ")
    )
    return replace(row, text=text, planted="duplicate")


def _ids(rows: list[Ticket], split: str) -> Iterator[tuple[str, Ticket]]:
    for number, row in enumerate(rows, start=1):
        yield f"{split}-{number:04d}", row


def _to_csv(rows: list[Ticket], split: str) -> bytes:
    parts = [_line(("id", "text", "intent")).encode()]
    for key, row in _ids(rows, split):
        encoding = ODD_ENCODING if row.planted == "encoding" else "utf-8"
        parts.append(_line((key, row.text, row.intent)).encode(encoding))
    return b"".join(parts)


def _line(cells: tuple[str, ...]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(cells)
    return out.getvalue()


def _facts(seed: int, tickets: dict[str, list[Ticket]]) -> DemoFacts:
    train, validation, test = (tickets[name] for name in ("train", "validation", "test"))
    planted = [row.planted for row in train]
    wrong = [(key, row) for key, row in _ids(train, "train") if row.intent != row.meant]
    return DemoFacts(
        seed=seed,
        train_rows=len(train),
        validation_rows=len(validation),
        test_rows=len(test),
        duplicates=planted.count("duplicate"),
        conflicting=sum(row.planted == "duplicate" for _, row in wrong),
        leaked=planted.count("leaked"),
        flipped_ids=tuple(key for key, _ in wrong),
        personal_train=sum(row.personal for row in train),
        personal_validation=sum(row.personal for row in validation),
        personal_test=sum(row.personal for row in test),
        empty_row=planted.index("empty") + 2,
        odd_encoding_row=planted.index("encoding") + 2,
        new_phrasing=sum(row.new_phrasing for row in test),
    )
