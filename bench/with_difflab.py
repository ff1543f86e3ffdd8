"""Training and sampling as in the stages of this repository."""

import tempfile
from pathlib import Path
from typing import Any

import difflab  # noqa: F401  isort: skip (before diffusers: makes torchvision importable)

# isort: split

import torch
from accelerate import Accelerator
from accelerate.utils import set_seed
from diffusers import DDPMScheduler, UNet2DModel
from PIL import Image
from torch import Tensor

from bench.contender import Begun, Contender, Requests
from difflab.config.diffusion import RecipeParams
from difflab.config.training import TrainingParams
from difflab.data.dataset import load_digits, training_splits
from difflab.data.pixels import to_uint8
from difflab.diffusion.noise_bank import bank_generators
from difflab.diffusion.objective import DenoisingTask
from difflab.diffusion.pipelines import UnconditionalPipeline, load_recipe
from difflab.diffusion.samplers import sampler_options
from difflab.diffusion.schedules import linear_betas, make_betas
from difflab.diffusion.unet import make_unet, save_model_folder
from difflab.models.conditioning import make_condition
from difflab.training.checkpoint import RollingCheckpoint
from difflab.training.fit import fit

BETAS = linear_betas(1000, 1e-4, 0.02)


def train(unet: UNet2DModel, images: Tensor, batch_size: int) -> None:
    """One epoch as in the stage `train`. `images` (N, 3, S, S) uint8."""
    params = TrainingParams(
        seed=0,
        num_epochs=1,
        batch_size=batch_size,
        learning_rate=1e-4,
        weight_decay=1e-6,
        warmup_steps=500,
        ema_decay=0.9999,
    )
    fit_without_files(DenoisingTask(unet, BETAS, "epsilon", patch_size=1), {"images": images}, params)


def fit_without_files(task: DenoisingTask, data: dict[str, Tensor], params: TrainingParams) -> None:
    """`fit` with a temporary checkpoint, written once at the end."""
    with tempfile.TemporaryDirectory() as folder:
        fit(task, data, params, Accelerator(), RollingCheckpoint(Path(folder)))


def sample(unet: UNet2DModel, count: int, num_inference_steps: int) -> list[Image.Image]:
    scheduler = DDPMScheduler(trained_betas=BETAS.tolist(), num_train_timesteps=len(BETAS), prediction_type="epsilon")
    pipeline = UnconditionalPipeline(unet, scheduler)
    return pipeline(
        count,
        generator=torch.Generator().manual_seed(0),
        sampler="ddim",
        num_inference_steps=num_inference_steps,
    ).images


def recipe(name: str, params: RecipeParams, prepared: Path) -> Contender:
    """A recipe of params.yaml, trained, saved, loaded and sampled as in its stages, with another number of steps."""
    data = load_digits(params.data, training_splits(params.hold_out_validation), prepared)

    def begin(num_steps: int) -> Begun:
        set_seed(params.training.seed)
        task, components = recipe_task(params, data["images"].shape[-1])
        rows, training = for_steps(params.training, len(data["images"]), num_steps)
        repeated = {name: tensor[rows] for name, tensor in data.items()}
        return Begun(
            task.unet,
            lambda: fit_without_files(task, repeated, training),
            lambda requests: {"": sample_recipe(params, components, requests)},
        )

    return Contender(name, params.training.batch_size, True, begin)


def recipe_task(params: RecipeParams, image_size: int) -> tuple[DenoisingTask, dict[str, Any]]:
    """The task of the stage `train`, and its models by component name."""
    network, condition = params.network, params.condition
    unet = make_unet(network, image_size, conditional=condition is not None)
    components: dict[str, Any] = {"unet": unet}
    options: dict[str, Any] = {"min_snr_gamma": network.min_snr_gamma}
    if condition:
        embedding_dim = unet.time_embedding.linear_2.out_features
        components["condition"] = make_condition(condition, list(params.data), embedding_dim)
        options |= {"condition": components["condition"], "drop_probability": condition.drop_probability}
    betas = make_betas(params.schedule)
    return DenoisingTask(unet, betas, network.prediction_type, network.patch_size, **options), components


def for_steps(training: TrainingParams, num_images: int, num_steps: int) -> tuple[Tensor, TrainingParams]:
    """The images of an epoch (int64 indices) and the parameters for a training of about `num_steps` steps.

    It has as many epochs as fit into `num_steps`, at least one. Each epoch is shortened, or extended with repeated
    images, to its share of the steps.
    """
    per_epoch = num_images // training.batch_size
    num_epochs = max(1, num_steps // per_epoch)
    num_rows = max(1, num_steps // num_epochs) * training.batch_size
    generator = torch.Generator().manual_seed(training.seed)
    passes = [torch.randperm(num_images, generator=generator) for _ in range(-(-num_rows // num_images))]
    return torch.cat(passes)[:num_rows], training.model_copy(update={"num_epochs": num_epochs, "num_snapshots": 0})


def sample_recipe(params: RecipeParams, components: dict[str, Any], requests: Requests) -> Tensor:
    """Images (N, 3, S, S) uint8 with the settings of the sample stage."""
    sampling, conditional = params.sampling, params.condition is not None
    kind = "DigitPipeline" if conditional else "UnconditionalPipeline"
    form = {"prediction_type": params.network.prediction_type, "patch_size": params.network.patch_size}
    with tempfile.TemporaryDirectory() as folder:
        save_model_folder(Path(folder), kind, components, make_betas(params.schedule), **form)
        pipeline = load_recipe(folder, conditional, "cpu")
    options = sampler_options(sampling) | {"eta": getattr(sampling, "eta", 0.0), "output_type": "pt"}
    images = []
    for start in range(0, len(requests), sampling.batch_size):
        part = range(len(requests))[start : start + sampling.batch_size]
        asked: dict[str, Any] = {"count": len(part)}
        if conditional:
            asked = {"digit": [requests.digits[i] for i in part], "domain": [requests.domains[i] for i in part]}
            asked["guidance_scale"] = sampling.guidance_scale
        images.append(pipeline(**asked, **options, generator=bank_generators(sampling.seed, part)).images)
    return to_uint8(torch.cat(images))
