"""What is taken out of a sentence: data, columns, base model, seed, targets, budget."""

from __future__ import annotations

import re

from ...evals.metrics import METRICS, PASS_AT
from ...evals.targets import parse_target
from .commands import HOLE
from .quantities import DURATION, NUMBER, number, seconds
from .requests import (
    AnyRequest,
    DropTargets,
    SetBaseModel,
    SetBudget,
    SetColumns,
    SetKnowledge,
    SetSeed,
    SetTargets,
    UseData,
)

_PATH = re.compile(
    r"[\"'“‘«]([^\"'”’»]+[./][^\"'”’»]*)[\"'”’»]"
    r"|(?<![\w=])((?:~|\.{1,2})?/?[^\s\"',;:()<>=]+"
    r"\.(?:csv|tsv|jsonl|ndjson|parquet|json|txt|xlsx?|arrow|gz|zip))(?![\w/])"
    r"|(?<!\S)((?:~|\.{1,2})?/[^\s\"',;()<>=]+)"
    r"|\b(?:folder|directory)\s+(?:called |named )?([\w.~/-]*\w)"
    r"|(?<=[^\w/])([\w.-]+/[\w./-]*\w)/?(?=[\s,;.!?]|$)",
    re.IGNORECASE,
)
_NO_FOLDER = {"is", "with", "of", "and", "in", "the"}


def take_data(rest: str, found: list[AnyRequest]) -> str:
    """A path."""
    for match in _PATH.finditer(f" {rest}"):
        path = next(g for g in match.groups() if g)
        if path.lower() not in _NO_FOLDER:
            found.append(UseData(data=path.rstrip(".,")))
            return f" {rest}".replace(match[0], f" {HOLE} ", 1)
    return rest


_COLUMN = re.compile(
    r"\b(?:the )?(text|label)s?(?: column)? (?:is|are|=|stands? in|comes? from)(?: in)?(?: the)?"
    r"(?: column)?(?: called| named)? [\"'“]?([\w-]+)[\"'”]?(?: column)?"
    r"|\bcolumn [\"'“]?([\w-]+)[\"'”]? (?:is|has|holds) the (text|label)s?",
    re.IGNORECASE,
)


def take_columns(rest: str, found: list[AnyRequest]) -> str:
    """Which column is the text, which the label."""
    for match in _COLUMN.finditer(rest):
        which, name = (match[1], match[2]) if match[1] else (match[4], match[3])
        found.append(SetColumns(**{which.lower(): name}))
    return _COLUMN.sub(HOLE, rest)


_BASE = re.compile(
    r"\b(?:the )?base[ -]model(?: is| to| =|:)? (?P<a>[\w.:/~-]*\w)"
    r"|\b(?:use|take) (?P<b>[\w.:/~-]*\w) as (?:the |a )?base(?:[ -]model)?",
    re.IGNORECASE,
)


def take_base(rest: str, found: list[AnyRequest]) -> str:
    """The base model."""
    match = _BASE.search(rest)
    if match is None:
        return rest
    name = match["a"] or match["b"]
    found.append(SetBaseModel(base_model="builtin:minilm" if name.lower() == "minilm" else name))
    return rest[: match.start()] + f" {HOLE} " + rest[match.end() :]


_FILE = r"(?P<{}>[^\s\"'“”]+\.(?:ttl|nt|rdf|owl|xml|jsonld|json|csv|tsv)(?:\.gz)?)"
_KNOWLEDGE = re.compile(
    r"\b(?:the |my )?(?:domain )?(?:knowledge|taxonomy|glossary)(?: file)?"
    rf"(?: is| stands)?(?: in| from|:| =)? [\"'“]?{_FILE.format('a')}[\"'”]?"
    rf"|\b(?:use|take|with) [\"'“]?{_FILE.format('b')}[\"'”]? as"
    r" (?:the |my |a )?(?:domain )?(?:knowledge|taxonomy|glossary)",
    re.IGNORECASE,
)


def take_knowledge(rest: str, found: list[AnyRequest]) -> str:
    """Files of domain knowledge."""
    found += [SetKnowledge(file=m["a"] or m["b"]) for m in _KNOWLEDGE.finditer(rest)]
    return _KNOWLEDGE.sub(HOLE, rest)


_SEED = re.compile(r"\bseed(?: is| to| of| =|:)?\s*=?\s*(\d{1,9})\b", re.IGNORECASE)


def take_seed(rest: str, found: list[AnyRequest]) -> str:
    """The seed."""
    found += [SetSeed(seed=int(m[1])) for m in _SEED.finditer(rest)]
    return _SEED.sub(HOLE, rest)


# Names of metrics as people say them; the first that fits counts.
NAMES = {
    "micro_f1": r"micro[ _-]?(?:averaged )?f1(?:[ -]?score)?",
    "weighted_f1": r"weighted[ _-]?(?:averaged )?f1(?:[ -]?score)?",
    "macro_f1": r"(?:macro[ _-]?(?:averaged )?)?f1(?:[ _-]?macro|[ -]?score)?|f[ -]score",
    "no_answer_f1": r"no[ _-]answer[ _-]f1",
    "control_accuracy": r"control[ _]accuracy",
    "intent_accuracy": r"intent[ _]accuracy",
    "slot_accuracy": r"slot[ _]accuracy",
    "robust_accuracy": r"robust[ _]accuracy|robustness",
    "accuracy": r"accuracy|acc",
    "exact_match": r"exact[ _]match(?:es)?|em",
    "bleu": r"bleu(?:[ -]score)?",
    "chrf": r"chr-?f",
    "rouge1": r"rouge[ _-]?1",
    "rouge2": r"rouge[ _-]?2",
    "rougeL": r"rouge(?:[ _-]?l)?",
    **{f"pass_at_{k}": rf"pass(?:_at_|@| at ){k}(?!\d)" for k in PASS_AT},
    "perplexity": r"perplexity|ppl",
    "spearman": r"spearman(?:'s)?(?: correlation)?",
    "map": r"(?:mean )?average precision|map",
    "mcc": r"mcc|matthews(?: correlation)?(?: coefficient)?",
    "ece": r"ece|(?:expected )?calibration error",
    "latency_p95_ms": r"latency_p95_ms|(?:p95 )?latency(?: \(?p95\)?)?|(?:response|answer) times?",
    "size_mb": r"size_mb|(?:model )?size",
}
_METRIC = "|".join(f"(?P<{name}>{words})" for name, words in NAMES.items())
_LEAST = (
    r"(?:no|not|never|nothing) (?:\w+ )?(?:less|lower|worse|below|under|smaller)(?: than)?"
    r"|at least|above|over|more than|greater than|better than|higher than|exceed(?:s|ing)?"
    r"|minimum(?: of)?|>=?|reach(?:es)?|beats?"
)
_MOST = (
    r"(?:no|not|never|nothing) (?:\w+ )?(?:more|higher|above|over|larger|bigger|slower|greater|"
    r"longer)(?: than)?|at most|below|under|less than|lower than|smaller than|faster than|"
    r"quicker than|within|up to|maximum(?: of)?|<=?"
)
_LINK = (
    r"(?:of|to|be|is|are|should|must|has|have|a|an|the|to be|=|:|target|goal|score|get|it|in|by|"
    r"stay|stays|fall|drop|go)"
)
_BOUND = rf"(?:(?P<least>{_LEAST})|(?P<most>{_MOST}))"
_MILLIS, _MEGA = r"ms\b|milliseconds?\b", r"mb\b|megabytes?\b|gb\b|gigabytes?\b"
_UNIT = rf"(?P<unit>%|percent\b|per cent\b|{_MILLIS}|s\b|seconds?\b|{_MEGA})"
_VALUE = rf"(?P<value>{NUMBER})\s*{_UNIT}?"
_AFTER = r"(?P<after>\s+(?:or (?:more|better|higher|less|lower|faster|smaller)|at least|at most))?"
_METRIC_FIRST = (
    rf"\b(?:{_METRIC})(?:\s+{_LINK})*?\s*(?:{_BOUND})?(?:\s+{_LINK})*?\s*{_VALUE}{_AFTER}"
)
_VALUE_FIRST = (
    rf"(?:{_BOUND}\s*)?(?:\b(?:a|an)\s+)?{_VALUE}(?:\s+(?:of|in|for|on))?(?:\s+the)?\s+"
    rf"(?:{_METRIC})(?!\w)"
)
_UNIT_ALONE = rf"(?:{_BOUND}\s*)?(?P<value>{NUMBER})\s*(?P<unit>{_MILLIS}|{_MEGA}){_AFTER}"
_TARGETS = [re.compile(p, re.IGNORECASE) for p in (_METRIC_FIRST, _VALUE_FIRST, _UNIT_ALONE)]
_SLOW = re.compile(
    r"(?:answers?|respond\w*|predict\w*|classif\w+) (?:\w+ ){0,2}?"
    rf"(?P<bound>{_MOST}|in)\s+(?P<value>{NUMBER})\s*(?P<unit>s|seconds?)\b",
    re.IGNORECASE,
)
_ONLY = re.compile(r"\b(?:only|just|instead|nothing else)\b", re.IGNORECASE)


def take_targets(rest: str, found: list[AnyRequest]) -> str:
    """Targets; one that can never be met raises TargetError."""
    targets: list[str] = []

    def take(match: re.Match[str]) -> str:
        targets.append(_target(match))
        return f" {HOLE} "

    for pattern in (*_TARGETS[:2], _SLOW, _TARGETS[2]):
        rest = pattern.sub(take, rest)
    if targets:
        for target in targets:
            parse_target(target)
        found.append(SetTargets(targets=tuple(targets), only=bool(_ONLY.search(rest))))
    return rest


def _target(match: re.Match[str]) -> str:
    """Write a target as a run knows it."""
    groups = match.groupdict()
    unit = (groups.get("unit") or "").lower()
    metric = next((name for name in NAMES if groups.get(name)), None)
    if metric is None:
        metric = "size_mb" if unit[:1] in {"g"} or unit[:2] in {"mb", "me"} else "latency_p95_ms"
    value = number(groups["value"])
    if METRICS[metric].unit == "":
        value = value / 100 if unit in {"%", "percent", "per cent"} or 1 < value <= 100 else value
    elif unit in {"s", "second", "seconds"} or unit.startswith("g"):
        value *= 1000
    after = groups.get("after") or ""
    if groups.get("least") or re.search(r"more|better|higher|least", after):
        op = ">="
    elif groups.get("most") or re.search(r"less|lower|faster|smaller|most", after):
        op = "<="
    else:
        op = ">=" if METRICS[metric].direction == "higher" else "<="
    return f"{metric}{op}{round(value, 10):g}"


DROP = re.compile(
    r"\b(?:drop|remove|forget|ignore|delete|skip)(?: about)? (?:the |my |all )?"
    rf"(?:targets?|goals?|(?:{_METRIC})(?: (?:target|goal)s?)?)|\bno targets?\b",
    re.IGNORECASE,
)


def take_dropped(rest: str, found: list[AnyRequest]) -> str:
    """Targets that are taken back."""
    for match in DROP.finditer(rest):
        metric = next((n for n in NAMES if match.groupdict().get(n)), None)
        found.append(DropTargets(metric=metric))
    return DROP.sub(HOLE, rest)


_MORE = r"(?P<before>another|extra|additional)\s+"
_TIME = re.compile(
    rf"(?:{_MORE})?(?P<time>{DURATION})(?P<after>\s+(?:more|longer|extra))?"
    r"(?!\s*(?:ago|old|less|fewer))",
    re.IGNORECASE,
)
_MORE_FIRST = re.compile(
    rf"(?P<time>{NUMBER}) more (?P<unit>hours?|minutes?|mins?)\b", re.IGNORECASE
)
_ANOTHER = re.compile(r"\b(?:another|one more) (hour|minute)\b", re.IGNORECASE)
UNLIMITED = re.compile(
    r"\b(?:no (?:time )?(?:limit|budget)|without (?:a )?(?:time )?limit|unlimited(?: time| budget)?"
    r"|as long as it takes|take (?:all )?(?:your|the) time(?: you need)?|all the time you need)\b",
    re.IGNORECASE,
)


def take_budget(rest: str, found: list[AnyRequest]) -> str:
    """Time: so much in all, so much more, or no limit."""
    if UNLIMITED.search(rest):
        found.append(SetBudget(seconds=None))
        return UNLIMITED.sub(HOLE, rest)
    first = _MORE_FIRST.search(rest)
    if first is not None:
        span = seconds(f"{first['time']} {first['unit']}")
        found.append(SetBudget(seconds=span, more=True))
        return rest[: first.start()] + f" {HOLE} " + rest[first.end() :]
    another = _ANOTHER.search(rest)
    if another is not None:
        found.append(SetBudget(seconds=seconds(f"one {another[1]}"), more=True))
        return _ANOTHER.sub(HOLE, rest)
    match = _TIME.search(rest)
    if match is None or seconds(match["time"]) <= 0:
        return rest
    more = bool(match["before"] or match["after"]) or bool(
        re.search(r"\b(?:add|extend\w*)\b", rest[: match.start()], re.IGNORECASE)
    )
    found.append(SetBudget(seconds=seconds(match["time"]), more=more))
    return rest[: match.start()] + f" {HOLE} " + rest[match.end() :]
