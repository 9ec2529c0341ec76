"""The command line: `tuneos --help`. Heavy imports wait until a command needs them."""

from __future__ import annotations

import sys

import typer

from .commands import data, machinery, models, records, running
from .commands.common import BUG
from .kg import kg

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="An LLM agent operating system for tuning language models.",
)
app.add_typer(kg, name="kg")
app.command()(running.run)
app.command()(running.resume)
app.command()(running.chat)
app.command()(running.demo)
app.command()(data.check)
app.command()(models.predict)
app.command()(records.report)
app.command()(records.audit)
app.command()(models.explain)
app.command()(data.mask)
app.command()(records.runs)
app.command("eval")(machinery.eval_)
app.command()(records.ps)
app.command()(records.logs)
app.command()(records.cancel)
app.command()(machinery.doctor)


def main() -> None:
    """Entry point of the `tuneos` command."""
    from .quiet import quiet

    quiet()
    try:
        app()
    except Exception:  # our bug: its traceback goes to a person, and often into a log
        import traceback

        from ..memory.redaction import redact

        sys.stderr.write(redact(traceback.format_exc()))
        raise SystemExit(BUG) from None


if __name__ == "__main__":
    main()
