"""What happened in a run, in facts: data, who decided, steps, refusals."""

from __future__ import annotations

from typing import Any

from ...evals.result import ProvenanceStep
from ...memory.experiments import run_iri
from ...memory.knowledge import KnowledgeGraph
from ..reporting.words import controller, sentence_case
from .explanation import Fact
from .why_queries import QUERIES
from .why_words import (
    OUTCOME,
    REASON,
    arguments_of,
    last_part,
    listed_of,
    said_of,
    when_of,
)

_SPOKEN: dict[str, tuple[str, ...]] = {
    "refused": ("refuse", "veto", "not allowed", "gate"),
    "took_over": ("planner", "replaced"),
    "paused": ("pause", "interrupt"),
    "resumed": ("resume", "went on"),
    "changed": ("change",),
    "opened": ("seal", "test split"),
}


class Happened:
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
        """What it works on."""
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
            f"It works on {said_of(about.get('source') or 'data', 100)}"
            f"{f' ({sizes} rows)' if sizes else ''}, task {last_part(about.get('task'))}, "
            f"known by the hash {about['hash']}."
        )
        return [
            Fact(topic="data", text=text, iri=str(about["dataset"]), about=("dataset",)),
            *(
                Fact(topic="data", text=said_of(d["text"], 600) + ".", iri=str(d["decision"]),
                     when=when_of(d["at"]), about=("splits", "prepared"))
                for d in self.rows["decisions"]
                if d["kind"] == "prepared"
            ),
        ]  # fmt: skip

    def control(self) -> list[Fact]:
        """Who decided."""
        who = str(self.about.get("controller") or "")
        if not who:
            return []
        text = f"{sentence_case(controller(who))} decided; base model {self.about.get('base')}."
        names = ("controller", "decided", "base model")
        return [Fact(topic="control", text=text, iri=self.iri, about=names)]

    def steps(self) -> list[Fact]:
        """What was done, step by step, and why."""
        found = []
        for row in self.rows["steps"]:
            arguments = listed_of(row["arguments"])
            reason = said_of(row["reason"] or "", REASON)
            why = f"because: {reason}" if reason else "no reason was given"
            approved = f" It was {row['approval']}." if row["approval"] else ""
            came = said_of(row["text"] or "", OUTCOME)
            outcome = {
                "ok": f"It brought: {came}",
                "failed": f"It failed: {came}",
                "open": "It had not ended when this was noted.",
            }[row["outcome"]]
            data = f" Rows: {row['dataName']}." if row["dataName"] else ""
            shown = f" ({said_of(arguments, 120)})" if arguments else ""
            text = f"Step {row['number']}, {row['tool']}{shown}, {why}{approved}\n  {outcome}{data}"
            named = [str(r["candidate"]) for r in self.rows["made"] if r["step"] == row["step"]]
            values = [str(v) for v in arguments_of(row["arguments"]).values() if isinstance(v, str)]
            found.append(
                Fact(topic="step", text=text, iri=str(row["step"]), when=when_of(row["at"]),
                     number=row["number"], about=(row["tool"], *named, *values))
            )  # fmt: skip
        return found

    def decisions(self) -> list[Fact]:
        """What was refused, changed, opened, and by whom."""
        words = {
            "took_over": "The rule-based planner took over from {proposed}: {text}.",
            "paused": "It paused: {text}.",
            "resumed": "It was resumed: {text}.",
            "changed": "A person changed the {text}.",
            "opened": "The sealed test split was opened, once, for {candidate}.",
        }
        found = []
        for row in self.rows["decisions"]:
            text = said_of(row["text"] or "", OUTCOME)
            if row["kind"] == "refused":
                whom = "a person" if row["by"] == "person" else "the gate"
                told = not row["rule"] or "(rule " in text  # a rule's words end with its name
                rule = "" if told else f" (rule {row['rule']})"
                said = f"{sentence_case(whom)} refused {row['tool']}{rule}: {text}"
                reason = said_of(row["reason"] or "", REASON)
                said += f". It was proposed because: {reason}" if reason else "."
            elif row["kind"] in words:
                said = words[row["kind"]].format(
                    text=text, proposed=row["proposedBy"], candidate=row["candidate"]
                )
            else:
                continue
            names = (row["kind"].replace("_", " "), row["tool"] or "", *_SPOKEN[row["kind"]])
            found.append(
                Fact(topic="decision", text=said, iri=str(row["decision"]), when=when_of(row["at"]),
                     source=row["rule"] or "", about=tuple(n for n in names if n))
            )  # fmt: skip
        return found

    def nodes(self) -> list[ProvenanceStep]:
        """The steps as the provenance graph draws them."""
        found = []
        for row in self.rows["steps"]:
            iri = row["step"]
            versions = (r["name"] for r in self.rows["versions"] if r["step"] == iri)
            found.append(
                ProvenanceStep(
                    number=row["number"],
                    tool=row["tool"],
                    ok=row["outcome"] != "failed",
                    by=" + ".join(sorted(str(row["agents"] or "").split(" + "))),
                    data=row["dataName"] or "",
                    new_data=next(versions, ""),
                    made=tuple(str(r["candidate"]) for r in self.rows["made"] if r["step"] == iri),
                )
            )
        return found
