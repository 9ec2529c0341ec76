"""How often a generated text is what its control asked for, by a classifier's word.

Statistics: (n, 2), whether the judged class is the one asked for, then 1.
"""

from __future__ import annotations

from .sums import missed, ratio, shares

NAMES = ("control_accuracy",)
over, rows, wrong = ratio, shares, missed
