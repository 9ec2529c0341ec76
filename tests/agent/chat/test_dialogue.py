"""Conversations by rules alone: from the data to the report, minds changed on the way."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fakes import FAKE, FINISH, PROBE, Scripted, controlled_by
from talking import Talk, talking
from tuneos.agent.listing import list_runs
from tuneos.agent.runs import find_run
from tuneos.memory.ledger import Ledger

IMPOSSIBLE = "latency below 0.00001 ms"


@pytest.fixture
def talk(workspace: Path, request: pytest.FixtureRequest) -> Iterator[Talk]:
    """A conversation whose runs probe once, and again."""
    name = request.node.name[:60].rstrip("[]")
    with (
        controlled_by(Scripted(turns=[PROBE, PROBE, FINISH, FINISH])),
        talking(workspace, name, llm=FAKE) as talk,
    ):
        yield talk


@pytest.fixture
def asking(workspace: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Talk]:
    """The same, where the probes need a yes."""
    policy = tmp_path / "policy.yaml"
    policy.write_text("ask: [{tool: probe_baselines}]")
    model = Scripted(turns=[PROBE, PROBE, FINISH, FINISH])
    with (
        controlled_by(model),
        talking(workspace, request.node.name[:60], llm=FAKE, policy=str(policy)) as talk,
    ):
        talk.model = model
        yield talk


def status(talk: Talk) -> str:
    run = talk.dialogue.run()
    assert run is not None
    return Ledger(run.workspace.ledger).run(run.name).status


def test_nothing_is_spent_before_the_plan_was_shown_and_agreed_to(
    talk: Talk, tickets: Path, workspace: Path
) -> None:
    before = len(list_runs(workspace))
    said = talk.say(f"use {tickets}, macro f1 of at least 0.8, ten minutes", "go")
    assert "84 train, 12 validation, 24 test" in said
    assert "probe_baselines: tfidf linear; frozen linear" in said
    assert "Start it? (yes / no)" in said
    assert "nothing was changed" in talk.say("no")
    assert len(list_runs(workspace)) == before
    assert talk.dialogue.conversation.run is None


def test_run_from_the_data_to_an_answer(talk: Talk, tickets: Path) -> None:
    said = talk.say(f"use {tickets}", "I need macro F1 of at least 0.8", "plan", "go")
    assert "Start it?" not in said, "the plan was shown for just this draft"
    assert "Target met on the test split" in said
    assert "tfidf_linear 1.0000" in talk.say("what did you try?")
    assert "because the script says so" in talk.say("why did you do that?")
    assert "every target was met on validation" in talk.say("why did it stop?")
    assert "tfidf_linear with macro_f1 1.0000 leads" in talk.say("why this model?")
    assert "travel (score" in talk.say("predict: the flight and the luggage")
    assert "Report: " in talk.say("show me the report")
    assert "has taken" in talk.say("what did it cost?")


def test_what_is_not_on_record_is_said_not_to_be_known(talk: Talk, tickets: Path) -> None:
    assert "There is no run yet" in talk.say("why did you do that?")
    talk.say(f"use {tickets}, macro f1 0.8", "plan", "go")
    assert "nothing on record about “moon”" in talk.say("why the moon?")
    assert "There is no step 9; there are 1" in talk.say("why step nine?")
    assert "nothing on record" in talk.say("why did you mask personal data?")


def test_finished_run_stays_and_a_new_goal_is_for_a_new_run(talk: Talk, tickets: Path) -> None:
    talk.say(f"use {tickets}, macro f1 0.8", "plan", "go")
    first = talk.dialogue.conversation.run
    said = talk.say("accuracy of 70%")
    assert f"Run {first} stays as it is: this is for a new run" in said
    assert "macro_f1>=0.8 and accuracy>=0.7" in talk.say("go")
    talk.say("yes")
    assert talk.dialogue.conversation.run != first
    assert status(talk) == "finished"


def test_target_lowered_midway_needs_a_yes_and_stands_in_the_report(
    talk: Talk, tickets: Path, workspace: Path
) -> None:
    talk.say(f"use {tickets}, {IMPOSSIBLE}", "plan")
    seen: list[dict[str, Any]] = []

    def pause_when_judged(event: dict[str, Any]) -> None:
        seen.append(event)
        if event["kind"] == "judged" and len(seen) < 99:
            talk.dialogue.driver._pausing.set()

    talk.dialogue.screen.event = pause_when_judged
    talk.say("go")
    assert status(talk) == "interrupted"
    talk.dialogue.screen.event = seen.append
    said = talk.say("only accuracy 80%")
    assert "from latency_p95_ms<=1e-05 to accuracy>=0.8?" in said
    assert "an easier goal set with results in view" in said
    assert "nothing was changed" in talk.say("no")
    run = talk.dialogue.run()
    assert run is not None
    assert run.spec.targets == ("latency_p95_ms<=1e-05",)
    talk.say("only accuracy 80%", "yes")
    assert find_run(run.name, workspace).spec.targets == ("accuracy>=0.8",)
    said = talk.say("go")
    assert "with results in view" in said
    assert "Target met" in said
    assert "its seed stands" not in said


def test_data_and_seed_of_a_run_that_has_begun_stand(
    asking: Talk, tickets: Path, tmp_path: Path
) -> None:
    asking.say(f"use {tickets}, macro f1 0.8", "plan", "go")
    assert "its seed stands" in asking.say("seed 9", wait=False)


def test_costly_step_is_answered_in_words_and_may_be_asked_about(
    asking: Talk, tickets: Path
) -> None:
    said = asking.say(f"use {tickets}, macro f1 0.8", "plan", "go")
    assert "A step needs your yes: probe_baselines rungs=" in said
    assert "your rule: probe_baselines" in said
    assert "It waits for you" in asking.say("why?", wait=False)
    assert "It waits for your yes" in asking.say("go", wait=False)
    assert "A step waits for you" in asking.say("yes but with fewer epochs", wait=False)
    assert asking.dialogue.driver is not None
    assert asking.dialogue.driver.question is not None
    asking.dialogue.changed.clear()
    said = asking.say("no, because it is too dear")
    assert "Refused" in said
    model = asking.model
    assert "it is too dear" in str(model.seen[1])


def test_step_changed_by_the_person_is_checked_again(asking: Talk, tickets: Path) -> None:
    asking.say(f"use {tickets}, macro f1 0.8", "plan", "go")
    asking.dialogue.changed.clear()
    said = asking.say("/approve rungs=[tfidf_linear]")
    assert "Changed; it is checked again" in said
    assert "Target met" in said
    assert "changed by a person" in asking.say("why did you probe?")


def test_question_is_there_again_in_the_next_process(
    asking: Talk, tickets: Path, workspace: Path
) -> None:
    asking.say(f"use {tickets}, macro f1 0.8", "plan", "go")
    asking.say("pause")
    again = Talk(asking.dialogue.conversation, asking.dialogue.extra, None)
    again.dialogue.greet()
    assert "is paused" in again.shown()
    assert "The step that waits: probe_baselines" in again.shown()
    assert "A step needs your yes" in again.say("go")
    again.dialogue.changed.clear()
    assert "Target met" in again.say("yes")


def test_leaving_pauses_the_run_and_says_how_to_come_back(asking: Talk, tickets: Path) -> None:
    asking.say(f"use {tickets}, macro f1 0.8", "plan", "go")
    start = asking.paper.tell()
    asking.dialogue.leave()
    assert "tuneos chat --conversation" in asking.shown(start)
    assert status(asking) == "interrupted"
    assert not asking.dialogue.going


@pytest.mark.parametrize(
    ("message", "answer"),
    [
        ("use nowhere.csv", "nowhere.csv does not exist"),
        ("accuracy at most 0.5", "higher accuracy is better"),
        ("go", "I don't know the data yet"),
        ("is my data ok?", "I don't know the data yet"),
        ("/frobnicate", "There is no /frobnicate"),
        ("/target soon", "/target: write it as"),
        ("/seed x", "/seed: a whole number"),
        ("predict: hello", "no finished model"),
        ("write me a poem", "I can't do that. I understand"),
        ("don't start", "I can't do that. I understand"),
        ("yes", "nothing that waits for a yes"),
        ("pause", "Nothing is going on"),
        ("/approve", "Nothing waits for a yes"),
        ("status", "No run yet"),
        ("help", "Ctrl-C pauses a run"),
        ("what can you do?", "/predict TEXT"),
        ("base model nowhere/at-all. plan", "I don't know the data yet"),
    ],
)
def test_one_line_for_what_cannot_be_and_the_talk_goes_on(
    message: str, answer: str, tmp_path: Path
) -> None:
    with talking(tmp_path / "w", "a") as talk:
        assert answer in talk.say(message)
        assert "Traceback" not in talk.shown()


def test_several_settings_make_one_line(tmp_path: Path, tickets: Path) -> None:
    with talking(tmp_path / "w", "a") as talk:
        said = talk.say(f"use {tickets}. 90% accuracy, under 20 ms. you have half an hour")
        assert said.count("budget") == 1
        assert "goal accuracy>=0.9 and latency_p95_ms<=20; budget 30m" in said
        assert "goal accuracy>=0.9;" in talk.say("drop the latency target")
        assert "budget 40m" in talk.say("ten more minutes")
        assert "budget no limit" in talk.say("no time limit")


def test_data_is_diagnosed(tmp_path: Path, tickets: Path) -> None:
    with talking(tmp_path / "w", "a") as talk:
        assert "120 train; 3 labels" in talk.say(f"what is in {tickets}?")


def test_damage_in_the_workspace_is_one_line(tmp_path: Path, tickets: Path) -> None:
    with talking(tmp_path / "w", "a") as talk:
        talk.dialogue.conversation.take_up("gone-1124-1200-abcd")
        assert "There is no run 'gone-1124-1200-abcd'" in talk.say("status")
