"""Why a run did what it did: facts read from the knowledge graph by SPARQL, each with its IRI.

Nothing is said that no triple holds. What was asked about and is not there is said not
to be known. Commands, the chat and the LLM's tool all answer from here.
"""

from __future__ import annotations

import json
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from ...evals.metrics import METRICS
from ...memory.experiments import run_iri
from ...memory.knowledge import KnowledgeGraph
from ..guardrails.checks import neutralise
from ..reporting.words import STOPS, controller, duration, number, p_value, threshold
from .why_queries import QUERIES

Topic = Literal[
    "data", "control", "step", "decision", "strategy", "settings", "model", "stop", "test", "budget"
]
REASON, OUTCOME = 300, 300  # characters kept of what a controller or a tool said
_SAME = 1e-9


class Fact(BaseModel):
    """One thing that the graph holds, in words.

    Attributes:
        iri: What it is about.
        source: Where a recipe, setting or constant comes from.
        when: ISO 8601, UTC; "" where no time is noted.
    """

    model_config = ConfigDict(frozen=True)

    topic: Topic
    text: str
    iri: str
    source: str = ""
    when: str = ""
    number: int | None = Field(default=None, description="of a step")
    about: tuple[str, ...] = Field(default=(), description="names by which it can be asked for")


class StepNode(BaseModel):
    """A step as the provenance graph draws it."""

    model_config = ConfigDict(frozen=True)

    number: int
    tool: str
    outcome: str
    by: tuple[str, ...]
    data: str = ""
    new_data: str = ""
    made: tuple[str, ...] = ()


class Explanation(BaseModel):
    """What the graph holds of a run."""

    model_config = ConfigDict(frozen=True)

    run: str
    iri: str
    status: str
    data_hash: str
    source: str
    chosen: str
    facts: tuple[Fact, ...]
    steps: tuple[StepNode, ...] = ()

    def of(self, *topics: Topic) -> list[Fact]:
        """The facts on some topics, in order."""
        return [f for f in self.facts if f.topic in topics]


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


class _Reading:
    """One run, read query by query."""

    def __init__(self, knowledge: KnowledgeGraph, run: str) -> None:
        from rdflib import URIRef

        self.iri = run_iri(run)
        self.rows = knowledge.select_each(QUERIES, run=URIRef(self.iri))
        self.about: dict[str, Any] = next(iter(self.rows["run"]), {})
        judged = [d for d in self.rows["decisions"] if d["kind"] == "judged" and d["candidate"]]
        self.kept = str(self.about.get("chosen") or (judged[-1]["candidate"] if judged else ""))
        self.ended = bool(self.about.get("stop"))

    def data(self) -> list[Fact]:
        about = self.about
        if not about.get("hash"):
            return []
        measures = {r["name"]: r["value"] for r in self.rows["measures"]}
        sizes = ", ".join(
            f"{name.removeprefix('rows_')} {int(value):,}"
            for name, value in sorted(measures.items())
            if name.startswith("rows_")
        )
        text = (
            f"It works on {_said(about.get('source') or 'data', 100)}"
            f"{f' ({sizes} rows)' if sizes else ''}, task {_last(about.get('task'))}, "
            f"known by the hash {about['hash']}."
        )
        return [
            Fact(topic="data", text=text, iri=str(about["dataset"]), about=("dataset",)),
            *(
                Fact(topic="data", text=_said(d["text"], 600) + ".", iri=str(d["decision"]),
                     when=_when(d["at"]), about=("splits", "prepared"))
                for d in self.rows["decisions"]
                if d["kind"] == "prepared"
            ),
        ]  # fmt: skip

    def control(self) -> list[Fact]:
        who = str(self.about.get("controller") or "")
        if not who:
            return []
        text = f"{_capital(controller(who))} decided; base model {self.about.get('base')}."
        names = ("controller", "decided", "base model")
        return [Fact(topic="control", text=text, iri=self.iri, about=names)]

    def steps(self) -> list[Fact]:
        found = []
        for row in self.rows["steps"]:
            arguments = _listed(row["arguments"])
            reason = _said(row["reason"] or "", REASON)
            why = f"because: {reason}" if reason else "no reason was given"
            approved = f" It was {row['approval']}." if row["approval"] else ""
            came = _said(row["text"] or "", OUTCOME)
            outcome = {
                "ok": f"It brought: {came}",
                "failed": f"It failed: {came}",
                "open": "It had not ended when this was noted.",
            }[row["outcome"]]
            data = f" Rows: {row['dataName']}." if row["dataName"] else ""
            shown = f" ({_said(arguments, 120)})" if arguments else ""
            text = f"Step {row['number']}, {row['tool']}{shown}, {why}{approved}\n  {outcome}{data}"
            named = [str(r["candidate"]) for r in self.rows["made"] if r["step"] == row["step"]]
            values = [str(v) for v in _arguments(row["arguments"]).values() if isinstance(v, str)]
            found.append(
                Fact(topic="step", text=text, iri=str(row["step"]), when=_when(row["at"]),
                     number=row["number"], about=(row["tool"], *named, *values))
            )  # fmt: skip
        return found

    def decisions(self) -> list[Fact]:
        words = {
            "took_over": "The rule-based planner took over from {proposed}: {text}.",
            "paused": "It paused: {text}.",
            "resumed": "It was resumed: {text}.",
            "changed": "A person changed the {text}.",
            "opened": "The sealed test split was opened, once, for {candidate}.",
        }
        found = []
        for row in self.rows["decisions"]:
            text = _said(row["text"] or "", OUTCOME)
            if row["kind"] == "refused":
                whom = "a person" if row["by"] == "person" else "the gate"
                told = not row["rule"] or "(rule " in text  # a rule's words end with its name
                rule = "" if told else f" (rule {row['rule']})"
                said = f"{_capital(whom)} refused {row['tool']}{rule}: {text}"
                reason = _said(row["reason"] or "", REASON)
                said += f". It was proposed because: {reason}" if reason else "."
            elif row["kind"] in words:
                said = words[row["kind"]].format(
                    text=text, proposed=row["proposedBy"], candidate=row["candidate"]
                )
            else:
                continue
            names = (row["kind"].replace("_", " "), row["tool"] or "", *_SPOKEN[row["kind"]])
            found.append(
                Fact(topic="decision", text=said, iri=str(row["decision"]), when=_when(row["at"]),
                     source=row["rule"] or "", about=tuple(n for n in names if n))
            )  # fmt: skip
        return found

    def strategy(self) -> list[Fact]:
        found = []
        for row in self.rows["strategy"]:
            if row["name"] != self.kept:
                continue
            if row["recipe"] is None:
                text = (
                    f"{row['name']} was made by {row['strategyName']}; no recipe of that name is "
                    "in the graph."
                )
                found.append(Fact(topic="strategy", text=text, iri=str(row["candidate"])))
                continue
            text = (
                f"{row['name']} was made by the strategy {row['strategyName']}: rung {row['rung']} "
                f"of the ladder; its recipe expects {float(row['gain']):.0%} less error than the "
                "rung below."
            )
            found.append(
                Fact(topic="strategy", text=text, iri=str(row["recipe"]),
                     source=str(row["recipeSource"] or ""), about=("strategy", row["strategyName"]))
            )  # fmt: skip
        made = [str(r["step"]) for r in self.rows["made"] if r["candidate"] == self.kept]
        found += [
            f.model_copy(update={"topic": "strategy", "number": None, "about": ()})
            for f in self.steps()
            if f.iri in made
        ]
        return found

    def settings(self) -> list[Fact]:
        asked: dict[str, Any] = {}
        searched = False
        steps = {str(r["step"]) for r in self.rows["made"] if r["candidate"] == self.kept}
        for row in self.rows["steps"]:
            if str(row["step"]) in steps:
                asked = _arguments(row["arguments"])
                searched = row["tool"] == "search_hyperparameters"
        found = []
        for row in self.rows["settings"]:
            if row["name"] != self.kept:
                continue
            value, default = row["value"], row["default"]
            source = str(row["defaultSource"] or "")
            if row["setting"] in asked and _equal(asked[row["setting"]], value):
                origin = "the controller asked for it"
            elif row["recalled"] is not None:
                origin = f"it paid on similar data, in the run {row['earlier'] or row['recalled']}"
                source = str(row["recalled"])
            elif default is not None and _equal(default, value):
                origin = "as its recipe has it"
                source = source or str(row["recipeSource"] or "")
            elif searched:
                origin = "found by the search"
            elif default is not None:
                origin = f"its recipe has {_plain(default)}; why it differs is not on record"
            else:
                origin = "where it comes from is not on record"
            text = f"{row['setting']} = {_plain(value)}: {origin}."
            found.append(
                Fact(topic="settings", text=text, iri=str(row["part"]), source=source,
                     about=("settings", row["setting"], row["setting"].replace("_", " ")))
            )  # fmt: skip
        return found

    def model(self) -> list[Fact]:
        if not self.kept:
            return []
        metric, scores = self._ranking()
        ranked = sorted(scores, key=lambda row: -METRICS[metric].upward(row["value"]))
        own = next((row for row in ranked if row["name"] == self.kept), None)
        others = [f"{r['name']} {r['value']:.4f}" for r in ranked if r["name"] != self.kept][:3]
        rule = (
            f"the smallest gap to the targets on validation, then {metric}"
            if self.rows["targets"]
            else f"the highest {metric} on validation"
        )
        value = f" with {metric} {own['value']:.4f}" if own else ""
        against = f"; after it come {', '.join(others)}" if others else ""
        text = f"The rule is fixed: {rule}. By it {self.kept}{value} leads{against}."
        iri = str(own["candidate"]) if own else self.iri
        return [Fact(topic="model", text=text, iri=iri, about=("model", self.kept))]

    def _ranking(self) -> tuple[str, list[dict[str, Any]]]:
        """What candidates are ranked by: the first target on quality, else what most have."""
        rows = [r for r in self.rows["scores"] if r["split"] == "validation"]
        asked = [t["metric"] for t in self.rows["targets"]]
        usual = [
            *(m for m in asked if m != "ece" and m in METRICS and not METRICS[m].unit),
            *self._usual(),
            *(r["metric"] for r in rows),
        ]
        metric = next((m for m in usual if any(r["metric"] == m for r in rows)), "macro_f1")
        return metric, [r for r in rows if r["metric"] == metric]

    def _usual(self) -> tuple[str, ...]:
        from ..tasks import MODULES, find_task

        task = _last(self.about.get("task"))
        return find_task(task).metrics if task in MODULES else ()

    def stop(self) -> list[Fact]:
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
                text += f" The verdict then: {_said(verdict['text'], OUTCOME)}"
                text += f" ({_figures(verdict['figures'])})."
            found.append(self._stop(text, verdict))
            if stop == "nothing_paid":
                found += [
                    Fact(topic="stop", text=f"Patience is {_plain(c['value'])} attempts.",
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
            when=_when(verdict["at"]) if verdict else "",
            about=("stop",),
        )

    def test(self) -> list[Fact]:
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

    def nodes(self) -> list[StepNode]:
        found = []
        for row in self.rows["steps"]:
            iri = row["step"]
            found.append(
                StepNode(
                    number=row["number"],
                    tool=row["tool"],
                    outcome=row["outcome"],
                    by=tuple(sorted(str(row["agents"] or "").split(" + "))),
                    data=row["dataName"] or "",
                    new_data=next(
                        (r["name"] for r in self.rows["versions"] if r["step"] == iri), ""
                    ),
                    made=tuple(str(r["candidate"]) for r in self.rows["made"] if r["step"] == iri),
                )
            )
        return found


_SPOKEN: dict[str, tuple[str, ...]] = {
    "refused": ("refuse", "veto", "not allowed", "gate"),
    "took_over": ("planner", "replaced"),
    "paused": ("pause", "interrupt"),
    "resumed": ("resume", "went on"),
    "changed": ("change",),
    "opened": ("seal", "test split"),
}


def _said(text: object, limit: int) -> str:
    return neutralise(str(text), limit).rstrip(".")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _last(iri: object) -> str:
    return str(iri or "").rpartition("#")[2]


def _when(value: object) -> str:
    if value is None:
        return ""
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _arguments(text: object) -> dict[str, Any]:
    try:
        found = json.loads(str(text)) if text else {}
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _listed(text: object) -> str:
    return ", ".join(f"{k}={v}" for k, v in _arguments(text).items())


def _figures(text: object) -> str:
    return ", ".join(f"{k.replace('_', ' ')} {v:g}" for k, v in _arguments(text).items())


def _plain(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _equal(one: object, other: object) -> bool:
    if isinstance(one, (int, float)) and isinstance(other, (int, float)):
        return abs(float(one) - float(other)) <= _SAME * max(1.0, abs(float(one)))
    return one == other
