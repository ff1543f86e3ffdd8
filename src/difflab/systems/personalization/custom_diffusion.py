"""Custom Diffusion (Kumari et al. 2022) for a group of concepts, with prior preservation and several seeds."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import set_seed
from diffusers import StableDiffusionPipeline
from torch import Tensor

from difflab.config.language import GuidedSamplingParams
from difflab.config.personalization import Concepts, PriorParams
from difflab.config.training import Compilation, TrainingParams
from difflab.diffusion.noise_bank import resumable_batches
from difflab.systems.personalization.objective import (
    Examples,
    PersonalizationTask,
    concept_examples,
    joined_examples,
    prior_examples,
)
from difflab.systems.personalization.paths import concept_file, load_concept, run_folder
from difflab.systems.personalization.weights import add_tokens, save_embedding, save_projections
from difflab.systems.text_to_image.model_folder import MODEL, load_text_to_image
from difflab.systems.text_to_image.sampling import sample_prompts, set_sampler
from difflab.training.checkpoint import seeded_runs
from difflab.training.fit import fit


@contextmanager
def sampled_prior(
    pipeline: StableDiffusionPipeline,
    params: PriorParams,
    sampling: GuidedSamplingParams,
    depends_on: Any,
    inputs: Sequence[Path],
) -> Iterator[Examples]:
    """Examples for prior preservation: images that `pipeline` samples for the prior's prompts.

    This uses the model's own images (Ruiz et al. 2022, arXiv:2208.12242). Kumari et al. use real images with similar
    captions, which requires a data set. The sampled images are saved until the block ends, see `resumable_batches`.
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


def train_group(
    output: Path,
    concepts: Concepts,
    prior: Examples,
    templates: Sequence[str],
    training: TrainingParams,
    num_runs: int,
    depends_on: Sequence[Any],
    accelerator: Accelerator,
    compilation: Compilation,
) -> None:
    """Train all runs and write run_0, run_1, … to `output`.

    Each has the keys and values of the cross-attention, a folder for each concept's embedding, and the log.
    `depends_on`: all parameters of a run other than `training`. Raises DataError or UserError if an input is missing.
    """
    images = {name: load_concept(name) for name in concepts}
    pipeline = load_text_to_image(MODEL).to(accelerator.device)
    add_tokens(pipeline, {concept.token: concept.initializer for concept in concepts.values()})
    examples = [
        concept_examples(pipeline, images[name], concept.token, templates) for name, concept in concepts.items()
    ]
    inputs = [MODEL, *map(concept_file, concepts)]
    runs = seeded_runs(f"custom_diffusion-{output.name}", num_runs, training, depends_on, inputs)
    for run, (seeded, checkpoint) in enumerate(runs):
        set_seed(seeded.seed)
        task = PersonalizationTask(pipeline, len(concepts), cross_attention=True)
        fit(task, joined_examples([*examples, prior]), seeded, accelerator, checkpoint, compilation=compilation)
        folder = run_folder(output, run)
        for (name, concept), embedding in zip(concepts.items(), task.embeddings, strict=True):
            save_embedding(folder / name, concept.token, embedding)
        save_projections(folder, task)
        shutil.copy(checkpoint.log, folder)
        accelerator.free_memory()  # releases the prepared model and optimizer
