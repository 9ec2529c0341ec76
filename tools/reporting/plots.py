"""The report's curves and dots: data in, SVG out, nothing else touched.

Each function takes the width in CSS pixels: the page holds a wide and a narrow
drawing of each picture and shows the one that fits.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate
from typing import Any, TypeGuard

from ...evals.metrics import METRICS
from ...evals.result import Curve, OddInputs, Robustness, TrialRecord
from .canvas import AMBER, BLUE, CHARACTER, GREEN, INK, MUTED, PAPER, RED, SERIES, canvas, short
from .view import Rung
from .words import metric_name, number, sentence_case, threshold

WIDE, NARROW = 860, 344
MOST_CURVES = len(SERIES)
_DASHES = ("-", (0, (5, 2)), (0, (1.5, 1.5)), (0, (7, 2, 1.5, 2)), (0, (3, 1)))


def ladder(
    rungs: Sequence[Rung], metric: str, target: tuple[str, float] | None, *, width: int = WIDE
) -> str:
    """Draw every baseline and candidate on one scale, with the target as a line.

    Args:
        rungs: In the order shown, top to bottom.
        metric: Name in METRICS.
        target: Operator and value, if there is one on this metric.
        width: Pixels.
    """
    narrow = width < 600
    row, top, bottom = (46 if narrow else 28), (70 if narrow else 64), 44
    longest = max((len(r.name) for r in rungs), default=0) * CHARACTER + 34
    left = 8 if narrow else min(300, max(120, longest))
    right = 12 if narrow else 150
    height = top + row * max(1, len(rungs)) + bottom
    with canvas("ladder", width, height) as c:
        axes = c.axes(left=left, right=right, top=top, bottom=bottom)
        over = c.overlay()
        axes.set(ylim=(max(1, len(rungs)), 0), yticks=[], xlabel=sentence_case(metric_name(metric)))
        low, high = _ladder_span(rungs, target[1] if target else None, metric)
        axes.set_xlim(low, high)
        axes.locator_params(axis="x", nbins=4 if narrow else 8)
        axes.grid(axis="x")
        for i, rung in enumerate(rungs):
            y = i + (0.7 if narrow else 0.5)
            _dots(axes, rung, y, low, high)
            _rung_words(over, rung, top + i * row, metric, width, narrow, left)
        if not narrow:
            validated = any(_real(r.validation) for r in rungs)
            for x, words in ((width - 74, "validation" * validated), (width - 4, "test")):
                over.text(x, top - 12, words, ha="right", color=MUTED)
        if target:
            axes.axvline(target[1], color=RED, linewidth=2, dashes=(5, 2.5), zorder=2)
            at = left + axes.transAxes.inverted().transform(
                axes.transData.transform((target[1], 0))
            )[0] * (width - left - right)
            words = f"target {threshold(target[0], metric, target[1])}"
            half = len(words) * CHARACTER / 2
            x = min(max(at, half), width - half - (0 if narrow else right - 4))
            over.text(x, top - 12, words, ha="center", color=RED, fontweight="bold")
        _ladder_legend(over, rungs, 4 if narrow else left)
        return c.svg(f"Ladder of {len(rungs)} models by {metric_name(metric)}")


def learning_curves(curves: Sequence[Curve], chosen: str | None, *, width: int = WIDE) -> str:
    """Draw loss and validation metric by optimiser step, at most MOST_CURVES of them."""
    shown = sorted(curves, key=lambda curve: curve.candidate != chosen)[:MOST_CURVES]
    narrow = width < 600
    legend = 26 * len(shown) if narrow else 26 * math.ceil(len(shown) / 2)
    panel = 210
    height = legend + (2 * panel if narrow else panel) + 14
    with canvas("curves", width, height) as c:
        gap = 12 if narrow else width / 2 + 12
        loss = c.axes(
            left=46, right=12 if narrow else gap, top=legend + 30, bottom=44 + narrow * panel
        )
        metric = c.axes(
            left=46 if narrow else gap + 34,
            right=12,
            top=legend + 30 + narrow * panel,
            bottom=44,
        )
        for i, curve in enumerate(shown):
            look: dict[str, Any] = {
                "color": SERIES[i],
                "linestyle": _DASHES[i],
                "linewidth": 2.4 if curve.candidate == chosen else 1.6,
            }
            _line(loss, [(p.step, p.loss) for p in curve.points], look)
            _line(metric, [(p.step, p.validation) for p in curve.points], look, marker=True)
        loss.set_title("Training loss", color=INK)
        name = metric_name(shown[0].metric) if shown else "metric"
        metric.set_title(f"Validation {name}", color=INK)
        for axes in (loss, metric):
            axes.set_xlabel("optimiser step")
            axes.grid(axis="y")
            axes.locator_params(nbins=5)
            axes.margins(0.03, 0.08)
        over = c.overlay()
        for i, curve in enumerate(shown):
            column, line = (0, i) if narrow else (i % 2, i // 2)
            x, y = 6 + column * width / 2, 14 + 26 * line
            over.plot([x, x + 26], [y, y], color=SERIES[i], linestyle=_DASHES[i], linewidth=2)
            kept = " (kept)" if curve.candidate == chosen else ""
            room = (width if narrow else width / 2) - 50 - len(kept) * CHARACTER
            over.text(x + 34, y, short(curve.candidate, room) + kept, va="center_baseline")
        return c.svg(f"Learning curves of {len(shown)} candidates: loss and validation {name}")


def trials(records: Sequence[TrialRecord], metric: str, *, width: int = WIDE) -> str:
    """Draw trial values by number, pruned and failed ones marked, with the best so far."""
    higher = _higher(metric)
    done = [(r.number, r.value) for r in records if r.state == "complete" and _real(r.value)]
    best = list(accumulate((v for _, v in done), max if higher else min))
    low, high = _span(_near([v for _, v in done], higher))
    height = 300 if width >= 600 else 280
    with canvas("trials", width, height) as c:
        axes = c.axes(left=54, right=14, top=64 if width < 600 else 42, bottom=46)
        axes.set(ylim=(low, high), xlabel="trial", ylabel="")
        axes.margins(x=0.04)
        axes.grid(axis="y")
        axes.locator_params(axis="y", nbins=5)
        axes.locator_params(axis="x", integer=True, nbins=10)
        if done:
            axes.step([n for n, _ in done], best, where="post", color=BLUE, linewidth=1.6, zorder=2)
        for state, style in _MARKS.items():
            points = [(r.number, _inside(r.value, low, high)) for r in records if r.state == state]
            if points:
                axes.plot(*zip(*points, strict=True), linestyle="", clip_on=False, **style)
        _trial_legend(c.overlay(), records, width)
        return c.svg(
            f"{len(records)} trials by validation {metric_name(metric)}; "
            f"best {number(metric, best[-1] if best else None)}"
        )


_MARKS: dict[str, dict[str, Any]] = {
    "complete": {"marker": "o", "markersize": 7, "color": BLUE, "markeredgecolor": PAPER},
    "pruned": {
        "marker": "v",
        "markersize": 7,
        "markerfacecolor": "none",
        "markeredgecolor": AMBER,
        "markeredgewidth": 1.6,
    },
    "failed": {"marker": "x", "markersize": 7, "color": RED, "markeredgewidth": 2},
    "running": {
        "marker": "s",
        "markersize": 6,
        "markerfacecolor": "none",
        "markeredgecolor": GREEN,
    },
}


def _trial_legend(over: Any, records: Sequence[TrialRecord], width: int) -> None:
    x, y = 58.0, 14.0
    entries = [(s, m) for s, m in _MARKS.items() if any(r.state == s for r in records)]
    for state, style in entries:
        words = f"{state} ({sum(r.state == state for r in records)})"
        if x + 16 + len(words) * CHARACTER > width:
            x, y = 58.0, y + 22
        over.plot([x], [y], linestyle="", **style)
        over.text(x + 10, y, words, va="center_baseline", color=MUTED)
        x += 30 + len(words) * CHARACTER
    if x + 110 > width:
        x, y = 58.0, y + 22
    over.plot([x - 6, x + 14], [y, y], color=BLUE, linewidth=1.6)
    over.text(x + 20, y, "best so far", va="center_baseline", color=MUTED)


def _dots(axes: Any, rung: Rung, y: float, low: float, high: float) -> None:
    """Draw one row: a hollow dot for validation, a filled one and its interval for test."""
    color = MUTED if rung.kind == "baseline" else BLUE
    measured = [v for v in (rung.validation, rung.test) if _real(v)]
    outside = [v for v in measured if not low <= v <= high]
    if outside:
        edge, arrow = (low, "<") if outside[0] < low else (high, ">")
        axes.plot([edge], [y], marker=arrow, markersize=9, color=color, clip_on=False)
        return
    if len(measured) == 2:
        axes.plot(measured, [y, y], color=color, linewidth=1, alpha=0.5)
    if rung.ci is not None and rung.test is not None:
        axes.plot(rung.ci, [y, y], color=color, linewidth=6, alpha=0.35, solid_capstyle="round")
    if _real(rung.validation):
        style = {"markerfacecolor": PAPER, "markeredgecolor": color, "markeredgewidth": 2}
        axes.plot([rung.validation], [y], marker="o", markersize=8, zorder=4, **style)
    if _real(rung.test):
        style = {"markerfacecolor": color, "markeredgecolor": PAPER}
        axes.plot([rung.test], [y], marker="o", markersize=10, zorder=5, **style)


def _rung_words(
    over: Any, rung: Rung, y: float, metric: str, width: int, narrow: bool, left: float
) -> None:
    weight = "bold" if rung.chosen else "normal"
    color = MUTED if rung.kind == "baseline" else INK
    kept = " · kept" if rung.chosen else ""
    look: dict[str, Any] = {"va": "center_baseline", "color": color, "fontweight": weight}
    if not narrow:
        name = short(rung.name, left - 14 - len(kept) * CHARACTER) + kept
        over.text(left - 12, y + 14, name, ha="right", **look)
        for x, value in ((width - 74, rung.validation), (width - 4, rung.test)):
            if _real(value):
                over.text(x, y + 14, number(metric, value), ha="right", **look)
        return
    pairs = (("val.", rung.validation), ("test", rung.test))
    figures = " · ".join(f"{n} {number(metric, v)}" for n, v in pairs if _real(v))
    room = width - 24 - len(figures + kept) * CHARACTER
    look["bbox"] = {"facecolor": PAPER, "edgecolor": "none", "pad": 1}  # over the target line
    over.text(8, y + 12, short(rung.name, room) + kept, **look)
    over.text(width - 8, y + 12, figures, ha="right", **look)


def _ladder_legend(over: Any, rungs: Sequence[Rung], x: float) -> None:
    y = 14
    hollow = {"markerfacecolor": PAPER, "markeredgecolor": BLUE, "markeredgewidth": 2}
    filled = {"markerfacecolor": BLUE, "markeredgecolor": PAPER}
    if any(_real(r.validation) for r in rungs):
        over.plot([x + 5], [y], marker="o", markersize=8, **hollow)
        over.text(x + 16, y, "validation", va="center_baseline", color=MUTED)
        x += 98
    if any(_real(r.test) for r in rungs):
        over.plot([x + 5], [y], marker="o", markersize=10, **filled)
        over.text(x + 16, y, "test", va="center_baseline", color=MUTED)
        x += 60
    if any(r.ci for r in rungs):
        over.plot([x + 4, x + 20], [y, y], color=BLUE, linewidth=6, alpha=0.35)
        over.text(x + 30, y, "95% interval of test", va="center_baseline", color=MUTED)


def _line(
    axes: Any, points: list[tuple[int, float | None]], look: dict[str, Any], marker: bool = False
) -> None:
    known = [(x, y) for x, y in points if _real(y)]
    if known:
        dot = {"marker": "o", "markersize": 5} if marker or len(known) == 1 else {}
        axes.plot(*zip(*known, strict=True), **look, **dot)


def _ladder_span(rungs: Sequence[Rung], target: float | None, metric: str) -> tuple[float, float]:
    """Return limits that hold the models in contention; a majority-class guess may lie outside."""
    values, must = _values(rungs), [] if target is None else [target]
    must += [
        v for r in rungs if r.chosen for v in (r.validation, r.test, *(r.ci or ())) if _real(v)
    ]
    return _span(_near(values, _higher(metric)) + must)


def _values(rungs: Sequence[Rung]) -> list[float]:
    found = [v for r in rungs for v in (r.validation, r.test, *(r.ci or ())) if v is not None]
    return [v for v in found if _real(v)]


def _span(values: Sequence[float]) -> tuple[float, float]:
    """Return limits with a little air, never an empty range."""
    if not values:
        return 0.0, 1.0
    low, high = min(values), max(values)
    air = 0.06 * (high - low) or max(abs(high) * 0.05, 0.01)
    return low - air, high + air


def _near(values: list[float], higher: bool) -> list[float]:
    """Leave out what is so bad that the better half would shrink to a dot beside it."""
    ordered = sorted(values, reverse=higher)
    near = ordered[: max(2, math.ceil(len(ordered) / 2))]
    for value in ordered[len(near) :]:
        spread = max(abs(near[0] - near[-1]), 0.03 * abs(near[0]))
        if abs(near[0] - value) > 8 * spread:
            break
        near.append(value)
    return near


def _higher(metric: str) -> bool:
    return metric not in METRICS or METRICS[metric].direction == "higher"


def _inside(value: float | None, low: float, high: float) -> float:
    """Put a mark without a value, or far off, on the edge of the plot."""
    return low if value is None or not _real(value) else min(max(value, low), high)


def _real(value: float | None) -> TypeGuard[float]:
    return value is not None and math.isfinite(value)


def risk_curve(odd: OddInputs, *, width: int = WIDE) -> str:
    """Draw the error rate among the rows answered by the share that is answered."""
    with canvas("risk", width, 260) as c:
        axes = c.axes(left=54, right=14, top=18, bottom=46)
        axes.plot(odd.coverage, odd.risk, color=BLUE, linewidth=2)
        axes.set(xlim=(0, 1), ylim=(0, None), xlabel="share answered", ylabel="")
        axes.grid(axis="y")
        axes.locator_params(axis="y", nbins=5)
        last = odd.risk[-1] if odd.risk else 0.0
        return c.svg(f"Error rate by share answered; {last:.1%} where all are")


def robustness(models: Sequence[Robustness], *, width: int = WIDE) -> str:
    """Draw the share of right answers by how rows are written: the untuned model below, in grey."""
    narrow = width < 600
    names = [*(s.name for s in models[0].under), "all of these"]
    with canvas("robust", width, 60 + 26 * len(names) + 44) as c:
        axes = c.axes(left=104, right=14, top=42, bottom=46)
        over = c.overlay()
        axes.set(
            xlim=(0, 1), ylim=(len(names) - 0.4, -0.6), xlabel="share of rows answered rightly"
        )
        axes.set_yticks(range(len(names)), names)
        axes.grid(axis="x")
        axes.locator_params(axis="x", nbins=4 if narrow else 8)
        for place, (model, colour) in enumerate(zip(models, (BLUE, MUTED), strict=False)):
            shares = [*model.under, model.robust_accuracy]
            y = [i + 0.22 * place for i in range(len(shares))]
            axes.hlines(y, [s.ci[0] for s in shares], [s.ci[1] for s in shares], color=colour)
            axes.plot([s.value for s in shares], y, "o", color=colour, markersize=6)
            said = "the model" if model.model == "chosen" else model.model.replace("_", " ")
            over.text(104 + 120 * place, 18, f"● {said}", color=colour)
        best = models[0].robust_accuracy.value
        return c.svg(f"Share of right answers by how rows are written; {best:.1%} under all")
