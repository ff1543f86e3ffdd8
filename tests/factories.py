"""Sections of params.yaml for tests: small ones, of which a test names what it is about."""

from typing import Any

from difflab.config.diffusion import NetworkParams
from difflab.config.training import TrainingParams

TRAINING: dict[str, Any] = {
    "seed": 0,
    "num_epochs": 1,
    "batch_size": 4,
    "optimizer": "adamw",
    "learning_rate": 1e-3,
    "weight_decay": 0.0,
    "lr_schedule": "cosine",
    "lr_interval": "step",
    "warmup_steps": 0,
    "ema_decay": None,
    "max_grad_norm": 1.0,
    "log_every": 1,
    "checkpoint_every": 1,
    "num_snapshots": 0,
}
NETWORK: dict[str, Any] = {
    "prediction_type": "epsilon",
    "patch_size": 1,
    "block_out_channels": [8, 8],
    "layers_per_block": 1,
    "add_attention": False,
    "attention_head_dim": 8,
    "norm_num_groups": 4,
    "time_embedding_dim": None,
}
SAMPLER: dict[str, Any] = {
    "sampler": "ddim",
    "num_inference_steps": 5,
    "timestep_spacing": "trailing",
    "steps_offset": 0,
    "set_alpha_to_one": True,
    "clip_sample": True,
}


def make_training(**changes: Any) -> TrainingParams:
    return TrainingParams(**(TRAINING | changes))


def make_network(**changes: Any) -> NetworkParams:
    return NetworkParams(**(NETWORK | changes))
