"""Intents of annotated dialogues.

Statistics: (n, 2), intents that are right in the row, and how many are annotated there.
"""

from __future__ import annotations

from .sums import missed, ratio, shares

NAMES = ("intent_accuracy",)
over, rows, wrong = ratio, shares, missed
