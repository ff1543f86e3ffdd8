"""Sample all prompts with each method from the same noises, to samples/multi_concept/."""

from collections.abc import Sequence
from functools import lru_cache
from itertools import product
from typing import Any

import torch
from diffusers import StableDiffusionPipeline
from torch import Tensor

from difflab.config.language import GuidedSamplingParams
from difflab.config.personalization import Concepts
from difflab.data.pixels import to_pil
from difflab.diffusion.noise_bank import resumable_batches
from difflab.evaluation.samples import read_samples
from difflab.pipeline.files import atomic_write
from difflab.systems.personalization.paths import (
    CUSTOM_DIFFUSION,
    METHODS,
    SAMPLES,
    Method,
    inversion_folder,
    num_runs_of,
    run_folder,
    sample_folder,
)
from difflab.systems.personalization.prompts import Group, group_name, groups_of, in_words
from difflab.systems.personalization.weights import load_embeddings, load_projections
from difflab.systems.text_to_image.model_folder import MODEL, load_text_to_image
from difflab.systems.text_to_image.sampling import sample_prompts, set_sampler

Sample = tuple[Method, int, Group, int, int]  # method, run, group, prompt, number in the noise bank


def load_personalized(method: Method, concepts: Sequence[str], run: int = 0) -> StableDiffusionPipeline:
    """Load the text-to-image model with the weights that `run` of `method` learned for `concepts`.

    For Custom Diffusion, `concepts` have to be all concepts of a group. Raises UserError when a file is missing.
    """
    pipeline = load_text_to_image(MODEL)
    match method:
        case "textual_inversion":
            load_embeddings(pipeline, [run_folder(inversion_folder(name), run) for name in concepts])
        case "custom_diffusion":
            folder = run_folder(CUSTOM_DIFFUSION / group_name(concepts), run)
            load_embeddings(pipeline, [folder / name for name in concepts])
            load_projections(pipeline, folder)
    return pipeline


def sample_concepts(
    prompts: Sequence[str],
    concepts: Concepts,
    num_runs: int,
    num_images: int,
    sampling: GuidedSamplingParams,
    depends_on: Any,
    device: torch.device,
) -> None:
    """Sample and write all images; a killed run resumes at its batch. `depends_on`: all parameters of the samples."""

    @lru_cache(maxsize=1)
    def pipeline_of(method: Method, group: Group, run: int) -> StableDiffusionPipeline:
        pipeline = load_personalized(method, group.concepts, run).to(device)
        set_sampler(pipeline, sampling.sampler)
        return pipeline

    def draw(batch: list[Sample]) -> dict[str, Tensor]:
        method, run, group, *_ = batch[0]
        texts = [prompts[prompt] for *_, prompt, _ in batch]
        if method == "words":
            texts = [in_words(text, concepts) for text in texts]
        numbers = [number for *_, number in batch]
        return {"images": sample_prompts(pipeline_of(method, group, run), texts, numbers, sampling)}

    groups = groups_of(prompts, concepts)
    batches = _batches(groups, num_runs, num_images, sampling.batch_size)
    inputs = [MODEL, CUSTOM_DIFFUSION, *map(inversion_folder, concepts)]
    with (
        resumable_batches("multi_concept", depends_on, inputs, batches, draw) as drawn,
        atomic_write(SAMPLES) as partial,
    ):
        for batch, tensors in drawn:
            for (method, run, _, prompt, number), image in zip(batch, to_pil(tensors["images"]), strict=True):
                file = partial / sample_folder(method, run, prompt).relative_to(SAMPLES) / f"{number:03d}.png"
                file.parent.mkdir(parents=True, exist_ok=True)
                image.save(file)


def _batches(groups: Sequence[Group], num_runs: int, num_images: int, batch_size: int) -> list[list[Sample]]:
    """Batches of samples, each of which uses a single pipeline."""
    batches: list[list[Sample]] = []
    for method in METHODS:
        for group, run in product(groups, range(num_runs_of(method, num_runs))):
            images = product(group.prompts, range(num_images))
            samples: list[Sample] = [(method, run, group, prompt, number) for prompt, number in images]
            batches += [samples[start : start + batch_size] for start in range(0, len(samples), batch_size)]
    return batches


def read_all_samples(num_prompts: int, num_runs: int, num_images: int) -> dict[Method, list[list[Tensor]]]:
    """Read the samples by method, run and prompt: (num_images, 3, S, S) uint8. Raises UserError if one is missing."""
    return {
        method: [
            [read_samples(sample_folder(method, run, prompt), num_images) for prompt in range(num_prompts)]
            for run in range(num_runs_of(method, num_runs))
        ]
        for method in METHODS
    }
