"""What a fine-tune may be told: every value bounded, so that nobody can ask for nonsense."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Technique = Literal["top_layers", "lora", "full"]  # strategies of the graph each use one
PeftMethod = Literal[  # `peft_methods.METHODS` says what each is
    "lora",
    "rslora",
    "dora",
    "pissa",
    "olora",
    "ia3",
    "loha",
    "lokr",
    "vera",
    "randlora",
    "fourierft",
    "oft",
    "ln_tuning",
    "bitfit",
    "prefix_tuning",
    "prompt_tuning",
    "p_tuning",
]

Adversarial = Literal["none", "fgm", "pgd", "freelb", "rdrop", "smart"]  # see `adversarial.py`
Noise = Literal["none", "typos", "characters"]  # see `tools/robustness/noisy.py`
UNMIXED = {"rdrop", "smart"}  # compare two passes of a text, which mix-up would blend apart


def passes(adversarial: str, steps: int) -> float:
    """Forward and backward passes of a step, in those of one without adversarial training."""
    return {
        "fgm": 2.0,
        "pgd": 1.0 + steps,
        "freelb": steps + 0.3,
        "rdrop": 2.0,
        "smart": 2.0 + steps,
    }.get(adversarial, 1.0)


class TrainSettings(BaseModel):
    """Settings of one fine-tune; the knowledge graph holds the defaults with their sources.

    `strategy` is the technique that a strategy of the graph uses. `rank`, `alpha` and
    `peft_method` matter to "lora" only, `layers` to "top_layers" only;
    `own_weights` to multiple choice; `quantised`, `fresh_rate` and `beams` to models that
    write.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    strategy: Technique = "lora"
    learning_rate: float = Field(1e-3, ge=1e-7, le=1.0)
    epochs: int = Field(4, ge=1, le=100, description="passes over the training rows, at most")
    batch_size: int = Field(32, ge=1, le=1024)
    weight_decay: float = Field(0.01, ge=0, le=1)
    dropout: float = Field(0.1, ge=0, le=0.9, description="on the pooled embedding")
    warmup_ratio: float = Field(0.06, ge=0, le=0.5, description="share of the steps")
    label_smoothing: float = Field(0.0, ge=0, le=0.5)
    mixup: float = Field(
        0.0,
        ge=0,
        le=4,
        description="alpha of mix-up on pooled embeddings, 0 for none; not for tags and spans",
    )
    adversarial: Adversarial = Field("none", description="also learn from shifted word vectors")
    adversarial_size: float = Field(
        0.02, gt=0, le=2, description="of the shift, as a share of the length of the vectors"
    )
    adversarial_steps: int = Field(2, ge=1, le=10, description="of pgd, freelb and smart")
    adversarial_weight: float = Field(
        1.0, ge=0, le=100, description="of the added loss; freelb has none"
    )
    noise: Noise = Field(
        "none", description="also learn from copies of the rows with such noise in their letters"
    )
    noisy_copies: int = Field(1, ge=1, le=5, description="of each row, where there is noise")
    class_weights: bool = Field(False, description="weigh the loss by inverse root frequency")
    optimizer: Literal["adamw", "sgd"] = "adamw"
    patience: int = Field(3, ge=1, le=100, description="epochs without gain before stopping")
    max_length: int = Field(256, ge=8, le=8192, description="tokens; longer texts are cut")
    peft_method: PeftMethod = "lora"
    rank: int = Field(16, ge=1, le=512)
    alpha: int = Field(32, ge=1, le=2048)
    target_modules: str = Field(
        "", max_length=200, description="names of the modules it changes; empty: all linear ones"
    )
    layers: int = Field(2, ge=1, le=200, description="encoder layers trained, from the top")
    accumulate: int = Field(
        1, ge=1, le=1024, description="parts that a batch is computed in, to save memory"
    )
    checkpointing: bool = Field(False, description="compute activations twice, to save memory")
    quantised: bool = Field(False, description="load frozen weights in 4 bits; CUDA only")
    fresh_rate: float = Field(
        1.0, ge=0.01, le=100, description="times learning_rate, for weights that start anew"
    )
    own_weights: bool = Field(
        False, description="weights of its own for each choice, where the choices never differ"
    )
    beams: int = Field(0, ge=0, le=16, description="of decoding; 0 leaves it to the task")

    @property
    def mixes(self) -> bool:
        """Whether embeddings are blended while the model learns."""
        return self.mixup > 0 and self.adversarial not in UNMIXED
