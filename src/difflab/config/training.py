"""Training of networks, digit classifiers, and domain adaptation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, Field

from difflab.config.base import (
    BatchSize,
    EachOnce,
    NonNegative,
    NumSteps,
    Section,
    Seed,
    SetName,
    Text,
    Width,
    require,
)

Compilation = Literal["auto", "always", "never"]


class ComputeParams(Section):
    """Threads and precision, for all stages."""

    threads: int = Field(
        ge=1, le=1024, description="CPU threads of a stage; affects results, because it changes the order of sums"
    )
    mixed_precision: Literal["auto", "fp32", "bf16"] = Field(
        default="auto", description="precision of training; auto is bf16 on GPUs that support it"
    )
    compile: Compilation = Field(
        default="auto", description="compile trainings with torch.compile; auto: only long ones"
    )


STAGES = r"^(adapt|autoencoder|clip|controlnet|custom_diffusion|faces|invert|judge|text_to_image|train)$"  # that train


class RuntimeParams(Section):
    """Settings that affect results only by rounding: no stage declares this section, so changing it reruns nothing."""

    gpus: int = Field(
        default=0, ge=0, le=1024, description="GPUs requested by each training and sampling, with one process on each"
    )
    in_memory_limit: float = Field(
        default=8.0,
        gt=0,
        le=65536,
        description="GiB of images that a stage keeps in memory; larger data sets are read in parts from a file",
    )
    checkpoint_every: NumSteps = Field(default=250, description="training steps between two checkpoints")
    log_every: NumSteps = Field(default=50, description="training steps between two lines of a training log")
    log_every_in: dict[Annotated[str, Field(pattern=STAGES)], NumSteps] = Field(
        default={}, description="log_every for single training stages"
    )


class TrainingParams(Section):
    """One training run; every system uses the same training loop."""

    seed: Seed = Field(description="seed of initial weights, batch order and noise")
    num_epochs: int = Field(ge=1, le=1_000_000, description="passes over the training data")
    batch_size: BatchSize = Field(description="images for each step; a smaller last batch of an epoch is dropped")
    gradient_accumulation_steps: BatchSize = Field(
        default=1, description="number of equal micro-batches that each batch is split into, to save memory"
    )
    gradient_checkpointing: bool = Field(
        default=False, description="whether the backward pass recomputes activations, to save memory"
    )
    optimizer: Literal["adam", "adamw", "adamw_8bit"] = Field(
        default="adamw",
        description="optimizer with β = (0.9, 0.999); adamw_8bit stores its moments in 8 bits (bitsandbytes)",
    )
    learning_rate: float = Field(gt=0, le=1, description="learning rate after the warm-up")
    weight_decay: NonNegative = Field(default=0.0, description="weight decay of the optimizer")
    lr_schedule: Literal["constant", "linear", "cosine"] = Field(
        default="cosine", description="learning rate schedule after the warm-up; linear and cosine end at 0"
    )
    lr_interval: Literal["step", "epoch"] = Field(default="step", description="how often the learning rate changes")
    warmup_steps: int = Field(default=0, ge=0, le=1_000_000_000, description="steps of a linear warm-up")
    ema_decay: float | None = Field(
        default=None, gt=0, lt=1, description="decay of the moving average of the weights; null: no average"
    )
    max_grad_norm: float | None = Field(
        default=1.0, gt=0, le=1_000_000, description="norm to which gradients are clipped; null: no clipping"
    )
    num_snapshots: int = Field(
        default=0, ge=0, le=1000, description="number of snapshots of the weights to keep, at equal intervals"
    )

    def check(self) -> None:
        size, parts = self.batch_size, self.gradient_accumulation_steps
        require(size % parts == 0, "gradient_accumulation_steps", parts, f"a divisor of batch_size {size}")


def trainings(section: BaseModel | dict[str, Any], key: str = "") -> Iterator[tuple[str, TrainingParams]]:
    """All training sections within `section`, for example Params, each with its dotted key."""
    if isinstance(section, TrainingParams):
        yield key, section
    for name, value in dict(section).items():
        if isinstance(value, (BaseModel, dict)):
            yield from trainings(value, f"{key}.{name}".strip("."))  # pyright: ignore[reportUnknownArgumentType]


def require_whole_batches(training: TrainingParams) -> None:
    """Refuse micro-batches if the loss of an image depends on the other images."""
    parts = training.gradient_accumulation_steps
    require(parts == 1, "training.gradient_accumulation_steps", parts, "1, because this loss joins the batch's images")


class JudgeParams(Section):
    """Classifiers that evaluate the samples, one for each data set."""

    sets: Annotated[list[SetName], EachOnce] = Field(description="data sets to train a classifier for")
    checkpoint: Text | None = Field(
        description="file with weights of a LeNet-like classifier for the data set mnistm; null: train it"
    )
    channels: list[Width] = Field(
        min_length=1, max_length=4, description="width of each stage of convolutions; each halves the image"
    )
    training: TrainingParams

    def check(self) -> None:
        require_whole_batches(self.training)


# SOURCE-TARGET, both in data.sets.
Scenario = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*-[a-z][a-z0-9]*$")]
Scenarios = Annotated[dict[Scenario, Literal["all"]], Field(min_length=1)]
Method = Literal["source-only", "dann", "dann-mcc", "target-only"]


class ClassifierParams(Section):
    """Feature extractor, label head and domain head."""

    channels: list[Width] = Field(
        min_length=1, max_length=3, description="width of each convolution; each halves the image"
    )
    num_features: Width = Field(description="entries of the features, which both heads read")
    domain_head_width: Width = Field(description="width of the two hidden layers of the domain head")


class ConfusionParams(Section):
    """Minimum class confusion (Jin et al. 2020)."""

    weight: NonNegative = Field(description="weight of the loss")
    temperature: float = Field(ge=0.01, le=1000, description="temperature of the softmax of the target's logits")


class MethodParams(Section):
    """A method of adaptation: `source-only`, `dann`, `dann-mcc` or `target-only`."""

    max_lambda: NonNegative | None = Field(
        default=None, description="final λ of gradient reversal; null for methods without"
    )
    confusion: ConfusionParams | None = None


class TsneParams(Section):
    """The figures of t-SNE."""

    seed: Seed = Field(description="seed of the embedding")
    perplexity: float = Field(ge=1, le=10_000, description="perplexity, below the number of embedded images")
    num_images: int = Field(ge=10, le=100_000, description="maximum number of images of each domain")

    def check(self) -> None:
        most = 2 * self.num_images
        require(self.perplexity < most, "perplexity", self.perplexity, f"number < {most}, twice num_images")


class AdaptationParams(Section):
    """Unsupervised domain adaptation of a classifier."""

    data: Annotated[dict[Literal["sets"], Literal["all"]], Field(min_length=1)] = Field(
        description="training data, as {sets: all}: the data sets of the scenarios"
    )
    scenarios: Scenarios = Field(description="pairs of data sets with the same classes, as {SOURCE-TARGET: all}")
    methods: dict[Method, MethodParams] = Field(description="settings of the four methods")
    num_runs: int = Field(ge=2, le=1000, description="runs of each method, with the training seeds seed, seed + 1, …")
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
