"""Prior preservation: the model is also trained on images that it drew itself (Ruiz et al. 2022, arXiv:2208.12242)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import difflab.torchvision_cure  # noqa: F401  (first: see there)

import torch
from diffusers import StableDiffusionPipeline
from torch import Tensor

from difflab.params import PriorParams, PromptSamplingParams
from difflab.personalization.drawing import batches_of, draw_prompts
from difflab.personalization.rows import Rows, rows_of
from difflab.sampling.resumable import drawn_batches


@contextmanager
def drawn_prior(
    pipeline: StableDiffusionPipeline,
    params: PriorParams,
    sampling: PromptSamplingParams,
    depends_on: Any,
    inputs: Sequence[Path],
) -> Iterator[Rows]:
    """Rows of what `pipeline` draws for its prompts; they outlast a kill until the block ends (see `drawn_batches`).

    Kumari et al. take real images of like captions; this model's own need no data set, at any size.
    """
    prompts = [params.prompts[i % len(params.prompts)] for i in range(params.num_images)]

    def draw(batch: range) -> dict[str, Tensor]:
        of_batch = [prompts[i] for i in batch]
        return {"latents": draw_prompts(pipeline, of_batch, params.seed, batch, sampling, "latent")}

    batches = batches_of(len(prompts), sampling.batch_size)
    with drawn_batches("custom_diffusion-prior", depends_on, inputs, batches, draw) as drawn:
        yield rows_of(pipeline, torch.cat([tensors["latents"] for _, tensors in drawn]), prompts)
