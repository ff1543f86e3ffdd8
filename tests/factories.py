"""Parameters for tests; each test gives only the values that it is about."""

from pathlib import Path
from typing import Any

import torch
from pydantic import TypeAdapter
from torch import Tensor

from difflab.config.diffusion import ConditionParams, NetworkParams, ScheduleParams
from difflab.config.load import validate
from difflab.config.params import Params
from difflab.config.training import TrainingParams
from difflab.models.task import Task
from difflab.setup.profiles import compose

ROOT = Path(__file__).parents[1]
SAMPLER: dict[str, Any] = {
    "sampler": "ddim",
    "num_inference_steps": 5,
    "timestep_spacing": "trailing",
    "steps_offset": 0,
    "set_alpha_to_one": True,
    "clip_sample": True,
}


def profile(name: str) -> dict[str, Any]:
    """All values of a profile, defaults included."""
    return validate(Params, compose(name, [], ROOT / "conf")).model_dump()


def training(**values: Any) -> TrainingParams:
    """Constant learning rate, no weight decay, no clipping."""
    plain = {"seed": 0, "num_epochs": 1, "batch_size": 8, "learning_rate": 0.01, "optimizer": "adam"}
    return TrainingParams(**plain | {"lr_schedule": "constant", "max_grad_norm": None} | values)


def loss_of(task: Task, batch: dict[str, Tensor], generator: torch.Generator | None = None) -> Tensor:
    """As `fit` computes it; without `generator`, of one seeded with 0."""
    return task(task.draw(batch, generator or torch.Generator().manual_seed(0)))


def network(**values: Any) -> NetworkParams:
    """A U-Net of two levels that predicts the noise, fast and of no quality."""
    small = {"prediction_type": "epsilon", "block_out_channels": [8, 8], "attention_head_dim": 8, "norm_num_groups": 4}
    return NetworkParams(**small | values)


def schedule(name: str, num_train_timesteps: int, **values: Any) -> ScheduleParams:
    values |= {"name": name, "num_train_timesteps": num_train_timesteps}
    return TypeAdapter(ScheduleParams).validate_python(values)


def condition(kind: str, **values: Any) -> ConditionParams:
    sizes = {"digit_dim": 8, "domain_dim": 4} if kind == "digit_and_domain" else {}
    return TypeAdapter(ConditionParams).validate_python({"kind": kind, "drop_probability": 0.1} | sizes | values)
