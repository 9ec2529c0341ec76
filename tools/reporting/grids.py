"""The report's bars and matrix: label balance, seconds by step, who is taken for whom."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ...evals.result import Step
from .canvas import BLUE, CHARACTER, INK, LINE, MUTED, RED, canvas, short
from .plots import WIDE
from .words import clean, duration

MOST_CLASSES = 30  # beyond this no cell of a matrix can be read: a table says more
MOST_BARS = 24


@dataclass(frozen=True)
class Confused:
    """How often one class was taken for another, on the test split."""

    label: str
    predicted: str
    count: int
    share: float


def most_confused(
    labels: Sequence[str], counts: Sequence[Sequence[int]], most: int = 15
) -> list[Confused]:
    """Return the pairs (true, predicted) with the most wrong answers, worst first.

    Args:
        labels: Names in the order of `counts`.
        counts: Rows true, columns predicted.
        most: Pairs returned at most.
    """
    found = [
        Confused(labels[i], labels[j], n, n / sum(row))
        for i, row in enumerate(counts)
        for j, n in enumerate(row)
        if i != j and n > 0
    ]
    return sorted(found, key=lambda c: (-c.count, -c.share, c.label, c.predicted))[:most]


def confusion_matrix(
    labels: Sequence[str], counts: Sequence[Sequence[int]], *, width: int = WIDE
) -> str:
    """Draw right answers in blue by share of their class, wrong ones in red by their weight.

    Args:
        labels: At most MOST_CLASSES names.
        counts: Rows true, columns predicted.
        width: Pixels.
    """
    n = len(labels)
    room = min(200 if width >= 600 else 96, max(map(len, labels)) * CHARACTER + 8)
    cell = min(58.0, (width - room - 28) / n)
    side, below = cell * n, room * 0.74 + 34
    height = round(side + below + 12)
    shares = [[v / max(1, sum(row)) for v in row] for row in counts]
    worst = max((s for i, r in enumerate(shares) for j, s in enumerate(r) if i != j), default=0)
    with canvas("confusion", width, height) as c:
        left = max(room + 24, (width - side) / 2 if width >= 600 else 0)
        axes = c.axes(left=left, right=width - left - side, top=8, bottom=below)
        axes.set(xlim=(0, n), ylim=(n, 0), xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
        size = 12 if cell >= 24 else 10 if cell >= 17 else 8
        for k in range(n + 1):
            axes.plot([0, n], [k, k], color=LINE, linewidth=0.6, zorder=0)
            axes.plot([k, k], [0, n], color=LINE, linewidth=0.6, zorder=0)
        for i, row in enumerate(counts):
            for j, value in enumerate(row):
                if value == 0:
                    continue
                right = i == j
                strength = 0.6 * shares[i][j] if right else 0.12 + 0.46 * shares[i][j] / worst
                patch = {"color": BLUE if right else RED, "alpha": strength, "linewidth": 0}
                axes.fill([j, j + 1, j + 1, j], [i, i, i + 1, i + 1], **patch)
                axes.text(
                    j + 0.5,
                    i + 0.5,
                    f"{value}",
                    ha="center",
                    va="center_baseline",
                    fontsize=size if len(f"{value}") * size * 0.6 < cell else 8,
                    color=INK,  # no fill is stronger than 0.6, so ink reads in both schemes
                )
        for k, label in enumerate(labels):
            name = short(label, room * 12 / max(10, size))
            axes.text(
                -0.12, k + 0.5, name, ha="right", va="center_baseline", fontsize=max(10, size)
            )
            axes.text(
                k + 0.62,
                n + 6 / cell,
                name,
                ha="right",
                va="top",
                rotation=45,
                rotation_mode="anchor",
                fontsize=max(10, size),
            )
        over = c.overlay()
        over.text(left + side / 2, height - 8, "predicted", ha="center", color=MUTED)
        over.text(
            left - room - 8,
            8 + side / 2,
            "true",
            rotation=90,
            va="center",
            ha="center",
            color=MUTED,
        )
        return c.svg(f"Confusion matrix of {n} classes on the test split")


def label_balance(counts: Mapping[str, int], *, width: int = WIDE) -> str:
    """Draw the rows of each label in train, most frequent first; the middle of many is left out."""
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    bars = [(label, float(n), f"{n:,}") for label, n in ordered]
    half = MOST_BARS // 2
    between = f"… {len(bars) - MOST_BARS} labels in between …"
    shown = bars if len(bars) <= MOST_BARS else [*bars[:half], (between, 0.0, ""), *bars[-half:]]
    return _bars("balance", f"Training rows of {len(bars)} labels", shown, width)


def step_seconds(steps: Sequence[Step], *, width: int = WIDE) -> str:
    """Draw the seconds that each step took."""
    bars = [(f"{s.number}. {clean(s.tool)}", s.seconds, duration(s.seconds)) for s in steps]
    if len(bars) > MOST_BARS:
        kept = sorted(sorted(range(len(bars)), key=lambda i: -bars[i][1])[:MOST_BARS])
        bars = [bars[i] for i in kept]
    return _bars("steps", f"Seconds spent by {len(bars)} steps", bars, width)


def _bars(name: str, title: str, bars: Sequence[tuple[str, float, str]], width: int) -> str:
    """Draw horizontal bars from 0: label, length, words at the end."""
    longest = max((len(b[0]) for b in bars), default=0) * CHARACTER + 12
    left = min(longest, 260 if width >= 600 else 170)
    right = max((len(b[2]) for b in bars), default=0) * CHARACTER + 16
    row = 24
    most = max((b[1] for b in bars), default=0) or 1
    with canvas(name, width, row * len(bars) + 8) as c:
        over = c.overlay()
        for i, (label, length, words) in enumerate(bars):
            y = 4 + row * (i + 0.5)
            end = left + max(1.0, (width - left - right) * length / most)
            over.text(left - 10, y, short(label, left - 10), ha="right", va="center_baseline")
            if words:
                over.fill(
                    [left, end, end, left], [y - 8, y - 8, y + 8, y + 8], color=BLUE, linewidth=0
                )
                over.text(end + 7, y, words, va="center_baseline", color=MUTED)
        return c.svg(title)
