"""The model card: its metadata reads back, its text holds no data, nothing is sent."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import sample_stories as stories
from huggingface_hub import ModelCard
from tuneos.evals.result import OddInputs, RunStory
from tuneos.tools.reporting import view
from tuneos.tools.reporting.card import plain, write_model_card

HUB_ID = "someone/some-model"
pytestmark = pytest.mark.usefixtures("socket_disabled")


def card(story: RunStory, folder: Path, hub_id: str | None = HUB_ID) -> Any:
    path = write_model_card(story, folder, base_model_hub_id=hub_id, library="peft")
    assert path == folder / "README.md"
    return ModelCard.load(path)


def test_metadata_reads_back(tmp_path: Path) -> None:
    data = card(stories.story(), tmp_path).data
    assert data.base_model == HUB_ID
    assert data.library_name == "peft"
    assert data.pipeline_tag == "text-classification"
    assert data.metrics == ["f1", "accuracy", "ece"]
    assert data.license is None
    assert data.language is None
    assert data.model_name == "20261123-140210-tickets"
    results = {r.metric_name: r for r in data.eval_results or []}
    assert results["macro F1"].metric_value == 0.923
    assert results["macro F1"].metric_type == "f1"
    assert {r.dataset_split for r in results.values()} == {"test"}


def test_unknown_base_model_is_left_out_of_the_metadata(tmp_path: Path) -> None:
    assert card(stories.story(), tmp_path, hub_id=None).data.base_model is None


def test_card_says_what_a_user_of_the_model_needs(tmp_path: Path) -> None:
    text = card(stories.not_met(), tmp_path).text
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == [
        "Intended use",
        "How to load",
        "Results on the test split",
        "Baselines on the same rows",
        "Training",
        "Limitations",
        "Versions",
    ]
    assert "sha256:9f2c1a7d" in text
    assert "| tf-idf + linear | 0.861 |" in text
    assert "Target not met on the test split" in text
    assert "tuneos predict path/to/this/folder" in text
    assert "less than the test split can resolve" in text


def test_entities_have_a_table_by_type_and_a_task_that_hubs_know(tmp_path: Path) -> None:
    found = card(stories.entities(), tmp_path)
    assert found.data.pipeline_tag == "token-classification"
    assert found.data.metrics == ["f1"]
    assert "Token classification into 3 entity types" in found.text
    assert "## By entity type" in found.text
    assert "| creative-work | 0.703 |" in found.text
    assert "one of the labels" not in found.text


def test_translations_carry_the_signature_of_their_score(tmp_path: Path) -> None:
    found = card(stories.translations(), tmp_path)
    assert found.data.pipeline_tag == "translation"
    assert found.data.metrics == ["bleu", "chrf", "perplexity", "nll"]
    results = {r.metric_type: r for r in found.data.eval_results or []}
    assert results["bleu"].metric_value == 8.67
    assert "tok:13a" in results["bleu"].metric_args["signature"]
    assert "tok:13a" in found.text
    assert "Labels:" not in found.text
    assert "Niemand" not in found.text


def test_model_without_a_base_is_not_said_to_stand_on_one(tmp_path: Path) -> None:
    story = stories.story().model_copy(update={"on_base": False})
    assert "made by TuneOS without a base model" in card(story, tmp_path).text
    assert view.answered_by(story).endswith(", without a base model")


def test_model_that_tells_odd_inputs_is_said_to(tmp_path: Path) -> None:
    odd = OddInputs(score="knn", false_alarms=0.05, temperature=1.0, ece_before=0.1, ece_after=0.05)
    story = stories.story().model_copy(update={"odd": odd})
    assert "marked by `abstain`, at the cost of 5% of usual ones" in card(story, tmp_path).text


def test_card_holds_no_text_of_the_data_and_no_path_of_this_machine(tmp_path: Path) -> None:
    story = stories.story(source="/home/someone/private/tickets.csv")
    text = card(story, tmp_path).content
    assert "parcel" not in text
    assert "Please write to" not in text
    assert "/home/someone" not in text
    assert str(tmp_path) not in text


def test_adapter_is_loaded_with_peft_alone(tmp_path: Path) -> None:
    (tmp_path / "adapter_config.json").write_text('{"task_type": "FEATURE_EXTRACTION"}')
    text = card(stories.story(), tmp_path).text
    snippet = re.search(r"```python\n(.*?)```", text, re.DOTALL)
    assert snippet is not None
    compile(snippet[1], "snippet", "exec")
    assert f"base = '{HUB_ID}'" in snippet[1]
    assert "PeftModel.from_pretrained(model, 'path/to/this/folder')" in snippet[1]


@pytest.mark.parametrize("name", sorted(stories.EVERY))
def test_every_story_has_a_card_that_is_the_same_each_time(name: str, tmp_path: Path) -> None:
    first = card(stories.EVERY[name](), tmp_path / "a").content
    assert first == card(stories.EVERY[name](), tmp_path / "b").content
    assert "\n\n\n" not in first
    assert [p.name for p in (tmp_path / "a").iterdir()] == ["README.md"]


def test_hostile_text_stays_text(tmp_path: Path) -> None:
    found = card(stories.hostile(), tmp_path)
    assert "<script" not in found.text
    assert "\n# " in "\n" + found.text.lstrip()
    assert found.data.model_name is not None
    assert "alert(1)" in found.data.model_name


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a|b", r"a\|b"),
        ("line\n# heading", r"line \# heading"),
        ("<b>&amp;", r"&lt;b\>\&amp;"),
        ("[x](y)", r"\[x\](y)"),
        ("e_mail", r"e\_mail"),
    ],
)
def test_markdown_is_escaped(text: str, shown: str) -> None:
    assert plain(text) == shown
