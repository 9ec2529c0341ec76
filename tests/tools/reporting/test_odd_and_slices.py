"""The report says how odd inputs are told, and how the model fares on parts of the split."""

import sample_stories as stories
from tuneos.evals.measures.robust import PERTURBATIONS
from tuneos.evals.result import OddInputs, Robustness, Share, SliceResult, SwapAttack
from tuneos.tools.reporting import view
from tuneos.tools.reporting.html import render

STORY = stories.story()

ODD = OddInputs(
    score="knn",
    judged={"knn": 0.99, "energy": 0.9},
    judged_by="classes",
    false_alarms=0.05,
    temperature=1.2,
    ece_before=0.05,
    ece_after=0.02,
    coverage=(0.5, 1.0),
    risk=(0.0, 0.1),
    called_odd=0.04,
)
SLICES = [SliceResult(name="2 to 5 words", rows=99, metric="accuracy", value=0.9, ci=(0.8, 0.95))]


def test_sentences_claim_no_more_than_was_judged() -> None:
    said = " ".join(view.odd_sentences(STORY.model_copy(update={"odd": ODD})))
    assert "no promise" in said
    assert "4.0%" in said
    assert "AUROC 0." not in said  # no rows out of the domain: no figure on test
    assert view.odd_sentences(STORY) == []


def test_the_page_has_both_sections_where_there_is_something() -> None:
    page = render(STORY.model_copy(update={"odd": ODD, "slices": SLICES}))
    assert 'id="odd"' in page
    assert "2 to 5 words" in page
    plain = render(STORY)
    assert 'id="odd"' not in plain
    assert 'id="slices"' not in plain


def share(name: str, value: float) -> Share:
    return Share(name=name, value=value, ci=(value - 0.1, value + 0.1))


def test_rows_written_otherwise_are_shown_for_both_models() -> None:
    under = [share(name, 0.8) for name in ("original", *PERTURBATIONS)]
    attack = SwapAttack(rows=50, before=0.8, after=share("attack", 0.3), words=0.1)
    both = [
        Robustness(
            model="chosen", rows=300, robust_accuracy=share("r", 0.7), under=under, attack=attack
        ),
        Robustness(model="frozen_linear", rows=300, robust_accuracy=share("r", 0.6), under=under),
    ]
    result = STORY.result.model_copy(update={"robustness": both})
    said = view.robust_sentences(result)
    assert "70.0% of 300 rows" in said[0]
    assert "leaves 30.0% of 50 rows right, 80.0% before it" in said[0]
    assert "attack" not in said[1]
    rows = dict(view.robust_rows(result))
    assert list(rows) == ["original", *PERTURBATIONS, "all of these"]
    assert rows["all of these"] == [
        ("this model", "0.700 [0.600, 0.800]"),
        ("frozen linear", "0.600 [0.500, 0.700]"),
    ]
    page = render(STORY.model_copy(update={"result": result}))
    assert 'id="robustness"' in page
    assert "Share of right answers by how rows are written" in page
    assert 'id="robustness"' not in render(STORY)
