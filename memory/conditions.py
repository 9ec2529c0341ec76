"""When a strategy applies: conditions out of its recipe, held against what is known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pydantic import BaseModel, ConfigDict

Value = str | int | float | bool


class Condition(BaseModel):
    """One thing that a strategy needs: a number within limits, or one of several values.

    Attributes:
        of: What is looked at, as "smallest_class", "architecture", "device".
        low, high: Limits, both included; None: there is none.
        choices: Values that will do; empty: any.
    """

    model_config = ConfigDict(frozen=True)

    of: str
    low: float | None = None
    high: float | None = None
    choices: tuple[Value, ...] = ()

    def unmet_by(self, value: Value | None) -> str:
        """Say what is wrong with a value; "" where nothing is, or where it is not known."""
        name = self.of.replace("_", " ")
        if value is None:
            return ""
        if self.choices and value not in self.choices:
            return f"needs {name} {' or '.join(map(str, self.choices))}, here {value}"
        if isinstance(value, (int, float)):
            if self.low is not None and value < self.low:
                return f"needs {name} {self.low:g} or more, here {value:g}"
            if self.high is not None and value > self.high:
                return f"needs {name} {self.high:g} or less, here {value:g}"
        return ""


def unmet(conditions: Iterable[Condition], situation: Mapping[str, Value]) -> str:
    """Say the first condition that does not hold; "" where all do, or nothing speaks against.

    What is not known forbids nothing.
    """
    said = (c.unmet_by(situation.get(c.of)) for c in conditions)
    return next((words for words in said if words), "")
