"""The report's sentences: what was asked, whether it was met, how sure that is, what it cost.

Every function here is pure. Numbers become words in one place, so that the
report, the model card and a terminal say the same thing.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from ...evals.metrics import METRICS, PASS_AT, sliced_metric
from ...evals.result import Change, Comparison, RunResult, Spending, TargetResult

SIGNIFICANCE = 0.05
LEVEL = 0.95  # of every interval in a RunResult; evals.statistics would bring scipy in
MISSING = "–"
_NAMES = {
    "accuracy": "accuracy",
    "macro_f1": "macro F1",
    "micro_f1": "micro F1",
    "weighted_f1": "weighted F1",
    "mcc": "Matthews correlation",
    "ece": "calibration error",
    "ood_auroc": "out-of-domain AUROC",
    "ood_fpr95": "false alarms at 95% recall",
    "robust_accuracy": "robust accuracy",
    "map": "mean average precision",
    "f1": "F1",
    "no_answer_f1": "F1 without answer",
    "bleu": "BLEU",
    "chrf": "chrF",
    "rouge1": "ROUGE-1",
    "rouge2": "ROUGE-2",
    "rougeL": "ROUGE-L",
    "distinct_1": "distinct-1",
    "distinct_2": "distinct-2",
    **{f"pass_at_{k}": f"pass@{k}" for k in PASS_AT},
    "nll": "negative log-likelihood",
    "spearman": "Spearman correlation",
    "latency_p95_ms": "latency (p95)",
    "size_mb": "model size",
}
STOPS = {
    "targets_met": "every target was met on validation data, so nothing more was spent",
    "budget_spent": "the budget was spent",
    "nothing_paid": "the last attempts brought no gain",
    "controller_finished": "the controller had nothing more to try",
    "no_targets": "no target was set, so the run looked for the best model within its budget",
}
# C0 and C1 controls, direction overrides and the non-characters that XML forbids:
# they break SVG or let a text reorder the page around it.
_UNPRINTABLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]+"
)


@dataclass(frozen=True)
class Verdict:
    """The first thing a reader sees: a few words, then one sentence with the figures."""

    status: Literal["met", "missed", "open"]
    title: str
    sentence: str


@dataclass(frozen=True)
class Gain:
    """What a paired comparison shows; "noise" is no evidence in either direction."""

    kind: Literal["gain", "loss", "noise"]
    sentence: str


def clean(text: str, limit: int | None = None) -> str:
    """Put a text from the data on one line, without control characters, at most `limit` long."""
    line = " ".join(_UNPRINTABLE.sub(" ", text).split())
    return line if limit is None or len(line) <= limit else line[: limit - 1].rstrip() + "…"


def metric_name(metric: str) -> str:
    """Name a metric as a person says it."""
    sliced = sliced_metric(metric)
    if sliced is not None:
        return f"{metric_name(sliced)} of the worst slice"
    return _NAMES.get(metric, metric.replace("_", " "))


def sentence_case(text: str) -> str:
    """Start with a capital and leave the rest ("macro F1" keeps its F)."""
    return text[:1].upper() + text[1:]


def number(metric: str, value: float | None, *, more: int = 0) -> str:
    """Write a measured value: three decimals for a ratio, two of a hundred, or the unit.

    `more` decimals where there is no unit.
    """
    if value is None or not math.isfinite(value):
        return MISSING
    unit = METRICS[metric].unit if metric in METRICS else ""
    if not unit:
        return f"{value:,.{_decimals(metric) + more}f}"
    return f"{value:,.0f} {unit}" if abs(value) >= 100 else f"{value:.3g} {unit}"


def interval(metric: str, ci: tuple[float, float] | None) -> str:
    """Write an interval as "[0.905, 0.939]" or "[11.9, 13.2] ms"; "" where there is none."""
    if ci is None:
        return ""
    low, high = number(metric, ci[0]), number(metric, ci[1])
    figure, _, unit = low.partition(" ")
    return f"[{figure}, {high.partition(' ')[0]}] {unit}".strip()


def threshold(op: str, metric: str, value: float) -> str:
    """Write a condition as asked: "≥ 0.90", "≤ 20 ms"."""
    unit = METRICS[metric].unit if metric in METRICS else ""
    decimals = max(2, len(f"{value:.10g}".partition(".")[2]))
    whole = unit or _decimals(metric) < 3
    figure = f"{value:g} {unit}".strip() if whole else f"{value:.{decimals}f}"
    return f"{'≥' if op == '>=' else '≤'} {figure}"


def asked(target: TargetResult) -> str:
    """Write what was asked: "macro F1 ≥ 0.90"."""
    return f"{metric_name(target.metric)} {threshold(target.op, target.metric, target.value)}"


def outcome(target: TargetResult) -> str:
    """Write what was measured on the test split against what was asked."""
    against = threshold(target.op, target.metric, target.value)
    if target.test is None:
        return f"{metric_name(target.metric)} not measured, against {against}"
    measured = f"{number(target.metric, target.test)} {interval(target.metric, target.ci)}".strip()
    return f"{metric_name(target.metric)} {measured} against {against}"


def verdict(result: RunResult) -> Verdict:
    """Say whether the run reached what was asked, on the test split."""
    kept = (
        f"Best model kept: {clean(result.chosen, 80)}." if result.chosen else "No model was kept."
    )
    if not result.targets:
        found = "; ".join(f"{metric_name(m)} {number(m, v)}" for m, v in _leading(result.test))
        sentence = f"{kept} On the test split: {found}." if found else kept
        return Verdict("open", "No target was set", sentence)
    missed = [t for t in result.targets if not t.met]
    figures = sentence_case("; ".join(outcome(t) for t in missed or result.targets)) + "."
    if result.met:
        several = {1: "Target", 2: "Both targets"}
        every = several.get(len(result.targets), f"All {len(result.targets)} targets")
        return Verdict("met", f"{every} met on the test split", figures)
    if len(result.targets) == 1:
        title = "Target not met on the test split"
    else:
        title = f"{len(missed)} of {len(result.targets)} targets not met on the test split"
    return Verdict("missed", title, f"{figures} {kept}")


def straddles(target: TargetResult) -> str | None:
    """Say plainly that the interval contains the target; None where it does not."""
    if target.ci is None or target.test is None:
        return None
    low, high = target.ci
    if not low <= target.value <= high or (low == high == target.value):
        return None
    what = (
        f"The {LEVEL:.0%} interval for {metric_name(target.metric)}, "
        f"{interval(target.metric, target.ci)}, contains the target "
        f"{threshold(target.op, target.metric, target.value)}"
    )
    if target.met:
        return f"{what}: met on this test split, but another sample could fall short."
    return f"{what}: missed on this test split, but by less than the test split can resolve."


def gain(comparison: Comparison) -> Gain:
    """Say whether the chosen model differs from a baseline beyond the noise.

    The rule: the interval excludes 0 and p < 0.05; anything else is noise.
    """
    c = comparison
    percent = f"{LEVEL:.0%} interval"
    scale, unit = _points(c.metric)
    decimals = 3 if c.metric == "nll" else 1
    low, high = c.ci[0] * scale, c.ci[1] * scale
    measure = f"{_signed(c.difference * scale, decimals)}{unit} of {metric_name(c.metric)}"
    what = f"{measure} over {clean(c.against, 80)}"
    bounds = f"[{_plain(low, decimals)}, {_plain(high, decimals)}]"
    figures = f"{percent} {bounds}, {p_value(c.p_value)}"
    if not (low > 0 or high < 0) or not c.p_value < SIGNIFICANCE:
        return Gain(
            "noise", f"Within the noise: {what}, {figures}; this is not evidence of a gain."
        )
    lower_is_better = c.metric in METRICS and METRICS[c.metric].direction == "lower"
    if (low > 0) != lower_is_better:
        return Gain("gain", f"{what}, {figures}: a real gain.")
    return Gain("loss", f"{what}, {figures}: a real loss. The baseline is better.")


def p_value(p: float) -> str:
    """Write a p-value; very small ones as a bound."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}" if p < 0.1 else f"p = {p:.2f}"


def stop_reason(result: RunResult) -> str:
    """Say why the run ended."""
    reason = STOPS[result.stop_reason]
    if result.stop_reason == "targets_met" and not result.met:
        return "every target was met on validation data; the test split did not confirm it"
    return reason


def changed(change: Change) -> str:
    """Say what a person changed midway; an easier goal set in view of results plainly so."""
    when = change.when.replace("T", " ")[:16]
    what = (
        f"The {change.what} {'was' if change.what == 'budget' else 'were'} changed from "
        f"{clean(change.before, 200)} to {clean(change.after, 200)} ({when} UTC, {change.by})"
    )
    seen = f"{change.candidates} candidate{'s' if change.candidates != 1 else ''}"
    if not change.candidates:
        return f"{what}, before anything was scored."
    if change.eased:
        return f"{what}, after {seen} had been scored: an easier goal, set with results in view."
    return f"{what}, after {seen} had been scored."


def controller(name: str) -> str:
    """Name who decided; the planner is never passed off as an LLM."""
    shown = clean(name, 80)
    if ":" not in shown and (not shown or "plan" in shown.lower() or "rule" in shown.lower()):
        return "rule-based planner (not an LLM)"
    return f"LLM {shown}" if ":" in shown and not shown.lower().startswith("llm") else shown


def sealed(result: RunResult, rows: int | None) -> str:
    """Say what the sealed test split of `rows` rows means for the figures."""
    size = f" ({rows:,} rows)" if rows else ""
    n = len(result.baselines)
    models = ["the chosen model"] if result.chosen else []
    models += [f"the {n} baselines" if n > 1 else "the baseline"] if n else []
    sealing = (
        f"The test split{size} was sealed before the first step: no tool could read it, and no "
        "setting was chosen on it."
    )
    if not models:
        return f"{sealing} It stayed shut: nothing was measured on it."
    return (
        f"{sealing} It was opened once, at the end, for {listing(models)}, so its figures are not "
        "flattered by the search. Validation figures are: every choice was made on them."
    )


def duration(seconds: float) -> str:
    """Write a time span with the two units that matter."""
    if seconds < 0.05:
        return "under 0.1 s"
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s" if whole % 60 else f"{whole // 60} min"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def amount(kind: str, value: float) -> str:
    """Write how much of one kind of budget: time as time, the others as a count."""
    if kind == "seconds":
        return duration(value)
    figure = f"{value:,.0f}" if float(value).is_integer() else f"{value:,.2f}"
    name = kind.replace("_", " ")
    return f"{figure} {name[:-1] if figure == '1' and name.endswith('s') else name}"


def spending(kind: str, spent: Spending) -> str:
    """Write what went of what was allowed: "11 min 24 s of 30 min"."""
    if spent.limit is None:
        return amount(kind, spent.spent)
    if kind == "seconds":
        return f"{duration(spent.spent)} of {duration(spent.limit)}"
    return f"{amount(kind, spent.spent).partition(' ')[0]} of {amount(kind, spent.limit)}"


def cost(budget: dict[str, Spending]) -> str:
    """Write the whole bill in one line, time first; the loop's own seconds are part of it.

    What was neither spent nor limited is left out.
    """
    used = {k: b for k, b in budget.items() if b.spent or b.limit is not None or k == "seconds"}
    kinds = sorted(used, key=lambda kind: kind != "seconds")
    bill = [spending(k, used[k]) for k in kinds if not k.startswith("orchestration")]
    return "; ".join(bill) or "not recorded"


def listing(items: Iterable[str]) -> str:
    """Join as a person does: "a, b and c"."""
    *head, last = list(items) or [""]
    return f"{', '.join(head)} and {last}" if head else last


def _leading(test: dict[str, float]) -> list[tuple[str, float]]:
    """Return the two or three figures that say most."""
    order = [m for m in ("macro_f1", "accuracy") if m in test] or list(test)[:2]
    return [(m, test[m]) for m in order]


def _points(metric: str) -> tuple[float, str]:
    """Return the factor and the unit in which a difference reads best."""
    known = METRICS.get(metric)
    if known is None or known.high == 1:
        return 100.0, " points"
    if known.unit:
        return 1.0, f" {known.unit}"
    return 1.0, " points" if known.high == 100 else ""


def _decimals(metric: str) -> int:
    """How many decimals say something: fewer where a metric can go beyond 1."""
    known = METRICS.get(metric)
    return 3 if known is None or known.high == 1 or metric == "nll" else 2


def _plain(value: float, decimals: int = 1) -> str:
    return f"{value:z.{decimals}f}".replace("-", "−")


def _signed(value: float, decimals: int = 1) -> str:
    shown = _plain(value, decimals)
    return shown if shown.startswith("−") or not shown.strip("0.") else f"+{shown}"
