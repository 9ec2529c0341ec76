"""What the benchmark of odd inputs makes of entities and of several scores."""

import json
from pathlib import Path

from tuneos.evals.benchmarks.out_of_scope import asked, sure


def test_sentences_of_two_entities_become_pairs_and_other_rows_stay(tmp_path: Path) -> None:
    source, draft = tmp_path / "source.jsonl", tmp_path / "draft.jsonl"
    rows = [
        {"tokens": ["New", "York", "beats", "Rome"], "tags": ["B-LOC", "I-LOC", "O", "B-LOC"]},
        {"tokens": ["one", "Rome"], "tags": ["O", "B-LOC"]},
    ]
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert asked(source, draft) == draft
    (pair,) = map(json.loads, draft.read_text().splitlines())
    assert pair["text"] == "New York beats Rome"
    assert pair["head"] == {"text": "New York", "start": 0, "end": 8}
    assert pair["tail"] == {"text": "Rome", "start": 15, "end": 19}
    source.write_text('{"text": "as it is"}\n')
    assert asked(source, draft) == source


def test_of_several_scores_the_highest_counts() -> None:
    assert [a["score"] for a in sure([{"scores": {"a": 0.2, "b": 0.6}}, {"score": 0.3}])] == [
        0.6,
        0.3,
    ]
