"""Commands that drive runs: run, resume, chat, demo."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from .common import (
    INTERRUPTED,
    MET,
    NOT_MET,
    WORKSPACE,
    JsonOption,
    WorkspaceOption,
    YesOption,
    console_on,
    errors,
)

if TYPE_CHECKING:
    from rich.console import Console

    from ...evals.result import RunResult
    from ...graphs.approval import Answer, Approve, Question
    from ..runs import Run


DEMO_TARGET = "macro_f1>=0.90"


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
    start(data, {k: v for k, v in flags.items() if v is not None}, yes=yes, as_json=as_json)


def start(data: str, flags: dict[str, Any], *, yes: bool, as_json: bool) -> NoReturn:
    """Plan a run, show the plan, and drive it to its end."""
    console = console_on(as_json)
    with errors(console):
        from ..spec import make_spec, read_run_file

        if Path(data).suffix.lower() in {".yaml", ".yml"}:
            spec = read_run_file(Path(data), flags)
        else:
            spec = make_spec({"data": data, **flags}, "command line")
        with console.status("reading the data"):
            from ..controllers import find_controller
            from ..plan import plan_run
            from ..runs import create_run

            plan = plan_run(spec)
        from ..console import print_plan

        name = find_controller(plan.spec.llm, plan.spec.llm_model).name
        print_plan(console, plan, name)
        _go_on(create_run(plan), console, yes=yes, as_json=as_json)


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
    console = console_on(as_json)
    with errors(console):
        from ..runs import find_run

        found = find_run(run, workspace)
        if target is not None or budget is not None:
            from ..change import change_run

            found = change_run(found, targets=target, budget=budget, by="the command line")
        _go_on(found, console, yes=yes, as_json=as_json)


def _go_on(run: Run, console: Console, *, yes: bool, as_json: bool) -> NoReturn:
    """Stream a run to its end and exit with what came of it."""
    from ...graphs.approval import WaitingForPerson
    from ..approval import ask_person
    from ..console import RunView, print_result
    from ..session import go_on

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
    with errors(console_on(False)):
        from ..chat.repl import chat as talk

        extra = {
            "workspace": str(workspace),
            "llm": llm,
            "llm_model": llm_model,
            "llm_price": llm_price,
            "policy": str(policy) if policy else None,
        }
        talk(workspace, conversation, new=new, extra=extra)


def demo(
    workspace: WorkspaceOption = WORKSPACE,
    seed: Annotated[int, typer.Option(help="Of the generated data and the run.")] = 7,
    yes: YesOption = True,
    as_json: JsonOption = False,
) -> None:
    """Generate a set of support tickets and tune a model on it, offline, in minutes."""
    console = console_on(as_json)
    with errors(console):
        from ...memory.workspace import open_workspace
        from ...tools.datasets.demo import write_demo

        folder = open_workspace(workspace).root / "demo-tickets"
        folder.mkdir(exist_ok=True)
        write_demo(folder, seed=seed)
        console.print(f"Wrote made-up support tickets to {folder}\n", soft_wrap=True)
    flags = {"targets": [DEMO_TARGET], "budget": "10m", "seed": seed, "workspace": str(workspace)}
    start(str(folder), flags, yes=yes, as_json=as_json)
