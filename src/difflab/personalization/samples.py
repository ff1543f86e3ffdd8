"""What each method draws for each prompt, from the same noises: samples/multi_concept/."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, get_args

import difflab.torchvision_cure  # noqa: F401  (first: see there)

import torch
from diffusers import StableDiffusionPipeline
from PIL import Image
from torch import Tensor

from difflab.outputs import written_whole
from difflab.params import MultiConceptParams, PromptSamplingParams
from difflab.personalization.drawing import batches_of, draw_prompts
from difflab.personalization.weights import CUSTOM_DIFFUSION, inversion_folder, load_embeddings, load_projections
from difflab.sampling.images import to_uint8
from difflab.sampling.resumable import drawn_batches
from difflab.text_to_image.model_folder import MODEL, load_text_to_image

Method = Literal["textual_inversion", "custom_diffusion"]
METHODS: tuple[Method, ...] = get_args(Method)
FOLDER = Path("samples/multi_concept")
Sample = tuple[Method, int, int]  # drawn so, of this prompt, from this noise of the bank


def sample_folder(method: Method, prompt: int) -> Path:
    """The images 000.png, 001.png, … of the noises, of one prompt by its place in the list."""
    return FOLDER / method / f"prompt_{prompt}"


def load_personalized(method: Method, concepts: Sequence[str]) -> StableDiffusionPipeline:
    """The text-to-image model with what `method` learned of `concepts`. Raises UserError where anything is missing."""
    pipeline = load_text_to_image(MODEL)
    if method == "textual_inversion":
        load_embeddings(pipeline, [inversion_folder(name) for name in concepts])
    else:
        load_embeddings(pipeline, [CUSTOM_DIFFUSION / name for name in concepts])
        load_projections(pipeline, CUSTOM_DIFFUSION)
    return pipeline


def draw_samples(
    prompts: Sequence[str],
    concepts: Sequence[str],
    params: MultiConceptParams,
    sampling: PromptSamplingParams,
    depends_on: Any,
    device: torch.device,
) -> None:
    """Write all images; a killed run goes on with the batch that it was drawing. `depends_on`: all parameters."""
    pipelines = {method: load_personalized(method, concepts).to(device) for method in METHODS}
    for pipeline in pipelines.values():
        pipeline.set_progress_bar_config(disable=True)
    batches: list[list[Sample]] = [
        [(method, prompt, number) for number in numbers]
        for method in METHODS
        for prompt in range(len(prompts))
        for numbers in batches_of(params.num_images, sampling.batch_size)
    ]

    def draw(batch: list[Sample]) -> dict[str, Tensor]:
        method, prompt, _ = batch[0]
        numbers = [number for *_, number in batch]
        of_batch = [prompts[prompt]] * len(batch)
        images = draw_prompts(pipelines[method], of_batch, params.seed, numbers, sampling, "pt")
        return {"images": to_uint8(images * 2 - 1)}

    inputs = [MODEL, CUSTOM_DIFFUSION, *map(inversion_folder, concepts)]
    with drawn_batches("multi_concept", depends_on, inputs, batches, draw) as drawn, written_whole(FOLDER) as partial:
        for batch, tensors in drawn:
            for (method, prompt, number), image in zip(batch, tensors["images"], strict=True):
                file = partial / sample_folder(method, prompt).relative_to(FOLDER) / f"{number:03d}.png"
                file.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(image.permute(1, 2, 0).numpy()).save(file)
