"""What counts as personal data, what does not, and that the short cuts hide nothing."""

import random
import string
import time

import pytest
from tuneos.tools.guardrails import personal_data
from tuneos.tools.guardrails.folding import fold
from tuneos.tools.guardrails.personal_data import (
    KINDS,
    Finding,
    find_personal_data,
    mask_text,
    mask_texts,
)

PERSONAL = [
    ("mail anna.berg@example.org please", "mail [EMAIL] please"),
    ("phone/anna@example.org", "[EMAIL]"),
    ("a.b+c@d-e.co.uk,me", "[EMAIL],me"),
    ("card 4111 1111 1111 1111 lost", "card [CARD] lost"),
    ("4111-1111-1111-1111", "[CARD]"),
    ("2223 0031 2200 3222 was charged", "[CARD] was charged"),
    ("card number 630427373398 is lost", "card number [CARD] is lost"),
    ("from GB56HXDO88167774656119 today", "from [IBAN] today"),
    ("from DE89 3704 0044 0532 0130 00 today", "from [IBAN] today"),
    ("from de89370400440532013000 today", "from [IBAN] today"),
    ("BE68539007547034 2021 paid", "[IBAN] 2021 paid"),
    ("blocked 106.31.73.20 today", "blocked [IP] today"),
    ("from 2001:db8::ff00:42:8329", "from [IP]"),
    ("SSN 460-89-9847", "SSN [SSN]"),
    ("my ssn is 460899847", "my ssn is [SSN]"),
    ("call me on 9472 7916.", "call me on [PHONE]."),
    ("+44 7700 900123", "[PHONE]"),
    ("(202) 555-0143 please", "[PHONE] please"),
    ("020 7946 0123", "[PHONE]"),
    ("my number is 07700 900123", "my number is [PHONE]"),
    ("07700900123 is my number", "[PHONE] is my number"),
    ("phone 07700900123, 07700900124", "phone [PHONE], [PHONE]"),
    ("mobile: +1 (415) 555-0132 x22", "mobile: [PHONE]"),
]
INNOCENT = [
    "open 24/7 since 1999",
    "paid $1,000,000 or 1000000 on 2024-05-17 10:30:00",
    "call me on 12/05/2024",
    "called 2024-05-17 10:30, ring 20240517",
    "call centre 2019-2020",
    "my order 12345678, call me",
    "12345678 is the order number",
    "the deal cost 10 000 000, call it a day",
    "call id_1234567 on https://x.com/call/12345678 and #12345678",
    "call it 3.1415926535 at 51.5073509",
    "+25000000 users",
    "version 10.0.1.2 of section 1.2.3.4.5",
    "std::vector a::b add:: 12:30:45 aa:bb:cc:dd:ee:ff",
    "user@localhost and @handle. Yes",
    "4111 1111 1111 1112",
    "GB57HXDO88167774656119",
    "Anna Berg, 5 High Street",
    "",
    " ",
]
DISGUISED = [
    ("４１１１ １１１１ １１１１ １１１１", "[CARD]"),
    ("4111\u00a01111\u20091111\u00a01111", "[CARD]"),
    ("4111–1111–1111–1111", "[CARD]"),
    ("anna＠example．org", "[EMAIL]"),
    ("call ٠٥٥ ١٢٣ ٤٥٦٧", "call [PHONE]"),
    ("\ud800 a@example.com", "\ud800 [EMAIL]"),
]


@pytest.mark.parametrize(("text", "masked"), PERSONAL + DISGUISED)
def test_personal_data_is_masked_by_its_kind(text: str, masked: str) -> None:
    assert mask_text(text) == masked


@pytest.mark.parametrize("text", INNOCENT)
def test_amounts_dates_versions_and_names_are_left_alone(text: str) -> None:
    assert find_personal_data(text) == []
    assert mask_text(text) is text


@pytest.mark.parametrize(
    "text", ["4" + "\U00011de1" * 15, "\U0001e5f1" * 16, "\x00" * 50, "@" * 999]
)
def test_odd_characters_never_fail(text: str) -> None:
    assert mask_text(text) == text


def test_findings_are_ordered_and_the_longest_wins() -> None:
    found = find_personal_data("phone 4111 1111 1111 1111, then 1.2.3.4 and a@1.2.3.4.example.org")
    assert [f.kind for f in found] == ["CARD", "IP", "EMAIL"]
    assert found[0] == Finding("CARD", 6, 25)


def test_masking_twice_changes_nothing_more() -> None:
    for text, _ in PERSONAL:
        once = mask_text(text)
        assert mask_text(once) is once


def _generated(count: int, seed: int) -> list[str]:
    """Random mixtures of fragments that the recognizers like, whole and broken."""
    rng = random.Random(seed)
    pieces = [text for text, _ in PERSONAL + DISGUISED] + INNOCENT
    alphabet = string.digits * 3 + "abfGB @.:-+() /xX\u00a0"
    texts = []
    for _ in range(count):
        parts = [rng.choice(pieces) for _ in range(rng.randint(0, 2))]
        parts += ["".join(rng.choices(alphabet, k=rng.randint(1, 24))) for _ in range(2)]
        parts += [rng.choice(pieces)[rng.randint(0, 6) : rng.randint(8, 40)]]
        rng.shuffle(parts)
        texts.append(rng.choice(["", " ", "\n"]).join(parts))
    return texts


def test_prefilter_never_hides_a_finding() -> None:
    from tuneos.tools.guardrails.recognizers import spans_of

    skipped = 0
    for text in _generated(600, seed=5):
        folded = fold(text)
        for part in {folded, *folded.split("\n"), *folded.split()}:
            if not personal_data._may_hold_any(part):
                skipped += 1
                assert list(spans_of(part)) == [], part
    assert skipped > 600


def test_windows_find_in_long_texts_what_stands_in_short_ones() -> None:
    rng = random.Random(3)
    for _ in range(12):
        filler = " ".join("".join(rng.choices("abcde", k=rng.randint(1, 9))) for _ in range(900))
        cut = filler.index(" ", rng.randint(1500, 2300))
        text, masked = rng.choice(PERSONAL)
        long = f"{filler[:cut]} {text} {filler[cut:]}"
        assert mask_text(long) == f"{filler[:cut]} {masked} {filler[cut:]}"


def test_masked_texts_count_and_point() -> None:
    calls: list[tuple[int, int]] = []
    texts = ["hi", "a@example.com b@example.com", "call 07700 900123"] + ["no"] * 300
    masked = mask_texts(texts, progress=lambda done, total: calls.append((done, total)))
    assert masked.texts[:3] == ("hi", "[EMAIL] [EMAIL]", "call [PHONE]")
    assert masked.counts == {"EMAIL": 2, "PHONE": 1}
    assert masked.touched == (1, 2)
    assert calls == [(256, 303), (303, 303)]
    assert set(masked.counts) <= set(KINDS)


def test_no_texts_at_all() -> None:
    masked = mask_texts([])
    assert (masked.texts, masked.counts, masked.touched) == ((), {}, ())


def test_texts_without_personal_data_cost_a_small_part_of_those_with() -> None:
    plain = ["where is my card, i ordered it 2 weeks ago for 30 pounds?"] * 2000
    personal = ["please call me on 07700 900123 about my card"] * 200
    mask_texts(personal[:1])

    def seconds_each(texts: list[str]) -> float:
        started = time.process_time()
        mask_texts(texts)
        return (time.process_time() - started) / len(texts)

    assert seconds_each(plain) * 5 < seconds_each(personal)


def test_hostile_long_text_costs_in_proportion_to_its_length() -> None:
    def seconds(length: int) -> float:
        started = time.process_time()
        mask_text("a-" * length + "@x.com")
        return time.process_time() - started

    mask_text("a@example.com")
    assert seconds(80_000) < 40 * seconds(10_000) + 0.5  # quadratic would be 64 times
