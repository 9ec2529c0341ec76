"""The report says how odd inputs are told, and how the model fares on parts of the split."""

import sample_stories as stories
from tuneos.evals.result import OddInputs, SliceResult
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
