"""What each kind of knowledge does to answers, and what it leaves alone."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from tuneos.tools.datasets.types import Split
from tuneos.tools.deployment.tagger import tagged_answer
from tuneos.tools.fusion.facts import DomainFacts, Entry, Node, Pair, Signature
from tuneos.tools.fusion.gazetteer import mentions, with_gazetteer
from tuneos.tools.fusion.label_sets import decide, with_exclusions, with_implications
from tuneos.tools.fusion.parents import by_parent
from tuneos.tools.fusion.relation_types import types_of, with_types
from tuneos.tools.fusion.taxonomy import backed_off, path_of, with_taxonomy
from tuneos.tools.tasks.text_classification import label_answers

LABELS = ("cat", "dog", "tax")
PETS = Node(iri="d:pets", name="pets")
TOP = Node(iri="d:top", name="everything")
TREE = DomainFacts(
    labels={label: f"d:{label}" for label in LABELS},
    ancestors={"cat": (PETS, TOP), "dog": (PETS, TOP), "tax": (TOP,)},
)


def rows(*found: dict[str, Any]) -> Split:
    n = len(found)
    return Split(("",) * n, ("",) * n, (None,) * n, ("",) * n, tuple(found))


def answers(*chances: tuple[float, ...]) -> list[dict[str, Any]]:
    return label_answers(np.array(chances), LABELS)


def test_likely_family_beats_a_lone_label_and_says_so() -> None:
    (before,) = answers((0.34, 0.28, 0.38))
    (after,) = with_taxonomy(TREE, rows({}), [before], 1.0)
    assert (before["label"], after["label"]) == ("tax", "cat")
    assert after["_probabilities"].sum() == pytest.approx(1)
    (fired,) = after["_rules"]
    assert fired["source"] == "taxonomy"
    assert fired["iris"] == ["d:cat", "d:pets"]


def test_taxonomy_keeps_the_order_within_a_family() -> None:
    (after,) = with_taxonomy(TREE, rows({}), answers((0.5, 0.3, 0.2)), 2.0)
    cat, dog, _ = after["_probabilities"]
    assert cat / dog == pytest.approx(5 / 3)
    assert "_rules" not in after


def test_path_leads_from_the_top_to_the_label_with_sums_of_scores() -> None:
    (answer,) = answers((0.5, 0.3, 0.2))
    path = path_of(TREE, answer)
    assert [(n["name"], n["score"]) for n in path] == [
        ("everything", pytest.approx(1.0)),
        ("pets", pytest.approx(0.8)),
        ("cat", 0.5),
    ]


@pytest.mark.parametrize(("certainty", "label"), [(0.4, "cat"), (0.6, "pets"), (0.9, "everything")])
def test_doubtful_answer_backs_off_to_the_nearest_sure_parent(certainty: float, label: str) -> None:
    (answer,) = answers((0.5, 0.3, 0.2))
    found = backed_off({**answer, "path": path_of(TREE, answer)}, certainty)
    assert found["label"] == label
    assert found.get("leaf", "cat") == "cat"


def test_answer_without_a_path_stays() -> None:
    (answer,) = answers((0.5, 0.3, 0.2))
    assert backed_off(answer, 0.99) is answer


def test_label_sets_are_chosen_as_by_trying_all_of_them() -> None:
    rng = np.random.default_rng(0)
    exclusions, implications = [(0, 1), (1, 2), (3, 4)], [(0, 5), (4, 2)]
    for _ in range(60):
        margins = rng.normal(size=6)
        strength = float(rng.choice([0.5, 2.0]))

        def worth(chosen: set[int], margins: Any = margins, strength: float = strength) -> float:
            broken = sum(a in chosen and b in chosen for a, b in exclusions)
            broken += sum(a in chosen and b not in chosen for a, b in implications)
            return float(sum(margins[i] for i in chosen)) - strength * broken

        sets = [{i for i, on in enumerate(c) if on} for c in product((0, 1), repeat=6)]
        found = set(decide(margins, exclusions, implications, strength))
        assert worth(found) == pytest.approx(max(worth(s) for s in sets))


def test_families_are_scored_one_level_up() -> None:
    # cat taken for dog is right one level up; tax taken for cat is not
    chances = np.eye(3)[[1, 0, 2]]
    (pets,) = by_parent(TREE, LABELS, np.column_stack([[0, 2, 2], chances]))
    assert pets.name == "pets"
    assert (pets.precision, pets.recall, pets.support) == (0.5, 1.0, 1)


def sets_of(scores: list[float], thresholds: list[float]) -> dict[str, Any]:
    given = np.array(scores) >= np.array(thresholds)
    return {
        "labels": [LABELS[i] for i in np.flatnonzero(given)],
        "scores": dict(zip(LABELS, scores, strict=True)),
        "_given": given,
        "_scores": np.array(scores),
        "_labels": LABELS,
        "_thresholds": np.array(thresholds),
    }


def test_of_two_labels_that_exclude_each_other_the_surer_stays() -> None:
    facts = DomainFacts(exclusions=(Pair(first="cat", second="tax", iris=("d:cat", "d:tax")),))
    (after,) = with_exclusions(facts, rows({}), [sets_of([0.9, 0.6, 0.55], [0.5] * 3)], 4.0)
    assert after["labels"] == ["cat", "dog"]
    assert after["_scores"][2] < 0.5
    assert after["_rules"][0]["iris"] == ["d:cat", "d:tax"]


def test_both_stay_where_both_are_surer_than_the_knowledge_is_strong() -> None:
    facts = DomainFacts(exclusions=(Pair(first="cat", second="tax", iris=("d:cat", "d:tax")),))
    before = sets_of([0.9, 0.1, 0.9], [0.5] * 3)
    assert with_exclusions(facts, rows({}), [before], 1.0) == [before]


@pytest.mark.parametrize(("dog", "labels"), [(0.45, ["cat", "dog"]), (0.01, [])])
def test_what_is_implied_is_added_or_what_implies_it_taken_away(
    dog: float, labels: list[str]
) -> None:
    facts = DomainFacts(implications=(Pair(first="cat", second="dog", iris=("d:cat", "d:dog")),))
    (after,) = with_implications(facts, rows({}), [sets_of([0.6, dog, 0.1], [0.5] * 3)], 3.0)
    assert after["labels"] == labels
    assert after["_rules"][0]["source"] == "implication"


RELATIONS = ("Made(e1,e2)", "Made(e2,e1)", "Other")
TYPES = DomainFacts(
    signatures={"Made": Signature(iri="d:made", domain=("d:Thing",), range=("d:Person",))},
    entries={
        "baker": Entry(types=("d:Person",), iri="d:baker"),
        "bread": Entry(types=("d:Thing",), iri="d:bread"),
    },
    types={"person": ("d:Person",), "thing": ("d:Thing",)},
)


def relation(head: dict[str, str], tail: dict[str, str], *chances: float) -> dict[str, Any]:
    found = label_answers(np.array([chances]), RELATIONS)
    (after,) = with_types(TYPES, rows({"head": head, "tail": tail}), found, 8.0)
    return after


def test_relation_whose_ends_have_the_wrong_types_gives_way_to_its_reverse() -> None:
    after = relation({"text": "old bakers"}, {"text": "bread"}, 0.5, 0.4, 0.1)
    assert after["label"] == "Made(e2,e1)"
    assert after["_rules"][0]["iris"][0] == "d:made"


def test_types_of_the_row_come_before_those_of_the_names() -> None:
    head, tail = {"text": "baker", "type": "Thing"}, {"text": "bread", "type": "Person"}
    assert relation(head, tail, 0.5, 0.4, 0.1)["label"] == "Made(e1,e2)"


def test_unknown_ends_rule_nothing_out() -> None:
    after = relation({"text": "x"}, {"text": "y"}, 0.5, 0.4, 0.1)
    assert "_rules" not in after
    assert after["score"] == 0.5


def test_plurals_and_last_words_are_looked_up() -> None:
    assert types_of(TYPES, "the bakers") == ("d:Person",)
    assert types_of(TYPES, "breads") == ("d:Thing",)


NAMES = {
    "new york": Entry(types=("LOC",), iri="d:ny", cased=True),
    "york": Entry(types=("LOC",), iri="d:york", cased=True),
    "reading": Entry(types=("LOC",), iri="d:reading", cased=True),
}


def test_longest_names_are_found_and_small_letters_are_not_names() -> None:
    tokens = ["I", "am", "reading", "in", "New", "York", "."]
    assert [(a, b, e.iri) for a, b, e in mentions(tokens, NAMES)] == [(4, 6, "d:ny")]


def test_known_name_is_tagged_and_the_offsets_hold() -> None:
    tags, text = ("O", "B-LOC", "I-LOC"), "in New York"
    row = {"text": text, "tokens": text.split(), "offsets": [[0, 2], [3, 6], [7, 11]]}
    chances = np.array([[0.9, 0.05, 0.05], [0.8, 0.15, 0.05], [0.8, 0.05, 0.15]])
    before = tagged_answer(row, tags, np.zeros(3, np.int64), chances, 0.0)
    assert before["spans"] == []
    facts = DomainFacts(entries=NAMES)
    (after,) = with_gazetteer(facts, rows(row), [before], 4.0)
    (span,) = after["spans"]
    assert (span["text"], span["label"]) == ("New York", "LOC")
    assert after["_rules"][0]["iris"] == ["d:ny"]
    assert with_gazetteer(facts, rows(row), [before], 0.1)[0]["spans"] == []
