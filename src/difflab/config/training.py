"""Training of networks, and the classifiers: of digits, and by domain adaptation."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import Field

from difflab.config.base import BatchSize, Distinct, NonNegative, NumSteps, Section, Seed, Text, Width, require

Compilation = Literal["auto", "always", "never"]


class ComputeParams(Section):
    threads: int = Field(ge=1, le=1024, description="CPU threads of a stage; sums, and so results, depend on them")
    mixed_precision: Literal["auto", "fp32", "bf16"] = Field(default="auto", description="auto: bf16 if the GPU has it")
    compile: Compilation = Field(default="auto", description="torch.compile of trainings; auto: of long ones")


STAGES = r"^(adapt|autoencoder|clip|controlnet|custom_diffusion|faces|invert|judge|text_to_image|train)$"  # that train


class RuntimeParams(Section):
    """What changes no result: no stage declares this section, so that changing it reruns nothing."""

    checkpoint_every: NumSteps = Field(default=250, description="training steps between two checkpoints to resume from")
    log_every: NumSteps = Field(default=50, description="training steps between two lines of a training log")
    log_every_in: dict[Annotated[str, Field(pattern=STAGES)], NumSteps] = Field(default={}, description="by stage")


class TrainingParams(Section):
    seed: Seed
    num_epochs: int = Field(ge=1, le=1_000_000)
    batch_size: BatchSize
    gradient_accumulation_steps: BatchSize = Field(
        default=1, description="equal parts that pass through the network one after another, to save memory"
    )
    gradient_checkpointing: bool = Field(
        default=False, description="compute activations again in the backward pass, to save memory"
    )
    optimizer: Literal["adam", "adamw"] = "adamw"
    learning_rate: float = Field(gt=0, le=1, description="after the warm-up")
    weight_decay: NonNegative = 0.0
    lr_schedule: Literal["constant", "linear", "cosine"] = Field(default="cosine", description="after the warm-up")
    lr_interval: Literal["step", "epoch"] = Field(default="step", description="when the learning rate changes")
    warmup_steps: int = Field(default=0, ge=0, le=1_000_000_000)
    ema_decay: float | None = Field(
        default=None, gt=0, lt=1, description="of averaged weights, rising to it; null: none"
    )
    max_grad_norm: float | None = Field(default=1.0, gt=0, le=1_000_000, description="null: no limit")
    num_snapshots: int = Field(default=0, ge=0, le=1000, description="sets of weights to keep, at equal intervals")

    def check(self) -> None:
        size, parts = self.batch_size, self.gradient_accumulation_steps
        require(size % parts == 0, "gradient_accumulation_steps", parts, f"a divisor of batch_size {size}")


def require_whole_batches(training: TrainingParams) -> None:
    """Refuse parts of a batch where the loss of an image depends on the others."""
    parts = training.gradient_accumulation_steps
    require(parts == 1, "training.gradient_accumulation_steps", parts, "1, because this loss joins the batch's images")


class JudgeParams(Section):
    checkpoint: Text | None = Field(description="file with a LeNet-like MNIST-M classifier; null: train all three")
    channels: list[Width] = Field(min_length=1, max_length=4)
    training: TrainingParams

    def check(self) -> None:
        require_whole_batches(self.training)


# SOURCE-TARGET, both data sets of prepared/.
Scenario = Annotated[str, Field(pattern=r"^(mnist|mnistm|svhn|usps)-(mnist|mnistm|svhn|usps)$")]
Method = Literal["source-only", "dann", "dann-mcc", "target-only"]


class ClassifierParams(Section):
    channels: list[Width] = Field(min_length=1, max_length=3, description="of convolutions that halve the image")
    num_features: Width = Field(description="input of both heads")
    domain_head_width: Width


class ConfusionParams(Section):
    weight: NonNegative
    temperature: float = Field(ge=0.01, le=1000)


class MethodParams(Section):
    max_lambda: NonNegative | None = Field(default=None, description="final λ of gradient reversal")
    confusion: ConfusionParams | None = Field(default=None, description="minimum class confusion on the target")


class TsneParams(Section):
    seed: Seed
    perplexity: float = Field(ge=1, le=10_000)
    num_images: int = Field(ge=10, le=100_000, description="of each domain, at most")

    def check(self) -> None:
        most = 2 * self.num_images
        require(self.perplexity < most, "perplexity", self.perplexity, f"number < {most}, twice num_images")


class AdaptationParams(Section):
    scenarios: Distinct[Scenario]
    methods: dict[Method, MethodParams]
    num_runs: int = Field(ge=2, le=1000, description="of each method: training.seed, training.seed + 1, …")
    network: ClassifierParams
    training: TrainingParams
    tsne: TsneParams

    def check(self) -> None:
        for scenario in self.scenarios:
            require(len(set(scenario.split("-"))) == 2, "scenarios", scenario, "two different domains")
        missing = [method for method in get_args(Method) if method not in self.methods]
        require(not missing, "methods", list(self.methods), f"also {', '.join(missing)}")
        for name, method in self.methods.items():
            for key, needed in (("max_lambda", name.startswith("dann")), ("confusion", name == "dann-mcc")):
                found = getattr(method, key)
                require((found is not None) == needed, f"methods.{name}.{key}", found, "a value" if needed else "null")
        require_whole_batches(self.training)
        # With one norm for all gradients the domain head would slow down the label head, even with λ = 0.
        norm, snapshots = self.training.max_grad_norm, self.training.num_snapshots
        require(norm is None, "training.max_grad_norm", norm, "null")
        require(snapshots > 0, "training.num_snapshots", snapshots, "integer ≥ 1, to choose from")
