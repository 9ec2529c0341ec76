"""The model card: a README.md that a hub, a program and a person can read."""

from __future__ import annotations

import re
from pathlib import Path, PurePath
from typing import Any

from ...evals.metrics import METRICS, PASS_AT
from ...evals.result import RunStory
from . import view, words
from .adapter import Adapter, find_adapter, peft_snippet
from .files import write_whole
from .kinds import kind
from .templates import template

TEMPLATE = "card.md.j2"
MOST_LABELS = 30  # in the table by label; the three weakest of more
HERE = "path/to/this/folder"  # a card travels: no path of this machine belongs in it
# Metric ids as model hubs list them; the others keep our own name.
_HUB_METRICS = {
    "accuracy": "accuracy",
    "macro_f1": "f1",
    "micro_f1": "f1",
    "weighted_f1": "f1",
    "mcc": "matthews_correlation",
    "no_answer_f1": "f1",
    "rouge1": "rouge",
    "rouge2": "rouge",
    "rougeL": "rouge",
    "spearman": "spearmanr",
    **{f"pass_at_{k}": f"pass@{k}" for k in PASS_AT},
    "control_accuracy": "accuracy",
    "intent_accuracy": "accuracy",
    "slot_accuracy": "accuracy",
}
_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>#|~$&!])")


def write_model_card(
    story: RunStory, folder: Path, *, base_model_hub_id: str | None, library: str
) -> Path:
    """Write README.md into the model's folder; nothing is sent anywhere.

    Language and licence are left out: the run knows neither. The card names the
    labels and the data's hash, never a text of the data.

    Args:
        story: The run that made the model.
        folder: The saved model's folder; an adapter in it is described.
        base_model_hub_id: The base model's public name; None where it has none.
        library: What loads the model: "peft", "transformers", "sklearn" or another.

    Returns:
        Path of README.md.
    """
    # Deferred: huggingface_hub takes a third of a second.
    from huggingface_hub import ModelCard

    data = card_data(story, base_model_hub_id=base_model_hub_id, library=library)
    body = _body(story, find_adapter(folder), base_model_hub_id)
    # The template of huggingface_hub would take the texts unescaped; this only joins and parses.
    card = ModelCard(f"---\n{data.to_yaml()}\n---\n\n{body}")
    write_whole(folder / "README.md", str(card).rstrip() + "\n")
    return folder / "README.md"


def card_data(story: RunStory, *, base_model_hub_id: str | None, library: str) -> Any:
    """Return the card's metadata as huggingface_hub's ModelCardData."""
    from huggingface_hub import EvalResult, ModelCardData

    source = _source(story)
    results = [
        EvalResult(
            task_type=kind(story.result.task).hub or story.result.task,
            task_name=words.sentence_case(story.result.task.replace("-", " ")),
            dataset_type=re.sub(r"[^\w.-]+", "-", source)[:96].strip("-.") or "data",
            dataset_name=source[:96],
            dataset_split="test",
            metric_type=_HUB_METRICS.get(metric, metric),
            metric_name=words.metric_name(metric),
            metric_value=round(value, 4),
            metric_args=_signed(story, metric),
        )
        for metric, value in story.result.test.items()
        if words.number(metric, value) != words.MISSING
    ]
    metrics = list(dict.fromkeys(_HUB_METRICS.get(m, m) for m in story.result.test if _quality(m)))
    return ModelCardData(
        base_model=base_model_hub_id,
        library_name=library,
        pipeline_tag=kind(story.result.task).hub or None,
        tags=["tuneos"],
        metrics=metrics or None,
        model_name=words.clean(story.result.run, 96),
        eval_results=results or None,
    )


def plain(text: str, limit: int = 300) -> str:
    """Make a text safe in a line or a table cell of Markdown."""
    return _MARKDOWN.sub(r"\\\1", words.clean(text, limit)).replace("\\<", "&lt;")


def code(text: str) -> str:
    """Make a text safe between backticks."""
    return words.clean(text, 200).replace("`", "'")


def fenced(text: str) -> str:
    """Put code in a fence longer than any run of backticks in it."""
    fence = "`" * max(3, *(len(run) + 1 for run in re.findall(r"`+", text)), 3)
    language = "python" if "import " in text else "bash"
    return f"{fence}{language}\n{text}\n{fence}"


def _body(story: RunStory, adapter: Adapter | None, base_model_hub_id: str | None) -> str:
    # HTML escaping would spoil Markdown, so the template marks every text from outside `| plain`.
    card = template(
        TEMPLATE,
        autoescape=False,
        plain=plain,
        fenced=fenced,
        clean_code=code,
        capital=words.sentence_case,
    )
    result = story.result
    metric = view.primary_metric(result)
    chosen = next((c for c in result.candidates if c.name == result.chosen), None)
    return card.render(
        story=story,
        result=result,
        words=words,
        view=view,
        metric=metric,
        verdict=words.verdict(result),
        chosen=chosen,
        intervals={t.metric: t.ci for t in result.targets if t.ci},
        rungs=[r for r in view.rungs(result, metric) if r.kind == "baseline" or r.chosen],
        gains=[words.gain(c).sentence for c in view.comparisons(result)],
        straddles=[s for t in result.targets if (s := words.straddles(t))],
        by_label=view.by_label(story, MOST_LABELS),
        signatures=view.signature_line(story),
        kind=kind(result.task),
        base=base_model_hub_id or PurePath(result.base_model).name,
        predict=view.predict_command(HERE, result.task),
        source=_source(story),
        snippet=adapter
        and peft_snippet(
            adapter,
            HERE,
            base=base_model_hub_id or "path/to/the/base/model",
            labels=len(story.labels),
        ),
    )


def _signed(story: RunStory, metric: str) -> dict[str, str] | None:
    said = story.signatures.get(metric)
    return {"signature": words.clean(said, 200)} if said else None


def _source(story: RunStory) -> str:
    """Return the data's name without the folders above it."""
    return PurePath(words.clean(story.source).rstrip("/")).name or "data"


def _quality(metric: str) -> bool:
    return metric not in METRICS or not METRICS[metric].unit
