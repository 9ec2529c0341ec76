"""Slots of annotated dialogues.

Statistics: (n, 2), slots of the row with the right value, and how many are annotated there.
"""

from __future__ import annotations

from .sums import missed, ratio, shares

NAMES = ("slot_accuracy",)
over, rows, wrong = ratio, shares, missed
