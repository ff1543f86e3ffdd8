"""Optimizers, learning rates, the decay of the moving average, and gradient checkpointing."""

import math
from collections.abc import Iterable

from torch import nn
from torch.optim import Adam, AdamW, Optimizer
from torch.optim.lr_scheduler import LambdaLR

from difflab.config.training import TrainingParams
from difflab.errors import UserError


def make_optimizer(parameters: Iterable[nn.Parameter], params: TrainingParams) -> Optimizer:
    """Adam or AdamW with β = (0.9, 0.999), fused: one pass over all parameters instead of one for each.

    8-bit AdamW (Dettmers et al. 2022, arXiv:2110.02861) stores 2 bytes of moments for each weight instead of 8, except
    in tensors of less than 4,096 weights.
    """
    options = {"lr": params.learning_rate, "weight_decay": params.weight_decay}
    if params.optimizer == "adamw_8bit":
        from bitsandbytes.optim import AdamW8bit  # pyright: ignore[reportMissingImports]

        return AdamW8bit(parameters, **options)
    return {"adam": Adam, "adamw": AdamW}[params.optimizer](parameters, **options, fused=True)


def checkpoint_gradients(networks: Iterable[nn.Module]) -> None:
    """Enable gradient checkpointing (Chen et al. 2016, arXiv:1604.06174) in networks of diffusers and transformers.

    Raises UserError when no network supports it.
    """
    names = ("enable_gradient_checkpointing", "gradient_checkpointing_enable")
    modules = [module for network in networks for module in network.modules()]
    enabling = [getattr(module, name) for module in modules for name in names if hasattr(module, name)]
    if not enabling:
        raise UserError("training.gradient_checkpointing: found true, allowed: false, because no network here has it")
    for enable in enabling:
        enable()


def learning_rate_factor(params: TrainingParams, step: int, steps_per_epoch: int) -> float:
    """Learning rate at `step` (0, 1, …) as a multiple of its peak: linear warm-up, then `lr_schedule`.

    If `lr_interval` is "epoch", the learning rate is constant within each epoch after the warm-up.
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
    """Moving average's decay at step n: 0 at n = 0, then min(limit, (1 + n) / (10 + n)), as in diffusers' EMAModel.

    With a constant decay, the first weights would keep the weight decayⁿ: 61 % after 1,000 steps at 0.9995.
    """
    return min(limit, (1 + step) / (10 + step)) if step else 0.0


def make_lr_scheduler(optimizer: Optimizer, params: TrainingParams, steps_per_epoch: int) -> LambdaLR:
    """A scheduler that multiplies the peak learning rate by `learning_rate_factor` at each step."""
    return LambdaLR(optimizer, lambda step: learning_rate_factor(params, step, steps_per_epoch))
