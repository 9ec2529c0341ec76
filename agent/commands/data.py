"""Commands about data: check and mask."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from .common import JsonOption, console_on, errors, escaped


def check(
    data: Annotated[str, typer.Argument(help="Data file or folder.")],
    task: Annotated[str | None, typer.Option(help="Inferred if left out.")] = None,
    text: Annotated[str | None, typer.Option(help="Column of the text.")] = None,
    label: Annotated[str | None, typer.Option(help="Column of the label.")] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Refuse what would be repaired, such as stray I- tags.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Diagnose DATA; spends nothing and changes nothing."""
    console = console_on(as_json)
    with errors(console):
        from ..check import diagnose, print_diagnosis

        with console.status("looking at the rows"):
            diagnosis = diagnose(Path(data), task=task, text=text, label=label, strict=strict)
        if as_json:
            print(diagnosis.model_dump_json())
        else:
            print_diagnosis(console, diagnosis)


def mask(
    data: Annotated[Path, typer.Argument(metavar="INPUT", help="Data file, or folder of them.")],
    output: Annotated[
        Path | None, typer.Option(help="File or folder in the same format; none for report.")
    ] = None,
    mode: Annotated[
        str,
        typer.Option(
            help="mask: the kind in brackets; pseudonymise: stand-ins, the same for the same "
            "value; drop: rows left out; report: nothing is written but the audit."
        ),
    ] = "mask",
    audit: Annotated[
        Path | None, typer.Option(help="JSONL: id, field, start, end, type; never the value.")
    ] = None,
    text: Annotated[str | None, typer.Option(help="Mask this column alone.")] = None,
    model: Annotated[
        Path | None,
        typer.Option(help="Token-classification model that finds names, places, organisations."),
    ] = None,
    key: Annotated[
        Path | None,
        typer.Option(help="Secret of stand-ins, made where absent; else none is kept."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Take personal data out of INPUT: e-mail, phone, card, IBAN, IP, SSN; more with a model."""
    console = console_on(True)
    with errors(console):
        from ..mask import Asked, said
        from ..mask import mask as masking

        def note(line: str) -> None:
            console.print(escaped(line), soft_wrap=True)

        result = masking(Asked(data, output, mode, audit, text, model, key), note)
        for line in said(result, mode):
            note(line)
        if as_json:
            print(json.dumps(result))
