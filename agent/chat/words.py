"""Plain words into typed requests: rules alone, no model. What they don't cover is left unclear."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from .commands import HOLE, command
from .requests import AnyRequest, Courtesy, Go, Help, No, Predict, SetTargets, Yes
from .settings import (
    DROP,
    UNLIMITED,
    take_base,
    take_budget,
    take_columns,
    take_data,
    take_dropped,
    take_knowledge,
    take_seed,
    take_targets,
)


@dataclass(frozen=True)
class Reading:
    """What a message asks for, in order, and the parts that nothing was made of.

    Attributes:
        held: A yes or go that came with a part that is unclear, and so does not count:
            it may have been meant with a condition.
    """

    requests: tuple[AnyRequest, ...] = ()
    unclear: tuple[str, ...] = ()
    held: tuple[AnyRequest, ...] = ()


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
    merged = _merged(requests)
    held = tuple(r for r in merged if unclear and isinstance(r, (Go, Yes)))
    return Reading(tuple(r for r in merged if r not in held), tuple(unclear), held)


# ---- one sentence

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
    takers: list[Callable[[str, list[AnyRequest]], str]] = [
        take_columns,
        take_base,
        take_knowledge,
        take_data,
    ]
    if not asks:
        takers += [take_seed, take_dropped, take_targets, take_budget]
    for take in takers:
        rest = take(rest, found)
    if found and not asks and _NEGATION.search(rest.lower()):
        return [], [sentence]
    lost: list[str] = []
    commands = 0
    for clause in _clauses(rest):
        said = command(clause)
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
        if command(part) is not None:
            parts.append(part)
        else:
            parts += re.split(r"\s+(?:and then|and|then|but)\s+", part)
    return [p.strip(" .!?,;:") for p in parts if p.strip(" .!?,;:")]


def _without_holes(clause: str) -> str:
    return " ".join(w for w in clause.split() if w != HOLE)


# Words that ask for nothing by themselves.
_FILLER = frozenset(
    {
        "a", "about", "add", "again", "all", "allow", "also", "am", "an", "and", "are",
        "as", "at", "be", "been", "best", "better", "budget", "build", "but", "by", "can",
        "change", "classifier", "classify", "could", "create", "data", "dataset", "do",
        "doing", "enough", "ever", "extend", "file", "find", "fine", "fine-tune", "fix",
        "folder", "for", "from", "get", "getting", "give", "go", "goal", "goals", "good",
        "got", "have", "help", "hi", "hello", "hey", "i", "i'd", "i'll", "i'm", "in",
        "increase", "instead", "is", "it", "its", "just", "language", "least", "let",
        "let's", "limit", "load", "look", "lower", "make", "max", "maximum", "may", "me",
        "metric", "minutes", "model", "more", "most", "much", "must", "my", "need", "now",
        "of", "ok", "okay", "on", "one", "only", "or", "our", "out", "over", "please",
        "plus", "raise", "reach", "reduce", "report", "right", "run", "score", "set",
        "should", "so", "spend", "take", "takes", "target", "targets", "tell", "text",
        "than", "thanks", "that", "the", "them", "then", "there", "these", "they", "this",
        "those", "time", "to", "total", "train", "try", "tune", "under", "up", "us", "use",
        "using", "want", "we", "well", "which", "will", "with", "within", "work", "would",
        "yes", "you", "your",
    }
)  # fmt: skip

_HERE = re.compile(r"\bhere (?:is|are) (?:my|the|our|some)(?: \w+){1,2}", re.IGNORECASE)


def _only_filler(clause: str) -> bool:
    clause = _HERE.sub("", clause)
    words = re.findall(r"[\w'’-]+", clause.lower())
    return all(word in _FILLER for word in words)


# ---- messages read as a whole

_QUOTED = r"\s*:?\s*[\"“'](?P<{}>.+)[\"”']"
_PREDICT = re.compile(
    r"(?:please )?(?:predict|classify|label)(?: (?:the|this))?(?: (?:text|sentence|message))?"
    r"\s*:?\s+(?P<a>.+)"
    r"|(?:what|which label) (?:would|does|will|do|is)(?: (?:it|the model|you))?"
    r"(?: (?:say|predict|answer|give|make|be|think))?(?: (?:to|for|of|about))?"
    rf"{_QUOTED.format('b')}\??"
    r"|(?:please )?(?:now )?(?:try|test)(?: (?:it|the model))?(?: (?:on|with))?"
    rf"{_QUOTED.format('c')}",
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
    if refused is not None and not UNLIMITED.match(message) and not DROP.match(message):
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
