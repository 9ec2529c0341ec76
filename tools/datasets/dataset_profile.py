"""A dataset in figures, as it is shown and judged."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from ...evals.result import Finding

LONG_WORDS = 1000


class Lengths(BaseModel):
    """Lengths of the train texts in words or tokens."""

    model_config = ConfigDict(frozen=True)

    mean: float
    p95: float
    max: int
    cut: int = Field(default=0, description="texts longer than `max_tokens`")


class Overlap(BaseModel):
    """Texts of a held-out split that also stand in train; the texts are never shown."""

    model_config = ConfigDict(frozen=True)

    train_rows: int
    held_out_rows: int
    places: tuple[str, ...] = Field(description="the first train rows")


class DatasetProfile(BaseModel):
    """A dataset in figures. Lengths, duplicates and conflicts are those of train."""

    model_config = ConfigDict(frozen=True)

    rows: dict[str, int]
    labels: dict[str, dict[str, int]] = Field(
        description="rows of each label by split, commonest in train first; {} without labels"
    )
    imbalance: float = Field(description="train rows of the largest class over the smallest's")
    majority_share: float = Field(description="share of train that the largest class has")
    smallest_label: str
    smallest_count: int
    median_count: int
    words: Lengths
    tokens: Lengths | None
    max_tokens: int | None
    duplicates: int = Field(description="rows that repeat an earlier text with the same label")
    conflicts: int = Field(description="texts that stand under several labels")
    conflicting_rows: int
    overlaps: dict[str, Overlap] = Field(description="by held-out split")
    shared_held_out: int = Field(description="test rows whose text also stands in validation")
    blank_texts: int = Field(description="labelled rows without text, over all splits as read")
    long_texts: int = Field(description=f"train texts of more than {LONG_WORDS} words")
    encoding: int = Field(description="rows or files with encoding trouble")
    oddities: dict[str, int] = Field(description="what reading met, by kind")
    examples: dict[str, tuple[str, ...]] = Field(description="places by what they show")
    pii: dict[str, int] = Field(default={}, description="texts by kind of personal data")
    findings: tuple[Finding, ...] = Field(default=(), description="the gravest first")
