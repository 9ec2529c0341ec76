"""From a profile's figures to what a person should be told, the gravest first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from ...evals.result import Finding
from .dataset_profile import DatasetProfile

SKEWED = 10.0  # largest class over smallest, from which accuracy alone misleads
FEW_ROWS = 20  # train rows under which a class is learned by luck

# Each `what` names the things that its count counts.
_ODDITIES = {
    "blank_text": ("blank texts: rows with a label only", "left out of train, kept elsewhere"),
    "empty_row": ("empty rows", "skipped"),
    "encoding": ("encoding trouble: rows or files", "read as well as can be; see the examples"),
    "repeated_header": ("rows that repeat the header", "skipped"),
    "stray_inside": ("I- tags without a B- before them", "read as the B- of an entity"),
    "cut_word": ("spans that cut a word", "widened to the whole word"),
    "repeated_span": ("spans that are marked twice", "taken once"),
    "pieces": ("entities in several pieces", "taken from the first to the last of them"),
    "moved_answer": ("answers not at their place, but once elsewhere", "moved there"),
    "blank_answer": ("blank answers", "left out"),
    "quotes": ("files whose quotes do not pair up", "quotes read as plain characters"),
}


def find(profile: DatasetProfile) -> tuple[Finding, ...]:
    """Say what spoils the score, then the learning, then what is merely odd."""
    return (*_on_the_score(profile), *_on_privacy(profile), *_on_learning(profile), *_odd(profile))


def _on_the_score(profile: DatasetProfile) -> Iterator[Finding]:
    for name in ("test", "validation"):
        overlap = profile.overlaps.get(name)
        if overlap and overlap.train_rows:
            yield Finding(
                what=f"leakage: train rows whose text also stands in {name}",
                count=overlap.train_rows,
                action=f"cleaning drops them from train; {name} stays as given "
                f"({overlap.held_out_rows} of its rows are concerned)",
                examples=list(overlap.places),
            )
    if profile.shared_held_out:
        yield Finding(
            what="leakage: test rows whose text also stands in validation",
            count=profile.shared_held_out,
            action="left as given; the choice of the model may favour them a little",
        )


def _on_privacy(profile: DatasetProfile) -> Iterator[Finding]:
    if profile.pii:
        kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(profile.pii.items()))
        yield Finding(
            what=f"texts with personal data ({kinds})",
            count=sum(profile.pii.values()),
            action="masking replaces it before training",
        )


def _on_learning(profile: DatasetProfile) -> Iterator[Finding]:
    if profile.conflicts:
        yield Finding(
            what="conflicting labels: train rows whose text also stands under another label",
            count=profile.conflicting_rows,
            action="cleaning keeps the majority's label, and drops all where there is none",
            examples=list(profile.examples["conflicts"]),
        )
    for spellings in _alike(list(profile.labels)):
        yield Finding(
            what="train rows of labels that differ only in spelling: "
            + ", ".join(map(repr, spellings)),
            count=sum(profile.labels[label]["train"] for label in spellings),
            action="taken as different classes; give them one spelling if they are one",
        )
    yield from _on_balance(profile)
    if profile.tokens and profile.tokens.cut:
        yield Finding(
            what=f"train texts of more than the {profile.max_tokens} tokens that the model reads",
            count=profile.tokens.cut,
            action="their ends are cut off",
        )
    if profile.duplicates:
        yield Finding(
            what="duplicates: train rows that repeat an earlier text with the same label",
            count=profile.duplicates,
            action="cleaning keeps the first",
            examples=list(profile.examples["duplicates"]),
        )


def _on_balance(profile: DatasetProfile) -> Iterator[Finding]:
    few = [label for label, counts in profile.labels.items() if counts["train"] < FEW_ROWS]
    if few:
        yield Finding(
            what=f"small classes: labels with fewer than {FEW_ROWS} rows in train",
            count=len(few),
            action="expect poor scores there; more rows help most",
            examples=[f"{label}: {profile.labels[label]['train']}" for label in few[:-6:-1]],
        )
    if profile.imbalance >= SKEWED:
        yield Finding(
            what=f"imbalance: train rows of the smallest class, {profile.smallest_label!r}; "
            f"the largest has {profile.imbalance:.0f} times as many",
            count=profile.smallest_count,
            action="watch macro_f1, and try class weights",
        )


def _odd(profile: DatasetProfile) -> Iterator[Finding]:
    if profile.long_texts:
        yield Finding(
            what="very long texts in train (over 1,000 words)",
            count=profile.long_texts,
            action="kept; the model reads their beginning",
            examples=list(profile.examples["long_texts"]),
        )
    for kind, count in sorted(profile.oddities.items()):
        what, action = _ODDITIES.get(kind, (kind.replace("_", " "), "kept as it is"))
        yield Finding(
            what=what, count=count, action=action, examples=list(profile.examples.get(kind, ()))
        )


def _alike(labels: list[str]) -> list[list[str]]:
    spellings: dict[str, list[str]] = defaultdict(list)
    for label in labels:
        spellings["".join(label.lower().replace("_", " ").replace("-", " ").split())].append(label)
    return [found for found in spellings.values() if len(found) > 1]
