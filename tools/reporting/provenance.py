"""The provenance graph of a run: rows on the left, steps in the middle, candidates on the right."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...evals.result import ProvenanceStep
from .canvas import AMBER, BLUE, GREEN, INK, MUTED, PAPER, PURPLE, RED, canvas, short
from .plots import WIDE

ROW, BOX, TOP = 46, 30, 34
MOST_STEPS = 40  # drawn; the last ones say how it ended
MOST_MADE = 6


def provenance(
    steps: Sequence[ProvenanceStep], chosen: str, source: str, *, tested: bool, width: int = WIDE
) -> str:
    """Draw who made what from what, in PROV's terms: entities, activities, and their arrows.

    Args:
        steps: In order; the last MOST_STEPS are drawn.
        chosen: Candidate that was kept, or "".
        source: Name of the data.
        tested: The test split was opened for the chosen candidate.
        width: Pixels.
    """
    steps = list(steps)[-MOST_STEPS:]
    heights = [max(1, min(len(s.made), MOST_MADE)) for s in steps]
    rows = 1 + sum(heights) + (1 if tested and chosen else 0)
    height = TOP + ROW * rows + 30
    narrow = width < 600
    side = 0.3 * width if not narrow else 0.27 * width
    lefts = (6.0, (width - side) / 2, width - side - 6.0)
    with canvas("provenance", width, height) as c:
        axes = c.overlay()
        for left, title in zip(
            lefts, ("rows (entities)", "steps (activities)", "models"), strict=True
        ):
            axes.text(left, 14, title, color=MUTED, va="center")
        place = _Places(axes, lefts, side)
        data_at = {"": place.box(0, 0, source or "data", AMBER)}
        y, spots = 1, dict[str, int]()
        for step, tall in zip(steps, heights, strict=True):
            used = step.data if step.data in data_at else ""
            color = BLUE if step.ok else RED
            place.box(1, y, f"{step.number} {step.tool.replace('_', ' ')}", color)
            place.arrow((0, data_at[used]), (1, y), MUTED)
            if step.new_data:
                data_at[step.new_data] = place.box(0, y, step.new_data, AMBER)
                if data_at[step.new_data] != data_at[used]:
                    place.arrow((1, y), (0, y), AMBER)
            for i, name in enumerate(step.made[:MOST_MADE]):
                more = len(step.made) - MOST_MADE
                label = name if i + 1 < MOST_MADE or more <= 0 else f"{name} and {more} more"
                kept = name == chosen
                spots[name] = place.box(2, y + i, label, GREEN if kept else PURPLE, bold=kept)
                place.arrow((1, y), (2, y + i), MUTED)
            y += tall
        if tested and chosen:
            place.box(1, y, "test split opened once", GREEN)
            place.arrow((2, spots.get(chosen, y)), (1, y), GREEN)
        c.overlay().text(
            6, height - 10, "amber rows · blue steps · red failed · purple models · green kept",
            color=MUTED, fontsize=11, va="center",
        )  # fmt: skip
        told = f"{len(steps)} steps, {len(spots)} models" + (f"; kept: {chosen}" if chosen else "")
        return c.svg(f"Provenance of the run: {told}")


class _Places:
    """Three columns of boxes."""

    def __init__(self, axes: Any, lefts: Sequence[float], side: float) -> None:
        self.axes, self.lefts, self.side = axes, lefts, side

    def box(self, column: int, row: int, text: str, color: str, *, bold: bool = False) -> int:
        """Draw a box; return its row."""
        from matplotlib.patches import FancyBboxPatch

        x, y = self.lefts[column], TOP + ROW * row
        self.axes.add_patch(
            FancyBboxPatch(
                (x + 4, y + 4), self.side - 8, BOX - 8,
                boxstyle="round,pad=4,rounding_size=6" if column != 1 else "square,pad=4",
                facecolor=PAPER, edgecolor=color, linewidth=2.4 if bold else 1.4, zorder=3,
            )
        )  # fmt: skip
        self.axes.text(
            x + self.side / 2, y + BOX / 2, short(text, self.side - 12),
            ha="center", va="center", color=INK, fontsize=11, zorder=4,
            fontweight="bold" if bold else "normal",
        )  # fmt: skip
        return row

    def arrow(self, start: tuple[int, int], end: tuple[int, int], color: str) -> None:
        """Draw an arrow from the side of one box to the side of another."""
        right = end[0] > start[0]
        x0 = self.lefts[start[0]] + (self.side if right else 0)
        x1 = self.lefts[end[0]] + (0 if right else self.side)
        y0, y1 = (TOP + ROW * row + BOX / 2 for row in (start[1], end[1]))
        self.axes.annotate(
            "", (x1, y1), (x0, y0),
            arrowprops={"arrowstyle": "-|>", "color": color, "linewidth": 1.1, "shrinkA": 1,
                        "shrinkB": 1},
            zorder=1,
        )  # fmt: skip
