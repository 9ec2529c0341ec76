"""One conversation going on: what is said is read, weighed against what stands, and done."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Protocol

from ...evals.targets import TargetError
from ..approval import HOW, read_answer
from . import answers
from .conversation import Conversation
from .deeds import SETTINGS, Deeds
from .drafting import draft_words
from .driver import Driver
from .ongoing import MISTAKES, Ongoing
from .requests import (
    AnyRequest,
    Courtesy,
    Go,
    Help,
    ListChats,
    NewChat,
    No,
    Pause,
    Quit,
    ShowPlan,
    Status,
    Yes,
)
from .screen import Screen
from .slash import HINT, SlashError, from_slash
from .words import Reading, read

CANT = (
    "I can't do that. I understand requests about the data, the goal (“accuracy of at least "
    "95%”, “under 20 ms”), the budget (“half an hour”), the plan, go, pause, status, why, what "
    "was tried, the report and predict: …; /help has examples."
)


# Understood without doubt, these are for code even where an LLM listens.
PLAIN = (Go, Help, ListChats, NewChat, Pause, Quit, ShowPlan, Status)


class Listener(Protocol):
    """What answers where an LLM listens."""

    def hear(self, message: str, dialogue: Dialogue) -> None:
        """Answer a message: in words, by doing what is free, and by proposing."""
        ...


class Dialogue(Ongoing):
    """Hears what a person says and answers, while a run may go on.

    Args:
        extra: What the command line said of runs: workspace, llm, policy, approve.
        talker: An LLM for what the rules don't read; None: the rules alone.
    """

    def __init__(
        self,
        conversation: Conversation,
        screen: Screen,
        extra: dict[str, Any],
        talker: Listener | None = None,
    ) -> None:
        super().__init__(conversation, screen, extra)
        self.talker = talker
        self.leave_prompt: Callable[[], bool] = lambda: False  # for who ends us from outside
        self.deeds = Deeds(self)

    # ---- hearing

    def hear(self, message: str) -> bool:
        """Take in one message; False: the person leaves."""
        if not message.strip():
            return True
        self.conversation.say("person", message)
        try:
            return self._hear(message)
        except MISTAKES as error:
            self.screen.warn(" ".join(str(error).split()))
        except KeyboardInterrupt:
            self.screen.say("Stopped.")
        return True

    def _hear(self, message: str) -> bool:
        try:
            command = from_slash(message)
        except SlashError as error:
            self.screen.warn(str(error))
            return True
        if command is not None:
            if isinstance(command, str):  # words of an approval
                return self._approved(command)
            return self.do_all(Reading((command,)))
        reading = read(message) if self.talker is None else self._read_calmly(message)
        driver = self.driver
        if driver is not None and driver.question is not None:
            words = _answer_in(message, reading)
            if words is not None:
                return self._approved(words)
            if not reading.requests and (reading.held or self.talker is None):
                self.screen.say(f"A step waits for you: say {HOW}.")
                return True
        if self.talker is not None and not self._plainly(reading):
            self.talker.hear(message, self)
            return True
        return self.do_all(reading)

    def _read_calmly(self, message: str) -> Reading:
        """What rules make of a message that an LLM reads anyway."""
        try:
            return read(message)
        except TargetError:
            return Reading(unclear=(message,))

    def _plainly(self, reading: Reading) -> bool:
        """Whether a message is for code even where an LLM listens."""
        kinds = PLAIN if self.pending is None else (*PLAIN, Yes, No)
        return (
            len(reading.requests) == 1
            and not reading.unclear
            and isinstance(reading.requests[0], kinds)
        )

    def do_all(self, reading: Reading) -> bool:
        """Do what was read, and say what was not; False: the person leaves."""
        if not reading.requests and not reading.held:
            self.screen.say(CANT)
            return True
        settings = [r for r in reading.requests if isinstance(r, SETTINGS)]
        if settings:
            self.deeds.settle(settings)
        stays = True
        for request in reading.requests:
            if not isinstance(request, SETTINGS):
                stays = self.do(request) and stays
        if reading.unclear:
            lost = ", ".join(f"“{part}”" for part in reading.unclear)
            held = " So I have not gone ahead; say it without that." if reading.held else ""
            self.screen.say(f"I made nothing of {lost}.{held}")
        return stays

    def do(self, request: AnyRequest) -> bool:
        """Do one thing; False: the person leaves."""
        if isinstance(request, Quit):
            return False
        if isinstance(request, (Yes, No)):
            self._decided(request)
        elif isinstance(request, Courtesy):
            self.screen.say("Good. What next? (/help)")
        else:
            self.deeds.do(request)
        return True

    # ---- yes and no

    def _decided(self, request: Yes | No) -> None:
        pending, self.pending = self.pending, None
        if pending is None:
            if isinstance(request, Yes):
                self.screen.say("There is nothing that waits for a yes. Say go to start, or /help.")
            else:
                self.screen.say("All right; nothing was going to be done.")
        elif isinstance(request, Yes):
            pending.do()
        else:
            self.screen.say("All right, nothing was changed.")

    def _approved(self, words: str) -> bool:
        """/approve: the step that waits, or the proposal."""
        driver = self.driver
        if driver is not None and driver.question is not None:
            try:
                return self._answered(driver, words)
            except ValueError as error:
                self.screen.warn(str(error))
        elif self.pending is not None:
            refused = words.lower().startswith("n")
            self._decided(No() if refused else Yes())
        else:
            self.screen.say("Nothing waits for a yes.")
        return True

    def _answered(self, driver: Driver, words: str) -> bool:
        question = driver.question
        assert question is not None
        answer = read_answer(words, question)
        said = {"approve": "Going on with it.", "refuse": "Refused; passed on to the controller."}
        self.screen.say(said.get(answer.decision, "Changed; it is checked again as if proposed."))
        driver.answer(answer)
        return True

    # ---- coming and leaving

    def greet(self) -> None:
        """Say where the conversation stands."""
        name = self.conversation.name
        if not self.conversation.said:
            self.screen.say(
                f"This is {name}. Tell me what to work on, for instance:\n"
                "  use tickets.csv, I need macro F1 of at least 0.9, you have half an hour\n"
                "I show the plan and its cost before anything is spent. /help has more."
            )
            return
        self.screen.say(f"Back in {name}, last used {_day(self.conversation.said[-1].when)}.")
        try:
            run = self.run()
            if run is not None:
                from ..record import read_record

                self.screen.say(answers.status(read_record(run), here=False))
            else:
                self.screen.say(draft_words(self.conversation.draft))
        except MISTAKES as error:
            self.screen.warn(" ".join(str(error).split()))

    def leave(self) -> None:
        """Pause what goes on, and say how to come back."""
        if self.going:
            self.screen.say("Pausing the run …")
            self.pause()
        where = self.extra["workspace"]
        option = "" if where == ".tuneos" else f" --workspace {where}"
        self.screen.say(
            f"Come back with: tuneos chat --conversation {self.conversation.name}{option}"
        )

    def hint(self) -> str:
        """What may be typed now, for the bar below the prompt."""
        driver = self.driver
        if driver is not None and driver.question is not None:
            return f"a step waits for you: {HOW}"
        if self.pending is not None:
            return "yes or no?"
        return HINT


def _answer_in(message: str, reading: Reading) -> str | None:
    """What a message answers to a step that waits; None where it is about something else."""
    if len(reading.requests) == 1 and not reading.unclear:
        (only,) = reading.requests
        if isinstance(only, Yes):
            return "yes"
        if isinstance(only, No):
            return f"no {only.words}"
    changes = re.fullmatch(
        r"(?:yes,? |ok,? |but |with )*((?:\w+\s*=\s*\S+[\s,]*)+)", message.strip(), re.IGNORECASE
    )
    return re.sub(r"\s*=\s*", "=", changes[1]) if changes else None


def _day(when: str) -> str:
    return when.replace("T", " ")[:16] + " UTC"
