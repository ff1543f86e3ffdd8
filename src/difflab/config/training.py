"""The machine, what trains a network on it, and the judges."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from difflab.config.section import BatchSize, NonNegative, NumSteps, Section, Seed, Text, Width


class ComputeParams(Section):
    threads: Annotated[
        int, Field(ge=1, le=1024)
    ]  # CPU threads of one stage; sums are split by thread, so bytes depend on it
    mixed_precision: Literal["auto", "fp32", "bf16"]  # auto: bf16 on GPUs that have it, fp32 on CPUs


class TrainingParams(Section):
    seed: Seed
    num_epochs: Annotated[int, Field(ge=1, le=1_000_000)]
    batch_size: BatchSize
    optimizer: Literal["adam", "adamw"]
    learning_rate: Annotated[float, Field(gt=0, le=1)]
    weight_decay: NonNegative
    lr_schedule: Literal["constant", "linear", "cosine"]  # what follows the warm-up
    lr_interval: Literal["step", "epoch"]  # how often the learning rate changes
    warmup_steps: Annotated[int, Field(ge=0, le=1_000_000_000)]
    ema_decay: Annotated[float, Field(gt=0, lt=1)] | None
    max_grad_norm: Annotated[float, Field(gt=0, le=1_000_000)] | None
    log_every: NumSteps  # steps between two lines of train_log.jsonl
    checkpoint_every: NumSteps  # steps between two rolling checkpoints
    num_snapshots: Annotated[
        int, Field(ge=0, le=1000)
    ]  # sets of weights kept on the way, at equal intervals, the last ones included


class JudgeParams(Section):
    checkpoint: Text | None  # a LeNet-like MNIST-M judge of others, taken instead of training that one
    channels: Annotated[list[Width], Field(min_length=1, max_length=4)]
    training: TrainingParams
