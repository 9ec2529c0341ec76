"""The report as a reader's browser sees it."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import pytest
import sample_stories as stories
from tuneos.evals.result import RunStory
from tuneos.tools.reporting import html, words

SECTIONS = [
    "targets", "ladder", "gains", "steps", "data", "curves", "trials", "confusion", "by_label",
    "worst", "costs", "use", "reproduce", "caveats",
]  # fmt: skip
VOID = {"meta", "br", "link", "img", "input", "hr"}


class Page(HTMLParser):
    """Collects what the tests ask about; fails on tags that do not match."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] != ["style"]:
            self.words.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    @property
    def sections(self) -> list[str | None]:
        return [attributes.get("id") for attributes in self.all("section")]


@cache
def rendered(name: str) -> str:
    """Render a sample story; drawing is the slow part, so each is drawn once."""
    return html.render(stories.EVERY[name]())


every_story = pytest.mark.parametrize("name", sorted(stories.EVERY))


@every_story
def test_page_needs_nothing_from_outside(name: str) -> None:
    page = Page(rendered(name))
    names = {tag for tag, _ in page.tags}
    assert not names & {"script", "link", "img", "iframe", "object", "embed", "base", "form"}
    for _, attributes in page.tags:
        for key in ("src", "href", "xlink:href", "action", "data", "srcset", "poster"):
            assert (attributes.get(key) or "#").startswith("#")
        assert not [key for key in attributes if key.startswith("on")]
        for value in attributes.values():
            assert "url(" not in (value or "").replace("url(#", "")


@every_story
def test_page_can_be_read_without_seeing_it(name: str) -> None:
    page = Page(rendered(name))
    assert page.all("html")[0]["lang"] == "en"
    assert len(page.all("h1")) == 1
    assert all(th.get("scope") in ("col", "row") for th in page.all("th"))
    assert all(svg.get("aria-label") for svg in page.all("svg"))
    ids = [a["id"] for _, a in page.tags if "id" in a]
    assert len(ids) == len(set(ids))
    targets = {(a.get("href") or "#")[1:] for a in page.all("a")}
    assert targets <= set(ids)


def test_full_story_has_every_section_in_order() -> None:
    assert Page(rendered("met")).sections == SECTIONS


def test_sections_without_content_are_left_out() -> None:
    found = Page(rendered("baselines_only")).sections
    assert found == ["targets", "ladder", "reproduce"]


def test_entities_are_shown_by_type_and_not_as_a_confusion() -> None:
    page = Page(rendered("entities"))
    assert {"by_label", "worst"} <= set(page.sections)
    assert "confusion" not in page.sections
    assert "By entity type" in page.text
    assert "3 entity types" in page.text
    assert "entities found: type, text, start and end" in page.text
    assert "location: Sonmarg; person: Ana" in page.text
    assert "confidence" not in page.text


def test_translations_are_shown_as_texts_with_the_signature_of_their_score() -> None:
    page = Page(rendered("translations"))
    assert {"worst", "examples"} <= set(page.sections)
    assert not {"by_label", "confusion"} & set(page.sections)
    assert "BLEU 8.67 [7.50, 9.90] against ≥ 20" in page.text
    assert "BLEU: nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:2.6.0" in page.text
    assert "+8.4 points of BLEU over copy_source" in page.text
    assert "0 labels" not in page.text
    assert "Niemand sah Tom." in page.text


def test_first_screen_answers_what_was_asked() -> None:
    text = rendered("met")
    first = Page(text[: text.index("<nav")] + "</header></div></body></html>").text
    for answer in (
        "Both targets met on the test split",
        "Macro F1 0.923 [0.905, 0.939] against ≥ 0.90",
        "Macro F1 ≥ 0.90 and latency (p95) ≤ 20 ms on tickets.csv",
        "lora r=32, trial 14, on builtin:minilm",
        "+4.1 points of macro F1 over the untuned model with a trained head",
        "11 min 24 s of 30 min; 20 of 40 trials",
        "rule-based planner (not an LLM)",
        "tuneos predict .tuneos/runs/20261123-140210-tickets/model",
    ):
        assert answer in first


def test_missed_target_says_how_close_it_was() -> None:
    text = Page(rendered("not_met")).text
    assert "Target not met on the test split" in text
    assert "contains the target ≥ 0.93: missed on this test split" in text
    assert "✗ not met" in text


def test_missing_comparison_claims_no_gain() -> None:
    text = Page(rendered("no_targets")).text
    assert "no gain can be claimed" in text
    assert "a real gain" not in text


def test_many_classes_are_a_table_and_not_a_matrix() -> None:
    page = Page(rendered("many_classes"))
    assert not [s for s in page.all("svg") if (s["data-plot"] or "").startswith("confusion")]
    assert "Most confused pairs" in page.text
    few = Page(rendered("met"))
    assert len([s for s in few.all("svg") if (s["data-plot"] or "").startswith("confusion")]) == 2


def test_hostile_text_is_shown_as_text_and_shortened() -> None:
    text = rendered("hostile")
    page = Page(text)
    assert "<script>alert(1)</script>" in page.text
    assert "{{ 7*7 }}" in page.text
    assert max(map(len, page.words)) < 1000
    assert "wwwww" * 100 not in text
    assert not {"\x00", "\x1b", "\u202e"} & set(text)


def test_figures_that_are_not_numbers_do_not_break_the_page() -> None:
    story = stories.story()
    story.result.test["macro_f1"] = float("nan")
    story.result.candidates[0].validation["macro_f1"] = float("inf")
    story.trials[0].value = float("nan")
    assert "Both targets met" in html.render(story)


def test_adapter_folder_gets_a_snippet_that_compiles(tmp_path: Path) -> None:
    (tmp_path / "adapter").mkdir()
    config = {"base_model_name_or_path": "/base", "task_type": "SEQ_CLS"}
    (tmp_path / "adapter" / "adapter_config.json").write_text(json.dumps(config))
    text = Page(html.render(stories.story(result=stories.result(model=str(tmp_path))))).text
    assert "PeftModel.from_pretrained(model," in text
    assert f"{tmp_path}/adapter" in text
    assert "num_labels=10" in text
    assert "PeftModel" not in Page(rendered("met")).text


@pytest.mark.parametrize("name", ["met", "hostile"])
def test_same_story_gives_the_same_bytes(name: str, tmp_path: Path) -> None:
    path = html.write_report(stories.EVERY[name](), tmp_path)
    assert path.read_text(encoding="utf-8") == rendered(name)


def test_json_beside_the_page_gives_the_story_again(tmp_path: Path) -> None:
    path = html.write_report(stories.story(), tmp_path)
    assert path == tmp_path / "report.html"
    again = RunStory.model_validate_json((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert again == stories.story()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["report.html", "report.json"]


def test_failed_write_leaves_the_old_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "report.html").write_text("old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        html.write_report(stories.baselines_only(), tmp_path)
    assert (tmp_path / "report.html").read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["report.html"]


def test_importing_the_report_brings_in_nothing_heavy() -> None:
    code = (
        "import sys, tuneos.tools.reporting.html, tuneos.tools.reporting.card;"
        "print({'matplotlib', 'jinja2', 'huggingface_hub', 'scipy', 'torch'} & set(sys.modules))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "set()"


def test_level_of_intervals_is_the_one_they_were_computed_with() -> None:
    from tuneos.evals.statistics import LEVEL

    assert words.LEVEL == LEVEL
