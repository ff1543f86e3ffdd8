"""Sample and save faces."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from difflab.config.diffusion import FaceSamplingParams
from difflab.config.training import ComputeParams
from difflab.data.pixels import to_pil
from difflab.diffusion.noise_bank import bank_generators, resumable_batches
from difflab.diffusion.pipelines import UnconditionalPipeline
from difflab.diffusion.samplers import sampler_options
from difflab.pipeline.files import atomic_write
from difflab.systems.faces.noises import noise_files
from difflab.training.device import make_accelerator

MODEL = Path("models/faces")


@dataclass(frozen=True)
class Face:
    """An image to sample.

    `noise` (3, S, S) is the starting noise. With η > 0, the step noises are those of image `number` in the noise bank
    with seed `step_seed`.
    """

    file: Path
    noise: Tensor
    eta: float
    step_seed: int
    number: int


def load_faces(compute: ComputeParams) -> UnconditionalPipeline:
    """Load the face model on the device of `compute`. Raises UserError when it is missing or cannot be used."""
    pipeline = UnconditionalPipeline.from_folder(MODEL).to(make_accelerator(compute).device)
    if pipeline.device.type == "cpu":
        # Takes 0.9 of the time on one thread, and changes one 8-bit value in 60,000 by 1.
        pipeline.unet.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    # One image of 256×256 takes minutes on a CPU, so show the steps after 5 seconds.
    pipeline.set_progress_bar_config(desc="steps", delay=5, leave=False, mininterval=0.5 if sys.stderr.isatty() else 15)
    return pipeline


def sample_faces(
    folder: Path,
    faces: Sequence[Face],
    pipeline: UnconditionalPipeline,
    params: FaceSamplingParams,
    compute: ComputeParams,
) -> None:
    """Sample `faces` and write their files, all below `folder`, which is created atomically.

    A killed run resumes at its batch. `pipeline`: from `load_faces(compute)`.
    """
    options: dict[str, Any] = {"output_type": "pt", **sampler_options(params)}

    def draw(batch: list[Face]) -> dict[str, Tensor]:
        (eta,) = {face.eta for face in batch}
        generators = [bank_generators(face.step_seed, [face.number])[0] for face in batch]
        noise = torch.stack([face.noise for face in batch])
        return {"images": pipeline(len(batch), noise=noise, generator=generators, eta=eta, **options).images}

    of_one_eta = [list(group) for _, group in groupby(faces, lambda face: face.eta)]
    batches = [
        group[start : start + params.batch_size]
        for group in of_one_eta
        for start in range(0, len(group), params.batch_size)
    ]
    key, inputs = [compute, params, [face.file for face in faces]], [MODEL, *noise_files(params)]
    with resumable_batches(folder.name, key, inputs, batches, draw) as drawn, atomic_write(folder) as partial:
        for batch, tensors in drawn:
            images = min_max_rescaled(tensors["images"]) if params.min_max_rescale else tensors["images"]
            for face, picture in zip(batch, to_pil(images), strict=True):
                file = partial / face.file.relative_to(folder)
                file.parent.mkdir(parents=True, exist_ok=True)
                picture.save(file)


def min_max_rescaled(images: Tensor) -> Tensor:
    """Rescale each image of (N, 3, H, W) from its own minimum and maximum to [-1, 1].

    As torchvision's `save_image(normalize=True)` for a single image; a constant image becomes -1 everywhere.
    """
    low, high = images.amin((1, 2, 3), keepdim=True), images.amax((1, 2, 3), keepdim=True)
    return (images - low) / (high - low).clamp(min=1e-5) * 2 - 1
