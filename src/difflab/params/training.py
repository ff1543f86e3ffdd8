"""The machine, what trains a network on it, and the judges."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from difflab.params.section import NonNegativeInt, PositiveInt, Section, Seed


class ComputeParams(Section):
    threads: PositiveInt  # CPU threads of one stage; sums are split by thread, so bytes depend on it
    mixed_precision: Literal["auto", "fp32", "bf16"]  # auto: bf16 on GPUs that have it, fp32 on CPUs


class TrainingParams(Section):
    seed: Seed
    num_epochs: PositiveInt
    batch_size: PositiveInt
    optimizer: Literal["adam", "adamw"]
    learning_rate: Annotated[float, Field(gt=0, le=1)]
    weight_decay: Annotated[float, Field(ge=0)]
    lr_schedule: Literal["constant", "linear", "cosine"]  # what follows the warm-up
    lr_interval: Literal["step", "epoch"]  # how often the learning rate changes
    warmup_steps: NonNegativeInt
    ema_decay: Annotated[float, Field(gt=0, lt=1)] | None
    max_grad_norm: Annotated[float, Field(gt=0)] | None
    log_every: PositiveInt  # steps between two lines of train_log.jsonl
    checkpoint_every: PositiveInt  # steps between two rolling checkpoints
    num_snapshots: NonNegativeInt  # sets of weights kept on the way, at equal intervals, the last ones included


class JudgeParams(Section):
    checkpoint: str | None  # a LeNet-like MNIST-M judge of others, taken instead of training that one
    channels: Annotated[list[PositiveInt], Field(min_length=1, max_length=4)]
    training: TrainingParams
