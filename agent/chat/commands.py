"""Clauses that are a request as a whole: "show me the plan", "why did you do step three?"."""

from __future__ import annotations

import re
from collections.abc import Callable

from .quantities import NUMBER, number
from .requests import (
    AnyRequest,
    CheckData,
    Courtesy,
    Go,
    Help,
    ListChats,
    NewChat,
    Pause,
    Quit,
    Show,
    ShowPlan,
    Status,
    Tried,
    UseData,
    Why,
    Yes,
)

HOLE = "·"  # stands where a path, a target or a budget was taken out of a sentence
_IT = (
    r"(?: it| this| that| the (?:run|training|data|dataset|file|model|job)|"
    rf" my (?:data|dataset|file|model)| a model|(?: on| with)? {HOLE})?(?: with {HOLE})?"
)
_DATA = rf"(?: it| (?:the|my) (?:data|dataset|file|rows)| {HOLE})"
_RUN = r"(?:it|this|that|the run)"
_YOU = r"(?:it|you|that|the run)"

_GO = (
    "go", "go on", "go ahead", "start", "begin", "run", "launch", "continue", "resume", "carry on",
    "proceed", "keep going", "train", "tune", "fine-tune", "do", "get going", "let's go",
    "make it so", "start training", "start tuning", "go on with", "continue with", "start with",
)  # fmt: skip
_PAUSE = (
    "pause", "stop", "halt", "wait", "hold on", "hang on", "interrupt", "cancel", "abort",
    "stop training", "take a break",
)  # fmt: skip
_PLAN = (
    r"(?:the |make a )?plan", r"what(?:'s| is| would be) (?:the|your) plan",
    r"plan (?:it|this|the run)", r"what (?:will|would) you do",
    r"what are you (?:going|about|planning) to (?:do|try)", r"what do you (?:intend|plan) to do",
    rf"how much (?:will|would) {_RUN} cost", rf"what (?:will|would) {_RUN} cost",
    rf"how long (?:will|would) {_RUN} take", r"what are the next steps", r"what(?:'s| is) next",
    r"(?:the )?draft", r"(?:the |my )?settings", r"what have we got",
)  # fmt: skip
_STATUS = (
    r"(?:the )?status", r"how(?:'s| is) (?:it|the run|training)(?: going| doing)?",
    r"how far (?:are you|are we|is it|along)(?: are you| is it)?",
    r"what(?:'s| is) (?:happening|going on|up)", r"what are you (?:doing|at|up to)",
    r"(?:the |any )?progress", r"where (?:are|do) (?:we|you)(?: stand)?", r"any news",
    r"are (?:you|we) done(?: yet)?", r"where does it stand", r"how much longer",
    r"is it (?:done|finished|ready|running|still running|over)(?: yet)?",
    r"how much (?:time|budget) is left", r"best",
    r"what(?:'s| is) the best(?: model| candidate| score)?",
)  # fmt: skip
_TRIED = (
    r"what (?:did|have|had) you (?:try|tried|do|done)", r"what did it try", r"tried",
    r"what(?:'s| was| has been| have been) tried", r"what steps did you take", r"what happened",
    r"(?:list )?(?:the )?(?:candidates|attempts|trials|steps|history)",
    r"which (?:models|strategies|methods) (?:did|have) you (?:try|tried)",
    r"which models are there",
)  # fmt: skip
_REPORT = (
    r"(?:the )?(?:report|results?|outcome|verdict|figures|scores?)", r"open the report",
    r"how did (?:it|that|the run) (?:go|end|do)", r"how good is (?:it|the model)",
    r"did it work", r"is it (?:any )?good", r"did you make it", r"how well does it do",
    r"(?:was|were|are|is) the targets? (?:met|reached|hit)",
    r"did (?:it|you) (?:meet|reach|hit) the targets?", r"what (?:was|is|were) the results?",
    r"where(?:'s| is) the report",
)  # fmt: skip
_MODEL = (
    r"where(?:'s| is) (?:the|my) model", r"(?:the )?model", r"what is the model",
    r"which model (?:is it|did you (?:choose|pick|keep))",
    r"how (?:do|can) i use (?:it|the model)",
)  # fmt: skip
_COST = (
    rf"what did {_YOU} (?:cost|spend)", r"what has it cost",
    r"(?:the )?(?:costs?|spending|bill|price)",
    rf"how much (?:did|has|have) {_YOU} (?:cost|spend|spent|take|taken)",
    rf"how long did {_YOU} take",
    r"how much (?:time|money) (?:did|have|has) (?:it|you) (?:spend|spent|take|taken|use|used)",
)  # fmt: skip
_CHECK = (
    rf"(?:check|inspect|(?:have |take )?(?:a )?look at|examine|analy[sz]e|diagnose){_DATA}",
    rf"(?:describe|profile|review|validate){_DATA}", r"check|inspect|diagnose",
    rf"what(?:'s| is) in{_DATA}", rf"(?:is|are){_DATA} (?:ok|okay|good|fine|clean|any good)",
    rf"(?:is |what(?:'s| is) )?(?:there )?(?:anything )?wrong with{_DATA}", rf"about{_DATA}",
    rf"what does{_DATA} look like", rf"how (?:is|good is|does){_DATA}(?: look)?",
)  # fmt: skip
_HELP = (
    r"help", r"what can (?:you|i) (?:do|say|ask)", r"what do you (?:understand|know|do)",
    r"commands", r"how does (?:this|it) work", r"who are you", r"what are you",
    r"how do i (?:start|begin|use this)",
)  # fmt: skip
_YES = (
    "yes", "y", "yep", "yeah", "sure", "ok", "okay", "fine", "agreed", "go for it", "approved?",
    "sounds good", "i agree", "do it", "all right", "alright", "yes do it", "yes go ahead",
    "of course",
)  # fmt: skip
_COURTESY = (
    "hi", "hello", "hey", "good (?:morning|day|evening|afternoon)", "thanks",
    "thank you(?: very much)?", "cool", "great", "nice", "perfect", "good", "well done",
    "hello there", "hi there",
)  # fmt: skip
_WHY_LAST = (
    r"(?:why|how come|what for)(?: (?:did|do|are|have|would) you (?:do|doing|done) "
    r"(?:that|this|it))?",
    r"why (?:that|this)", r"what made you do (?:that|this|it)", r"what was that(?: for)?",
    r"explain(?: (?:that|this|it|yourself))?", r"why is (?:that|this)",
)  # fmt: skip
_WHY_STOP = (
    r"why (?:did|has|have|was|is)(?: it| you| the run| that)? (?:stop|stopped|end|ended|over|"
    r"finish|finished|give up|given up|quit|done)(?: \w+){0,2}",
    r"why (?:was|were|is|are) the targets? (?:missed|not met|not reached|unmet)",
    r"why (?:did|has) (?:it|you) (?:miss|missed|fail|failed)(?: the targets?)?",
)  # fmt: skip
_WHY_MODEL = (
    r"why (?:this|that|the|did you (?:choose|pick|keep|take|select))(?: \w+)? ?"
    r"(?:model|candidate|one)",
    r"how did you choose(?: the model)?", r"why is (?:this|that|it) the best(?: model| one)?",
)  # fmt: skip

_Made = Callable[["re.Match[str]"], AnyRequest]


def _always(request: AnyRequest) -> _Made:
    return lambda _: request


_TABLE: tuple[tuple[tuple[str, ...], _Made], ...] = (
    (tuple(f"{go}{_IT}" for go in _GO), _always(Go())),
    (tuple(f"{pause}{_IT}" for pause in _PAUSE), _always(Pause())),
    (_PLAN, _always(ShowPlan())),
    (_STATUS, _always(Status())),
    (_TRIED, _always(Tried())),
    (_REPORT, _always(Show(what="report"))),
    (_MODEL, _always(Show(what="model"))),
    (_COST, _always(Show(what="cost"))),
    (_CHECK, _always(CheckData())),
    (
        (
            r"(?:use|load|open)(?: the)?(?: data(?:set)?)? "
            r"(?!\w+ing\b|it$|this$|that$|them$|data$|all$)(?P<name>[\w.-]*\w)",
        ),
        lambda m: UseData(data=m["name"]),
    ),
    (_HELP, _always(Help())),
    ((r"(?:list )?(?:the |my )?(?:chats|conversations)",), _always(ListChats())),
    (
        (
            r"(?:start |begin |open )?(?:a )?(?:new|another) (?:chat|conversation)",
            r"start (?:over|afresh)",
        ),
        _always(NewChat()),
    ),
    (("quit", "exit", "bye", "good ?bye", "leave", "see you(?: later)?"), _always(Quit())),
    (_YES, _always(Yes())),
    (_COURTESY, _always(Courtesy())),
    (_WHY_LAST, _always(Why())),
    (
        (rf"(?:why|explain|what was)(?: \w+){{0,4}}? step (?:number )?(?P<n>{NUMBER})",),
        lambda m: Why(about=f"step {int(number(m['n']))}"),
    ),
    (_WHY_STOP, _always(Why(about="stop"))),
    (_WHY_MODEL, _always(Why(about="model"))),
    (
        (
            r"(?:why|explain|how come)(?: (?:did|do|are|have|was|were|is|will))?"
            r"(?: (?:you|it|the))*(?P<what> .+)",
        ),
        lambda m: Why(about=m["what"].strip()[:100]),
    ),
)
_COMPILED = [(re.compile("|".join(ways), re.IGNORECASE), make) for ways, make in _TABLE]
_FRONT = re.compile(
    r"^(?:please|ok(?:ay)?|so|now|then|well|hey|hi|hello|and|just|also|great|good|alright|"
    r"can you|could you|would you|will you|can we|i want you to|i'd like you to|"
    r"i would like you to|i want to|i'd like to|let's|let us|you may|you can|tell me|show me|"
    r"give me|let me see|first|actually)\b[, ]*",
    re.IGNORECASE,
)
_BACK = re.compile(
    r"[, ]*\b(?:please|now|then|for me|again|so far|already|until now|first|right now|thanks|"
    r"for a (?:moment|while)|at the moment|thank you|a bit)$",
    re.IGNORECASE,
)


def command(clause: str) -> AnyRequest | None:
    """The request that a clause is, as a whole, courtesies around it aside."""
    said = " ".join(clause.strip(" .!?,;:").split())
    while said:
        for pattern, make in _COMPILED:
            match = pattern.fullmatch(said)
            if match is not None:
                return make(match)
        shorter = _BACK.sub("", _FRONT.sub("", said)).strip(" .!?,;:")
        if shorter == said:
            return None
        said = shorter
    return None
