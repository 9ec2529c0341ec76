"""Why a run did what it did: facts read from the knowledge graph by SPARQL, each with its IRI.

Nothing is said that no triple holds. What was asked about and is not there is said not
to be known. Commands, the chat and the LLM's tool all answer from here.
"""

from __future__ import annotations

from typing import Any

from ...evals.metrics import METRICS
from ...memory.experiments import run_iri
from ...memory.knowledge import KnowledgeGraph
from ..reporting.words import STOPS, duration, number, p_value, threshold
from .explanation import Explanation, Fact
from .why_choices import Choices
from .why_words import OUTCOME, figures_of, plainly, said_of, when_of


def explain_run(knowledge: KnowledgeGraph, run: str) -> Explanation | None:
    """Read what the graph holds of a run; None where it holds nothing.

    Raises:
        StoreError: The graph cannot be read.
    """
    found = _Reading(knowledge, run)
    if not found.about:
        return None
    facts = [
        *found.data(),
        *found.control(),
        *found.steps(),
        *found.decisions(),
        *found.strategy(),
        *found.settings(),
        *found.model(),
        *found.stop(),
        *found.test(),
        *found.budget(),
    ]
    return Explanation(
        run=run,
        iri=run_iri(run),
        status=str(found.about.get("status") or "unknown"),
        data_hash=str(found.about.get("hash") or ""),
        source=str(found.about.get("source") or ""),
        chosen=found.kept,
        facts=tuple(facts),
        steps=tuple(found.nodes()),
    )


class _Reading(Choices):
    """All of it, with how it ended."""

    def stop(self) -> list[Fact]:
        """Why it stopped."""
        judged = [d for d in self.rows["decisions"] if d["kind"] == "judged"]
        verdict = next((d for d in reversed(judged) if d["stop"]), None)
        stop = str(self.about.get("stop") or (verdict["stop"] if verdict else ""))
        found = []
        if stop:
            reason = STOPS.get(stop, stop)
            if stop == "targets_met" and self.about.get("met") is False:
                reason = (
                    "every target was met on validation data; the test split did not confirm it"
                )
            text = f"It stopped because {reason}."
            if verdict:
                text += f" The verdict then: {said_of(verdict['text'], OUTCOME)}"
                text += f" ({figures_of(verdict['figures'])})."
            found.append(self._stop(text, verdict))
            if stop == "nothing_paid":
                found += [
                    Fact(topic="stop", text=f"Patience is {plainly(c['value'])} attempts.",
                         iri=str(c["constant"]), source=str(c["source"] or ""))
                    for c in self.rows["constants"] if c["name"] == "patience"
                ]  # fmt: skip
        elif judged:
            text = f"It has not stopped for good. When last judged: {judged[-1]['text']}."
            found.append(self._stop(text, judged[-1]))
        return found

    def _stop(self, text: str, verdict: dict[str, Any] | None) -> Fact:
        return Fact(
            topic="stop",
            text=text,
            iri=str(verdict["decision"]) if verdict else self.iri,
            when=when_of(verdict["at"]) if verdict else "",
            about=("stop",),
        )

    def test(self) -> list[Fact]:
        """What the test split said."""
        found = []
        for row in self.rows["targets"]:
            asked = threshold(row["op"], row["metric"], row["value"])
            name = METRICS[row["metric"]].name if row["metric"] in METRICS else row["metric"]
            if row["test"] is None:
                text = f"{name} {asked} was asked; it is not measured on the test split."
            else:
                met = "met" if row["met"] else "missed"
                ci = "" if row["low"] is None else f" [{row['low']:.4g}, {row['high']:.4g}]"
                text = (
                    f"{name} was {number(row['metric'], row['test'])}{ci} on the test split, "
                    f"{asked} was asked: {met}."
                )
            found.append(Fact(topic="test", text=text, iri=str(row["target"]), about=("test",)))
        for row in self.rows["comparisons"]:
            text = (
                f"Against {row['against']}: {row['difference']:+.4f} {row['metric']} on the test "
                f"rows, 95% interval [{row['low']:+.4f}, {row['high']:+.4f}], "
                f"{p_value(row['p'])}."
            )
            iri = str(row["comparison"])
            names = ("test", "comparison", "baseline", row["against"])
            found.append(Fact(topic="test", text=text, iri=iri, about=names))
        return found

    def budget(self) -> list[Fact]:
        """What it cost."""
        found = []
        for row in self.rows["budgets"]:
            if not row["spent"] and row["limit"] is None:
                continue
            seconds = "seconds" in row["resource"]
            spent = duration(row["spent"]) if seconds else f"{row['spent']:g}"
            limit = (
                "no limit"
                if row["limit"] is None
                else f"{duration(row['limit']) if seconds else format(row['limit'], 'g')} allowed"
            )
            text = f"Budget of {row['resource'].replace('_', ' ')}: {spent} spent, {limit}."
            names = ("budget", "cost", "spent")
            found.append(Fact(topic="budget", text=text, iri=str(row["budget"]), about=names))
        return found
