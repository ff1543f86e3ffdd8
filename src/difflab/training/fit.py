"""The training loop, for all objectives (see Task)."""

import json
import math
from contextlib import nullcontext
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.func import functional_call
from torch.optim.swa_utils import get_ema_multi_avg_fn

from difflab.config.training import Compilation, TrainingParams
from difflab.errors import UserError
from difflab.models.task import Task
from difflab.pipeline.progress import image_bar
from difflab.training.checkpoint import RollingCheckpoint
from difflab.training.device import compiles
from difflab.training.loader import Loader
from difflab.training.optimization import checkpoint_gradients, ema_decay_at, make_lr_scheduler, make_optimizer
from difflab.training.processes import from_first

VALIDATION_BATCH = 256


def fit(
    task: Task,
    data: dict[str, Tensor],
    params: TrainingParams,
    accelerator: Accelerator,
    checkpoint: RollingCheckpoint,
    validation: dict[str, Tensor] | None = None,
    compilation: Compilation = "never",
) -> None:
    """Train `task` in place; it ends with the final weights, or their moving average if `ema_decay` is set.

    `data`: tensors with the same first dimension N; a batch has the same rows of each, see `Loader`. `validation`: like
    `data`. `compilation`: see `compiles`. Resumes from `checkpoint` if it has been saved.

    `checkpoint.log` gets JSON lines with step, epoch, mean loss and gradient norm since the previous line, and learning
    rate; with `validation`, also a line with its mean loss after each epoch. `checkpoint.snapshots` gets the weights,
    or their moving average, at `num_snapshots` steps.

    If started by torchrun or `accelerate launch`, each process computes an equal share of every batch. The result is
    the same up to rounding, and another number of processes can resume it. All processes start from the checkpoint of
    the first one; each needs its own working folder (see difflab.pipeline.processes).

    Raises UserError when a batch is larger than the data or cannot be divided evenly, there are fewer steps than
    snapshots, or the loss becomes infinite or NaN.
    """
    trainer = _Trainer(task, data, params, accelerator, validation, compilation)
    saved = from_first(checkpoint.load(), accelerator)
    if saved:
        trainer.load_state_dict(saved)
    trainer.run(checkpoint)
    task.load_state_dict(trainer.weights())
    task.eval()


class _Trainer:
    """The state of a training and its updates."""

    def __init__(
        self,
        task: Task,
        data: dict[str, Tensor],
        params: TrainingParams,
        accelerator: Accelerator,
        validation: dict[str, Tensor] | None = None,
        compilation: Compilation = "never",
    ):
        self.params, self.accelerator = params, accelerator
        self.task = task.to(accelerator.device)
        self.loader = Loader(data, params.batch_size, params.seed, accelerator.device)
        self.validation = validation or {}
        self.num_shares = 1 if task.joins_images else accelerator.num_processes
        if params.batch_size % (self.num_shares * params.gradient_accumulation_steps):
            found = f"training.batch_size: found {params.batch_size}"
            raise UserError(f"{found}, allowed: a multiple of {self.num_shares} processes times the parts of a batch")
        self.per_epoch = self.loader.batches.per_epoch
        self.num_steps = params.num_epochs * self.per_epoch
        if params.num_snapshots > self.num_steps:
            allowed = f"0 to {self.num_steps}, the steps of the training"
            raise UserError(f"training.num_snapshots: found {params.num_snapshots}, allowed: {allowed}")
        kept = range(1, params.num_snapshots + 1)
        self.snapshot_steps = {round(i * self.num_steps / params.num_snapshots) for i in kept}
        # By name; buffers are never averaged.
        self.trained = dict(task.named_parameters(remove_duplicate=False)) if params.ema_decay else {}
        self.averages = {name: weights.detach().clone() for name, weights in self.trained.items()}
        if params.gradient_checkpointing:
            checkpoint_gradients([task, *task.frozen])
        optimizer = make_optimizer(task.parameters(), params)
        self.lr_scheduler = make_lr_scheduler(optimizer, params, self.per_epoch)
        if compiles(compilation, task, self.num_steps * params.batch_size, accelerator.device):
            task.compile(dynamic=False)  # one graph for each size of a part is faster than one for all
        self.model, self.optimizer = accelerator.prepare(task, optimizer)
        self.generator = torch.Generator(accelerator.device).manual_seed(params.seed)
        self.step = self.logged = 0
        # Of loss and gradient norm, since the previous line of the log.
        self.sums = torch.zeros(2, dtype=torch.float64, device=accelerator.device)

    def state_dict(self) -> dict[str, Any]:
        return {
            "step": self.step,
            "logged": self.logged,
            "sums": self.sums,
            "task": self.task.state_dict(),
            "averages": self.averages,
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
        for name, average in self.averages.items():
            average.copy_(state["averages"][name])
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
                if self.validation and self.step % self.per_epoch == 0:
                    self.write_line(checkpoint, {"validation_loss": self.validate()})
                if self.step in self.snapshot_steps:
                    checkpoint.save_snapshot(self.step, self.weights())
                if self.step % checkpoint.checkpoint_every == 0 or self.step == self.num_steps:
                    checkpoint.save(self.state_dict())

    def train_step(self) -> float:
        """Make one update; returns its learning rate."""
        loss = self.backward(self.task.draw(self.loader[self.step], self.generator))
        loss = self.accelerator.reduce(loss, "mean")
        norm = nn.utils.clip_grad_norm_(self.task.parameters(), self.params.max_grad_norm or math.inf)
        self.optimizer.step()
        self.optimizer.zero_grad()
        learning_rate = float(self.lr_scheduler.get_last_lr()[0])
        self.lr_scheduler.step()
        if self.params.ema_decay:
            update = get_ema_multi_avg_fn(ema_decay_at(self.step, self.params.ema_decay))
            update(list(self.averages.values()), list(self.trained.values()), self.step)
        self.sums += torch.stack([loss, norm])  # pyright: ignore[reportArgumentType]  (of accelerate's reduce)
        self.step += 1
        return learning_rate

    def backward(self, inputs: dict[str, Tensor]) -> Tensor:
        """Accumulate the gradient of the mean loss of `inputs`; returns the loss of this process's share."""
        num_parts = self.params.gradient_accumulation_steps
        share = self.accelerator.process_index % self.num_shares
        parts = {name: tensor.chunk(self.num_shares)[share].chunk(num_parts) for name, tensor in inputs.items()}
        losses = []
        for part in range(num_parts):
            is_last = part == num_parts - 1
            with nullcontext() if is_last else self.accelerator.no_sync(self.model), self.accelerator.autocast():
                loss = self.model({name: tensors[part] for name, tensors in parts.items()})
            self.accelerator.backward(loss / num_parts)
            losses.append(loss.detach())
        return torch.stack(losses).mean()

    def write_log(self, checkpoint: RollingCheckpoint, learning_rate: float) -> float:
        """Append the means since the previous line to the log; returns the mean loss.

        Raises UserError if the loss is infinite or NaN.
        """
        loss, norm = (self.sums / (self.step - self.logged)).tolist()
        self.logged = self.step
        if not math.isfinite(loss):
            found = f"training.learning_rate: found {self.params.learning_rate}"
            raise UserError(f"{found}, with which the loss is {loss} at step {self.step}; allowed: a smaller one")
        self.write_line(checkpoint, {"loss": loss, "grad_norm": norm, "learning_rate": learning_rate})
        self.sums.zero_()
        return loss

    def write_line(self, checkpoint: RollingCheckpoint, values: dict[str, float]) -> None:
        line = {"step": self.step, "epoch": self.step / self.per_epoch} | values
        checkpoint.append_to_log(json.dumps(line))

    def weights(self) -> dict[str, Tensor]:
        """The state dict of the task, with moving averages instead of weights if they are computed."""
        return self.task.state_dict() | self.averages

    @torch.inference_mode()
    def validate(self) -> float:
        """Mean loss on the validation data, with the same noise at every call."""
        self.task.eval()
        generator = torch.Generator(self.accelerator.device).manual_seed(self.params.seed)
        total, count = 0.0, _length(self.validation)
        for start in range(0, count, VALIDATION_BATCH):
            part = slice(start, start + VALIDATION_BATCH)
            batch = {name: tensor[part].to(self.accelerator.device) for name, tensor in self.validation.items()}
            with self.accelerator.autocast():
                loss = functional_call(self.task, self.averages, (self.task.draw(batch, generator),))
            total += loss.item() * _length(batch)
        self.model.train()
        return total / count


def _length(tensors: dict[str, Tensor]) -> int:
    return len(next(iter(tensors.values())))
