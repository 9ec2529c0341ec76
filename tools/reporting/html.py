"""The report: one HTML file that opens anywhere, and the same story as JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ...evals.result import RunStory
from . import view, words
from .adapter import find_adapter, peft_snippet
from .files import write_whole
from .kinds import kind
from .templates import template

TEMPLATE = "report.html.j2"
MOST_LABELS = 40


def write_report(story: RunStory, folder: Path) -> Path:
    """Write report.html and report.json into a folder.

    The same story gives the same bytes. The page needs no network: styles and
    pictures are inside it, and it has no script.

    Args:
        story: The run; its texts are untrusted and are escaped.
        folder: Made if absent; files of those two names are replaced whole.

    Returns:
        Path of report.html.
    """
    page = render(story)
    write_whole(folder / "report.json", _json(story))
    write_whole(folder / "report.html", page)
    return folder / "report.html"


def restore_json(story: RunStory, folder: Path) -> None:
    """Write report.json anew where it is there and says something else."""
    path = folder / "report.json"
    if path.is_file() and path.read_bytes() != _json(story).encode():
        write_whole(path, _json(story))


def _json(story: RunStory) -> str:
    return story.model_dump_json(indent=2) + "\n"


def render(story: RunStory) -> str:
    """Fill the template; reads the model's folder to see whether it holds a PEFT adapter."""
    result = story.result
    metric = view.primary_metric(result)
    found = view.rungs(result, metric)
    report = template(TEMPLATE, clean=words.clean, capital=words.sentence_case, asked=words.asked)
    page = report.render(
        story=story,
        result=result,
        words=words,
        view=view,
        metric=metric,
        rungs=found,
        verdict=words.verdict(result),
        sure=view.how_sure(result),
        gains=[words.gain(c) for c in view.comparisons(result)],
        confused=_confused(story),
        by_label=view.by_label(story, MOST_LABELS),
        signatures=view.signature_line(story),
        kind=kind(result.task),
        snippet=_snippet(story),
        pictures=_pictures(story, metric, view.drawn(found)),
    )
    return page.lstrip()


def _snippet(story: RunStory) -> str | None:
    model = story.result.model
    adapter = find_adapter(Path(model)) if model else None
    if model is None or adapter is None:
        return None
    return peft_snippet(adapter, words.clean(model), base=None, labels=len(story.labels))


def _confused(story: RunStory) -> list[Any]:
    from .grids import MOST_CLASSES, most_confused

    many = len(story.labels) > MOST_CLASSES
    return list(most_confused(story.labels, story.confusion, 15 if many else 8))


def _pictures(story: RunStory, metric: str, found: list[view.Rung]) -> dict[str, Any]:
    """Draw what there is to draw: name -> wide and narrow SVG, safe to put into the page."""
    from markupsafe import Markup

    from . import grids, plots, provenance

    target = next(((t.op, t.value) for t in story.result.targets if t.metric == metric), None)
    classes = len(story.confusion)
    drawings: dict[str, Any] = {}
    if any(r.validation is not None or r.test is not None for r in found):
        drawings["ladder"] = lambda w: plots.ladder(found, metric, target, width=w)
    if any(c.points for c in story.curves):
        chosen = story.result.chosen
        drawings["curves"] = lambda w: plots.learning_curves(story.curves, chosen, width=w)
    if story.trials:
        drawings["trials"] = lambda w: plots.trials(story.trials, metric, width=w)
    if 0 < classes <= grids.MOST_CLASSES:
        drawings["confusion"] = lambda w: grids.confusion_matrix(
            story.labels, story.confusion, width=w
        )
    if story.label_counts:
        drawings["balance"] = lambda w: grids.label_balance(story.label_counts, width=w)
    if story.provenance:
        kept, tested = story.result.chosen or "", bool(story.result.test)
        drawings["provenance"] = lambda w: provenance.provenance(
            story.provenance,
            kept,
            story.source,
            tested=tested,
            width=w,
        )
    odd = story.odd
    if story.result.robustness:
        drawings["robustness"] = lambda w: plots.robustness(story.result.robustness, width=w)
    if odd is not None and odd.risk:
        drawings["risk"] = lambda w: plots.risk_curve(odd, width=w)
    if any(s.seconds > 0 for s in story.steps):
        drawings["steps"] = lambda w: grids.step_seconds(story.steps, width=w)
    return {
        name: {"wide": Markup(draw(plots.WIDE)), "narrow": Markup(draw(plots.NARROW))}
        for name, draw in drawings.items()
    }
