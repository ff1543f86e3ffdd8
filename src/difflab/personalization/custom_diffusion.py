"""Custom Diffusion (Kumari et al. 2022) of one group of concepts, once for each training seed."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from accelerate import Accelerator
from accelerate.utils import set_seed

from difflab.config.language import Concepts
from difflab.config.training import TrainingParams
from difflab.systems.personalization.objective import Examples, PersonalizationTask, concept_examples, joined_examples
from difflab.systems.personalization.paths import concept_file, load_concept, run_folder
from difflab.systems.personalization.weights import add_tokens, save_embedding, save_projections
from difflab.systems.text_to_image.model_folder import MODEL, load_text_to_image
from difflab.training.checkpoint import seeded_runs
from difflab.training.fit import fit


def train_group(
    output: Path,
    concepts: Concepts,
    prior: Examples,
    templates: Sequence[str],
    training: TrainingParams,
    num_runs: int,
    depends_on: Sequence[Any],
    accelerator: Accelerator,
) -> None:
    """Write run_0, run_1, … to `output`: the keys and values of the cross-attention, and a folder for each concept.

    `depends_on`: all parameters of a run but `training`. Raises DataError or UserError where an input is missing.
    """
    images = {name: load_concept(name) for name in concepts}
    pipeline = load_text_to_image(MODEL).to(accelerator.device)
    add_tokens(pipeline, {concept.token: concept.initializer for concept in concepts.values()})
    rows = [concept_examples(pipeline, images[name], concept.token, templates) for name, concept in concepts.items()]
    inputs = [MODEL, *map(concept_file, concepts)]
    runs = seeded_runs(f"custom_diffusion-{output.name}", num_runs, training, depends_on, inputs)
    for run, (seeded, checkpoint) in enumerate(runs):
        set_seed(seeded.seed)
        task = PersonalizationTask(pipeline, len(concepts), cross_attention=True)
        fit(task, joined_examples([*rows, prior]), seeded, accelerator, checkpoint)
        folder = run_folder(output, run)
        for (name, concept), embedding in zip(concepts.items(), task.embeddings, strict=True):
            save_embedding(folder / name, concept.token, embedding)
        save_projections(folder, task)
        shutil.copy(checkpoint.log, folder)
        accelerator.free_memory()  # it keeps what it has prepared
