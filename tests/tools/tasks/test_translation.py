"""What a translation model is asked, and how its answers are measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import sacrebleu
from tuneos.evals.measures import score
from tuneos.tools.datasets.asked import read_asked
from tuneos.tools.datasets.types import Split
from tuneos.tools.tasks.translation import TASK

ROWS: tuple[dict[str, Any], ...] = (
    {
        "source": "The dog sleeps in the house.",
        "target": "Der Hund schläft im Haus.",
        "references": ["Der Hund schläft im Haus.", "Im Haus schläft der Hund."],
        "source_lang": "en",
        "target_lang": "de",
    },
    {
        "source": "Good morning to all of you.",
        "target": "Guten Morgen euch allen.",
        "references": ["Guten Morgen euch allen."],
        "source_lang": "en",
        "target_lang": "de",
    },
)
SPLIT = Split(tuple(r["source"] for r in ROWS), ("", ""), (None,) * 2, ("", ""), ROWS)


def test_bleu_and_chrf_are_sacrebleus_over_all_references() -> None:
    given = ["Im Haus schläft der große Hund.", "Guten Morgen euch allen."]
    found = score(TASK.stats(SPLIT, [{"text": text} for text in given]))
    seconds: Any = ["Im Haus schläft der Hund.", None]
    references = [[r["target"] for r in ROWS], seconds]
    assert found["bleu"] == sacrebleu.corpus_bleu(given, references).score
    assert found["chrf"] == sacrebleu.corpus_chrf(given, references).score


def test_the_instruction_names_the_languages_that_are_known() -> None:
    assert TASK.prompted(ROWS[0]).prompt.startswith("Translate from English to German:\nThe dog")
    assert TASK.prompted({"source": "x", "target_lang": "xx-YY"}).prompt == (
        "Translate to xx-YY:\nx"
    )
    assert TASK.prompted({"source": "x"}).prompt == "Translate:\nx"
    assert TASK.prompted(ROWS[0]).bare == ROWS[0]["source"]


def test_signatures_are_told() -> None:
    bleu, chrf = TASK.remarks(SPLIT)
    assert "tok:13a" in bleu
    assert "version:" in bleu
    assert chrf.startswith("chrF: sacrebleu ")


def test_rows_are_asked_by_source_or_text(tmp_path: Path) -> None:
    path = tmp_path / "ask.csv"
    path.write_text("id,source,target_lang\n7,Hi,de\n")
    asked = TASK.ask(read_asked(path), None)
    assert asked.rows[0] == {"source": "Hi", "source_lang": "", "target_lang": "de"}
    path = tmp_path / "ask.txt"
    path.write_text("Hello\n\n")
    assert TASK.ask(read_asked(path), None).texts == ("Hello", "")
