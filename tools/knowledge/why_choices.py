"""Why this model: its strategy, its settings, and what it was chosen by."""

from __future__ import annotations

from typing import Any

from ...evals.metrics import METRICS
from .explanation import Fact
from .why_steps import Happened
from .why_words import arguments_of, equal, last_part, plainly


class Choices(Happened):
    """What led to the model that was kept."""

    def strategy(self) -> list[Fact]:
        """Which strategy made the model, and what its recipe cites."""
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
        """Where each setting of the model comes from."""
        asked: dict[str, Any] = {}
        searched = False
        steps = {str(r["step"]) for r in self.rows["made"] if r["candidate"] == self.kept}
        for row in self.rows["steps"]:
            if str(row["step"]) in steps:
                asked = arguments_of(row["arguments"])
                searched = row["tool"] == "search_hyperparameters"
        found = []
        for row in self.rows["settings"]:
            if row["name"] != self.kept:
                continue
            value, default = row["value"], row["default"]
            source = str(row["defaultSource"] or "")
            if row["setting"] in asked and equal(asked[row["setting"]], value):
                origin = "the controller asked for it"
            elif row["recalled"] is not None:
                origin = f"it paid on similar data, in the run {row['earlier'] or row['recalled']}"
                source = str(row["recalled"])
            elif default is not None and equal(default, value):
                origin = "as its recipe has it"
                source = source or str(row["recipeSource"] or "")
            elif searched:
                origin = "found by the search"
            elif default is not None:
                origin = f"its recipe has {plainly(default)}; why it differs is not on record"
            else:
                origin = "where it comes from is not on record"
            text = f"{row['setting']} = {plainly(value)}: {origin}."
            found.append(
                Fact(topic="settings", text=text, iri=str(row["part"]), source=source,
                     about=("settings", row["setting"], row["setting"].replace("_", " ")))
            )  # fmt: skip
        return found

    def model(self) -> list[Fact]:
        """Why just this candidate was kept."""
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

        task = last_part(self.about.get("task"))
        return find_task(task).metrics if task in MODULES else ()
