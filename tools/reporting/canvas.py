"""A surface to draw on: matplotlib without pyplot, saved as SVG that lives inside a page.

Colours are placeholders that become CSS variables, so one picture serves the
light and the dark scheme. Nothing in the SVG depends on the time or on chance.
Import this module only where a picture is drawn: matplotlib takes half a second.
"""

from __future__ import annotations

import io
import re
import unicodedata
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from xml.etree import ElementTree

import matplotlib
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from .words import clean

INK, MUTED, LINE, PAPER = "#010101", "#020202", "#030303", "#040404"
BLUE, RED, GREEN, AMBER, PURPLE = "#050505", "#060606", "#070707", "#080808", "#090909"
SERIES = (BLUE, RED, GREEN, PURPLE, AMBER)
_VARIABLES = {
    INK: "var(--ink)",
    MUTED: "var(--muted)",
    LINE: "var(--line)",
    PAPER: "var(--paper)",
    BLUE: "var(--blue)",
    RED: "var(--red)",
    GREEN: "var(--green)",
    AMBER: "var(--amber)",
    PURPLE: "var(--purple)",
}
CHARACTER = 6.9  # px, a generous mean width of one letter at 12 px
_STYLE = {
    "figure.dpi": 72,
    "savefig.dpi": 72,  # one point is one pixel of the page
    "svg.fonttype": "none",
    "text.parse_math": False,  # a "$" in a label is a dollar
    "text.usetex": False,
    "font.family": "DejaVu Sans",
    "font.size": 12,
    "text.color": INK,
    "axes.facecolor": "none",
    "axes.edgecolor": LINE,
    "axes.labelcolor": MUTED,
    "axes.labelsize": 12,
    "axes.titlesize": 12,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.axisbelow": True,
    "axes.formatter.useoffset": False,
    "axes.unicode_minus": True,
    "grid.color": LINE,
    "grid.linewidth": 1,
    "xtick.color": LINE,
    "ytick.color": LINE,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": MUTED,
    "xtick.labelsize": 12,
    "ytick.labelsize": 12,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "figure.facecolor": "none",
    "savefig.facecolor": "none",
    "savefig.edgecolor": "none",
}


class Canvas:
    """A figure measured in CSS pixels."""

    def __init__(self, name: str, width: int, height: int) -> None:
        self.name, self.width, self.height = f"{name}-{width}", width, height
        self.figure = Figure(figsize=(width / 72, height / 72))
        FigureCanvasSVG(self.figure)

    def axes(self, *, left: float = 0, right: float = 0, top: float = 0, bottom: float = 0) -> Any:
        """Add axes with these margins in pixels."""
        w, h = self.width, self.height
        return self.figure.add_axes(
            (left / w, bottom / h, (w - left - right) / w, (h - top - bottom) / h)
        )

    def overlay(self) -> Any:
        """Add invisible axes over all, in pixels from the top left, for labels and legends."""
        axes = self.axes()
        axes.set(xlim=(0, self.width), ylim=(self.height, 0))
        axes.axis("off")
        return axes

    def svg(self, title: str) -> str:
        """Render as an inline <svg> element with this title for screen readers."""
        drawn = io.StringIO()
        with warnings.catch_warnings():
            # The browser has the fonts that matplotlib lacks; only its estimate of widths suffers.
            warnings.filterwarnings("ignore", message=".*[Gg]lyph.*")
            nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
            self.figure.savefig(drawn, format="svg", metadata=nothing)
        return inline(drawn.getvalue(), self.name, title)


@contextmanager
def canvas(name: str, width: int, height: int) -> Iterator[Canvas]:
    """Open a surface; draw and call `svg` inside the block, where the style holds."""
    with matplotlib.rc_context({**_STYLE, "svg.hashsalt": f"{name}-{width}"}):
        yield Canvas(name, width, height)


def inline(svg: str, name: str, title: str) -> str:
    """Turn a standalone SVG into an element for the page.

    Drops the prologue, metadata, style rules (they would reach the whole page)
    and unused ids, and puts CSS variables in place of the placeholder colours.
    """
    root = ElementTree.fromstring(svg)
    for parent in list(root.iter()):
        for child in list(parent):
            if _tag(child) in ("metadata", "style"):
                parent.remove(child)
    used = set(re.findall(r"#([\w.-]+)", " ".join(_references(root))))
    for element in root.iter():
        element.tag = _tag(element)
        element.text = element.text if element.tag == "text" else None
        element.tail = None
        element.attrib = {k: v for k, v in map(_attribute, element.attrib.items()) if v}
        if element.get("id", "") not in used:
            element.attrib.pop("id", None)
    for size in ("width", "height", "version"):
        root.attrib.pop(size, None)
    root.attrib |= {"role": "img", "aria-label": title, "data-plot": name}
    heading = ElementTree.Element("title")
    heading.text = title
    root.insert(0, heading)
    return ElementTree.tostring(root, encoding="unicode", short_empty_elements=False)


def short(text: str, room: float) -> str:
    """Shorten a label to the room it has, in pixels."""
    line, left = clean(text), max(4, int(room / CHARACTER))
    for i, letter in enumerate(line):
        left -= 2 if unicodedata.east_asian_width(letter) in "WF" else 1
        if left < 0:
            return clean(line, max(2, i))
    return line


def _tag(element: ElementTree.Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _references(root: ElementTree.Element) -> Iterator[str]:
    for element in root.iter():
        yield from (v for k, v in element.attrib.items() if not k.endswith("id"))


def _attribute(item: tuple[str, str]) -> tuple[str, str]:
    """Rename xlink:href, shorten numbers, and let the page choose fonts and colours."""
    key, value = item
    key = key.rpartition("}")[2]
    if key == "style":
        value = re.sub(r"font-family: [^;]+;? ?", "", value)
        value = re.sub(r"#0[0-9]0[0-9]0[0-9]", lambda m: _VARIABLES.get(m[0], m[0]), value)
    if key in ("d", "x", "y", "points") or (key == "transform" and "rotate(-0 " not in value):
        value = " ".join(re.sub(r"\d+\.\d+", lambda m: f"{float(m[0]):.2f}", value).split())
    elif key == "transform":
        value = ""
    return key, value
