"""Answers with several labels: some exclude each other, some imply others."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np

from ...evals.metrics import FloatArray
from ..datasets.types import Split
from ..tasks.task import Answer
from .facts import DomainFacts, Pair
from .fired import Fired

MOST_EXACT = 10  # labels in doubt that are decided together by trying all sets
EDGE = 1e-6


def with_exclusions(
    facts: DomainFacts, split: Split, answers: Sequence[Answer], strength: float
) -> list[Answer]:
    """Give two labels that exclude each other together only where both are sure enough.

    Each such pair costs `strength`, in log odds beyond the labels' thresholds.
    """
    return [_decided(a, facts.exclusions, (), strength) for a in answers]


def with_implications(
    facts: DomainFacts, split: Split, answers: Sequence[Answer], strength: float
) -> list[Answer]:
    """Give a label with those it implies, or neither, whichever costs less.

    A label without one that it implies costs `strength`, in log odds.
    """
    return [_decided(a, (), facts.implications, strength) for a in answers]


def decide(
    margins: FloatArray,
    exclusions: Sequence[tuple[int, int]],
    implications: Sequence[tuple[int, int]],
    strength: float,
) -> list[int]:
    """Choose the set of labels that is worth most.

    A label is worth its margin; a broken pair costs `strength`. Exact where at most MOST_EXACT
    labels are in doubt; beyond, the surest of the others stay as they are.

    Args:
        margins: (L,), log odds beyond each label's threshold.
        exclusions, implications: Positions of two labels.
        strength: At least 0.

    Returns:
        Positions, ascending.
    """
    given = {int(i) for i in np.flatnonzero(margins >= 0)}
    broken = [p for p in exclusions if p[0] in given and p[1] in given]
    lacking = [p for p in implications if p[0] in given and p[1] not in given]
    while True:  # what an implied label implies is in doubt as well
        doubt = {i for pair in (*broken, *lacking) for i in pair}
        more = [p for p in implications if p[0] in doubt and p[1] not in doubt | given]
        more += [p for p in exclusions if (p[0] in doubt) != (p[1] in doubt) and given & set(p)]
        more = [p for p in more if p not in broken and p not in lacking]
        if not more or len(doubt) >= MOST_EXACT:
            break
        lacking += more
    free = sorted(doubt, key=lambda i: abs(margins[i]))[:MOST_EXACT]
    fixed = given - set(free)
    best, most = given, -np.inf
    for choice in product((False, True), repeat=len(free)):
        chosen = fixed | {i for i, taken in zip(free, choice, strict=True) if taken}
        cost = sum(a in chosen and b in chosen for a, b in exclusions)
        cost += sum(a in chosen and b not in chosen for a, b in implications)
        worth = sum(float(margins[i]) for i in chosen) - strength * cost
        if worth > most + 1e-12:
            best, most = chosen, worth
    return sorted(best)


def _decided(
    answer: Answer, exclusions: Sequence[Pair], implications: Sequence[Pair], strength: float
) -> Answer:
    labels = list(answer["_labels"])
    given = np.asarray(answer["_given"], bool)
    at = {label: i for i, label in enumerate(labels)}
    apart = [(at[p.first], at[p.second]) for p in exclusions]
    along = [(at[p.first], at[p.second]) for p in implications]
    excluded = any(given[a] and given[b] for a, b in apart)
    lacking = any(given[a] and not given[b] for a, b in along)
    if not excluded and not lacking:
        return answer
    scores, thresholds = np.asarray(answer["_scores"]), np.asarray(answer["_thresholds"])
    margins = _odds(scores) - _odds(thresholds)
    margins[given] = np.maximum(margins[given], 0.0)
    chosen = decide(margins, apart, along, strength)
    now = np.zeros(len(labels), bool)
    now[chosen] = True
    if (now == given).all():
        return answer
    moved = scores.copy()
    moved[given & ~now] = np.minimum(scores, thresholds - EDGE)[given & ~now].clip(0)
    moved[now & ~given] = np.maximum(scores, thresholds)[now & ~given]
    changed = {
        **answer,
        "labels": [labels[i] for i in chosen],
        "scores": {n: round(float(p), 6) for n, p in zip(labels, moved, strict=True)},
        "_given": now,
        "_scores": moved,
    }
    for pair in exclusions:
        a, b = at[pair.first], at[pair.second]
        if given[a] and given[b] and not (now[a] and now[b]):
            kept = " and ".join(labels[i] for i in (a, b) if now[i]) or "neither"
            said = f"{pair.first} excludes {pair.second}: {kept} stays"
            changed = Fired(source="exclusion", iris=pair.iris, said=said).noted(changed)
    for pair in implications:
        a, b = at[pair.first], at[pair.second]
        if given[a] and not given[b] and (now[b] or not now[a]):
            said = f"{pair.first} implies {pair.second}: " + ("both" if now[a] else "neither")
            changed = Fired(source="implication", iris=pair.iris, said=said).noted(changed)
    return changed


def _odds(chances: FloatArray) -> FloatArray:
    clipped = np.clip(chances, 1e-9, 1 - 1e-9)
    return np.asarray(np.log(clipped / (1 - clipped)))
