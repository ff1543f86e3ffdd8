"""Sample the same images in several variants, for the studies of samplers, schedule lengths and guidance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors.torch import save_file
from torch import Tensor, cat

from difflab.config.diffusion import RecipeData, RecipeSamplingParams
from difflab.config.training import ComputeParams
from difflab.data.classes import as_names
from difflab.data.pixels import to_uint8
from difflab.diffusion.noise_bank import bank_generators, resumable_batches
from difflab.diffusion.pipelines import DigitPipeline, UnconditionalPipeline, load_recipe
from difflab.pipeline.files import atomic_write
from difflab.training.device import make_accelerator

Image = tuple["Variant", int, str | None]  # variant, number in the noise bank, class


@dataclass(frozen=True)
class Variant:
    """Sampling options to compare: `options` are arguments of the pipeline's call, `seed` is the noise bank's."""

    name: str
    seed: int
    options: dict[str, Any]


def digit_of(image: int, digits: Sequence[str]) -> str:
    """The class of image 0, 1, … of a conditional variant: the classes in turn."""
    return digits[image % len(digits)]


def load_model(
    recipe: str, sampling: RecipeSamplingParams, compute: ComputeParams
) -> DigitPipeline | UnconditionalPipeline:
    """Load the pipeline of models/RECIPE/, on the device of `compute`. Raises UserError."""
    conditional = sampling.guidance_scale is not None
    return load_recipe(Path("models", recipe), conditional, make_accelerator(compute).device)


def draw_variants(
    path: Path,
    params: Any,
    recipe: str,
    pipeline: DigitPipeline | UnconditionalPipeline,
    variants: Sequence[Variant],
    num_images: int,
    batch_size: int,
    classes: RecipeData | None = None,
) -> None:
    """Sample all variants and write `path`, a safetensors file with (num_images, 3, S, S) uint8 for each variant name.

    `pipeline`: that of `recipe`, possibly with another scheduler. `params`: all parameters that the images depend on.
    `classes`: for a conditional recipe, its one domain with its K classes; image i then shows class i mod K and starts
    from noise i // K of the bank, as the recipe's own samples do. Without classes it starts from noise i. Interrupted
    runs resume (see `resumable_batches`).
    """
    [(domain, names)] = (classes or {"": []}).items()
    if names == "all":
        assert isinstance(pipeline, DigitPipeline)  # of a conditional recipe
        names = pipeline.condition.classes
    digits = as_names(names)
    images: list[Image] = [
        (variant, i // len(digits), digit_of(i, digits)) if digits else (variant, i, None)
        for variant in variants
        for i in range(num_images)
    ]
    batches = [
        images[first + start : first + min(start + batch_size, num_images)]
        for first in range(0, len(images), num_images)
        for start in range(0, num_images, batch_size)
    ]

    def draw(batch: list[Image]) -> dict[str, Tensor]:
        variant = batch[0][0]
        request = {"digit": [digit for *_, digit in batch], "domain": domain} if digits else {"count": len(batch)}
        generators = bank_generators(variant.seed, [noise for _, noise, _ in batch])
        output = pipeline(**request, **variant.options, generator=generators, output_type="pt")
        return {"images": to_uint8(output.images)}

    drawn_images: dict[str, list[Tensor]] = {variant.name: [] for variant in variants}
    stage = "-".join(path.with_suffix("").parts)
    with (
        resumable_batches(stage, params, [Path("models", recipe)], batches, draw) as drawn,
        atomic_write(path) as partial,
    ):
        for batch, tensors in drawn:
            drawn_images[batch[0][0].name].append(tensors["images"])
        save_file({name: cat(parts) for name, parts in drawn_images.items()}, partial)
