"""The page of `tuneos explain RUN`: facts in prose, each with its IRI, and the provenance graph."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import words
from .files import write_whole as write_whole
from .templates import template

if TYPE_CHECKING:
    from ..attribution.attributed import Attribution
    from ..knowledge.explanation import Explanation


def write_why_page(found: Explanation, path: Path) -> None:
    """Write a page that needs no network; all texts are escaped."""
    from ..knowledge.asked import together

    read = found.model_copy(update={"facts": tuple(together(found.facts))})
    write_whole(path, page("why.html.j2", found=read, picture=_picture(found)))


def page(name: str, **shown: Any) -> str:
    """Fill one of the templates of this folder."""
    return template(name, clean=words.clean).render(**shown).lstrip()


def tinted(found: Attribution, field: str, text: str) -> list[tuple[str, float]]:
    """A text in pieces, each with its share of the strongest word's attribution, -1 to 1."""
    words = sorted((w for w in found.words if w.field == field), key=lambda w: w.start)
    most = max((abs(w.value) for w in found.words), default=0.0) or 1.0
    pieces: list[tuple[str, float]] = []
    at = 0
    for word in words:
        if word.start > at:
            pieces.append((text[at : word.start], 0.0))
        pieces.append((text[word.start : word.end], word.value / most))
        at = word.end
    return [*pieces, (text[at:], 0.0)] if at < len(text) else pieces


def _picture(found: Explanation) -> dict[str, Any]:
    from markupsafe import Markup

    from .plots import NARROW, WIDE
    from .provenance import provenance

    opened = any("opened" in f.about for f in found.facts)
    return {
        name: Markup(
            provenance(found.steps, found.chosen, found.source, tested=opened, width=width)
        )
        for name, width in (("wide", WIDE), ("narrow", NARROW))
    }
