"""Where the real datasets lie that some tests read in place: beside the project."""

from pathlib import Path

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
