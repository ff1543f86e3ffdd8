"""Prior preservation: the model is also trained on images that it drew itself (Ruiz et al. 2022, arXiv:2208.12242)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from diffusers import StableDiffusionPipeline
from torch import Tensor

from difflab.config.language import GuidedSamplingParams, PriorParams
from difflab.diffusion.noise_bank import resumable_batches
from difflab.systems.personalization.objective import Examples, prior_examples
from difflab.systems.text_to_image.sampling import sample_prompts, set_sampler


@contextmanager
def drawn_prior(
    pipeline: StableDiffusionPipeline,
    params: PriorParams,
    sampling: GuidedSamplingParams,
    depends_on: Any,
    inputs: Sequence[Path],
) -> Iterator[Examples]:
    """Rows of what `pipeline` draws for its prompts; they outlast a kill until the block ends (see `drawn_batches`).

    Kumari et al. take real images of like captions; this model's own need no data set, at any size.
    """
    set_sampler(pipeline, sampling.sampler)
    of_prior = sampling.model_copy(update={"seed": params.seed})
    prompts = [params.prompts[i % len(params.prompts)] for i in range(params.num_images)]
    numbers = list(range(params.num_images))
    batches = [numbers[start : start + sampling.batch_size] for start in range(0, len(numbers), sampling.batch_size)]

    def draw(batch: list[int]) -> dict[str, Tensor]:
        return {"images": sample_prompts(pipeline, [prompts[i] for i in batch], batch, of_prior)}

    with resumable_batches("custom_diffusion-prior", depends_on, inputs, batches, draw) as drawn:
        yield prior_examples(pipeline, torch.cat([tensors["images"] for _, tensors in drawn]), prompts)
