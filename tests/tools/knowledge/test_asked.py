"""What a question about a run is answered with."""

from __future__ import annotations

from tuneos.tools.knowledge.asked import prose, together
from tuneos.tools.knowledge.explanation import Fact


def setting(name: str, origin: str, source: str = "") -> Fact:
    iri = f"https://tuneos.org/run/r/candidate/lora-1/setting/{name}"
    return Fact(topic="settings", text=f"{name} = 1: {origin}.", iri=iri, source=source)


STEP = Fact(topic="step", text="Step 1: it looked.", iri="https://tuneos.org/run/r/step/1")


def test_settings_of_one_origin_are_one_sentence_about_their_candidate() -> None:
    facts = [
        STEP,
        setting("rank", "as its recipe has it", "Hu et al."),
        setting("epochs", "found by the search"),
        setting("alpha", "as its recipe has it", "Hu et al."),
    ]
    read = together(facts)
    assert [f.text for f in read] == [
        "Step 1: it looked.",
        "rank = 1, alpha = 1: as its recipe has it.",
        "epochs = 1: found by the search.",
    ]
    assert read[1].iri == "https://tuneos.org/run/r/candidate/lora-1"
    assert read[2] == facts[2]
    assert prose(facts).count("\n") == 2


def test_settings_of_different_sources_stay_apart() -> None:
    facts = [setting("rank", "as its recipe has it", s) for s in ("Hu et al.", "Own choice.")]
    assert together(facts) == facts
