"""For the tests of studies: small random models, as for sampling, and the other inputs of their stages."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import yaml

from difflab.classifiers.digit_classifier import Judge
from difflab.data.dataset import ImageDataset
from difflab.diffusion.schedules import linear_betas
from tests import stage_calls
from tests.diffusion.conftest import digit_models, one_thread, unconditional_model
from tests.factories import SAMPLER

__all__ = ["digit_models", "one_thread", "unconditional_model"]

SAMPLING = SAMPLER | {
    "seed": 6,
    "num_inference_steps": 4,
    "batch_size": 16,
    "guidance_scale": 3.0,
    "images_per_digit": 10,
    "trace_steps": 2,
}
FEW = {"samplers": ["ddim", "dpmsolver++"], "num_inference_steps": [2, 4], "num_images": 10, "batch_size": 10}
PARAMS = {
    "compute": {"threads": 1, "mixed_precision": "fp32"},
    "evaluation": {"seed": 3, "num_resamples": 20, "nearest_k": 2, "inception_weights": None},
    "recipes": {
        "guided": {"data": {"mnistm": [3, 5]}, "sampling": SAMPLING},
        "free": {
            "data": {"mnist": list(range(10))},
            "schedule": {"name": "linear", "num_train_timesteps": 20, "beta_start": 0.001, "beta_end": 0.2},
            "sampling": SAMPLING | {"guidance_scale": None},
        },
    },
    "studies": {
        "fid": {
            "recipes": ["free"],
            "lengths": [5, 20],
            "drawing": {"seeds": [2, 9], "num_images": 10, "batch_size": 4},
        },
        "few_steps": {"guided": FEW, "free": FEW | {"samplers": ["ddim"]}},
        "guidance": {
            "recipes": ["guided"],
            "guidance_scales": [1.0, 3.0, 2.5],
            "sampler": "ddim",
            "num_inference_steps": 4,
            "num_images": 20,
            "batch_size": 20,
        },
    },
}


@pytest.fixture
def workspace(digit_models, unconditional_model, tmp_path, monkeypatch) -> Path:
    """Models of 20 time steps to draw from; judges that always say 3, and real images, to grade with."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(digit_models["class_embedding"], "models/guided")
    shutil.copytree(unconditional_model, "models/free")
    for file in Path("models").glob("*/scheduler/scheduler_config.json"):
        betas = {"num_train_timesteps": 20, "trained_betas": linear_betas(20, 0.001, 0.2).tolist()}
        file.write_text(json.dumps(json.loads(file.read_text()) | betas))
    images = torch.randint(256, (320, 3, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    splits = torch.tensor([0] * 300 + [2] * 20, dtype=torch.uint8)
    for recipe, domain in (("free", "mnist"), ("guided", "mnistm")):
        torch.manual_seed(0)
        judge = Judge([4])
        torch.nn.init.zeros_(judge.classify.weight)
        judge.classify.bias.data = 5 * torch.eye(10)[3]
        judge.save(Path(f"models/judges/{domain}"))
        ImageDataset(images, torch.arange(320) % 10, splits, "noise").save(
            Path(f"prepared/recipes/{recipe}/{domain}.safetensors")
        )
    Path("params.yaml").write_text(yaml.safe_dump(PARAMS))
    return tmp_path


@pytest.fixture
def run_stage() -> Callable[..., None]:
    return stage_calls.run_stage
