"""A trained diffusion model as the folder that its DiffusionPipeline loads.

The folder is written here, not by the pipeline, so that a change to the sampling code never retrains a model.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

import diffusers
from diffusers import DDPMScheduler, ModelMixin
from torch import Tensor


def save_model_folder(
    folder: Path,
    pipeline: str,
    models: dict[str, ModelMixin],
    betas: Tensor,
    *,
    prediction_type: Literal["epsilon", "v_prediction"] = "epsilon",
    patch_size: int = 1,
) -> None:
    """Write `folder` in diffusers' layout for the class `pipeline` of difflab.diffusion.pipelines.

    `models` by component name ("unet", "condition"); `betas` (T,) float64 go into the scheduler's configuration, where
    JSON keeps every bit of them.
    """
    scheduler = DDPMScheduler(
        num_train_timesteps=len(betas),
        trained_betas=betas.tolist(),
        variance_type="fixed_small",
        clip_sample=True,
        prediction_type=prediction_type,
    )
    index: dict[str, object] = {"_class_name": pipeline, "_diffusers_version": diffusers.__version__}
    for name, component in {**models, "scheduler": scheduler}.items():
        component.save_pretrained(folder / name)
        module = type(component).__module__
        index[name] = ["diffusers" if module.startswith("diffusers.") else module, type(component).__name__]
    index["patch_size"] = patch_size
    (folder / "model_index.json").write_text(json.dumps(index, indent=2) + "\n", encoding="utf-8")
