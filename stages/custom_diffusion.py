"""Custom Diffusion of all concepts: prepared/concepts/, models/text_to_image/ → models/custom_diffusion/."""

import argparse
import shutil

from difflab.params import (
    ComputeParams,
    Concepts,
    CustomDiffusionParams,
    GuidedSamplingParams,
    Templates,
    load_section,
)
from difflab.stage import run


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    compute = load_section(ComputeParams, "compute")
    concepts = load_section(Concepts, "personalization.concepts")
    templates = load_section(Templates, "personalization.templates")
    params = load_section(CustomDiffusionParams, "personalization.custom_diffusion")
    sampling = load_section(GuidedSamplingParams, "personalization.sampling")

    from accelerate.utils import set_seed

    from difflab.device import make_accelerator
    from difflab.outputs import written_whole
    from difflab.personalization.places import CUSTOM_DIFFUSION, concept_file, load_concept
    from difflab.personalization.prior import drawn_prior
    from difflab.personalization.rows import concept_rows, joined
    from difflab.personalization.task import PersonalizationTask
    from difflab.personalization.weights import add_tokens, save_embedding, save_projections
    from difflab.text_to_image.model_folder import MODEL, load_text_to_image
    from difflab.training.checkpoint import rolling_checkpoint
    from difflab.training.fit import fit

    accelerator = make_accelerator(compute)
    set_seed(params.training.seed)
    images = {name: load_concept(name) for name in concepts}
    pipeline = load_text_to_image(MODEL).to(accelerator.device)
    add_tokens(pipeline, {concept.token: concept.initializer for concept in concepts.values()})
    rows = [concept_rows(pipeline, images[name], concept.token, templates) for name, concept in concepts.items()]
    everything, inputs = [compute, concepts, templates, params, sampling], [MODEL, *map(concept_file, concepts)]
    with (
        drawn_prior(pipeline, params.prior, sampling, everything, inputs) as prior,
        rolling_checkpoint("custom_diffusion", everything, inputs) as checkpoint,
    ):
        task = PersonalizationTask(pipeline, len(concepts), cross_attention=True)
        fit(task, joined([*rows, prior]), params.training, accelerator, checkpoint)
        with written_whole(CUSTOM_DIFFUSION) as folder:
            for (name, concept), embedding in zip(concepts.items(), task.embeddings, strict=True):
                save_embedding(folder / name, concept.token, embedding)
            save_projections(folder, task)
            shutil.copy(checkpoint.log, folder)


if __name__ == "__main__":
    run(main)
