"""Runs take personal data out before anything learns, and their models do so with inputs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from fakes import Turn, run_scripted, ticket_rows
from tuneos.agent.plan import plan_run
from tuneos.agent.spec import RunSpec, SpecError
from tuneos.tools.deployment.model import load_model
from tuneos.tools.deployment.predict import answers, read_inputs
from tuneos.tools.errors import ModelError
from tuneos.tools.guardrails.masking import AUDIT, STAND_INS

MAIL, PHONE = "anna.berg@example.org", "+1 212 555 0100"
PROBE: Turn = [("probe_baselines", {"rungs": ["tfidf_linear"]})]
LEXICON: Turn = [("probe_baselines", {"rungs": ["lexicon"]})]
MASK: Turn = [("mask_personal_data", {})]


def written(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def personal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tickets, a third of which hold personal data; one has it as its id."""
    rows = []
    for number, (text, label) in enumerate(ticket_rows()):
        more = {0: f" mail {MAIL}", 5: f" call {PHONE}"}.get(number % 9, "")
        name = MAIL if number == 9 else f"r{number}"
        rows.append({"id": name, "text": text + more, "label": label})
    return written(tmp_path_factory.mktemp("personal") / "tickets.jsonl", rows)


@pytest.fixture(scope="module")
def entities(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Texts with cities and people among addresses."""
    rows = []
    for number in range(120):
        city, who = ("Berlin", "Paris", "Oslo")[number % 3], ("Anna", "Igor")[number % 2]
        text = f"{who} case {number} writes {MAIL} from {city} today"
        spans = [
            {"start": text.index(word), "end": text.index(word) + len(word), "label": label}
            for word, label in ((city, "CITY"), (who, "PERSON"))
        ]
        rows.append({"text": text, "spans": spans})
    return written(tmp_path_factory.mktemp("entities") / "train.jsonl", rows)


@pytest.fixture(scope="module")
def names(entities: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that finds names: a lexicon, tuned on masked rows."""
    folder = tmp_path_factory.mktemp("names")
    ran = run_scripted([LEXICON], entities, folder / "w", personal_data="mask", seed=3)
    assert holds(folder, MAIL) == []
    return Path(str(ran.result.model))


def holds(folder: Path, value: str) -> list[str]:
    found = [p for p in folder.rglob("*") if p.is_file() and value.encode() in p.read_bytes()]
    return [str(p) for p in found]


def ask(model: Path, line: dict[str, Any], tmp_path: Path, **more: Any) -> dict[str, Any]:
    loaded = load_model(model, **more)
    path = written(tmp_path / "in.jsonl", [line])
    (answer,) = answers(loaded, read_inputs(path, loaded.task))
    return answer


@pytest.mark.parametrize("mode", ["pseudonymise", "drop"])
def test_a_run_keeps_no_value(mode: str, personal: Path, tmp_path: Path) -> None:
    ran = run_scripted([MASK, PROBE], personal, tmp_path / "w", personal_data=mode)
    assert holds(tmp_path, MAIL) == []
    assert holds(tmp_path, PHONE) == []
    assert not (ran.run.folder / STAND_INS).exists()
    lines = [json.loads(line) for line in (ran.run.folder / AUDIT).read_text().splitlines()]
    assert {tuple(line) for line in lines} == {("id", "field", "start", "end", "type")}
    assert {line["type"] for line in lines} == {"EMAIL", "PHONE"}
    assert any("line 10" in line["id"] for line in lines), "an id that is personal data"
    assert "before the run began" in json.dumps(ran.events), "there is nothing left to mask"
    model = load_model(Path(str(ran.result.model)))
    assert model.card.masked
    assert model.card.masking is not None
    assert model.card.masking.mode == mode
    left = json.loads((ran.run.out / "report.json").read_text())["rows"]
    assert sum(left.values()) == (93 if mode == "drop" else 120)


def test_a_report_changes_nothing_and_forbids_masking(personal: Path, tmp_path: Path) -> None:
    ran = run_scripted([MASK, PROBE], personal, tmp_path / "w", personal_data="report")
    assert holds(tmp_path / "w" / "artifacts", MAIL)
    assert (ran.run.folder / AUDIT).is_file()
    assert "only reported" in json.dumps(ran.events)
    assert not load_model(Path(str(ran.result.model))).card.masked


def test_entities_are_given_by_their_place_in_the_input(names: Path, tmp_path: Path) -> None:
    text = f"Now {MAIL} and {PHONE} wrote Igor from Oslo"
    answer = ask(names, {"id": 7, "text": text}, tmp_path)
    assert answer["id"] == 7
    found = {(s["label"], text[s["start"] : s["end"]], s["text"]) for s in answer["spans"]}
    assert found == {("PERSON", "Igor", "Igor"), ("CITY", "Oslo", "Oslo")}


def test_names_are_masked_in_rows_and_then_in_inputs(
    names: Path, entities: Path, tmp_path: Path
) -> None:
    ran = run_scripted(
        [LEXICON], entities, tmp_path / "w", personal_data="pseudonymise", names=str(names)
    )
    assert holds(tmp_path / "w" / "artifacts", "Berlin") == []
    kinds = {json.loads(x)["type"] for x in (ran.run.folder / AUDIT).read_text().splitlines()}
    assert kinds == {"EMAIL", "CITY", "PERSON"}
    model = Path(str(ran.result.model))
    moved = tmp_path / "moved"
    shutil.copytree(names, moved)
    line = {"text": "Igor from Oslo"}
    assert ask(model, line, tmp_path) is not None
    assert ask(model, line, tmp_path, names=moved) is not None
    (moved / "README.md").write_text("other")
    with pytest.raises(ModelError, match="by another model than"):
        ask(model, line, tmp_path, names=moved)
    card = json.loads((model / "tuneos.json").read_text())
    card["masking"]["names"] = str(tmp_path / "gone")
    (model / "tuneos.json").write_text(json.dumps(card))
    (model / "SHA256SUMS").unlink()
    with pytest.raises(ModelError, match="is not there; say where it is: --names"):
        ask(model, line, tmp_path)


def test_rows_of_test_are_masked_as_the_others(names: Path) -> None:
    opened = names.parent / "opened" / "test.jsonl"
    assert opened.is_file()
    assert "[EMAIL]" in opened.read_text()


def test_what_cannot_be_is_said_before_anything_is_spent(
    personal: Path, names: Path, tmp_path: Path
) -> None:
    folder = str(tmp_path / "w")
    with pytest.raises(SpecError, match="--personal-data mask"):
        plan_run(RunSpec(data=str(personal), names=str(names), workspace=folder))
    with pytest.raises(ModelError, match="no such folder"):
        plan_run(RunSpec(data=str(personal), names="none", personal_data="mask", workspace=folder))


def test_rows_without_any_left_are_an_error_in_words(tmp_path: Path) -> None:
    rows = [{"text": f"{t} {MAIL}", "label": label} for t, label in ticket_rows()]
    data = written(tmp_path / "all.jsonl", rows)
    with pytest.raises(Exception, match="none is left"):
        run_scripted([PROBE], data, tmp_path / "w", personal_data="drop")
