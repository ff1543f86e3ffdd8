"""The one training loop: every objective is a task, an `nn.Module` whose forward pass is its loss."""

import json
import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.optim import Adam, AdamW, Optimizer
from torch.optim.lr_scheduler import LambdaLR
from torch.optim.swa_utils import PARAM_LIST, AveragedModel, get_ema_multi_avg_fn

from difflab.config.training import TrainingParams
from difflab.errors import UserError
from difflab.pipeline.progress import image_bar
from difflab.training.checkpoint import RollingCheckpoint

VALIDATION_BATCH = 256


def fit(
    task: nn.Module,
    data: dict[str, Tensor],
    params: TrainingParams,
    accelerator: Accelerator,
    checkpoint: RollingCheckpoint,
    validation: dict[str, Tensor] | None = None,
) -> None:
    """Train `task` in place; afterwards it holds the final weights, or their moving average where `ema_decay` is set.

    `data`: tensors of one first dimension N, kept on the training device; `task(batch, generator)` gets the same rows
    of each and returns the mean loss of the batch. Continues from `checkpoint` where there is one. `checkpoint.log`
    holds JSON lines of step, epoch, mean loss and gradient norm since the line before, and learning rate; with
    `validation`, data like `data`, also lines of the mean loss on it after each epoch. `checkpoint.snapshots` holds the
    weights, or their moving average, of `num_snapshots` steps.

    Raises UserError when a batch is larger than the data, there are fewer steps than snapshots, or the loss is no
    longer finite.
    """
    trainer = _Trainer(task, data, params, accelerator, validation)
    saved = checkpoint.load()
    if saved:
        trainer.load_state_dict(saved)
    trainer.run(checkpoint)
    task.load_state_dict(trainer.averaged.state_dict())
    task.eval()


class _Trainer:
    """All that changes while a training runs, and how it changes."""

    def __init__(
        self,
        task: nn.Module,
        data: dict[str, Tensor],
        params: TrainingParams,
        accelerator: Accelerator,
        validation: dict[str, Tensor] | None,
    ):
        self.params, self.accelerator = params, accelerator
        self.task = task.to(accelerator.device)
        self.data = {name: tensor.to(accelerator.device) for name, tensor in data.items()}
        self.batches = Batches(len(next(iter(data.values()))), params.batch_size, params.seed)
        self.validation = {name: tensor.to(accelerator.device) for name, tensor in (validation or {}).items()}
        self.num_steps = params.num_epochs * self.batches.per_epoch
        if params.num_snapshots > self.num_steps:
            allowed = f"0 to {self.num_steps}, the steps of the training"
            raise UserError(f"training.num_snapshots: found {params.num_snapshots}, allowed: {allowed}")
        kept = range(1, params.num_snapshots + 1)
        self.snapshot_steps = {round(i * self.num_steps / params.num_snapshots) for i in kept}
        self.ema = None
        if params.ema_decay:
            self.ema = AveragedModel(task, multi_avg_fn=self.average)
        optimizer = make_optimizer(task.parameters(), params)
        self.lr_scheduler = make_lr_scheduler(optimizer, params, self.batches.per_epoch)
        self.model, self.optimizer = accelerator.prepare(task, optimizer)
        self.generator = torch.Generator(accelerator.device).manual_seed(params.seed)
        self.step = self.logged = 0
        # Of loss and gradient norm, since the last line of the log.
        self.sums = torch.zeros(2, dtype=torch.float64, device=accelerator.device)

    def state_dict(self) -> dict[str, Any]:
        return {
            "step": self.step,
            "logged": self.logged,
            "sums": self.sums,
            "task": self.task.state_dict(),
            "ema": self.ema.state_dict() if self.ema else {},
            "optimizer": self.optimizer.state_dict(),
            "lr_scheduler": self.lr_scheduler.state_dict(),
            "generator": self.generator.get_state(),
            "torch_rng": torch.get_rng_state(),  # dropout draws from the global generators
            "cuda_rng": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.step, self.logged = state["step"], state["logged"]
        self.sums.copy_(state["sums"])
        self.task.load_state_dict(state["task"])
        if self.ema:
            self.ema.load_state_dict(state["ema"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.lr_scheduler.load_state_dict(state["lr_scheduler"])
        self.generator.set_state(state["generator"])
        torch.set_rng_state(state["torch_rng"])
        if state["cuda_rng"]:
            torch.cuda.set_rng_state_all(state["cuda_rng"])

    def run(self, checkpoint: RollingCheckpoint) -> None:
        size = self.params.batch_size
        with image_bar("training", self.step * size, self.num_steps * size) as bar:
            self.model.train()
            while self.step < self.num_steps:
                learning_rate = self.train_step()
                bar.update(size)
                if self.step % checkpoint.log_every == 0 or self.step == self.num_steps:
                    bar.set_postfix(loss=f"{self.write_log(checkpoint, learning_rate):.4f}", refresh=False)
                if self.validation and self.step % self.batches.per_epoch == 0:
                    self.write_line(checkpoint, {"validation_loss": self.validate()})
                if self.step in self.snapshot_steps:
                    checkpoint.save_snapshot(self.step, self.averaged.state_dict())
                if self.step % checkpoint.checkpoint_every == 0 or self.step == self.num_steps:
                    checkpoint.save(self.state_dict())

    def train_step(self) -> float:
        """One update; returns the learning rate it was made with."""
        indices = self.batches[self.step].to(self.accelerator.device)
        with self.accelerator.autocast():
            loss = self.model({name: tensor[indices] for name, tensor in self.data.items()}, self.generator)
        self.accelerator.backward(loss)
        norm = nn.utils.clip_grad_norm_(self.task.parameters(), self.params.max_grad_norm or math.inf)
        self.optimizer.step()
        self.optimizer.zero_grad()
        learning_rate = float(self.lr_scheduler.get_last_lr()[0])
        self.lr_scheduler.step()
        if self.ema:
            self.ema.update_parameters(self.task)
        self.sums += torch.stack([loss.detach(), norm])
        self.step += 1
        return learning_rate

    def average(self, averages: PARAM_LIST, weights: PARAM_LIST, num_averaged: Tensor | int) -> None:
        """Move the averages towards the weights of this step."""
        assert self.params.ema_decay
        decay = ema_decay_at(self.step, self.params.ema_decay)
        get_ema_multi_avg_fn(decay)(averages, weights, num_averaged)

    def write_log(self, checkpoint: RollingCheckpoint, learning_rate: float) -> float:
        """Append to the log the means since the line before; returns the mean loss."""
        loss, norm = (self.sums / (self.step - self.logged)).tolist()
        self.logged = self.step
        if not math.isfinite(loss):
            found = f"training.learning_rate: found {self.params.learning_rate}"
            raise UserError(f"{found}, with which the loss is {loss} at step {self.step}; allowed: a smaller one")
        self.write_line(checkpoint, {"loss": loss, "grad_norm": norm, "learning_rate": learning_rate})
        self.sums.zero_()
        return loss

    def write_line(self, checkpoint: RollingCheckpoint, values: dict[str, float]) -> None:
        line = {"step": self.step, "epoch": self.step / self.batches.per_epoch} | values
        checkpoint.append_to_log(json.dumps(line))

    @property
    def averaged(self) -> nn.Module:
        """The weights that count: their moving average, if there is one."""
        return self.ema.module if self.ema else self.task

    @torch.inference_mode()
    def validate(self) -> float:
        """Mean loss on the validation data, with the same noise at every call."""
        task = self.averaged.eval()
        generator = torch.Generator(self.accelerator.device).manual_seed(self.params.seed)
        total, count = 0.0, len(next(iter(self.validation.values())))
        for start in range(0, count, VALIDATION_BATCH):
            batch = {name: tensor[start : start + VALIDATION_BATCH] for name, tensor in self.validation.items()}
            with self.accelerator.autocast():
                total += task(batch, generator).item() * len(next(iter(batch.values())))
        self.model.train()
        return total / count


class Batches:
    """Batch indices as a function of (seed, step) alone, so that no position has to be saved.

    Epoch e goes through a permutation drawn from a generator seeded by (seed, e); a last, smaller batch is dropped.
    Raises UserError when one batch is larger than the data.
    """

    def __init__(self, num_images: int, batch_size: int, seed: int):
        if batch_size > num_images:
            raise UserError(f"training.batch_size: found {batch_size}, allowed: 1 to {num_images}, the training images")
        self.num_images, self.batch_size, self.seed = num_images, batch_size, seed
        self.per_epoch = num_images // batch_size
        self._epoch = -1

    def __getitem__(self, step: int) -> Tensor:
        """Indices of the batch of `step` (0, 1, …), shape (batch_size,), int64, on the CPU."""
        epoch, position = divmod(step, self.per_epoch)
        if epoch != self._epoch:
            permutation = np.random.default_rng([self.seed, epoch]).permutation(self.num_images)
            self._epoch, self._permutation = epoch, torch.from_numpy(permutation)
        return self._permutation[position * self.batch_size : (position + 1) * self.batch_size]


def make_optimizer(parameters: Iterable[nn.Parameter], params: TrainingParams) -> Optimizer:
    """Adam or AdamW with β = (0.9, 0.999), fused: one pass over all parameters instead of one for each."""
    kind = {"adam": Adam, "adamw": AdamW}[params.optimizer]
    return kind(parameters, lr=params.learning_rate, weight_decay=params.weight_decay, fused=True)


def learning_rate_factor(params: TrainingParams, step: int, steps_per_epoch: int) -> float:
    """Learning rate of `step` (0, 1, …) as a multiple of its peak: linear warm-up, then the schedule to 0.

    With `lr_interval` epoch an epoch keeps the learning rate of its first step after the warm-up.
    """
    if step < params.warmup_steps:
        return (step + 1) / params.warmup_steps
    if params.lr_interval == "epoch":
        step = max(step // steps_per_epoch * steps_per_epoch, params.warmup_steps)
    num_steps = params.num_epochs * steps_per_epoch
    progress = (step - params.warmup_steps) / max(1, num_steps - params.warmup_steps)
    match params.lr_schedule:
        case "constant":
            return 1.0
        case "linear":
            return 1 - progress
        case "cosine":
            return (1 + math.cos(math.pi * progress)) / 2


def ema_decay_at(step: int, limit: float) -> float:
    """The moving average's decay at a step: (1 + n) / (10 + n) up to the limit, as in diffusers' EMAModel.

    With a constant one the weights of the first step count for decayⁿ: 61 % after 1,000 steps at 0.9995.
    """
    return min(limit, (1 + step) / (10 + step))


def make_lr_scheduler(optimizer: Optimizer, params: TrainingParams, steps_per_epoch: int) -> LambdaLR:
    return LambdaLR(optimizer, lambda step: learning_rate_factor(params, step, steps_per_epoch))
