"""The command line: `tuneos --help`. Heavy imports wait until a command needs them."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from .kg import kg

if TYPE_CHECKING:
    from rich.console import Console

    from ..evals.result import RunResult
    from ..graphs.approval import Answer, Approve, Question
    from .session import Run

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="An LLM agent operating system for tuning language models.",
)

app.add_typer(kg, name="kg")

MET, BUG, USER, NOT_MET, INTERRUPTED = 0, 1, 2, 3, 130

WorkspaceOption = Annotated[
    Path, typer.Option("--workspace", help="Folder that holds everything a run leaves.")
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="One JSON object on stdout, everything else on stderr.")
]
YesOption = Annotated[bool, typer.Option("--yes", help="Don't ask before costly steps.")]
WORKSPACE = Path(".tuneos")


@app.command()
def run(
    data: Annotated[str, typer.Argument(help="Data file or folder, or a run file (.yaml).")],
    task: Annotated[
        str | None, typer.Option(help="Such as text-classification; inferred if left out.")
    ] = None,
    text: Annotated[str | None, typer.Option(help="Column of the text.")] = None,
    label: Annotated[str | None, typer.Option(help="Column of the label.")] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Refuse what would be repaired, such as stray I- tags.")
    ] = False,
    no_memory: Annotated[
        bool,
        typer.Option("--no-memory", help="Ignore what earlier runs in the workspace learned."),
    ] = False,
    base_model: Annotated[
        list[str] | None,
        typer.Option(
            help="builtin:minilm (default), a folder, or a Hub name; may be repeated, or a "
            "folder of several: they are ranked, and the best is tuned."
        ),
    ] = None,
    translator: Annotated[
        list[str] | None,
        typer.Option(
            help="Given twice: a translation model into another language, and one back, for new "
            "rows by back-translation; folders or Hub names."
        ),
    ] = None,
    target: Annotated[
        list[str] | None, typer.Option(help='Such as "macro_f1>=0.90"; may be repeated.')
    ] = None,
    budget: Annotated[str | None, typer.Option(help="Time, such as 30m or 1h30m.")] = None,
    personal_data: Annotated[
        str | None,
        typer.Option(
            help="mask, pseudonymise, drop or report: in every split, before anything learns."
        ),
    ] = None,
    names: Annotated[
        Path | None,
        typer.Option(help="Model of a run that finds names too, with --personal-data."),
    ] = None,
    max_trials: Annotated[int | None, typer.Option(help="Search trials at most.")] = None,
    llm: Annotated[
        str | None,
        typer.Option(
            help="provider:model, the URL of an OpenAI-compatible server, or local:PATH"
            "\\[+ADAPTER]; without it a rule-based planner decides."
        ),
    ] = None,
    llm_model: Annotated[str | None, typer.Option(help="Name of the model behind a URL.")] = None,
    llm_price: Annotated[
        str | None, typer.Option(help="IN/OUT: US dollars for a million tokens, such as 2.50/10.")
    ] = None,
    max_tokens: Annotated[
        int | None, typer.Option(help="Tokens that an LLM may read and write.")
    ] = None,
    max_cost: Annotated[float | None, typer.Option(help="US dollars for an LLM.")] = None,
    max_gpu: Annotated[str | None, typer.Option(help="Time on a GPU, such as 20m.")] = None,
    approve: Annotated[
        str | None, typer.Option(help="auto, ask or never: costly steps and a person's yes.")
    ] = None,
    policy: Annotated[
        Path | None, typer.Option(help="YAML: which steps need a person, which are forbidden.")
    ] = None,
    ood: Annotated[
        Path | None,
        typer.Option(help="File of rows that the model should not answer: it must tell them."),
    ] = None,
    slice_: Annotated[
        list[str] | None,
        typer.Option(
            "--slice",
            help="Column by whose values figures are given too; may be repeated. A target on the "
            'worst: "min_slice(macro_f1)>=0.8".',
        ),
    ] = None,
    clean: Annotated[
        list[str] | None,
        typer.Option(
            help="Remove from train, with commas: near-duplicates, triggers, outliers; else they "
            "are only reported."
        ),
    ] = None,
    allow_host: Annotated[
        list[str] | None, typer.Option(help="That the run may reach; else only its LLM's.")
    ] = None,
    knowledge: Annotated[
        list[Path] | None,
        typer.Option(help="RDF of your domain for this run alone, as tuneos kg load takes it."),
    ] = None,
    rules: Annotated[
        list[Path] | None,
        typer.Option(help="Turtle file or folder with recipes and rules; may be repeated."),
    ] = None,
    licence: Annotated[
        str | None, typer.Option(help="Of the data; read from its folder if left out.")
    ] = None,
    use: Annotated[
        str | None,
        typer.Option(help="What the model is for: commercial, research, share, private."),
    ] = None,
    workspace: Annotated[
        Path | None, typer.Option(help="Folder for everything a run leaves.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="New folder for model and report.")] = None,
    seed: Annotated[int | None, typer.Option(help="Of everything random.")] = None,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Tune a model on DATA until every target holds, or say honestly that it cannot."""
    flags = {
        "task": task,
        "text": text,
        "label": label,
        "strict": strict or None,
        "no_memory": no_memory or None,
        "base_model": base_model,
        "translators": translator,
        "targets": target,
        "budget": budget,
        "personal_data": personal_data,
        "names": str(names) if names else None,
        "max_trials": max_trials,
        "llm": llm,
        "llm_model": llm_model,
        "llm_price": llm_price,
        "max_tokens": max_tokens,
        "max_cost": max_cost,
        "max_gpu": max_gpu,
        "approve": approve,
        "policy": str(policy) if policy else None,
        "ood": str(ood) if ood else None,
        "slices": slice_,
        "clean": clean,
        "allow_hosts": allow_host,
        "knowledge": [str(path) for path in knowledge] if knowledge else None,
        "rules": [str(path) for path in rules] if rules else None,
        "licence": licence,
        "use": use,
        "workspace": str(workspace) if workspace else None,
        "out": str(out) if out else None,
        "seed": seed,
    }
    _run(data, {k: v for k, v in flags.items() if v is not None}, yes=yes, as_json=as_json)


def _run(data: str, flags: dict[str, Any], *, yes: bool, as_json: bool) -> NoReturn:
    console = _console(as_json)
    with _errors(console):
        from .spec import make_spec, read_run_file

        if Path(data).suffix.lower() in {".yaml", ".yml"}:
            spec = read_run_file(Path(data), flags)
        else:
            spec = make_spec({"data": data, **flags}, "command line")
        with console.status("reading the data"):
            from .controllers import find_controller
            from .session import create_run, plan_run

            plan = plan_run(spec)
        from .console import print_plan

        name = find_controller(plan.spec.llm, plan.spec.llm_model).name
        print_plan(console, plan, name)
        _go_on(create_run(plan), console, yes=yes, as_json=as_json)


@app.command()
def resume(
    run: Annotated[str, typer.Argument(help="A run's name, or the beginning of it.")],
    target: Annotated[
        list[str] | None, typer.Option(help="From here on, in place of all there were.")
    ] = None,
    budget: Annotated[
        str | None, typer.Option(help="From here on; time in all, or none for no limit.")
    ] = None,
    workspace: WorkspaceOption = WORKSPACE,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Go on with an interrupted run; finished work is not repeated."""
    console = _console(as_json)
    with _errors(console):
        from .session import find_run

        found = find_run(run, workspace)
        if target is not None or budget is not None:
            from .change import change_run

            found = change_run(found, targets=target, budget=budget, by="the command line")
        _go_on(found, console, yes=yes, as_json=as_json)


def _go_on(run: Run, console: Console, *, yes: bool, as_json: bool) -> NoReturn:
    """Stream a run to its end and exit with what came of it."""
    from ..graphs.approval import WaitingForPerson
    from .approval import ask_person
    from .console import RunView, print_result
    from .session import go_on

    console.print(f"run [bold]{run.name}[/bold] [dim](Ctrl-C pauses; tuneos resume goes on)[/dim]")
    view = RunView(console)
    asks = sys.stdin.isatty() and sys.stdout.isatty() and not yes

    def approve(question: Question) -> Answer:
        with view.paused():
            return ask_person(question, console)

    answers: Approve | None = approve if asks else None
    if yes and run.spec.approve == "ask":
        answers = _yes
    try:
        with view.live():
            result = go_on(run, on_event=view, approve=answers)
    except KeyboardInterrupt:
        _say_resume(console, run, "paused; go on with")
    except WaitingForPerson as waiting:
        _say_resume(console, run, f"{waiting}; say it with", " --yes")
    if as_json:
        print(result.model_dump_json())
    else:
        print_result(console, result)
    raise typer.Exit(exit_code(result))


def _yes(_: Question) -> bool:
    return True


def _say_resume(console: Console, run: Run, words: str, flag: str = "") -> NoReturn:
    """Say how to go on, and exit as interrupted."""
    where = "" if run.spec.workspace == str(WORKSPACE) else f" --workspace {run.spec.workspace}"
    line = f"\n{words}: tuneos resume {run.name}{where}{flag}"
    console.print(line, soft_wrap=True, markup=False)
    raise typer.Exit(INTERRUPTED) from None


def exit_code(result: RunResult) -> int:
    """0 when every target held on the test split, or none was asked; else 3."""
    return MET if result.met or not result.targets else NOT_MET


@app.command()
def chat(
    conversation: Annotated[
        str | None, typer.Option(help="Its name; the latest if left out.")
    ] = None,
    new: Annotated[bool, typer.Option("--new", help="Begin another conversation.")] = False,
    llm: Annotated[
        str | None, typer.Option(help="As for run: talks, and controls the runs.")
    ] = None,
    llm_model: Annotated[str | None, typer.Option(help="Name of the model behind a URL.")] = None,
    llm_price: Annotated[str | None, typer.Option(help="As for run.")] = None,
    policy: Annotated[Path | None, typer.Option(help="As for run.")] = None,
    workspace: WorkspaceOption = WORKSPACE,
) -> None:
    """Talk about data and goals; see the plan, watch, interrupt, ask why, come back later."""
    with _errors(_console(False)):
        from .chat.repl import chat as talk

        extra = {
            "workspace": str(workspace),
            "llm": llm,
            "llm_model": llm_model,
            "llm_price": llm_price,
            "policy": str(policy) if policy else None,
        }
        talk(workspace, conversation, new=new, extra=extra)


@app.command()
def demo(
    workspace: WorkspaceOption = WORKSPACE,
    seed: Annotated[int, typer.Option(help="Of the generated data and the run.")] = 7,
    yes: YesOption = True,
    as_json: JsonOption = False,
) -> None:
    """Generate a set of support tickets and tune a model on it, offline, in minutes."""
    console = _console(as_json)
    with _errors(console):
        from ..memory.workspace import open_workspace
        from ..tools.datasets.demo import write_demo

        folder = open_workspace(workspace).root / "demo-tickets"
        folder.mkdir(exist_ok=True)
        write_demo(folder, seed=seed)
        console.print(f"Wrote made-up support tickets to {folder}\n", soft_wrap=True)
    flags = {"targets": [DEMO_TARGET], "budget": "10m", "seed": seed, "workspace": str(workspace)}
    _run(str(folder), flags, yes=yes, as_json=as_json)


DEMO_TARGET = "macro_f1>=0.90"


@app.command()
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
    console = _console(as_json)
    with _errors(console):
        from .check import diagnose, print_diagnosis

        with console.status("looking at the rows"):
            diagnosis = diagnose(Path(data), task=task, text=text, label=label, strict=strict)
        if as_json:
            print(diagnosis.model_dump_json())
        else:
            print_diagnosis(console, diagnosis)


@app.command()
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
    console = _console(True)
    with _errors(console):
        from ..tools.deployment.model import load_model
        from ..tools.deployment.predict import answers, read_inputs
        from ..tools.deployment.saved import read_card
        from ..tools.fusion.taxonomy import backed_off
        from ..tools.guardrails.chosen import read_guards
        from ..tools.tasks import find_task
        from ..tools.training.hardware import calibrate_threads
        from .output import whole_file

        chosen = read_guards(guard or (), guards)
        inputs = read_inputs(input_file, find_task(read_card(model).task), text)
        with console.status("loading the model"):
            loaded = load_model(model, names)
            _ = loaded.guard  # a model of names that is missing is told before anything is written
            if loaded.card.encoder != "none":
                calibrate_threads()
        with whole_file(output) as stream:
            for answer in answers(loaded, inputs, _bar(console, len(inputs.split)), chosen):
                if certainty is not None:
                    answer = backed_off(answer, certainty)
                stream.write(json.dumps(answer, ensure_ascii=False) + "\n")


@app.command()
def report(
    run: Annotated[str, typer.Argument(help="A run's name, or the beginning of it.")],
    workspace: WorkspaceOption = WORKSPACE,
) -> None:
    """Show how a run ended, and where its report is."""
    console = _console(False)
    with _errors(console):
        from .console import print_result
        from .session import find_run, read_story

        print_result(console, read_story(find_run(run, workspace)).result)


@app.command()
def audit(
    run: Annotated[str, typer.Argument(help="A run's name, or the beginning of it.")],
    workspace: WorkspaceOption = WORKSPACE,
    as_json: JsonOption = False,
) -> None:
    """Check that a run's record of decisions is whole, and print it."""
    console = _console(as_json)
    with _errors(console):
        from .audit import print_audit, read_audit

        entries = read_audit(run, workspace)
        if as_json:
            print(json.dumps([asdict(entry) for entry in entries]))
        else:
            print_audit(console, entries)


@app.command()
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
    console = _console(as_json)
    with _errors(console):
        from . import explain as explaining

        if explaining.is_model(target):
            explaining.show_model(
                console, Path(target), text, workspace, as_json=as_json, out=out, prov=prov
            )
        elif Path(target).is_dir():
            from ..tools.deployment.saved import read_card

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


@app.command()
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
    console = _console(True)
    with _errors(console):
        from .mask import Asked, said
        from .mask import mask as masking

        def note(line: str) -> None:
            console.print(_escaped(line), soft_wrap=True)

        result = masking(Asked(data, output, mode, audit, text, model, key), note)
        for line in said(result, mode):
            note(line)
        if as_json:
            print(json.dumps(result))


@app.command()
def runs(workspace: WorkspaceOption = WORKSPACE, as_json: JsonOption = False) -> None:
    """List runs, newest first."""
    console = _console(as_json)
    with _errors(console):
        from .listing import list_runs, print_runs

        rows = list_runs(workspace)
        if as_json:
            print(json.dumps(rows))
        else:
            print_runs(console, rows)


@app.command(name="eval")
def eval_(
    suite: Annotated[str, typer.Argument(help="A suite file, or core: the one that ships.")],
    controllers: Annotated[
        str,
        typer.Option(
            help="Compared side by side, with commas: planner, or what --llm takes, "
            "perhaps followed by the model's name and its price IN/OUT."
        ),
    ] = "planner",
    repeat: Annotated[int, typer.Option(min=1, help="Times, each with another seed.")] = 1,
    only: Annotated[str | None, typer.Option(help="Scenarios, with commas.")] = None,
    workspace: Annotated[
        Path | None, typer.Option(help="Folder to keep the runs in; left out: none are kept.")
    ] = None,
    reuse: Annotated[
        bool, typer.Option("--reuse", help="Share job results between controllers; time counts.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Run scenarios and score the agent: right outcomes, regret, time, cost, waste."""
    console = _console(as_json)
    with _errors(console):
        from .suites.command import evaluate, held

        scores = evaluate(
            suite, controllers, repeat, only, workspace, console, reuse=reuse, as_json=as_json
        )
    if not scores.complete:
        raise typer.Exit(INTERRUPTED)
    raise typer.Exit(MET if held(scores) else NOT_MET)


@app.command()
def ps(workspace: WorkspaceOption = WORKSPACE, as_json: JsonOption = False) -> None:
    """Show what runs: since when, how far, what it has cost."""
    console = _console(as_json)
    with _errors(console):
        from .ps import list_live, print_live

        rows = list_live(workspace)
        if as_json:
            print(json.dumps(rows))
        else:
            print_live(console, rows)


@app.command()
def logs(
    name: Annotated[str, typer.Argument(metavar="JOB|RUN", help="Or the beginning of it.")],
    workspace: WorkspaceOption = WORKSPACE,
    follow: Annotated[bool, typer.Option("--follow", help="Until the job ends.")] = False,
) -> None:
    """Print what a job has written."""
    with _errors(_console(True)):
        from .ps import read_log

        for piece in read_log(workspace, name, follow=follow):
            sys.stdout.write(piece)
            sys.stdout.flush()


@app.command()
def cancel(
    name: Annotated[str, typer.Argument(metavar="JOB|RUN", help="Or the beginning of it.")],
    workspace: WorkspaceOption = WORKSPACE,
) -> None:
    """End a job, or pause a run; what was earned is kept."""
    console = _console(False)
    with _errors(console):
        from .ps import cancel as end

        console.print(end(workspace, name), soft_wrap=True)


@app.command()
def doctor() -> None:
    """Check this installation and machine."""
    console = _console(False)
    with _errors(console):
        from .doctor import examine

        if not examine(console):
            raise typer.Exit(BUG)


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


def _console(to_stderr: bool) -> Console:
    from rich.console import Console

    return Console(stderr=to_stderr, highlight=False)


def _bar(console: Console, total: int) -> Any:
    """Progress of a prediction, on stderr, where somebody looks at it."""
    if not console.is_terminal or total < 1000:
        return None
    return lambda done, all_: console.print(f"{done:,} of {all_:,}", end="\r")


class _errors:
    """Turns a user's mistake into one line and exit code 2; everything else is our bug."""

    def __init__(self, console: Console) -> None:
        self.console = console

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: Any
    ) -> None:
        if error is None or isinstance(error, (typer.Exit, typer.Abort)):
            return
        if isinstance(error, KeyboardInterrupt):
            raise typer.Exit(INTERRUPTED) from None
        from ..evals.targets import TargetError
        from ..memory.errors import StoreError
        from ..memory.redaction import redact
        from ..tools.errors import UserError

        if isinstance(error, (UserError, TargetError, StoreError)) or _disk_full(error):
            text = redact(" ".join(str(error).split()))
            self.console.print(f"[red]error:[/red] {_escaped(text)}", soft_wrap=True)
            raise typer.Exit(USER) from None


def _disk_full(error: BaseException) -> bool:
    import errno
    import sqlite3

    if isinstance(error, sqlite3.OperationalError):
        return "full" in str(error)
    return isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EROFS}


def _escaped(text: str) -> str:
    from rich.markup import escape

    return escape(text)


if __name__ == "__main__":
    main()
