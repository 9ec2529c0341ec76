"""Commands about what runs made: predict, explain."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .common import WORKSPACE, JsonOption, WorkspaceOption, console_on, errors

if TYPE_CHECKING:
    from rich.console import Console


def predict(
    model: Annotated[Path, typer.Argument(help="Folder of a model that a run made.")],
    input_file: Annotated[
        Path, typer.Argument(metavar="INPUT", help="Text lines, or any file as `run` reads it.")
    ],
    output: Annotated[Path | None, typer.Option(help="JSONL file; stdout if left out.")] = None,
    text: Annotated[str | None, typer.Option(help="Column or field of the text.")] = None,
    names: Annotated[
        Path | None,
        typer.Option(help="Where the model lies that masked names in training, if it was moved."),
    ] = None,
    certainty: Annotated[
        float | None,
        typer.Option(
            min=0, max=1, help="Below it, answer with a parent of the label, by the taxonomy."
        ),
    ] = None,
    guard: Annotated[
        list[str] | None,
        typer.Option(
            help="NAME or NAME:ACTION: label, span, personal-data; fix, refrain, exception, reask."
        ),
    ] = None,
    guards: Annotated[
        Path | None,
        typer.Option(help="YAML with guards and their settings; code that it names is run."),
    ] = None,
) -> None:
    """Answer the rows of INPUT: one JSON object a line, such as label and score."""
    console = console_on(True)
    with errors(console):
        from ...tools.deployment.model import load_model
        from ...tools.deployment.predict import answers, read_inputs
        from ...tools.deployment.saved import read_card
        from ...tools.fusion.taxonomy import backed_off
        from ...tools.guardrails.chosen import read_guards
        from ...tools.tasks import find_task
        from ...tools.training.hardware import calibrate_threads
        from ..output import whole_file

        chosen = read_guards(guard or (), guards)
        inputs = read_inputs(input_file, find_task(read_card(model).task), text)
        with console.status("loading the model"):
            loaded = load_model(model, names)
            _ = loaded.guard  # a model of names that is missing is told before anything is written
            if loaded.card.encoder != "none":
                calibrate_threads()
        with whole_file(output) as stream:
            for answer in answers(loaded, inputs, counted(console, len(inputs.split)), chosen):
                if certainty is not None:
                    answer = backed_off(answer, certainty)
                stream.write(json.dumps(answer, ensure_ascii=False) + "\n")


def counted(console: Console, total: int) -> Any:
    """Progress of a prediction, on stderr, where somebody looks at it."""
    if not console.is_terminal or total < 1000:
        return None
    return lambda done, all_: console.print(f"{done:,} of {all_:,}", end="\r")


def explain(
    target: Annotated[
        str,
        typer.Argument(metavar="RUN|MODEL", help="A run's name, or the folder of a model."),
    ],
    text: Annotated[
        str | None,
        typer.Argument(help="For a model: a text, or the fields of a row as a JSON object."),
    ] = None,
    about: Annotated[
        str, typer.Option(help="Of a run: step 3, model, stop, settings, refused, a name.")
    ] = "all",
    out: Annotated[Path | None, typer.Option(help="HTML page.")] = None,
    prov: Annotated[
        Path | None, typer.Option(help="Of a run: PROV-O as .ttl, .nt or .json (JSON-LD).")
    ] = None,
    workspace: WorkspaceOption = WORKSPACE,
    as_json: JsonOption = False,
) -> None:
    """Say why a RUN did what it did, or why a MODEL answers a text as it does."""
    console = console_on(as_json)
    with errors(console):
        from .. import explain as explaining

        if explaining.is_model(target):
            explaining.show_model(
                console, Path(target), text, workspace, as_json=as_json, out=out, prov=prov
            )
        elif Path(target).is_dir():
            from ...tools.deployment.saved import read_card

            read_card(Path(target))
        elif text is not None:
            raise explaining.ExplainError(
                f"{target} holds no model, so it is taken for a run, which answers no text; give "
                "the folder of a model, or leave the text out"
            )
        else:
            explaining.show_run(
                console, target, workspace, about=about, as_json=as_json, out=out, prov=prov
            )
