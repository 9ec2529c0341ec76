"""Plain words into typed requests: rules alone, no model. What they don't cover is left unclear."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from ...evals.metrics import METRICS
from ...evals.targets import parse_target
from .quantities import DURATION, NUMBER, number, seconds
from .requests import (
    AnyRequest,
    CheckData,
    Courtesy,
    DropTargets,
    Go,
    Help,
    ListChats,
    NewChat,
    No,
    Pause,
    Predict,
    Quit,
    SetBaseModel,
    SetBudget,
    SetColumns,
    SetSeed,
    SetTargets,
    Show,
    ShowPlan,
    Status,
    Tried,
    UseData,
    Why,
    Yes,
)


@dataclass(frozen=True)
class Reading:
    """What a message asks for, in order, and the parts that nothing was made of."""

    requests: tuple[AnyRequest, ...] = ()
    unclear: tuple[str, ...] = ()


def read(message: str) -> Reading:
    """Read a message; a sentence with a negation or a condition is not guessed at.

    Raises:
        TargetError: A target is named that can never be met.
    """
    whole = _plain(message)
    asked = _whole(whole)
    if asked is not None:
        return Reading((asked,))
    requests: list[AnyRequest] = []
    unclear: list[str] = []
    for sentence in re.split(r"(?<=[.!?;])\s+|\n+", whole):
        if sentence.strip(" .!?;"):
            found, lost = _sentence(sentence.strip())
            requests += found
            unclear += lost
    return Reading(_merged(requests), tuple(unclear))


# ---- one sentence

HOLE = "·"  # stands where something was taken out of a sentence
_QUESTION = re.compile(
    r"(?:what|why|how|when|which|who|where|is|are|was|were|does|did|do you|should|has|have you)\b"
)
_POLITE = re.compile(r"(?:can|could|would|will) (?:you|we)\b|(?:how|what) about\b")
_NEGATION = re.compile(
    r"\b(?:don't|dont|do not|doesn't|not|never|no|without|unless|except|if|instead of|rather than|"
    r"cannot|can't|won't|between|until|what if)\b"
)


def _sentence(sentence: str) -> tuple[list[AnyRequest], list[str]]:
    low = sentence.lower()
    asks = (low.endswith("?") or bool(_QUESTION.match(low))) and not _POLITE.match(low)
    found: list[AnyRequest] = []
    rest = sentence
    takers: list[Callable[[str, list[AnyRequest]], str]] = [_take_columns, _take_base, _take_data]
    if not asks:
        takers += [_take_seed, _take_dropped, _take_targets, _take_budget]
    for take in takers:
        rest = take(rest, found)
    if found and not asks and _NEGATION.search(rest.lower()):
        return [], [sentence]
    lost: list[str] = []
    commands = 0
    for clause in _clauses(rest):
        said = _command(clause)
        if said is not None:
            found.append(said)
            commands += 1
        elif asks or not _only_filler(clause):
            lost.append(_without_holes(clause))
    if asks and not commands:
        return [], [sentence]
    if not found and not lost:
        lost.append(sentence)
    return found, [part for part in lost if part]


def _clauses(rest: str) -> list[str]:
    """Parts that may be commands: split at commas, and at "and" where the whole is none."""
    parts: list[str] = []
    for part in re.split(r"[,;:]\s+|\s+[-–—]+\s+|[.!?;:,]+$", rest):
        if _command(part) is not None:
            parts.append(part)
        else:
            parts += re.split(r"\s+(?:and then|and|then|but)\s+", part)
    return [p.strip(" .!?,;:") for p in parts if p.strip(" .!?,;:")]


def _without_holes(clause: str) -> str:
    return " ".join(w for w in clause.split() if w != HOLE)


# ---- what is taken out of a sentence

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


def _take_data(rest: str, found: list[AnyRequest]) -> str:
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


def _take_columns(rest: str, found: list[AnyRequest]) -> str:
    for match in _COLUMN.finditer(rest):
        which, name = (match[1], match[2]) if match[1] else (match[4], match[3])
        found.append(SetColumns(**{which.lower(): name}))
    return _COLUMN.sub(HOLE, rest)


_BASE = re.compile(
    r"\b(?:the )?base[ -]model(?: is| to| =|:)? (?P<a>[\w.:/~-]*\w)"
    r"|\b(?:use|take) (?P<b>[\w.:/~-]*\w) as (?:the |a )?base(?:[ -]model)?",
    re.IGNORECASE,
)


def _take_base(rest: str, found: list[AnyRequest]) -> str:
    match = _BASE.search(rest)
    if match is None:
        return rest
    name = match["a"] or match["b"]
    found.append(SetBaseModel(base_model="builtin:minilm" if name.lower() == "minilm" else name))
    return rest[: match.start()] + f" {HOLE} " + rest[match.end() :]


_SEED = re.compile(r"\bseed(?: is| to| of| =|:)?\s*=?\s*(\d{1,9})\b", re.IGNORECASE)


def _take_seed(rest: str, found: list[AnyRequest]) -> str:
    found += [SetSeed(seed=int(m[1])) for m in _SEED.finditer(rest)]
    return _SEED.sub(HOLE, rest)


# Names of metrics as people say them; the first that fits counts.
NAMES = {
    "micro_f1": r"micro[ _-]?(?:averaged )?f1(?:[ -]?score)?",
    "weighted_f1": r"weighted[ _-]?(?:averaged )?f1(?:[ -]?score)?",
    "macro_f1": r"(?:macro[ _-]?(?:averaged )?)?f1(?:[ _-]?macro|[ -]?score)?|f[ -]score|f[ -]measure",
    "accuracy": r"accuracy|acc",
    "mcc": r"mcc|matthews(?: correlation)?(?: coefficient)?",
    "ece": r"ece|(?:expected )?calibration error",
    "latency_p95_ms": r"latency_p95_ms|(?:p95 )?latency(?: \(?p95\)?)?|response times?|answer times?",
    "size_mb": r"size_mb|(?:model )?size",
}
_METRIC = "|".join(f"(?P<{name}>{words})" for name, words in NAMES.items())
_ANY_METRIC = re.compile(rf"\b(?:{_METRIC})(?![\w])", re.IGNORECASE)
_LEAST = (
    r"(?:no|not|never|nothing) (?:\w+ )?(?:less|lower|worse|below|under|smaller)(?: than)?"
    r"|at least|above|over|more than|greater than|better than|higher than|exceed(?:s|ing)?"
    r"|minimum(?: of)?|>=?|reach(?:es)?|beats?"
)
_MOST = (
    r"(?:no|not|never|nothing) (?:\w+ )?(?:more|higher|above|over|larger|bigger|slower|greater|longer)"
    r"(?: than)?|at most|below|under|less than|lower than|smaller than|faster than|quicker than"
    r"|within|up to|maximum(?: of)?|<=?"
)
_LINK = (
    r"(?:of|to|be|is|are|should|must|has|have|a|an|the|to be|=|:|target|goal|score|get|it|in|by|stay|"
    r"stays|fall|drop|go)"
)
_BOUND = rf"(?:(?P<least>{_LEAST})|(?P<most>{_MOST}))"
_UNIT = r"(?P<unit>%|percent\b|per cent\b|ms\b|milliseconds?\b|s\b|seconds?\b|mb\b|megabytes?\b|gb\b|gigabytes?\b)"
_VALUE = rf"(?P<value>{NUMBER})\s*{_UNIT}?"
_AFTER = r"(?P<after>\s+(?:or (?:more|better|higher)|at least|or (?:less|lower|faster|smaller)|at most))?"
_SPACED = r"(?:\s+{0})*?\s*"
_TARGETS = [
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"\b(?:{_METRIC})(?:\s+{_LINK})*?\s*(?:{_BOUND})?(?:\s+{_LINK})*?\s*{_VALUE}{_AFTER}",
        rf"(?:{_BOUND}\s*)?(?:\b(?:a|an)\s+)?{_VALUE}(?:\s+(?:of|in|for|on))?(?:\s+the)?\s+(?:{_METRIC})(?!\w)",
        rf"(?:{_BOUND}\s*)?(?P<value>{NUMBER})\s*(?P<unit>ms\b|milliseconds?\b|mb\b|megabytes?\b|gb\b){_AFTER}",
    )
]
_SLOW = re.compile(
    r"(?:answers?|respond\w*|predict\w*|classif\w+) (?:\w+ ){0,2}?"
    rf"(?P<bound>{_MOST}|in)\s+(?P<value>{NUMBER})\s*(?P<unit>s|seconds?)\b",
    re.IGNORECASE,
)
_ONLY = re.compile(r"\b(?:only|just|instead|nothing else)\b", re.IGNORECASE)


def _take_targets(rest: str, found: list[AnyRequest]) -> str:
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


_DROP = re.compile(
    rf"\b(?:drop|remove|forget|ignore|delete|skip)(?: about)? (?:the |my |all )?(?:targets?|goals?|(?:{_METRIC})(?: (?:target|goal)s?)?)"
    r"|\bno targets?\b",
    re.IGNORECASE,
)


def _take_dropped(rest: str, found: list[AnyRequest]) -> str:
    for match in _DROP.finditer(rest):
        metric = next((n for n in NAMES if match.groupdict().get(n)), None)
        found.append(DropTargets(metric=metric))
    return _DROP.sub(HOLE, rest)


_MORE = r"(?P<before>another|extra|additional)\s+"
_TIME = re.compile(
    rf"(?:{_MORE})?(?P<time>{DURATION})(?P<after>\s+(?:more|longer|extra))?(?!\s*(?:ago|old|less|fewer))",
    re.IGNORECASE,
)
_MORE_FIRST = re.compile(
    rf"(?P<time>{NUMBER}) more (?P<unit>hours?|minutes?|mins?)\b", re.IGNORECASE
)
_ANOTHER = re.compile(r"\b(?:another|one more) (hour|minute)\b", re.IGNORECASE)
_UNLIMITED = re.compile(
    r"\b(?:no (?:time )?(?:limit|budget)|without (?:a )?(?:time )?limit|unlimited(?: time| budget)?|"
    r"as long as it takes|take (?:all )?(?:your|the) time(?: you need)?|all the time you need)\b",
    re.IGNORECASE,
)


def _take_budget(rest: str, found: list[AnyRequest]) -> str:
    if _UNLIMITED.search(rest):
        found.append(SetBudget(seconds=None))
        return _UNLIMITED.sub(HOLE, rest)
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


_FILLER = frozenset(
    """a about add again all allow also am an and are as at be been best better budget build but by
    can change classifier classify could create data dataset do doing enough ever extend file
    find fine fine-tune fix folder for from get getting give go goal goals good got have help hi
    hello hey i i'd i'll i'm in increase instead is it its just language least let let's limit load
    look lower make max maximum may me metric minutes model more most much must my need now of ok
    okay on one only or our out over please plus raise reach reduce report right run score set
    should so spend take takes target targets tell text than thanks that the them then there these
    they this those time to total train try tune under up us use using want we well which will with
    within work would yes you your""".split()
)  # fmt: skip


_HERE = re.compile(r"\bhere (?:is|are) (?:my|the|our|some)(?: \w+){1,2}", re.IGNORECASE)


def _only_filler(clause: str) -> bool:
    clause = _HERE.sub("", clause)
    words = re.findall(r"[\w'’-]+", clause.lower())
    return all(word in _FILLER for word in words)


# ---- commands: a clause that is one, whole

_FRONT = re.compile(
    r"^(?:please|ok(?:ay)?|so|now|then|well|hey|hi|hello|and|just|also|great|good|alright|"
    r"can you|could you|would you|will you|can we|i want you to|i'd like you to|i would like you to|"
    r"i want to|i'd like to|let's|let us|you may|you can|tell me|show me|give me|let me see|"
    r"first|actually)\b[, ]*",
    re.IGNORECASE,
)
_BACK = re.compile(
    r"[, ]*\b(?:please|now|then|for me|again|so far|already|until now|first|for a (?:moment|while)|"
    r"right now|at the moment|thanks|thank you|a bit)$",
    re.IGNORECASE,
)
_IT = r"(?: it| this| that| the (?:run|training|data|dataset|file|model|job)| my (?:data|dataset|file|model)| a model| ·| on ·| with ·)?"
_DATA = r"(?: it| the (?:data|dataset|file|rows)| my (?:data|dataset|file|rows)| ·)"
_COMMANDS: list[tuple[str, Callable[[re.Match[str]], AnyRequest]]] = [
    (
        rf"(?:go|go on|go ahead|start|begin|run|launch|continue|resume|carry on|proceed|keep going|"
        rf"train|tune|fine-tune|do|get going|make it so|let's go|start training|start tuning|"
        rf"go on with|continue with|start with){_IT}(?: with {HOLE})?",
        lambda _: Go(),
    ),
    (
        rf"(?:pause|stop|halt|wait|hold on|interrupt|cancel|abort|stop training|take a break|"
        rf"hang on){_IT}",
        lambda _: Pause(),
    ),
    (
        r"(?:the )?plan|(?:what(?:'s| is| would be)? )(?:the|your) plan|plan (?:it|this|the run)|"
        r"what (?:will|would) you do|what are you (?:going|about|planning) to (?:do|try)|"
        r"what do you (?:intend|plan) to do|how much (?:will|would) (?:it|this|that|the run) cost|"
        r"what (?:will|would) (?:it|this|that|the run) cost|"
        r"how long (?:will|would) (?:it|this|that|the run) take|what are the next steps|"
        r"what(?:'s| is) next|(?:the )?draft|(?:the |my )?settings|make a plan|what have we got",
        lambda _: ShowPlan(),
    ),
    (
        r"(?:the )?status|how(?:'s| is) (?:it|the run|training) (?:going|doing)|"
        r"how(?:'s| is) (?:the run|training|it)|"
        r"how far (?:are you|are we|is it|along)(?: are you| is it)?|"
        r"what(?:'s| is) (?:happening|going on|up)|what are you (?:doing|at|up to)|"
        r"(?:the |any )?progress|where (?:are|do) (?:we|you)(?: stand)?|are (?:you|we) done(?: yet)?|"
        r"is it (?:done|finished|ready|running|still running|over)(?: yet)?|any news|"
        r"how much (?:time|budget) is left|how much longer|where does it stand|"
        r"what(?:'s| is) the best|best|what(?:'s| is) the best (?:model|candidate|score)",
        lambda _: Status(),
    ),
    (
        r"what (?:did|have|had) you (?:try|tried|do|done)|what(?:'s| was| has been| have been) tried|"
        r"what did it try|tried|(?:list )?(?:the )?(?:candidates|attempts|trials|steps|history)|"
        r"which (?:models|strategies|methods) (?:did|have) you (?:try|tried)|what steps did you take|"
        r"what happened|which models are there",
        lambda _: Tried(),
    ),
    (
        r"(?:the )?(?:report|results?|outcome|verdict|figures|scores?)|open the report|"
        r"how did (?:it|that|the run) (?:go|end|do)|how good is (?:it|the model)|did it work|"
        r"is it (?:any )?good|did you make it|(?:was|were|are|is) the targets? (?:met|reached|hit)|"
        r"did (?:it|you) (?:meet|reach|hit) the targets?|what (?:was|is|were) the results?|"
        r"how well does it do|where(?:'s| is) the report",
        lambda _: Show(what="report"),
    ),
    (
        r"where(?:'s| is) (?:the|my) model|(?:the )?model|which model (?:is it|did you (?:choose|pick|keep))|"
        r"how (?:do|can) i use (?:it|the model)|what is the model",
        lambda _: Show(what="model"),
    ),
    (
        r"what did (?:it|that|the run|you) (?:cost|spend)|how much (?:did|has|have) (?:it|that|you|the run) "
        r"(?:cost|spend|spent|take)|(?:the )?(?:costs?|spending|bill|price)|"
        r"how long did (?:it|that|you) take|how much (?:time|money) (?:did|have|has) (?:it|you) (?:spend|spent|take|taken|use|used)|"
        r"what has it cost",
        lambda _: Show(what="cost"),
    ),
    (
        rf"(?:check|inspect|look at|have a look at|take a look at|examine|analy[sz]e|diagnose|"
        rf"describe|profile|review|validate){_DATA}|(?:check|inspect|diagnose)|"
        rf"what(?:'s| is) in{_DATA}|(?:is|are){_DATA} (?:ok|okay|good|fine|clean|any good)|"
        rf"(?:is |what(?:'s| is) )?(?:there )?(?:anything )?wrong with{_DATA}|(?:about){_DATA}|"
        rf"what does{_DATA} look like|anything wrong with{_DATA}|how (?:is|good is|does){_DATA}(?: look)?",
        lambda _: CheckData(),
    ),
    (
        r"help|what can (?:you|i) (?:do|say|ask)|what do you (?:understand|know|do)|commands|"
        r"how does (?:this|it) work|who are you|what are you|how do i (?:start|begin|use this)",
        lambda _: Help(),
    ),
    (
        r"(?:use|load|open)(?: the)?(?: data(?:set)?)? (?!\w+ing\b|it$|this$|that$|them$|data$|all$)"
        r"(?P<name>[\w.-]*\w)",
        lambda m: UseData(data=m["name"]),
    ),
    (r"(?:list )?(?:the |my )?(?:chats|conversations)", lambda _: ListChats()),
    (
        r"(?:start |begin |open )?(?:a )?(?:new|another) (?:chat|conversation)|start (?:over|afresh)",
        lambda _: NewChat(),
    ),
    (r"quit|exit|bye|goodbye|good bye|leave|see you(?: later)?", lambda _: Quit()),
    (
        r"yes|y|yep|yeah|sure|ok|okay|fine|agreed|go for it|approved?|sounds good|i agree|"
        r"do it|all right|alright|yes do it|yes go ahead|of course",
        lambda _: Yes(),
    ),
    (
        r"hi|hello|hey|good (?:morning|day|evening|afternoon)|thanks|thank you(?: very much)?|cool|"
        r"great|nice|perfect|good|well done|hello there|hi there",
        lambda _: Courtesy(),
    ),
    (
        r"(?:why|how come|what for)(?: (?:did|do|are|have|would) you (?:do|doing|done) (?:that|this|it))?|"
        r"why (?:that|this)|what made you do (?:that|this|it)|explain(?: (?:that|this|it|yourself))?|"
        r"what was that(?: for)?|why is (?:that|this)",
        lambda _: Why(),
    ),
    (
        rf"(?:why|explain|what was)(?: \w+){{0,4}}? step (?:number )?(?P<n>{NUMBER})",
        lambda m: Why(about=f"step {int(number(m['n']))}"),
    ),
    (
        r"why (?:did|has|have|was|is)(?: it| you| the run| that)? "
        r"(?:stop|stopped|end|ended|over|finish|finished|give up|given up|quit|done)(?: \w+){0,2}|"
        r"why (?:was|were|is|are) the targets? (?:missed|not met|not reached|unmet)|"
        r"why (?:did|has) (?:it|you) (?:miss|missed|fail|failed)(?: the targets?)?",
        lambda _: Why(about="stop"),
    ),
    (
        r"why (?:this|that|the|did you (?:choose|pick|keep|take|select))(?: \w+)? ?(?:model|candidate|one)|"
        r"how did you choose(?: the model)?|why is (?:this|that|it) the best(?: model| one)?",
        lambda _: Why(about="model"),
    ),
    (
        r"(?:why|explain|how come)(?: (?:did|do|are|have|was|were|is|will))?(?: (?:you|it|the))*"
        r"(?P<what> .+)",
        lambda m: Why(about=m["what"].strip()[:100]),
    ),
]
_COMPILED = [(re.compile(pattern, re.IGNORECASE), make) for pattern, make in _COMMANDS]


def _command(clause: str) -> AnyRequest | None:
    """The command that a clause is, as a whole."""
    said = " ".join(clause.strip(" .!?,;:").split())
    while said:
        for pattern, make in _COMPILED:
            match = pattern.fullmatch(said)
            if match is not None:
                return make(match)
        shorter = _BACK.sub("", _FRONT.sub("", said)).strip(" .!?,;:")
        if shorter == said:
            return None
        said = shorter
    return None


# ---- messages read as a whole

_PREDICT = re.compile(
    r"(?:please )?(?:predict|classify|label)(?: (?:the|this))?(?: (?:text|sentence|message))?\s*[:]?\s+(?P<a>.+)"
    r"|(?:what|which label) (?:would|does|will|do|is)(?: (?:it|the model|you))?"
    r"(?: (?:say|predict|answer|give|make|be|think))?(?: (?:to|for|of|about))?\s*:?\s*[\"“'](?P<b>.+)[\"”']\??"
    r"|(?:please )?(?:now )?(?:try|test)(?: (?:it|the model))?(?: (?:on|with))?\s*:?\s*[\"“'](?P<c>.+)[\"”']",
    re.IGNORECASE | re.DOTALL,
)
_NO = re.compile(
    r"(?:no|nope|nah|n|refuse|decline)(?:\s*[,.;:!]\s*|\s*$|\s+(?=(?:because|that|it|this|i|too|"
    r"don't|not|please|thanks?|use|try|rather)\b))(?P<words>.*)",
    re.IGNORECASE | re.DOTALL,
)


def _whole(message: str) -> AnyRequest | None:
    predict = _PREDICT.fullmatch(message)
    if predict is not None:
        text = next(g for g in predict.groups() if g).strip()
        return Predict(text=text.strip("\"“”'") if text[:1] in "\"“'" else text)
    if message.strip() == "?":
        return Help()
    refused = _NO.fullmatch(message)
    if refused is not None and not _UNLIMITED.match(message) and not _DROP.match(message):
        return No(words=refused["words"].strip())
    return None


def _plain(message: str) -> str:
    """Typographic signs as plain ones; lines kept."""
    table = str.maketrans({"’": "'", "≥": ">=", "≤": "<=", HOLE: " ", "\t": " ", "\r": "\n"})
    return message.translate(table).replace(">==", ">=").replace("<==", "<=").strip()


def _merged(requests: list[AnyRequest]) -> tuple[AnyRequest, ...]:
    """Targets of one message together; what starts something comes last; nothing twice."""
    targets = [r for r in requests if isinstance(r, SetTargets)]
    if len(targets) > 1:
        whole = SetTargets(
            targets=tuple(t for r in targets for t in r.targets), only=any(r.only for r in targets)
        )
        first = requests.index(targets[0])
        requests = [r for r in requests if not isinstance(r, SetTargets)]
        requests.insert(first, whole)
    kept = list(dict.fromkeys(r for r in requests if not isinstance(r, (Courtesy, Yes))))
    kept.sort(key=lambda r: isinstance(r, Go))
    return tuple(kept or requests[:1])
