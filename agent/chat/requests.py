"""What can be asked for in a conversation, typed: for rules, slash commands and LLMs alike."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from ...evals.metrics import PLAIN


class Request(BaseModel):
    """One thing that is asked for."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class UseData(Request):
    """Work on this data file or folder."""

    kind: Literal["use_data"] = "use_data"
    data: str = Field(max_length=1000, description="a path")


class SetColumns(Request):
    """Say which column holds the text, which the label."""

    kind: Literal["set_columns"] = "set_columns"
    text: str | None = Field(None, max_length=200)
    label: str | None = Field(None, max_length=200)


class CheckData(Request):
    """Diagnose the data; spends nothing."""

    kind: Literal["check_data"] = "check_data"


class SetTargets(Request):
    """Ask for these targets; those on other metrics stay, unless `only`."""

    kind: Literal["set_targets"] = "set_targets"
    targets: tuple[Annotated[str, Field(max_length=80)], ...] = Field(
        max_length=8,
        description="such as macro_f1>=0.9; with >=: "
        + ", ".join(m.name for m in PLAIN.values() if m.direction == "higher")
        + "; with <=: "
        + ", ".join(m.name for m in PLAIN.values() if m.direction == "lower"),
    )
    only: bool = False


class DropTargets(Request):
    """Take back the target on a metric; None: all of them."""

    kind: Literal["drop_targets"] = "drop_targets"
    metric: str | None = Field(None, max_length=40)


class SetBudget(Request):
    """Allow so much time in all; None lifts the limit."""

    kind: Literal["set_budget"] = "set_budget"
    seconds: float | None = Field(None, gt=0, le=1e8)
    more: bool = Field(False, description="so much more than before")


class SetBaseModel(Request):
    """Tune this base model."""

    kind: Literal["set_base_model"] = "set_base_model"
    base_model: str = Field(max_length=500, description="builtin:minilm, a folder or a Hub name")


class SetKnowledge(Request):
    """Take this file of domain knowledge, beside those named before; None: none at all."""

    kind: Literal["set_knowledge"] = "set_knowledge"
    file: str | None = Field(None, max_length=500, description="Turtle, N-Triples, SKOS table, …")


class SetSeed(Request):
    """Use this seed."""

    kind: Literal["set_seed"] = "set_seed"
    seed: int = Field(ge=0, lt=2**31)


class ShowPlan(Request):
    """Show what would be done and what it would cost; spends nothing."""

    kind: Literal["show_plan"] = "show_plan"


class Go(Request):
    """Start the run, or go on with it."""

    kind: Literal["go"] = "go"


class Pause(Request):
    """Pause the run."""

    kind: Literal["pause"] = "pause"


class Status(Request):
    """Say how the run stands."""

    kind: Literal["status"] = "status"


class Why(Request):
    """Say why something was done."""

    kind: Literal["why"] = "why"
    about: str = Field(
        "last",
        max_length=100,
        description='"last", "step 3", a tool\'s or candidate\'s name, "model", "stop"',
    )


class Tried(Request):
    """Say what was tried, with figures."""

    kind: Literal["tried"] = "tried"


class Show(Request):
    """Show how the run ended, where the model is, or what was spent."""

    kind: Literal["show"] = "show"
    what: Literal["report", "model", "cost"]


class Predict(Request):
    """Classify a sentence with the finished model."""

    kind: Literal["predict"] = "predict"
    text: str = Field(max_length=20_000)


class Help(Request):
    """Say what can be asked."""

    kind: Literal["help"] = "help"


class Yes(Request):
    """Agree to what was asked."""

    kind: Literal["yes"] = "yes"


class No(Request):
    """Decline what was asked."""

    kind: Literal["no"] = "no"
    words: str = ""


class ListChats(Request):
    """List the conversations of this workspace."""

    kind: Literal["list_chats"] = "list_chats"


class NewChat(Request):
    """Begin another conversation."""

    kind: Literal["new_chat"] = "new_chat"


class Quit(Request):
    """Leave."""

    kind: Literal["quit"] = "quit"


class Courtesy(Request):
    """Nothing is asked: a greeting, thanks."""

    kind: Literal["courtesy"] = "courtesy"


AnyRequest = Annotated[
    UseData
    | SetColumns
    | CheckData
    | SetTargets
    | DropTargets
    | SetBudget
    | SetBaseModel
    | SetKnowledge
    | SetSeed
    | ShowPlan
    | Go
    | Pause
    | Status
    | Why
    | Tried
    | Show
    | Predict
    | Help
    | Yes
    | No
    | ListChats
    | NewChat
    | Quit
    | Courtesy,
    Field(discriminator="kind"),
]
