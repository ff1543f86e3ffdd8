"""A small recipe, with random images and an untrained classifier for its evaluation."""

import torch

from difflab.classifiers.digit_classifier import Judge
from difflab.config.diffusion import RecipeParams
from difflab.config.load import validate
from difflab.config.studies import EvaluationParams
from difflab.data.dataset import ImageDataset
from tests import factories

EVALUATION = EvaluationParams(seed=0, num_resamples=20, nearest_k=2, inception_weights=None)


def recipe(conditional):
    sampling = {"seed": 0, "sampler": "ddpm", "num_inference_steps": 5, "images_per_digit": 10}
    params = {
        "data": {"mnistm": list(range(10))},
        "hold_out_validation": False,
        "schedule": factories.schedule("linear", 10, beta_start=0.01, beta_end=0.4).model_dump(),
        "condition": factories.condition("class_embedding").model_dump() if conditional else None,
        "network": factories.network().model_dump(),
        "training": factories.training(ema_decay=0.5).model_dump(),
        "sampling": sampling | ({"guidance_scale": 3.0} if conditional else {}),
    }
    return validate(RecipeParams, params)


def write_inputs() -> None:
    """100 random images of a domain and an untrained classifier of it, in the working folder."""
    torch.manual_seed(0)
    labels, splits = torch.arange(100) % 10, (torch.arange(100) // 10 % 3).to(torch.uint8)
    images = torch.randint(256, (100, 3, 8, 8), dtype=torch.uint8)
    ImageDataset(images, labels, splits, "noise").save("prepared/sets/mnistm.safetensors")
    Judge([4]).save("models/judges/mnistm")
