"""What each method draws for each prompt, from the same noises: samples/multi_concept/."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import difflab.torchvision_cure  # noqa: F401  (first: see there)

import torch
from diffusers import StableDiffusionPipeline
from PIL import Image
from torch import Tensor

from difflab.outputs import written_whole
from difflab.params import Concepts, GuidedSamplingParams, MultiConceptParams
from difflab.personalization.places import CUSTOM_DIFFUSION, METHODS, SAMPLES, Method, inversion_folder, sample_folder
from difflab.personalization.prompts import in_words
from difflab.personalization.weights import load_embeddings, load_projections
from difflab.sampling.resumable import drawn_batches
from difflab.text_to_image.drawing import draw_prompts, set_sampler
from difflab.text_to_image.model_folder import MODEL, load_text_to_image

Sample = tuple[Method, int, int]  # drawn so, of this prompt, from this noise of the bank


def load_personalized(method: Method, concepts: Iterable[str]) -> StableDiffusionPipeline:
    """The text-to-image model with what `method` learned of `concepts`. Raises UserError where anything is missing."""
    pipeline = load_text_to_image(MODEL)
    match method:
        case "textual_inversion":
            load_embeddings(pipeline, [inversion_folder(name) for name in concepts])
        case "custom_diffusion":
            load_embeddings(pipeline, [CUSTOM_DIFFUSION / name for name in concepts])
            load_projections(pipeline, CUSTOM_DIFFUSION)
    return pipeline


def draw_samples(
    prompts: Sequence[str],
    concepts: Concepts,
    params: MultiConceptParams,
    sampling: GuidedSamplingParams,
    depends_on: Any,
    device: torch.device,
) -> None:
    """Write all images; a killed run goes on with the batch that it was drawing. `depends_on`: all parameters."""
    pipelines = {method: load_personalized(method, concepts).to(device) for method in METHODS}
    for pipeline in pipelines.values():
        set_sampler(pipeline, sampling.sampler)
    numbers = range(params.num_images)
    batches: list[list[Sample]] = [
        [(method, prompt, number) for number in numbers[start : start + sampling.batch_size]]
        for method in METHODS
        for prompt in range(len(prompts))
        for start in range(0, len(numbers), sampling.batch_size)
    ]

    def draw(batch: list[Sample]) -> dict[str, Tensor]:
        method, prompt, _ = batch[0]
        text = in_words(prompts[prompt], concepts) if method == "words" else prompts[prompt]
        of_batch = [number for *_, number in batch]
        return {"images": draw_prompts(pipelines[method], [text] * len(batch), of_batch, sampling)}

    inputs = [MODEL, CUSTOM_DIFFUSION, *map(inversion_folder, concepts)]
    with drawn_batches("multi_concept", depends_on, inputs, batches, draw) as drawn, written_whole(SAMPLES) as partial:
        for batch, tensors in drawn:
            for (method, prompt, number), image in zip(batch, tensors["images"], strict=True):
                file = partial / sample_folder(method, prompt).relative_to(SAMPLES) / f"{number:03d}.png"
                file.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(image.permute(1, 2, 0).numpy()).save(file)
