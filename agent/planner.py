"""The rule-based planner: a controller that needs no network, key or GPU. It is not an LLM.

It reads the digest as any chat model does and answers with one tool call. What
may be tried, in which order, at what cost and with what gain comes from the
knowledge graph, which it asks first; the rules here only weigh that.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from dataclasses import replace

from langchain_core.messages import AIMessage, BaseMessage

from ..graphs.digest import Digest
from .coded import CodedChat
from .tuning import (
    LEAST_TRIALS,
    Proposal,
    blending,
    declined,
    fits,
    knowing,
    shortened,
    trials,
    tune,
    widest_gap,
)

NAME = "rule-based planner"
AUGMENT_SHARE = 0.3  # of the time that is left: tuning is what new rows are for
DOUBTFUL_SHARE = 0.005  # of the training rows; fewer doubtful labels are left alone


class Planner(CodedChat):
    """A chat model by interface, rules inside."""

    @property
    def _llm_type(self) -> str:
        return NAME

    def reply(self, messages: list[BaseMessage]) -> AIMessage:
        """See CodedChat."""
        proposal = propose(read_digest(messages))
        call = {
            "name": proposal.tool,
            "args": proposal.arguments,
            "id": uuid.uuid4().hex,
            "type": "tool_call",
        }
        return AIMessage(content=proposal.reason, tool_calls=[call])


def read_digest(messages: Sequence[BaseMessage]) -> Digest:
    """Find the state in the last message: the JSON object after "State:"."""
    text = str(messages[-1].text)
    found, _ = json.JSONDecoder().raw_decode(text, text.index("{", text.index("State:")))
    defaults = {"best": None, "seconds_left": None, "trials_left": None}
    targets = [{"best": None, "gap": None, **t} for t in found["targets"]]
    strategies = [{"variant_of": None, **s} for s in found["strategies"]]
    return Digest.model_validate(
        {**defaults, **found, "targets": targets, "strategies": strategies}
    )


def propose(digest: Digest) -> Proposal:
    """Decide the next step: look, know, clean, probe; then what is likeliest to close the gap."""
    for rule in (
        _look,
        _rank,
        _probe,
        _unlearn_doubt,
        _costs_alone,
        _augment,
        _blend,
        _know,
        _harden,
    ):
        proposal = rule(digest)
        if proposal is not None and not declined(proposal, digest):
            return proposal
    if digest.attempts_without_gain >= digest.patience:
        return Proposal(
            "finish",
            f"The last {digest.attempts_without_gain} attempts brought no gain.",
            {"reason": "nothing has paid for a while"},
        )
    return tune(digest)


def _look(digest: Digest) -> Proposal | None:
    """Everything that should be known and mended before anything is trained."""
    data = digest.data
    if not data.inspected:
        return Proposal("inspect_dataset", "First look at the data.")
    if not digest.strategies:
        return Proposal(
            "query_knowledge",
            "Ask the knowledge graph what may be tried for this task.",
            {"about": "strategies"},
        )
    wanted = _wanted(digest)
    if wanted is not None and not declined(wanted, digest):
        return wanted
    if data.dirty_rows and not data.cleaned:
        return Proposal(
            "clean_dataset",
            f"{data.dirty_rows} rows are leaked, copied or contradictory; they would flatter or "
            "mislead.",
        )
    if data.texts_with_personal_data and not data.masked:
        return Proposal(
            "mask_personal_data",
            f"{data.texts_with_personal_data} texts hold personal data that must not be learned.",
        )
    return None


def _wanted(digest: Digest) -> Proposal | None:
    """Remove what the person named with --clean, where there is any of it."""
    kinds = digest.data.to_clean
    if not kinds:
        return None
    named = ", ".join(kind.replace("_", " ") for kind in kinds)
    return Proposal(
        "clean_dataset",
        f"The person wants these rows removed: {named}.",
        dict.fromkeys(kinds, True),
    )


def _rank(digest: Digest) -> Proposal | None:
    """Several base models were given: the one that promises most is tuned."""
    if not digest.unranked_base_models:
        return None
    why = f"Rank the {digest.unranked_base_models} base models without training; tune the best."
    return Proposal("rank_base_models", why)


def _probe(digest: Digest) -> Proposal | None:
    """The cheap rungs that the knowledge graph knows, all in one job."""
    done = {c.strategy for c in digest.candidates}
    probes = [s for s in digest.strategies if s.tool == "probe_baselines"]
    if not probes or any(s.name in done for s in probes):
        return None
    rungs = [s.name for s in probes if s.feasible]
    why = "The cheapest rungs first; they are the baselines."
    return Proposal("probe_baselines", why, {"rungs": rungs})


def _unlearn_doubt(digest: Digest) -> Proposal | None:
    """Drop doubtful labels where the probe showed that it helps."""
    data = digest.data
    enough = data.doubtful_labels >= DOUBTFUL_SHARE * data.train_rows
    if not (data.doubtful_labels and data.doubtful_labels_hurt and enough):
        return None
    return Proposal(
        "clean_dataset",
        f"{data.doubtful_labels} labels are contradicted by the other rows, and the probe does "
        "better without them.",
        {"suspects": True},
    )


def _augment(digest: Digest) -> Proposal | None:
    """Make new rows where there are few; a probe tells whether they pay, so it costs little."""
    augment = next((s for s in digest.strategies if s.tool == "augment_dataset"), None)
    wanted = digest.data.augmentation_may_pay and digest.candidates
    if augment is None or not wanted or augment.failed:
        return None
    left = digest.seconds_left
    if left is not None and augment.seconds > AUGMENT_SHARE * left:
        return None
    return Proposal(
        augment.tool, "Rows are few or classes small: try new ones; they stay only if they help."
    )


def _costs_alone(digest: Digest) -> Proposal | None:
    """Stop where only speed or size is missed: what is left to try is no faster and no smaller."""
    if not digest.only_costs_missed:
        return None
    missed = ", ".join(t.target for t in digest.targets if t.gap)
    return Proposal(
        "finish",
        f"Only {missed} is missed, and tuning makes no model faster or smaller.",
        {"reason": "only speed or size is missed"},
    )


def _blend(digest: Digest) -> Proposal | None:
    """Blend whenever a tuned candidate is new: it costs seconds."""
    blend = blending(digest)
    known = {s.name: s.rung for s in digest.strategies}
    last = next((c for c in reversed(digest.candidates) if c.strategy != "majority"), None)
    tuned = last is not None and known.get(last.strategy, 0) >= 2
    if blend is None or not tuned or not fits(blend.seconds, digest):
        return None
    return Proposal(
        blend.tool, "Blend what there is: models of different kinds err on different texts."
    )


def _harden(digest: Digest) -> Proposal | None:
    """Learn from rows written otherwise, and search how, while robustness is missed."""
    if not digest.robust_missed or not digest.candidates:
        return None
    error, gap = digest.error, widest_gap(digest)
    able = [s for s in digest.strategies if s.hardens and s.feasible and not s.failed]
    trainings = [shortened(s, error, gap, digest) for s in able if not s.tried]
    within = [o for o in trainings if fits(o.seconds, digest)]
    if within:
        chosen = min(within, key=lambda o: o.seconds).proposal
        why = f"Robustness is missed: {chosen.arguments['strategy']} learns from other spellings."
        return replace(chosen, reason=why)
    search = next((s for s in digest.strategies if s.tool == "search_hyperparameters"), None)
    known = next((s for s in able if s.tried and s.searchable and not s.searched), None)
    if search is None or known is None or trials(known, digest) < LEAST_TRIALS:
        return None
    why = f"Robustness is still missed: search the ways of {known.name} to learn for it."
    arguments = {"strategy": known.name, "trials": trials(known, digest)}
    return Proposal(search.tool, why, arguments)


def _know(digest: Digest) -> Proposal | None:
    """Apply the domain graph whenever the best candidate is a tuned one: it costs seconds."""
    step, best = knowing(digest), digest.knowledge_may_pay_on
    known = {s.name: s.rung for s in digest.strategies}
    kinds = {c.name: c.strategy for c in digest.candidates}
    tuned = known.get(kinds.get(str(best), ""), 0) >= 2
    if step is None or best is None or not tuned or not fits(step.seconds, digest):
        return None
    why = f"The domain graph speaks of these labels: see whether that helps {best}."
    return Proposal(step.tool, why, {"candidate": best})
