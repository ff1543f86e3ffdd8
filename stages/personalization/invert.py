"""Textual inversion for one concept: prepared/concepts/NAME.safetensors → models/inversion/NAME/run_{0..}/."""

import shutil
from typing import Annotated

from difflab.config.personalization import ConceptParams, Templates
from difflab.config.training import TrainingParams
from difflab.stage import Compute, Concept, Section, run


def main(
    name: Concept,
    compute: Compute,
    concept: Annotated[ConceptParams, Section("personalization.concepts.{name}")],
    num_runs: Annotated[int, Section("personalization.num_runs")],
    templates: Annotated[Templates, Section("personalization.templates")],
    training: Annotated[TrainingParams, Section("personalization.inversion")],
) -> None:
    from accelerate.utils import set_seed

    from difflab.pipeline.files import atomic_write
    from difflab.systems.personalization.objective import PersonalizationTask, concept_examples
    from difflab.systems.personalization.paths import concept_file, inversion_folder, load_concept, run_folder
    from difflab.systems.personalization.weights import add_tokens, save_embedding
    from difflab.systems.text_to_image.model_folder import MODEL, load_text_to_image
    from difflab.training.checkpoint import seeded_runs
    from difflab.training.device import make_accelerator
    from difflab.training.fit import fit

    accelerator = make_accelerator(compute)
    images = load_concept(name)
    pipeline = load_text_to_image(MODEL).to(accelerator.device)
    add_tokens(pipeline, {concept.token: concept.initializer})
    data = concept_examples(pipeline, images, concept.token, templates)
    key, inputs = [compute, concept, templates], [concept_file(name), MODEL]
    with atomic_write(inversion_folder(name)) as output:
        runs = seeded_runs(f"invert-{name}", num_runs, training, key, inputs)
        for number, (seeded, checkpoint) in enumerate(runs):
            set_seed(seeded.seed)
            task = PersonalizationTask(pipeline, num_tokens=1, cross_attention=False)
            fit(task, data, seeded, accelerator, checkpoint, compilation=compute.compile)
            save_embedding(run_folder(output, number), concept.token, task.embeddings[0])
            shutil.copy(checkpoint.log, run_folder(output, number))


if __name__ == "__main__":
    run(main, shared=True)
