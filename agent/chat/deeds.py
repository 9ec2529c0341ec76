"""Doing what was asked: each kind of request has its method, named after it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ...evals.targets import eased, parse_target
from ...tools.errors import UserError
from ...tools.guardrails.checks import neutralise
from ..plan import Plan, plan_run
from ..record import Record, read_record
from ..runs import Run, create_run
from . import answers
from .drafting import draft_words, meant
from .listings import print_chats, print_help
from .ongoing import Ongoing
from .quantities import written
from .requests import (
    AnyRequest,
    DropTargets,
    Predict,
    SetBaseModel,
    SetBudget,
    SetColumns,
    SetKnowledge,
    SetSeed,
    SetTargets,
    Show,
    UseData,
    Why,
)

SETTINGS = (
    UseData,
    SetColumns,
    SetBaseModel,
    SetKnowledge,
    SetSeed,
    SetTargets,
    DropTargets,
    SetBudget,
)


class Deeds:
    """What can be done in a conversation."""

    def __init__(self, ongoing: Ongoing) -> None:
        self.ongoing = ongoing
        self._shown: tuple[Any, ...] | None = None  # what the last plan was made of
        self._plan: Plan | None = None
        self._model: tuple[Path, Any] | None = None

    def do(self, request: AnyRequest) -> None:
        """Do it."""
        if isinstance(request, SETTINGS):
            self.settle([request])
            return
        getattr(self, f"_{request.kind}")(request)

    # ---- the draft

    def settle(self, requests: Sequence[AnyRequest]) -> None:
        """Change the draft, or propose to change the run that has begun, all in one."""
        run = self._unfinished()
        draft = self.ongoing.conversation.draft
        standing: dict[str, Any] = draft.model_dump()
        if run is not None:
            standing |= {"targets": run.spec.targets, "budget": run.spec.budget}
        said: dict[str, Any] = {}
        for request in requests:
            said |= meant(request, {**standing, **said})
        if run is not None:
            self._propose_change(run, said)
            return
        self.ongoing.conversation.redraft(draft.model_copy(update=said))
        finished = self.ongoing.conversation.run
        aside = f" Run {finished} stays as it is: this is for a new run." if finished else ""
        self.ongoing.screen.say(draft_words(self.ongoing.conversation.draft) + aside)

    # ---- changing a run that has begun

    def _propose_change(self, run: Run, said: dict[str, Any]) -> None:
        fixed = said.keys() - {"targets", "budget"}
        if fixed:
            raise UserError(
                f"Run {run.name} has begun, so its {sorted(fixed)[0].replace('_', ' ')} stands; "
                "/new begins another conversation."
            )
        words = []
        record = read_record(run)
        spent = record.spending["seconds"].spent if "seconds" in record.spending else 0.0
        if "targets" in said and tuple(said["targets"]) != run.spec.targets:
            before = " and ".join(run.spec.targets) or "none"
            after = " and ".join(said["targets"]) or "none"
            words.append(f"the targets from {before} to {after}")
        if "budget" in said and said["budget"] != run.spec.budget:
            words.append(
                f"the budget from {run.spec.budget or 'no limit'} to "
                f"{said['budget'] or 'no limit'} in all ({written(spent)} spent)"
            )
        if not words:
            self.ongoing.screen.say("That is how it stands already.")
            return
        easier = "targets" in said and eased(
            run.spec.parsed_targets(), tuple(parse_target(t) for t in said["targets"])
        )
        note = "It is noted in the report"
        if easier and len(record.facts.candidates) > 1:
            note += ", as an easier goal set with results in view"
        brief = " The run pauses for it and goes on." if self.ongoing.going else ""
        self.ongoing.propose(
            f"Change {' and '.join(words)}? {note}.{brief}", lambda: self._change(run, said)
        )

    def _change(self, run: Run, said: dict[str, Any]) -> None:
        from ..change import NO_LIMIT, change_run

        going = self.ongoing.going
        if going:
            self.ongoing.pause()
        budget = (said["budget"] or NO_LIMIT) if "budget" in said else None
        changed = change_run(run, targets=said.get("targets"), budget=budget, by="chat")
        draft = self.ongoing.conversation.draft
        self.ongoing.conversation.redraft(draft.model_copy(update=said))
        self.ongoing.screen.say("Changed." if going else "Changed. Say go to go on.")
        if going:
            self._drive(changed)

    # ---- plan, go, pause

    def _check_data(self, _: AnyRequest) -> None:
        from ..check import diagnose, print_diagnosis

        draft = self.ongoing.conversation.draft
        if draft.data is None:
            raise UserError("I don't know the data yet; say for instance: use tickets.csv")
        found = diagnose(Path(draft.data), task=None, text=draft.text, label=draft.label)
        self.ongoing.screen.show(lambda console: print_diagnosis(console, found))

    def _show_plan(self, _: AnyRequest) -> None:
        run = self._unfinished()
        if run is not None:
            self._plan = plan_run(run.spec.model_copy(update={"out": None}))
        else:
            self._plan = self._planned()
        self._print_plan(self._plan)
        if run is None:
            self.ongoing.screen.say("Nothing is spent until you say go.")

    def _go(self, _: AnyRequest) -> None:
        ongoing = self.ongoing
        run = self._unfinished()
        if ongoing.going:
            asks = ongoing.driver is not None and ongoing.driver.question is not None
            ongoing.screen.say("It waits for your yes." if asks else "It is going on already.")
        elif run is not None:
            self._drive(run)
        elif self._shown == self._asked_for() and self._plan is not None:
            self._start()
        else:
            self._plan = self._planned()
            self._print_plan(self._plan)
            ongoing.propose("Start it?", self._start)

    def _start(self) -> None:
        plan = self._plan or self._planned()
        run = create_run(plan)
        self.ongoing.conversation.take_up(run.name)
        self._shown = None
        self._drive(run)

    def _drive(self, run: Run) -> None:
        done = len(read_record(run).steps)
        words = f"Going on with run {run.name}" if done else f"Run {run.name} begins"
        self.ongoing.screen.say(f"{words}; you may go on talking. Ctrl-C pauses it.")
        self.ongoing.drive(run, done)

    def _pause(self, _: AnyRequest) -> None:
        if not self.ongoing.going:
            self.ongoing.screen.say("Nothing is going on.")
        self.ongoing.pause()

    def _planned(self) -> Plan:
        """Check the draft; reads the data and spends nothing."""
        plan = plan_run(self.ongoing.conversation.draft.spec(self.ongoing.extra))
        self._shown = self._asked_for()
        return plan

    def _asked_for(self) -> tuple[Any, ...]:
        return tuple(self.ongoing.conversation.draft.model_dump().values())

    def _print_plan(self, plan: Plan) -> None:
        from ..console import print_plan
        from ..controllers import find_controller

        name = find_controller(plan.spec.llm, plan.spec.llm_model).name
        self.ongoing.screen.show(lambda console: print_plan(console, plan, name))

    # ---- questions

    def _status(self, _: AnyRequest) -> None:
        record = self._record()
        if record is None:
            self.ongoing.screen.say(f"No run yet. {draft_words(self.ongoing.conversation.draft)}")
        else:
            self.ongoing.screen.say(answers.status(record, here=self.ongoing.going))

    def _why(self, request: Why) -> None:
        from ..explain import explained

        run = self.ongoing.run()
        found = None if run is None else explained(run)
        self._tell(lambda record: answers.why(record, found, request.about))

    def _tried(self, _: AnyRequest) -> None:
        self._tell(answers.tried)

    def _show(self, request: Show) -> None:
        of = {"report": answers.report, "model": answers.model, "cost": answers.bill}
        self._tell(of[request.what])

    def _predict(self, request: Predict) -> None:
        record = self._record()
        folder = answers.finished_folder(record) if record else None
        if folder is None:
            raise UserError("There is no finished model in this conversation to predict with.")
        from ...tools.datasets.asked import TEXT
        from ...tools.datasets.tables import Table
        from ...tools.deployment.model import load_model
        from ...tools.deployment.predict import Inputs
        from ...tools.deployment.predict import answers as predicted

        if self._model is None or self._model[0] != folder:
            self._model = folder, load_model(folder)
        model = self._model[1]
        asked = model.task.ask(Table("your words", {TEXT: [request.text]}, ["your words"]), None)
        (answer,) = predicted(model, Inputs(asked, [None]))
        score = f" (score {answer['score']:.2f})" if "score" in answer else ""
        self.ongoing.screen.say(f"{neutralise(model.task.shown(answer), 300)}{score}")

    def _help(self, _: AnyRequest) -> None:
        self.ongoing.screen.show(print_help)

    def _list_chats(self, _: AnyRequest) -> None:
        here = self.ongoing
        here.screen.show(
            lambda console: print_chats(console, here.workspace, here.conversation.name)
        )

    def _new_chat(self, _: AnyRequest) -> None:
        self.ongoing.wants_new = True

    def _tell(self, answer: Any) -> None:
        record = self._record()
        self.ongoing.screen.say(answer(record) if record else answers.NO_RUN)

    def _record(self) -> Record | None:
        run = self.ongoing.run()
        return None if run is None else read_record(run)

    def _unfinished(self) -> Run | None:
        """The run of the conversation while it can still be changed or gone on with."""
        run = self.ongoing.run()
        if run is None:
            return None
        from ...memory.ledger import Ledger

        return None if Ledger(run.workspace.ledger).run(run.name).status == "finished" else run
