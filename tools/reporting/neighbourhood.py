"""The neighbourhood of a node drawn as SVG: what leads to it left, what it leads to right."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

from ...memory.neighbours import Link, Neighbourhood, called, levels
from ...memory.sparql_terms import short_name
from .words import clean

_WIDTH, _GAP, _LINE, _ROW, _MARGIN = 220, 190, 15, 16, 24
_LETTER = 6.6  # px, a mean letter at 12 px
_STYLE = """
:root { color-scheme: light dark; --paper: #fff; --panel: #f5f7f8; --ink: #1c2126;
  --muted: #58626b; --line: #b9c1c8; --blue: #0b67a8; }
@media (prefers-color-scheme: dark) { :root { --paper: #14171a; --panel: #1c2024;
  --ink: #e7eaec; --muted: #a5aeb6; --line: #4a525a; --blue: #5db8ec; } }
svg { background: var(--paper); font: 12px system-ui, "Liberation Sans", "DejaVu Sans", Arial,
  sans-serif; }
text { fill: var(--ink); } .kind, .edge { fill: var(--muted); font-size: 11px; }
.edge { stroke: var(--paper); stroke-width: 4px; paint-order: stroke; }
rect { fill: var(--panel); stroke: var(--line); } .centre rect { stroke: var(--blue);
  stroke-width: 2px; } .name { font-weight: 600; } path { fill: none; stroke: var(--line); }
"""


@dataclass(frozen=True)
class _Box:
    """A node with the values said of it, placed by its top left corner."""

    node: str
    name: str
    kind: str
    values: tuple[str, ...]
    x: float
    y: float

    @property
    def height(self) -> float:
        return 14 + _LINE * (1 + bool(self.kind) + len(self.values))


def draw(here: Neighbourhood) -> str:
    """Draw a neighbourhood as a whole SVG file; it fetches nothing and runs nothing."""
    boxes = {box.node: box for box in _placed(here)}
    right = max(box.x for box in boxes.values()) + _WIDTH + _MARGIN
    bottom = max(box.y + box.height for box in boxes.values()) + _MARGIN
    title = f"Around {clean(called(here, here.centre))}"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{right:.0f}" height="{bottom:.0f}" '
        f'viewBox="0 0 {right:.0f} {bottom:.0f}" role="img">',
        f"<title>{escape(title)}</title><style>{_STYLE}</style>",
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" '
        'markerHeight="8" orient="auto"><path d="M0 0L8 4L0 8z" '
        'style="fill:var(--line);stroke:none"/></marker></defs>',
    ]
    lines, labels = zip(*_edges(here, boxes), strict=True) if here.links else ((), ())
    parts += [*lines, *(_drawn(here, box) for box in boxes.values()), *labels, "</svg>"]
    return "\n".join(parts)


def page(here: Neighbourhood) -> str:
    """Put the drawing into a page of its own."""
    name = escape(clean(called(here, here.centre)))
    more = f"<p>{here.left_off} more links are not shown.</p>" if here.left_off else ""
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "style-src 'unsafe-inline'\">"
        f'<title>{name}</title><body style="margin:24px;font:16px system-ui,sans-serif">'
        f"<h1>{name}</h1><p><code>{escape(here.centre)}</code></p>{more}"
        f'<div style="overflow-x:auto">{draw(here)}</div></body></html>\n'
    )


def _placed(here: Neighbourhood) -> Iterator[_Box]:
    """Place nodes in columns by their distance, each column centred."""
    level = levels(here)
    columns: dict[int, list[_Box]] = defaultdict(list)
    for node in level:  # in the order in which they were reached
        values = tuple(
            f"{short_name(link.predicate)}: {clean(link.target)}"
            for link in here.links
            if link.literal and link.source == node and link.target != here.names.get(node)
        )
        shown = values[:8] + ((f"… {len(values) - 8} more",) if len(values) > 8 else ())
        name = clean(called(here, node))
        columns[level[node]].append(_Box(node, name, here.kinds.get(node, ""), shown, 0, 0))
    heights = {c: sum(b.height + _ROW for b in boxes) - _ROW for c, boxes in columns.items()}
    tallest, first = max(heights.values()), min(columns)
    for column, boxes in sorted(columns.items()):
        y = _MARGIN + (tallest - heights[column]) / 2
        for box in boxes:
            x = _MARGIN + (column - first) * (_WIDTH + _GAP)
            yield _Box(box.node, box.name, box.kind, box.values, x, y)
            y += box.height + _ROW


def _edges(here: Neighbourhood, boxes: dict[str, _Box]) -> Iterator[tuple[str, str]]:
    """Yield line and label of each link; links between the same two nodes share one."""
    shared: dict[tuple[str, str], list[Link]] = defaultdict(list)
    for link in here.links:
        if not link.literal and link.source in boxes and link.target in boxes:
            shared[link.source, link.target].append(link)
    if not shared:
        yield "", ""
    for (source, target), links in shared.items():
        a, b = boxes[source], boxes[target]
        label = ", ".join(dict.fromkeys(short_name(link.predicate) for link in links))
        ahead = b.x > a.x
        x1 = a.x + _WIDTH if ahead else a.x
        x2 = b.x if ahead or b.x == a.x else b.x + _WIDTH
        y1, y2 = a.y + min(a.height, 40) / 2, b.y + min(b.height, 40) / 2
        bend = 70 if ahead else -70
        far = -bend if b.x != a.x else bend
        outer_is_target = abs(b.x - boxes[here.centre].x) >= abs(a.x - boxes[here.centre].x)
        x, y = (x2, y2) if outer_is_target else (x1, y1)
        side = "end" if (ahead if outer_is_target else not ahead) or b.x == a.x else "start"
        shift = -10 if side == "end" else 10
        yield (
            f'<path d="M{x1:.1f} {y1:.1f}C{x1 + bend:.1f} {y1:.1f} {x2 + far:.1f} {y2:.1f} '
            f'{x2:.1f} {y2:.1f}" marker-end="url(#tip)"/>',
            f'<text class="edge" x="{x + shift:.1f}" y="{y - 4:.1f}" text-anchor="{side}">'
            f"{escape(_short(label, _GAP - 20))}</text>",
        )


def _drawn(here: Neighbourhood, box: _Box) -> str:
    kind = ' class="centre"' if box.node == here.centre else ""
    lines = [("name", box.name)]
    lines += [("kind", box.kind)] if box.kind else []
    lines += [("kind", value) for value in box.values]
    texts = "".join(
        f'<text class="{style}" x="{box.x + 10:.1f}" y="{box.y + 20 + i * _LINE:.1f}">'
        f"{escape(_short(text, _WIDTH - 16))}<title>{escape(text)}</title></text>"
        for i, (style, text) in enumerate(lines)
    )
    return (
        f'<g{kind}><rect x="{box.x:.1f}" y="{box.y:.1f}" width="{_WIDTH}" '
        f'height="{box.height:.1f}" rx="5"><title>{escape(clean(box.node, 300))}</title></rect>'
        f"{texts}</g>"
    )


def _short(text: str, room: float) -> str:
    most = int(room / _LETTER)
    return text if len(text) <= most else f"{text[: most - 1]}…"
