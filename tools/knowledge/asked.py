"""Which facts a question is about; pure. What no fact speaks of is said not to be known."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..guardrails.checks import neutralise
from .explanation import Explanation, Fact

_TOOL_WORDS = {
    "clean_dataset": ("clean", "drop", "duplicate", "remove"),
    "mask_personal_data": ("mask", "personal", "pii"),
    "inspect_dataset": ("inspect", "look at"),
    "query_knowledge": ("knowledge", "ask the"),
    "probe_baselines": ("probe", "baseline", "tf-idf", "tfidf", "frozen"),
    "fine_tune": ("fine-tune", "fine tune", "finetune", "train", "tune", "lora", "layers"),
    "search_hyperparameters": ("search", "optuna", "hyperparameter", "trial"),
    "blend_candidates": ("blend", "ensemble"),
    "augment_dataset": ("augment",),
    "finish": ("finish", "give up"),
}


def answer(explanation: Explanation, about: str) -> list[Fact] | str:
    """The facts that a question is about, or plain words that there are none.

    Args:
        about: "all", "last", "step 3", "model", "stop", or any words.
    """
    about = about.strip().lower().rstrip("?")
    steps = explanation.of("step")
    if about in {"all", ""}:
        return list(explanation.facts)
    if about == "last":
        return steps[-1:] or "Nothing has been done yet."
    if about == "model":
        return explanation.of("model") or "No model has been chosen: nothing has been scored yet."
    if about == "stop":
        stop = explanation.of("stop")
        missed = [f for f in explanation.of("test") if "missed" in f.text]
        return [*stop, *missed] if stop else "It has not stopped."
    wanted = re.fullmatch(r"(?:step )?(\d+)", about)
    if wanted is not None:
        known = f"there are {len(steps)}" if steps else "there is none yet"
        chosen = [f for f in steps if f.number == int(wanted[1])]
        return chosen or f"There is no step {wanted[1]}; {known}."
    for topic in ("data", "strategy", "settings", "test", "budget", "control"):
        if about == topic:
            return explanation.of(topic) or _unknown(explanation, about)
    return _named(explanation, about)[-4:] or _unknown(explanation, about)


def _named(explanation: Explanation, about: str) -> list[Fact]:
    """Facts one of whose names is spoken of; steps whose tool is meant, in any words."""
    plain = f" {' '.join(about.replace('_', ' ').split())} "
    spoken = about.replace("_", " ")
    facts = [f for f in explanation.facts if f.topic not in {"strategy"} or f.about]
    exact = [
        f for f in facts
        if any(f" {name.lower().replace('_', ' ')} " in plain for name in f.about if name)
    ]  # fmt: skip
    if exact:
        return exact
    tools = {t for t, words in _TOOL_WORDS.items() if any(w in spoken for w in words)}
    return [
        f
        for f in facts
        if (f.topic == "step" and f.about[0] in tools)
        or (f.topic == "decision" and any(n.lower() in spoken for n in f.about))
    ]


def _unknown(explanation: Explanation, about: str) -> str:
    tools = ", ".join(dict.fromkeys(f.about[0] for f in explanation.of("step")))
    return (
        f"There is nothing on record about “{neutralise(about, 80)}”; it is not known. I know the "
        f"steps ({tools or 'none yet'}), the data, why this strategy, these settings, this "
        "model, and why it stopped."
    )


def together(facts: Sequence[Fact]) -> list[Fact]:
    """The same facts for reading: settings that have one origin stand in one sentence."""
    alike: dict[tuple[str, ...], list[Fact]] = {}
    for place, fact in enumerate(facts):
        origin = fact.text.partition(": ")[2]
        single = (str(place),) if fact.topic != "settings" else (origin, fact.source)
        alike.setdefault(single, []).append(fact)
    return [_joined(group) for group in alike.values()]


def _joined(group: list[Fact]) -> Fact:
    """Settings of one origin as one fact about the candidate that has them."""
    first = group[0]
    if len(group) == 1:
        return first
    values = ", ".join(f.text.partition(": ")[0] for f in group)
    text = f"{values}: {first.text.partition(': ')[2]}"
    return first.model_copy(
        update={"text": text, "iri": first.iri.partition("/setting/")[0], "about": ()}
    )


def prose(facts: Sequence[Fact] | str) -> str:
    """Facts as a person reads them."""
    return facts if isinstance(facts, str) else "\n".join(f.text for f in together(facts))
