"""Answers that are exactly right or wrong, such as a checked number.

Statistics: (n, 2), whether the answer is right, then 1.
"""

from __future__ import annotations

from .sums import missed, ratio, shares

NAMES = ("exact_match",)
over, rows, wrong = ratio, shares, missed
