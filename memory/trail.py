"""What happened in a run, in order: steps, refusals, verdicts, and who decided.

Each entry is one row of the ledger, written when it happens, so that a run which was
killed can be explained as well. Nodes of the loop may run twice: an entry's key says
which event it is of, and the second account replaces the first in its place.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from .database import Database, now
from .errors import StoreError

SCHEMA = """
CREATE TABLE IF NOT EXISTS trail (
    number INTEGER PRIMARY KEY AUTOINCREMENT, run TEXT NOT NULL, key TEXT NOT NULL,
    at TEXT NOT NULL, entry TEXT NOT NULL, UNIQUE (run, key));
"""
Kind = Literal["prepared", "step", "refused", "judged", "took_over", "paused", "resumed", "opened"]
Value = str | int | float | bool


class Made(BaseModel):
    """A candidate as the step that made it left it."""

    model_config = ConfigDict(frozen=True)

    name: str
    strategy: str
    settings: dict[str, Value] = {}
    validation: dict[str, float] = {}
    seconds: float = 0.0


class Entry(BaseModel):
    """Something that happened; fields that its kind has no use for are left as they are.

    Attributes:
        at: When it was first noted, ISO 8601, UTC.
        by: Who decided: the controller for steps, else "gate", "judge", "person".
        proposed_by: Whose call was refused.
        reason: Of a step or a refused call: why the controller asked, in its words.
        text: What came of a step, why a call was refused, where the run stood.
        state: Of a step: "open" until it has ended.
        data, data_name: Key and name of the rows that a step worked on.
        new_data, new_data_name: Of those that it made.
        made: Candidates that it made.
        candidate: Best when judged, or what the test split was opened for.
        stop: Why the loop ended here; "" where it went on.
        figures: What the verdict rests on, or rows of the splits.
        rule: Name or IRI of the rule behind a refusal, where there is one.
    """

    model_config = ConfigDict(frozen=True)

    kind: Kind
    at: str = ""
    by: str = ""
    proposed_by: str = ""
    tool: str = ""
    arguments: dict[str, object] = {}
    reason: str = ""
    text: str = ""
    state: Literal["", "open", "ok", "failed"] = ""
    approved: str = ""
    estimate: float = 0.0
    seconds: float = 0.0
    data: str = ""
    data_name: str = ""
    new_data: str = ""
    new_data_name: str = ""
    made: tuple[Made, ...] = ()
    candidate: str = ""
    stop: str = ""
    figures: dict[str, float] = {}
    rule: str = ""


class Trails:
    """The part of the ledger that holds what happened in each run."""

    _database: Database

    def log(self, run: str, key: str, entry: Entry) -> None:
        """Note what happened; the same key again replaces the account, not its place or time."""
        text = entry.model_dump_json(exclude_defaults=True, exclude={"at"})
        with self._database.transaction() as db:
            db.execute(
                "INSERT INTO trail (run, key, at, entry) VALUES (?, ?, ?, ?)"
                " ON CONFLICT (run, key) DO UPDATE SET entry = excluded.entry",
                (run, key, now(), text),
            )

    def trail(self, run: str) -> tuple[Entry, ...]:
        """Return what happened in a run, in order.

        Raises:
            StoreError: An entry is damaged.
        """
        with self._database.reading() as db:
            rows = db.execute(
                "SELECT at, entry FROM trail WHERE run = ? ORDER BY number", (run,)
            ).fetchall()
        try:
            return tuple(
                Entry.model_validate_json(row["entry"]).model_copy(update={"at": row["at"]})
                for row in rows
            )
        except ValidationError as error:
            raise StoreError(
                f"{self._database.path}: the trail of run {run} is damaged. Run the command "
                "again: the file is then checked and, where a copy was kept, restored."
            ) from error
