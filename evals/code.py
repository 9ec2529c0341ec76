"""Which code computed the figures: a hash of it, to be compared when they are confirmed."""

from __future__ import annotations

import hashlib
from pathlib import Path

HERE = Path(__file__).parent
JUDGES = ("metrics.py", "statistics.py", "targets.py", "measures/*.py")


def metric_code() -> str:
    """sha256 over what turns answers into figures and verdicts here, as it is on disk."""
    total = hashlib.sha256()
    for path in sorted(p for pattern in JUDGES for p in HERE.glob(pattern)):
        total.update(path.relative_to(HERE).as_posix().encode())
        total.update(path.read_bytes())
    return total.hexdigest()
