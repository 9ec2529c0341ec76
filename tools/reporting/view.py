"""What the report shows, worked out from the story: rows, sentences and pictures, no HTML."""

from __future__ import annotations

import json
import math
import shlex
from collections.abc import Mapping
from dataclasses import dataclass

from ...evals.anomaly import ODD_METRICS
from ...evals.measures.robust import NAMES as ROBUST
from ...evals.metrics import METRICS
from ...evals.result import (
    CandidateResult,
    Comparison,
    LabelResult,
    RankedBase,
    Robustness,
    RunResult,
    RunStory,
    TrialRecord,
)
from .kinds import kind
from .words import (
    MISSING,
    clean,
    duration,
    gain,
    listing,
    metric_name,
    number,
    sentence_case,
    straddles,
)

MOST_RUNGS = 16
_FALLBACKS = ("macro_f1", "accuracy")


@dataclass(frozen=True)
class Rung:
    """One model on the ladder; None where a split was not measured.

    Attributes:
        name: As shown.
        kind: "baseline" or the candidate's strategy; baselines are drawn in grey.
        validation, test: Scores on the primary metric.
        ci: Interval of `test`.
        chosen: The model that was kept.
        seconds: What it took; None where not recorded.
        settings: One line, "" where there are none.
    """

    name: str
    kind: str
    validation: float | None = None
    test: float | None = None
    ci: tuple[float, float] | None = None
    chosen: bool = False
    seconds: float | None = None
    settings: str = ""


def primary_metric(result: RunResult) -> str:
    """Choose the metric that the pictures compare on.

    The first target on quality says what the user cares about; without one, what
    was compared, then a customary metric, then whatever was measured.
    """
    quality = [t.metric for t in result.targets if not _apart(t.metric)]
    if quality:
        return quality[0]
    compared = [c.metric for c in comparisons(result)]
    measured = [*result.test, *(m for c in result.candidates for m in c.validation)]
    usual = [m for m in _FALLBACKS if m in measured]
    return (compared + usual + measured + list(_FALLBACKS))[0]


def comparisons(result: RunResult) -> list[Comparison]:
    """Return every comparison, the main one first and once."""
    rest = [c for c in result.comparisons if c != result.comparison]
    return [result.comparison, *rest] if result.comparison else rest


def rungs(result: RunResult, metric: str) -> list[Rung]:
    """Put baselines and candidates in one list, in the order tried.

    A rung that is both (a cheap model kept as a candidate) is listed once, with
    the scores of both splits.
    """
    on_test = {b.name: b.test.get(metric) for b in result.baselines}
    names = {c.name for c in result.candidates}
    baselines = [
        Rung(b.name, "baseline", test=b.test.get(metric), chosen=b.name == result.chosen)
        for b in result.baselines
        if b.name not in names
    ]
    return baselines + [_candidate(c, result, metric, on_test) for c in result.candidates]


def drawn(found: list[Rung]) -> list[Rung]:
    """Keep what a picture can hold: the baselines, the kept model, then the best candidates."""
    if len(found) <= MOST_RUNGS:
        return found

    def worth(rung: Rung) -> tuple[bool, bool, float]:
        score = rung.validation if rung.validation is not None else -math.inf
        return (rung.chosen, rung.kind == "baseline", score)

    best = sorted(found, key=worth, reverse=True)[:MOST_RUNGS]
    return [rung for rung in found if rung in best]


def how_sure(result: RunResult) -> list[str]:
    """Say how far the verdict can be trusted: the gain, and targets inside their interval."""
    main = result.comparison or next(iter(result.comparisons), None)
    found = [gain(main).sentence] if main else []
    found += [s for t in result.targets if (s := straddles(t))]
    if not found and result.chosen:
        found = ["No comparison with a baseline was made, so no gain can be claimed."]
    return found


def data_line(story: RunStory) -> str:
    """Describe the data in one line: "3,000 rows, 10 labels (train 2,400, …)"."""
    total = sum(story.rows.values())
    splits = ", ".join(f"{name} {n:,}" for name, n in story.rows.items())
    parts = [f"{total:,} rows"] if story.rows else []
    parts += [counted(len(story.labels), story.per_label_of)] if story.labels else []
    return ", ".join(parts) + (f" ({splits})" if splits else "")


def counted(n: int, what: str) -> str:
    """Write a number of things: "1 label", "9 relations"."""
    return f"{n:,} {what}{'' if n == 1 else 's'}"


def answered_by(story: RunStory) -> str:
    """Name the kept model with its strategy and what it was built on."""
    result = story.result
    if not result.chosen:
        return "no model"
    chosen = next((c for c in result.candidates if c.name == result.chosen), None)
    strategy = chosen.strategy.replace("_", " ") if chosen else ""
    strategy = "" if strategy.lower() in result.chosen.lower() else f" ({strategy})"
    base = f"on {result.base_model}" if story.on_base else "without a base model"
    return clean(f"{result.chosen}{strategy}, {base}", 160)


def by_label(story: RunStory, most: int) -> list[LabelResult]:
    """Return the labels that the test split asks for, weakest F1 first, at most so many."""
    asked = [r for r in story.per_label if r.support]
    return sorted(asked, key=lambda r: (r.f1, r.name))[:most]


def signature_line(story: RunStory) -> str:
    """Say how exactly the metrics that leave a choice were computed; "" where none does."""
    said = (f"{clean(metric_name(m), 40)}: {clean(s, 200)}" for m, s in story.signatures.items())
    return "; ".join(said)


def settings_line(settings: Mapping[str, object], limit: int = 160) -> str:
    """Write settings as "rank 16, learning_rate 0.001"."""
    return clean(", ".join(f"{k} {_short(v)}" for k, v in settings.items()), limit)


def ranking_line(ranked: RankedBase) -> str:
    """Write the scores of a base model that was ranked, or why it has none."""
    if ranked.note:
        return clean(f"not ranked: {ranked.note}", 160)
    names = {"log_me": "LogME", "h_score": "H-score", "nll_per_character": "loss a character"}
    return ", ".join(f"{names.get(n, n)} {v:.4f}" for n, v in ranked.scores.items())


def arguments_line(arguments: Mapping[str, object]) -> str:
    """Write a tool call's arguments as one line of JSON."""
    return clean(json.dumps(arguments, ensure_ascii=False, sort_keys=True, default=str), 400)


def predict_command(model: str, task: str) -> str:
    """Write the command that answers new rows."""
    files = kind(task)
    return f"tuneos predict {shlex.quote(clean(model))} {files.asks} --output {files.gives}"


def ladder_summary(found: list[Rung], metric: str) -> str:
    """Tell the ladder in words, for who cannot see the picture."""
    scored = [(r, v) for r in found if (v := _score(r)) is not None and math.isfinite(v)]
    if not scored:
        return "Nothing was measured."
    lower = metric in METRICS and METRICS[metric].direction == "lower"
    ordered = sorted(scored, key=lambda item: item[1], reverse=not lower)[:3]
    best = listing(
        f"{clean(r.name, 60)} {number(metric, v)} on {'validation' if r.test is None else 'test'}"
        for r, v in ordered
    )
    return f"Best on {metric_name(metric)}: {best}."


def best_trials(records: list[TrialRecord], metric: str, most: int = 5) -> list[TrialRecord]:
    """Return the complete trials with the best values, best first."""
    done = [r for r in records if r.state == "complete" and r.value is not None]
    lower = metric in METRICS and METRICS[metric].direction == "lower"
    return sorted(done, key=lambda r: ((r.value or 0) * (1 if lower else -1), r.number))[:most]


def seconds(value: float | None) -> str:
    """Write seconds as a span, a dash where they were not recorded."""
    return MISSING if value is None else duration(value)


def _candidate(
    c: CandidateResult, result: RunResult, metric: str, on_test: Mapping[str, float | None]
) -> Rung:
    chosen = c.name == result.chosen
    target = next((t for t in result.targets if t.metric == metric), None)
    return Rung(
        c.name,
        "baseline" if c.name in on_test else c.strategy,
        validation=c.validation.get(metric),
        test=result.test.get(metric, on_test.get(c.name)) if chosen else on_test.get(c.name),
        ci=target.ci if chosen and target else None,
        chosen=chosen,
        seconds=c.seconds,
        settings=settings_line({**c.settings, **({"data": c.data} if c.data else {})}),
    )


def _score(rung: Rung) -> float | None:
    return rung.test if rung.test is not None else rung.validation


def _short(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _apart(metric: str) -> bool:
    """Measured of other things than the answers to the rows: costs, odd or rewritten rows."""
    return _has_unit(metric) or metric in ODD_METRICS or metric in ROBUST


def _has_unit(metric: str) -> bool:
    return metric in METRICS and bool(METRICS[metric].unit)


def odd_sentences(story: RunStory) -> list[str]:
    """Say how odd inputs are told, how well, and what calibration did."""
    odd = story.odd
    if odd is None:
        return []
    name = odd.score.replace("_", " ")
    by = {
        "rows": "chosen by the rows out of the domain that were given",
        "classes": "chosen by classes left out in turn, which the encoder knew: no promise",
    }.get(odd.judged_by, "without rows to choose by")
    figures = ", ".join(f"{n.replace('_', ' ')} {v:.3f}" for n, v in odd.judged.items())
    found = [f"An input's oddness is its {name}, {by}{f' (AUROC: {figures})' if figures else ''}."]
    shown = "" if odd.called_odd is None else f"; of the test rows {odd.called_odd:.1%} were"
    found.append(
        f"The model abstains where an input is odder than {1 - odd.false_alarms:.0%} of validation "
        f"rows, so that about {odd.false_alarms:.0%} of usual inputs are called odd{shown}."
    )
    test = story.result.test
    if "ood_auroc" in test:
        found.append(
            f"On held-back rows out of the domain: AUROC {test['ood_auroc']:.4f}, and "
            f"{test['ood_fpr95']:.1%} false alarms where 95% of them are found."
        )
    if odd.link == "sigmoid" and odd.risk:
        found.append(
            "Below, an answer is wrong unless all its labels are right and none is missing."
        )
    if odd.link != "number":
        of = " over the labels" if odd.link == "sigmoid" else ""
        found.append(
            f"Probabilities are made at a temperature of {odd.temperature:.2f}: calibration "
            f"error{of} on validation {odd.ece_before:.3f} without and {odd.ece_after:.3f} with it."
        )
    return found


def robust_models(result: RunResult) -> list[tuple[str, str]]:
    """Name the models whose answers to rows written otherwise were looked at, for a table."""
    return [(_called(found), "n") for found in result.robustness]


def robust_rows(result: RunResult) -> list[tuple[str, list[tuple[str, str]]]]:
    """The shares of right answers by how rows are written, one for each model."""
    found: dict[str, list[tuple[str, str]]] = {}
    for model in result.robustness:
        shares = [*((s.name, s) for s in model.under), ("all of these", model.robust_accuracy)]
        for name, share in shares:
            said = f"{share.value:.3f} [{share.ci[0]:.3f}, {share.ci[1]:.3f}]"
            found.setdefault(name, []).append((_called(model), said))
    return list(found.items())


def robust_sentences(result: RunResult) -> list[str]:
    """Say how many rows bear being written otherwise, and what the attack came to."""
    found = []
    for model in result.robustness:
        said = (
            f"{sentence_case(_called(model))}: {model.robust_accuracy.value:.1%} of {model.rows} "
            "rows are answered rightly as they are and under every perturbation"
        )
        attack = model.attack
        if attack is not None:
            words = (
                ""
                if attack.words is None
                else f", with {attack.words:.0%} of a row's words swapped"
            )
            said += (
                f"; the word-swap attack leaves {attack.after.value:.1%} of {attack.rows} rows "
                f"right, {attack.before:.1%} before it{words}"
            )
        found.append(f"{said}.")
    return found


def _called(model: Robustness) -> str:
    return "this model" if model.model == "chosen" else clean(model.model.replace("_", " "), 60)
