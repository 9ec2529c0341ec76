"""The tool that fine-tunes the base model."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from ..datasets.tool import current
from ..datasets.versions import load_version
from ..estimate import STARTUP, estimate_seconds
from ..facts import Facts, OnProgress, Outcome
from ..jobs.run import Finished
from ..jobs.spec import JobSpec
from ..knowledge.recalled import alike, begun_with, from_memory, seeds
from ..tool import Tool, ToolContext, ToolResult
from .asked_settings import FINE_TUNE_NAME, as_will_run, strategy_of
from .candidates import candidate_name, renamed, scores_line
from .job_specs import make_spec
from .memory_retry import train_gently, within_memory
from .settings import Adversarial, Noise, PeftMethod, TrainSettings


class FineTuneArguments(BaseModel):
    """Fine-tune the base model once. Costly: minutes. Leave out what should be as known best."""

    model_config = ConfigDict(extra="forbid")

    strategy: str = Field(max_length=40, description="name of a fine_tune strategy of the state")
    learning_rate: float | None = Field(None, ge=1e-7, le=1.0)
    epochs: int | None = Field(None, ge=1, le=100)
    batch_size: int | None = Field(None, ge=1, le=1024)
    weight_decay: float | None = Field(None, ge=0, le=1)
    dropout: float | None = Field(None, ge=0, le=0.9)
    warmup_ratio: float | None = Field(None, ge=0, le=0.5)
    label_smoothing: float | None = Field(None, ge=0, le=0.5)
    mixup: float | None = Field(
        None, ge=0, le=4, description="blends texts, where one label or several belong to a text"
    )
    adversarial: Adversarial | None = Field(
        None, description="for answers that bear typos and attacks: 2 to 4 times the time"
    )
    adversarial_size: float | None = Field(None, gt=0, le=2)
    adversarial_steps: int | None = Field(None, ge=1, le=10)
    adversarial_weight: float | None = Field(None, ge=0, le=100)
    noise: Noise | None = Field(None, description="noisy copies of the rows, for robust answers")
    noisy_copies: int | None = Field(None, ge=1, le=5)
    class_weights: bool | None = None
    optimizer: Literal["adamw", "sgd"] | None = None
    max_length: int | None = Field(None, ge=8, le=8192, description="tokens; 256 if left out")
    peft_method: PeftMethod | None = Field(None, description="for LoRA and its relatives")
    rank: int | None = Field(None, ge=1, le=512, description="for LoRA and its relatives")
    alpha: int | None = Field(None, ge=1, le=2048, description="for LoRA and its relatives")
    target_modules: str | None = Field(
        None, max_length=200, description="names of the modules LoRA changes, with spaces; else all"
    )
    layers: int | None = Field(None, ge=1, le=200, description="of the top that learn")
    own_weights: bool | None = Field(None, description="for choices that never differ")
    accumulate: int | None = Field(None, ge=1, le=1024, description="parts of a batch, for memory")
    checkpointing: bool | None = Field(None, description="slower, less memory")
    quantised: bool | None = Field(None, description="4 bits; language models, lora, CUDA")


def _fine_tune(
    arguments: FineTuneArguments, context: ToolContext, facts: Facts, progress: OnProgress
) -> ToolResult:
    said = arguments.model_dump(exclude_none=True)
    strategy = strategy_of(said, context)
    asked = as_will_run(said, context, facts)
    began = seeds(alike(facts.remembered, facts.constants), strategy)[:1]
    name = candidate_name(strategy, facts)
    train, _ = load_version(current(facts))
    longest = max((len(text) for text in train.texts), default=0)
    settings, softened = within_memory(asked, longest, context, facts)

    def make(settings: TrainSettings) -> JobSpec:
        spec = make_spec("fine_tune", name, settings.model_dump(), context, facts)
        if spec.seconds is None:
            return spec
        kept = STARTUP + estimate_seconds("blend_candidates", {}, facts)
        seconds = max(spec.seconds - kept, 0.7 * spec.seconds)  # what it makes will be blended
        return spec.model_copy(update={"seconds": seconds})

    done, _, notes = train_gently(make, settings, context, progress, strategy)
    said_of = tuple(filter(None, (softened, *notes, *(begun_with(name, r) for r in began))))
    outcome = from_memory(renamed(done.outcome, name, strategy), began, said)
    return _result(done, outcome, context, facts, said_of)


def _result(
    done: Finished,
    outcome: Outcome,
    context: ToolContext,
    facts: Facts,
    said: tuple[str, ...] = (),
) -> ToolResult:
    outcome = outcome.model_copy(update={"notes": (*outcome.notes, *said)})
    again = " (done before, not repeated)" if done.reused else f" in {done.seconds:.0f} s"
    if done.reused and any(c.folder == outcome.candidates[0].folder for c in facts.candidates):
        return ToolResult(
            "These settings were tried already: " + scores_line(outcome.candidates, context.metric)
        )
    return ToolResult(
        scores_line(outcome.candidates, context.metric)
        + again
        + ("." if outcome.notes else "")
        + "".join(f" {n}." for n in outcome.notes),
        Facts(candidates=outcome.candidates, curves=outcome.curves, notes=outcome.notes),
        (outcome.candidates[0].folder,),
    )


FINE_TUNE = Tool(FINE_TUNE_NAME, FineTuneArguments, _fine_tune)
